# Two commands: `make demo` shows the main job, `make test` runs every test, on
# PostgreSQL and Redis that it starts itself, and the engine's again on the embedded default. Both set everything up by themselves.
PYTHON ?= python3
PY := .venv/bin/python
# Three on two cores: much of what is tested is waiting. What shares a house, a service or a checkout stays together.
ABREAST := -n 3 --dist loadgroup
LOCK := .venv/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11

.PHONY: demo test chaos fuzz run web worker bench bench-peers lock clean

demo: .venv/.ready  # LIVE=1 and BUDGET=… reach it through the environment
	@$(PY) manage.py demo

run: .venv/.ready
	@$(PY) manage.py serve

web: .venv/.ready  # needs DATABASE_URL and BROKER_URL, and a worker somewhere
	@$(PY) manage.py serve --no-worker

worker: .venv/.ready  # needs DATABASE_URL and BROKER_URL
	@$(PY) manage.py run_worker

test: .venv/.ready-dev
	@$(PY) -m ruff check --quiet .
	@$(PY) -m ruff format --check --quiet .
	@.venv/bin/lint-imports --no-cache > .venv/lint-imports.log || (cat .venv/lint-imports.log; exit 1)
	@$(PY) manage.py makemigrations --check --dry-run
	$(PY) -m pytest -q $(ABREAST)
	TEST_ON=embedded $(PY) -m pytest -q $(ABREAST) tests/executions tests/evaluations/test_running.py tests/evaluations/test_evaluate_command.py tests/designs/test_running.py tests/designs/test_redesigning.py tests/designs/test_grouping.py tests/analytics tests/shadows tests/test_life_cycle.py tests/test_rest.py

chaos: .venv/.ready-dev  # about ten minutes; SEED=… repeats a run
	@$(PY) -m tests.chaos

fuzz: .venv/.ready-dev  # FUZZ_SECONDS=… for each address and each definition; SEED=… repeats a run
	@export FUZZ_SECONDS=$${FUZZ_SECONDS:-10} SEED=$${SEED:-$$($(PY) -c 'import secrets; print(secrets.randbelow(10**9))')}; \
		echo "SEED=$$SEED make fuzz"; $(PY) -m pytest -q -n 2 tests/test_fuzz.py tests/workflows/test_definition_mutations.py

bench: .venv/.ready-dev
	@$(PY) benchmarks/run.py all --short

bench-peers: .venv/.ready-dev  # installs what it is compared with, once, into var/bench/
	@$(PY) benchmarks/run.py install

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; name one with make PYTHON=…" if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv --clear .venv || (rm -rf .venv; echo "Python's venv is missing or broken: install the package python3-venv." >&2; exit 1)

.venv/.ready: requirements.txt | .venv/bin/python
	@echo "Installing what the project needs (once) …"
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

.venv/.ready-dev: requirements-dev.txt | .venv/bin/python
	@echo "Installing what the tests need (once) …"
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@ .venv/.ready

lock: .venv/.ready-dev  # writes both requirements files anew, with hashes and without any index's address
	@$(PY) -m pip install --quiet --disable-pip-version-check uv
	@$(LOCK) pyproject.toml -o requirements.txt
	@$(LOCK) --extra dev pyproject.toml -o requirements-dev.txt

clean:
	rm -rf .venv var
