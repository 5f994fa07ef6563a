# Strongbox. `make` alone prints the menu; every line that begins with "target: ## " stands in it.

PYTHON ?= python3
RUN := .venv/bin/python
TESTS ?=
# Two more than the cores of continuous integration: tests wait for browsers and for other processes.
WORKERS ?= 4
PAYMENTS ?= 500

export PORT BIND STRONGBOX_STATE_DIR SANDBOX_PORT
# What Python compiled it keeps: every process we start would compile the product anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test check faces faults topology topology-check bench lock packages install-run install-test

help: ## this menu
	@echo "Strongbox: billing whose first promise is that nobody sees what is not theirs"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' Makefile
	@echo "  PORT=8000 BIND=127.0.0.1 STRONGBOX_STATE_DIR=.strongbox may be set for run and topology,"
	@echo "  SANDBOX_PORT=8010 (the demo's payment gateway) for run"

run: install-run ## start everything with a filled demo at http://localhost:8000/ (Ctrl-C stops it)
	@exec $(RUN) -m config.embedded --with-parent

test: packages install-test ## the whole suite on real engines (TESTS=tests/rules for a part)
	@$(RUN) -m pytest -n $(WORKERS) --dist loadgroup $(TESTS)

check: install-test ## lint, types, import contracts, migrations, deployment settings
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy .
	.venv/bin/lint-imports
	$(RUN) -W ignore::RuntimeWarning -m config.embedded.check makemigrations --check --dry-run
	$(RUN) -m config.embedded.check check --deploy --fail-level WARNING

faces: install-test ## every page as each role: axe, widths, themes (PICTURES=folder, TOOLS=node_modules with lighthouse and pa11y)
	@$(RUN) -m tests.faces $(if $(PICTURES),--pictures $(PICTURES)) $(if $(TOOLS),--tools $(TOOLS)) $(if $(ROLES),--roles $(ROLES))

faults: install-test ## 500 payments while processes are killed and webhooks go astray (PAYMENTS=500)
	@$(RUN) -m tests.faults --payments $(PAYMENTS)

bench: install-test ## figures beside the baselines of the same run (SIZE=large, PARTS=runs,grown)
	@$(RUN) -m bench

topology: packages install-test ## production settings, TLS on every hop, at https://localhost:8443/
	@exec $(RUN) -m config.embedded.topology --with-parent

topology-check: packages install-test ## proves that every hop of the topology refuses a wrong certificate
	@$(RUN) -m pytest tests/embedded/test_topology.py

lock: install-test ## compile requirements/*.txt again from pyproject.toml
	@$(RUN) config/embedded/lock.py

packages:
	@$(PYTHON) config/embedded/packages.py requirements/debian.txt

install-run:
	@$(PYTHON) config/embedded/install.py requirements/run.txt

install-test:
	@$(PYTHON) config/embedded/install.py requirements/test.txt
