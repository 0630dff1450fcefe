# Everything a person runs here; `make` alone lists it.
SHELL := /bin/sh
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# The first Python that is new enough; say PYTHON=/path/to/python3 to choose another one.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$python" && break; done)

.PHONY: help setup demo run test soak burst lint types lock

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## Make .venv with everything Innkey and its tests need

demo: $(STAMP) ## Show a booking travel from the PMS to the doors and back; ends by itself
	@$(BIN)/python -m tests.demo

run: $(STAMP) ## Run Innkey on this machine against the sandbox of the vendor's cloud
	@$(BIN)/innkey up --sandbox

test: $(STAMP) ## Run the whole test suite
	$(BIN)/pytest -n 2 --dist loadscope

SECONDS ?= 60

soak: $(STAMP) ## Try to break every promise: make soak SECONDS=60 SEED=7 (without SEED: a new one)
	@$(BIN)/python -m tests.soak --seconds $(SECONDS) $(if $(SEED),--seed $(SEED))

EACH ?= 18000

burst: $(STAMP) ## Send an hour's worth of webhooks from every booking system in one go: make burst EACH=18000
	@$(BIN)/python -m tests.burst --each $(EACH)

lint: $(STAMP) ## Check style, formatting and which module imports which
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports

types: $(STAMP) ## Check the types
	$(BIN)/mypy

LOCK := uv pip compile --universal --generate-hashes --no-header --python-version 3.11 --quiet
LOCK_VENV := $(VENV)/lock

lock: $(STAMP) ## Lock the requirements anew from pyproject.toml (fetches uv into a throw-away environment)
	$(BIN)/python -m venv $(LOCK_VENV)
	$(LOCK_VENV)/bin/pip install --quiet --disable-pip-version-check uv
	$(LOCK_VENV)/bin/$(LOCK) pyproject.toml --output-file requirements.txt
	$(LOCK_VENV)/bin/$(LOCK) pyproject.toml --group dev --constraint requirements.txt --output-file requirements-dev.txt
	rm -rf $(LOCK_VENV)

# Without the stamp a second `make setup` would ask pip again; it is older than the files when they change.
$(STAMP): requirements-dev.txt pyproject.toml
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		found=$$("$(or $(PYTHON),python3)" --version 2>/dev/null || echo "no Python"); \
		echo "Innkey needs Python 3.11 or newer, found $$found: install one, or run make PYTHON=/path/to/python3" >&2; exit 1; }
	@test -x $(BIN)/python || { echo "Making $(VENV) with $(PYTHON)"; "$(PYTHON)" -m venv $(VENV); }
	@echo "Installing the locked requirements"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@
