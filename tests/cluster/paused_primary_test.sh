#!/usr/bin/env bash
# paused_primary_test.sh: the primary hangs (SIGSTOP), so that its connections stay open and say
# nothing. The others take over at once: new sessions, sessions with a link to it, statements
# and blocks under way there. When it comes back its sessions go on as those of a replica.
source "$(dirname "$0")/lib.sh"

# pause: sets FROZEN, the primary by then, and OTHERS.
pause_primary() {
    FROZEN=$(primary_name) || fail "no primary"
    OTHERS=($(node_names | grep -vx "$FROZEN"))
    cluster local pause "$FROZEN" --dir "$DIR" || fail "local pause $FROZEN"
}

resume() {
    cluster local resume "$FROZEN" --dir "$DIR" || fail "local resume $FROZEN"
    wait_for 20 all_healthy
}

# within MS COMMAND...: it ends well in that time.
within() {
    local limit=$1 begin=${EPOCHREALTIME/[.,]/} took
    shift
    "$@" || fail "$*"
    took=$(((${EPOCHREALTIME/[.,]/} - begin) / 1000))
    [ $took -lt "$limit" ] || fail "$took ms, not $limit: $*"
    say "$took ms: $*"
}

up 3
must "$P" "CREATE TABLE notes (words text); CREATE TABLE others (words text)"
must "$P" "CREATE TABLE one (n int); INSERT INTO one VALUES (0)"

# ---- whoever comes new, and COPYs under way: alone, and in a block that its text begins ----
primary=$(primary_name)
port=$(port_of "$(node_names | grep -vx "$primary" | head -n 1)")
until_enough() { while [ ! -e "$WORK/enough" ]; do yes copied | head -n 5000; sleep 0.1; done; }
copy_with() { # NAME TEXT
    { echo "$2"; until_enough; printf '\\.\nSELECT 1;\n'; } |
        timeout 60 psql -XAtq -v VERBOSITY=sqlstate -p "$port" >"$WORK/$1" 2>&1 &
    HELPERS+=($!)
}
copy_with alone 'COPY notes FROM STDIN;'
copy_with in_block 'BEGIN\; COPY others FROM STDIN;'
# Under way, it has the table's lock.
copies() { [ "$(sqlstate_of "$(port_of "$primary")" "SET lock_timeout = '50ms'; TRUNCATE $1")" = 55P03 ]; }
wait_for 20 copies notes
wait_for 20 copies others
pause_primary
for name in "${OTHERS[@]}"; do
    within 3000 sql "$(port_of "$name")" "INSERT INTO notes VALUES ('new')"
done
touch "$WORK/enough"
wait "${HELPERS[@]: -2}"
equal "a COPY under way" "ERROR:  40001 1" "$(xargs -d '\n' <"$WORK/alone")"
equal "a COPY under way in a block" "ERROR:  40001 ERROR:  25P02" "$(xargs -d '\n' <"$WORK/in_block")"
resume

# ---- whoever has a link to it: at rest, in a block, in a statement ----
FROZEN=$(primary_name)
number=0
for name in $(node_names | grep -vx "$FROZEN"); do
    for kind in rest block commit lock; do
        number=$((number + 1))
        open_session $number "$(port_of "$name")"
        expect $number "INSERT INTO notes VALUES ('$kind')" "INSERT 0 1"
    done
    expect $((number - 2)) "BEGIN" "BEGIN"
    expect $((number - 1)) "BEGIN" "BEGIN"
    expect $((number - 1)) "INSERT INTO notes VALUES ('lost')" "INSERT 0 1"
done
open_session 9 "$(port_of "$FROZEN")"
expect 9 "BEGIN" "BEGIN"
expect 9 "UPDATE one SET n = 1" "UPDATE 1"
expect 8 "BEGIN" "BEGIN"
send 4 "UPDATE one SET n = 2" # waits for session 9, as does the next, which is in no block by then
send 8 "ROLLBACK\\; UPDATE one SET n = 2"
sleep 1
pause_primary
begin_us=${EPOCHREALTIME/[.,]/}
for number in 4 8; do
    answer $number
    [ "${GOT#ERROR:  08007: }" != "$GOT" ] || fail "session $number in a statement: $GOT"
done
expect 8 "ROLLBACK" "ROLLBACK"
for number in 1 5; do
    expect $number "INSERT INTO notes VALUES ('rest')" "INSERT 0 1"
    expect $((number + 1)) "ROLLBACK" "ROLLBACK"
    expect $((number + 1)) "INSERT INTO notes VALUES ('rest')" "INSERT 0 1"
    expect $((number + 2)) "INSERT INTO notes VALUES ('lost')" "ERROR:  40001: "
    expect $((number + 2)) "INSERT INTO notes VALUES ('lost')" "ERROR:  25P02: "
    expect $((number + 2)) "ROLLBACK" "ROLLBACK"
    expect $((number + 2)) "INSERT INTO notes VALUES ('rest')" "INSERT 0 1"
    expect $((number + 3)) "UPDATE one SET n = 3" "UPDATE 1"
done
took=$(((${EPOCHREALTIME/[.,]/} - begin_us) / 1000))
say "$took ms: eight sessions go on"
[ $took -lt 5000 ] || fail "$took ms for sessions with a link to go on"

# ---- a session of the frozen one ----
port=$(port_of "$FROZEN")
for text in "SELECT count(*) FROM notes WHERE words = 'lost'" "INSERT INTO notes VALUES ('late')"; do
    sqlstate_of "$port" "$text" >"$WORK/late.${#text}" &
    HELPERS+=($!)
done
sleep 0.3
resume
wait "${HELPERS[@]: -2}"
equal "a read begun while it hung" ok "$(cat "$WORK"/late.47)"
equal "an insert begun while it hung" ok "$(cat "$WORK"/late.33)"
expect 9 "UPDATE one SET n = 1" "ERROR:  40001: "
expect 9 "ROLLBACK" "ROLLBACK"
for number in {1..9}; do close_session "$number"; done
equal "lost blocks" 0 "$(must "$P" "SELECT count(*) FROM notes WHERE words = 'lost'")"

# ---- pgbench through the others, retrying ----
timeout 60 pgbench -q -i -s 1 -p "$P" >"$WORK/init.log" 2>&1 || { cat "$WORK/init.log" >&2; fail "pgbench -i"; }
frozen=$(primary_name)
pids=()
for name in $(node_names | grep -vx "$frozen"); do
    for mode in simple prepared; do
        timeout 60 pgbench -n --max-tries=100 -M $mode -c 2 -T 3 -p "$(port_of "$name")" \
            >"$WORK/$name-$mode.bench" 2>&1 &
        pids+=($!)
    done
done
sleep 0.8
pause_primary
sleep 1
resume
for pid in "${pids[@]}"; do wait "$pid"; done
# A commit in flight when it froze is in doubt, which pgbench takes for the end of its client.
for log in "$WORK"/*.bench; do
    ! grep 'ERROR' "$log" | grep -v 'may have been committed' || fail "pgbench: $log"
done
bank_agrees
expect_one_hash
