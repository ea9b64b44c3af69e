#!/usr/bin/env bash
# Makes .venv in the tree and installs a lock into it; instant when nothing changed.
#   usage: setup.sh local|dev       local: the local AWS and the demo; dev: that and all tools
# Quiet but for one line a step. Needs CPython 3.11 or newer with venv; no root, no account.
set -euo pipefail
cd "$(dirname "$0")/.."
WHAT=${1:?local or dev}
LOCK=requirements/$WHAT.txt
STAMP=.venv/.installed-$WHAT

say() { printf 'setup: %s\n' "$*" >&2; }
die() { say "$@"; exit 1; }

# `make check` and `make test` may run side by side: one of them sets up, the other waits.
exec 9<"$LOCK"
if command -v flock >/dev/null; then flock 9; fi

wanted=$(cat "$LOCK" tools/setup.sh | cksum)
works() { .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
up_to_date() { # a stamp
  [ -f "$1" ] && [ "$(cat "$1")" = "$wanted" ]
}
if works && up_to_date "$STAMP"; then exit 0; fi
# dev.txt contains all of local.txt
if [ "$WHAT" = local ] && works && [ -f .venv/.installed-dev ] &&
  [ "$(cat .venv/.installed-dev)" = "$(cat requirements/dev.txt tools/setup.sh | cksum)" ]; then exit 0; fi

find_python() {
  local candidate
  for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11; do
    [ -n "$candidate" ] || continue
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
}

if ! works; then
  PY=$(find_python)
  [ -n "$PY" ] || die "needs Python 3.11 or newer as python3 (found: $(python3 --version 2>&1 || echo none))." \
    "Set PYTHON=/path/to/python3 to name another."
  "$PY" -c 'import venv, ensurepip' 2>/dev/null ||
    die "$PY has no venv module. On Debian or Ubuntu: apt-get install python3-venv"
  say "making .venv with $("$PY" --version)"
  rm -rf .venv
  "$PY" -m venv .venv
fi

say "installing $(grep -c '^[a-z]' "$LOCK") pinned packages from $LOCK (up to a minute) ..."
started=$SECONDS
# The lock is complete, so nothing is resolved anew: an extra that it lacks would stop pip's hash check.
log=.venv/install.log
if ! .venv/bin/python -m pip install --quiet --no-input --disable-pip-version-check \
  --no-deps --require-hashes --requirement "$LOCK" >"$log" 2>&1; then
  tail -n 15 "$log" >&2
  die "the packages could not be installed; all of pip's words are in $log"
fi
# `python -m keyward.key check VALUE` works without a PYTHONPATH.
echo "$PWD/layers/keyward" >"$(.venv/bin/python -c 'import site; print(site.getsitepackages()[0])')/keyward.pth"
echo "$wanted" >"$STAMP"
say "ready in $((SECONDS - started)) s"
