#!/usr/bin/env bash
# Remakes the locks from requirements/*.in: names, versions and hashes, no registry addresses.
#   usage: lock.sh [--upgrade]      without --upgrade only what the .in files ask for changes
# dev.txt is resolved first; the smaller locks are held to its versions, so one venv fits all.
# The locks fit every Python from 3.11 on: what only some of them need carries a marker.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -x .venv/bin/uv ]; then PATH=$PWD/.venv/bin:$PATH; fi
command -v uv >/dev/null || {
  echo "lock: needs uv. Run make setup, which installs uv where the package index has it" >&2
  exit 1
}
eval "$(python3 tools/index.py)"

compile() { # in, out, more arguments
  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
    --annotation-style line --no-emit-index-url --no-emit-find-links \
    --output-file "$2" "${@:3}" "$1"
  echo "$(grep -c '^[a-z]' "$2") packages in $2"
}

compile requirements/dev.in requirements/dev.txt "$@"
for name in local demo; do
  compile requirements/$name.in requirements/$name.txt --constraint requirements/dev.txt
done
compile requirements/layer.in layers/keyward/requirements.txt --constraint requirements/dev.txt
compile requirements/hook.in layers/keyward/hook.txt --constraint requirements/dev.txt
compile requirements/uv.in requirements/uv.txt "$@"
compile requirements/engines/checkov.in requirements/engines/checkov.txt "$@"
compile requirements/mutants/mutants.in requirements/mutants/mutants.txt "$@"
# Like the locks above, this one names no registry.
if command -v npm >/dev/null; then
  (cd requirements/engines && npm install --package-lock-only --ignore-scripts \
    --omit-lockfile-registry-resolved --no-audit --no-fund --silent)
fi
