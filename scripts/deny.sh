#!/usr/bin/env bash
# Licences, sources and doubled crates of all dependencies, by deny.toml. Needs `cargo install cargo-deny --locked`,
# which builds for minutes: no part of .ci/run. `scripts/deny.sh advisories` also looks for known holes; that needs
# GitHub.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo deny --locked check licenses bans sources "$@"
