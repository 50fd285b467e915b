"""Plug-ins from outside: a folder that the operator names, and installed packages."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.tiny_models import TOPICS, text
from tl_core.api import plugins
from tl_core.api.plugins import KINDS, forget, found, from_outside, troubles
from tl_core.strategies import strategies

# What CONTRIBUTING promises: a strategy in one file of about forty lines, and nothing else.
RIDGE = '''"""Least squares on frozen embeddings, pulled towards zero. Hoerl & Kennard 1970."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tl_core.api.params import param
from tl_core.models.training.frozen import FrozenHead


@dataclass(frozen=True)
class RidgeSettings:
    pull: float = param(
        1.0, "How strongly the weights are pulled towards zero", low=1e-6, high=1e6
    )


class Ridge(FrozenHead):
    id = "test-ridge"
    order = 62
    title = "Test ridge regression"
    about = "Draws lines between labels by least squares. Solved at once, so it is the quickest."
    settings = RidgeSettings

    def head(self, features, gold, labels, params: RidgeSettings):
        """W = (X'X + pull I)^-1 X'Y on centred X and Y, where Y is 1 for a row's label, else 0."""
        from tl_core.models.training.heads import ABSENT, LinearHead

        targets = np.eye(labels)[gold]  # (n, C)
        middle, share = features.mean(0), targets.mean(0)
        x = features - middle
        square = x.T @ x + params.pull * np.eye(x.shape[1])
        weight = np.linalg.solve(square, x.T @ (targets - share)).T  # (C, d)
        bias = np.where(share > 0, share - weight @ middle, ABSENT)
        return LinearHead(weight, bias, 1 / params.pull)


STRATEGY = Ridge()
'''
BARE = """
class Thing:
    id = {id!r}
{CONSTANT} = Thing()
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of plug-ins that TL_PLUGINS names."""
    made = tmp_path / "plugins"
    made.mkdir()
    monkeypatch.setenv(plugins.FOLDERS, str(made))
    forget()
    yield made
    monkeypatch.undo()
    forget()


def write(folder: Path, **files: str) -> None:
    for name, content in files.items():
        (folder / f"{name}.py").write_text(content, encoding="utf-8")


def command(*arguments: str, where: Path) -> subprocess.CompletedProcess:
    root = str(Path(__file__).parents[2])
    return subprocess.run(
        [sys.executable, "-m", "tl_core", *arguments],
        cwd=where,
        env={**os.environ, "PYTHONPATH": root, "TL_HOME": str(where / "home")},
        capture_output=True,
        text=True,
        timeout=240,
    )


def test_this_program_brings_no_plugin_that_is_wrong():
    for kind in KINDS.values():
        assert found(kind.package, kind.constant) or kind.constant == "NUMBERS"
    assert troubles() == [] and from_outside() == []


# --- one file really is one file ------------------------------------------------------------------


def test_the_file_is_as_short_as_promised():
    assert len(RIDGE.splitlines()) <= 45


def test_the_strategy_that_contributing_shows_works(folder, bench):
    """As it is printed there, but for its name: somebody may have added it."""
    from tl_core.testing import QUESTIONS

    shown = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    code = shown.split("### To add a strategy")[1].split("```python\n")[1].split("```")[0]
    write(folder, shown=code.replace('id = "ridge"', 'id = "shown"'))
    assert "shown" in strategies() and troubles() == [] and len(code.splitlines()) <= 42
    for question in ("it_learns_an_easy_language", "columns_follow_the_order_of_labels"):
        QUESTIONS[question](strategies()["shown"], bench)


def test_a_strategy_in_a_folder_goes_all_the_way(folder, tiny_folder, tmp_path):
    """From a file to the list, a study in worker processes, its report, and the page."""
    write(folder, ridge=RIDGE)
    listed = command("list", "strategies", where=tmp_path)
    assert "test-ridge  " in listed.stdout and "pull=1.0" in listed.stdout and listed.stderr == ""
    assert "strategy  test-ridge" in command("list", "plugins", where=tmp_path).stdout
    random = np.random.default_rng(0)
    rows = [f"{text(t, random)},{t}" for _ in range(30) for t in TOPICS]
    (tmp_path / "rows.csv").write_text("text,label\n" + "\n".join(rows) + "\n", encoding="utf-8")
    done = command(
        *("compare", "rows.csv", "--strategies", "majority,test-ridge", "--shots", "4,8"),
        *("--seeds", "2", "--model", str(tiny_folder), "--out", "made"),
        where=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "test-ridge" in done.stdout and "failed" not in done.stdout
    reported = command("report", "made", where=tmp_path)
    assert reported.returncode == 0, reported.stderr
    (report,) = tmp_path.rglob("report.html")
    assert "test-ridge" in report.read_text(encoding="utf-8")


def test_the_page_offers_it(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("TL_HOME", str(tmp_path / "home"))
    write(folder, ridge=RIDGE)
    from tl_ui.app import build

    page, queue = build(tmp_path / "home")
    queue.close()
    boxes = {block.elem_id: block for block in page.blocks.values() if hasattr(block, "elem_id")}
    assert "Test ridge regression" in str(boxes["arm-test-ridge"].label)


def test_without_its_file_its_study_says_what_is_missing(folder, monkeypatch):
    from tl_core.api.errors import UserError
    from tl_core.studies.plan import ArmRequest, check_arms

    write(folder, ridge=RIDGE)
    (arm,), _, faults = check_arms([ArmRequest("test-ridge")])
    assert not faults and arm.settings == {"pull": 1.0}
    monkeypatch.delenv(plugins.FOLDERS)
    forget()
    from tl_core.studies import as_json

    given = {"id": "test-ridge", "strategy": "test-ridge", "strategy_version": 1, "settings": {}}
    with pytest.raises(UserError, match="install the plug-in that brings the strategy"):
        as_json.arm_of(given)


# --- what is wrong is said, and everything else works ---------------------------------------------


@pytest.mark.parametrize(
    "content, said",
    [
        ("import nothing_of_this_name\nSTRATEGY = 1\n", "No module named 'nothing_of_this_name'"),
        ("STRATEGY = 1 +\n", "SyntaxError"),
        ("import sys\nsys.exit(3)\nSTRATEGY = 1\n", "SystemExit: 3"),
        ("STRATEGY = 1\n", "must be an instance of a subclass"),
        (RIDGE.replace('"test-ridge"', '"Ridge!"'), "'Ridge!'"),
        (RIDGE.replace('"test-ridge"', '"probe"'), "its id 'probe' is that of tl_core.strategies"),
        (RIDGE.replace("frozen=True", "frozen=False"), "must be frozen"),
        (RIDGE.replace("low=1e-6", "low=5.0"), "pull has a default outside its bounds"),
        (RIDGE.replace("order =", "tries ="), "TypeError"),
        (RIDGE + "\nRidge.tasks = {'single-label'}\n", "must be a frozenset"),
        (RIDGE + "\nRidge.tries = {'rate': (1.0, 2.0)}\n", "tries name rate"),
        (RIDGE + "\nRidge.opens_files = ('file',)\n", "opens_files name file"),
        (RIDGE + "\nRidge.passes = lambda *a: -1.0\n", "passes must be a number from 0 on"),
        (RIDGE + "\nRidge.refuses = lambda *a: 'No.'\n", "must refuse with a sentence"),
        (RIDGE + "\nRidge.refuses = lambda *a: 1 / 0\n", "ZeroDivisionError"),
        (RIDGE + "\nRidge.why_not = lambda *a: ''\n", "must leave why_not as it is"),
    ],
)
def test_a_strategy_that_cannot_be_used_is_named(folder, content, said):
    write(folder, other=content, good=RIDGE.replace('"test-ridge"', '"good"'))
    assert {"good", "probe"} < set(strategies())
    assert [p.id for p in from_outside("STRATEGY")] == ["good"]
    wrong = troubles("STRATEGY")
    assert wrong and all("other.py" in line and line.endswith(".") for line in wrong)
    assert said in " ".join(wrong)


def test_every_fault_of_a_strategy_is_said_at_once(folder):
    write(
        folder, other=RIDGE.replace('"test-ridge"', '"R"').replace('"Test ridge regression"', '"r"')
    )
    strategies()
    assert len(troubles("STRATEGY")) == 2


@pytest.mark.parametrize("constant", [c for c in KINDS if c != "STRATEGY"])
def test_every_kind_can_come_from_outside_and_says_what_it_lacks(folder, constant):
    kind = KINDS[constant]
    whole = BARE.format(id="whole", CONSTANT=constant).replace(
        "    id", "".join(f"    {name} = ()\n" for name in kind.needs) + "    id", 1
    )
    write(folder, bare=BARE.format(id="bare", CONSTANT=constant), whole=whole)
    things = found(kind.package, constant)
    assert "whole" in things and "bare" not in things
    (line,) = troubles()
    assert "bare.py" in line and f"no {', '.join(kind.needs)}" in line


def test_a_file_is_not_run_for_a_kind_it_does_not_bring(folder):
    write(folder, ridge="raise RuntimeError('run')\nSTRATEGY = 1\n")
    assert "compare" in found("tl_core.commands", "COMMAND") and troubles() == []
    strategies()
    assert len(troubles()) == 1


def test_neighbours_can_be_imported_and_files_with_an_underscore_are_no_plugins(folder):
    write(
        folder,
        _names="TITLE = 'Test ridge regression'\nraise_me = STRATEGY = None\n",
        ridge=RIDGE.replace('"Test ridge regression"', "TITLE").replace(
            "import numpy as np\n", "import numpy as np\nfrom tl_plugins._names import TITLE\n", 1
        ),
    )
    assert strategies()["test-ridge"].title == "Test ridge regression" and troubles() == []


def test_a_folder_that_is_not_there_is_said_once_and_others_are_read(folder, monkeypatch, tmp_path):
    write(folder, ridge=RIDGE)
    there = os.pathsep.join([str(tmp_path / "nowhere"), str(folder)])
    monkeypatch.setenv(plugins.FOLDERS, there)
    forget()
    assert "test-ridge" in strategies() and "compare" in found("tl_core.commands", "COMMAND")
    (line,) = troubles()
    assert "nowhere" in line and plugins.FOLDERS in line


def test_two_files_of_one_name_or_one_id(folder, monkeypatch, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    write(folder, ridge=RIDGE)
    write(other, ridge=RIDGE, again=RIDGE)
    monkeypatch.setenv(plugins.FOLDERS, os.pathsep.join([str(folder), str(other)]))
    forget()
    assert strategies()["test-ridge"]
    same_id, same_name = troubles()
    assert "again.py" in same_id and str(folder / "ridge.py") in same_id
    assert "same name" in same_name


def test_an_installed_package_brings_some(tmp_path, monkeypatch):
    """By its entry points: a module that sets the constant, or the thing itself."""
    (tmp_path / "ridgepack.py").write_text(RIDGE, encoding="utf-8")
    (tmp_path / "second.py").write_text(
        "from ridgepack import Ridge\nclass S(Ridge):\n    id = 'second'\nTHING = S()\n"
    )
    made = tmp_path / "ridge_pack-1.2.dist-info"
    made.mkdir()
    (made / "METADATA").write_text("Metadata-Version: 2.1\nName: ridge-pack\nVersion: 1.2\n")
    (made / "entry_points.txt").write_text(
        "[transfer_lab.strategies]\nridge = ridgepack\nsecond = second:THING\n"
        "gone = nothing_there\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    forget()
    try:
        assert {"test-ridge", "second"} < set(strategies())
        assert "ridge-pack 1.2" in from_outside("STRATEGY")[0].where
        (line,) = troubles("STRATEGY")
        assert line.startswith("The plug-in gone (ridge-pack 1.2) could not be loaded")
    finally:
        monkeypatch.undo()
        for name in ("ridgepack", "second"):
            sys.modules.pop(name, None)
        forget()


def test_a_tab_that_fails_is_left_out_and_the_page_still_builds(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("TL_HOME", str(tmp_path / "home"))
    write(
        folder,
        good="import gradio as gr\nclass T:\n    id, title = 'good', 'My tab'\n"
        "    def build(self, lab):\n        gr.Markdown('here', elem_id='mine')\nTAB = T()\n",
        bad="class T:\n    id, title = 'bad', 'Bad'\n"
        "    def build(self, lab):\n        raise OSError('no disk')\nTAB = T()\n",
    )
    from tl_ui.app import build

    page, queue = build(tmp_path / "home")
    queue.close()
    ids = {getattr(block, "elem_id", None) for block in page.blocks.values()}
    assert {"mine", "tab-good", "tab-bad", "arm-probe"} <= ids
    (line,) = troubles()
    assert "bad.py failed (OSError: no disk" in line


def test_a_command_of_a_folder_can_be_given(folder, tmp_path):
    write(
        folder,
        hello="class C:\n    id, help = 'hello', 'say hello'\n    def add(self, command): pass\n"
        "    def run(self, a): print('hello')\nCOMMAND = C()\n",
    )
    assert command("hello", where=tmp_path).stdout == "hello\n"


def test_the_example_without_a_model_answers_every_question(tmp_path):
    import runpy

    from tl_core.testing import check_strategy

    shown = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    _, length = re.findall(r"```python\n(.*?)```", shown, re.S)
    (tmp_path / "length.py").write_text(length, encoding="utf-8")
    answers = check_strategy(runpy.run_path(str(tmp_path / "length.py"))["STRATEGY"])
    assert sum(answer == "" for answer in answers.values()) > 10
