# make app        make the environment (in .venv, nothing outside it) and open the app
# make test       everything the tests need, then the whole test suite, with coverage
# make test-fast  what needs no browser, no real section and little time, on two processes
# make lint       ruff (rules and format), mypy, import-linter (the rooms of docs/architecture.md)
# make docs       the documentation as a site in docs/_build, the tutorial executed
# make check      all that CI runs: lint, test, docs, and the wheel installed elsewhere
# make mutants   do the tests notice? A sample of known bugs, one at a time; ARGS=--all for all of them
# make benchmark         every method on every section of the data folder (S2S_DATA); hours
# make benchmark-quick   three small sections, two masks; minutes
#
# make app TORCH=cuda   with torch for NVIDIA GPUs (Linux; several GB)

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
PYTHON ?= $(firstword $(foreach p,python3.11 python3.12 python3.13 python3,$(if $(shell command -v $(p) 2>/dev/null),$(p))))
# Asked once, kept: an environment with the GPU build stays one.
TORCH ?= $(if $(wildcard $(VENV)/.torch-cuda),cuda,cpu)
TORCH_VERSION := $(shell sed -n 's/^torch==//p' requirements.txt)
CPU_INDEX := https://download.pytorch.org/whl/cpu
PORT ?= 8501

.PHONY: app env dev test test-fast lint docs check mutants chromium benchmark benchmark-quick clean

app: env
	$(BIN)/python -m pages._serve --server.address 127.0.0.1 --server.port $(PORT) \
	  --server.showEmailPrompt false --browser.gatherUsageStats false

# Parts of the suite (ARGS) say nothing about coverage.
COVERAGE := $(if $(ARGS),,--cov=s2s_core --cov=pages --cov-report=term:skip-covered)

test: dev chromium
	$(BIN)/python -m pytest $(COVERAGE) $(ARGS)

# One thread a process: two processes share two cores.
test-fast: dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 -m "not slow and not browser and not data" $(ARGS)

lint: dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

docs: $(VENV)/.docs
	rm -rf docs/api/generated docs/_build
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build
	@echo "docs/_build/index.html"

check:
	.ci/run

mutants: dev
	$(BIN)/python -m tests.mutants $(ARGS)

benchmark benchmark-quick: $(VENV)/.benchmark
	$(BIN)/python benchmarks/benchmark.py $(if $(filter %quick,$@),--quick --name quick) $(ARGS)

env: $(VENV)/.runtime
dev: $(VENV)/.dev

# Stamps live inside the environment, so that they vanish with it.
$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Making the environment in $(VENV) ..."
	@$(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "No environment could be made; on Debian or Ubuntu: apt install python3-venv"; exit 1; }
	@touch $@

$(VENV)/.torch-$(TORCH): $(VENV)/.made
	@case "$(TORCH)" in cpu|cuda) ;; *) echo "TORCH must be cpu or cuda, found $(TORCH)"; exit 1;; esac
	@echo "Installing torch $(TORCH_VERSION) ($(TORCH)) ..."
	@if ls $(VENV)/.torch-* >/dev/null 2>&1; then $(PIP) uninstall -y torch; rm -f $(VENV)/.torch-*; fi
	@if [ "$(TORCH)" = cpu ] && [ "$$(uname -s)" = Linux ]; then \
	  $(PIP) install --retries 0 --timeout 20 --extra-index-url $(CPU_INDEX) torch==$(TORCH_VERSION) || \
	  { echo "The index of CPU builds did not answer; installing torch from the default index."; \
	    $(PIP) install torch==$(TORCH_VERSION); }; \
	else $(PIP) install torch==$(TORCH_VERSION); fi
	@touch $@

$(VENV)/.runtime: requirements.txt $(VENV)/.torch-$(TORCH)
	@echo "Installing what the app needs ..."
	@$(PIP) install -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.runtime
	@echo "Installing what the tests need ..."
	@$(PIP) install -r requirements-dev.txt
	@touch $@

$(VENV)/.docs: requirements-docs.txt $(VENV)/.runtime
	@echo "Installing what the documentation needs ..."
	@$(PIP) install -r requirements-docs.txt
	@touch $@

$(VENV)/.benchmark: requirements-benchmark.txt $(VENV)/.runtime
	@echo "Installing what the benchmark needs ..."
	@$(PIP) install -r requirements-benchmark.txt
	@touch $@

# The browser tests drive Debian's chromium. It is installed only where that needs no password
# (root on a Debian-like system, such as CI); elsewhere those tests skip and say so.
chromium:
	@if command -v chromium >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "Installing chromium for the browser tests ..."; \
	  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null; } || \
	  echo "chromium could not be installed: the browser tests will skip."; \
	else echo "chromium is not installed: the browser tests will skip."; fi

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache .hypothesis .coverage docs/_build
