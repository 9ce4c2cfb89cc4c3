"""What channels and pushes cost."""

import harness


def rooms_server(run, backend, rooms):
    return harness.Rooms(run.rooms, backend, max(run.shards_default, rooms // 15_000 + 1))


def count_of(backend, rooms):
    """The epoll backend holds a descriptor for each connection."""
    return rooms if backend == "uring" else min(rooms, 15_000)


def channels(run):
    """100,000 channels of one subscriber each, 10,000 pushes/s, over one channel per delivery."""
    rooms, rate, seconds = (20_000, 2_000, 3) if run.quick else (100_000, 10_000, 10)
    for backend in run.backends:
        count = count_of(backend, rooms)
        with rooms_server(run, backend, rooms) as server:
            found = run.bench("rooms", server.subscribe_url("ws"), *server.options(),
                              "--rooms", count, "--room-size", 1, "--rate", rate,
                              "--seconds", seconds, "--open-seconds", 120)
        own, one = found["rooms_us_per_delivery"], found["one_us_per_delivery"]
        run.at_most(f"{count} channels of one, CPU per delivery over one channel's, {backend}",
                    found["ratio"], "", 1.5,
                    f"{own:.2f} us over {one:.2f} us, pushes of "
                    f"{found['rooms_us_per_publish']:.1f} and {found['one_us_per_publish']:.1f} us "
                    "taken off; a bare loop that wakes for each: "
                    f"{found['bare_us_per_delivery']:.2f} us")


def idle_channels(run):
    """Memory of 100,000 idle channels of one subscriber each, less what as many subscribers of one
    channel take: fresh servers, nothing sent."""
    rooms, idle_seconds = (20_000, 5) if run.quick else (100_000, 60)
    for backend in run.backends:
        count = count_of(backend, rooms)
        each = {}
        for channels_count in (count, 1):
            with rooms_server(run, backend, rooms) as server:
                found = run.bench("idle", server.subscribe_url("ws"), "--server-pid",
                                  server.process.pid, "-n", count, "--rooms", channels_count,
                                  "--idle-seconds", idle_seconds, "--ping-seconds", 0,
                                  "--open-seconds", 120)
            each[channels_count] = found["rss_bytes_per_connection"]
        run.at_most(f"memory of an idle channel beside its subscriber, {backend}",
                    each[count] - each[1], "B", 200,
                    f"{count} of them: {each[count]:.0f} B with its subscriber, {each[1]:.0f} B a "
                    "subscriber of one channel", decimals=0)


def publish(run):
    """Pushes over HTTP with nobody listening: keep-alive, 16 connections, one request at a time."""
    for backend in run.backends:
        with harness.Server(run.server, backend, 1) as server:
            found = run.bench("saturate", server.subscribe_url("ws"), *server.options(), "-n", 0,
                              "--publishers", 16, "--window", 0, "--seconds", 2 if run.quick else 8)
        run.at_most(f"CPU per push, nobody listening, {backend}", found["cpu_us_per_push"], "us",
                    10, f"{found['pushes']:.0f} pushes")
