"""What a delivery costs and how long it takes: paced, saturated, on two shards, beside readers that
are slow."""

import statistics

import harness
from harness import Unmeasured
from promised.run import PROTOCOL_NAMES, interval


def delivery(run):
    """CPU per delivery over a bare loop of send(): 10,000 sockets, 128 bytes, 20/s, in turns; and
    p99 latency over the time in which the loop reaches its last socket.

    A pair in which one side was late, and so sent messages together, does not count. A machine that
    is too slow for 20/s with its clients beside it is asked for 10, then for 5.
    """
    seconds = 1 if run.quick else 2
    too_busy = []
    for protocol in run.protocols:
        for rate in (20, 10, 5):
            found = run.in_turns(protocol, "-n", 10_000, "--rate", rate, "--bytes", 128,
                                 "--seconds", seconds)
            late = [b for b in run.backends if found[f"{b}_pairs"] * 2 <= run.pairs]
            if not late:
                break
        for backend in run.backends:
            if backend in late:
                too_busy.append(f"{backend}, {PROTOCOL_NAMES[protocol]}: "
                                f"{found[f'{backend}_pairs']:.0f} of {run.pairs} pairs count")
            else:
                run.costs[f"paced us {backend} {protocol}"] = found[f"{backend}_us_per_delivery"]
                say_delivery(run, found, backend, PROTOCOL_NAMES[protocol], rate)
    if too_busy:
        raise Unmeasured("the machine is too busy: " + "; ".join(too_busy))


def say_delivery(run, found, backend, protocol, rate):
    ratio, high = found[f"{backend}_ratio"], found[f"{backend}_ratio_high"]
    own, bare = found[f"{backend}_us_per_delivery"], found["bare_us_per_delivery"]
    run.at_most(f"CPU per delivery over the bare loop, {backend}, {protocol}", ratio, "", 1.25,
                f"{interval(found, f'{backend}_ratio')}; {own:.2f} us over {bare:.2f} us; "
                f"{found[f'{backend}_pairs']:.0f} of {run.pairs} pairs at {rate}/s")
    run.say("  the same, against what is aimed at", ratio, "", "<= 1.05, interval to 1.10",
            ratio <= 1.05 and high <= 1.10, f"interval to {high:.3f}", decimals=3)
    run.at_most("  p99 latency over the loop's time to its last socket",
                found[f"{backend}_latency_ratio"], "", 1.1,
                f"{interval(found, f'{backend}_latency_ratio')}; "
                f"{found[f'{backend}_latency_p99_ms']:.1f} ms over "
                f"{found['bare_reach_ms']:.1f} ms; the loop's own p99 "
                f"{found['bare_latency_p99_ms']:.1f} ms")


def saturate(run):
    """1,000 subscribers, as fast as it goes: CPU per delivery and latency; then over a bare loop
    that sends as many bytes at once as each turn reached, pushes taken off."""
    rounds, seconds = (1, 4) if run.quick else (3, 10)
    for backend in run.backends:
        found_of = []
        for _ in range(rounds):
            with harness.Server(run.server, backend, 1) as server:
                found_of.append(run.bench("saturate", server.subscribe_url("ws"), *server.options(),
                                          "-n", 1000, "--seconds", seconds, "--publishers", 64,
                                          *run.pinned))
        middle = {key: statistics.median(found[key] for found in found_of)
                  for key in ("cpu_us_per_delivery", "latency_p99_ms", "deliveries_per_second",
                              "batch")}
        run.costs[f"saturated us {backend}"] = middle["cpu_us_per_delivery"]
        run.at_most(f"saturated, CPU per delivery, {backend}", middle["cpu_us_per_delivery"], "us",
                    0.16, f"{middle['deliveries_per_second'] / 1e6:.2f} M deliveries/s, "
                    f"{middle['batch']:.0f} messages a receive", decimals=3)
        p99 = middle["latency_p99_ms"]
        run.say(f"saturated, p99 latency, {backend}", p99, "ms", "< 50", p99 < 50, decimals=1)
    found = run.in_turns("ws", "--kind", "saturate", "-n", 1000, "--bytes", 128,
                         "--seconds", 1 if run.quick else 2)
    for backend in run.backends:
        own, bare = found[f"{backend}_us_per_delivery"], found[f"{backend}_bare_us_per_delivery"]
        run.at_most(f"saturated, over bare sends as large, {backend}", found[f"{backend}_ratio"],
                    "", 1.15, f"{interval(found, f'{backend}_ratio')}; {own:.3f} us over "
                    f"{bare:.3f} us, {found[f'{backend}_batch']:.0f} messages a send; a push of "
                    f"{found[f'{backend}_us_per_push']:.1f} us taken off; {run.pairs} pairs")


def burst(run):
    """Two shards over one: messages to 10,000 clients that stand still, so that both CPUs are the
    server's and all of it goes into their receive buffers; 20 a turn, one after the other."""
    connections = 2_000 if run.quick else 10_000
    for protocol in run.protocols:
        for backend in run.backends:
            found = run.in_turns(protocol, "--kind", "burst", "-n", connections, "--messages", 20,
                                 "--bytes", 128, "--processes", 2, backends=[backend],
                                 shards=(1, 2))
            two = f"{backend}2"
            name = f"{backend}, {PROTOCOL_NAMES[protocol]}"
            speedup, cost = found[f"{two}_speedup"], found[f"{two}_cpu_ratio"]
            run.say(f"burst, wall time of one shard over two, {name}", speedup, "", ">= 1.7",
                    speedup >= 1.7, f"{interval(found, f'{two}_speedup')}; "
                    f"{found[f'{backend}1_wall_ms']:.0f} ms over {found[f'{two}_wall_ms']:.0f} ms; "
                    f"{found[f'{backend}1_batch']:.2f} and {found[f'{two}_batch']:.2f} messages a "
                    f"send; {run.pairs} pairs")
            run.at_most("  CPU per delivery of two shards over one", cost, "", 1.1,
                        f"{interval(found, f'{two}_cpu_ratio')}; "
                        f"{found[f'{two}_us_per_delivery']:.2f} us over "
                        f"{found[f'{backend}1_us_per_delivery']:.2f} us")


def slow(run):
    """10,000 subscribers, ten pushes of 250,000 bytes, one in ten never reads."""
    connections = 2_000 if run.quick else 10_000
    for backend in run.backends:
        with harness.Server(run.server, backend, 1) as server:
            found = run.bench("slow", server.subscribe_url("ws"), *server.options(),
                              "-n", connections, "--messages", 10, "--bytes", 250_000,
                              "--never-read-every", 10)
        grown, got = found["rss_growth_mb"], found["reader_deliveries"]
        wanted = 10 * found["readers"]
        run.say(f"one in ten never reads, memory grows by, {backend}", grown, "MB", "< 64",
                grown < 64, f"{connections} subscribers, {found['delivery_seconds']:.0f} s, "
                f"kernel's buffers {found['tcp_growth_mb']:.0f} MB")
        run.say("  messages that the readers got", got, "", f"= {wanted:.0f}", got == wanted,
                decimals=0)
