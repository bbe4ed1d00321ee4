# Everything runs from an environment that is made from requirements.lock. PYTHON may name an interpreter (3.11 or newer).
# The default one's environment is .venv; another version never uses it, and has .venv-3.13, say, of its own.
PYTHON ?= python3
TELL := -c 'import sys; print("%d.%d" % sys.version_info[:2])'
VERSION := $(shell $(PYTHON) $(TELL))
OWN := $(shell .venv/bin/python $(TELL) 2>/dev/null)
ifeq ($(OWN),)
VENV := .venv$(if $(filter file,$(origin PYTHON)),,-$(VERSION))
else
VENV := .venv$(if $(filter $(VERSION),$(OWN)),,-$(VERSION))
endif
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test lint bench bench-check bench-million simulation torture mutations mutants crash durability clean

demo: $(READY)
	$(BIN)/keyturn demo $(DEMO)

# Three workers, also on two cores: for a good part of its time the suite waits.
test: $(READY)
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(TEST)

lint: $(READY)
	$(BIN)/ruff format --check src tests benchmarks verification
	$(BIN)/ruff check src tests benchmarks verification
	$(BIN)/mypy
	$(BIN)/mypy -p verification
	$(BIN)/mypy tests benchmarks
	$(BIN)/lint-imports

bench: $(READY)
	$(BIN)/python -m benchmarks $(BENCH)

# Fails where an item takes 5 % more instructions than at the last release, or a ratio of rates misses its bound.
bench-check: $(READY)
	$(BIN)/python -m benchmarks --check $(BENCH)

# The same at a million commands, 100,000 vehicles and three million entries: MILLION="--fresh".
bench-million: $(READY)
	$(BIN)/python -m benchmarks.million $(MILLION)

# The attacks; verification/README.md is their table.
# The deterministic simulation: SIMULATION="--scenarios 5000 --seed 1", or SIMULATION="--replay 37".
# Its other name is make torture, with TORTURE="...".
TORTURE ?= --scenarios 100000 --jobs 2
SIMULATION ?= $(TORTURE)
simulation torture: $(READY)
	$(BIN)/python -m verification.simulation $(SIMULATION)

# Real processes, killed again and again: CRASH="--kills 30 --seed 7".
CRASH ?= --kills 200 --seed 1
crash: $(READY)
	$(BIN)/python -m verification.crash $(CRASH)

# What is on the disk when, by the system calls (needs strace): DURABILITY="--cuts 500 --seed 7".
durability: $(READY)
	$(BIN)/python -m verification.durability $(DURABILITY)

# Deliberate bugs, each applied to a copy: which check catches it?
mutations: $(READY)
	$(BIN)/python -m verification.mutations $(MUTATIONS)

# Small changes to what decides and guards, one at a time: do the tests object? MUTANTS="--sample 800 --seed 1".
# mutmut makes them and lives apart: nothing of it is installed with the product or its tests.
MUTANTS ?= --sample 800 --seed 1
MUTMUT := .venv-mutants
mutants: $(READY) $(MUTMUT)/.ready
	$(BIN)/python -m verification.mutants $(MUTANTS)

$(MUTMUT)/.ready: Makefile
	test -x $(MUTMUT)/bin/python || $(PYTHON) -m venv $(MUTMUT)
	$(MUTMUT)/bin/python -m pip install --quiet --disable-pip-version-check mutmut==3.8.1 libcst==1.9.0
	touch $(MUTMUT)/.ready

clean:
	rm -rf .venv .venv-* $(MUTMUT) verification/mutants/out .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache keyturn-data benchmarks/out

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Keyturn needs Python 3.11 or newer.") if sys.version_info < (3, 11) else None'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(READY)
