#!/usr/bin/env bash
# Fetches the engines that others wrote into build/engines: the reference implementation of JSONata,
# asl-validator, dynalite, checkov. What this machine cannot have is said aloud and is no failure:
# the tests that need it are skipped by name. Instant when nothing changed.
set -uo pipefail
cd "$(dirname "$0")/.."
PLACE=build/engines
SECONDS_ALLOWED=60
mkdir -p "$PLACE"

say() { printf 'engines: %s\n' "$*" >&2; }

fetched() { # name, command ...: runs the command unless its lock is in place already
  local mark=$PLACE/.$1 lock
  lock=$(cat requirements/engines/* tools/engines.sh | cksum)
  [ -f "$mark" ] && [ "$(cat "$mark")" = "$lock" ] && return
  if timeout "$SECONDS_ALLOWED" "${@:2}" >"$PLACE/$1.log" 2>&1; then
    echo "$lock" >"$mark"
  else
    rm -f "$mark"
    say "NOT HAD: $1, so it is compared with nothing here ($(tail -n 1 "$PLACE/$1.log"))"
  fi
}

by_npm() {
  cp requirements/engines/package.json requirements/engines/package-lock.json "$PLACE/" &&
    cd "$PLACE" && npm ci --ignore-scripts --no-audit --no-fund
}

# A virtual environment of its own: checkov wants other versions than ours of the same packages.
by_pip() {
  eval "$(.venv/bin/python tools/index.py)"
  rm -rf "$PLACE/venv" && .venv/bin/python -m venv "$PLACE/venv" || return
  local uv lock=requirements/engines/checkov.txt
  uv=$(command -v uv || echo .venv/bin/uv)
  if [ -x "$uv" ]; then
    VIRTUAL_ENV=$PWD/$PLACE/venv "$uv" pip install --no-deps --require-hashes --requirement "$lock"
  else
    "$PLACE/venv/bin/python" -m pip install --no-deps --require-hashes --requirement "$lock"
  fi
}

export -f by_npm by_pip
export PLACE
if command -v node >/dev/null && command -v npm >/dev/null; then
  fetched npm bash -c by_npm
else
  say "NOT HAD: node with npm, so JSONata, asl-validator and dynalite are compared with nothing here"
fi
fetched checkov bash -c by_pip
exit 0
