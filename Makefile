# Everything a person or a CI does here. `make help` lists it.
SHELL := /bin/sh
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
LOCKS := requirements/base.txt requirements/dev.txt
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help run test lint types sure bench simulate fuzz soak install-check lock clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 is needed."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed."; exit 1; }
	@echo "Making $(VENV) ..."
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "On Debian: apt-get install python3-venv"; exit 1; }

$(VENV)/.installed: $(BIN)/python requirements/base.txt setup.cfg pyproject.toml
	@echo "Installing NoteAssist ..."
	@$(PIP) install --require-hashes -r requirements/base.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.developing: $(VENV)/.installed requirements/dev.txt
	@echo "Installing the tools of development ..."
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

run: $(VENV)/.installed ## Start the server at http://127.0.0.1:8000 (HOST, PORT change it)
	@exec $(BIN)/noteassist serve

test: $(VENV)/.developing ## Run every test on both databases; brings its own PostgreSQL and Redis
	@$(BIN)/python -m pytest -n 3 --dist loadgroup

lint: $(VENV)/.developing ## Check style, formatting and the direction of imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-cache

types: $(VENV)/.developing ## Check types
	@$(BIN)/mypy

sure: lint types test ## All of it: lint, types, tests

bench: $(VENV)/.developing ## Measure; PEER=URL and PEER_COMMAND put another server beside (bench/README.md); BENCH takes options
	@PEER="$(PEER)" PEER_PIDS="$(PEER_PIDS)" $(BIN)/python -m bench $(BENCH)

simulate: $(VENV)/.developing ## Simulate 10,000 to 1,000,000 users from measured figures (a minute or two)
	@$(BIN)/python -m bench.simulate $(SIMULATE)

fuzz: $(VENV)/.developing ## Fuzz the running API for some minutes on both databases
	@$(BIN)/python -m tests.fuzz --minutes 3

soak: $(VENV)/.developing ## Kill, flush and restart everything under load; nothing may be lost or doubled (some minutes a seed)
	@$(BIN)/python -m tests.soak $(SOAK)

install-check: ## Build the wheel, install it into an empty environment and use it
	@sh .ci/install-check "$(PYTHON)"

lock: $(VENV)/.developing ## Resolve the dependencies anew (needs uv)
	uv pip compile setup.cfg requirements/build.in --python-version 3.11 --generate-hashes --no-header -q -o requirements/base.txt
	uv pip compile setup.cfg requirements/build.in --extra dev --python-version 3.11 --generate-hashes --no-header -q -o requirements/dev.txt

clean: ## Remove the environment and everything that was built; data in instance/ stays
	@rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
