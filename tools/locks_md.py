#!/usr/bin/env python3
"""Writes docs/locks.md from base/lock_ranks.def; with --check says whether it is up to date."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCE, TARGET = ROOT / "base/lock_ranks.def", ROOT / "docs/locks.md"
RANK = re.compile(r'^LOCK_RANK\((\w+),\s*(\d+),\s*"((?:[^"\\]|\\.)*)"\)$', re.M)
HEAD = """# Locks

Made from `base/lock_ranks.def` by `tools/locks_md.py`; do not edit.

A thread takes mutexes in rising rank and never two of one rank (`LEAF` aside); debug builds stop at the first breach
(`base/lock.c`). Sessions that wait for a row, a table, the log or a page sleep through `base/wait.h` and hold none of these.
Page latches and the gate (`storage/buffer/`) are not mutexes and have rules of their own in `storage/page/pages.h`.

| rank | name | what it guards |
|---|---|---|
"""


def main():
    ranks = [(int(rank), name, what) for name, rank, what in RANK.findall(SOURCE.read_text())]
    if not ranks or ranks != sorted(ranks) or len({rank for rank, _, _ in ranks}) != len(ranks):
        print(f"{SOURCE.name}: ranks are to be there, sorted and different")
        return 1
    text = HEAD + "".join(f"| {rank} | `{name}` | {what} |\n" for rank, name, what in ranks)
    if "--check" not in sys.argv[1:]:
        TARGET.write_text(text)
    elif not TARGET.exists() or TARGET.read_text() != text:
        print("docs/locks.md differs from base/lock_ranks.def: run tools/locks_md.py")
        return 1
    return 0


sys.exit(main())
