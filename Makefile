# Everything there is to do in a checkout. `make` alone lists it.
#
# Set-up is made of stamps in .venv/.stamps: each step runs when its inputs changed, and a killed one runs again.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

BIN := .venv/bin
STAMPS := .venv/.stamps
PIP := $(BIN)/python -m pip --quiet --no-input --disable-pip-version-check

# Hundreds of processes start in tests and in a demo: none should compile again what another has compiled.
unexport PYTHONDONTWRITEBYTECODE

# Options for pip when it installs torch, for another build of it than the index's own (say CPU only).
TORCH_ARGS ?=
# How the tests run, and after how many seconds they are ended. Many wait for jobs: four at a time keep two cores busy.
# The order is that of tests/conftest.py.
PYTEST_PROCESSES := --numprocesses 4 --dist loadfile --no-loadscope-reorder
PYTEST_ARGS ?= $(PYTEST_PROCESSES) -m "not thorough"
TEST_SECONDS ?= 1500

# llama.cpp for any x86-64 with AVX2, not just for the processor that builds it; without its image models.
LLAMA_CMAKE := -DLLAVA_BUILD=OFF -DGGML_NATIVE=OFF

# A virtual environment knows its place: where the checkout was moved or copied, it is made anew.
ifneq ($(shell cat $(STAMPS)/place 2>/dev/null),$(CURDIR))
$(STAMPS)/place: FORCE
endif

# Options of `bakeoff demo`, given as variables: make demo DATA=../shared/data FULL=1
DEMO_OPTIONS := $(if $(DATA),--data "$(DATA)") $(if $(JUDGE),--judge "$(JUDGE)") \
  $(if $(BUDGET_USD),--budget-usd "$(BUDGET_USD)") $(if $(FRESH),--fresh) $(if $(FULL),--full) $(if $(QLORA),--qlora)

.PHONY: FORCE help setup setup-dev setup-window setup-screen demo test test-thorough check app golden bench lock clean

help: ## This list.
	@echo "Bakeoff: fine-tune several models, merge the best, see which one wins."
	@echo
	@sed -nE 's/^([a-z][a-zA-Z%-]*):[^#]*## (.*)$$/\1|\2/p' $(firstword $(MAKEFILE_LIST)) | column -t -s '|'
	@echo
	@echo "make demo takes DATA=FOLDER, JUDGE=openai:MODEL with BUDGET_USD=2, FRESH=1, FULL=1, QLORA=1."

setup: $(STAMPS)/ready ## Everything that Bakeoff needs to run (the first time about 10 minutes).

setup-dev: $(STAMPS)/development $(STAMPS)/oracle ## What tests and checks need besides.

setup-window: $(STAMPS)/window ## What the window needs besides.

setup-screen: $(STAMPS)/screen ## What tests of the window on a screen need besides.

demo: setup ## A whole small bake-off with a real model on the sample tasks.
	@$(BIN)/bakeoff demo $(DEMO_OPTIONS)

app: setup setup-window ## Open the window.
	@$(BIN)/bakeoff-desktop

test: setup setup-dev setup-window setup-screen ## The tests (PYTEST_ARGS="..." to choose others).
	@export BAKEOFF_SCREEN=$$(ls $(STAMPS)/screen 2>/dev/null); QT_QPA_PLATFORM=offscreen OMP_NUM_THREADS=1 timeout --foreground --signal=INT --kill-after=30 $(TEST_SECONDS) \
	  $(BIN)/python -m pytest $(PYTEST_ARGS)

test-thorough: ## The tests that `make test` leaves out: at full size, in many cases, and the golden images.
	@$(MAKE) --no-print-directory test PYTEST_ARGS='$(PYTEST_PROCESSES) -m thorough'

check: setup setup-dev ## Lint, format, types, import contracts, packaging: all that CI checks but the tests.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy packaging
	$(BIN)/lint-imports --no-logo
	$(BIN)/python packaging/lockfiles.py
	$(BIN)/python packaging/check_tree.py
	$(BIN)/python packaging/check_wheel.py

golden: setup setup-dev setup-window ## Draw the golden images of the window anew; look at them before you commit them.
	@$(BIN)/python -m tests.desktop.golden

bench: setup setup-dev setup-window ## All benchmarks; enter their numbers into docs/measurements.md.
	@for file in tests/bench/bench_*.py; do \
	  name=$${file##*/}; echo "== $${name%.py}"; $(BIN)/python -m "tests.bench.$${name%.py}"; \
	done

bench-%: setup setup-dev setup-window ## One benchmark by its name, for example bench-ranking.
	@$(BIN)/python -m tests.bench.bench_$*

lock: setup setup-dev ## Write packaging/*.lock from what is installed.
	$(BIN)/python packaging/lock.py

clean: ## Remove what was built; the virtual environment and workspaces stay.
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find engine desktop tests packaging -name __pycache__ -type d -prune -exec rm -rf {} +

# --- set-up --------------------------------------------------------------------------------------

$(STAMPS)/place:
	@python=$$(packaging/find-python.sh); \
	PYTHON=$$python packaging/system.sh setup; \
	if [ "$$(cat $(STAMPS)/place 2>/dev/null)" != "$(CURDIR)" ] && [ -d $(STAMPS) ]; then rm -rf .venv; fi; \
	$(BIN)/python -m pip --version >/dev/null 2>&1 || { echo "Making the virtual environment"; $$python -m venv .venv; }
	@mkdir -p $(STAMPS) && printf '%s' "$(CURDIR)" > $@

$(STAMPS)/system: packaging/system-packages.txt packaging/system.sh $(STAMPS)/place
	@PYTHON=$(BIN)/python packaging/system.sh setup
	@touch $@

# The hashed lock in two parts: what comes as wheels, and llama.cpp, which is built here. A part that did not
# change keeps its time, so that llama.cpp is built again only when its own line changes.
$(STAMPS)/wheels.txt $(STAMPS)/native.txt &: packaging/requirements.lock $(STAMPS)/place
	@awk -v folder=$(STAMPS) '/^[a-z]/ { part = /^llama-cpp-python==/ ? "native" : "wheels" } \
	  part { print > (folder "/" part ".part") }' $<
	@for part in $(STAMPS)/native $(STAMPS)/wheels; do \
	  cmp --silent $$part.part $$part.txt && rm $$part.part || mv $$part.part $$part.txt; \
	done

$(STAMPS)/wheels: $(STAMPS)/wheels.txt $(STAMPS)/place
	@echo "Installing $$(grep -c '^[a-z]' $<) packages"
	@PIP_USE_PEP517=1 $(PIP) install --no-deps --require-hashes -r $<
	@touch $@

$(STAMPS)/native: $(STAMPS)/native.txt $(STAMPS)/place packaging/kernels.sh
	@echo "Building llama.cpp (about 5 minutes on two cores, unless pip has it in its cache)"
	@rm -rf $(STAMPS)/built
	@CMAKE_ARGS="$(LLAMA_CMAKE)" CMAKE_BUILD_PARALLEL_LEVEL=$$(nproc) \
	  $(PIP) wheel --no-deps --require-hashes --wheel-dir $(STAMPS)/built -r $<
	@$(PIP) install --no-deps --force-reinstall $(STAMPS)/built/*.whl
	@rm -rf $(STAMPS)/built
	@PYTHON=$(BIN)/python packaging/kernels.sh $< || echo "Without kernels for AVX-512: answers take longer where they would be used"
	@touch $@

# After the hashed packages, so that whatever torch shares with them is there already.
$(STAMPS)/torch: packaging/requirements-torch.lock $(STAMPS)/wheels
	@echo "Installing torch"
	@$(PIP) install $(TORCH_ARGS) -r $<
	@touch $@

$(STAMPS)/packages: $(STAMPS)/system packaging/requirements.lock packaging/requirements-torch.lock packaging/kernels.sh
	@$(MAKE) --no-print-directory --silent --jobs 2 $(STAMPS)/native $(STAMPS)/torch
	@touch $@

$(STAMPS)/ready: $(STAMPS)/packages pyproject.toml packaging/native.py engine/exporting/kquants.cpp
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(STAMPS)/development: packaging/requirements-dev.lock $(STAMPS)/ready
	@echo "Installing what tests and checks need"
	@$(PIP) install --no-deps --require-hashes -r $<
	@touch $@

$(STAMPS)/oracle: packaging/requirements-oracle.lock $(STAMPS)/ready
	@rm -rf .venv/oracle
	@$(PIP) install --no-deps --require-hashes --target .venv/oracle -r $<
	@touch $@

$(STAMPS)/window: packaging/system-packages.txt packaging/system.sh $(STAMPS)/place
	@packaging/system.sh window
	@touch $@

# Where nobody may install them (status 1), the tests that need a screen are skipped and say so.
$(STAMPS)/screen: packaging/system-packages.txt packaging/system.sh $(STAMPS)/window
	@packaging/system.sh screen && touch $@ || [ $$? = 1 ]
