# Needs Python 3.11 or newer and make; everything else goes into .venv.
#
#   make run        install, migrate, serve at http://127.0.0.1:8484 with the sample store (SAMPLE=0: empty)
#   make install    the set-up alone
#   make test       format, lint, types, import contracts, migrations, tests on SQLite
#   make test-all   make test, then the slow tests (Node.js and npm needed), and the API and storage suites on PostgreSQL
#   make docs       write the pages that follow from the code (docs/compatibility.md, docs/limits.md, examples/postman.json)
#   make conformance-latest   compare with the newest botocore, whatever the lock says; no gate
#   make bench      the benchmarks of benchmarks/README.md
#   make quality    how good the answers are: write the tables and plots of benchmarks/quality
#   make lock       renew requirements*.lock from pyproject.toml
#   make clean      remove what was built and installed; keeps data/

SHELL := /bin/bash
SAMPLE ?= 1
LOG_LEVEL ?= $(or $(OPENPERSONALIZE_LOG_LEVEL),warning)
JOBS ?= 2

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq --no-input
CAN_TRAIN := $(BIN)/python -c 'import implicit.cpu.als'
INSTALLED := $(VENV)/.installed
DEVELOPED := $(VENV)/.installed-dev
AWS_CLI := .cache/awscli/.installed
JAVASCRIPT := tests/clients/javascript/node_modules/.installed
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --no-annotate

.DEFAULT_GOAL := help
.PHONY: help run install develop test check test-all test-rest clients docs conformance-latest bench quality lock clean

help:
	@sed -n '/^#   make/s/^#   //p' Makefile

run: $(INSTALLED)
	@exec $(BIN)/openpersonalize serve --log-level $(LOG_LEVEL) $(if $(filter 0,$(SAMPLE)),,--sample)

install: $(INSTALLED)

develop: $(DEVELOPED)

test: check
	$(BIN)/pytest -n $(JOBS) --dist loadgroup -m "not slow"

check: $(DEVELOPED)
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && export OPENPERSONALIZE_DATA_DIR="$$folder" && \
		$(BIN)/alembic upgrade head && $(BIN)/alembic check

test-all: test test-rest

test-rest: $(DEVELOPED) clients
	$(BIN)/pytest -n $(JOBS) --dist loadgroup -m slow || [ $$? = 5 ] # 5: no test is marked slow
	.ci/postgres $(BIN)/pytest -n $(JOBS) --dist loadgroup tests/api tests/conformance tests/unit/storage

clients: $(AWS_CLI) $(JAVASCRIPT)

docs: $(DEVELOPED)
	$(BIN)/python -m docs.generator

# In a throw-away venv, which has the newest botocore in front of what is in ours.
conformance-latest: $(DEVELOPED)
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && $(BIN)/python -m venv "$$folder" && \
		"$$folder/bin/python" -m pip --disable-pip-version-check -qq --no-input install botocore && \
		ours=$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') && \
		theirs=$$("$$folder/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))') && \
		echo "import site; site.addsitedir('$$ours')" >"$$theirs/ours.pth" && \
		"$$folder/bin/python" -m tests.conformance.latest

bench: $(DEVELOPED)
	@for bench in benchmarks/bench_*.py; do echo "== $$bench"; $(BIN)/python $$bench || exit 1; done
	@$(MAKE) --no-print-directory quality

quality: $(DEVELOPED)
	$(BIN)/python -m benchmarks.quality --write

lock: $(DEVELOPED)
	$(COMPILE) pyproject.toml --group build -o requirements.lock
	$(COMPILE) pyproject.toml --group build --extra dev -c requirements.lock -o requirements-dev.lock
	echo awscli | $(COMPILE) --output-file tests/clients/awscli.lock -

clean:
	rm -rf $(VENV) .cache build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -rf $(dir $(JAVASCRIPT))
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The locks carry hashes of every file of a release, so one lock serves all platforms.
$(INSTALLED): requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing the dependencies (once; a minute or two) …"
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@$(CAN_TRAIN) 2>/dev/null || { [ "$$(id -u)" = 0 ] && echo "Installing OpenMP's library (libgomp1) …" && \
		apt-get update -qq && apt-get install -qq -y --no-install-recommends libgomp1 >/dev/null && $(CAN_TRAIN); } || \
		{ echo "Training needs OpenMP's library. On Debian and Ubuntu: apt-get install libgomp1." >&2; exit 1; }
	@touch $@

$(DEVELOPED): requirements-dev.lock $(INSTALLED)
	@echo "Installing what the tests need (once) …"
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

# Other makers' clients, which the slow tests drive. The AWS CLI has a venv of its own: it pins what it uses.
$(AWS_CLI): tests/clients/awscli.lock | $(BIN)/python
	@echo "Installing the AWS CLI for the tests (once) …"
	@rm -rf $(@D) && $(BIN)/python -m venv $(@D)
	@$(@D)/bin/python -m pip --disable-pip-version-check -qq --no-input install --require-hashes -r $<
	@touch $@

$(JAVASCRIPT): tests/clients/javascript/package-lock.json
	@node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)' && npm --version >/dev/null || \
		{ echo "The slow tests need Node.js 18 or newer and npm: apt-get install nodejs npm." >&2; exit 1; }
	@echo "Installing the AWS SDK for JavaScript and newman for the tests (once) …"
	@npm ci --prefix $(<D) --no-fund --no-audit --no-update-notifier --loglevel=error --ignore-scripts
	@touch $@

$(BIN)/python:
	@for python in $(PYTHON) python3.11 python3.12 python3.13 python3; do \
		if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			echo "Making $(VENV) with $$($$python --version)"; \
			$$python -m venv $(VENV) && exit 0; rm -rf $(VENV); \
			echo "On Debian and Ubuntu the venv module is a package: apt-get install python3-venv." >&2; exit 1; \
		fi; \
	done; \
	echo "No Python 3.11 or newer found: install one, or name it: make PYTHON=/path/to/python3.11." >&2; exit 1
