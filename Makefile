# Keyward on this machine. Every target sets up what it needs; `make` alone lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help schemas setup setup-demo setup-local check test test-sizes quick demo demo-protection \
  demo-lifecycle report pictures local prove mutants bench permissions conformance engines live-check \
  live-conformance sam-local build deploy destroy take-over lock clean

# A target that is not there.
.DEFAULT:
	@echo "make: there is no target $@. make help lists them" >&2; exit 2

BIN := .venv/bin
PY := $(BIN)/python
# Where `make local` listens, and `keyward --local` looks.
PORT ?= 4580
export SAM_CLI_TELEMETRY := 0
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Each Python process would compile all that it imports anew; the tree itself stays clean.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX := $(CURDIR)/build/bytecode

help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

setup: ## The virtual environment .venv with all pinned tools (the other targets call it)
	@tools/setup.sh dev

setup-demo:
	@tools/setup.sh demo

setup-local:
	@tools/setup.sh local

check: setup ## Lint, types, template and state machines, without running anything
	@tools/check.sh

test: setup ## All tests; no account, no Docker, no network
	@$(PY) -m tools.run_tests

test-sizes: setup ## Large crowds and documents, and further cases, which make test leaves out
	@$(PY) -m tools.run_tests sizes

quick: setup ## The tests of what changed since main, the nearest first, in half a minute
	@$(PY) -m tools.quick

demo: setup-demo ## The whole story on a local AWS, step by step, in two minutes
	@$(PY) -m local demo

demo-protection: setup-demo ## How an API in production is protected: warned, held, proven, rolled back
	@$(PY) -m local demo-protection

demo-lifecycle: setup-demo ## The whole life of a key on a virtual clock: weeks pass in seconds
	@$(PY) -m local demo-lifecycle

report: setup-demo ## A report of a little world on a local AWS: build/report.html and .json
	@$(PY) -m local report

pictures: setup-local ## The pictures of docs/, drawn anew
	@$(PY) -m tools.pictures

local: setup-local ## An AWS on this machine with the stack on it, until Ctrl-C
	@exec $(PY) -m local serve --seed --port $(PORT)

prove: setup ## Random histories on the bench, and what must hold: SECONDS=60, HISTORIES=30000 or SEED=7
	@PYTHONHASHSEED=0 $(PY) -m tests.prove

mutants: setup ## Small changes of the code that decides, and the tests that notice: MODULES="apis/plan.py"
	@$(PY) -m tools.mutants $(MODULES)

bench: setup ## Load, peers, start-up and costs: docs/performance.md, docs/costs.md; SIZE=small saves nothing
	@$(PY) -m benchmarks

schemas: setup ## events/schemas, docs/events.md and docs/runbook.md, from what the code lists
	@$(PY) -m tools.schemas

permissions: setup ## What each role may do and what proves it: the table of docs/permissions.md
	@$(PY) -m tools.rights

conformance: setup ## The emulator against every recorded and documented behaviour of API Gateway
	@$(PY) -m tools.conformance

engines: setup ## The same on engines that others wrote: JSONata, definitions, tables, rules, linters
	@tools/engines.sh
	@$(PY) -m tools.conformance -n 2 --dist loadfile tests/engines

live-check: setup ## Ask your AWS account what only it can settle, and remove all of it: ARGS=--help
	@$(PY) -m tools.live_check $(ARGS)

live-conformance: setup ## The cases of make conformance on your AWS account (four hours, cleans up)
	@KEYWARD_LIVE=1 $(PY) -m pytest emulator/tests/conformance

sam-local: setup ## sam validate, sam build and sam local invoke against the local AWS (needs Docker)
	@$(PY) -m tools.sam_local

build: setup ## sam build
	@sam build

deploy: setup ## sam build && sam deploy into the account of your AWS credentials; asks the first time
	@$(PY) -m tools.deploy

destroy: setup ## Say what stays, and delete the stack: STACK=keyward
	@$(PY) -m tools.take_over --stays $(or $(STACK),keyward)
	@sam delete --stack-name $(or $(STACK),keyward)

take-over: setup ## Begin a new stack with the tables that a deleted one left: STACK=keyward
	@$(PY) -m tools.take_over $(or $(STACK),keyward)

lock: setup ## Remake the dependency locks from requirements/*.in
	@tools/lock.sh

clean: ## Remove all that the other targets made, .venv too
	rm -rf .venv .aws-sam build .local .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
