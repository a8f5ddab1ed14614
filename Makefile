# `make run` and `make test` need nothing but Python 3.11 or newer, make and the package index.
# Every path is relative, so the folder may have spaces in its name.

PYTHON ?= python3
RUN_FLAGS ?= --exchange paper --ticker BTC --quantity 0.01 --take-profit 0.02 --wait-time 60 --max-orders 10 --seed 31 --speed 3 --for 270s
SOAK_FLAGS ?= --seeds 0:10000 --kill --keep state/soak
# New seeds each time: what was found is told with the command that shows it again. `.ci/run` has others.
WORLDS_FROM := $(shell date +%s)
WORLD_FLAGS ?= --seeds $(WORLDS_FROM)0000:$(WORLDS_FROM)9999 --kill --for 8m
MUTANT_FLAGS ?=
STEP_FLAGS ?=
PROCESS_FLAGS ?=
# Every newer Python that is on the path, or that pyenv keeps.
PYTHONS ?= $(wildcard $(foreach minor,11 12 13 14 15,$(HOME)/.pyenv/versions/3.$(minor).*/bin/python3)) \
	$(foreach minor,11 12 13 14 15,$(shell command -v python3.$(minor) 2>/dev/null))
PYTHONS_FLAGS ?=
TEST_FLAGS ?= -q -n 2
LOCK_FLAGS ?=

VENV := .venv
REFEREES := .venv-referees
OTHERS := .venv-pythons
PY := $(VENV)/bin/python
PIP_INSTALL := $(PY) -m pip install -qq --disable-pip-version-check --no-input --require-hashes
LOCK := $(PY) -m uv pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command 'make lock' $(LOCK_FLAGS)

.DEFAULT_GOAL := help
.PHONY: help run test soak worlds mutants each-step real-processes pythons referees lint types lock diagrams clean venv-dev

help:
	@echo "make run       watch the bot trade on the embedded paper exchange (RUN_FLAGS=... to change it)"
	@echo "make test      run the tests (TEST_FLAGS=... for pytest)"
	@echo "make soak      10,000 simulated worlds full of faults on all cores; go on later with the same command"
	@echo "make worlds    fresh simulated worlds for about eight minutes (WORLD_FLAGS=... to change it)"
	@echo "make mutants   break the bot on purpose, one line at a time, and see each caught (MUTANT_FLAGS=... to change it)"
	@echo "make each-step kill it before every step, disturb every message of short worlds (STEP_FLAGS=... to change it)"
	@echo "make real-processes  kill real processes at random moments, fill their disk, start two at once (PROCESS_FLAGS=...)"
	@echo "make pythons   the same worlds on every Python from 3.11 on that is found here (PYTHONS=... to name them)"
	@echo "make lint      check the style with ruff"
	@echo "make types     check the types with mypy"
	@echo "make lock      write requirements.txt and requirements-dev.txt anew from the .in files (LOCK_FLAGS=--upgrade)"
	@echo "make diagrams  write docs/order-lifecycle.md anew from the table in domain/orders.py"
	@echo "make referees  install official SDKs beside the tests that let them drive our twins (make test does it too)"
	@echo "make clean     remove .venv and caches; state and logs stay"

run: $(VENV)/.runtime
	@echo "$(PY) runbot.py $(RUN_FLAGS)"
	@$(PY) runbot.py $(RUN_FLAGS)

test: venv-dev referees
	@echo "$(PY) -m pytest $(TEST_FLAGS)"
	@$(PY) -m pytest $(TEST_FLAGS)

soak: $(VENV)/.runtime
	@echo "$(PY) runbot.py simulate $(SOAK_FLAGS)"
	@$(PY) runbot.py simulate $(SOAK_FLAGS)

worlds: $(VENV)/.runtime
	@echo "$(PY) runbot.py simulate $(WORLD_FLAGS)"
	@$(PY) runbot.py simulate $(WORLD_FLAGS)

mutants: $(VENV)/.dev
	@echo "$(PY) -m tests.mutants $(MUTANT_FLAGS)"
	@$(PY) -m tests.mutants $(MUTANT_FLAGS)

each-step: $(VENV)/.dev
	@echo "$(PY) -m tests.each_step $(STEP_FLAGS)"
	@$(PY) -m tests.each_step $(STEP_FLAGS)

real-processes: $(VENV)/.dev
	@echo "$(PY) -m tests.processes $(PROCESS_FLAGS)"
	@$(PY) -m tests.processes $(PROCESS_FLAGS)

# One environment for each version, with what the bot needs; a Python that does not work is left out.
pythons: $(VENV)/.dev
	@for python in $(PYTHONS); do \
		version=$$("$$python" -c 'import platform; print(platform.python_version())' 2>/dev/null) || continue; \
		folder=$(OTHERS)/$$version; \
		if [ ! -f "$$folder/.done" ] || [ requirements.txt -nt "$$folder/.done" ]; then \
			echo "Installing what the bot needs into $$folder ..."; \
			rm -rf "$$folder"; "$$python" -m venv "$$folder" || exit 1; \
			install="$$folder/bin/python -m pip install -qq --disable-pip-version-check --no-input --require-hashes"; \
			$$install -r requirements.txt && $$install --no-deps -r requirements-lighter.txt || exit 1; \
			touch "$$folder/.done"; \
		fi; \
	done
	@echo "$(PY) -m tests.pythons $(PYTHONS_FLAGS)"
	@$(PY) -m tests.pythons $(PYTHONS_FLAGS)

lint: venv-dev
	@echo "$(PY) -m ruff check ."
	@$(PY) -m ruff check .

types: venv-dev
	@echo "$(PY) -m mypy"
	@$(PY) -m mypy

lock: venv-dev
	@$(LOCK) requirements.in --output-file requirements.txt
	@$(LOCK) requirements-plot.in --output-file requirements-plot.txt
	@$(LOCK) requirements-fast.in --output-file requirements-fast.txt
	@$(LOCK) requirements-optimize.in --output-file requirements-optimize.txt
	@$(LOCK) requirements-dev.in --output-file requirements-dev.txt
	@$(LOCK) --no-deps requirements-lighter.in --output-file requirements-lighter.txt
	@for folder in tests/referees/*/ benchmarks/*/; do \
		if [ -f "$${folder}overrides.txt" ]; then without="--override $${folder}overrides.txt"; else without=; fi; \
		if [ -f "$${folder}requirements.in" ]; then \
			$(LOCK) $$without "$${folder}requirements.in" --output-file "$${folder}requirements.txt" || exit 1; fi; done
	@echo "wrote requirements.txt and requirements-plot.txt, -fast.txt, -optimize.txt, -dev.txt and -lighter.txt"

# SDKs that cannot share one environment with the bot, or with each other, get one each.
referees: $(patsubst tests/referees/%/requirements.txt,$(REFEREES)/%/.done,$(wildcard tests/referees/*/requirements.txt))

$(REFEREES)/%/.done: tests/referees/%/requirements.txt $(PY)
	@echo "Installing the official SDK of $* into $(REFEREES)/$* ..."
	@rm -rf $(REFEREES)/$*
	@"$(PYTHON)" -m venv $(REFEREES)/$*
	@$(REFEREES)/$*/bin/python -m pip install -qq --disable-pip-version-check --no-input --require-hashes --no-deps -r $<
	@touch $@

diagrams: $(VENV)/.runtime
	@$(PY) docs/diagrams.py

clean:
	rm -rf $(VENV) $(REFEREES) $(OTHERS) .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

venv-dev: $(VENV)/.dev

$(VENV)/.runtime: requirements.txt requirements-lighter.txt $(PY)
	@echo "Installing what the bot needs into $(VENV) ..."
	@$(PIP_INSTALL) -r requirements.txt
	@$(PIP_INSTALL) --no-deps -r requirements-lighter.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt requirements-lighter.txt $(PY)
	@echo "Installing what the tests need into $(VENV) ..."
	@$(PIP_INSTALL) -r requirements-dev.txt
	@$(PIP_INSTALL) --no-deps -r requirements-lighter.txt
	@touch $@

# A virtual environment that was made half is worse than none: it is removed again.
$(PY):
	@command -v "$(PYTHON)" >/dev/null 2>&1 || \
		{ echo "error: there is no '$(PYTHON)' here; install Python 3.11 or newer, or say make PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || \
		{ echo "error: '$(PYTHON)' is not a working Python 3.11 or newer; say make PYTHON=/path/to/a/newer/python3" >&2; exit 1; }
	@echo "Creating $(VENV) with $(PYTHON) ..."
	@"$(PYTHON)" -m venv $(VENV) >/dev/null 2>&1 && $(PY) -m pip --version >/dev/null 2>&1 || \
		{ rm -rf $(VENV); echo "error: '$(PYTHON) -m venv' cannot make an environment with pip; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
