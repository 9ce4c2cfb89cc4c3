#!/usr/bin/env python3
"""Does what the Dockerfile does, step by step, in bare Debian folders, and says how large it gets.

  tests/tools/image.py [--program FILE]   (make image; needs root, debootstrap, a Debian mirror)

No container engine is needed: a stage is a folder, RUN a chroot, COPY a copy. At the end the
image's own command runs in it as the image's user, its health check must pass, and it must end
well on its stop signal. --program takes a program that is built already, and builds none.

The base is debootstrap's minbase without documents, manuals and translations: so the "slim" images
are made.
"""
import argparse
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CACHE = Path(os.environ.get("LIVEHUB_IMAGE_CACHE", "/var/cache/livehub-image"))
SLIM_LEAVES_OUT = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info",
                   "var/cache/apt", "var/lib/apt/lists", "var/log")


def instructions(text):
    """(word, rest) for each instruction; comments and continued lines as Docker reads them."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    found = []
    joined = ""
    for line in lines:
        joined += line.removesuffix("\\")
        if line.endswith("\\"):
            continue
        word, rest = joined.strip().split(None, 1)
        found.append((word, rest.strip()))
        joined = ""
    return found


def megabytes(folder):
    """What lies in a folder, in MB of a million bytes, each file once."""
    seen, total = set(), 0
    for path, directories, files in os.walk(folder):
        for name in directories + files:
            state = os.lstat(os.path.join(path, name))
            if (state.st_dev, state.st_ino) not in seen:
                seen.add((state.st_dev, state.st_ino))
                total += state.st_size
    return total / 1e6


def run(*command, **options):
    subprocess.run([str(word) for word in command], check=True, **options)


def base_folder(release):
    """A bare Debian, made once."""
    folder = CACHE / release
    if not (CACHE / f"{release}.done").exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        print(f"making a bare Debian {release} in {folder}", flush=True)
        with open(CACHE / "debootstrap.log", "w", encoding="utf8") as log:
            made = ("debootstrap", "--variant=minbase", release, folder, mirror())
            run(*made, stdout=log, stderr=log)
        for name in SLIM_LEAVES_OUT:
            shutil.rmtree(folder / name, ignore_errors=True)
            (folder / name).mkdir()
        (folder / "var/cache/apt/archives/partial").mkdir(parents=True)
        (folder / "var/lib/apt/lists/partial").mkdir()
        rules = "".join(f"path-exclude /{name}/*\n" for name in SLIM_LEAVES_OUT[:4])
        (folder / "etc/dpkg/dpkg.cfg.d/slim").write_text(rules, encoding="utf8")
        clean = ('DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb || true"; };\n'
                 'Dir::Cache::pkgcache ""; Dir::Cache::srcpkgcache "";\n'
                 'Acquire::Languages "none";\n')
        (folder / "etc/apt/apt.conf.d/clean").write_text(clean, encoding="utf8")
        (CACHE / f"{release}.done").touch()
    return folder


def mirror():
    """The mirror that this machine itself uses."""
    places = [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("debian*")]
    for place in places:
        lines = place.read_text(encoding="utf8").splitlines() if place.exists() else []
        for word in " ".join(line for line in lines if not line.startswith("#")).split():
            if word.startswith("http") and "security" not in word:
                return word
    return "http://deb.debian.org/debian"


class Stage:
    """A folder that is being made into an image."""

    def __init__(self, base, place):
        self.folder = place
        run("cp", "-a", f"{base}/.", place)
        self.environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        for name in ("http_proxy", "https_proxy", "no_proxy"):
            if name in os.environ:
                self.environment[name] = os.environ[name]
        self.directory, self.user = "/", "root"
        self.words = {}
        self.mounts = []

    def bring_network(self):
        """What a container engine lends: names, and this machine's mirrors."""
        for name in ("etc/resolv.conf", "etc/hosts"):
            shutil.copy(f"/{name}", self.folder / name)
        apt = self.folder / "etc/apt"
        shutil.rmtree(apt / "sources.list.d", ignore_errors=True)
        (apt / "sources.list.d").mkdir()
        (apt / "sources.list").unlink(missing_ok=True)
        if Path("/etc/apt/sources.list").exists():
            shutil.copy("/etc/apt/sources.list", apt)
        for place in Path("/etc/apt/sources.list.d").glob("debian*"):
            shutil.copy(place, apt / "sources.list.d")
        for place in Path("/etc/apt/apt.conf.d").glob("*proxy*"):
            shutil.copy(place, apt / "apt.conf.d")

    def mount(self):
        for name, kind in (("proc", "proc"), ("dev", None)):
            place = self.folder / name
            place.mkdir(exist_ok=True)
            if kind:
                run("mount", "-t", kind, kind, place)
            else:
                run("mount", "--rbind", f"/{name}", place)
                run("mount", "--make-rslave", place)
            self.mounts.insert(0, place)

    def unmount(self):
        while self.mounts:
            subprocess.run(["umount", "-l", str(self.mounts.pop(0))], check=False)

    def command(self, words, **options):
        shell = ["sh", "-c", f"cd {shlex.quote(self.directory)} && exec \"$@\"", "step", *words]
        ids = ["--userspec=nobody:nogroup"] if self.user == "nobody" else []
        # chroot, sh and env become the command: a signal to this process reaches it.
        return subprocess.Popen(["chroot", *ids, str(self.folder), *shell],
                                env=self.environment, **options)

    def run(self, line):
        process = self.command(
            ["sh", "-c", line], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        said, _ = process.communicate()
        if process.returncode != 0:
            sys.exit(f"{said[-4000:]}image: RUN {line}: status {process.returncode}")

    def copy(self, words, stages):
        origin = ROOT
        if words[0].startswith("--from="):
            origin = stages[words.pop(0).removeprefix("--from=")].folder
        target = self.folder / os.path.join(self.directory, words[-1]).lstrip("/")
        for word in words[:-1]:
            source = origin / word.lstrip("/")
            if word == ".":
                copy_context(target)
                continue
            place = target / source.name if words[-1].endswith("/") else target
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, place)


def copy_context(target):
    """What .dockerignore lets in: it leaves out everything and names what comes back."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf8").split()
    assert "*" in lines
    for name in [line[1:] for line in lines if line.startswith("!")]:
        run("cp", "-a", ROOT / name, target)


def do_steps(text, work, program):
    """The last stage, and the size of its base and of what its packages brought."""
    stages, stage, sizes = {}, None, {}
    for word, rest in instructions(text):
        if word == "FROM":
            release = rest.split()[0].removeprefix("debian:").removesuffix("-slim")
            name = rest.split()[2] if " AS " in rest else "last"
            base = base_folder(release)
            sizes["base"] = megabytes(base)
            stage = stages[name] = Stage(base, Path(tempfile.mkdtemp(dir=work)))
            os.chmod(stage.folder, 0o755)
            stage.bring_network()
            stage.mount()
        elif program and stage is stages.get("build"):
            continue
        else:
            print(f"{word} {rest}"[:100], flush=True)
            step(stage, word, rest, stages, program)
    return stages, sizes


def step(stage, word, rest, stages, program):
    if word == "RUN":
        stage.run(rest)
    elif word == "WORKDIR":
        stage.directory = rest
        (stage.folder / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
    elif word == "COPY" and program and "--from=" in rest:
        target = stage.folder / rest.split()[-1].lstrip("/")
        run("strip", "-o", target, program)
    elif word == "COPY":
        stage.copy(rest.split(), stages)
    elif word == "ENV":
        stage.environment |= dict(pair.split("=") for pair in rest.split())
    elif word == "USER":
        stage.user = rest
    elif word in ("EXPOSE", "STOPSIGNAL", "CMD", "HEALTHCHECK"):
        stage.words[word] = rest
    else:
        sys.exit(f"image: {word} is not known to tests/tools/image.py")


def try_it(stage):
    """Starts it, asks its health, stops it, as an engine would."""
    # The image's ports may be taken on this machine.
    stage.environment |= {"PORT": "0", "ADMIN_PORT": os.environ.get("LIVEHUB_IMAGE_PORT", "39091")}
    server = stage.command(json.loads(stage.words["CMD"]), stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout.readline().startswith("livehub listening")
        check = json.loads(stage.words["HEALTHCHECK"].split("CMD", 1)[1])
        healthy = stage.command(check).wait()
        server.send_signal(signal.Signals[stage.words["STOPSIGNAL"]])
        ended = server.wait(timeout=60)
    finally:
        server.kill()
    if healthy or ended:
        sys.exit(f"image: health check {healthy}, end {ended}; both must be 0")
    print("it runs as nobody, is healthy, and ends well on its stop signal")


def main():
    words = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    words.add_argument("--program", help="take this program instead of building one")
    program = words.parse_args().program
    if os.getuid() != 0:
        sys.exit("image: chroot and mount need root")
    if not shutil.which("debootstrap"):
        sys.exit("image: debootstrap is not installed")
    started = time.monotonic()
    work = tempfile.mkdtemp(prefix="livehub-image-")
    os.chmod(work, 0o755)
    stages = {}
    try:
        text = (ROOT / "Dockerfile").read_text(encoding="utf8")
        stages, sizes = do_steps(text, work, program)
        last = stages["last"]
        try_it(last)
        last.unmount()
        whole, binary = megabytes(last.folder), last.folder / "usr/local/bin/livehub"
        own = binary.stat().st_size / 1e6
        print(f"image: {whole:.1f} MB unpacked: the bare Debian {sizes['base']:.1f}, "
              f"libraries {whole - sizes['base'] - own:.1f}, the program {own:.1f} "
              f"({time.monotonic() - started:.0f} s)")
    finally:
        mounts = Path("/proc/mounts").read_text(encoding="utf8").splitlines()
        for place in [line.split()[1] for line in reversed(mounts)]:
            if place.startswith(f"{work}/"):
                subprocess.run(["umount", "-l", place], check=False)
        run("rm", "-rf", "--one-file-system", work)


if __name__ == "__main__":
    main()
