#!/usr/bin/env bash
# run.sh [stage ...]: everything that must pass before a change lands, on a clean Debian 12.
# Installs what it needs, prints seconds per stage and ends with "N passed, N failed".
# Stages: setup check release unit fuzz sql crash sim cluster asan tsan. Default: all of them.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2
export CCACHE_DIR=${CCACHE_DIR:-$PWD/build-ccache}

work=$(mktemp -d "${TMPDIR:-/tmp}/rustydb-tests.XXXXXX")
trap 'rm -rf "$work"' EXIT
passed=0
failed=0
failures=()

note() {
    if [ "$2" = 0 ]; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        failures+=("$1")
    fi
}

# A test is a command: its output is shown only if it fails.
try() {
    local name=$1 log rc
    shift
    log=$work/$(printf '%s' "$name" | tr -c 'A-Za-z0-9_.-' _).log
    "$@" >"$log" 2>&1
    rc=$?
    note "$name" "$rc"
    if [ "$rc" != 0 ]; then
        printf -- '--- %s failed (status %s) ---\n' "$name" "$rc"
        tail -n 60 "$log"
    fi
    return "$rc"
}

build() {
    local launcher=()
    command -v ccache >/dev/null && launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache)
    cmake --preset "$1" "${launcher[@]}" && cmake --build --preset "$1"
}

# The unit programs of a build folder whose names match a pattern. None at all is a failure.
unit_programs() {
    local program found=no
    for program in "$1"/tests/unit_*; do
        [ -x "$program" ] || continue
        if [[ $(basename "$program") =~ $2 ]]; then
            found=yes
            try "$(basename "$1")/$(basename "$program")" timeout 300 "$program"
        fi
    done
    [ $found = yes ] || try "$(basename "$1")/tests" no_programs "$1"
}

no_programs() {
    echo "no unit tests in $1: build first"
    return 1
}

# fuzz_programs FOLDER MUTATIONS: the fuzz targets over SQL texts, and lines made of them.
fuzz_programs() {
    local name
    for name in parse_fuzz bind_fuzz; do
        try "$(basename "$1")/$name" timeout 300 "$1/tests/$name" "$2" tests/sql/cases/*.sql tests/unit/sql/bind/bind_cases.sql
    done
}

stage_setup() {
    try setup deploy/setup.sh --tests
    try 'setup, by parts' tests/deploy/setup_test.sh
}
stage_check() { try tools/check tools/check; }
stage_release() { try 'build release' build release; }
stage_unit() { unit_programs build .; }
stage_fuzz() { fuzz_programs build 20; }
stage_sql() { try 'sql' tests/sql/run.sh; }
stage_crash() { try 'crash test' timeout 600 build/tests/crash_test; }
stage_sim() { try 'simulation' timeout 900 build/tests/sim_test --runs 100 --seconds 10 --jobs 2; }

stage_cluster() {
    local name
    for name in single_node cli protocol replicas relay damage large_txn limits \
        shutdown no_majority disk_full tpcb switchover kill_primary paused_primary kill_all left_behind guide; do
        try "cluster $name" timeout 600 bash "tests/cluster/${name}_test.sh"
    done
    try tests/trace/durability.sh timeout 600 bash tests/trace/durability.sh --commits 50
}

stage_asan() {
    try 'build asan' build asan || return
    export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1
    unit_programs build-asan .
    fuzz_programs build-asan 5
}

stage_tsan() {
    try 'build tsan' build tsan || return
    unit_programs build-tsan 'unit_(base|storage|cluster)'
}

stages=("$@")
[ ${#stages[@]} -gt 0 ] || stages=(setup check release unit fuzz sql crash sim cluster asan tsan)
for stage in "${stages[@]}"; do
    declare -F "stage_$stage" >/dev/null || { sed -n '2,4p' "$0" >&2; echo "there is no stage \"$stage\"" >&2; exit 2; }
done
for stage in "${stages[@]}"; do
    begin=$SECONDS
    before=$failed
    "stage_$stage"
    printf '%-10s %5d s  %s\n' "$stage" $((SECONDS - begin)) \
        "$([ "$failed" = "$before" ] && echo ok || echo FAILED)"
    if [ "$failed" != "$before" ] && [[ $stage =~ ^(setup|release)$ ]]; then
        break
    fi
done
[ ${#failures[@]} = 0 ] || printf 'failed: %s\n' "${failures[@]}"
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
