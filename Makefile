# The project's verbs. Every one of them sets up what it needs first, so a fresh clone can start with any.
.DEFAULT_GOAL := help
.PHONY: help setup demo test lint bench soak lock

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
LOCKS := requirements/build.txt requirements/dev.txt
READY := $(VENV)/.ready
PRODUCT := $(wildcard backupd connectors portal regions simulators statuspage)
PYTEST_WORKERS ?= 2
PYTEST_ARGS ?=

help: ## say what can be made
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 8

setup: $(READY) ## make .venv from the locked requirements and install backupd into it
demo: $(READY) ## a sample company: import, damage, restore, compare, check (ends by itself)
	$(BIN)/backupd demo

test: lint ## lint, then every test that this machine can run
	$(BIN)/python -m pytest -n $(PYTEST_WORKERS) --dist worksteal $(PYTEST_ARGS)

lint: $(READY) ## ruff, mypy --strict and the import law
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(PRODUCT)
	$(BIN)/lint-imports

bench: $(READY) ## measure against restic and borg on this machine, in the same run
	$(BIN)/python -m bench

soak: $(READY) ## the long tests: state machines, kills, flipped bits, at length
	BACKUPD_SOAK=1 $(BIN)/python -m pytest -m soak $(PYTEST_ARGS)

# Build tools come first, from their own lock: what has no wheel is then built with them and nothing unpinned.
$(READY): $(LOCKS) setup.cfg pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/build.txt
	$(BIN)/python -m pip install --quiet --require-hashes --no-build-isolation -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	# Start-up is a bar; where Python is told to write no bytecode, every start would compile the libraries anew.
	$(BIN)/python -m compileall -q -j 2 $(VENV)/lib $(PRODUCT) || true
	touch $@

# dev.txt holds everything; the other two are cut from it, so that a version is the same wherever it appears.
COMPILE := UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --quiet --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links
lock: $(READY) ## resolve the requirements of setup.cfg anew and write the lock files
	$(COMPILE) --upgrade --all-extras setup.cfg -o requirements/dev.txt
	$(COMPILE) --extra status -c requirements/dev.txt setup.cfg -o requirements/runtime.txt
	$(COMPILE) -c requirements/dev.txt requirements/build.in -o requirements/build.txt
