#!/usr/bin/env bash
# Installs the client programs that the tests of test/clients run, as far as this machine can: from Debian, PyPI, npm, Go
# modules and Maven, into node_modules/.cache/clients. Safe to run again: what is there is left as it is.
# For each client one line goes to the file `status` there: `ok NAME` or `skip NAME: REASON`.
set -u
here="$(cd "$(dirname "$0")" && pwd)"
cache="$here/../../node_modules/.cache/clients"
mkdir -p "$cache"
cache="$(cd "$cache" && pwd)"
# One at a time: two test files want it.
if command -v flock > /dev/null 2>&1; then
  exec 9> "$cache/lock"
  flock 9
fi
log="$cache/setup.log"
status="$cache/status.new"
: > "$log"
: > "$status"

say() { echo "clients: $*"; }
ok() { echo "ok $1" >> "$status"; say "$1 is ready"; }
skip() { echo "skip $1: $2" >> "$status"; say "$1 is skipped: $2"; }

apt_updated=
# Debian packages, when a command is missing and this machine lets us.
debian() {
  local command="$1"
  shift
  command -v "$command" > /dev/null 2>&1 && return 0
  [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null 2>&1 || return 1
  if [ -z "$apt_updated" ]; then
    apt-get update >> "$log" 2>&1 || true
    apt_updated=1
  fi
  say "installing $*"
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >> "$log" 2>&1 &&
    command -v "$command" > /dev/null 2>&1
}

# MariaDB's command line client.
if debian mariadb mariadb-client; then ok mariadb; else skip mariadb 'no mariadb client, and it cannot be installed'; fi

# Python: a virtual environment of our own; mysqlclient is compiled against libmariadb.
if command -v python3 > /dev/null 2>&1; then
  python="$cache/python/bin/python"
  if [ ! -x "$python" ]; then
    say 'making a Python environment'
    python3 -m venv "$cache/python" >> "$log" 2>&1 || rm -rf "$cache/python"
  fi
  pip() { "$python" -m pip install -q --disable-pip-version-check "$@" >> "$log" 2>&1; }
  has() { [ -x "$python" ] && "$python" -c "import $1" > /dev/null 2>&1; }
  if has pymysql && has cryptography || pip 'PyMySQL==1.2.4' cryptography; then ok pymysql; else skip pymysql 'pip cannot install it'; fi
  if has MySQLdb; then
    ok mysqlclient
  elif debian mariadb_config libmariadb-dev gcc pkg-config && pip 'mysqlclient==2.3.1'; then
    ok mysqlclient
  else
    skip mysqlclient 'it cannot be compiled here'
  fi
  if has django || pip 'Django==5.2.19'; then ok django; else skip django 'pip cannot install it'; fi
  if has sqlalchemy && has alembic || pip 'SQLAlchemy==2.1.9' 'alembic==1.20.1'; then ok sqlalchemy; else skip sqlalchemy 'pip cannot install it'; fi
else
  for client in pymysql mysqlclient django sqlalchemy; do skip "$client" 'no python3'; done
fi

# ORMs of Node, in the versions of orms/node/package-lock.json.
mkdir -p "$cache/orms"
if cmp -s "$here/orms/node/package-lock.json" "$cache/orms/node_modules/.installed"; then
  ok orms
else
  say 'installing ORMs from npm'
  cp "$here"/orms/node/package*.json "$cache/orms"
  if (cd "$cache/orms" && npm ci --ignore-scripts --no-audit --no-fund >> "$log" 2>&1); then
    cp "$here/orms/node/package-lock.json" "$cache/orms/node_modules/.installed"
    ok orms
  else
    skip orms 'npm cannot install them'
  fi
fi

# Go.
if command -v go > /dev/null 2>&1; then
  say 'building the Go client'
  if (cd "$here/go" && go build -o "$cache/go-client" . >> "$log" 2>&1); then ok go; else skip go 'its module cannot be fetched or built'; fi
  if (cd "$here/orms/go" && go build -o "$cache/gorm" . >> "$log" 2>&1); then ok gorm; else skip gorm 'its modules cannot be fetched or built'; fi
else
  skip go 'no go'
  skip gorm 'no go'
fi

# Java: the drivers alone; the program is run from its source.
if command -v java > /dev/null 2>&1 && command -v mvn > /dev/null 2>&1; then
  jar() {
    local name="$1" artifact="$2"
    ls "$cache/java/$name"/*.jar > /dev/null 2>&1 && return 0
    say "fetching $artifact"
    mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy -Dartifact="$artifact" \
      -DoutputDirectory="$cache/java/$name" >> "$log" 2>&1
  }
  if jar mysql com.mysql:mysql-connector-j:9.5.0; then ok connector-j; else skip connector-j 'Maven cannot fetch it'; fi
  # Migrations and the ORM: what orms/java/pom.xml names.
  if cmp -s "$here/orms/java/pom.xml" "$cache/java/orms/pom.xml"; then
    ok java-orms
  else
    say 'fetching Flyway, Liquibase and Hibernate'
    rm -rf "$cache/java/orms"
    if mvn -q -B -f "$here/orms/java/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
      -DoutputDirectory="$cache/java/orms" >> "$log" 2>&1 && cp "$here/orms/java/pom.xml" "$cache/java/orms"; then
      ok java-orms
    else
      skip java-orms 'Maven cannot fetch them'
    fi
  fi
  if jar mariadb org.mariadb.jdbc:mariadb-java-client:3.5.6; then ok mariadb-java; else skip mariadb-java 'Maven cannot fetch it'; fi
else
  skip connector-j 'no java or no mvn'
  skip mariadb-java 'no java or no mvn'
  skip java-orms 'no java or no mvn'
fi

# PHP.
if debian php php-cli php-mysql && php -m | grep -q pdo_mysql; then ok php; else skip php 'no php with pdo_mysql'; fi

mv "$status" "$cache/status"
