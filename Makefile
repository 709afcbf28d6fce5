# Two commands matter: `make run` and `make test`.  Both set up what they need.

VENV    := .venv
PYTHON  := $(VENV)/bin/python
STAMP   := $(VENV)/.set-up
WORKERS ?= $(shell n=$$(nproc 2>/dev/null || echo 2); [ $$n -gt 4 ] && n=4; echo $$n)

# Python keeps what it has compiled, whatever the surroundings say: tests begin many commands.
export PYTHONDONTWRITEBYTECODE :=

# Files in the order of their names: the many small ones of src/ come last, and no worker waits long for another.
SPREAD := -n $(WORKERS) --dist loadfile --no-loadscope-reorder

# What tests write is kept in memory, where there is room for it and what stands there can be run: they would wait for
# the disk.
MEMORY := /dev/shm
ROOM := $(shell [ -w $(MEMORY) ] && made=$$(mktemp $(MEMORY)/troth.XXXXXX) && echo : > $$made && chmod u+x $$made && \
	{ $$made 2>/dev/null; ran=$$?; rm -f $$made; [ $$ran -eq 0 ]; } && df -Pk $(MEMORY) | awk 'END { if ($$4 >= 3000000) print "$(MEMORY)" }')

.PHONY: help run tour test quick lint types floors setup bench pictures lock clean

help:           ## say what there is
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 12

run: setup      ## create the demo company, tell the story, serve console, portal and site until Ctrl-C
	$(PYTHON) examples/group/tour.py --serve

tour: setup     ## the same story, without serving
	$(PYTHON) examples/group/tour.py

test quick: export TMPDIR := $(or $(TMPDIR),$(ROOM),/tmp)

test: setup lint floors  ## lint and floors, then types beside every test, doctest and browser test
	@said=$$(mktemp); $(VENV)/bin/mypy >"$$said" 2>&1 & types=$$!; \
	$(PYTHON) -m pytest -q $(SPREAD); tested=$$?; \
	wait $$types; typed=$$?; cat "$$said"; rm -f "$$said"; [ $$tested = 0 ] && [ $$typed = 0 ]

quick: setup lint  ## what runs in under a minute
	$(PYTHON) -m pytest -q $(SPREAD) -m "not slow and not browser" -x

lint: setup
	$(VENV)/bin/ruff format --check src tests bench examples
	$(VENV)/bin/ruff check src tests bench examples

types: setup
	$(VENV)/bin/mypy

floors: setup
	$(VENV)/bin/lint-imports --no-logo 2>/dev/null || $(VENV)/bin/lint-imports

bench: setup    ## measure ours beside the hand-written floor
	$(PYTHON) -m bench

pictures: setup ## take the pictures of the README anew, of the example as the tests walk through it
	TROTH_PICTURES=1 $(PYTHON) -m pytest -q tests/examples/test_tour.py -k sqlite
	cp build/screenshots/example/*.png docs/pictures/

setup: $(STAMP) ## make .venv/ from the lock file

$(STAMP): requirements/dev.lock pyproject.toml scripts/set-up
	sh scripts/set-up $(VENV)
	@touch $(STAMP)

lock:           ## write the lock files anew from pyproject.toml (needs uv)
	uv pip compile -q --universal --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
	  --python-version 3.11 pyproject.toml -o requirements/default.lock
	uv pip compile -q --universal --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
	  --python-version 3.11 pyproject.toml --group dev -c requirements/default.lock -o requirements/dev.lock

clean:          ## remove what can be made again
	rm -rf $(VENV) build dist demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
