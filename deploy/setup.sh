#!/usr/bin/env bash
# setup.sh [--tests]: installs what RustyDB needs to be built and run on Debian 12, and with
# --tests what its tests need. As root, or with sudo. May be run again at any time.
#
# libraft: a configured candidate of 0.22.1 or newer is taken. Otherwise bookworm-backports is
# added from the very archive that serves bookworm here: its URI and key are copied.
set -euo pipefail

readonly RAFT_MIN=0.22.1
readonly BACKPORTS_FILE=/etc/apt/sources.list.d/rustydb-backports.sources

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

check_system() {
    # shellcheck disable=SC1091
    . /etc/os-release
    [ "${ID:-}" = debian ] && [ "${VERSION_ID:-}" = 12 ] && return
    die "this is ${PRETTY_NAME:-an unknown system}; RustyDB is built on Debian 12. Elsewhere install by hand: gcc, cmake >= 3.25, ninja, libuv, protobuf-c, OpenSSL 3, libpg_query 15, libmicrohttpd, libraft >= $RAFT_MIN, libpq, xxhash, zstd, lz4, pcre2, jansson, libsystemd, cmocka."
}

raft_candidate() {
    LC_ALL=C apt-cache policy libraft-dev | awk '/Candidate:/ { print $2 }'
}

raft_is_new() {
    dpkg --compare-versions "$1" ge "$RAFT_MIN" 2>/dev/null
}

# The archive of Debian's own bookworm, as apt knows it: never a third party's list.
debian_uri() {
    apt-get indextargets --format '$(REPO_URI)|$(ORIGIN)|$(CODENAME)|$(COMPONENT)|$(CREATED_BY)' |
        awk -F'|' '$2 == "Debian" && $3 == "bookworm" && $4 == "main" && $5 == "Packages" {
            sub("/$", "", $1); print $1; exit }'
}

# Signed-By of the source that names this URI: deb822 stanzas (also with the key inline) ...
key_of_deb822() {
    local file
    for file in /etc/apt/sources.list.d/*.sources; do
        [ -e "$file" ] || continue
        [ "$file" = "$BACKPORTS_FILE" ] && continue
        awk -v uri="$1" 'BEGIN { RS = ""; FS = "\n" }
            {
                mine = 0; key = ""; in_key = 0
                for (i = 1; i <= NF; i++) {
                    if ($i ~ /^#/) continue
                    if ($i ~ /^[ \t]/) { if (in_key) key = key "\n" $i; continue }
                    in_key = 0
                    if (tolower($i) ~ /^uris:/) {
                        n = split($i, words, /[ \t]+/)
                        for (w = 2; w <= n; w++) { sub("/$", "", words[w]); if (words[w] == uri) mine = 1 }
                    }
                    if (tolower($i) ~ /^signed-by:/) { key = substr($i, 11); in_key = 1 }
                }
                if (mine && key != "") { sub(/^[ \t]+/, "", key); print key; exit }
            }' "$file"
    done
}

# ... or one line with [signed-by=...].
key_of_line() {
    { cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null || true; } |
        awk -v uri="$1" '$1 == "deb" && index($0 " ", uri) && match($0, /signed-by=[^] ]+/) {
            print substr($0, RSTART + 10, RLENGTH - 10); exit }'
}

add_backports() {
    local uri key stanza
    uri=$(debian_uri) || true
    [ -n "$uri" ] || die "no configured source serves Debian's bookworm main; libraft $RAFT_MIN comes from bookworm-backports beside it"
    key=$(key_of_deb822 "$uri")
    [ -n "$key" ] || key=$(key_of_line "$uri")
    stanza=$(printf 'Types: deb\nURIs: %s\nSuites: bookworm-backports\nComponents: main\n' "$uri")
    [ -z "$key" ] || stanza=$(printf '%s\nSigned-By: %s' "$stanza" "$key")
    say "adding bookworm-backports beside bookworm, for libraft $RAFT_MIN"
    printf '%s\n' "$stanza" | as_root tee "$BACKPORTS_FILE" >/dev/null
    as_root apt-get update -qq
}

install_raft() {
    raft_is_new "$(raft_candidate)" && { install_packages libraft0 libraft-dev; return; }
    local installed
    installed=$(dpkg-query -W -f '${Version}' libraft-dev 2>/dev/null || true)
    [ -n "$installed" ] && raft_is_new "$installed" && return
    LC_ALL=C apt-cache madison libraft-dev | grep -q bookworm-backports || add_backports
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        -t bookworm-backports libraft0 libraft-dev >/dev/null
    raft_is_new "$(dpkg-query -W -f '${Version}' libraft-dev)" ||
        die "bookworm-backports has no libraft $RAFT_MIN or newer"
}

# Only what is missing: a second run does nothing.
install_packages() {
    local name missing=()
    for name in "$@"; do
        dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null | grep -qx installed || missing+=("$name")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    say "installing ${missing[*]}"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        "${missing[@]}" >/dev/null
}

main() {
    local tests=no
    case "${1:-}" in
    '') ;;
    --tests) tests=yes ;;
    *) die "usage: setup.sh [--tests]" ;;
    esac
    check_system
    as_root apt-get update -qq || say "apt-get update did not succeed; going on with the lists that are here"
    install_packages gcc libc6-dev binutils cmake ninja-build pkg-config protobuf-c-compiler \
        libuv1-dev libprotobuf-c-dev libssl-dev libpg-query-dev libmicrohttpd-dev libxxhash-dev \
        libzstd-dev liblz4-dev libpcre2-dev libjansson-dev libpq-dev libsystemd-dev \
        postgresql-client-15
    install_raft
    if [ "$tests" = yes ]; then
        install_packages libcmocka-dev postgresql-15 postgresql-contrib clang-14 \
            clang-format-14 clang-tidy-14 cppcheck libclang-rt-14-dev strace ccache python3 procps
    fi
    say "all is installed"
}

main "$@"
