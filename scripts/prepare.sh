#!/usr/bin/env bash
# Makes sure that what a target needs is on this machine, and installs it where
# that is possible without asking: on Debian, as root. It starts nothing.
#   scripts/prepare.sh postgres   PostgreSQL's programs, for our own server; it
#                                 never fails, for tests can download some, and
#                                 "serve --embedded" says itself what to install
#   scripts/prepare.sh pgclient   pg_dump and pg_restore, for the backup that
#                                 docs/operations.md shows
#   scripts/prepare.sh browser    a Chromium, for the tests that click through pages
#   scripts/prepare.sh compiler   a C compiler, which Go's race detector needs
#   scripts/prepare.sh python3    Python with venv, for the example in Python
set -euo pipefail

have_postgres() {
  [ -n "${TEST_DATABASE_URL:-}${DATABASE_URL:-}${STRIDELOG_PG_BIN:-}" ] && return 0
  command -v initdb >/dev/null 2>&1 && return 0
  local dir
  for dir in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /usr/libexec/postgresql* \
    /opt/homebrew/opt/postgresql@*/bin /usr/local/opt/postgresql@*/bin; do
    [ -x "$dir/initdb" ] && return 0
  done
  return 1
}

have_pgclient() { command -v pg_dump >/dev/null 2>&1 && command -v pg_restore >/dev/null 2>&1; }

have_browser() {
  local name
  for name in chromium chromium-browser google-chrome; do
    command -v "$name" >/dev/null 2>&1 && return 0
  done
  [ -x "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" ]
}

have_compiler() { command -v "${CC:-gcc}" >/dev/null 2>&1 || command -v clang >/dev/null 2>&1; }

have_python3() { python3 -c "import ensurepip, sqlite3, venv" >/dev/null 2>&1; }

packages() {
  case $1 in
    postgres) echo postgresql ;;
    pgclient) echo postgresql-client ;;
    browser) echo chromium ;;
    compiler) echo gcc libc6-dev ;;
    python3) echo python3 python3-venv ;;
  esac
}

advice() {
  case $1 in
    postgres) echo "No PostgreSQL was found. Tests and benchmarks download its programs (24 to 51 MB, once)." ;;
    pgclient) echo "No pg_dump was found, of the version of the server or newer: sudo apt-get install postgresql-client." ;;
    browser) echo "No Chromium was found: sudo apt-get install chromium, or install Google Chrome." ;;
    compiler) echo "No C compiler was found, and the race detector needs one: sudo apt-get install gcc libc6-dev." ;;
    python3) echo "No Python 3 with venv was found: sudo apt-get install python3 python3-venv." ;;
  esac
}

install() {
  command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ] || return 1
  echo "Installing Debian's $*."
  # Without this, Debian's postgresql creates and starts a cluster that nobody here uses.
  mkdir -p /etc/postgresql-common
  [ -e /etc/postgresql-common/createcluster.conf ] ||
    echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf
  local log
  log=$(mktemp)
  if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"; } >"$log" 2>&1; then
    cat "$log" >&2
    return 1
  fi
  rm -f "$log"
}

for need in "$@"; do
  "have_$need" && continue
  # shellcheck disable=SC2046 # several words are several packages
  install $(packages "$need") && "have_$need" && continue
  advice "$need" >&2
  [ "$need" = postgres ] || exit 1
done
