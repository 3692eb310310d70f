# Two commands do everything on a fresh machine: `make run` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
DATA ?= data
STAMP := .venv/.installed
# Tests run beside a real browser and real disks: two workers fit the smallest machine we support.
WORKERS ?= 2

.PHONY: install run test test-long check bench ui clean

install: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

run: install
	$(BIN)/fengsui run --data $(DATA)

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check
	$(BIN)/pytest -m "not service and not long" -n $(WORKERS)
	$(BIN)/pytest -m "service and not long" -n 0

test-long: install
	$(BIN)/pytest -m "not service" -n $(WORKERS)
	$(BIN)/pytest -m "service" -n 0

bench: install
	for name in seal tail pipeline query start; do $(BIN)/fengsui bench $$name --json; done

# Rebuilds the committed pages; needs Node.
ui:
	cd ui && npm ci && npm run build

clean:
	rm -rf .venv .cache build dist
