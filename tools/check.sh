#!/usr/bin/env bash
# `make check`: every rule that needs no run of the product. All steps run, whatever fails.
set -uo pipefail
cd "$(dirname "$0")/.."
failed=()

step() { # name, command ...
  local started=$SECONDS output
  if output=$("${@:2}" 2>&1); then
    printf 'check: %-28s ok  %2d s\n' "$1" $((SECONDS - started))
  else
    printf 'check: %-28s FAILED\n%s\n' "$1" "$output"
    failed+=("$1")
  fi
}

step "ruff check" ruff check --quiet .
step "ruff format" ruff format --check --quiet .
step "mypy --strict" mypy
step "cfn-lint, both templates" cfn-lint template.yaml tools/hook/template.yaml
step "state machines (E3601)" python -m tools.check_state_machines
# sam validate wants a region, and asks STS who it is unless told not to
step "sam validate --lint" env AWS_DEFAULT_REGION=us-east-1 AWS_ACCESS_KEY_ID=testing \
  AWS_SECRET_ACCESS_KEY=testing AWS_ENDPOINT_URL_STS=http://127.0.0.1:9 sam validate --lint

if [ ${#failed[@]} -gt 0 ]; then
  printf 'check: %s failed: %s\n' "${#failed[@]}" "${failed[*]}"
  exit 1
fi
echo "check: all passed"
