# make run    the console with the demo, on a machine that has only Python 3.11+ and make
# make test   everything that must hold, on the same machine
# make help   the rest

NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$name -c '$(NEW_ENOUGH)' >/dev/null 2>&1 && { echo $$name; break; }; done)
VENV ?= .venv
BIN := $(VENV)/bin
BROWSER ?= 1
WORKERS ?= 2
PYTEST_ARGS ?=
# The header names this command, and nothing names a package index: the lock is the same wherever it was made.
COMPILE := UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate pyproject.toml

.PHONY: help run reset sandbox manage test faults lint types layers migrations deploycheck pytest install install-dev chromium lock clean

help:
	@echo "make run           start the console with the demo (HOST, PORT, SANDBOX_DELAY_MS, SANDBOX_SCALE)"
	@echo "make reset         remove what make run keeps (asks; FORCE=1 does not)"
	@echo "make sandbox DO=…  change what the demo's Graph sandbox answers (DO=--help lists it)"
	@echo "make manage DO=…   run manage.py beside the running demo"
	@echo "make test          all checks and tests (BROWSER=0 leaves Chromium out, WORKERS=n, PYTEST_ARGS=...)"
	@echo "make lint types layers migrations deploycheck pytest    one part of make test"
	@echo "make faults        a fault at every request of a backup and of a restore (STRIDE=n: every n-th), for an hour or two"
	@echo "make lock          make requirements*.lock anew from pyproject.toml"
	@echo "make clean         remove the virtual environment and caches"

run: install
	@$(BIN)/python -m tenantpilot.quickstart run

reset: install
	@$(BIN)/python -m tenantpilot.quickstart reset

# Beside the running demo: make sandbox DO=--help, make sandbox DO="consent northwind", make manage DO=showmigrations
sandbox manage: install
	@$(BIN)/python -m tenantpilot.quickstart $@ $(DO)

# --- the virtual environment, made anew only when the lock has changed ---------------------------------------------

install: $(VENV)/.installed
install-dev: $(VENV)/.installed-dev

define need_python
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed and none was found; PYTHON=/path/to/python make names one." >&2; exit 1; }
	@$(PYTHON) -c '$(NEW_ENOUGH)' 2>/dev/null || { \
		echo "Python 3.11 or newer is needed; $(PYTHON) is none. PYTHON=/path/to/python make names one." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot make virtual environments; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
endef

$(BIN)/python:
	$(need_python)
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.lock | $(BIN)/python
	@echo "Installing what the console needs; this happens once."
	@test -f $(VENV)/.installed-dev || $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@test ! -f $(VENV)/.installed-dev || $(MAKE) --no-print-directory install-dev
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock | $(BIN)/python
	@echo "Installing what the tests need; this happens once."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@ $(VENV)/.installed

# --- checks --------------------------------------------------------------------------------------------------------

PARTS := lint types layers migrations deploycheck pytest

test: install-dev
	@if [ "$(BROWSER)" != 0 ]; then $(MAKE) --no-print-directory chromium; fi
	@for part in $(PARTS); do \
		began=$$(date +%s); echo "== $$part"; \
		$(MAKE) --no-print-directory $$part || { echo "== $$part failed after $$(( $$(date +%s) - began )) s"; exit 1; }; \
		if [ $$part != pytest ]; then echo "== $$part passed in $$(( $$(date +%s) - began )) s"; fi; \
	done

lint: install-dev
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .

types: install-dev
	@$(BIN)/mypy

layers: install-dev
	@$(BIN)/lint-imports

migrations: install-dev
	@$(BIN)/python -m tenantpilot.quickstart.checks migrations

deploycheck: install-dev
	@$(BIN)/python -m tenantpilot.quickstart.checks deploy

pytest: install-dev
	@$(BIN)/python -m pytest -n $(WORKERS) --durations=30 --durations-min=4 $(if $(filter 0,$(BROWSER)),-m "not browser") $(PYTEST_ARGS)

# One process, which prints its table at the end.
STRIDE ?= 1
faults: install-dev
	@echo "| operation | fault | positions | the runs ended |"; echo "| --- | --- | --- | --- |"
	@FAULTS=every STRIDE=$(STRIDE) $(BIN)/python -m pytest -q -n 0 --show-capture=no tests/providers/sweep $(PYTEST_ARGS)

# Found on the system or named by CHROMIUM, else installed by apt where that is possible, else one line says how.
chromium:
	@if [ -n "$$CHROMIUM" ]; then \
		[ -x "$$CHROMIUM" ] || { echo "CHROMIUM=$$CHROMIUM is no program." >&2; exit 1; }; \
	elif { command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
		echo "Installing Chromium with apt."; \
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; } \
			>/dev/null </dev/null; \
	else \
		echo "The browser tests need Chromium: sudo apt-get install chromium (or make test BROWSER=0 to leave them out)." >&2; \
		exit 1; \
	fi

lock: $(BIN)/uv
	@$(COMPILE) --output-file requirements.lock
	@$(COMPILE) --group dev --constraint requirements.lock --output-file requirements-dev.lock

$(BIN)/uv: | $(BIN)/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
