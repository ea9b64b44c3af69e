#!/usr/bin/env bash
# Remakes the locks from requirements/*.in: names, versions and hashes, no registry addresses.
#   usage: lock.sh [--upgrade]      without --upgrade only what the .in files ask for changes
# dev.txt is resolved first; the smaller locks are held to its versions, so one venv fits all.
set -euo pipefail
cd "$(dirname "$0")/.."
TOOLS=.venv/lock
PIP_TOOLS=7.6.2

[ -x "$TOOLS/bin/pip-compile" ] || {
  python3 -m venv "$TOOLS"
  "$TOOLS/bin/python" -m pip install --quiet "pip-tools==$PIP_TOOLS"
}

compile() { # in, out, more arguments
  "$TOOLS/bin/pip-compile" --quiet --no-config --generate-hashes --strip-extras --allow-unsafe --no-header \
    --annotation-style=line --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
    --output-file "$2" "${@:3}" "$1"
  echo "$(grep -c '^[a-z]' "$2") packages in $2"
}

compile requirements/dev.in requirements/dev.txt "$@"
compile requirements/local.in requirements/local.txt --constraint requirements/dev.txt
compile requirements/layer.in layers/keyward/requirements.txt --constraint requirements/dev.txt
