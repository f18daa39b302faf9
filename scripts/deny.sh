#!/usr/bin/env bash
# Licences, sources and doubled crates of all dependencies, by deny.toml. Needs `cargo install cargo-deny --locked`,
# which takes six minutes on 2 cores; .ci/run uses it if it is there. `scripts/deny.sh advisories` also looks for known holes; that needs
# GitHub.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo deny --locked check licenses bans sources "$@"
