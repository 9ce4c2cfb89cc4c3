"""What a connection costs: to accept, in memory, in heartbeats, and when all come back at once."""

import concurrent.futures
import statistics

import harness
from harness import DESCRIPTOR_LIMIT, MB
from promised.run import PROTOCOL_NAMES, interval

# Seconds of a server's own heartbeats, and what they may cost.
HEARTBEAT_SECONDS = {"sse": 15, "ws": 25}


def memory(run):
    """Memory of an idle subscriber, WebSocket and SSE, both backends, 15,000 each at a time."""
    connections, idle_seconds = 15_000, 5 if run.quick else 60
    cases = [(backend, protocol) for backend in run.backends for protocol in run.protocols]

    def measure(case):
        backend, protocol = case
        with harness.Server(run.server, backend, run.shards_default) as server:
            return run.bench("idle", server.subscribe_url(protocol), *server.options(),
                             "-n", connections, "--messages", 10, "--idle-seconds", idle_seconds,
                             "--ping-seconds", 45)

    with concurrent.futures.ThreadPoolExecutor(len(cases)) as pool:
        found_of = list(pool.map(measure, cases))
    bound = (24 * MB + 300 * connections + 2 * MB * run.shards_default) / MB
    for (backend, protocol), found in zip(cases, found_of):
        name = f"{backend}, {PROTOCOL_NAMES[protocol]}"
        each = found["rss_bytes_per_connection"]
        run.costs[f"user bytes {backend} {protocol}"] = each
        run.costs[f"fixed bytes {backend} {protocol}"] = found["rss_before_mb"] * MB
        run.at_most(f"memory of an idle subscriber, {name}", each, "B", 300, decimals=0)
        run.at_most("  the same, against what is aimed at", each, "B", 220, decimals=0)
        total = found["rss_idle_mb"]
        run.say(f"  all of it, {connections} subscribers", total, "MB", f"<= {bound:.1f}",
                total <= bound)
        run.at_most("  after all have left, over before", found["rss_after_over_before"], "", 1.1)


def kernel(run):
    """The kernel's memory for an idle connection, over a bare socket under epoll. One at a time:
    the kernel counts for the whole machine."""
    connections, idle_seconds, rounds = (5_000, 3, 1) if run.quick else (15_000, 5, 3)
    for backend in run.backends:
        for protocol in run.protocols:
            both = [kernel_bytes(run, backend, protocol, connections, idle_seconds)
                    for _ in range(rounds)]
            own, bare = (statistics.median(values) for values in zip(*both))
            run.costs[f"kernel bytes {backend} {protocol}"] = own - bare / 2  # of our end
            run.at_most(f"kernel memory of a connection over a bare one's, {backend}, "
                        f"{PROTOCOL_NAMES[protocol]}", own - bare, "B", 0,
                        f"both ends {own:.0f} B over {bare:.0f} B, medians of {rounds}", decimals=0)


def kernel_bytes(run, backend, protocol, connections, idle_seconds):
    """Bytes for both ends of a connection and of a bare one. Without messages: what those leave in
    the kernel's slabs is no connection's."""
    with harness.Server(run.server, backend, 1) as server:
        found = run.bench("idle", server.subscribe_url(protocol), *server.options(),
                          "-n", connections, "--messages", 0, "--bare",
                          "--idle-seconds", idle_seconds, "--ping-seconds", 0)
    return found["kernel_bytes_per_connection"], found["bare_kernel_bytes_per_connection"]


def connect(run):
    """CPU per accepted WebSocket connection, handshake included: fresh servers, 10,000 each; then
    over a bare loop that accepts, receives and sends a fixed answer, in turns."""
    rounds = 2 if run.quick else 5
    for backend in run.backends:
        costs, rates = [], []
        for _ in range(rounds):
            with harness.Server(run.server, backend, 1) as server:
                found = run.bench("connect", server.subscribe_url("ws"), *server.options(),
                                  "-n", 10_000)
            costs.append(found["cpu_us_per_connection"])
            rates.append(found["connects_per_second"])
        cost = statistics.median(costs)
        run.at_most(f"CPU per accepted WebSocket connection, {backend}", cost, "us", 15,
                    f"{min(costs):.1f} to {max(costs):.1f} us, "
                    f"{statistics.median(rates):.0f} accepted/s")
        run.at_most("  the same, against what is aimed at", cost, "us", 11)
    found = run.in_turns("ws", "--kind", "connect", "-n", 10_000)
    for backend in run.backends:
        own, bare = found[f"{backend}_us_per_connection"], found["bare_us_per_connection"]
        run.at_most(f"  over a bare accept, receive, send loop, {backend}",
                    found[f"{backend}_ratio"], "", 1.3,
                    f"{interval(found, f'{backend}_ratio')}; {own:.1f} us over {bare:.1f} us; "
                    f"{run.pairs} pairs")


def heartbeats(run):
    """15,000 idle connections that get heartbeats: SSE every 15 s over a bare loop that sends as
    many bytes, WebSocket every 25 s, its pongs in it. A pair is a period."""
    connections = 3_000 if run.quick else 15_000
    for protocol in run.protocols:
        seconds = HEARTBEAT_SECONDS[protocol]
        found = run.in_turns(protocol, "--kind", "heartbeats", "-n", connections,
                             "--seconds", seconds)
        for backend in run.backends:
            each, bare = found[f"{backend}_us_per_second"], found["bare_us_per_second"]
            name = f"{backend}, {PROTOCOL_NAMES[protocol]} every {seconds} s"
            ratio = found[f"{backend}_ratio"]
            detail = (f"{interval(found, f'{backend}_ratio')}; a heartbeat "
                      f"{found[f'{backend}_us_per_heartbeat']:.1f} us over "
                      f"{found['bare_us_per_heartbeat']:.1f} us, {run.pairs} pairs")
            if protocol == "sse":
                run.at_most(f"heartbeats over the bare sends, {name}", ratio, "", 1.25, detail)
            else:
                run.at_most(f"heartbeats, CPU a second and connection, {name}", each, "us", 0.45,
                            f"bare sends {bare:.2f} us, ratio {ratio:.2f}; {detail}", decimals=3)


def sixty_thousand(run):
    """60,000 connections in one process, although it may hold 20,000 descriptors."""
    connections, shards = 60_000, 4
    with harness.Server(run.server, "uring", shards) as server:
        found = run.bench("idle", server.subscribe_url("ws"), *server.options(), "-n", connections,
                          "--messages", 1, "--ping-seconds", 0, "--idle-seconds", 1,
                          "--open-seconds", 120, "--quiet-seconds", 20)
    run.say("60,000 connections in one process, all got the message", found["messages"], "",
            f"= {connections}", found["messages"] == connections,
            f"{found['rss_idle_mb']:.1f} MB, {shards} shards", decimals=0)
    descriptors = found["server_descriptors"]
    run.say("  descriptors of that process", descriptors, "", f"< {DESCRIPTOR_LIMIT}",
            descriptors < DESCRIPTOR_LIMIT, decimals=0)


def storm(run):
    """15,000 clients are cut off at once and come back with resume, while messages go on."""
    connections = 5_000 if run.quick else 15_000
    for backend in run.backends:
        for protocol in run.protocols:
            with harness.Server(run.server, backend, run.shards_default) as server:
                url = server.subscribe_url(protocol)
                url += "?last_event_id={id}" if protocol == "ws" else ""
                found = run.bench("storm", url, *server.options(), "-n", connections)
            name = f"{backend}, {PROTOCOL_NAMES[protocol]}"
            run.at_most(f"{connections} clients cut off, all back after, {name}",
                        found["back_seconds"], "s", 5)
            missed = found["lost"] + found["gaps"]
            run.say("  missed", missed, "", "= 0", missed == 0, decimals=0)


def start(run):
    """From starting the program to its line that says that it listens, median of nine."""
    for backend in run.backends:
        times = []
        for _ in range(9):
            with harness.Server(run.server, backend, run.shards_default) as server:
                times.append(server.start_seconds * 1000)
        run.at_most(f"start to listening, {backend}", statistics.median(times), "ms", 50,
                    f"{min(times):.0f} to {max(times):.0f} ms", decimals=0)
