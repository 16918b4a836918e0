# make run      start Sightline (make run MEDIA=DIR imports a folder as well)
# make test     run the tests (SLOW=1: the slow ones too)
# make check    formatting, lint, types, layers, migrations, tests
# make format   put the code in shape
# make messages refresh the catalogue of translations (needs gettext)
# make setup    virtual environment, requirements, migrations
# make clean    remove the virtual environment and caches; data/ stays

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 2
PIP := $(BIN)/python -m pip --disable-pip-version-check install
PYTEST := $(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(if $(SLOW),--slow) $(ARGS)

# Tests and checks share the machine with nobody's spinning threads.
export OMP_WAIT_POLICY ?= PASSIVE

.PHONY: run setup test check lint format messages clean
.DEFAULT_GOAL := run

run: $(VENV)/.installed
	@exec $(BIN)/python manage.py serve $(if $(MEDIA),--media "$(MEDIA)")

setup: $(VENV)/.installed
	$(BIN)/python manage.py migrate --verbosity 1

test: $(VENV)/.installed-tests
	$(PYTEST)

check: lint
	$(PYTEST)

lint: $(VENV)/.installed-tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run

format: $(VENV)/.installed-tests
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

messages: $(VENV)/.installed
	$(BIN)/python manage.py makemessages -l zh_Hans -i .venv -i data -i tests --no-wrap --no-obsolete --add-location file
	$(BIN)/python manage.py compilemessages -i .venv -i data

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps make every later start take seconds: nothing is installed twice.
$(VENV)/.installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) -r requirements.txt
	@touch $@

$(VENV)/.installed-tests: tests/requirements.txt $(VENV)/.installed
	$(PIP) -r tests/requirements.txt
	@touch $@
