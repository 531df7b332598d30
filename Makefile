# `make up` and `make test` are all that a new machine needs; `make help` lists the rest.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help

STACK ?= local
# The local cloud's mode: api (records only), or packets (guests and a data plane, as root)
LAB ?= api
FORMAT ?= table
# When `make soak` ends: faults of each treatment in its record, or minutes
FAULTS ?= 200
MINUTES ?= 600
PYTHON ?= python3
BIN := $(CURDIR)/.venv/bin

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

setup: ## Install the Python dependencies into .venv
	@command -v "$(PYTHON)" > /dev/null || { echo "There is no $(PYTHON) here: install Python 3.11 or later, or name one: make up PYTHON=python3.12" >&2; exit 1; }
	"$(PYTHON)" -m installation

up: setup ## Deploy STACK (default local, on the local cloud, which is started; LAB=packets: with guests)
	@LAB_MODE="$(LAB)" "$(BIN)/python" -m tools.deploy up --stack "$(STACK)"

preview: setup ## Show what `make up` would change
	@LAB_MODE="$(LAB)" "$(BIN)/python" -m tools.deploy preview --stack "$(STACK)"

down: setup ## Take STACK down again, and the local cloud with it
	@LAB_MODE="$(LAB)" "$(BIN)/python" -m tools.deploy down --stack "$(STACK)"

outputs: setup ## Print STACK's outputs as a table, or all of them with FORMAT=json
	@LAB_MODE="$(LAB)" FORMAT="$(FORMAT)" "$(BIN)/python" -m tools.deploy outputs --stack "$(STACK)"

verify: setup ## Ping, ssh, curl and tcpdump on every port of STACK; docs/verify.md has the options
	@LAB_MODE="$(LAB)" FORMAT="$(FORMAT)" "$(BIN)/python" -m tools.deploy verify --stack "$(STACK)"

audit: setup ## Compare STACK's state with the cloud, object by object; changes nothing (FORMAT=json)
	@LAB_MODE="$(LAB)" FORMAT="$(FORMAT)" "$(BIN)/python" -m tools.deploy audit --stack "$(STACK)"

recover: setup ## Say how STACK would be mended after a failed update or a killed CLI; APPLY=1 does it, and asks
	@LAB_MODE="$(LAB)" "$(BIN)/python" -m tools.deploy recover --stack "$(STACK)"

check: setup ## Lint, types, unit and golden tests
	@"$(BIN)/python" -m tools.proof check

test: setup ## Everything that this machine can prove
	@"$(BIN)/python" -m tools.proof test

proof: setup ## Every claim on the local cloud with packets, and docs/proof.md of it (as root, long; ONLY="life soak" for some)
	@ONLY="$(ONLY)" "$(BIN)/python" -m tools.proof proof

test-fresh: setup ## `make up`, `up`, `down`, `check`, `test` on fresh machines of Debian 12 and 13 (as root, long; docs/fresh.md keeps the record)
	@ONLY="$(ONLY)" "$(BIN)/python" -m tools.fresh

soak: setup ## Faults without end: goes on with its record, and writes the table of docs/recovery.md (FAULTS=200 MINUTES=600)
	@"$(BIN)/python" -m tests.faults.soak --faults "$(FAULTS)" --minutes "$(MINUTES)"

test-recovery: setup ## The audit, the recovery, the faults and the guard on the local cloud, one test after the other
	@"$(BIN)/python" -m pytest tests/audit tests/recover tests/faults tests/guard -s

test-guests: setup ## Guests booted by QEMU on four network stacks: first boot, reboot, restarts, hot-plug (about 15 minutes)
	@"$(BIN)/python" -m pytest tests/guests -k qemu -s

bench: setup ## The guest's program beside the guide's script and beside the least that could be done, as ratios (about 6 minutes)
	@"$(BIN)/python" -m bench

clean: down ## Take everything down and remove what was installed
	@[ ! -e .lab/packets/lab.json ] || $(MAKE) --no-print-directory down LAB=packets
	rm -rf .lab .tools .state .reports .venv .venv.lock

.PHONY: help setup up preview down outputs verify audit recover check test proof soak test-fresh test-recovery test-guests bench clean
