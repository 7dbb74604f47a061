#!/usr/bin/env python3
"""Writes docs/sql/functions.md from sql/func/*.def; with --check says whether it is up to date."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FUNC, TARGET = ROOT / "sql/func", ROOT / "docs/sql/functions.md"
TYPE = re.compile(r'^TYPE\((\w+), "[^"]*", "((?:[^"\\]|\\.)*)"', re.M)
SET_FUNC = re.compile(r'SET_FUNC\(\d+, "(\w+)", (\w+), \w+, \w+, \d, ([^)]*)\)')
OPERATOR = re.compile(r'OPERATOR\(\d+, "([^"]+)", \d+, "\w+", (\w+), (\w+), (\w+), \w+, \w+\)')
CAST = re.compile(r"(?m)^CAST(?:_NO_FUNC)?\(([A-Z]\w*), (\w+), (\w)\w+")
# In the table once for each number of arguments, of which the first is given here.
ANY_NUMBER = {"concat": 1, "concat_ws": 2, "format": 1}
HEAD = """# Functions, operators, casts and aggregates

Everything that RustyDB computes, made from `sql/func/*.def`. Names, types and results are PostgreSQL 15's; a name that
is not here is an error (42883).
"""


def type_names():
    text = (ROOT / "sql/types/types.def").read_text()
    names = {name: sql.replace('\\"', '"') for name, sql in TYPE.findall(text)}
    return {**names, "ANYELEMENT": "anyelement"}


NAMES = type_names()


def sql_type(word):
    word = word.strip()
    return NAMES.get(word.replace("TYPE_", ""), word)


def signature(arguments, result, none):
    return f"{', '.join(map(sql_type, arguments)) or none} -> {sql_type(result)}"


def calls(name):
    """Words of each KIND(...) of functions.def or aggregates.def, on however many lines."""
    text = (FUNC / name).read_text().replace("\n", " ").replace(") ", ")\n")
    for words in re.findall(r"(?m)^(?:FUNCTION|AGGREGATE)\((.*?)\)$", text):
        yield [word.strip() for word in words.split(",")]


def by_name(name, none):
    """name -> signatures: the id, name and result come first, the number of arguments is eighth."""
    rows = {}
    for words in calls(name):
        count = int(words[7])
        rows.setdefault(words[1].strip('"'), []).append(signature(words[8 : 8 + count], words[2], none))
    return rows


def functions():
    rows = by_name("functions.def", "()")
    rows.update({name: [f"{least} to 8 arguments of any type -> text"] for name, least in ANY_NUMBER.items()})
    return {name: rows[name] for name in sorted(rows)}


def set_functions():
    rows = {}
    for name, result, arguments in SET_FUNC.findall((FUNC / "series.c").read_text().replace("\n", " ")):
        rows.setdefault(name, []).append(signature(arguments.split(","), result, ""))
    return rows


def operators():
    rows = {}
    for name, left, right, result in OPERATOR.findall((FUNC / "operators.def").read_text()):
        sides = [right] if left == "INVALID" else [left, right]
        rows.setdefault(name.replace("|", "\\|"), []).append(signature(sides, result, ""))
    return rows


def casts():
    rows = {}
    for source, target, kind in CAST.findall((FUNC / "casts.def").read_text()):
        rows.setdefault(sql_type(source), []).append(f"{sql_type(target)} ({kind.lower()})")
    return rows


def table(title, head, rows, between="; ", quote="`"):
    lines = [f"{quote}{name}{quote} | {between.join(entries)}" for name, entries in rows.items()]
    return f"\n## {title}\n\n{head}\n|---|---|\n" + "".join(f"| {line} |\n" for line in lines)


def page():
    of_arguments = "| name | arguments -> result |"
    casts_head = "Beside these, every type casts explicitly from text and by assignment to text.\n\n"
    return "".join([
        HEAD,
        table("Functions", of_arguments, functions()),
        table("Functions in FROM", of_arguments, set_functions()),
        table("Aggregates", of_arguments, by_name("aggregates.def", "*")),
        table("Operators", "| operator | left, right -> result |", operators()),
        table("Casts", casts_head + "| from | to (i: implicit, a: by assignment, e: explicit only) |",
              casts(), ", ", ""),
    ])


def main():
    text = page()
    if "--check" not in sys.argv[1:]:
        TARGET.write_text(text)
    elif not TARGET.exists() or TARGET.read_text() != text:
        print("docs/sql/functions.md differs from sql/func/*.def: run tools/functions_md.py")
        return 1
    return 0


sys.exit(main())
