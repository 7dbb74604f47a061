#!/usr/bin/env python3
"""record.py: asks a PostgreSQL 15 what it makes of each line of bind_cases.sql.

Usage: record.py HOST PORT > bind_cases.inc

A line is prepared, not run: the answer is its parameters' and columns' types, or the error with
SQLSTATE, position and message. SPDX-License-Identifier: Apache-2.0"""
import ctypes
import os
import sys

pq = ctypes.CDLL("libpq.so.5")
for name in ("PQconnectdb", "PQprepare", "PQdescribePrepared", "PQexec"):
    getattr(pq, name).restype = ctypes.c_void_p
for name in ("PQresultErrorField", "PQfname", "PQgetvalue", "PQerrorMessage"):
    getattr(pq, name).restype = ctypes.c_char_p
TABLES = """create table t1 (id int primary key, name varchar(20) not null default 'x', v numeric(10,2),
  ts timestamptz default now());
create table t2 (a int, b text);
create table t3 (id int8, name text, w float8)"""


def quote(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def main():
    conn = ctypes.c_void_p(
        pq.PQconnectdb(f"host={sys.argv[1]} port={sys.argv[2]} user=postgres "
                       "dbname=bind_cases client_encoding=UTF8".encode()))

    def run(text):
        return ctypes.c_void_p(pq.PQexec(conn, text.encode()))

    def field(result, code):
        value = pq.PQresultErrorField(result, ord(code))
        return value.decode() if value else ""

    def type_name(oid, typmod):
        result = run(f"select format_type({oid}, {typmod})")
        return pq.PQgetvalue(result, 0, 0).decode()

    def answer(text):
        result = ctypes.c_void_p(pq.PQprepare(conn, b"", text.encode(), 0, None))
        if pq.PQresultStatus(result) != 1:
            return "ERROR %s %s %s" % (field(result, "C"), field(result, "P") or "0",
                                       field(result, "M"))
        result = ctypes.c_void_p(pq.PQdescribePrepared(conn, b""))
        parts = ["$%d %s" % (i + 1, type_name(pq.PQparamtype(result, i), -1))
                 for i in range(pq.PQnparams(result))]
        parts += ["%s %s" % (pq.PQfname(result, i).decode(),
                             type_name(pq.PQftype(result, i), pq.PQfmod(result, i)))
                  for i in range(pq.PQnfields(result))]
        return ", ".join(parts)

    for statement in TABLES.split(";"):
        run(statement)
    here = os.path.dirname(os.path.abspath(__file__))
    print("/* Made by record.py from bind_cases.sql. SPDX-License-Identifier: Apache-2.0 */")
    for line in open(os.path.join(here, "bind_cases.sql"), encoding="utf-8"):
        text = line.rstrip("\n")
        if text:
            print("{%s,\n %s}," % (quote(text), quote(answer(text))))


main()
