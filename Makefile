# Every target does its own set-up: system packages, virtual environment, build (tools/bootstrap).

PYTHON := .venv/bin/python
PORT ?= 4433

.DEFAULT_GOAL := help
.PHONY: help setup demo serve test lint types interop docs bench clean

help:           ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

setup:          ## make .venv and build the extension; at once done when nothing changed
	@tools/bootstrap

demo: setup     ## our server, our client, a word each way; ends by itself
	@$(PYTHON) tools/demo.py

serve: setup    ## s_server -www on port 4433 (PORT=...); Ctrl-C ends it
	@echo "Open https://localhost:$(PORT)/ - with a throw-away certificate the browser asks before it goes on."
	@exec .venv/bin/s_server -www -accept $(PORT)

test: lint types ## everything: lint, types, tests
	$(PYTHON) -m pytest -n 2

lint: setup     ## ruff
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .

types: setup    ## mypy, strict
	$(PYTHON) -m mypy

interop: setup  ## with real servers and clients from Debian's packages; as root
	@tools/debian-packages tests/interop/packages.txt
	$(PYTHON) -m pytest tests/interop -n 2 --dist loadgroup

docs: setup     ## write what is generated from the options: manual pages, completion, lists
	$(PYTHON) -m tools.docs

bench: setup    ## our programs beside OpenSSL's, stunnel, socat and ncat, ratios printed
	@tools/debian-packages benchmarks/packages.txt
	$(PYTHON) -m benchmarks

clean:          ## remove all that is made here, .venv too
	rm -rf .venv build dist src/*.egg-info src/tlsdeck/native/_native*.so
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
