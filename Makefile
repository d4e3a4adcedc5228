# Every target installs what it needs into .venv first; start no servers by hand.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
TESTS  ?= tests
PART   ?= pipeline
SEED   ?= 1

.PHONY: demo test fuzz chaos bench check format lint types contracts openapi prose glyph-coverage schema lock clean

demo: $(STAMP)
	$(BIN)/toetsfeedback demo --out demo-output

test: $(STAMP)
	$(BIN)/pytest -n 2 --dist loadgroup --no-loadscope-reorder $(TESTS)

# The property test of fiches with 10,000 examples; `make test` runs 300.
fuzz: $(STAMP)
	FICHES=10000 $(BIN)/pytest -n 2 tests/worker/documents/test_any_fiche.py

chaos: $(STAMP)
	$(BIN)/pytest --chaos-long --chaos-seed $(SEED) tests/chaos

bench: $(STAMP)
	$(BIN)/python -m benchmarks.$(subst -,_,$(PART)) $(ARGS)

check: format lint types contracts openapi prose test

format: $(STAMP)
	$(BIN)/ruff format --check .

lint: $(STAMP)
	$(BIN)/ruff check .

types: $(STAMP)
	$(BIN)/mypy

contracts: $(STAMP)
	$(BIN)/lint-imports

openapi: $(STAMP)
	$(BIN)/toetsfeedback openapi --check

# Spelling of the whole tree, then proselint on README, docs, docstrings and OpenAPI texts.
prose: $(STAMP)
	$(BIN)/codespell
	$(BIN)/python -m tests.architecture.prose

# Run it after a change of the fonts in services/worker/layout/fonts.py.
glyph-coverage: $(STAMP)
	$(BIN)/python -m services.worker.layout.glyph_coverage > shared/core/glyph_coverage.txt

# The revisions and the rules of access that programs expect of a database; run it after a migration.
schema: $(STAMP)
	$(BIN)/python -m tests.migrations.write_snapshot

# Needs uv on the PATH; run it after a change of the dependencies in pyproject.toml.
# Pins carry hashes and name no index.
lock: COMPILE = uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
lock:
	$(COMPILE) pyproject.toml --extra embedded --extra dev -o requirements/dev.txt
	$(COMPILE) pyproject.toml --extra embedded -c requirements/dev.txt -o requirements/runtime.txt
	$(COMPILE) pyproject.toml -c requirements/dev.txt -o requirements/server.txt
	echo "setuptools>=80" | $(COMPILE) - -o requirements/build.txt

$(STAMP): requirements/build.txt requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "toetsfeedback needs Python 3.11 or later: run make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/build.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

clean:
	rm -rf $(VENV) demo-output .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
