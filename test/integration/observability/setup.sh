#!/usr/bin/env bash
# Brings Prometheus and promtool for the tests of this folder: those of this machine, or the two programs out of Debian's package,
# unpacked into node_modules/.cache/observability: nothing is installed, no service is made. Safe to run again.
# One line goes to the file `status` there: `ok FOLDER-OF-THE-PROGRAMS` or `skip REASON`.
set -u
here="$(cd "$(dirname "$0")" && pwd)"
cache="$here/../../../node_modules/.cache/observability"
mkdir -p "$cache"
cache="$(cd "$cache" && pwd)"
log="$cache/setup.log"

# One at a time: test files that run side by side wait here for the first one.
exec 9> "$cache/lock"
flock 9
: > "$log"

say() { echo "observability: $*"; }
finish() {
  echo "$*" > "$cache/status"
  say "$*"
  exit 0
}

if command -v prometheus > /dev/null 2>&1 && command -v promtool > /dev/null 2>&1; then
  finish "ok $(dirname "$(command -v promtool)")"
fi
bin="$cache/bin"
[ -x "$bin/prometheus" ] && [ -x "$bin/promtool" ] && finish "ok $bin"
command -v apt-get > /dev/null 2>&1 && command -v dpkg-deb > /dev/null 2>&1 || finish 'skip no Prometheus, and no Debian to take it from'

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
download() { (cd "$work" && apt-get download -q prometheus) >> "$log" 2>&1; }
say 'fetching the package prometheus'
# Lists that are too old name packages that are gone.
download || { [ "$(id -u)" = 0 ] && apt-get update >> "$log" 2>&1 && download; }
mkdir -p "$bin"
dpkg-deb -x "$work"/prometheus_*.deb "$work" >> "$log" 2>&1 &&
  mv "$work/usr/bin/prometheus" "$work/usr/bin/promtool" "$bin/"
"$bin/promtool" --version >> "$log" 2>&1 || finish "skip the package prometheus cannot be fetched (see $log)"
finish "ok $bin"
