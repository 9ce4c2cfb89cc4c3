#!/usr/bin/env python3
"""Runs every part of the tests and ends with one line: 'N passed, N failed'.

    python3 tests/run.py [--full] [--build DIR] [--only PART]

The parts have a budget each, together less than the 15 minutes that `make test` may take on two
cores from a fresh checkout (the packages take the rest). A part over its budget is named; one that
is far over it is ended and counts as failed. With --build, a sanitizer's or the coverage build is
tested instead.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as ElementTree

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUDGET_SECONDS = {"build": 300, "unit": 150, "tidy": 10, "integration": 420}
# A hang must end; a busy machine must not fail. The long forms and instrumented builds take their
# time.
HARD_END_FACTOR = 3
SLOW_BUILD_FACTOR = 4
FULL_FACTOR = 6
SANITIZERS = {
    "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1:abort_on_error=0",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": "second_deadlock_stack=1:halt_on_error=1:suppressions="
    + os.path.join(ROOT, "tests", "tsan.suppressions"),
}


class Part:
    """What one part of the tests came to."""

    def __init__(self, passed=0, failed=0):
        self.passed = passed
        self.failed = failed


def run(command, seconds, env=None, capture=False):
    """Runs a command as a group of its own; (exit code, output). Code None: ended at `seconds`."""
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        start_new_session=True,
        text=True,
        stdout=subprocess.PIPE if capture else None,
        stderr=subprocess.STDOUT if capture else None,
    )
    try:
        output, _ = process.communicate(timeout=seconds)
        return process.returncode, output or ""
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        return None, output or ""
    except KeyboardInterrupt:
        os.killpg(process.pid, signal.SIGTERM)
        raise


def build(options, seconds):
    code, output = run(["ninja", "-C", options.build, "--quiet"], seconds, capture=True)
    if code != 0:
        sys.stdout.write(output[-20000:])
        return Part(failed=1)
    return Part()


def cases(output):
    """GoogleTest's own counts, from what a program printed; None where it is no such program."""
    ran = re.findall(r"^\[==========\] (\d+) tests? from .* ran\.", output, re.M)
    if not ran:
        return None
    named = r"^\[ {{2}}{} *\] (\d+) tests?, listed below"
    failed = sum(int(n) for n in re.findall(named.format("FAILED"), output, re.M))
    skipped = sum(int(n) for n in re.findall(named.format("SKIPPED"), output, re.M))
    return sum(int(n) for n in ran) - failed - skipped, failed


def failures(output):
    """What GoogleTest's failed cases printed, each cut to its end; all's end where none did."""
    case = r"^\[ RUN      \] .*\n(?:(?!\[ RUN).*\n)*?\[  FAILED  \].*"
    blocks = re.findall(case, output, re.M)
    return "\n".join(block[-4000:] for block in blocks) or output[-20000:]


def unit(options, seconds):
    with tempfile.TemporaryDirectory() as directory:
        report = os.path.join(directory, "report.xml")
        code, output = run(
            [
                "ctest",
                "--test-dir",
                options.build,
                "-j",
                str(os.cpu_count() + 1),  # some of them wait for most of their time
                "--timeout",
                str(seconds),
                "--output-junit",
                report,
                "--test-output-size-passed",
                "50000000",
                "--test-output-size-failed",
                "50000000",
            ],
            seconds,
            env=options.env,
            capture=True,
        )
        if not os.path.exists(report):
            sys.stdout.write(output[-4000:])
            return Part(failed=1)
        total = Part()
        for case in ElementTree.parse(report).getroot().iter("testcase"):
            text = case.findtext("system-out") or ""
            bad = case.get("status") not in ("run", "notrun", "disabled")
            passed, failed = cases(text) or (0 if bad else 1, 1 if bad else 0)
            if bad:
                failed = max(failed, 1)
                print(f"FAILED: {case.get('name')}")
                sys.stdout.write(failures(text) + "\n")
            took = float(case.get("time", 0))
            print(f"{case.get('name')}: {passed} passed, {failed} failed ({took:.1f} s)")
            total.passed += passed
            total.failed += failed
        if total.passed + total.failed == 0:
            print("FAILED: no unit test ran")
            total.failed += 1
        if code != 0 and total.failed == 0:
            sys.stdout.write(output[-4000:])
            total.failed += 1
        return total


def counted(command, seconds, env):
    """A command that ends with 'N passed, N failed'; what it prints is shown as it comes."""
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **env},
        start_new_session=True,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    late = threading.Event()

    def end():
        late.set()
        os.killpg(process.pid, signal.SIGKILL)

    timer = threading.Timer(seconds, end)
    timer.start()
    lines = []
    try:
        for line in process.stdout:
            lines.append(line)
            print(line, end="", flush=True)
        code = process.wait()
    except KeyboardInterrupt:
        os.killpg(process.pid, signal.SIGTERM)
        raise
    finally:
        timer.cancel()
    if late.is_set():
        print(f"FAILED: {command[1]} did not end within {seconds:.0f} s", flush=True)
    counts = re.findall(r"\b(\d+) passed, (\d+) failed", "".join(lines))
    part = Part(*(int(n) for n in counts[-1])) if counts else Part()
    if code != 0 and part.failed == 0:
        part.failed = 1
    return part


def tidy(options, seconds):
    return counted([sys.executable, "tests/tidy/tidy.py"], seconds, {})


def integration(options, seconds):
    command = ["node", "tests/integration/run.mjs"] + (["--full"] if options.full else [])
    env = {"LIVEHUB_BIN": os.path.join(ROOT, options.build, "livehub"), **options.env}
    if options.slow:
        command += ["--shards", "3"]
        env["LIVEHUB_TEST_PATIENCE"] = str(SLOW_BUILD_FACTOR)
    return counted(command, seconds, env)


PARTS = {"build": build, "unit": unit, "tidy": tidy, "integration": integration}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--full", action="store_true", help="the long forms too")
    parser.add_argument("--build", default="build", help="the build directory")
    parser.add_argument("--only", choices=PARTS, help="one part")
    options = parser.parse_args()
    options.slow = options.build != "build"
    options.env = SANITIZERS if options.slow else {}
    factor = (SLOW_BUILD_FACTOR if options.slow else 1) * (FULL_FACTOR if options.full else 1)
    total = Part()
    times = []
    for name, part in PARTS.items():
        if options.only not in (None, name):
            continue
        print(f"== {name}", flush=True)
        start = time.monotonic()
        result = part(options, BUDGET_SECONDS[name] * factor * HARD_END_FACTOR)
        took = time.monotonic() - start
        over = took > BUDGET_SECONDS[name] * factor
        times.append(
            f"{name} {took:.0f} s of {BUDGET_SECONDS[name] * factor} s"
            + (" OVER ITS BUDGET" if over else "")
            + (f" ({result.failed} FAILED)" if result.failed else "")
        )
        total.passed += result.passed
        total.failed += result.failed
        if name == "build" and result.failed:
            break  # the rest would test an older program
    print("; ".join(times))
    print(f"{total.passed} passed, {total.failed} failed", flush=True)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
