# What a contributor types. PYTHON: the interpreter of an environment with requirements-dev.txt.
PYTHON ?= $(if $(wildcard .venv/bin/python),.venv/bin/python,python3)
LINT_IMPORTS = $(PYTHON) -c "from importlinter.cli import lint_imports_command; lint_imports_command()"
PROCESSES = -n 3 --dist loadfile

.PHONY: check lint types imports fast test words docs counts

check: lint types imports fast  ## before every commit

lint:  ## style and format
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .

types:  ## mypy; what it knows is kept in .mypy_cache
	$(PYTHON) -m mypy

imports:  ## layers, and plug-ins that do not know each other
	$(LINT_IMPORTS)

fast:  ## every test that takes no process, browser or training
	$(PYTHON) -m pytest -m "not slow" $(PROCESSES)

test:  ## every test
	$(PYTHON) -m pytest $(PROCESSES)

words:  ## collect sentences into the catalogues, then list what is untranslated
	$(PYTHON) -m tl_core.locale update
	$(PYTHON) -m tl_core.locale untranslated

docs:  ## the documentation as a site, in site/
	$(PYTHON) -m mkdocs build --strict

counts:  ## how the code is kept, in numbers
	$(PYTHON) -m benchmarks.house
