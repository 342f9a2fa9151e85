# Two commands matter: `make demo` and `make test`. Both set everything up first; the second time that takes no time.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test setup setup-dev lint bench pictures clean system

demo: setup
	$(BIN)/foveola demo

test: lint
	LIBGL_ALWAYS_SOFTWARE=1 xvfb-run -a -s "-screen 0 1280x1024x24" $(BIN)/coverage run -m pytest $(PYTEST_ARGS)
	$(BIN)/coverage report

lint: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --cache-dir .cache/import-linter

# Figures, not tests: each script prints what it measured.
bench: setup
	@for script in tests/bench/[a-z]*.py; do echo "== $$script"; \
	    LIBGL_ALWAYS_SOFTWARE=1 xvfb-run -a -s "-screen 0 1400x1000x24" $(BIN)/python $$script || exit 1; done

# Pictures of the guide, made by the program on the demo slide.
pictures: setup
	LIBGL_ALWAYS_SOFTWARE=1 $(BIN)/python tests/ui/guide_pictures.py

setup: system .venv/with-program

setup-dev: system .venv/with-tools

system:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "Foveola needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 ..." >&2; exit 2; }
	@PYTHON="$(PYTHON)" .ci/system-libs

$(BIN)/pip: | system
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
