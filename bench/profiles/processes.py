"""The programs of a run: brokers, the hub, the clients. Each ends with the run, and is ended by its
own id.
"""

import ctypes
import glob
import json
import os
import pwd
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time

DESCRIPTOR_LIMIT = 20_000
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Unmeasured(Exception):
    """The run could not be made; the text says why."""


def die_with_parent():
    """Runs in a child before exec."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def hub_limits():
    """The hub's descriptors are the ones it is promised for."""
    die_with_parent()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    limit = DESCRIPTOR_LIMIT if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTOR_LIMIT)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(condition, what, seconds=30.0, every=0.02):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise Unmeasured(f"waited {seconds:.0f} s for {what}")
        time.sleep(every)


def accepts(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def kept_environment():
    # Nothing of this shell's environment may set a program up.
    return {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}


class Program:
    """A child process with its output in a file; a context manager."""

    def __init__(self, command, env=None, cwd=None, before=die_with_parent, pipes=False, **more):
        self.log = tempfile.TemporaryFile(mode="w+")
        self.name = os.path.basename(command[0])
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            command, stdin=pipe if pipes else subprocess.DEVNULL,
            stdout=pipe if pipes else self.log, stderr=self.log, cwd=cwd, preexec_fn=before,
            env={**kept_environment(), **(env or {})}, text=True, **more)

    def text(self):
        return os.pread(self.log.fileno(), 1 << 20, 0).decode(errors="replace")

    def require_alive(self):
        if self.process.poll() is not None:
            raise Unmeasured(f"{self.name} has ended:\n{self.text()[-2000:]}")

    def until(self, condition, what, seconds=30.0):
        def is_done():
            self.require_alive()
            return condition()
        until(is_done, what, seconds)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()


class Redis(Program):
    def __init__(self):
        self.port = free_port()
        super().__init__(["redis-server", "--port", str(self.port), "--bind", "127.0.0.1",
                          "--save", "", "--appendonly", "no"], cwd=tempfile.gettempdir())
        self.until(lambda: accepts(self.port), "redis-server")
        self.url = f"redis://127.0.0.1:{self.port}"


class Nats(Program):
    def __init__(self):
        self.port = free_port()
        self.directory = tempfile.TemporaryDirectory(prefix="livehub-nats-")
        super().__init__(["nats-server", "-a", "127.0.0.1", "-p", str(self.port), "-js", "-sd",
                          self.directory.name])
        self.until(lambda: accepts(self.port), "nats-server")
        self.url = f"nats://127.0.0.1:{self.port}"

    def __exit__(self, *_):
        super().__exit__()
        self.directory.cleanup()


class Postgres(Program):
    """In a directory of its own, as a user without privileges, since it refuses root."""

    def __init__(self):
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"),
                       key=lambda path: float(path.split("/")[4]))
        if not found:
            raise Unmeasured("PostgreSQL's server is not installed: make deps")
        self.directory = tempfile.mkdtemp(prefix="livehub-pg-")
        who = {}
        if os.getuid() == 0:
            nobody = pwd.getpwnam("nobody")
            who = {"user": nobody.pw_uid, "group": nobody.pw_gid}
            os.chown(self.directory, nobody.pw_uid, nobody.pw_gid)
        data = os.path.join(self.directory, "data")
        made = subprocess.run(
            [os.path.join(os.path.dirname(found[-1]), "initdb"), "-D", data, "-U", "owner", "-A",
             "trust", "-E", "UTF8", "--locale", "C", "--no-sync", "--no-instructions"],
            capture_output=True, text=True, cwd=self.directory, check=False,
            env={**kept_environment(), "LC_ALL": "C"}, **who)
        if made.returncode != 0:
            raise Unmeasured("initdb: " + made.stderr[-2000:])
        self.port = free_port()
        super().__init__(
            [found[-1], "-D", data, "-p", str(self.port), "-k", self.directory, "-c",
             "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "log_min_messages=warning"],
            cwd=self.directory, env={"LC_ALL": "C"}, **who)
        self.socket = os.path.join(self.directory, f".s.PGSQL.{self.port}")
        self.until(lambda: os.path.exists(self.socket), "postgres")
        self.url = f"postgres://owner@127.0.0.1:{self.port}/postgres"

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        super().__exit__()
        shutil.rmtree(self.directory, ignore_errors=True)


class Hub(Program):
    def __init__(self, binary, profile, io, shards, env):
        super().__init__([binary, "serve", "--profile", profile, "--port", "0", "--admin-port",
                          "auto", "--io", io, "--shards", str(shards)], env=env, before=hub_limits)
        self.until(self.find_ports, "the hub's listening line")

    def find_ports(self):
        for line in self.text().splitlines():
            if "livehub listening port=" in line:
                self.port = int(line.split("port=")[1].split()[0])
                self.admin_port = int(line.split("admin=")[1].split()[0])
                return True
        return False

    def is_ready(self):
        with socket.create_connection(("127.0.0.1", self.admin_port), 5) as link:
            link.sendall(b"GET /ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            return b" 200 " in link.recv(64)

    def cpu_ns(self):
        """On-CPU time of all threads, the kernel's work for them included."""
        total = 0
        for path in glob.glob(f"/proc/{self.process.pid}/task/*/schedstat"):
            with open(path, encoding="ascii") as file:
                total += int(file.read().split()[0])
        return total

    def memory_bytes(self):
        with open(f"/proc/{self.process.pid}/smaps_rollup", encoding="ascii") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("Rss:"))


class Fleet(Program):
    """The clients; told what to do line by line."""

    def __init__(self, binary, hub, plan, processes):
        self.seats = tempfile.NamedTemporaryFile("w", prefix="livehub-seats-")
        for seat in plan.seats:
            self.seats.write("\t".join(map(str, seat)) + "\n")
        self.seats.flush()
        header = ["--header", plan.header] if plan.header else []
        super().__init__([binary, "--port", str(hub.port), "--seats", self.seats.name, "--wire",
                          plan.wire, "--ready", plan.ready, "--processes", str(processes),
                          "--window", str(plan.window), *header], pipes=True)

    def report(self):
        self.require_alive()
        self.process.stdin.write("report\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def send(self, rate, seconds):
        self.process.stdin.write(f"send {rate} {seconds}\n")
        self.process.stdin.flush()

    def __exit__(self, *_):
        self.process.stdin.close()
        super().__exit__()
        self.seats.close()
