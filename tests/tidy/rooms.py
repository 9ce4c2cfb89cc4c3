"""The arrows between rooms: an include goes only downwards, and only where CMakeLists.txt links.

The levels stand here, the arrows in the link lists (a room's link list is its permission to
include). So neither can be loosened alone.
"""

import re

from rule import ROOT, Rule

LEVEL = {
    "base": 0,
    "io": 1,
    "wire": 1,
    "shard": 2,
    "hub": 2,
    "auth": 2,
    "session": 3,
    "source": 3,
    "profile": 4,
    "server": 5,
    "tool": 6,
}
# The commands read the settings and ask the machine; the engine they meet over the network only.
TOOL_MAY_INCLUDE = {
    "io/io.h",
    "profile/profiles.h",
    "server/command_line.h",
    "server/config_file.h",
    "server/machine.h",
    "server/machine_count.h",
    "server/setting_table.h",
    "server/settings.h",
    "source/pg_setup.h",
}
# Beside the public API, what a profile may use of other rooms: pure helpers only.
PROFILE_MAY_INCLUDE = {
    "wire/json_gate.h",
    "wire/url.h",
    "wire/utf8.h",
    "auth/bearer.h",
    "auth/origin.h",
    "auth/push_signature.h",
    "auth/replay_guard.h",
    "auth/shared_replay_guard.h",
    "auth/jwt.h",
    "source/http_call.h",
    "source/http_client.h",
    "source/http_task.h",
    "source/jwks.h",
    "source/redis.h",
    "source/nats.h",
    "source/nats_subscriber.h",
    "source/nats_stream.h",
    "source/nats_subject.h",
    "source/wall_clock.h",
    "source/postgres.h",
}
# Rooms that are pure: time and randomness are arguments, nothing is opened, no thread is started.
PURE = ("base", "wire", "hub", "auth", "profile")
IMPURE_HEADERS = re.compile(
    r"^(sys/(socket|epoll|eventfd|timerfd|sendfile|wait|stat)\.h|unistd\.h|fcntl\.h|netdb\.h|"
    r"poll\.h|netinet/.*|arpa/.*|liburing\.h|thread|mutex|condition_variable|future|"
    r"chrono|ctime|time\.h|fstream|filesystem)$"
)
# Base holds the words for what the machine gives; these of its files ask the machine itself.
IMPURE_ALLOWED = {
    "src/base/clock.h": "reads the clocks",
    "src/base/log.h": "writes lines with a time",
    "src/base/log.cc": "writes lines with a time",
    "src/base/memory_budget.cc": "asks for the machine's memory",
    "src/base/mirrored_buffer.cc": "maps memory twice",
    "src/profile/iso_time.cc": "the calendar, no clock",
    "src/base/slab.h": "returns memory to the kernel",
}


def arrows():
    """room -> rooms it is linked to, as CMakeLists.txt has it."""
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    found = {}
    for match in re.finditer(r"^livehub_room\((\w+)\s*([^)]*)\)", text, re.M):
        words = match[2].split()
        start = words.index("ROOMS") + 1 if "ROOMS" in words else len(words)
        end = words.index("PARTS") if "PARTS" in words else len(words)
        found[match[1]] = set(words[start:end] if start < end else words[start:])
    return found


ARROWS = arrows()


def room_of(path):
    match = re.match(r"src/(\w+)/", path)
    return match[1] if match else None


def includes(source):
    for number, line in enumerate(source.code_lines, 1):
        match = re.match(r'\s*#\s*include\s+(["<])([^">]+)[">]', line)
        if match:
            yield number, match[1] == '"', match[2]


def check_arrows(source):
    own = room_of(source.path)
    for number, quoted, header in includes(source):
        room = header.split("/")[0]
        if not quoted or room == own:
            continue
        if "/" not in header:
            yield number, f'write "{own}/{header}": includes start at src/ or include/'
        elif room == "livehub":
            if own is not None and LEVEL.get(own, 0) < LEVEL["session"]:
                yield number, f"{own} is below the public API and must not know it"
        elif room not in LEVEL:
            yield number, f"{room} is not a room"
        elif source.path.startswith("include/"):
            yield number, "the public API must stand alone: only the standard library and livehub/"
        elif own is None:
            if LEVEL[room] < LEVEL["server"]:
                yield number, "main.cc only starts: include server/ or tool/"
        elif LEVEL[room] >= LEVEL[own]:
            yield number, f"{own} must not include {room}: an include goes only downwards"
        elif room not in ARROWS.get(own, set()):
            yield number, f"{own} is not linked to {room} in CMakeLists.txt"


def check_profile(source):
    for number, quoted, header in includes(source):
        room = header.split("/")[0]
        fine = room in ("livehub", "base", "profile") or header in PROFILE_MAY_INCLUDE
        if quoted and not fine:
            yield number, f"a profile stands on include/livehub/, not on {header}"


def check_tool(source):
    for number, quoted, header in includes(source):
        room = header.split("/")[0]
        fine = room in ("tool", "base", "wire") or header in TOOL_MAY_INCLUDE
        if quoted and not fine:
            yield number, f"a command asks the hub over the network, not through {header}"


def check_purity(source):
    if source.path in IMPURE_ALLOWED:
        return
    for number, quoted, header in includes(source):
        if not quoted and IMPURE_HEADERS.match(header):
            room = room_of(source.path)
            yield number, f"{room} is pure: <{header}> belongs to io, shard or server"


def check_levels(source):
    """CMakeLists.txt itself: no arrow may be added that goes up or sideways."""
    for number, line in enumerate(source.lines, 1):
        match = re.match(r"livehub_room\((\w+)", line)
        if not match:
            continue
        room = match[1]
        if room not in LEVEL:
            yield number, f"{room} has no level in tests/tidy/rooms.py"
            continue
        arguments = re.search(rf"livehub_room\({room}\s*([^)]*)\)", source.text)[1]
        for other in arguments.split("PARTS")[0].split():
            if other != "ROOMS" and LEVEL.get(other, 99) >= LEVEL[room]:
                yield number, f"the arrow from {room} to {other} does not go down"


def in_sources(path):
    return path.startswith(("src/", "include/")) and path.endswith((".h", ".cc"))


def in_pure_room(path):
    return in_sources(path) and room_of(path) in PURE


RULES = [
    Rule("arrows", in_sources, check_arrows, ("src/hub/a.cc", '#include "wire/sse.h"\n')),
    Rule(
        "arrows-apart",
        in_sources,
        check_arrows,
        ("src/session/a.cc", '#include "source/redis.h"\n'),
    ),
    Rule(
        "profile-stands-on-api",
        lambda path: path.startswith("src/profile/"),
        check_profile,
        ("src/profile/a.cc", '#include "session/front.h"\n'),
    ),
    Rule(
        "tool-stays-outside",
        lambda path: path.startswith("src/tool/"),
        check_tool,
        ("src/tool/a.cc", '#include "server/engine_state.h"\n'),
    ),
    Rule("pure-rooms", in_pure_room, check_purity, ("src/hub/a.cc", "#include <mutex>\n")),
    Rule(
        "room-levels",
        lambda path: path == "CMakeLists.txt",
        check_levels,
        ("CMakeLists.txt", "livehub_room(hub ROOMS base session)\n"),
    ),
]
