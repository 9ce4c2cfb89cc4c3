#!/usr/bin/env python3
"""Plants each fault of tests/mutants/*.patch in a copy of the tree and expects a test to find it.

    python3 tests/sim/mutants.py [--build DIR] [--seeds N] [NAME ...]

A patch begins with two lines: `Mutant:` says what is wrong, `Caught by:` which test must fail:
`sim` (the simulator, within that many seeds) or the name of a unit test's program. Without a fault
they all pass.
"""

import argparse
import os
import resource
import shutil
import signal
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COPIED = ["CMakeLists.txt", "cmake", "include", "src", "tests/sim", "tests/unit", "docs/examples"]
# Of the tests only what can be named by a patch, so that the copy stays small.
TESTS = """find_package(GTest REQUIRED)
foreach(room io shard hub session source)
  file(GLOB sources CONFIGURE_DEPENDS unit/${room}/*_test.cc)
  add_executable(${room}_test ${sources})
  target_link_libraries(${room}_test PRIVATE livehub_${room}
                        GTest::gtest GTest::gmock GTest::gtest_main)
  target_compile_definitions(${room}_test PRIVATE LIVEHUB_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
endforeach()
target_sources(session_test PRIVATE sim/engine.cc)
include(sim/CMakeLists.txt)
"""
SECONDS_MAX = 900  # of processor time: a busy machine is no hang
WALL_SECONDS_MAX = 7200


def names_below(folder):
    return {os.path.relpath(os.path.join(where, name), folder)
            for where, _, files in os.walk(folder) for name in files}


def copy_changed(source, target):
    """Copies what differs, so that a build of the copy starts where the last one ended."""
    names = names_below(source)
    for gone in names_below(target) - names:
        os.remove(os.path.join(target, gone))
    for name in sorted(names):
        there = os.path.join(target, name)
        with open(os.path.join(source, name), "rb") as file:
            content = file.read()
        if os.path.exists(there):
            with open(there, "rb") as file:
                if file.read() == content:
                    continue
        os.makedirs(os.path.dirname(there), exist_ok=True)
        with open(there, "wb") as file:
            file.write(content)


def copy_tree(tree):
    for name in COPIED:
        source, target = os.path.join(ROOT, name), os.path.join(tree, name)
        if os.path.isdir(source):
            copy_changed(source, target)
        elif os.path.exists(source):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copyfile(source, target)
    with open(os.path.join(tree, "tests", "CMakeLists.txt"), "w", encoding="utf-8") as file:
        file.write(TESTS)


def run(command, **how):
    return subprocess.run(command, text=True, errors="replace",
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=WALL_SECONDS_MAX, check=False, **how)


def configure(tree, build):
    if os.path.exists(os.path.join(build, "build.ninja")):
        return
    done = run(["cmake", "-S", tree, "-B", build, "-G", "Ninja",
                "-DCMAKE_BUILD_TYPE=RelWithDebInfo",
                "-DCMAKE_CXX_FLAGS_RELWITHDEBINFO=-O1 -DNDEBUG", "-DLIVEHUB_BENCH=OFF"])
    if done.returncode != 0:
        sys.exit(done.stdout)


def targets_of(test):
    return "livehub_sim" if test == "sim" else test


def find_program(build, name):
    for folder, _, files in os.walk(build):
        if name in files:
            return os.path.join(folder, name)
    return None


def limit_processor_time():
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS_MAX, resource.RLIM_INFINITY))


def run_test(build, test, seeds):
    """(failed, the line that says why)"""
    program = find_program(build, targets_of(test))
    # One failure is enough; one that stands still in each of its tests would take its time.
    command = [program, "--seeds", str(seeds)] if test == "sim" else [program, "--gtest_fail_fast"]
    try:
        done = run(command, preexec_fn=limit_processor_time)
    except subprocess.TimeoutExpired:
        return True, "it stands still"
    if done.returncode == -signal.SIGXCPU:
        return True, "it goes on and on"
    lines = [line for line in done.stdout.splitlines() if "FAILED" in line or "livehub:" in line]
    return done.returncode != 0, (lines[0] if lines else f"exit code {done.returncode}")


def read_patch(path):
    with open(path, encoding="utf-8") as file:
        head = file.read().split("\n", 2)
    if not head[0].startswith("Mutant: ") or not head[1].startswith("Caught by: "):
        sys.exit(f"{path} does not begin with 'Mutant:' and 'Caught by:'")
    return head[0][8:], head[1][11:].strip()


def try_mutant(tree, build, path, seeds):
    why, test = read_patch(path)
    applied = run(["patch", "-p1", "-i", path], cwd=tree)
    if applied.returncode != 0:
        return why, "STALE", "the patch does not apply: bring it up to date"
    built = run(["ninja", "-C", build, targets_of(test)])
    if built.returncode != 0:
        return why, "STALE", "it does not build: " + built.stdout[-300:]
    failed, line = run_test(build, test, seeds)
    return why, "caught" if failed else "MISSED", line if failed else f"{test} passes"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=os.path.join(ROOT, "build-mutants"))
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    folder = os.path.join(ROOT, "tests", "mutants")
    names = sorted(name[:-6] for name in os.listdir(folder) if name.endswith(".patch"))
    names = [name for name in names if not options.names or name in options.names]
    tree, build = os.path.join(options.build, "tree"), os.path.join(options.build, "build")
    bad = 0
    for name in names:
        copy_tree(tree)
        configure(tree, build)
        begin = time.monotonic()
        patch = os.path.join(folder, name + ".patch")
        why, outcome, line = try_mutant(tree, build, patch, options.seeds)
        bad += outcome != "caught"
        took = time.monotonic() - begin
        print(f"{outcome:7} {name:32} {took:5.0f} s  {why}\n        {line}", flush=True)
    print(f"mutants: {len(names) - bad} caught, {bad} not")
    return 1 if bad or not names else 0


if __name__ == "__main__":
    sys.exit(main())
