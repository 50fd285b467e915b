"""What `import tl_core` offers: these names and no others, each with an example that runs."""

from __future__ import annotations

import doctest
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import tl_core

NAMES = {
    "Example",
    "Label",
    "Planned",
    "Problem",
    "Step",
    "Strategy",
    "Study",
    "TransferClassifier",
    "UserError",
    "arm",
    "compare",
    "load",
    "param",
    "plan",
    "run",
}
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def test_these_names_are_public():
    assert set(tl_core.__all__) == NAMES | {"__version__"}
    assert set(tl_core._HOME) == NAMES
    assert set(tl_core.__all__) <= set(dir(tl_core))
    for name in NAMES:
        value = getattr(tl_core, name)
        assert value is getattr(importlib.import_module(tl_core._HOME[name]), name)
        assert inspect.getdoc(value), name


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'comapre'"):
        _ = tl_core.comapre


@pytest.mark.parametrize("name", sorted(NAMES))
def test_the_example_of_every_public_name_runs(name):
    value = getattr(tl_core, name)
    finder = doctest.DocTestFinder(recurse=False)
    (example,) = finder.find(value, name, module=False, globs={})
    assert example.examples, f"{name} has no example"
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    told: list[str] = []
    runner.run(example, out=told.append)
    assert runner.failures == 0, "".join(told)


HEAVY = ("torch", "numpy", "sklearn", "pandas", "plotly", "gradio", "transformers", "pyarrow")


def test_importing_it_loads_nothing_heavy():
    program = (
        "import sys, tl_core; dir(tl_core);"
        f" assert not [name for name in {HEAVY} if name in sys.modules]"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_importing_it_loads_hardly_any_module():
    """What keeps it under a tenth of a second, whatever the machine is busy with."""
    program = (
        "import sys; before = len(sys.modules); import tl_core; print(len(sys.modules) - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60
    )
    assert int(done.stdout) < 60


def test_the_package_says_that_it_is_typed():
    assert Path(tl_core.__file__).with_name("py.typed").is_file()
