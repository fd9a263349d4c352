#!/usr/bin/env bash
# Runs every fuzz target for the time given: scripts/fuzz.sh 60s
set -euo pipefail
cd "$(dirname "$0")/.."

time=${1:-60s}
grep -rlE '^func Fuzz[A-Z]' --include='*_test.go' . | sort | while read -r file; do
  dir=$(dirname "$file")
  grep -oE '^func Fuzz[A-Za-z0-9_]+' "$file" | sed 's/^func //' | while read -r target; do
    echo "fuzz $dir $target for $time"
    go test -run='^$' -fuzz="^$target\$" -fuzztime="$time" "$dir"
  done
done
