# The verbs of this project, for people and for CI alike.
#
#   make serve    set everything up and serve the demonstration site
#   make test     set everything up and run the tests, plain and compiled
#   make lint     style and generated files     make types   mypy --strict
#   make docs     build the documentation       make bench   measure against peers
#   make bench-hosts   measure the application hosts on PYTHONS="python3.11 python3.12 ..."
#   make fuzz     a minute of fuzzing; SECONDS=3600 for longer
#   make soak     attacks, millions of streams, rude clients: some 20 minutes; ARGS=--short
#   make sanitize the compiled variant under AddressSanitizer and UBSan
#
# PYTHON=python3.13 runs any of them with another interpreter, in virtual
# environments of its own. ARGS="..." is passed on to the program that runs.

PYTHON ?= python3
ARGS ?=
# The ordinary tests share nothing between files; WORKERS=0 runs them in one process.
WORKERS ?= 2
PYTEST := -m pytest -n $(WORKERS) --dist loadfile

TAG := $(if $(filter python3,$(PYTHON)),,-$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])'))
# three environments: editable and plain; installed and compiled; and what a user gets
PLAIN := .venv$(TAG)
COMPILED := .venv$(TAG)-compiled
SERVE := .venv$(TAG)-serve
# and two for looking for mistakes: instrumented by atheris, and by the C compiler
FUZZ := .venv$(TAG)-fuzz
SANITIZED := build/sanitize/installed$(TAG)
SECONDS ?= 60
# the interpreters of bench-hosts
PYTHONS ?= python3.11 python3.12 python3.13
VERSIONS = $(foreach python,$(PYTHONS),$(shell $(python) -c 'import sys; print("%d.%d" % sys.version_info[:2])'))
# what the tests need of npm's
NODE := build/node

# folders too: theirs is the time that changes when a file goes away
PACKAGE := $(shell find src/plait -name __pycache__ -prune -o -print)
RECIPE := pyproject.toml setup.py
PIP := -m pip --disable-pip-version-check --no-input
PIP_INSTALL := $(PIP) install --quiet

# pytest rewrites the tests once, and not in every process of every run
unexport PYTHONDONTWRITEBYTECODE

.PHONY: serve test test-plain test-compiled test-slow lint types docs bench bench-hosts compiled format clean \
    fuzz sanitize soak node-peers
.DEFAULT_GOAL := test

serve: $(SERVE)/.ready
	$(SERVE)/bin/plait demo $(ARGS)

test: test-plain
	@if $(MAKE) --no-print-directory $(COMPILED)/.deps && $(COMPILED)/bin/python tools/can_compile.py; \
	then $(MAKE) --no-print-directory test-compiled; \
	else echo "The compiled variant was not tested: there is no C compiler here."; fi

test-plain: $(PLAIN)/.ready node-peers
	PLAIT_EXPECT=plain $(PLAIN)/bin/python $(PYTEST) $(ARGS)

test-compiled: $(COMPILED)/.ready node-peers
	PLAIT_EXPECT=compiled $(COMPILED)/bin/python $(PYTEST) $(ARGS)

test-slow: $(PLAIN)/.ready $(COMPILED)/.ready node-peers
	PLAIT_EXPECT=compiled $(COMPILED)/bin/python -m pytest -m slow $(ARGS)
	PLAIT_EXPECT=plain $(PLAIN)/bin/python -m pytest -m slow $(ARGS)

# Without Node or a registry the tests that need these are skipped, and only CI fails for it.
node-peers:
	@$(MAKE) --no-print-directory $(NODE)/.ready >/dev/null 2>&1 || { \
	    echo "npm's spdy-transport is not here (make $(NODE)/.ready tells why)."; \
	    [ -z "$$PLAIT_REQUIRE_PEERS" ]; }

lint: $(PLAIN)/.ready
	$(PLAIN)/bin/ruff check .
	$(PLAIN)/bin/ruff format --check .
	$(PLAIN)/bin/python tools/check_generated.py
	$(PLAIN)/bin/python tools/check_conformance.py

format: $(PLAIN)/.ready
	$(PLAIN)/bin/ruff check --fix .
	$(PLAIN)/bin/ruff format .

types: $(PLAIN)/.ready
	$(PLAIN)/bin/mypy --strict
	$(PLAIN)/bin/mypy --strict tests/typing

docs: $(PLAIN)/.docs
	NO_MKDOCS_2_WARNING=1 $(PLAIN)/bin/mkdocs build --quiet --strict $(ARGS)

soak: $(COMPILED)/.ready
	$(COMPILED)/bin/python -m soak $(if $(ARGS),$(ARGS),--write)

bench: $(COMPILED)/.ready
	$(COMPILED)/bin/python -m benchmarks $(ARGS)

# One run for each interpreter, then one that sets them beside each other.
bench-hosts:
	@for python in $(PYTHONS); do $(MAKE) --no-print-directory PYTHON=$$python compiled || exit 1; done
	@for version in $(VERSIONS); do .venv-$$version-compiled/bin/python -m benchmarks --only hosts \
	    --output benchmarks/HOSTS-$$version.md $(ARGS) || exit 1; done
	@set -- $(VERSIONS:%=.venv-%-compiled/bin/python); IFS=,; \
	$$1 -m benchmarks --only hosts.versions --pythons "$$*" --output benchmarks/HOSTS-versions.md

# Where one of the two cannot run, that is said in a line, and only CI fails for it.
fuzz:
	@if $(MAKE) --no-print-directory $(FUZZ)/.ready >/dev/null 2>&1; \
	then $(FUZZ)/bin/python -m fuzz run --seconds $(SECONDS) $(ARGS); \
	else echo "Nothing was fuzzed: atheris could not be installed (make $(FUZZ)/.ready tells why)."; \
	    [ -z "$$PLAIT_REQUIRE_PEERS" ]; fi

sanitize:
	@if $(PYTHON) tools/sanitize.py check; \
	then $(MAKE) --no-print-directory $(SANITIZED)/.ready && \
	    $(COMPILED)/bin/python tools/sanitize.py run $(SANITIZED); \
	else [ -z "$$PLAIT_REQUIRE_PEERS" ]; fi

compiled: $(COMPILED)/.ready
	$(COMPILED)/bin/python -c 'import plait; print(plait.build_info())'

clean:
	rm -rf build dist site artifacts .venv* .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

# Each environment is set up once, and again when what it was made from changes.

%/.created:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("plait needs Python 3.11 or newer, and $(PYTHON) is " + sys.version.split()[0])'
	$(PYTHON) -m venv $*
	$*/bin/python $(PIP_INSTALL) --upgrade pip
	@touch $@

.PRECIOUS: %/.created

$(PLAIN)/.ready: $(RECIPE) src/plait/_version.py | $(PLAIN)/.created
	PLAIT_BUILD=off $(PLAIN)/bin/python $(PIP_INSTALL) --editable '.[dev]'
	@touch $@

$(PLAIN)/.docs: pyproject.toml $(PLAIN)/.ready
	PLAIT_BUILD=off $(PLAIN)/bin/python $(PIP_INSTALL) --editable '.[docs]'
	@touch $@

$(COMPILED)/.deps: pyproject.toml | $(COMPILED)/.created
	PLAIT_BUILD=off $(COMPILED)/bin/python $(PIP_INSTALL) '.[build,test,bench]'
	@touch $@

# Without isolation, so that a rebuild asks no registry and compiles only what changed.
$(COMPILED)/.ready: $(PACKAGE) $(RECIPE) $(COMPILED)/.deps
	PLAIT_BUILD=required $(COMPILED)/bin/python $(PIP_INSTALL) \
	    --no-build-isolation --no-deps --force-reinstall .
	@touch $@

# Plain and editable: atheris instruments the source as it is imported.
$(FUZZ)/.ready: $(RECIPE) | $(FUZZ)/.created
	PLAIT_BUILD=off $(FUZZ)/bin/python $(PIP_INSTALL) --editable '.[fuzz]'
	@touch $@

$(SANITIZED)/.ready: $(PACKAGE) $(RECIPE) $(COMPILED)/.deps
	PLAIT_BUILD=required PLAIT_SANITIZE=address,undefined $(COMPILED)/bin/python $(PIP_INSTALL) \
	    --no-build-isolation --no-deps --upgrade --target $(SANITIZED) .
	@touch $@

$(SERVE)/.ready: $(PACKAGE) $(RECIPE) | $(SERVE)/.created
	PLAIT_BUILD=$${PLAIT_BUILD:-auto} $(SERVE)/bin/python $(PIP_INSTALL) --upgrade '.[fast,cli]'
	@$(SERVE)/bin/python -c 'import plait; print(plait.build_info())'
	@touch $@

# The versions that the lock file names, with nothing of theirs run on installation.
$(NODE)/.ready: tests/interop/spdy/package.json tests/interop/spdy/package-lock.json
	mkdir -p $(NODE)
	cp $^ $(NODE)
	cd $(NODE) && npm ci --no-audit --no-fund --ignore-scripts --prefer-offline \
	    --fetch-retries=1 --fetch-retry-mintimeout=1000 --fetch-timeout=30000
	@touch $@
