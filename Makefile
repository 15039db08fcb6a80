# One command each. Works on Linux and macOS; on Windows use pipx (see README).
# PIP_EXTRA_INDEX_URL is honoured by pip, for example for a CPU build of PyTorch.

SHELL := /bin/sh
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python

.DEFAULT_GOAL := install
.PHONY: install dev demo demo-sources demo-harvest test lint soak bench bench-peers docs clean help

help: ## say what there is
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*## /: /'

$(PY):
	@command -v "$(PYTHON)" >/dev/null || { echo "Winnow needs Python 3.11 or later; set PYTHON=/path/to/python"; exit 1; }
	"$(PYTHON)" -m venv $(VENV)

# PyTorch goes first: without a version pip would take the largest build there is.
$(VENV)/installed: pyproject.toml | $(PY)
	$(PY) -m pip install --quiet --disable-pip-version-check "torch==2.13.0"
	$(PY) -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/installed-dev: pyproject.toml $(VENV)/installed
	$(PY) -m pip install --quiet --disable-pip-version-check -e ".[dev]"
	@touch $@

install: $(VENV)/installed ## make the environment with the program in it

dev: $(VENV)/installed-dev ## the same with what tests and checks need

demo: $(VENV)/installed ## load the sample review, rank it, serve it on 127.0.0.1:8000
	$(BIN)/winnow serve --sample --rank

demo-sources: $(VENV)/installed ## play PubMed, Europe PMC and OpenAlex on this machine, with a made-up corpus
	$(PY) -m tests.loopback

demo-harvest: $(VENV)/installed ## harvest the three played sources at once, killed and resumed; a minute, no internet
	$(PY) -m tests.loopback.demo

test: $(VENV)/installed-dev ## run all tests: SQLite, PostgreSQL, Chromium
	sh tests/system-packages.sh
	$(PY) -m pytest -q -n auto --dist loadgroup
	@if command -v node >/dev/null; then node --test tests/js/; else echo "SKIPPED: node is not installed, so the scripts' unit tests did not run"; fi

lint: $(VENV)/installed-dev ## ruff, mypy, import-linter, djlint, node --check
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/djlint --quiet --lint api/templates
	@for script in api/static/*.js; do node --check "$$script" || exit 1; done

soak: $(VENV)/installed-dev ## the long forms of kill, load and fuzz tests, and wheels on Windows
	$(PY) -m benchmarks.soak
	$(PY) -m benchmarks.crew
	$(PY) -m benchmarks.probe
	$(PY) -m benchmarks.year
	$(PY) -m benchmarks.harvest_kills

bench: $(VENV)/installed-dev ## all benchmarks; writes benchmarks/results and docs/benchmarks.md
	$(PY) -m benchmarks.speed
	$(PY) -m benchmarks.harvest
	$(PY) -m benchmarks.ranking
	$(PY) -m benchmarks.calibration
	$(PY) -m benchmarks.noise
	$(PY) -m benchmarks.cold_start
	$(PY) -m benchmarks.replay
	$(PY) -m benchmarks.teams
	$(PY) -m benchmarks.dedupe
	$(PY) -m benchmarks.dedupe_store
	$(PY) -m benchmarks.nights
	$(PY) -m benchmarks.vendors
	$(PY) -m benchmarks.report
	$(PY) -m benchmarks.model_card

bench-peers: ## the peers, in an environment of their own
	test -x .venv-peers/bin/python || "$(PYTHON)" -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check "asreview==3.0.8" "pubmed-parser==0.5.1" "biopython==1.88" "bib-dedupe==0.11.0" "pandas<3"

clean: ## remove the environments
	rm -rf $(VENV) .venv-peers
