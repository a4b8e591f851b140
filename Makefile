# Every target sets up what it needs. "make demo" and "make test" are the ones to know.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ARGS ?=
UPGRADE ?= --upgrade
PIN = $(BIN)/uv pip compile -q $(UPGRADE) --universal --python-version 3.11 --no-header \
  --no-emit-index-url --no-emit-find-links

# Some images forbid Python to keep bytecode. The packages come without any, and the tests start Python
# often: without it, each start compiles everything again.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help demo test check docs pictures package part preview bench soak catalogues migration requirements clean

demo: $(READY)  ## The whole journey on sample data; nothing leaves this machine
	@$(BIN)/digest demo $(ARGS)

test: $(READY)  ## Every test; says what it couldn't run (ARGS="-k claim" runs some)
	@sh scripts/system-packages.sh chromium
	@$(BIN)/pytest -q -n auto --dist worksteal $(ARGS)

check: $(READY)  ## Format, lint, types, import contracts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

docs: $(READY)  ## The documentation as a site in dist/docs; a broken link stops it
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements-docs.txt
	@NO_COLOR=1 $(BIN)/zensical build --strict

pictures: $(READY)  ## The pictures in the documentation, from the demo's data
	@sh scripts/system-packages.sh chromium
	@$(BIN)/python scripts/pictures.py

package: $(READY)  ## Build sdist and wheel, and run the tests on the wheel alone
	@PYTHON="$(PYTHON)" BUILDER="$(BIN)/python" sh scripts/package.sh $(ARGS)

part: $(READY)  ## A part of the tests on that wheel: PYTHON=python3.12, or OLDEST=1 for old packages
	@PYTHON="$(PYTHON)" OLDEST="$(OLDEST)" BIN="$(BIN)" sh scripts/part.sh

preview: $(READY)  ## The desk in the folder desk/, with samples where it has no comparisons
	@mkdir -p desk && cd desk && $(abspath $(BIN))/digest preview --samples $(ARGS)

bench: $(READY)  ## Every benchmark, into docs/benchmarks.md (ARGS="--only send,build --quick" prints some)
	@sh scripts/system-packages.sh chromium postgresql
	@$(BIN)/python -m benchmarks $(ARGS)

soak: $(READY)  ## 10,000 simulated seeds, a death at every step, four machines; takes an hour
	@sh scripts/system-packages.sh strace
	@$(BIN)/python -m tests.simulation --seeds 10000 $(ARGS)
	@DIGEST_SOAK=1 $(BIN)/pytest -q -n auto --dist worksteal tests/stories/killing
	@$(BIN)/python -m tests.stories.killing.trial

catalogues: $(READY)  ## New and changed words into each language's catalogue; says what is untranslated
	@$(BIN)/python scripts/catalogues.py

migration: $(READY)  ## A new revision from the models: make migration NAME="Add votes"
	@$(BIN)/python scripts/migration.py "$(NAME)"

requirements:  ## Pin the newest versions that fit pyproject.toml: for production, for work
	@test -x $(BIN)/uv || $(PYTHON) -m venv $(VENV)
	@test -x $(BIN)/uv || $(BIN)/python -m pip install -q uv
	@$(PIN) pyproject.toml --extra postgres --extra dkim -o requirements.txt
	@$(PIN) pyproject.toml --extra postgres --extra charts --extra dkim --group dev -c requirements.txt -o requirements-dev.txt
	@$(PIN) --group docs -c requirements-dev.txt -o requirements-docs.txt

clean:  ## Remove what make has made
	@rm -rf $(VENV) demo dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

help:  ## This list
	@sed -n 's/^\([a-z]*\):.*## /\1|/p' $(MAKEFILE_LIST) | \
	  while IFS='|' read -r name text; do printf '  make %-13s %s\n' "$$name" "$$text"; done

$(READY): requirements-dev.txt pyproject.toml scripts/setup.sh
	@sh scripts/setup.sh "$(PYTHON)" $(VENV)
	@touch $@
