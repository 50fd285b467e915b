"""Finding plug-ins: what a folder offers, in order, and what is wrong with it."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import pytest

import tl_core
from benchmarks import kinds_of_target
from tl_core.api.plugins import found
from tl_core.api.types import Label, Problem
from tl_core.strategies import strategies
from tl_core.tasks import targets, task_of, tasks

THING = "class Thing:\n    id = {id!r}\n    order = {order}\nTHING = Thing()\n"
numbers = itertools.count()


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Makes a package of these files, importable under a name that no other test has used."""

    def make(**files: str) -> str:
        name = f"things_{next(numbers)}"
        folder = tmp_path / name
        folder.mkdir()
        for file, content in {"__init__": "", **files}.items():
            (folder / f"{file}.py").write_text(content)
        monkeypatch.syspath_prepend(str(tmp_path))
        return name

    yield make
    for name in [n for n in sys.modules if n.startswith("things_")]:
        del sys.modules[name]


def test_a_file_that_sets_the_constant_is_found_in_order(package):
    name = package(
        zebra=THING.format(id="first", order=1),
        apple=THING.format(id="later", order=2),
        mango="THING = None\n",
        helper="x = 1\n",
        kiwi="class Thing:\n    id = 'unordered'\nTHING = Thing()\n",
    )
    assert list(found(name, "THING")) == ["first", "later", "unordered"]
    assert found(name, "OTHER") == {}


def test_files_of_one_order_are_sorted_by_id(package):
    name = package(a=THING.format(id="beta", order=5), b=THING.format(id="alpha", order=5))
    assert list(found(name, "THING")) == ["alpha", "beta"]


def test_a_file_with_an_underscore_is_not_looked_at(package):
    name = package(
        _draft="raise RuntimeError('not to be imported')\n", good=THING.format(id="good", order=1)
    )
    assert list(found(name, "THING")) == ["good"]


def test_two_files_with_one_id_are_told(package):
    name = package(a=THING.format(id="same", order=1), b=THING.format(id="same", order=2))
    with pytest.raises(ValueError, match=rf"{name}: two files set THING with the id 'same'"):
        found(name, "THING")


def test_a_file_that_cannot_be_imported_is_not_hidden(package):
    name = package(bad="import nothing_of_this_name\n", good=THING.format(id="good", order=1))
    with pytest.raises(ModuleNotFoundError, match="nothing_of_this_name"):
        found(name, "THING")


def test_a_new_strategy_needs_no_list(tmp_path, monkeypatch):
    """A file put beside the others is found: the folder is the list."""
    import tl_core.strategies as package

    (tmp_path / "newcomer.py").write_text(
        "from tl_core.strategies.majority import Majority\nclass New(Majority):\n    id ="
        " 'newcomer'\n    order = Majority.order + 0.5\nSTRATEGY = New()\n"
    )
    with monkeypatch.context() as longer:
        longer.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
        found.cache_clear()
        assert list(strategies()).index("newcomer") == list(strategies()).index("majority") + 1
    found.cache_clear()
    sys.modules.pop("tl_core.strategies.newcomer", None)
    assert "newcomer" not in strategies()


def test_each_target_has_one_task():
    assert {"many-labels", "single-label"} <= set(tasks())
    assert len(set(targets())) == len(tasks()) > 1
    for target in targets():
        assert task_of(Problem("one text", target, (Label("a", "a"),))).target == target
    with pytest.raises(KeyError, match="no such thing"):
        task_of(Problem("one text", "no such thing", ()))


def test_nothing_outside_its_folder_asks_which_task_it_has():
    found = kinds_of_target.count(Path(tl_core.__file__).parents[1])
    assert not found, f"Ask the task (tl_core/api/task.py) instead: {found}"


@pytest.mark.parametrize(
    "line",
    [
        'x = problem.target == "many labels"',
        "x = study.problem.target != other",
        "x = {1: 2}[facts.problem.target]",
        "x = 1 if task.id == y else 2",
        "x = task_of(problem).target == y",
        "x = gold.ndim == 1",
        "x = np.ndim(line.gold)",
        "x = len(self.decided.shape)",
        "x = isinstance(task, SingleLabel)",
        "x = strategy.tasks >= {1} and 'many-labels' in asked",
        "x = {'one label': softmax}",
        "match x:\n    case 'many labels':\n        pass",
    ],
)
def test_the_count_sees_who_asks(line):
    assert list(kinds_of_target.kinds(line))


def test_the_count_lets_pass_what_is_saved_or_said():
    said = '"""many labels"""\nsaved = {"target": problem.target}\nx = say(problem.target)\n'
    said += 'tasks = frozenset({"many-labels"})\n'
    assert not list(kinds_of_target.kinds(said + "y = image.ndim + event.target"))


def test_each_strategy_stands_in_the_file_of_its_name():
    for id, strategy in strategies().items():
        assert type(strategy).__module__ == f"tl_core.strategies.{id.replace('-', '_')}"


def test_a_fit_that_is_no_generator_is_told_what_to_do():
    from tl_core.api.strategy import Strategy
    from tl_core.testing import check_strategy

    class AtOnce(Strategy):
        id, title, about = "at-once", "At once", "Forgets to yield. It is never trained."
        uses_model = False

        def fit(self, job):
            """Not a generator."""
            return 5

        def load(self, folder, problem, encoder):
            """Never called."""

    with pytest.raises(AssertionError, match="must be generators: yield a Step"):
        check_strategy(AtOnce())
