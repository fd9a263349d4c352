#!/usr/bin/env bash
# Makes sure that PostgreSQL's programs are installed; Stridelog starts its own
# server from them. Does nothing when there is a server to use or a binary to run.
set -euo pipefail

[ -n "${TEST_DATABASE_URL:-}" ] && exit 0
[ -n "${DATABASE_URL:-}" ] && exit 0
[ -n "${STRIDELOG_PG_BIN:-}" ] && exit 0

found() {
  command -v initdb >/dev/null 2>&1 && return 0
  local dir
  for dir in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /usr/libexec/postgresql* \
    /opt/homebrew/opt/postgresql@*/bin /usr/local/opt/postgresql@*/bin; do
    [ -x "$dir/initdb" ] && return 0
  done
  return 1
}

found && exit 0

if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
  echo "PostgreSQL is not installed; installing Debian's package (no server is started by it)."
  # Without this, Debian creates and starts a cluster that nobody here uses.
  mkdir -p /etc/postgresql-common
  [ -e /etc/postgresql-common/createcluster.conf ] ||
    echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf
  log=$(mktemp)
  if { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends postgresql; } >"$log" 2>&1; then
    rm -f "$log"
    found && exit 0
  fi
  cat "$log" >&2
fi

cat >&2 <<'TXT'
PostgreSQL's programs (initdb, postgres) were not found. Do one of these and try again:
  Debian, Ubuntu   sudo apt-get install postgresql
  macOS            brew install postgresql@17
  elsewhere        set STRIDELOG_PG_BIN to the folder that holds them
  a server of your own: set DATABASE_URL (demo, serve) or TEST_DATABASE_URL (tests)
TXT
exit 1
