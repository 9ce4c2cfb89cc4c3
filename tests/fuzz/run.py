#!/usr/bin/env python3
"""Runs one fuzz target, or one after the other, and says what came of it.

    python3 tests/fuzz/run.py --list
    python3 tests/fuzz/run.py [TARGET | all] [--seconds N] [--keep]

It starts from tests/fuzz/corpus/TARGET. What it finds on the way is kept in
build-fuzz/corpus/TARGET and used again; --keep copies the smallest set of it that reaches the same
code into the tree, at most 4 KB a file, for you to choose from. An input that broke something is
in build-fuzz/findings; `build/tests/fuzz_replay TARGET FILE` shows it again. Ends with 1 if there
is one.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HERE = os.path.join(ROOT, "tests", "fuzz")
BUILD = os.path.join(ROOT, "build-fuzz")
INPUT_BYTES_MAX = 4096
KEPT_BYTES_MAX = 4096


def targets():
    with open(os.path.join(HERE, "CMakeLists.txt"), encoding="utf-8") as file:
        return re.findall(r"^fuzz_target\((\w+)", file.read(), re.M)


def subject(target):
    """What its file says it is about: the beginning of its comment."""
    with open(os.path.join(HERE, f"{target}_target.cc"), encoding="utf-8") as file:
        comment = re.match(r"(?:// ?.*\n)+", file.read())[0]
    text = re.sub(r"\s*// ?", " ", comment).strip()
    return re.split(r"[.:;] ", text)[0].rstrip(".")


def folder(*names):
    path = os.path.join(BUILD, *names)
    os.makedirs(path, exist_ok=True)
    return path


def run(target, seconds, keep):
    subprocess.run(["ninja", "-C", BUILD, "--quiet", f"fuzz_{target}"], check=True)
    program = os.path.join(BUILD, "tests", "fuzz", f"fuzz_{target}")
    grown = folder("corpus", target)
    seeds = os.path.join(HERE, "corpus", target)
    findings = folder("findings")
    before = set(os.listdir(findings))
    command = [
        program,
        grown,
        seeds,
        f"-dict={HERE}/dictionaries/{target}.dict",
        f"-max_total_time={seconds}",
        f"-max_len={INPUT_BYTES_MAX}",
        f"-artifact_prefix={findings}/{target}-",
        "-timeout=20",
        "-rss_limit_mb=3000",
        "-use_value_profile=1",
        "-print_final_stats=1",
    ]
    result = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    log = os.path.join(folder("logs"), f"{target}.log")
    with open(log, "w", encoding="utf-8") as file:
        file.write(result.stdout + result.stderr)
    status = re.findall(r"#(\d+)\s.*\bcov: (\d+) ft: (\d+) corp: (\d+)", result.stderr)
    executions, edges, features, inputs = status[-1] if status else ("0", "0", "0", "0")
    found = sorted(set(os.listdir(findings)) - before)
    print(
        f"{target}: {executions} executions, {edges} edges, {features} features, "
        f"{inputs} inputs kept, {len(found)} findings" + (f" ({log})" if found else ""),
        flush=True,
    )
    for name in found:
        print(f"  {os.path.join(findings, name)}")
    for line in re.findall(r"^.*(?:broken|ERROR|runtime error): .*$", result.stderr, re.M)[:3]:
        print(f"  {line}")
    if keep and not found:
        smallest(program, target, grown, seeds)
    return bool(found) or result.returncode != 0


def smallest(program, target, grown, seeds):
    merged = folder("merged", target)
    subprocess.run([program, "-merge=1", merged, seeds, grown], capture_output=True, check=True)
    for name in os.listdir(merged):
        path = os.path.join(merged, name)
        if os.path.getsize(path) <= KEPT_BYTES_MAX:
            shutil.copy(path, seeds)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("target", nargs="?", default="all", help="one of --list, or all")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--keep", action="store_true", help="grow the corpus in the tree")
    parser.add_argument("--list", action="store_true", help="name the targets")
    options = parser.parse_args()
    if options.list:
        for target in targets():
            print(f"{target:<11} {subject(target)}")
        return 0
    chosen = targets() if options.target == "all" else [options.target]
    if not set(chosen) <= set(targets()):
        print(f"there is no target {options.target}; there are: {' '.join(targets())}")
        return 2
    bad = [target for target in chosen if run(target, options.seconds, options.keep)]
    print(f"{len(chosen) - len(bad)} passed, {len(bad)} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
