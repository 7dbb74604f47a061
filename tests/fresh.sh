#!/usr/bin/env bash
# fresh.sh [quickstart|run]: proves the two set-up commands in a Debian 12 that has nothing but
# its base system: debootstrap into a folder, clone the committed tree, run there. As root.
# Not part of tests/run.sh. The archive is the one that serves bookworm here.
set -euo pipefail
cd "$(dirname "$0")/.."

what=${1:-quickstart}
case $what in
quickstart | run) ;;
*) echo "usage: fresh.sh [quickstart|run]" >&2; exit 2 ;;
esac
root=${FRESH_ROOT:-/var/tmp/rustydb-fresh}
[ "$(id -u)" = 0 ] || { echo "fresh.sh needs root" >&2; exit 2; }
command -v debootstrap >/dev/null || { apt-get update -qq; apt-get install -y -qq debootstrap >/dev/null; }

uri=$(apt-get indextargets --format '$(REPO_URI)|$(ORIGIN)|$(CODENAME)|$(COMPONENT)' |
    awk -F'|' '$2 == "Debian" && $3 == "bookworm" && $4 == "main" && uri == "" { uri = $1 } END { print uri }')
# What an earlier run left that was killed: its mounts, and perhaps half a system.
for place in proc dev; do
    ! mountpoint -q "$root/$place" || umount "$root/$place"
done
if [ ! -e "$root/.whole" ]; then
    rm -rf --one-file-system "$root"
    debootstrap --variant=minbase --include=ca-certificates,git bookworm "$root" "$uri" >/dev/null
    # what the archive needs to be reached: proxy settings, certificates, resolver
    cp -a /etc/apt/apt.conf.d/. "$root/etc/apt/apt.conf.d/" 2>/dev/null || true
    cp -aL /etc/ssl/certs/. "$root/etc/ssl/certs/" 2>/dev/null || true
    cp -L /etc/resolv.conf /etc/hosts "$root/etc/" 2>/dev/null || true
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" # services stay down
    chmod +x "$root/usr/sbin/policy-rc.d"
    touch "$root/.whole"
fi
rm -rf "$root/src"
git clone -q . "$root/src"
trap 'umount "$root/proc" "$root/dev" 2>/dev/null || true' EXIT
mount --bind /proc "$root/proc" 2>/dev/null || mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
case $what in
quickstart)
    chroot "$root" bash -c 'cd /src && deploy/quickstart.sh && deploy/quickstart.sh && deploy/quickstart.sh --stop'
    ;;
run) chroot "$root" bash -c 'cd /src && tests/run.sh' ;;
esac
echo "fresh: $what works on a fresh Debian 12"
