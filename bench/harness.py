"""Starts the servers that are measured, each a process of its own on a free port, and runs
livehub-bench against them. What bench/figures, bench/comparison and bench/million share.

Python's standard library is all it needs. Every child ends with the process that started it.
"""

import ctypes
import json
import os
import platform
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time

MB = 1_000_000
DESCRIPTOR_LIMIT = 20_000
BACKENDS = ("uring", "epoll")
HERE = os.path.dirname(os.path.abspath(__file__))
NCHAN_MODULE = "/usr/lib/nginx/modules/ngx_nchan_module.so"


class Unmeasured(Exception):
    """A figure could not be measured; the text says why."""


def die_with_parent():
    """Runs in a child before exec: it must not outlive us, and has the limit of the figures."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    limit = DESCRIPTOR_LIMIT if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTOR_LIMIT)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))


def start(command, log=subprocess.DEVNULL):
    # Nothing of this shell's environment may set a server up.
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=kept,
                            preexec_fn=die_with_parent)


class Program:
    """A server as a child process; a context manager. It says on which port it listens."""

    name = "?"
    start_seconds_max = 15

    def __init__(self, command):
        self.command = command
        self.port = None
        self.process = None

    def __enter__(self):
        self.log = tempfile.TemporaryFile(mode="w+")
        self.process = start(self.command, self.log)
        deadline = time.monotonic() + self.start_seconds_max
        while not self.is_listening():
            if self.process.poll() is not None or time.monotonic() > deadline:
                text = self.text()
                self.__exit__()
                raise Unmeasured(f"{self.name} did not start:\n{text[-2000:]}")
            time.sleep(0.01)
        return self

    def is_listening(self):
        found = re.search(r"listening port=(\d+)", self.text())
        self.port = int(found[1]) if found else None
        return found is not None

    def text(self):
        # Not through the shared offset: the server writes at it.
        return os.pread(self.log.fileno(), 1 << 20, 0).decode(errors="replace")

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()

    def base(self, protocol):
        return f"{'ws' if protocol == 'ws' else 'http'}://127.0.0.1:{self.port}"

    def subscribe_url(self, protocol):
        return self.base(protocol) + "/"

    def push_url(self):
        return self.base("http") + "/push"

    def target(self, protocol):
        """As livehub-bench floor --target has it."""
        return ",".join([self.name, self.subscribe_url(protocol), self.push_url(),
                         str(self.process.pid)])

    def options(self):
        return ["--push", self.push_url(), "--server-pid", str(self.process.pid)]


class Server(Program):
    """livehub on free ports, with default settings but for the ones named."""

    def __init__(self, program, backend, shards, more=()):
        super().__init__([program, "serve", "--profile", "live-data", "--port", "0",
                          "--admin-port", "auto", "--shards", str(shards), "--io", backend, *more])
        self.name = backend

    def subscribe_url(self, protocol):
        return self.base(protocol) + ("/api/live/ws" if protocol == "ws" else "/api/live")

    def push_url(self):
        return self.base("http") + "/api/live/push"


class Rooms(Program):
    """The engine with a channel for every path (bench/peers/rooms_hub.cc)."""

    def __init__(self, program, backend, shards):
        super().__init__([program, "--io", backend, "--shards", str(shards)])
        self.name = backend

    def subscribe_url(self, protocol):
        return self.base(protocol) + ("/ws/{channel}" if protocol == "ws" else "/sse/{channel}")

    def push_url(self):
        return self.base("http") + "/push/{channel}"


class Node(Program):
    """One of the scripts in bench/peers."""

    def __init__(self, protocol):
        name = f"node_{protocol}"
        super().__init__(["node", os.path.join(HERE, "peers", name + ".mjs")])
        self.name = name


class Nchan(Program):
    """nginx with Nchan, as one process, with a configuration of its own."""

    name = "nchan"

    def __init__(self):
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        if not (os.access(program, os.X_OK) and os.path.exists(NCHAN_MODULE)):
            raise Unmeasured("nginx with Nchan is not installed: apt-get install nginx "
                             "libnginx-mod-nchan (make bench-compare does it)")
        self.directory = tempfile.mkdtemp(prefix="livehub-nchan-")
        self.free_port = free_port()
        with open(os.path.join(HERE, "peers", "nginx.conf"), encoding="utf-8") as file:
            text = file.read()
        for name, value in (("PORT", self.free_port), ("DIR", self.directory),
                            ("MODULE", NCHAN_MODULE)):
            text = text.replace(f"@{name}@", str(value))
        path = os.path.join(self.directory, "nginx.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        super().__init__([program, "-p", self.directory, "-c", path])

    def is_listening(self):
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", self.free_port)) != 0:
                return False
        self.port = self.free_port
        return True

    def __exit__(self, *_):
        super().__exit__()
        shutil.rmtree(self.directory, ignore_errors=True)

    def subscribe_url(self, protocol):
        return self.base(protocol) + "/sub"

    def push_url(self):
        return self.base("http") + "/pub"


def free_port():
    """Of 127.0.0.1; somebody else may take it before it is used, then the start fails."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def run_bench(program, scenario, *options, shows=False, seconds_max=1000):
    """Runs one scenario of livehub-bench and returns its JSON object. `shows`: its table too."""
    with tempfile.NamedTemporaryFile(mode="r", suffix=".json") as file:
        command = [program, scenario, "--seconds-max", seconds_max - 10, "--json", file.name,
                   *options]
        command = [str(word) for word in command]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, text=True, timeout=seconds_max,
                              stdout=None if shows else subprocess.DEVNULL,
                              stderr=None if shows else subprocess.PIPE,
                              preexec_fn=die_with_parent)
        text = file.read()
    if not text:
        raise Unmeasured(f"{' '.join(command)}: {(done.stderr or '').strip() or 'no result'}")
    return json.loads(text), command


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def machine():
    return {"date": time.strftime("%Y-%m-%d %H:%M"), "kernel": platform.release(),
            "processor": processor(), "cpus": len(os.sched_getaffinity(0)),
            "load_before": os.getloadavg()[0],
            "memory_gb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9}


def print_machine(found):
    print(f"{found['date']}, Linux {found['kernel']}, {found['cpus']} x {found['processor']}, "
          f"{found['memory_gb']:.0f} GB")
    if found["load_before"] > 0.5:
        print(f"  warning: the machine is busy (load {found['load_before']:.1f}); absolute times "
              "will be too high", flush=True)


def missing_program(*programs):
    """A sentence, or nothing."""
    for program in programs:
        if not os.access(program, os.X_OK):
            return f"{program} is missing: build it first (make build, make bench)"
    return None
