#!/usr/bin/env bash
# damage_test.sh: a flipped byte in a data file, in the log, in a copy of the root. Damage is found,
# named with its place, never served; the node stops and stays stopped; the others go on.
source "$(dirname "$0")/lib.sh"

# flip FILE NEEDLE: changes one byte behind each place where NEEDLE is; fails if it is nowhere.
flip() {
    python3 - "$1" "$2" <<'PY'
import sys
path, needle = sys.argv[1], sys.argv[2].encode()
data = bytearray(open(path, "rb").read())
at, count = data.find(needle), 0
while at >= 0:
    data[at + len(needle) - 1] ^= 0x20
    count += 1
    at = data.find(needle, at + len(needle))
open(path, "r+b").write(data)
sys.exit(0 if count > 0 else 1)
PY
}

# refuses NODE TEXT: its start ends, and one of its logs says TEXT.
refuses() {
    cluster local start "$1" --dir "$DIR" >/dev/null 2>&1
    wait_for 20 grep -qE "$2" -r "$DIR/$1/logs"
    wait_for 20 stopped "$1"
}

up 3
must "$P" "CREATE TABLE t (id int PRIMARY KEY, what text);
    INSERT INTO t SELECT g, 'row number ' || g FROM generate_series(1, 20000) g"
wait_for 20 all_healthy
primary=$(primary_name)
read -r first second <<<"$(node_names | grep -vx "$primary" | paste -sd' ')"
others() { must "$(port_of "$primary")" "INSERT INTO t VALUES ($1, 'written by the others')"; }

say "a byte of a heap page of what becomes the primary"
port=$(port_of "$first")
must "$port" "CHECKPOINT"
cluster local stop "$first" --dir "$DIR" >/dev/null || fail "local stop"
flip "$DIR/$first/data/pages/slots.0000" 'row number 10000' || fail "the row is not in the slot file"
cluster local start "$first" --dir "$DIR" >/dev/null || fail "local start"
wait_for 20 answers "$port"
wait_for 20 all_healthy
cluster --switchover --from "$primary" --to "$first" --dir "$DIR" >/dev/null || fail "switchover"
said=$(psql -X -v VERBOSITY=verbose -p "$port" -c "SELECT count(*), max(what) FROM t" 2>&1)
[[ $said == *"XX001: page "*"fails its check"* ]] || fail "the damage is not named: $said"
[[ $said =~ "DETAIL:  Page "[0-9]+" of space "[0-9]+" (heap of table "[0-9]+"), slot "[0-9]+ ]] ||
    fail "the place is not named: $said"
[[ $said != *'('*' row'* ]] || fail "rows were served: $said"
wait_for 20 stopped "$first"
wait_for 20 a_primary_that_is_not "$first"
primary=$(primary_name)
second=$(node_names | grep -vx -e "$primary" -e "$first")
others 30001

say "it does not come back"
refuses "$first" 'this data directory was found damaged: page'

say "one copy of the root, then both"
cluster local stop "$second" --dir "$DIR" >/dev/null || fail "local stop"
root=$DIR/$second/data/pages/root
printf 'x' | dd of="$root" bs=1 seek=100 conv=notrunc status=none
printf 'x' | dd of="$root" bs=1 seek=8292 conv=notrunc status=none # first copies of both pairs
cluster local start "$second" --dir "$DIR" >/dev/null || fail "local start"
wait_for 20 answers "$(port_of "$second")"
others 30002
equal "rows after the root's first copy was lost" 20002 "$(must "$(port_of "$primary")" 'SELECT count(*) FROM t')"
kill_node "$second"
cp "$root" "$WORK/root"
for at in 100 4196 8292 12388; do
    printf 'y' | dd of="$root" bs=1 seek=$at conv=notrunc status=none
done
refuses "$second" 'no copy of the newest checkpoint root can be read'
cp "$WORK/root" "$root"

say "a byte of the log"
wal=$(ls "$DIR/$second/data/wal/"* | head -n 1)
cp "$wal" "$WORK/wal"
flip "$wal" 'row number 777' || fail "the row is not in the log"
refuses "$second" 'log segment [0-9a-f]+ is damaged'
cp "$WORK/wal" "$wal"
cluster local start "$second" --dir "$DIR" >/dev/null || fail "local start with the log as it was"
wait_for 20 answers "$(port_of "$second")"
others 30003
