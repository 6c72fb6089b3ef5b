#!/usr/bin/env bash
# Installs what a real Kubernetes needs, as far as this machine can: containerd, runc, CNI plugins and the like from Debian;
# etcd, Kubernetes and CoreDNS as one binary, cert-manager, Helm and a provisioner of volumes built with Go. Safe to run again: what is
# there is left as it is.
#   setup.sh FOLDER api|cert-manager|node|helm     the binaries go to FOLDER: what an API server needs, that and cert-manager,
#                                                  what pods need, or Helm alone
# For each part one line goes to the file `status.NEED` there: `ok NAME` or `skip NAME: REASON`.
set -u
here="$(cd "$(dirname "$0")" && pwd)"
bin="$1"
need="$2"
mkdir -p "$bin"
bin="$(cd "$bin" && pwd)"
log="$bin/setup.log"
status="$bin/status.$need"

# One at a time: test files that run side by side wait here for the first one's build.
exec 9> "$bin/lock"
flock 9
: > "$log"
: > "$status"

say() { echo "kubernetes: $*"; }
ok() { echo "ok $1" >> "$status"; }
skip() { echo "skip $1: $2" >> "$status"; say "$1 is skipped: $2"; }

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
  # Debian would start the services that it installs; here each run starts its own.
  DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -q --no-install-recommends "$@" >> "$log" 2>&1 && [ -e "$file" ]
}

# The same flags every time: another -trimpath or CGO_ENABLED would build everything anew.
export CGO_ENABLED=0 GOFLAGS=-trimpath GOBIN="$bin"

# Builds NAME by COMMAND unless what is there was built of the same SOURCE.
built() {
  local name="$1" source="$2" seconds=$SECONDS
  shift 2
  if [ -x "$bin/$name" ] && [ "$(cat "$bin/$name.source" 2> /dev/null)" = "$source" ]; then
    ok "$name"
  elif ! command -v go > /dev/null 2>&1; then
    skip "$name" 'no go to build it with'
  else
    say "building $name"
    if "$@" >> "$log" 2>&1; then
      echo "$source" > "$bin/$name.source"
      say "built $name in $((SECONDS - seconds)) s"
      ok "$name"
    else
      skip "$name" "it cannot be built (see $log)"
    fi
  fi
}

kube() (
  version="$(sed -n 's/^\tk8s.io\/kubernetes //p' "$here/support/kube/go.mod")"
  cd "$here/support/kube" &&
    go build -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$version" -o "$bin/kube" .
)
# With its kinds, which lie in its module as a Helm chart's templates.
cert_manager() (
  cd "$here/support/cert-manager" &&
    go build -ldflags '-s -w' -o "$bin/cert-manager" . &&
    module="$(go list -m -f '{{.Dir}}' github.com/cert-manager/cert-manager)" &&
    for kind in "$module"/deploy/crds/crd-*.yaml; do
      echo --- && sed '/{{/d' "$kind" || exit 1
    done > "$bin/cert-manager.yaml"
)
installed() {
  local name="$1" package="$2" version="$3" flags="-s -w ${4:-}"
  built "$name" "$version $flags" go install -ldflags "$flags" "$package@$version"
}

if [ "$need" != helm ]; then
  if command -v kubectl > /dev/null 2>&1; then ok kubectl; else skip kubectl 'it is not installed'; fi
  built kube "$(cat "$here"/support/kube/* | sha256sum)" kube
fi
if [ "$need" = cert-manager ]; then
  built cert-manager "$(cat "$here"/support/cert-manager/* | sha256sum)" cert_manager
fi
# Without a server to ask, Helm takes Kubernetes to be of the version that it was built for, as its releases do.
made_for='-X PACKAGE.k8sVersionMajor=1 -X PACKAGE.k8sVersionMinor=35'
[ "$need" = api ] || [ "$need" = cert-manager ] || installed helm helm.sh/helm/v3/cmd/helm v3.22.0 \
  "${made_for//PACKAGE/helm.sh/helm/v3/pkg/chartutil} ${made_for//PACKAGE/helm.sh/helm/v3/pkg/lint/rules}"
if [ "$need" = node ]; then
  if debian /usr/bin/containerd containerd && debian /usr/sbin/runc runc && debian /usr/lib/cni/bridge containernetworking-plugins &&
    debian /usr/sbin/iptables iptables && debian /usr/sbin/conntrack conntrack && debian /usr/sbin/ip iproute2 &&
    debian /usr/bin/busybox busybox-static; then
    ok containerd
  else
    skip containerd 'containerd and what it needs cannot be installed'
  fi
  installed local-path-provisioner github.com/rancher/local-path-provisioner v0.0.30
fi
