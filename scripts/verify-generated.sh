#!/usr/bin/env bash
# Generates everything again in a copy and compares: a generated file that is
# not that of its source fails the build.
set -euo pipefail
cd "$(dirname "$0")/.."

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git ls-files -z --cached --others --exclude-standard | xargs -0 -I{} sh -c '[ -e "$1" ] && printf "%s\0" "$1" || true' _ {} |
  tar --null -T - -cf - | tar -xf - -C "$copy"
(cd "$copy" && go generate ./events/... ./services/gateway/... ./standalone/internal/peer/...)
if ! diff -r -q --exclude=.git . "$copy" | grep -v '^Only in \.'; then
  echo "generated files are up to date"
else
  echo "generated files differ from their sources: run make generate and commit" >&2
  exit 1
fi
