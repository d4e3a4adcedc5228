# Every target installs what it needs into .venv first; start no servers by hand.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
TESTS  ?= tests
PART   ?= pipeline
SEED   ?= 1

OPENAPI       := openapi/openapi.yaml
CONTRACT_VENV := contract/venv

.PHONY: demo test fuzz disclosure paging openings viewings leaks chaos compatibility bench check format lint types contracts openapi contract accessibility workbook-readers browser screenshots prose glyph-coverage schema lock clean

demo: $(STAMP)
	$(BIN)/toetsfeedback demo --out demo-output

# Four processes on two cores: many tests wait, for a time limit or for another process.
test: $(STAMP)
	$(BIN)/pytest -n 4 --dist loadgroup --no-loadscope-reorder $(TESTS)

# The property tests with many examples: 10,000 fiches, of which `make test` runs 200, 2,000
# sequences of deliveries, of which it runs 3, and 2,000 command lines, of which it runs 60.
fuzz: $(STAMP)
	FICHES=10000 $(BIN)/pytest -n 2 tests/worker/documents/test_any_fiche.py
	SEQUENCES=2000 $(BIN)/pytest -n 2 tests/worker/jobs/test_pupils.py
	COMMANDS=2000 $(BIN)/pytest -n0 tests/cli/test_any_arguments.py

# An attacker on the figures of 10,000 small schools; `make test` has 60.
disclosure: $(STAMP)
	SCHOOLS=$(or $(SCHOOLS),10000) $(BIN)/pytest -n 2 tests/disclosure

# The test of all lists while they change with 500 runs; `make test` has 3.
paging: $(STAMP)
	PAGING_RUNS=500 $(BIN)/pytest -n0 --timeout=0 tests/api/test_paging.py

# 200 openings and 50 recalls, watched through two API processes; `make test` has 3 and 2.
openings: $(STAMP)
	OPENINGS=200 RECALLS=50 $(BIN)/pytest -n0 -s --timeout=0 tests/api/test_moments.py

# 500 students for 20 places 100 times, 2,000 crossing moves, 500 sequences against a model, and all
# right and wrong answers to seven items; `make test` has one, 100, 6 and 40 of them. Run it alone:
# it measures the longest wait.
viewings: $(STAMP)
	VIEWING_RUNS=100 VIEWING_MOVES=2000 $(BIN)/pytest -n0 -s --timeout=0 tests/api/test_viewing_concurrency.py
	VIEWING_SEQUENCES=500 $(BIN)/pytest -n0 --timeout=0 tests/viewings/test_machine.py
	VIEWING_ANSWERS=500 $(BIN)/pytest -n0 --timeout=0 tests/api/test_viewing_desk.py

# The search for responses that tell too much, with REQUESTS requests; `make test` sends 10,000.
leaks: $(STAMP)
	REQUESTS=$(or $(REQUESTS),200000) SEED=$(SEED) $(BIN)/pytest -n0 --timeout=0 tests/leaks

chaos: $(STAMP)
	$(BIN)/pytest --chaos-long --chaos-seed $(SEED) tests/chaos

# Tests of what depends on the database, on the oldest PostgreSQL that is supported; needs Debian's
# package postgresql-15.
compatibility: $(STAMP)
	$(BIN)/python -m tests.compatibility $(ARGS)

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

# The OpenAPI document with the tools of those who use it, and the API with values at and beyond the
# limits of each parameter, which `make test` does not send; needs Node.js 20 or later with npm.
contract: export PATH := $(CURDIR)/$(CONTRACT_VENV)/bin:$(CURDIR)/contract/node_modules/.bin:$(PATH)
contract: export REDOCLY_TELEMETRY := off
contract: export REDOCLY_SUPPRESS_UPDATE_NOTICE := true
contract: $(STAMP) $(CONTRACT_VENV)/.installed contract/node_modules/.package-lock.json
	cd contract && spectral lint --ruleset spectral.yaml --fail-severity hint ../$(OPENAPI)
	cd contract && redocly lint --config redocly.yaml --max-problems 1000 ../$(OPENAPI)
	cd contract && openapi-typescript ../$(OPENAPI) --output build/schema.ts && tsc --project .
	cd contract && openapi-python-client generate --path ../$(OPENAPI) --config python-client.yaml \
		--meta none --output-path build/client --overwrite --fail-on-warning
	cd contract && mypy --strict --config-file= build/client
	BOUNDARIES=1 $(BIN)/pytest -n0 tests/api/test_openapi.py

$(CONTRACT_VENV)/.installed: requirements/contract.txt
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/contract.txt
	@touch $@

contract/node_modules/.package-lock.json: contract/package.json contract/package-lock.json
	cd contract && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

# Documents with the programs of those who read them: overviews, and FICHES fiches and the reading
# guides under veraPDF and other programs outside of Python, such as pdf.js.
accessibility: $(STAMP) workbook-readers tests/readers/node_modules/.package-lock.json
	$(BIN)/python -m tests.worker.accessibility --fiches $(or $(FICHES),500)

# Overviews in six programs; needs Node.js 20 or later with npm, LibreOffice Calc and Gnumeric.
workbook-readers: $(STAMP) tests/readers/node_modules/.package-lock.json
	$(BIN)/python -m tests.readers.workbook_readers

tests/readers/node_modules/.package-lock.json: tests/readers/package.json tests/readers/package-lock.json
	cd $(@D)/.. && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

# The portal in Debian's Chromium; needs the package `chromium`, and Node.js 20 or later with npm.
browser: $(STAMP) tests/browser/node_modules/.package-lock.json
	BROWSER=1 $(BIN)/pytest -n0 --timeout=600 $(or $(ARGS),tests/browser)
	BROWSER=1 $(BIN)/pytest -n0 --timeout=600 tests/portal/test_hostile_data.py -k browser_reports

screenshots: $(STAMP)
	BROWSER=1 $(BIN)/pytest -n0 --timeout=600 tests/browser/screenshots.py

tests/browser/node_modules/.package-lock.json: tests/browser/package.json tests/browser/package-lock.json
	cd $(@D)/.. && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

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
	echo openapi-python-client mypy types-python-dateutil | tr " " "\n" | $(COMPILE) - -o requirements/contract.txt

$(STAMP): requirements/build.txt requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "toetsfeedback needs Python 3.11 or later: run make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/build.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

clean:
	rm -rf $(VENV) $(CONTRACT_VENV) contract/node_modules contract/build tests/readers/node_modules tests/browser/node_modules demo-output .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
