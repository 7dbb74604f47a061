# scoreboard.sh: rows of docs/scoreboard.md; sourced by the scripts beside it, after lib.sh.
# shellcheck shell=bash disable=SC2034

# add_row TABLE ROW: at the end of that table of the scoreboard.
add_row() {
    awk -v head="### $1" -v row="$2" '
        $0 == head { inside = 1 }
        inside == 2 && !/^\|/ { print row; inside = 0 }
        inside == 1 && /^\|---/ { inside = 2 }
        { print }
        END { if (inside == 2) print row }' "$ROOT/docs/scoreboard.md" >"$WORK/scoreboard.md" &&
        cat "$WORK/scoreboard.md" >"$ROOT/docs/scoreboard.md"
}

# What a write of 4 KiB that reaches the disk takes there: microseconds, the mean of 200.
sync_us() {
    LC_ALL=C dd if=/dev/zero of="$WORK/sync.try" bs=4096 count=200 oflag=dsync 2>&1 |
        awk -F', ' '/copied/ { printf "%.0f", $(NF - 1) * 1e6 / 200 }'
    rm -f "$WORK/sync.try"
}

machine() {
    printf '%s, %s cores, %s GiB, sync of 4 KiB %s us' "$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1)" "$(nproc)" \
        "$(awk '/MemTotal/ { printf "%.0f", $2 / 1048576 }' /proc/meminfo)" "$(sync_us)"
}
