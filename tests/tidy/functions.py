"""How long the functions are: a report, not a rule. Nine of ten should stay under 35 lines."""

import re

GOAL_LINES = 35
NAMED_OVER_LINES = 70
NO_FUNCTION = re.compile(
    r"\s*(namespace|class|struct|enum|union|if|for|while|switch|else|do|case|return)\b"
)


def lengths(source):
    """(lines, first line, head) of each function body that starts at the margin or in a class."""
    lines = source.code_lines
    number = 0
    while number < len(lines):
        line = lines[number]
        opens = line.rstrip().endswith("{") and ")" in line
        if not opens or NO_FUNCTION.match(line) or re.match(r"\s{3,}", line):
            number += 1
            continue
        depth = 0
        for end in range(number, len(lines)):
            depth += lines[end].count("{") - lines[end].count("}")
            if depth <= 0:
                yield end - number + 1, number + 1, source.lines[number].strip()
                number = end
                break
        number += 1


def report(sources):
    found = [
        (length, source.path, number, head)
        for source in sources
        if source.path.startswith("src/") and source.path.endswith((".h", ".cc"))
        for length, number, head in lengths(source)
    ]
    if not found:
        return
    short = sum(length <= GOAL_LINES for length, *_ in found)
    print(f"functions: {len(found)}, {100 * short // len(found)} % of at most {GOAL_LINES} lines")
    for length, path, number, head in sorted(found, reverse=True):
        if length > NAMED_OVER_LINES:
            print(f"  {length} lines: {path}:{number}: {head[:70]}")
