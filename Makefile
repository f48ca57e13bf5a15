# Two commands do everything: `make demo` and `make test`. Both need Python 3.11+ and nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test check serve mock format lock clean

help: ## show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

# Installed once, from the hash-pinned lock; again when the lock or the metadata changes.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Filmgate needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) -V). Try: make PYTHON=python3.11 ..."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(READY) ## one generation from two real pictures, end to end, offline
	$(BIN)/filmgate demo

# More workers than cores: many tests wait for other processes.
test: $(READY) ## the test suite; ARGS="-m slow" runs its long matrices
	$(BIN)/python -m pytest -n 3 $(ARGS)

check: $(READY) ## format, lint, types, import rules, lock in step
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python .ci/check_lock.py

serve: $(READY) ## the gateway, on built-in mock accounts
	$(BIN)/filmgate serve --mock

mock: $(READY) ## the mock providers alone
	$(BIN)/filmgate mock

format: $(READY) ## rewrite to the house format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(READY) ## pin what pyproject.toml asks for
	$(BIN)/python .ci/check_lock.py --write

clean: ## remove what was installed and made
	rm -rf $(VENV) demo-output .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
