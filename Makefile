# `make up` and `make test` are all that a new machine needs; `make help` lists the rest.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help

STACK ?= local
# The local cloud's mode: api (records only), or packets (guests and a data plane, as root)
LAB ?= api
FORMAT ?= table
PYTHON ?= python3
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

$(VENV)/.installed: requirements-dev.lock
	@echo "Installing the Python dependencies into $(VENV) (about a minute)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps --requirement requirements-dev.lock
	$(BIN)/pip install --quiet --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index --editable .
	touch $@

setup: $(VENV)/.installed ## Install the Python dependencies into .venv

up: setup ## Deploy STACK (default local, on the local cloud, which is started; LAB=packets: with guests)
	@LAB_MODE=$(LAB) $(BIN)/python -m tools.deploy up --stack $(STACK)

preview: setup ## Show what `make up` would change
	@LAB_MODE=$(LAB) $(BIN)/python -m tools.deploy preview --stack $(STACK)

down: setup ## Take STACK down again, and the local cloud with it
	@LAB_MODE=$(LAB) $(BIN)/python -m tools.deploy down --stack $(STACK)

outputs: setup ## Print STACK's outputs as a table, or all of them with FORMAT=json
	@LAB_MODE=$(LAB) FORMAT=$(FORMAT) $(BIN)/python -m tools.deploy outputs --stack $(STACK)

verify: setup ## Ping, ssh, curl and tcpdump on every port of STACK; docs/verify.md has the options
	@LAB_MODE=$(LAB) FORMAT=$(FORMAT) $(BIN)/python -m tools.deploy verify --stack $(STACK)

check: setup ## Lint, types, unit and golden tests
	@$(BIN)/python -m tools.proof check

test: setup ## Everything that this machine can prove
	@$(BIN)/python -m tools.proof test

proof: setup ## Every claim on the local cloud with packets, and docs/proof.md of it (as root, long; ONLY="life soak" for some)
	@ONLY="$(ONLY)" $(BIN)/python -m tools.proof proof

test-guests: setup ## Guests booted by QEMU on four network stacks: first boot, reboot, restarts, hot-plug (about 15 minutes)
	@$(BIN)/python -m pytest tests/guests -k qemu -s

bench: setup ## The guest's program beside the guide's script and beside the least that could be done, as ratios (about 6 minutes)
	@$(BIN)/python -m bench

clean: down ## Take everything down and remove what was installed
	@[ ! -e .lab/packets/lab.json ] || $(MAKE) --no-print-directory down LAB=packets
	rm -rf .lab .tools .state .reports $(VENV)

.PHONY: help setup up preview down outputs verify check test proof test-guests bench clean
