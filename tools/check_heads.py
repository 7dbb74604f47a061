#!/usr/bin/env python3
"""The first comment of each source file: the licence tag stands whole and last, in a comment of
several lines on a line of its own; Promises, Owns, Thread .. begin their lines. And no line of a
source file is longer than the formatter allows, for it leaves comments as they are."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LINE = 96
TAG = "SPDX-License-Identifier: Apache-2.0 */"
LABEL = re.compile(r"\S\s+(Promises|Does not|Owns|Thread|Fails|See|Picture|Layout):\s")


def sources():
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.c", "*.h"], cwd=ROOT,
                           capture_output=True, text=True, check=True).stdout.split("\n")
    return [name for name in names if name and (ROOT / name).exists()]


def broken(name):
    lines = (ROOT / name).read_text().splitlines()
    end = next((no for no, line in enumerate(lines) if "*/" in line), 0)
    head = [line.removeprefix(" *").strip() for line in lines[: end + 1]]
    if not head[-1].endswith(TAG) or (end > 0 and head[-1] != TAG):
        yield f"{name}:{end + 1}: the first comment ends with a line of its own: {TAG}"
    for no, line in enumerate(head, 1):
        if match := LABEL.search(line.removeprefix("/* ") + " "):
            yield f"{name}:{no}: {match.group(1)}: begins no line"
    for no, line in enumerate(lines, 1):
        if len(line) > LINE:
            yield f"{name}:{no}: {len(line)} columns, more than {LINE}"


def main():
    found = [problem for name in sources() for problem in broken(name)]
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


sys.exit(main())
