#!/usr/bin/env python3
"""The house rules as a test: what can be checked is not left to memory.

    python3 tests/tidy/tidy.py

Every rule says what to do instead, and carries an example that it must find: a rule that cannot
fail is a defect, and is reported as one. An exception stands in the code: a comment
`tidy: <rule>: <why>` on the line or right above it. The arrows between rooms are those of
CMakeLists.txt.
"""

import os
import re
import subprocess
import sys

import functions
import rooms
from rule import ROOT, Rule, Source, line_rule, text_rule

CODE = (".h", ".cc")
TEXT = CODE + (".py", ".mjs", ".md", ".txt", ".cmake", ".toml", ".json", ".sh")
FILE_LINES_MAX = 500
LINE_COLUMNS_MAX = 100


def too_long(source):
    count = source.text.count("\n")
    if count > FILE_LINES_MAX:
        yield 1, f"{count} lines: over {FILE_LINES_MAX} it holds more than one idea; split it"


def wide(source):
    for number, line in enumerate(source.lines, 1):
        # An address cannot be broken.
        if len(line) > LINE_COLUMNS_MAX and not re.search(r"https?://\S{40}", line):
            yield number, f"{len(line)} columns of {LINE_COLUMNS_MAX}: run `make format`"


def white_space(source):
    for number, line in enumerate(source.lines, 1):
        if "\t" in line:
            yield number, "a tab: indent with spaces"
        if line != line.rstrip():
            yield number, "white space at the end of the line: remove it"
    if source.text and not source.text.endswith("\n"):
        yield len(source.lines), "no newline at the end of the file: add it"
    if "\r" in source.text:
        yield 1, "a CR: end lines with LF"


def pragma_once(source):
    for line in source.lines:
        if line.strip() == "#pragma once":
            return
        if line.strip() and not line.lstrip().startswith("//"):
            break
    yield 1, "a header begins with its comment, then `#pragma once`"


MEMBER = re.compile(r"^ +[\w:<>,&* \[\]]+\b\w+_(\[\w+\])?( = [^;]+|\{[^;]*\})?;", re.M)
# The four words, and what pure values say instead of them.
THREAD_WORDS = re.compile(
    r"\b(shard-local|immutable|mailbox|start-?up|one thread|any thread|pure|during the call)\b",
    re.I,
)


def thread_rule(source):
    has_state = MEMBER.search(source.code)
    comments = re.sub(r"\s*\n//\s*", " ", source.comments)
    if has_state and not THREAD_WORDS.search(comments):
        yield 1, "say the thread rule: shard-local, immutable, mailbox or startup"


def test_paths(source):
    for number, line in enumerate(source.lines, 1):
        for path in re.findall(r"\btests/[\w/.*-]+\.(?:cc|mjs|py|h)\b", line):
            if not list(ROOT.glob(path)):
                yield number, f"names {path}, which is not there: write it or correct the name"


def links(source):
    for number, line in enumerate(source.lines, 1):
        for target in re.findall(r"\]\(([^)\s]+)\)", line):
            if re.match(r"[a-z]+:|#", target):
                continue
            path = os.path.join(os.path.dirname(source.path), target.split("#")[0])
            if not (ROOT / path).exists():
                yield number, f"links to {target}, which is not there"


BANS = [  # (rule, pattern, where not: path prefixes, example, what instead)
    ("endl", r"\bstd::endl\b", (), "std::cout << std::endl;", "'\\n': endl flushes each time"),
    (
        "rand",
        r"(?<![\w.>])s?rand\s*\(|\bstd::random_device\b",
        (),
        "int x = rand();",
        "randomness as an argument; OpenSSL's RAND_bytes at start-up",
    ),
    (
        "printf",
        r"(?<!\w)f?(printf|puts)\s*\(|\bstd::c(out|err)\b",
        (
            "src/base/",
            "src/server/",
            "src/tool/",
            "src/main.cc",
            "src/io/sim_",
            "bench/",
            "tests/",
            "docs/",
        ),
        'std::printf("x");',
        "base/log.h: one place decides what is printed",
    ),
    (
        "calendar",
        r"(?<!\w)(gmtime|localtime|asctime|ctime|mktime|strftime)\s*\(",
        (),
        "gmtime(&t);",
        "gmtime_r and friends, in base/log.h only: the others share one static buffer",
    ),
    (
        "unsafe-strings",
        r"(?<!\w)(strcpy|strcat|v?sprintf|strtok|gets|ato[ilf])\s*\(",
        (),
        "atoi(text);",
        "std::from_chars, std::string_view, fmt: they have bounds and errors",
    ),
    (
        "regex",
        r"\bstd::regex\b",
        (),
        "std::regex r;",
        "a parser in wire/: std::regex recurses on input",
    ),
    (
        "using-namespace",
        r"^\s*using namespace\b",
        ("tests/", "bench/"),
        "using namespace std;",
        "names, or one alias: namespace x = ...",
    ),
    ("bind", r"\bstd::bind\b", (), "std::bind(f, 1);", "a lambda"),
    ("goto", r"^\s*goto \w", (), "goto out;", "a function that returns, or a guard"),
    (
        "volatile",
        r"\bvolatile\b",
        ("bench/",),
        "volatile int x;",
        "std::atomic with the order it needs",
    ),
    ("detach", r"\.detach\(\)", (), "t.detach();", "a thread with an owner that joins it"),
    # Start-up may wait for a port or for the kernel; nothing is served by then.
    (
        "sleep",
        r"\b(sleep_for|sleep_until|usleep|nanosleep)\b",
        ("tests/", "bench/", "src/io/listener.cc", "src/io/uring_ring.cc"),
        "sleep_for(1ms);",
        "the shard's timer wheel",
    ),
    ("iostream", r"#include <iostream>", ("tests/", "bench/"), "#include <iostream>", "base/log.h"),
    (
        "exceptions",
        r"^\s*throw\b",
        ("tests/", "bench/", "src/base/", "src/io/", "src/server/", "src/tool/"),
        "  throw 1;",
        "a [[nodiscard]] result: exceptions do not pass start-up",
    ),
    (
        "new-delete",
        r"(?<![\w:\"'(])(?:new (?!\()[A-Z]\w*(?:::\w+)*[({;]|delete (?!\()\w+;)",
        ("tests/", "bench/"),
        "auto* p = new Thing();",
        "std::make_unique, or a slab",
    ),
    (
        "assert",
        r"(?<![\w_])assert\s*\(",
        ("bench/", "tests/"),
        "assert(x);",
        "LIVEHUB_CHECK or LIVEHUB_DCHECK",
    ),
]
# Files that every message passes through: no lock may stand in its way (invariant 5).
HOT_ROOMS = ("src/hub/", "src/session/", "src/shard/")


def ban(name, pattern, elsewhere, example, instead):
    return line_rule(
        name, CODE, pattern, f"use {instead}", ("src/hub/example.cc", example), elsewhere=elsewhere
    )


def commands(source):
    if source.path != "tests/package-lock.json":
        return
    if '"resolved"' in source.text:
        yield 1, "names a registry: install with tests/.npmrc (omit-lockfile-registry-resolved)"


RULES = [
    text_rule("file-size", CODE + (".py", ".mjs"), too_long, ("src/hub/a.cc", "x\n" * 501)),
    text_rule("line-width", CODE + (".py", ".mjs"), wide, ("src/hub/a.cc", "x" * 101 + "\n")),
    text_rule("white-space", TEXT, white_space, ("src/hub/a.cc", "\tx\n")),
    text_rule("pragma-once", (".h",), pragma_once, ("src/hub/a.h", "#ifndef A\n")),
    text_rule(
        "thread-rule",
        (".h",),
        thread_rule,
        ("src/hub/a.h", "class A {\n  int x_ = 0;\n};\n"),
        prefix=("src/", "include/"),
    ),
    text_rule(
        "named-tests", CODE, test_paths, ("src/hub/a.h", "// Tests: tests/unit/hub/nothing.cc\n")
    ),
    text_rule("links", (".md",), links, ("docs/A.md", "[here](nowhere.md)\n")),
    text_rule("lock-file", (".json",), commands, ("tests/package-lock.json", '"resolved": "x"\n')),
    line_rule(
        "todo-owner",
        TEXT,
        r"\b(TODO|FIXME|XXX)\b(?!\(\w+\))",
        "say who will do it: TODO(name), or write an issue",
        ("src/hub/a.cc", "// TODO later\n"),
    ),
    line_rule(
        "machine-path",
        TEXT,
        r"(?<![\w.])/(work|root|home/\w+)/",
        "a path from the top of this directory: no other machine has yours",
        ("docs/A.md", "see /root/x\n"),
    ),
    # shard/loop.h keeps its tasks from other threads behind one: they are rare, and none is a
    # message.
    line_rule(
        "lock",
        CODE,
        r"\bstd::(\w*mutex|condition_variable)\b|<(shared_)?mutex>",
        "use the shard's mailbox: no lock in steady state",
        ("src/hub/a.cc", "std::mutex m;\n"),
        prefix=HOT_ROOMS,
        elsewhere=("src/shard/loop.h",),
    ),
    line_rule(
        "shared-ptr",
        CODE,
        r"\bstd::(shared_ptr|make_shared)\b",
        "use unique_ptr, a value, or an index and a generation: one owner",
        ("src/hub/a.cc", "std::shared_ptr<int> p;\n"),
        prefix=HOT_ROOMS,
    ),
    *[ban(*entry) for entry in BANS],
    *rooms.RULES,
]


def files():
    """What git would commit, and nothing else."""
    listed = (
        subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard", "-z"],
            cwd=ROOT,
            check=True,
            capture_output=True,
        )
        .stdout.decode()
        .split("\0")
    )
    return sorted(path for path in set(listed) if path and (ROOT / path).is_file())


def findings(rule: Rule, sources):
    for source in sources:
        if rule.applies(source.path):
            for number, sentence in rule.check(source):
                if not source.excused(rule.name, number):
                    yield f"{source.path}:{number}: {rule.name}: {sentence}"


def main():
    sources = []
    for path in files():
        if path.endswith(TEXT) or os.path.basename(path) in ("Makefile", "Dockerfile"):
            sources.append(Source(path, (ROOT / path).read_text(encoding="utf-8")))
    passed = failed = 0
    for rule in RULES:
        broken = list(findings(rule, sources))
        if not list(findings(rule, [Source(*rule.example)])):
            broken.append(f"tests/tidy: {rule.name} does not find its example: it cannot fail")
        for sentence in broken[:40]:
            print(sentence)
        if len(broken) > 40:
            print(f"{rule.name}: and {len(broken) - 40} more")
        failed += bool(broken)
        passed += not broken
    functions.report(sources)
    print(f"tidy: {passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
