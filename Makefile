# One command a job; each makes .venv first when it is missing or its requirements have changed.
# PYTHON names the interpreter that makes .venv; everything after that uses .venv's own.

PYTHON ?= python3
bin := .venv/bin
installed := .venv/.installed
checks := .venv/.checks
bench := .venv-bench/.installed
with_services := $(bin)/python -m server.embedded

.PHONY: run test browser acceptance faults stops bench lint audit format docs lock clean

run: $(installed)
	@$(bin)/python -m server.supervisor

test: $(installed)
	@$(with_services) $(bin)/python -m pytest $(ARGS)
	@command -v chromium chromium-browser google-chrome >/dev/null || \
	  echo "No Chromium is installed here: \`make browser\` would skip its tests. On Debian: apt-get install chromium"

browser: $(installed)
	@$(with_services) $(bin)/python -m pytest tests/browser $(ARGS)

acceptance: $(installed)
	@$(with_services) $(bin)/python -m pytest tests/acceptance $(ARGS)

# Takes over half an hour. The report is written when every row of the table was tried.
faults: $(checks)
	@$(with_services) $(bin)/python -m pytest tests/faults --report docs/faults.md $(ARGS)

# 300 bare supervisors and 20 real runs are asked to stop: six minutes.
stops: $(installed)
	@$(with_services) $(bin)/python -m pytest tests/stops $(ARGS)

# About half an hour, on a machine that does nothing else; ARGS="--games 1000 --only nightly" for a quick look.
bench: $(bench)
	@.venv-bench/bin/python -m server.embedded .venv-bench/bin/python -m tests.benchmarks $(ARGS)

# With what the checks need, for its types: mypy reads the suites that use it too.
lint: $(checks)
	$(bin)/ruff check
	$(bin)/ruff format --check
	@$(with_services) $(MAKE) --no-print-directory lint-django

# Run by lint, inside the services: the settings refuse to load without a database's address.
production := env DEBUG=0 ALLOWED_HOSTS=poker.example.com \
	SECRET_KEY=only-for-this-check-0a1b2c3d4e5f6g7h8i9j-0A1B2C3D4E5F6G7H8I9J
.PHONY: lint-django
lint-django:
	$(bin)/mypy
	$(bin)/python manage.py makemigrations --check --dry-run
	$(production) $(bin)/python manage.py check --deploy --fail-level WARNING

format: $(installed)
	$(bin)/ruff check --fix
	$(bin)/ruff format

# What PyPI's advisories know of the pinned requirements. A requirement that it could not ask about is a failure (--strict).
audit: $(checks)
	@said=$$($(bin)/pip-audit --progress-spinner off --disable-pip --require-hashes --strict \
	  -r requirements.txt -r requirements-dev.txt 2>&1); failed=$$?; echo "$$said" | tail -40; \
	case "$$failed $$said" in \
	  0*) ;; \
	  *"known vulnerabilit"*) echo "Take the mended versions: make lock ARGS=--upgrade-package=NAME" ;; \
	  *) echo "The advisories could not be asked for, so nothing is known, for good or ill." ;; \
	esac >&2; exit $$failed

docs: $(checks)
	@NO_MKDOCS_2_WARNING=1 $(bin)/mkdocs build
	@echo "The docs are in site/: open site/index.html"

# Pins stay as they are unless pyproject.toml asks otherwise; `make lock ARGS=--upgrade` takes what is newest.
# The index is whatever pip is configured to use, so no address is written down.
compile = CUSTOM_COMPILE_COMMAND="make lock" $(bin)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options $(ARGS)
lock: $(installed)
	$(compile) --output-file requirements.txt pyproject.toml
	$(compile) --extra dev --constraint requirements.txt --output-file requirements-dev.txt pyproject.toml
	$(compile) --extra dev --extra checks --constraint requirements-dev.txt --output-file requirements-checks.txt pyproject.toml
	$(compile) --extra bench --constraint requirements-dev.txt --output-file tests/benchmarks/requirements.txt pyproject.toml

clean:
	rm -rf .venv .venv-bench .mypy_cache .pytest_cache .ruff_cache .hypothesis staticfiles site
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(installed): requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed and '$(PYTHON)' is not: try make PYTHON=python3.11" >&2; exit 1; }
	@echo "Installing into .venv (again only when requirements-dev.txt changes)"
	@$(PYTHON) -m venv .venv
	@$(bin)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

$(checks): $(installed) requirements-checks.txt
	@echo "Installing what the checks need (again only when requirements-checks.txt changes)"
	@$(bin)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements-checks.txt
	@touch $@

# Of its own, so that what the peers need is nowhere else.
$(bench): tests/benchmarks/requirements.txt | $(installed)
	@echo "Installing the peers into .venv-bench (again only when tests/benchmarks/requirements.txt changes)"
	@$(bin)/python -m venv .venv-bench
	@.venv-bench/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r tests/benchmarks/requirements.txt
	@touch $@
