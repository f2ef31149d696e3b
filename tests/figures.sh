#!/usr/bin/env bash
# The figures of the embedded default: tests/figures.sh [--quick]
#
# Builds for release, then measures on this machine, which should do nothing else meanwhile: the store alone, next to a bare SQLite group
# commit in the same run; the first command on one long stream, from a snapshot and without; the shop through its gateway with tokens
# (start-up, memory, commands and queries at 1, 16 and 64 clients); the shop's memory and latency while a store grows to 1,000,000
# events. `--quick`: 100,000 events, short runs. Also in target/figures.txt.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
seconds=10 events=1000000
case ${1:-} in
  "") ;;
  --quick) seconds=3 events=100000 ;;
  *) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
target=${CARGO_TARGET_DIR:-$PWD/target}
cargo build --release -p shop -p shop-payments -p e2e -p minos-runtime --bins --example commands --example bare_sqlite --example replay
folder=$(mktemp -d "$target/figures-XXXXXX")
trap 'rm -rf "$folder"' EXIT

number() { sed -n 's/.*commands_per_s=\([0-9]*\).*/\1/p' <<<"$1"; }

store() {
  echo "the store alone (SQLite, every answer durable): engine, bare group commit, ratio"
  local clients engine bare
  for clients in 1 16 64; do
    engine=$("$target/release/examples/commands" "sqlite:$folder/engine-$clients.db" "$clients" "$seconds" 1 | tail -1)
    bare=$("$target/release/examples/bare_sqlite" "$folder/bare-$clients.db" "$clients" "$seconds" | tail -1)
    printf '%3s clients: %s\n     bare:   %s\n     ratio:  %s\n' "$clients" "$engine" "$bare" \
      "$(awk -v a="$(number "$engine")" -v b="$(number "$bare")" 'BEGIN { printf "%.2f", a / b }')"
  done
}

{
  echo "$(nproc) cores, $(uname -sr), $(git rev-parse --short HEAD 2>/dev/null || echo unknown)"
  store
  echo "the first command on one long stream (SQLite, nothing cached)"
  "$target/release/examples/replay" "sqlite:$folder/replay.db"
  echo "the shop, through the gateway with tokens; the load comes from the same machine"
  "$target/release/e2e-figures" --seconds "$seconds" --events "$events"
} | tee "$target/figures.txt"
