# Every target does its own set-up; "make demo" and "make test" are the ones to know.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test check preview bench migration requirements clean

demo: $(READY)  ## The whole journey on sample data.
	@$(BIN)/digest demo

test: $(READY)  ## Every test; browser tests where a Chromium is found or can be had.
	@sh scripts/chromium.sh
	$(BIN)/pytest -n auto

check: $(READY)  ## Format, lint, types, import contracts.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

preview: $(READY)  ## The next issue on screen, from the files in this folder.
	@$(BIN)/digest preview

bench: $(READY)  ## Speed and memory, beside a floor.
	$(BIN)/python -m benchmarks.send

migration: $(READY)  ## A new revision from the models: make migration NAME="Add votes".
	$(BIN)/python scripts/migration.py "$(NAME)"

requirements: $(READY)  ## Pin the newest versions that fit.
	$(BIN)/pip install -q uv
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --extra postgres --group dev \
	  --no-header --no-emit-index-url --no-emit-find-links pyproject.toml -o requirements.txt

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.13 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
	  || { echo "Python's venv module is missing; on Debian: apt install python3-venv"; exit 1; }
	@echo "Setting up $(VENV) (once)..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements.txt
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps -e .
	@touch $(READY)

clean:
	rm -rf $(VENV) demo dist .mypy_cache .ruff_cache .pytest_cache
