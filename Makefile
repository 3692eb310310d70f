# Two commands do everything on a fresh machine: `make run` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
DATA ?= data
STAMP := .venv/.installed
NATIVE := .venv/.native
# Tests run beside a real browser and real disks: two workers fit the smallest machine we support.
WORKERS ?= 2
KEYCLOAK ?= /opt/keycloak
STEP_CA ?= /usr/local/bin/step-ca

.PHONY: install run test test-native test-long check bench ui week services services-down clean

install: $(STAMP) $(NATIVE)

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

# The native cipher engine, where cargo is. Without it the system's libcrypto computes, slower.
$(NATIVE): $(STAMP) $(shell find native/src native/Cargo.toml native/Cargo.lock native/pyproject.toml -type f)
	@if command -v cargo >/dev/null; then \
	  rm -rf .cache/wheels && \
	  $(BIN)/maturin build --quiet --release --locked --manifest-path native/Cargo.toml \
	    --interpreter $(BIN)/python --out .cache/wheels && \
	  $(BIN)/python -m pip install --quiet --no-deps --force-reinstall .cache/wheels/*.whl || \
	  echo "The native engine could not be built: the system's libcrypto is used instead."; \
	else \
	  echo "No cargo here: the system's libcrypto is used instead of the native engine."; \
	fi
	@touch $@

run: install
	$(BIN)/fengsui run --data $(DATA)

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Rust's own tests of the native module where cargo is, and its constant time where valgrind is.
test-native:
	@if command -v cargo >/dev/null; then \
	  cd native && cargo fmt --check && cargo clippy --quiet --release --locked -- -D warnings && \
	  cargo test --quiet --release --locked --no-default-features && \
	  { evidence/run.sh || test $$? -eq 3; }; \
	else \
	  echo "No cargo here: the native module is not tested."; \
	fi

test: check test-native
	$(BIN)/pytest -m "not service and not long" -n $(WORKERS)
	$(BIN)/pytest -m "service and not long" -n 0

test-long: install
	$(BIN)/pytest -m "not service" -n $(WORKERS)
	$(BIN)/pytest -m "service" -n 0

bench: install
	for name in seal tail pipeline query start crypto crypto_small crypto_check rules rules_load rules_stateful stages signing; do $(BIN)/fengsui bench $$name --json; done

# A real broker and a real search node on this machine, for developing: needs Java and Maven.
services: install
	$(BIN)/python -m deploy.services up

services-down:
	$(BIN)/python -m deploy.services down

# Rebuilds the committed pages; needs Node.
ui:
	cd ui && npm ci && npm run build

# Records the week that `make run` shows; needs root and the programs range/living/README.md names.
week: install
	$(BIN)/python range/living/record.py range/recordings/district-week --keycloak $(KEYCLOAK) --step-ca $(STEP_CA)
	$(BIN)/python bench/_district_past.py range/recordings/district-week

clean:
	rm -rf .venv .cache build dist native/target native/evidence/target
