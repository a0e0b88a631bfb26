# `make review` and `make test` set everything up by themselves.
# For GNU make 3.81 (macOS) and later and any POSIX sh.

PYTHON ?= python3
UV_VERSION = 0.13.9
ARGS =

# Without compiled bytecode every notebook kernel imports for 9 seconds instead of 2.7. compileall does it, not the
# installer: it also makes good a set-up that was interrupted, and leaves out the tests of other packages.
unexport PYTHONDONTWRITEBYTECODE

# Proceeds if the named interpreter is a Python that requirements.lock serves.
SUPPORTED = -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'
UV_READY = .venv/uv-$(UV_VERSION)

.PHONY: help review test test-all lint lab lock clean

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' Makefile

review: .venv/ready  ## set up, review the sample city, print the path of the report
	@.venv/bin/divimpact review data/sample --out reports/sample

test: .venv/ready  ## set up, run the tests (ARGS="-k funnel" chooses some)
	@.venv/bin/python -m pytest -q -n 2 --dist loadfile $(ARGS)

test-all: .venv/ready  ## the same with the tests marked slow
	@.venv/bin/python -m pytest -q -n 2 --dist loadfile -m "" $(ARGS)

lint: .venv/ready  ## check the code and the notebooks with ruff
	@.venv/bin/ruff check --quiet . && .venv/bin/ruff format --check --quiet .

lab: .venv/ready  ## open the notebooks in JupyterLab
	@.venv/bin/python -m jupyterlab notebooks

lock: $(UV_READY)  ## write requirements.lock anew from pyproject.toml
	@.venv/bin/uv --no-config pip compile --quiet --universal --fork-strategy fewest --python-version 3.11 \
	    --all-extras --group build --generate-hashes --no-emit-index-url --no-header --no-annotate \
	    --output-file requirements.lock pyproject.toml
	@echo "requirements.lock is up to date"

clean:  ## remove .venv, caches and build leftovers (reports stay)
	@rm -rf .venv .pytest_cache .ruff_cache .hypothesis build dist
	@find . -name .git -prune -o \( -name __pycache__ -o -name .ipynb_checkpoints \) -type d -prune -exec rm -rf {} +

$(UV_READY):
	@"$(PYTHON)" -V >/dev/null 2>&1 || { \
	    echo "$(PYTHON) does not start. Install Python 3.11, 3.12 or 3.13, or name one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@"$(PYTHON)" $(SUPPORTED) || { \
	    echo "Python 3.11, 3.12 or 3.13 is needed; $(PYTHON) is $$("$(PYTHON)" -V 2>&1). Name one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "$(PYTHON) comes without venv. On Debian and Ubuntu: sudo apt install $$("$(PYTHON)" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')" >&2; exit 1; }
	@.venv/bin/python -c 'import pip' 2>/dev/null && .venv/bin/python $(SUPPORTED) || { \
	    echo "Creating .venv with $$("$(PYTHON)" -V 2>&1)" && "$(PYTHON)" -m venv --clear .venv; }
	@.venv/bin/python -m pip --disable-pip-version-check install -qq "uv==$(UV_VERSION)"
	@touch $@

.venv/ready: requirements.lock pyproject.toml $(UV_READY)
	@echo "Installing requirements.lock, once; this takes about a minute"
	@UV_HTTP_RETRIES=1 .venv/bin/uv pip install --python .venv/bin/python --require-hashes -r requirements.lock >.venv/uv.log 2>&1 || { \
	    echo "uv could not install it; pip takes over and needs longer"; \
	    .venv/bin/python -m pip --disable-pip-version-check install -qq --no-compile --require-hashes -r requirements.lock || { \
	        echo "pip failed as well. What uv had said:" >&2; cat .venv/uv.log >&2; exit 1; }; }
	@.venv/bin/python -m compileall -qq -j 0 -x '/tests/' .venv/lib || true
	@.venv/bin/python -m pip --disable-pip-version-check install -qq --no-index --no-deps --no-build-isolation --editable .
	@touch $@
