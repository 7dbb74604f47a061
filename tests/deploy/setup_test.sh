#!/usr/bin/env bash
# setup_test.sh: deploy/setup.sh in situations that this machine is not in. A copy of it runs in a
# folder of its own, with apt, dpkg and sudo played by scripts; nothing of the machine is touched.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 2
WORK=$(mktemp -d "${TMPDIR:-/tmp}/rustydb-setup.XXXXXX")
trap 'rm -rf "$WORK"' EXIT
failed=0
case_name=

fail() {
    printf 'setup_test: %s: %s\n' "$case_name" "$*"
    sed 's/^/    /' "$W/said"
    failed=1
}

stub() { printf '#!/bin/bash\nW=%q\n%s\n' "$W" "$2" >"$W/bin/$1" && chmod +x "$W/bin/$1"; }

# begin NAME: a fresh machine without packages, whose archive has libraft in bookworm-backports.
begin() {
    case_name=$1
    W="$WORK/$1 here" # a blank in the path
    mkdir -p "$W/bin" "$W/apt/sources.list.d"
    touch "$W/said" "$W/installed" "$W/audit" "$W/calls"
    echo 0 >"$W/locked"
    echo 0 >"$W/uid"
    echo 0.15.0-1 >"$W/candidate"
    touch "$W/serves"
    echo 'http://archive/debian/|Debian|bookworm|main|Packages' >"$W/targets"
    printf 'ID=debian\nVERSION_ID=12\n' >"$W/os-release"
    sed -e "s|^readonly APT_ETC=.*|readonly APT_ETC='$W/apt'|" -e "s|\. /etc/os-release|. '$W/os-release'|" \
        deploy/setup.sh >"$W/setup.sh"
    stub id 'cat "$W/uid"'
    stub sleep ':'
    stub dpkg 'case $1 in
        --audit) cat "$W/audit" ;;
        --configure) : >"$W/audit" ;;
        *) exec /usr/bin/dpkg "$@" ;;
        esac'
    stub dpkg-query 'format=$3
        for name in "${@:4}"; do
            version=$(sed -n "s/^$name //p" "$W/installed" | tail -n 1)
            [ -n "$version" ] || exit 1
            case $format in *Status*) echo installed ;; *) printf %s "$version" ;; esac
        done'
    stub apt-cache 'case $1 in
        policy) echo "  Candidate: $(cat "$W/candidate")" ;;
        madison)
            echo "libraft-dev | 0.15.0-1 | http://archive/debian bookworm/main amd64 Packages"
            [ ! -e "$W/apt/sources.list.d/rustydb-backports.sources" ] || [ ! -e "$W/serves" ] ||
                echo "libraft-dev | 0.22.1-1~bpo12+1 | http://archive/debian bookworm-backports/main amd64 Packages" ;;
        esac'
    stub apt-get 'echo "$*" >>"$W/calls"
        case " $* " in
        *" indextargets "*) cat "$W/targets"; exit ;;
        *" update "*)
            left=$(cat "$W/locked")
            [ "$left" = 0 ] && exit
            echo $((left - 1)) >"$W/locked"
            echo "E: Could not get lock /var/lib/apt/lists/lock" >&2
            exit 100 ;;
        esac
        [ ! -e "$W/breaks" ] || { echo "E: no room" >&2; exit 100; }
        [ ! -s "$W/audit" ] || { echo "E: dpkg was interrupted" >&2; exit 100; }
        version=$(cat "$W/candidate")
        case " $* " in *" -t bookworm-backports "*) version=0.22.1-1~bpo12+1 ;; esac
        for word in "$@"; do
            case $word in -* | install | *=*) ;; libraft*) echo "$word $version" ;; *) echo "$word 1" ;; esac
        done >>"$W/installed"'
}

run() { PATH="$W/bin:/usr/bin:/bin" bash "$W/setup.sh" "$@" >"$W/said" 2>&1; }
works() { run "$@" || fail "it failed"; }
refuses() { # WORDS: it fails and says them
    run && fail "it did not fail"
    grep -q "$1" "$W/said" || fail "it does not say \"$1\""
}
source_is() {
    diff "$W/apt/sources.list.d/rustydb-backports.sources" <(printf '%b' "$1") >"$W/said" 2>&1 || fail "another source than was meant"
}
readonly PLAIN='Types: deb\nURIs: http://archive/debian\nSuites: bookworm-backports\nComponents: main\n'

begin deb822
cat >"$W/apt/sources.list.d/a.sources" <<TXT
# Signed-By: /not/this
Types: deb
URIs: http://archive/debian-security
Suites: bookworm-security
Signed-By: /security.gpg

Enabled: no
URIs: http://archive/debian
Signed-By: /off.gpg

Types: deb
URIs:
 http://other/debian
 http://archive/debian/
Suites: bookworm
Signed-By: /right.gpg
TXT
cp "$W/apt/sources.list.d/a.sources" "$W/apt/sources.list.d/b.sources"
works
source_is "${PLAIN}Signed-By: /right.gpg\n"
grep -q '^libraft-dev 0.22.1' "$W/installed" || fail "libraft is not installed"

begin inline_key
printf 'URIs: http://archive/debian\nSuites: bookworm\nSigned-By:\n -----BEGIN-----\n .\n abc\n' >"$W/apt/sources.list.d/a.sources"
works
source_is "${PLAIN}Signed-By: \n -----BEGIN-----\n .\n abc\n"

begin one_line
cat >"$W/apt/sources.list" <<TXT
deb [signed-by=/security.gpg] http://archive/debian-security bookworm-security main
deb [ arch=amd64 signed-by=/one.gpg,/two.gpg ] http://archive/debian/ bookworm main
TXT
works
source_is "${PLAIN}Signed-By: /one.gpg /two.gpg\n"

begin no_key
echo 'deb http://archive/debian bookworm main' >"$W/apt/sources.list"
works --tests
source_is "$PLAIN"
: >"$W/calls"
echo 1000 >"$W/uid"
works --tests # a second run: nothing to do, no rights needed
[ ! -s "$W/calls" ] || fail "apt-get was called: $(cat "$W/calls")"

begin new_candidate
echo 0.23.0-1 >"$W/candidate"
works
[ ! -e "$W/apt/sources.list.d/rustydb-backports.sources" ] || fail "a source was added without need"

begin old_libraft
printf 'libraft0 0.15.0-1\nlibraft-dev 0.15.0-1\n' >"$W/installed"
works
grep -q '^libraft-dev 0.22.1' "$W/installed" || fail "libraft is not newer"

begin old_libraft_new_candidate
echo 0.23.0-1 >"$W/candidate"
printf 'libraft0 0.15.0-1\nlibraft-dev 0.15.0-1\n' >"$W/installed"
works
grep -q '^libraft-dev 0.23.0' "$W/installed" || fail "libraft is not newer"

begin locked
echo 3 >"$W/locked"
works
grep -q 'waiting for it' "$W/said" || fail "it does not say that it waits"

begin interrupted
echo 'half a package' >"$W/audit"
works

begin no_backports
rm "$W/serves"
refuses 'does not serve bookworm-backports'
[ ! -e "$W/apt/sources.list.d/rustydb-backports.sources" ] || fail "a source that does not help was left"

begin no_archive
: >"$W/targets"
refuses 'no configured source serves'

begin breaks
touch "$W/breaks"
refuses 'could not install'
grep -q 'no room' "$W/said" || fail "what apt-get said is lost"

begin no_sudo
echo 1000 >"$W/uid"
PATH_OF_SUDO=$(PATH=/usr/bin:/bin command -v sudo) # present here: hidden from the script
if [ -n "$PATH_OF_SUDO" ]; then
    sed -i 's/command -v sudo/false/' "$W/setup.sh"
fi
refuses 'as root, or install sudo'

begin other_system
printf 'ID=plan9\nVERSION_ID=4\nPRETTY_NAME="Plan 9"\n' >"$W/os-release"
refuses 'this is Plan 9'

[ "$failed" = 0 ] && echo "setup_test: passed"
exit "$failed"
