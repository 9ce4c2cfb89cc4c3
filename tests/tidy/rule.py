"""What a rule is, and a source as the rules see it."""

import dataclasses
import pathlib
import re
from typing import Callable, Iterable

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Source:
    """A file; `code` is its C++ without comments and literals, `comments` are those alone."""

    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.lines = text.split("\n")[:-1] if text.endswith("\n") else text.split("\n")
        self._split = None

    @property
    def code(self):
        return self._parts()[0]

    @property
    def comments(self):
        return self._parts()[1]

    @property
    def code_lines(self):
        return self.code.split("\n")

    def _parts(self):
        if self._split is None:
            is_code = self.path.endswith((".h", ".cc"))
            self._split = split(self.text) if is_code else (self.text, self.text)
        return self._split

    def excused(self, rule, number):
        """Whether the line, or a comment right above it, says `tidy: <rule>: <why>`."""
        at = number - 1
        while 0 <= at < len(self.lines):
            if re.search(rf"tidy: {re.escape(rule)}: \S+", self.lines[at]):
                return True
            at -= 1
            if at < 0 or not re.match(r"\s*(//|#)", self.lines[at]):
                return False
        return False


PIECES = re.compile(
    r'(?P<comment>//[^\n]*|/\*.*?\*/)|(?P<raw>R"(?P<mark>[^(\s]*)\(.*?\)(?P=mark)")'
    r"|(?P<include>^[ \t]*#[ \t]*include[^\n]*)"
    r"|(?P<literal>\"(?:[^\"\\\n]|\\.)*\"|(?<![0-9a-fA-F])'(?:[^'\\\n]|\\.)+')",
    re.S | re.M,
)


def split(text):
    """(code, comments): the code with comments and literals blanked, so that line numbers stay."""

    def blank(part):
        return re.sub(r"[^\n]", " ", part)

    def code(match):
        if match["include"]:
            return match[0]
        return blank(match[0]) if match["comment"] else '"' + blank(match[0])[1:-1] + '"'

    comments = "\n".join(m["comment"] for m in PIECES.finditer(text) if m["comment"])
    return PIECES.sub(code, text), comments


@dataclasses.dataclass
class Rule:
    name: str
    applies: Callable[[str], bool]  # to a path
    check: Callable[[Source], Iterable]  # yields (line, sentence)
    example: tuple  # (path, text) in which it must find something


def text_rule(name, suffixes, check, example, prefix=("",)):
    def applies(path):
        return path.endswith(suffixes) and path.startswith(prefix)

    return Rule(name, applies, check, example)


def line_rule(name, suffixes, pattern, sentence, example, prefix=("",), elsewhere=()):
    """A pattern that no line may contain: C++ is looked at without comments and literals."""
    compiled = re.compile(pattern)
    in_comments = name in ("todo-owner", "machine-path")

    def check(source):
        lines = source.lines if in_comments else source.code_lines
        for number, line in enumerate(lines, 1):
            if compiled.search(line):
                yield number, sentence

    def applies(path):
        # The rules themselves hold the patterns.
        return (
            path.endswith(suffixes)
            and path.startswith(prefix)
            and not path.startswith(("tests/tidy/", *elsewhere))
        )

    return Rule(name, applies, check, example)
