#!/usr/bin/env bash
# Installs what `npm run bench` and `npm run bench:cluster` measure against, as far as this machine can: MariaDB with Galera,
# sysbench and wrk from Debian; rqlite, built with Go, into node_modules/.cache/bench. Safe to run again: what is there is left
# as it is. Says of each whether it is ready.
set -u
here="$(cd "$(dirname "$0")" && pwd)"
cache="$here/../../node_modules/.cache/bench"
mkdir -p "$cache"
cache="$(cd "$cache" && pwd)"
log="$cache/setup.log"
: > "$log"

say() { echo "bench: $*"; }

apt_updated=
# Debian packages, when a file of theirs is missing and this machine lets us.
debian() {
  local file="$1"
  shift
  [ -e "$file" ] && return 0
  [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null 2>&1 || return 1
  if [ -z "$apt_updated" ]; then
    apt-get update >> "$log" 2>&1 || true
    apt_updated=1
  fi
  say "installing $*"
  # Debian would start the server that it installs; here each run starts its own.
  DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -q --no-install-recommends "$@" >> "$log" 2>&1 && [ -e "$file" ]
}
report() { if [ "$1" = 0 ]; then say "$2 is ready"; else say "$2 is missing: $3 (see $log)"; fi; }

debian /usr/sbin/mariadbd mariadb-server mariadb-client
report $? MariaDB 'no mariadb-server, and it cannot be installed'
debian /usr/bin/sysbench sysbench
report $? sysbench 'it cannot be installed'
debian /usr/lib/galera/libgalera_smm.so galera-4 && debian /usr/bin/rsync rsync
report $? Galera 'no galera-4 or no rsync, and they cannot be installed'
debian /usr/bin/wrk wrk
report $? wrk 'it cannot be installed'

if [ ! -x "$cache/rqlited" ]; then
  if command -v go > /dev/null 2>&1 || debian /usr/bin/go golang-go gcc libc6-dev; then
    say 'building rqlite'
    (cd "$here/rqlite" && go build -o "$cache/rqlited" github.com/rqlite/rqlite/v8/cmd/rqlited) >> "$log" 2>&1
  fi
fi
[ -x "$cache/rqlited" ]
report $? rqlite 'no go, or its modules cannot be fetched or built'
