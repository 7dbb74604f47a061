#!/usr/bin/env python3
"""Functions of at most 70 lines, files of at most 1,000; an exception is a line with its reason in
tools/tidy.allow (`path` or `path:function`, then the reason), and goes when it is not needed any more."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = ("base", "proto", "storage", "cluster", "sql", "node", "cli", "tests")
FUNCTION_LINES, FILE_LINES = 70, 1000


def allowed():
    lines = (ROOT / "tools/tidy.allow").read_text().splitlines()
    return {line.split()[0] for line in lines if line.strip() and not line.startswith("#")}


def functions(lines):
    """(name, first line, length) of what stands between { and } in column 0."""
    start = name = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
            head = " ".join(lines[max(0, number - 8) : number - 1])
            names = re.findall(r"(\w+)\s*\(", head)
            name = names[0] if names else "?"
            for back in range(number - 2, max(-1, number - 9), -1):
                match = re.match(r"^(\w+)\(", lines[back])
                if match:
                    name = match.group(1)
                    break
        elif line.startswith("}") and start is not None:
            yield name, start, number - start
            start = None


def main():
    allow, needed, broken = allowed(), set(), 0
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.[ch]")):
            place = path.relative_to(ROOT).as_posix()
            lines = path.read_text().splitlines()
            if len(lines) > FILE_LINES:
                needed.add(place)
                if place not in allow:
                    broken += 1
                    print(f"{place}: {len(lines)} lines, more than {FILE_LINES}")
            for name, start, length in functions(lines):
                if length <= FUNCTION_LINES:
                    continue
                needed.add(f"{place}:{name}")
                if f"{place}:{name}" not in allow:
                    broken += 1
                    print(f"{place}:{start}: {name}() has {length} lines, more than {FUNCTION_LINES}")
    for name in sorted(allow - needed):
        broken += 1
        print(f"tools/tidy.allow: {name} needs no exception")
    return 1 if broken else 0


sys.exit(main())
