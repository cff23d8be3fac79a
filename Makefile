# make demo        a hub on this computer, with the sample course     make demo-down   remove every trace of it
# make test        all tests                                          make lint        all static checks
# make bench       speed, beside what else one would take             make requirements  renew the pins

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# The sandbox makes machines, which takes root. -E keeps the settings of pip and of proxies.
SUDO := $(if $(filter 0,$(shell id -u)),,$(if $(shell command -v sudo),sudo -E))
PYTEST_OPTIONS ?=
# Two sandboxes side by side: one leaves a quarter of two processors idle, for machines wait a lot. In the order
# of their names, the files with machines come early, and the many small tests fill up the end.
SIDE_BY_SIDE ?= --numprocesses 2 --dist loadfile --no-loadscope-reorder

.PHONY: demo demo-down test unit lint bench requirements
.DEFAULT_GOAL := demo

$(READY): tests/requirements.txt
	@$(PYTHON) scripts/sandbox/virtualenv.py $(VENV) $<

demo: $(READY)
	@$(SUDO) $(BIN)/python scripts/demo.py up

demo-down: $(READY)
	@$(SUDO) $(BIN)/python scripts/demo.py down

test: $(READY)
	@$(SUDO) $(BIN)/python scripts/demo.py prepare
	$(SUDO) $(BIN)/python -m pytest $(SIDE_BY_SIDE) $(PYTEST_OPTIONS)

unit: $(READY)
	$(BIN)/python -m pytest tests/unit tests/account tests/workflows $(PYTEST_OPTIONS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python scripts/settings_page.py --check
	PYTHONPATH=scripts $(BIN)/python -m sandbox.github.lint

bench: $(READY)
	$(SUDO) $(BIN)/python bench/deploy.py
	$(SUDO) $(BIN)/python bench/environment.py
	$(SUDO) $(BIN)/python bench/links.py
	$(SUDO) $(BIN)/python bench/roster.py

requirements: $(READY)
	$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --no-header pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --no-header pyproject.toml --extra dev \
	  --constraint requirements.txt -o tests/requirements.txt
