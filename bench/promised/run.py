"""What was asked for, what has been found so far, and how a line of the table looks."""

import contextlib
import os

import harness
from harness import Unmeasured

PROTOCOL_NAMES = {"ws": "WebSocket", "sse": "SSE"}


class Run:
    def __init__(self, arguments):
        self.server = arguments.server
        self.program = arguments.bench
        self.rooms = os.path.join(os.path.normpath(arguments.build), "livehub-rooms")
        self.quick = arguments.quick
        self.backends = arguments.io.split(",")
        self.protocols = arguments.protocol.split(",")
        self.pairs = 5 if arguments.quick else 15
        self.pinned = ["--pin"] if arguments.pin else []
        self.shards_default = len(os.sched_getaffinity(0))
        self.warned = set()  # of the current figure
        self.results = []
        self.costs = {}  # by name, backend and protocol: what bench/capacity asks for
        self.raw = []

    def bench(self, scenario, *options):
        """Runs one scenario of livehub-bench and returns its JSON object."""
        found, command = harness.run_bench(self.program, scenario, *options)
        self.raw.append({"command": command, "found": found})
        for sentence in found["warnings"]:
            if sentence not in self.warned:
                print(f"    warning: {sentence}", flush=True)
            self.warned.add(sentence)
        if found["failures"]:
            raise Unmeasured("; ".join(found["failures"]))
        return found

    def in_turns(self, protocol, *options, backends=None, shards=(1,)):
        """`floor` with these options: a bare loop and our servers, in turns. With several numbers
        of shards a server's name has its number behind it."""
        with contextlib.ExitStack() as stack:
            targets = []
            for backend in backends or self.backends:
                for count in shards:
                    server = harness.Server(self.server, backend, count)
                    if len(shards) > 1:
                        server.name += str(count)
                    stack.enter_context(server)
                    targets += ["--target", server.target(protocol)]
            return self.bench("floor", "--pairs", self.pairs, *options, *self.pinned, *targets)

    def say(self, what, value, unit, target, met, detail="", decimals=2):
        """One line of the table. `target` is its text, `met` whether it is reached."""
        self.results.append({"what": what, "value": value, "unit": unit, "target": target,
                             "met": bool(met), "detail": detail})
        mark = "ok  " if met else "MISS"
        shown = f"{value:.{decimals}f} {unit}".strip()
        behind = f"   ({detail})" if detail else ""
        print(f"  {mark} {what:<58} {shown:>14}   target {target}{behind}", flush=True)

    def at_most(self, what, value, unit, bound, detail="", decimals=2):
        self.say(what, value, unit, f"<= {bound}", value <= bound, detail, decimals)


def interval(found, key):
    return f"95 %: {found[f'{key}_low']:.2f} to {found[f'{key}_high']:.2f}"
