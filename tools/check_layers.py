#!/usr/bin/env python3
"""Reads every #include against tools/layers.txt: arrows point down only."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = ("base", "proto", "storage", "cluster", "sql", "node", "cli", "tests")
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]')


def read_layers():
    may, only = {}, {}
    for line in (ROOT / "tools/layers.txt").read_text().splitlines():
        line = line.split("#")[0].strip()
        if line.startswith("only "):
            name, places = line[5:].split(":")
            only[name.strip()] = places.split()
        elif line:
            name, below = line.split(":")
            may[name] = {name, *below.split()}
    return may, only


def main():
    may, only = read_layers()
    broken = 0
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.[ch]")):
            place = path.relative_to(ROOT).as_posix()
            for number, line in enumerate(path.read_text().splitlines(), 1):
                match = INCLUDE.match(line)
                if not match:
                    continue
                name = match.group(2)
                target = name.split("/")[0]
                wrong = match.group(1) == '"' and target in FOLDERS and target not in may[folder]
                for header, places in only.items():
                    hit = name.startswith(header) if header.endswith("/") else name == header or name.endswith("/" + header)
                    wrong |= hit and not any(place.startswith(p + "/") for p in places)
                if wrong:
                    broken += 1
                    print(f"{place}:{number}: {folder}/ may not include {name}")
    return 1 if broken else 0


sys.exit(main())
