#!/usr/bin/env bash
# setup.sh [--tests]: installs what RustyDB needs to be built and run on Debian 12, and with
# --tests what its tests need. As root, or with sudo. May be run again at any time: it does nothing, and
# needs no rights, when nothing is missing.
#
# libraft: a configured candidate of 0.22.1 or newer is taken. Otherwise bookworm-backports is
# added from the very archive that serves bookworm here: its URI and key are copied.
set -euo pipefail

readonly RAFT_MIN=0.22.1
readonly APT_ETC=/etc/apt
readonly BACKPORTS_FILE=$APT_ETC/sources.list.d/rustydb-backports.sources

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

check_system() {
    # shellcheck disable=SC1091
    . /etc/os-release
    [ "${ID:-}" = debian ] && [ "${VERSION_ID:-}" = 12 ] && return
    die "this is ${PRETTY_NAME:-an unknown system}; RustyDB is built on Debian 12. Elsewhere install by hand: gcc, cmake >= 3.25, ninja, pkg-config, libuv, protobuf-c and its compiler, libpg_query 15, libmicrohttpd, libraft >= $RAFT_MIN (static), libpq, psql 15, xxhash, pcre2, jansson, libsystemd, cmocka."
}

# ---- apt ----

# Another apt may hold the lists (it has no option to wait for them) or dpkg (it has).
update_lists() {
    local i said
    for ((i = 0; i < 60; i++)); do
        if said=$(as_root env LC_ALL=C apt-get update -qq 2>&1 </dev/null); then
            [ -z "$said" ] || printf '%s\n' "$said" >&2
            return 0
        fi
        case $said in
        *'Could not get lock'* | *'Unable to lock'*) ;;
        *) break ;;
        esac
        [ "$i" -gt 0 ] || say "another program holds apt's lock; waiting for it"
        sleep 5
    done
    printf '%s\n' "$said" >&2
    return 1
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 \
        -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold \
        install -y -qq --no-install-recommends "$@" >/dev/null </dev/null
}

# Those of the packages named that are not installed.
missing_of() {
    local name
    for name in "$@"; do
        dpkg-query -W -f '${db:Status-Status}\n' "$name" 2>/dev/null | grep -x installed >/dev/null ||
            printf '%s\n' "$name"
    done
}

install_packages() {
    local missing
    mapfile -t missing < <(missing_of "$@")
    [ ${#missing[@]} -gt 0 ] || return 0
    say "installing ${missing[*]}"
    apt_install "${missing[@]}" || die "apt-get could not install them; what it said is above"
}

# ---- libraft ----

raft_candidate() {
    LC_ALL=C apt-cache policy libraft-dev | awk '/Candidate:/ { print $2 }'
}

raft_is_new() {
    dpkg --compare-versions "$1" ge "$RAFT_MIN" 2>/dev/null
}

raft_is_there() {
    [ -z "$(missing_of libraft0 libraft-dev)" ] && raft_is_new "$(dpkg-query -W -f '${Version}' libraft-dev)"
}

# The archive of Debian's own bookworm, as apt knows it: never a third party's list.
debian_uri() {
    apt-get indextargets --format '$(REPO_URI)|$(ORIGIN)|$(CODENAME)|$(COMPONENT)|$(CREATED_BY)' |
        awk -F'|' '$2 == "Debian" && $3 == "bookworm" && $4 == "main" && $5 == "Packages" && uri == "" {
            uri = $1; sub("/$", "", uri) }
            END { print uri }'
}

# Signed-By of the source that names this URI: deb822 stanzas (also with the key inline) ...
key_of_deb822() {
    local file
    for file in "$APT_ETC"/sources.list.d/*.sources; do
        [ -e "$file" ] && [ "$file" != "$BACKPORTS_FILE" ] || continue
        awk -v uri="$1" 'BEGIN { RS = ""; FS = "\n" }
            function look(line, n, w, words) {
                n = split(line, words, /[ \t]+/)
                for (w = 1; w <= n; w++) { sub("/$", "", words[w]); if (words[w] == uri) mine = 1 }
            }
            {
                mine = 0; key = ""; parts = 0; field = ""
                for (i = 1; i <= NF; i++) {
                    if ($i ~ /^#/) continue
                    if ($i !~ /^[ \t]/) { field = tolower(substr($i, 1, index($i, ":"))); value = substr($i, index($i, ":") + 1) }
                    else value = $i
                    if (field == "uris:") look(value)
                    if (field == "signed-by:") key = key (parts++ ? "\n" : "") value
                    if (field == "enabled:" && tolower(value) ~ /no|false/) next
                }
                if (mine && key != "") { sub(/^[ \t]+/, "", key); print key; exit }
            }' "$file"
    done
}

# ... or one line with [signed-by=...].
key_of_line() {
    { cat "$APT_ETC"/sources.list "$APT_ETC"/sources.list.d/*.list 2>/dev/null || true; } |
        awk -v uri="$1" '$1 == "deb" {
            options = ""
            if (match($0, /\[[^]]*\]/)) {
                options = substr($0, RSTART + 1, RLENGTH - 2)
                $0 = substr($0, 1, RSTART - 1) substr($0, RSTART + RLENGTH)
            }
            sub("/$", "", $2)
            if ($2 == uri && key == "" && match(options, /signed-by=[^ ]+/)) {
                key = substr(options, RSTART + 10, RLENGTH - 10)
                gsub(",", " ", key)
            }
        }
        END { if (key != "") print key }'
}

# The key of the first source that says one; nothing where apt trusts the archive by itself.
key_of() {
    local key
    key=$(key_of_deb822 "$1" | awk 'NR > 1 && !/^[ \t]/ { exit } { print }')
    [ -n "$key" ] || key=$(key_of_line "$1")
    printf '%s' "$key"
}

has_backports() {
    local known
    known=$(LC_ALL=C apt-cache madison libraft-dev)
    [[ $known == *bookworm-backports* ]]
}

# What does not help is taken away again: a source that fails would be in the way of every apt.
add_backports() {
    local uri key stanza
    uri=$(debian_uri)
    [ -n "$uri" ] || die "no configured source serves Debian's bookworm main; libraft $RAFT_MIN comes from bookworm-backports beside it"
    key=$(key_of "$uri")
    stanza=$(printf 'Types: deb\nURIs: %s\nSuites: bookworm-backports\nComponents: main\n' "$uri")
    [ -z "$key" ] || stanza=$(printf '%s\nSigned-By: %s' "$stanza" "$key")
    say "adding bookworm-backports beside bookworm, for libraft $RAFT_MIN"
    printf '%s\n' "$stanza" | as_root tee "$BACKPORTS_FILE" >/dev/null
    if ! update_lists || ! has_backports; then
        as_root rm -f "$BACKPORTS_FILE"
        die "$uri does not serve bookworm-backports with libraft; the source was taken away again"
    fi
}

install_raft() {
    raft_is_there && return
    if raft_is_new "$(raft_candidate)"; then
        install_packages libraft0 libraft-dev
        raft_is_there || apt_install libraft0 libraft-dev # an older one was there
    else
        has_backports || add_backports
        say "installing libraft of bookworm-backports"
        apt_install -t bookworm-backports libraft0 libraft-dev || die "apt-get could not install libraft"
    fi
    raft_is_there || die "the archives have no libraft $RAFT_MIN or newer"
}

main() {
    local packages=(gcc libc6-dev binutils cmake ninja-build pkg-config protobuf-c-compiler
        libuv1-dev libprotobuf-c-dev libpg-query-dev libmicrohttpd-dev libxxhash-dev
        libpcre2-dev libjansson-dev libpq-dev libsystemd-dev
        postgresql-client-15)
    case "${1:-}" in
    '') ;;
    --tests)
        packages+=(libcmocka-dev postgresql-15 postgresql-contrib clang-14
            clang-format-14 clang-tidy-14 cppcheck libclang-rt-14-dev strace ccache python3 procps)
        ;;
    *) die "usage: setup.sh [--tests]" ;;
    esac
    check_system
    if [ -n "$(missing_of "${packages[@]}")" ] || ! raft_is_there; then
        [ "$(id -u)" = 0 ] || command -v sudo >/dev/null || die "packages are missing: run this as root, or install sudo"
        [ -z "$(dpkg --audit)" ] || as_root env DEBIAN_FRONTEND=noninteractive dpkg --configure -a >/dev/null </dev/null ||
            say "dpkg --configure -a did not succeed; going on"
        update_lists || say "apt-get update did not succeed; going on with the lists that are here"
        install_packages "${packages[@]}"
        install_raft
    fi
    say "all is installed"
}

main "$@"
