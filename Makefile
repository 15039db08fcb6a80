# One command each. Works on Linux and macOS; on Windows use pipx (see README).
# PIP_EXTRA_INDEX_URL is honoured by pip, for example for a CPU build of PyTorch.

SHELL := /bin/sh
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python

.DEFAULT_GOAL := install
.PHONY: install dev demo demo-sources demo-harvest test lint soak bench bench-peers docs clean help

help: ## list these commands
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

install: $(VENV)/installed ## create the environment with Winnow in it

dev: $(VENV)/installed-dev ## the same, with everything for tests and checks

demo: $(VENV)/installed ## load the sample review, rank it, serve it on 127.0.0.1:8000
	$(BIN)/winnow serve --sample --rank

demo-sources: $(VENV)/installed ## simulate PubMed, Europe PMC and OpenAlex on this machine, with an invented corpus
	$(PY) -m tests.loopback

demo-harvest: $(VENV)/installed ## search the three simulated sources at once, killed and resumed; a minute, no internet
	$(PY) -m tests.loopback.demo

test: $(VENV)/installed-dev ## run nearly all tests, most on one database: SQLite, PostgreSQL, Chromium
	sh tests/system-packages.sh
	$(PY) -m pytest -q -n auto --dist loadgroup --slice
	@if command -v node >/dev/null; then node --test tests/js/; else echo "SKIPPED: node is not installed, so the scripts' unit tests did not run"; fi

lint: $(VENV)/installed-dev ## ruff, mypy, import-linter, djlint, node --check
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/djlint --quiet --lint api/templates
	@for script in api/static/*.js; do node --check "$$script" || exit 1; done

soak: $(VENV)/installed-dev ## every test on each of its databases, then the long kill, load and fuzz tests
	$(PY) -m pytest -q -n auto --dist loadgroup
	$(PY) -m benchmarks.soak
	$(PY) -m benchmarks.crew
	$(PY) -m benchmarks.kills
	$(PY) -m benchmarks.probe
	$(PY) -m benchmarks.hostile_files
	$(PY) -m benchmarks.year
	$(PY) -m benchmarks.harvest_kills
	$(PY) -m benchmarks.end_to_end

bench: $(VENV)/installed-dev ## all benchmarks; writes benchmarks/results and docs/benchmarks.md
	$(PY) -m benchmarks.speed
	$(PY) -m benchmarks.load
	$(PY) -m benchmarks.saturation
	$(PY) -m benchmarks.login_flood
	$(PY) -m benchmarks.encoding_beside
	$(PY) -m benchmarks.harvest
	$(PY) -m benchmarks.ranking
	$(PY) -m benchmarks.calibration
	$(PY) -m benchmarks.noise
	$(PY) -m benchmarks.cold_start
	$(PY) -m benchmarks.replay
	$(PY) -m benchmarks.teams
	$(PY) -m benchmarks.dedupe
	$(PY) -m benchmarks.dedupe_store
	$(PY) -m benchmarks.grow
	$(PY) -m benchmarks.grow_pages
	$(PY) -m benchmarks.import_locks
	$(PY) -m benchmarks.nights
	$(PY) -m benchmarks.vendors
	$(PY) -m benchmarks.roundtrips
	$(PY) -m benchmarks.hostile_sources
	$(PY) -m benchmarks.fields
	$(PY) -m benchmarks.cases
	$(PY) -m benchmarks.report
	$(PY) -m benchmarks.model_card

bench-peers: ## the tools that benchmarks compare with, in an environment of their own
	test -x .venv-peers/bin/python || "$(PYTHON)" -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check "asreview==3.0.8" "pubmed-parser==0.5.1" "biopython==1.88" "bib-dedupe==0.11.0" "nbib==0.3.2" "pandas<3"

clean: ## remove the environments
	rm -rf $(VENV) .venv-peers
