# lib.sh: what run.sh and record.sh share: the cases and how one is put to a server.
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck disable=SC2034 # run.sh uses it
ROOT=$(cd "$HERE/../.." && pwd)
STEPS=${STEPS:-$ROOT/build/tests/steps}
export PGHOST=127.0.0.1 PGUSER=postgres PGDATABASE=postgres PGCONNECT_TIMEOUT=10
export PGOPTIONS='' PSQLRC=/dev/null LC_ALL=C.UTF-8 PGCLIENTENCODING=UTF8 PGTZ=UTC
unset PGPASSWORD PGSSLMODE PGDATESTYLE PGAPPNAME

# case_names [NAME ...]: the cases named, or all of them; a name without a case is an error.
case_names() {
    local name
    if [ $# = 0 ]; then
        for name in "$HERE"/cases/*.sql "$HERE"/cases/*.steps; do basename "${name%.*}"; done
        return
    fi
    for name in "$@"; do
        [ -e "$HERE/cases/$name.sql" ] || [ -e "$HERE/cases/$name.steps" ] || { echo "no case $name" >&2; return 1; }
        printf '%s\n' "$name"
    done
}

# One session: as psql shows it. Several: as steps does.
play_case() {
    if [ -e "cases/$1.steps" ]; then
        timeout 60 "$STEPS" "cases/$1.steps"
    else
        timeout 60 psql -X -a -v VERBOSITY=default -f "cases/$1.sql"
    fi
}

# run_case NAME OUT: the dialogue of one case, less the place in the file that psql puts before a
# message. What a case leaves behind is written, too: it must not.
run_case() {
    (
        cd "$HERE" || exit 2
        play_case "$1" 2>&1
        rc=$?
        [ "$rc" = 0 ] || echo "status $rc"
        psql -X -A -t -c "SELECT 'left behind: ' || relname FROM pg_class
            WHERE relnamespace = 'public'::regnamespace ORDER BY relname" 2>&1
    ) | sed "s#^psql:cases/[a-z0-9_]*\.sql:[0-9]*: ##" >"$2"
}
