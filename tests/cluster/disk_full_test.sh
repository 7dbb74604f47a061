#!/usr/bin/env bash
# disk_full_test.sh: a disk that fills up (a small tmpfs: as root or with sudo). Growth
# is refused early with 53100, reads, deletes and drops go on, nothing acknowledged is lost, and it
# recovers by itself when there is room.
source "$(dirname "$0")/lib.sh"
mkdir -p "$DIR"
as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo)
"${as_root[@]}" mount -t tmpfs -o "size=160m,uid=$(id -u)" none "$DIR" || fail "no tmpfs can be mounted"
also_clean_up() {
    timeout 60 "$BIN/rusty-db-cluster" local down --dir "$DIR" >/dev/null 2>&1
    cp "$DIR/cluster.json" "$WORK/" 2>/dev/null
    "${as_root[@]}" umount -l "$DIR"
}
P=${PORT:-$(free_base)} || fail "no free ports"
mkdir -p "$DIR/n1/conf"
cat >"$DIR/n1/conf/rustydb.toml" <<EOF
[instance]
name = "n1"
[server]
listen_port = $P
api_port = $((P + 1000))
[clustering]
listen_port = $((P + 2000))
seeds = ["n1=127.0.0.1:$((P + 2000))"]
[storage]
buffer_pool_pages = 1024
[wal]
max_segment_mb = 8
keep_mb = 64
EOF
PORT=$P up 1
must "$P" "CREATE TABLE t (a serial PRIMARY KEY, b text); CREATE TABLE other (a int); INSERT INTO other VALUES (1)"
for ((i = 0; i < 400; i++)); do
    said=$(sqlstate_of "$P" "INSERT INTO t (b) SELECT repeat('x', 1000) FROM generate_series(1, 1000)")
    [ "$said" = ok ] || break
done
equal "what a disk that fills up says" 53100 "$said"
say "$i times 1000 rows went in; $(df --output=avail -m "$DIR" | tail -n 1 | xargs) MiB are left"
rows=$((i * 1000))
equal "rows" $rows "$(must "$P" 'SELECT count(*) FROM t')"
equal "an update" 53100 "$(sqlstate_of "$P" "UPDATE other SET a = 2")"
equal "a delete" ok "$(sqlstate_of "$P" "DELETE FROM other")"
equal "a checkpoint" ok "$(sqlstate_of "$P" "CHECKPOINT")"
kill_node n1
cluster local start n1 --dir "$DIR" || fail "start"
wait_for 30 answers "$P"
equal "rows after kill -9" $rows "$(must "$P" 'SELECT count(*) FROM t')"
"${as_root[@]}" mount -o remount,size=400m "$DIR" || fail "remount"
wait_for 10 sql "$P" "INSERT INTO other VALUES (3)"
equal "a row again" 3 "$(must "$P" 'SELECT a FROM other')"
must "$P" "DROP TABLE t"
