#!/usr/bin/env python3
"""What the documents say that a program can check: links between them lead somewhere, files and
folders that they name are there, and docs/ops/configuration.md has every key of node/settings.def
with its default and range."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = ("base", "proto", "storage", "cluster", "sql", "node", "cli", "tests", "tools", "deploy", "docs")
PLACE = re.compile(r"`((?:" + "|".join(FOLDERS) + r")/[\w./*-]+)`")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")
KEY = re.compile(r'^(TEXT|INTEGER|LIST)\((\w+), (\w+)(?:, "([^"]*)"|, (\d+), (\d+), (\d+))?\)$', re.M)


def documents():
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=ROOT,
                           capture_output=True, text=True, check=True).stdout.split("\n")
    return [ROOT / name for name in names if name and (ROOT / name).exists()]


def broken_links():
    for document in documents():
        text = re.sub(r"```.*?```|`[^`\n]*`", "", document.read_text(), flags=re.S)
        for target in LINK.findall(text):
            if "://" not in target and not (document.parent / target).exists():
                yield f"{document.relative_to(ROOT)}: link to {target} leads nowhere"


def missing_places():
    """`storage/heap` or `tests/*/main.c`: from the root, from the document, or less an ending."""
    for document in documents():
        text = re.sub(r"```.*?```", "", document.read_text(), flags=re.S)
        for place in PLACE.findall(text):
            found = [folder.glob(place.rstrip("/") + end) for folder in (ROOT, document.parent) for end in ("", ".h")]
            if not any(next(matches, None) for matches in found):
                yield f"{document.relative_to(ROOT)}: there is no {place}"


def expected_row(kind, section, key, text, default, low, high):
    if kind == "INTEGER":
        return f"| `[{section}] {key}` | {default} | {low} .. {high} |"
    return f"| `[{section}] {key}` | " + (f"`\"{text}\"` |" if kind == "TEXT" else "none |")


def missing_keys():
    page = (ROOT / "docs/ops/configuration.md").read_text()
    keys = KEY.findall((ROOT / "node/settings.def").read_text())
    for key in keys:
        if expected_row(*key) not in page:
            yield f"docs/ops/configuration.md lacks the row {expected_row(*key)}"
    rows = len(re.findall(r"^\| `\[\w+\] \w+` \|", page, re.M))
    if rows != len(keys):
        yield f"docs/ops/configuration.md has {rows} keys, node/settings.def {len(keys)}"


def main():
    broken = [*broken_links(), *missing_places(), *missing_keys()]
    print(*broken, sep="\n", end="\n" if broken else "")
    return 1 if broken else 0


sys.exit(main())
