# make demo: the whole hub on this machine. make help: everything else.
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ARGS ?=
FOUND_BY = hub/connectors/$(NAME)/__init__.py
EVERY_CORE := -n logical --maxprocesses 4

.DEFAULT_GOAL := help
.PHONY: help setup demo test connector model check format bench crash faults soak clean lock

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(STAMP): requirements.lock pyproject.toml deploy/venv.sh
	@sh deploy/venv.sh $(VENV)
	@touch $@

setup: $(STAMP) ## Make the environment .venv (PYTHON=... names another Python)

demo: $(STAMP) ## Play eight months of a ward through the hub (ARGS="--faults", KEEP=1 leaves it running)
	@$(BIN)/hub demo $(if $(KEEP),--keep) $(ARGS)

test: $(STAMP) ## Run every test on real Kafka and PostgreSQL (ARGS="tests/test_local.py")
	@$(BIN)/python -m pytest $(if $(ARGS),$(ARGS),$(EVERY_CORE))

connector: $(STAMP) ## Run all that one connector must pass; needs no server (NAME=e_receipt)
	$(if $(NAME),,$(error NAME=... is missing))$(if $(wildcard $(FOUND_BY)),,$(error $(FOUND_BY) is missing: \
		it binds CONNECTOR, and without it there is no connector (docs/connectors.md, step 6)))
	@$(BIN)/python -m pytest -p no:randomly -k "$(NAME) or test_house_rules" \
		tests/connectors tests/test_house_rules.py tests/test_settings_rules.py tests/test_lean.py tests/test_proof.py

model: $(STAMP) ## Play the engine's protocol through thousands of interleavings (EXAMPLES=3000)
	@MODEL_EXAMPLES=$(or $(EXAMPLES),3000) $(BIN)/python -m pytest -q -n 0 --timeout 0 tests/engine/test_model.py

check: $(STAMP) ## Format, lint, strict types, import contracts; changes nothing
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(STAMP) ## Put the code into the house form
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format .

bench: $(STAMP) ## Measure: JSON on stdout
	@$(BIN)/hub bench $(ARGS)

crash: $(STAMP) ## Kill the hub at every step and count what is lost (ARGS="--times 1": short)
	@$(BIN)/hub crash $(ARGS)

faults: $(STAMP) ## Let servers, workers and portal fail under load (ARGS="kafka-away")
	@$(BIN)/hub faults $(ARGS)

soak: $(STAMP) ## Run for long and watch memory (ARGS="--minutes 60")
	@$(BIN)/hub soak $(ARGS)

clean: ## Stop the local servers; delete their data, the environment and all caches
	@if [ -x $(BIN)/hub ] && [ -d .hub ]; then \
		for folder in .hub .hub/test; do \
			if [ -d $$folder ]; then $(BIN)/hub local reset --yes --folder $$folder || exit 1; fi; \
		done; fi
	@rm -rf $(VENV) .hub .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage htmlcov
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One lock for a developer's machine, one without tools for the image; both name no address.
COMPILE = uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-header --python-version 3.11

lock: ## Choose package versions anew (UPGRADE=1 takes the newest)
	@set -e; tool=$$(mktemp -d); trap 'rm -rf "$$tool"' EXIT; \
	$${PYTHON:-python3} -m venv $$tool; \
	$$tool/bin/python -m pip install --quiet --disable-pip-version-check uv; \
	PATH=$$tool/bin:$$PATH; \
	$(COMPILE) $(if $(UPGRADE),--upgrade) --extra dev -o requirements.lock pyproject.toml; \
	$(COMPILE) -c requirements.lock -o deploy/runtime.lock pyproject.toml
