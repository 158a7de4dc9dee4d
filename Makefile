# make run    serve Tagdesk (sets up first)      make test   the tests, with a real browser
# make setup  only set up                        make check  lint, types, templates, settings, import rules
# make test-postgresql   the tests without a browser on a PostgreSQL of their own
PORT ?= 8000
# Where to take torch from, if not from the usual package index: the README has the addresses.
TORCH_INDEX ?=
# Handed on to `manage.py up` by `make run`, and to pytest by `make test`.
ARGS ?=

PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)
IN_VENV := .venv/bin/python
# With a filter of one's own (ARGS="-k desk") a part may well hold no test; pytest says 5 then.
FILTERED = $(if $(ARGS),$(ARGS) || [ $$? -eq 5 ])
INSTALL = $(PYTHON) config/install.py $(if $(TORCH_INDEX),--torch-index $(TORCH_INDEX))

.PHONY: setup setup-dev run test test-all test-postgresql screenshots check clean python browser

setup: python
	@$(INSTALL)

setup-dev: python
	@$(INSTALL) --dev

run: setup
	@exec $(IN_VENV) manage.py up --port $(PORT) $(ARGS)

# The browser test trains for real and is driven at a person's pace: it has the machine to itself.
test: setup-dev browser
	$(IN_VENV) -m pytest -m "not slow" --numprocesses 2 --ignore tests/browser $(FILTERED)
	$(IN_VENV) -m pytest -m "not slow" tests/browser $(FILTERED)

test-all: test
	$(IN_VENV) -m pytest -m slow --numprocesses 2 --dist loadfile $(FILTERED)

test-postgresql: setup-dev
	$(IN_VENV) -m tests.postgresql -m "not slow" --numprocesses 2 --ignore tests/browser $(FILTERED)

# djLint's formatter stays off: it moves blanks, and on the article page every blank is the article's.
# The pictures of every page go to build/screenshots, the README's own to docs/.
screenshots: setup-dev browser
	mkdir -p build/screenshots docs/screenshots
	$(IN_VENV) -m pytest tests/browser --screenshots build/screenshots
	cp build/screenshots/article-1400-light.png docs/screenshots/article.png

check: setup-dev
	$(IN_VENV) -m ruff check
	$(IN_VENV) -m ruff format --check
	$(IN_VENV) -m mypy
	$(IN_VENV) -m djlint --lint --quiet templates
	TAGDESK_DATA=build/check TAGDESK_HTTPS=1 $(IN_VENV) manage.py check --deploy --fail-level WARNING
	TAGDESK_DATA=build/check $(IN_VENV) manage.py makemigrations --check --dry-run
	.venv/bin/lint-imports

# Leaves the data folder and the virtual environment.
clean:
	rm -rf build .coverage htmlcov .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

python:
	@[ -n "$(PYTHON)" ] || { echo "Tagdesk needs Python 3.11 or newer, and finds none." >&2; exit 1; }

browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || { \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "Installing Debian's Chromium for the browser test."; log=$$(mktemp); \
			{ apt-get update -q && apt-get install -q -y --no-install-recommends chromium; } >$$log 2>&1 \
				|| { echo "make test: Chromium could not be installed:" >&2; tail -n 3 $$log >&2; exit 1; }; \
			rm -f $$log; \
		else \
			echo "make test: the browser test needs Chromium. On Debian: sudo apt-get install chromium" >&2; exit 1; \
		fi; }
