#!/usr/bin/env bash
# protocol_test.sh: what only a raw socket sees: start-up packets, ParameterStatus, broken messages,
# cancel requests, pids, the limit of connections. What is expected is what PostgreSQL 15 answers, but
# for what is not built (0A000: zones other than UTC, replication, FunctionCall).
source "$(dirname "$0")/lib.sh"
up 2

# case NAME WANTED ARGUMENTS...: what protocol_client.py says must be WANTED.
case_is() {
    local name=$1 wanted=$2 got
    shift 2
    got=$(timeout 30 python3 "$ROOT/tests/cluster/protocol_client.py" "$name" "$@" 2>&1)
    [ "$got" = "$wanted" ] || { diff <(echo "$wanted") <(echo "$got") >&2; fail "$name"; }
}

primary=$(port_of "$(primary_name)")
for port in $(all_ports); do [ "$port" = "$primary" ] || standby=$port; done

case_is parameters "application_name=
client_encoding=UTF8
DateStyle=ISO, MDY
default_transaction_read_only=off
in_hot_standby=off
integer_datetimes=on
IntervalStyle=postgres
is_superuser=on
server_encoding=UTF8
server_version=15.*
session_authorization=postgres
standard_conforming_strings=on
TimeZone=UTC" "$primary"
equal "in_hot_standby of a standby" on "$(must "$standby" 'SHOW in_hot_standby')"

case_is requests "N
N
I" "$primary"

case_is logins "('user', 'nobody') FATAL 28000 end
('database', 'nowhere') FATAL 3D000 end
('replication', 'database') FATAL 0A000 end
('replication', 'off') I
('no_such_setting', '1') FATAL 42704 end
('TimeZone', 'Europe/Berlin') FATAL 0A000 end
('user', None) FATAL 28000 end" "$primary"

case_is packets "0 FATAL 08P01 end
4 FATAL 0A000 end
18 FATAL 08P01 end
24 FATAL 08P01 end" "$primary"

for port in $primary $standby; do
    case_is messages "no zero ERROR 08P01 I invalid string in message
two texts ERROR 08P01 I invalid message format
function ERROR 0A000 I the FunctionCall message is not supported
not UTF-8 ERROR 22021 I invalid byte sequence for encoding \"UTF8\": 0xff
too short ERROR 22021 I invalid byte sequence for encoding \"UTF8\": 0xe2 0x82 0x27
BEGIN T
ERROR 08P01 E ROLLBACK I
COPY 1 I
CREATE TABLE I copy
ERROR 08P01 FATAL 08P01 end terminating connection because protocol synchronization was lost
DROP TABLE I
FATAL 08P01 end" "$port"

    case_is extended "1 SELECT 1 I 
1 SELECT 1 I 
ERROR 08P01 I bind message has 2 parameter formats but 1 parameters
ERROR 08P01 I bind message has 3 result formats but query has 2 columns
ERROR 22023 I unsupported format code: 7" "$port"

    case_is copies "COPY 2 I twice 
ERROR 22P04 I twice literal newline found in data
ERROR 22P04 I twice literal carriage return found in data
COPY 1 I twice 
COPY 1 I twice 
COPY 1 I twice 
ERROR 22P04 I twice end-of-copy marker corrupt
ERROR 22021 I twice invalid byte sequence for encoding \"UTF8\": 0xff
10 12 SELECT 1 I DROP TABLE I" "$port"

    case_is cancels "end /  SELECT 1 I /  SELECT 1 I
end / ERROR 57014 I /  SELECT 1 I
1 SELECT 1 I" "$port"

    case_is cancelled_texts "CREATE TABLE INSERT 0 1 I BEGIN DELETE 1 T
I ROLLBACK I
E ROLLBACK I
ROLLBACK I DROP TABLE I" "$port" "$primary"

    case_is interrupts "t SELECT 1 I ERROR 57014 I  SELECT 1 I
t SELECT 1 I FATAL 57P01 end
f SELECT 1 I f SELECT 1 I
t FATAL 57P01 end 1 SELECT 1 I" "$port"
done

# memory_kb NAME WHAT: VmRSS or VmHWM, the peak.
memory_kb() { sed -n "s/^$2:[^0-9]*\([0-9]*\).*/\1/p" "/proc/$(node_pid "$1")/status"; }
# took_at_most KB GROWN WHAT. A sanitizer keeps what was freed for a while: there it says nothing.
took_at_most() { [ "$2" -lt "$1" ] || grep -q __asan_init "$BIN/rusty-db-server" || fail "$3 took $2 KiB"; }
resident_kb() { memory_kb "$(primary_name)" VmRSS; }
case_is portals "1 SELECT 1 I" "$primary" # an allocator that keeps what was freed has it now
before=$(resident_kb)
case_is portals "1 SELECT 1 I" "$primary"
took_at_most 30000 $(($(resident_kb) - before)) "20000 portals that are gone"

for name in $(node_names); do
    before=$(memory_kb "$name" VmHWM)
    case_is pipeline "CREATE TABLE I
599 I
599 SELECT 1 I
0 ERROR 23505 I
599 SELECT 1 I
DROP TABLE I" "$(port_of "$name")" 200000
    took_at_most 60000 $(($(memory_kb "$name" VmHWM) - before)) "a pipeline of 120 MB at $name"
done

for port in "$primary" "$standby"; do
    case_is skips "ERROR 42703 I / 2 SELECT 1 I
3 SELECT 1 4 SELECT 1 I / I
CREATE TABLE 4 SELECT 1 I / I
DROP TABLE 4 SELECT 1 I / I" "$port"
done

case_is pids "40 40
True" "$primary" "$standby"

case_is settings "I on BEGIN T
along SHOW T / repeatable read SHOW T" "$standby"

# That standby becomes the primary between two parts of a unit.
number() { local name; for name in $(node_names); do [ "$(port_of "$name")" != "$1" ] || echo "${name#n}"; done; }
case_is moves "SELECT 1
INSERT 0 1 INSERT 0 1
0 SELECT 1 I SELECT 1
I / 2 SELECT 1 I DROP TABLE I" "$standby" $((primary + 1000)) "$(number "$primary")" "$(number "$standby")"

# The limit, on a node of its own that has a small one.
home=$DIR/n2
cluster local stop n2 --dir "$DIR" || fail "stopping n2"
sed -i 's/^\[server\]$/[server]\nmax_connections = 10/' "$home/conf/rustydb.toml"
cluster local up --dir "$DIR" >/dev/null || fail "starting n2"
port=$(port_of n2)
wait_for 10 answers "$port"
equal "max_connections" 10 "$(must "$port" 'SHOW max_connections')"
case_is crowd "I / FATAL 53300 end
I" "$port" 10
