#!/usr/bin/env bash
# left_behind_test.sh: a voter that is away for longer than the log is kept ([wal] keep_mb) stays
# out: views, the CLI and its log say so, it takes no part in reads of its own, and the others go
# on. One that is away for less catches up.
source "$(dirname "$0")/lib.sh"
up 3
cluster local down --dir "$DIR" >/dev/null || fail "local down"
for name in $(node_names); do
    printf '\n[wal]\nkeep_mb = 64\nmax_segment_mb = 16\ncheckpoint_interval_ms = 1000\n' >>"$DIR/$name/conf/rustydb.toml"
done
up_again
primary=$(primary_name)
away=$(node_names | grep -vx "$primary" | head -n 1)
port=$(port_of "$primary")
must "$port" "CREATE TABLE much (filler text)"

# fill MIB: that much of log, in small transactions' worth of rows.
fill() { must "$port" "INSERT INTO much SELECT repeat('x', 1000) FROM generate_series(1, $1 * 1000)"; }
log_mb() { du -sm "$DIR/$1/data/wal" | cut -f1; }
log_is_short() { [ "$(log_mb "$1")" -le 128 ]; } # 64, and what the checkpoint needs
status_of() { sql "$port" "SELECT status FROM v_cluster_nodes WHERE node_name = '$1'"; }
is_unhealthy() { [ "$(status_of "$1")" = unhealthy ]; }

kill_node "$away"
fill 20
cluster local start "$away" --dir "$DIR" || fail "local start $away"
wait_for 30 all_healthy
expect_one_hash
say "a voter behind by 20 MiB has caught up"

kill_node "$away"
for ((i = 0; i < 5; i++)); do fill 30; done
wait_for 30 log_is_short "$primary"
cluster local start "$away" --dir "$DIR" >"$WORK/start.log" 2>&1 || true
wait_for 30 is_unhealthy "$away"
wait_for 10 grep -q 'WARN.*behind' "$DIR/$away/logs/rustydb.log"
grep -q "$away.*behind\|behind.*$away" "$DIR/$primary/logs/rustydb.log" || fail "the log of the primary does not name $away"
cluster --status --dir "$DIR" | grep "^$away " | grep -q unhealthy || fail "--status does not say that $away is unhealthy"
must "$port" "INSERT INTO much VALUES ('on')"
for name in $(node_names); do
    [ "$name" = "$away" ] || equal "v_replication_status at $name" failed \
        "$(must "$(port_of "$name")" "SELECT status FROM v_replication_status WHERE standby_name = '$away'")"
done
say "a voter behind by more than keep_mb stays out"
