PYTHON ?= python3
BIN := .venv/bin
NO_BROWSER := echo "chromium cannot be installed: the browser tests are left out"

.PHONY: demo test stress coverage check format bench docs serve

# The stamp is what the targets wait for: it is written only after pip finished.
.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --no-compile --editable '.[dev]'
	touch $@

# Debian's chromium, for the tests marked browser.
.venv/browser: .venv/installed
	@if command -v chromium >/dev/null; then :; \
	elif ! command -v apt-get >/dev/null; then \
	  echo "chromium is missing, and there is no apt-get: the browser tests are left out"; \
	elif [ "$$(id -u)" = 0 ]; then apt-get update -qq && apt-get install -qq -y chromium || $(NO_BROWSER); \
	elif sudo -n true 2>/dev/null; then \
	  sudo apt-get update -qq && sudo apt-get install -qq -y chromium || $(NO_BROWSER); \
	else echo "chromium is missing, and only root installs it: the browser tests are left out"; fi
	@if command -v chromium >/dev/null; then touch $@; fi

demo: .venv/installed
	$(BIN)/python -m examples.demo

# By halves, so that most files stay with one worker and are set up once.
test: .venv/installed .venv/browser
	$(BIN)/pytest -n 2 --dist worksteal

# Kills indexing at random moments, a hundred times; minutes.
stress: .venv/installed
	$(BIN)/python -m tests.stress.kill_index --kills 100

# By itself, as tracing every line takes half as long again.
coverage: .venv/installed .venv/browser
	$(BIN)/pytest -n 2 --dist worksteal --cov --cov-report=term:skip-covered --cov-fail-under=90

check: .venv/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/installed
	$(BIN)/python -m benchmarks

# The page, on the film of the demo; Ctrl-C ends it.
serve: demo/film.mp4
	$(BIN)/slta serve demo

demo/film.mp4: | .venv/installed
	$(BIN)/python -m examples.photo_film $@

docs:
	@echo "make $@: not built yet; see CHANGELOG.md for what is planned" >&2
	@exit 1
