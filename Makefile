# Everything a fresh machine needs: Python 3.11 or newer, its venv module, and make. `make help` lists the targets.

VENV := .venv
BIN := $(VENV)/bin
# The interpreters to try for the virtual environment, best first; `make test PYTHON=/path/to/python` takes that one.
PYTHON ?= python3.13 python3.12 python3.11 python3.14 python3 python
# What `make test` gives pytest besides its own options: `make test PYTEST_ARGS="-x tests/unit"`.
PYTEST_ARGS ?= -n auto --maxprocesses=4
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help run serve test soak soak-controlplane controlplane test-controlplane lint bench install clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.installed  ## play the quickstart in virtual time and leave report/report.html
	$(BIN)/vksim run scenarios/quickstart.yaml

serve: $(VENV)/.installed  ## a simulated cluster for kubectl, until Ctrl-C
	$(BIN)/vksim serve

test: $(VENV)/.installed-test  ## run all tests and features
	$(BIN)/python -m pytest $(PYTEST_ARGS)

soak: $(VENV)/.installed-test  ## run the tests that take minutes
	$(BIN)/python -m pytest -m "slow and not controlplane" tests

soak-controlplane: $(VENV)/.installed-test  ## ten minutes each of a real scheduler and controllers on the fake API server
	$(BIN)/python -m pytest -m "slow and controlplane" tests

controlplane:  ## build etcd and a Kubernetes control plane (needs Go), for make test-controlplane
	tools/controlplane/build

test-controlplane: $(VENV)/.installed-test  ## hold the fake API server to a real one
	$(BIN)/python -m pytest -m "controlplane and not slow" tests features

lint: $(VENV)/.installed-dev  ## check style, format, types and import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.installed-test  ## measure: one line of figures for each benchmark
	@set -e; for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python "$$script"; done

install: $(VENV)/.installed-dev  ## make .venv with everything for development

clean:  ## remove reports, builds and caches (not .venv)
	rm -rf report build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

# The project is installed editable, and again only when pyproject.toml changes.
$(VENV)/.installed: pyproject.toml | $(VENV)/.created
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.installed-test: pyproject.toml | $(VENV)/.created
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-dev: pyproject.toml | $(VENV)/.created
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@ $(VENV)/.installed $(VENV)/.installed-test

# A .venv that works is kept, whoever made it. One that was interrupted half-way is made again.
SUITABLE := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
$(VENV)/.created:
	@found=; if ! $(BIN)/python -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	  for python in $(PYTHON); do \
	    if $$python -c '$(SUITABLE)' 2>/dev/null; then found=$$python; break; fi; \
	  done; \
	  if [ -z "$$found" ]; then \
	    echo "make: no Python 3.11 or newer with its venv module among: $(PYTHON)" >&2; \
	    echo "make: install one (on Debian: python3 and python3-venv), or name it: make test PYTHON=/path/to/python" >&2; \
	    exit 1; \
	  fi; \
	  echo "making $(VENV) with $$($$found --version)"; \
	  $$found -m venv --clear $(VENV); \
	fi
	@touch $@
