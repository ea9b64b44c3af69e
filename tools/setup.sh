#!/usr/bin/env bash
# Makes .venv in the tree and installs a lock into it; instant when nothing changed.
#   usage: setup.sh demo|local|dev
#     demo   the local AWS and the demos
#     local  that and the AWS CLI, for the commands that `make local` prints
#     dev    that and all tools
# Quiet but for one line a long step. Needs Python 3.11 or newer with venv; no root, no account.
set -euo pipefail
cd "$(dirname "$0")/.."
PROFILE=${1:?demo, local or dev}
LOCK=requirements/$PROFILE.txt

say() { printf 'setup: %s\n' "$*" >&2; }
die() { say "$@"; exit 1; }

# `make check` and `make test` may run side by side: one of them sets up, the other waits.
exec 9<tools/setup.sh
if command -v flock >/dev/null; then flock 9; fi

works() { .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
checksum() { cat "requirements/$1.txt" tools/setup.sh | cksum; }
installed() { # a profile
  [ -f ".venv/.installed-$1" ] && [ "$(cat ".venv/.installed-$1")" = "$(checksum "$1")" ]
}
# Each lock contains the one before it: dev.txt all of local.txt, local.txt all of demo.txt.
case $PROFILE in
  demo) CONTAINED_IN=(demo local dev) ;;
  local) CONTAINED_IN=(local dev) ;;
  *) CONTAINED_IN=("$PROFILE") ;;
esac
enough() {
  local profile
  for profile in "${CONTAINED_IN[@]}"; do
    if installed "$profile"; then return 0; fi
  done
  return 1
}
if works && enough; then exit 0; fi

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
  [ -n "$PY" ] || die "needs Python 3.11 or newer as python3, found" \
    "$(python3 --version 2>/dev/null || echo 'no Python'). Install it, or set PYTHON=/path/to/python3"
  "$PY" -c 'import venv, ensurepip' 2>/dev/null ||
    die "$PY has no venv module. On Debian or Ubuntu: apt-get install python3-venv"
  say "making .venv with $("$PY" --version) ..."
  rm -rf .venv
  "$PY" -m venv .venv
fi

log=.venv/install.log
: >"$log"
started=$SECONDS
count=$(grep '^[a-z]' "$LOCK" | grep -vc "sys_platform == 'win32'" || true)

# A uv of this machine is used; else uv comes from the same index as all other packages. Where the
# index lacks uv, pip does the work.
UV=$(command -v uv || echo .venv/bin/uv)
have_uv() {
  [ -x "$UV" ] ||
    .venv/bin/python -m pip install --quiet --no-input --disable-pip-version-check --no-deps \
      --require-hashes --only-binary=:all: --requirement requirements/uv.txt >>"$log" 2>&1
}

# The lock is complete, so nothing is resolved anew: an extra that it lacks would stop the install.
by_uv() {
  have_uv || return 1
  say "installing $count pinned packages from $LOCK by uv ..."
  (
    eval "$(.venv/bin/python tools/index.py)"
    VIRTUAL_ENV=$PWD/.venv "$UV" pip install --quiet --no-deps --require-hashes \
      --requirement "$LOCK"
  ) >>"$log" 2>&1
}
by_pip() {
  say "installing $count pinned packages from $LOCK by pip (up to two minutes) ..."
  .venv/bin/python -m pip install --quiet --no-input --disable-pip-version-check \
    --no-deps --require-hashes --requirement "$LOCK" >>"$log" 2>&1
}
by_uv || by_pip || {
  tail -n 15 "$log" >&2
  die "the packages could not be installed; $log has the whole output"
}

# `keyward …` and `python -m keyward …` work in .venv without a PYTHONPATH.
site=$(.venv/bin/python -c 'import site; print(site.getsitepackages()[0])')
echo "$PWD/layers/keyward" >"$site/keyward.pth"
printf '#!/bin/sh\nexec "%s/.venv/bin/python" -m keyward "$@"\n' "$PWD" >.venv/bin/keyward
chmod +x .venv/bin/keyward
checksum "$PROFILE" >".venv/.installed-$PROFILE"
say "ready in $((SECONDS - started)) s"
