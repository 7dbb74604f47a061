#!/bin/sh
# run.sh [--record]: runs cases/*.sql with psql and compares with expected/*.out.
#
# The expected outputs are PostgreSQL 15's: --record writes them, connected to one. Where to
# connect is libpq's environment (PGHOST, PGPORT, PGUSER ...); the database is empty.
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")" || exit 2
failed=0
for case in cases/*.sql; do
    name=$(basename "$case" .sql)
    out=$(mktemp)
    psql -X -a -v VERBOSITY=default -d "${PGDATABASE:-postgres}" -f "$case" >"$out" 2>&1
    sed -i "s#^psql:cases/[a-z_]*\.sql:[0-9]*: ##" "$out"
    if [ "$1" = --record ]; then
        cp "$out" "expected/$name.out"
    elif ! diff -u "expected/$name.out" "$out"; then
        failed=1
        echo "FAILED $name"
    else
        echo "ok $name"
    fi
    rm -f "$out"
done
exit $failed
