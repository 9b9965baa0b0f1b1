# make demo [AUDIO=folder]   make test   make help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP = $(BIN)/python -m pip install -qq --disable-pip-version-check --constraint constraints.txt
BASE := $(VENV)/.base
FULL := $(VENV)/.full
PARTS := pyproject.toml constraints.txt

.PHONY: help demo test lint types pytest clean
.DEFAULT_GOAL := help

help: ## Show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16
	@echo "  Variables: PYTHON=$(PYTHON) (3.11 or newer), AUDIO=files or a folder to scan in the demo"

demo: $(BASE) ## Decode speech from tokens, scan it, and scan AUDIO when given
	@$(BIN)/earwitness demo --out build/demo $(if $(AUDIO),"$(AUDIO)")

test: lint types pytest ## Install what the tests need, then ruff, mypy and pytest

lint: $(FULL)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# mypy needs the package under its own name; the repository root is the package.
types: $(FULL)
	@mkdir -p $(VENV)/typing && ln -sfn "$(CURDIR)" $(VENV)/typing/earwitness
	MYPYPATH=$(VENV)/typing $(BIN)/mypy -p earwitness

pytest: $(FULL)
	$(BIN)/pytest

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "earwitness needs Python 3.11 or newer: make PYTHON=python3.11"; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(BASE): $(VENV)/bin/python $(PARTS)
	$(PIP) --editable .
	@touch $@

$(FULL): $(VENV)/bin/python $(PARTS)
	$(PIP) --editable '.[train,serve,hub,report,listen,bench,dev]'
	@touch $@ $(BASE)

clean: ## Remove the environment, caches and what the demo decoded
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
