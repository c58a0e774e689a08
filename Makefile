# The two commands that matter: `make demo` and `make test`. Both start from nothing but python3, gcc, make and git.

PYTHON ?= python3
VENV   := .venv
# Of its own: what the peers need must not decide what we run with.
BENCH  := .venv-bench
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet
# Qt is worth its download only to somebody who can look at it.
SCREEN := $(DISPLAY)$(WAYLAND_DISPLAY)$(filter Darwin,$(shell uname -s))
EXTRA  := $(if $(SCREEN),all,headless)
# A virtual screen: Qt's own `offscreen` has no OpenGL, and napari's canvas needs it.
XVFB   := $(if $(filter Linux,$(shell uname -s)),xvfb-run -a -s "-screen 0 1400x900x24")

# Which images of DSB2018 are trained on, and which ones are kept to be scored on.
SPLITS ?= benchmarks/dsb2018.csv

export TF_CPP_MIN_LOG_LEVEL ?= 2

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test lint evaluate bench bench-accuracy clean

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' $(MAKEFILE_LIST)

demo: $(VENV)/.$(EXTRA) ## segment the bundled image, write an overlay to demo/, show it where there is a screen
	@$(BIN)/python tools/demo.py

test: $(VENV)/.dev lint ## run everything that must hold: linters, types, layers, spelling, tests
	@tools/system_libraries.sh
	$(XVFB) $(BIN)/python -m pytest

lint: $(VENV)/.dev ## linters, types, layers, spelling
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/typos

evaluate: $(VENV)/.$(EXTRA) ## score the model on the validation images of DSB2018: DATASET=... [ARGS=...]
	$(BIN)/napari-nuclei evaluate $(DATASET) --splits $(SPLITS) --split val $(ARGS)

bench: $(BENCH)/.bench ## measure speed, memory and start-up, StarDist and TensorFlow beside: [DATASET=...] [ARGS=...]
	$(BENCH)/bin/python -m benchmarks.speed $(DATASET) $(ARGS)

bench-accuracy: $(BENCH)/.bench ## score our model and StarDist on the same images: DATASET=... [ARGS=...]
	$(BENCH)/bin/python -m benchmarks.accuracy $(DATASET) --splits $(SPLITS) $(ARGS)

clean: ## remove the environments and everything that was made
	rm -rf $(VENV) $(BENCH) build demo dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache

# Stamps: a second run installs nothing, a changed pyproject.toml installs again.
$(VENV)/.headless: $(VENV)/bin/python pyproject.toml
	$(PIP) --editable .
	@touch $@

$(VENV)/.all: $(VENV)/bin/python pyproject.toml
	$(PIP) --editable '.[all]'
	@touch $@ $(VENV)/.headless

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml
	$(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/.headless

$(BENCH)/.bench: $(BENCH)/bin/python pyproject.toml
	$< -m pip install --quiet --editable '.[bench]'
	@touch $@

$(VENV)/bin/python $(BENCH)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	    { echo "napari-nuclei needs Python 3.11 to 3.13: run 'make PYTHON=python3.12 ...'" >&2; exit 1; }
	@echo "Making $(@:/bin/python=): the first run downloads about 1 GB, the next ones nothing."
	$(PYTHON) -m venv $(@:/bin/python=)
	$@ -m pip install --quiet --upgrade pip
