#!/usr/bin/env bash
# guide_test.sh: what the maintenance guide prints about switchover and verification works as
# printed (tests/guide), on a cluster with the guide's node names; v$name is spelled v_name, for a
# shell takes the $ for its own.
source "$(dirname "$0")/lib.sh"
export PATH=$BIN:$PATH
P=${PORT:-$(free_base)} || fail "no free ports"
PORT=$P up 3 --names primary,standby-1,standby-2 --rest-port $((P + 1000))
export RUSTYDB_DIR=$DIR

# The blocks as they are, with v_ for v$: each must be shell that succeeds.
block() { sed 's/v\$\([a-z]\)/v_\1/g' "$ROOT/tests/guide/$1"; }
run_block() { block "$1" | bash -e >"$WORK/block.out" 2>&1 || { cat "$WORK/block.out" >&2; fail "block $1"; }; }

# The guide does not say a port: the programs take the local cluster's nodes from RUSTYDB_DIR.
query=$(block 46-rolling-upgrade-standby.sh | grep '^rusty-db-cli')
[ -n "$query" ] || fail "block 46 has no query"
bash -c "$query" >"$WORK/46.out" 2>&1 || { cat "$WORK/46.out" >&2; fail "block 46"; }
for name in standby-1 standby-2; do
    grep -q "$name" "$WORK/46.out" || { cat "$WORK/46.out" >&2; fail "block 46 does not show $name"; }
done

run_block 47-rolling-switchover.sh
wait_for 10 primary_is standby-1

run_block 49-rolling-verify-all-nodes.sh
for word in node_name version status primary standby-1 standby-2 healthy; do
    grep -q "$word" "$WORK/block.out" || { cat "$WORK/block.out" >&2; fail "block 49 does not show $word"; }
done

# --host takes a node's name, and reaches that node.
for name in primary standby-1 standby-2; do
    recovery=t
    [ $name != standby-1 ] || recovery=f
    said=$(rusty-db-cli --host $name --output json --command 'SELECT pg_is_in_recovery() AS r')
    case $said in
    *true*) got=t ;;
    *false*) got=f ;;
    *) fail "--host $name: $said" ;;
    esac
    equal "--host $name" $recovery $got
done

# get PORT PATH: the whole answer of a REST server.
get() {
    exec 7<>"/dev/tcp/127.0.0.1/$1" || fail "REST at port $1"
    printf 'GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n' "$2" >&7
    timeout 10 cat <&7
    exec 7>&-
}

# Load balancers: /primary is 200 on one node, /replica on the others.
for name in primary standby-1 standby-2; do
    rest=$(tr -d '\n' <"$DIR/cluster.json" | tr '{' '\n' | grep "\"name\": *\"$name\"" |
        sed 's/.*"rest_port": *\([0-9]*\).*/\1/')
    want=503/200
    [ $name != standby-1 ] || want=200/503
    got=$(get "$rest" /primary | sed -n '1s/^[^ ]* \([0-9]*\).*/\1/p')/$(get "$rest" /replica |
        sed -n '1s/^[^ ]* \([0-9]*\).*/\1/p')
    equal "/primary and /replica of $name" "$want" "$got"
    [[ $(get "$rest" /api/v1/health) == *'"status":"healthy"'* ]] || fail "health of $name"
done
cluster --status -o json --dir "$DIR" | grep -q '"primary": "standby-1"' || fail "--status"
for view in v_cluster_nodes v_replication_status v_replication_lag v_state_hash; do
    rows=$(must "$P" "SELECT count(*) FROM $view")
    want=3
    [[ $view != v_replication_* ]] || want=2
    equal "rows of $view" $want "$rows"
    equal "rows of ${view/v_/v\$}" $want "$(must "$P" "SELECT count(*) FROM ${view/v_/v\$}")"
done
