# The commands that matter: `make demo`, `make check` (a minute) and `make test` (everything). Each sets up what it needs first;
# the second time that takes no time.
PYTHON ?= python3
BIN := .venv/bin
# As many processes at a time as there are cores for this one.
WORKERS ?= $(shell nproc 2>/dev/null || echo 2)
PYTEST := -m pytest --numprocesses=$(WORKERS) --dist=worksteal
# Tests that need neither screen nor OpenGL nor torch, a few seconds each room.
PURE := tests/common tests/overlay tests/slide tests/stream tests/view tests/relevance/patches tests/relevance/query \
    tests/test_house.py

.PHONY: demo check test pure-tests wheel-test lint style types contracts bench pictures setup setup-dev python system clean

demo: setup
	$(BIN)/foveola demo

check: setup-dev
	@$(MAKE) --no-print-directory --jobs=$(WORKERS) style types contracts pure-tests

test: lint system
	$(BIN)/coverage erase
	$(BIN)/coverage run $(PYTEST) $(PYTEST_ARGS)
	$(BIN)/coverage combine --quiet
	$(if $(PYTEST_ARGS),,$(BIN)/python .ci/coverage_floors.py)

pure-tests: setup-dev
	$(BIN)/python $(PYTEST) --quiet --no-xvfb -m "not slow and not slides" $(PURE)

wheel-test: setup-dev system
	LIBGL_ALWAYS_SOFTWARE=1 xvfb-run -a -s "-screen 0 1280x1024x24" $(BIN)/python .ci/wheel_test.py

lint: setup-dev
	@$(MAKE) --no-print-directory --jobs=$(WORKERS) style types contracts

style: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup-dev
	$(BIN)/mypy

contracts: setup-dev
	$(BIN)/lint-imports --cache-dir .cache/import-linter

# Figures, not tests: each script prints what it measured.
bench: setup
	@for script in $(filter-out tests/bench/test_%,$(wildcard tests/bench/[a-z]*.py)); do echo "== $$script"; \
	    LIBGL_ALWAYS_SOFTWARE=1 xvfb-run -a -s "-screen 0 1400x1000x24" $(BIN)/python $$script || exit 1; done

# Pictures of the guide, made by the program on the demo slide.
pictures: setup
	LIBGL_ALWAYS_SOFTWARE=1 $(BIN)/python tests/ui/guide_pictures.py

setup: system .venv/with-program

# Without `system`: lint and the pure tests draw nothing.
setup-dev: .venv/with-tools

system:
	@.ci/system-libs

python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "Foveola needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 ..." >&2; exit 2; }
	@PYTHON="$(PYTHON)" .ci/system-libs python

$(BIN)/pip: | python
	$(PYTHON) -m venv .venv

.venv/with-program: pyproject.toml | $(BIN)/pip
	.ci/torch-build $(BIN)/pip
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

.venv/with-tools: pyproject.toml | $(BIN)/pip
	.ci/torch-build $(BIN)/pip
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ .venv/with-program

clean:
	rm -rf .venv .cache *.egg-info build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
