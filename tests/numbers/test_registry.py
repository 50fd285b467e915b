"""The registry of models: versions, stages, two writers at once, and files that were changed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tests.numbers.test_arms import rows_of
from tests.numbers.test_exports import Made, problem
from tl_core.api.errors import UserError
from tl_core.cli import main
from tl_core.exports.write import export
from tl_core.registry import FILE, PRODUCTION, REGISTERED, RETIRED, Registry, is_reference
from tl_core.serving.arms import Bases
from tl_core.serving.run import open_all, renewed
from tl_core.studies.plan import ArmRequest

pytestmark = pytest.mark.usefixtures("quick")
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def exported(tiny_models, tmp_path_factory):
    """Two exports that answer differently, and their study."""
    place = tmp_path_factory.mktemp("registry")
    requests = [ArmRequest("tfidf"), ArmRequest("majority")]
    made = Made(
        place / "study", tiny_models.body(), requests, rows_of(40), problem(("sea", "bread"))
    )
    for arm in ("tfidf", "majority"):
        export(made.folder, place / arm, run=arm, format="recipe")
    return place


@pytest.fixture
def registry(tmp_path, monkeypatch):
    monkeypatch.setenv("TL_HOME", str(tmp_path / "home"))
    return Registry()


def test_versions_and_stages(registry, exported):
    first = registry.add("tickets", exported / "tfidf")
    second = registry.add("tickets", exported / "majority")
    assert (first.reference, second.reference) == ("tickets@1", "tickets@2")
    assert first.stage == REGISTERED and 0 <= first.metrics["accuracy"]["value"] <= 1
    with pytest.raises(UserError, match="no version production"):
        registry.find("tickets@production")
    registry.promote("tickets@1")
    assert registry.find("tickets@production").version == 1
    registry.promote("tickets@2")
    assert registry.find("tickets@production").version == 2
    assert [v.stage for v in registry.versions()] == [REGISTERED, PRODUCTION]
    with pytest.raises(UserError, match="in production"):
        registry.remove("tickets@production")
    registry.retire("tickets@2")
    assert registry.find("tickets@latest").version == 1
    with pytest.raises(UserError, match="was retired"):
        registry.opened("tickets@2")
    registry.remove("tickets@2")
    assert not registry.folder_of(second).exists()
    assert [v.reference for v in registry.versions("tickets")] == ["tickets@1"]
    assert registry.add("tickets", exported / "tfidf").version == 3, "a number is given twice"
    assert registry.add("other", exported / "majority").version == 1
    assert registry.versions("tickets")[0].stage != RETIRED


def test_bad_names_and_references(registry, exported):
    for name in ("", "a b", "../x", "-x", "x" * 65, "이름"):
        with pytest.raises(UserError, match="cannot be a name"):
            registry.add(name, exported / "tfidf")
    registry.add("tickets", exported / "tfidf")
    for reference, word in (
        ("tickets", "names no version"),
        ("tickets@9", "no version 9; there are 1"),
        ("nobody@1", "nobody"),
        ("tickets@retired", "no version"),
    ):
        with pytest.raises(UserError, match=word):
            registry.find(reference)
    assert is_reference("a@1") and not is_reference("a/b@1") and not is_reference("a")


def test_what_was_changed_after_registration_is_not_loaded(registry, exported):
    version = registry.add("tickets", exported / "tfidf")
    folder = registry.folder_of(version)
    registry.opened("tickets@1")
    state = next((folder / "state").iterdir())
    kept = state.read_bytes()
    state.write_bytes(kept + b"\0")
    for asked in (registry.opened, registry.promote):
        with pytest.raises(UserError, match="was changed, added or removed"):
            asked("tickets@1")
    state.write_bytes(kept)
    about = json.loads((folder / "export.json").read_text())
    (folder / "export.json").write_text(json.dumps(about))
    with pytest.raises(UserError, match="not what was registered"):
        registry.opened("tickets@1")
    (registry.folder / FILE).write_text("{")
    with pytest.raises(UserError, match="is damaged"):
        registry.versions()


def test_many_writers_at_once_lose_nothing(registry, exported):
    with ThreadPoolExecutor(6) as threads:
        added = list(threads.map(lambda _: registry.add("t", exported / "majority"), range(6)))
        promoted = threads.map(lambda v: registry.promote(v.reference), added)
        assert len(list(promoted)) == 6
    assert sorted(v.version for v in registry.versions("t")) == [1, 2, 3, 4, 5, 6]
    assert [v.stage for v in registry.versions("t")].count(PRODUCTION) == 1
    assert not [p.name for p in registry.folder.rglob(".*")]


def test_a_writer_that_is_killed_leaves_a_whole_registry(registry, exported):
    registry.add("t", exported / "majority")
    code = (
        "import sys; from pathlib import Path; from tl_core.registry import Registry\n"
        "print('on', flush=True)\n"
        "while True: Registry().add('t', Path(sys.argv[1]))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(exported / "majority")], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"on\n"
    begun = time.monotonic()
    while len(registry.versions("t")) < 4 and time.monotonic() < begun + 60:
        time.sleep(0.02)
    process.kill()
    process.wait()
    process.stdout.close()
    before = [v.version for v in registry.versions("t")]
    assert before == list(range(1, len(before) + 1)) and len(before) >= 4
    added = registry.add("t", exported / "tfidf")
    assert added.version == len(before) + 1 and registry.opened(added.reference)


def test_the_commands_and_what_takes_a_reference(registry, exported, capsys, tmp_path):
    study = str(exported / "study")
    assert main(["models"]) == 0 and "No model is registered" in capsys.readouterr().out
    assert main(["models", "add", "tickets", study, "--run", "tfidf", "--as", "recipe"]) == 0
    assert main(["models", "add", "tickets", str(exported / "majority")]) == 0
    assert main(["models", "promote", "tickets@1"]) == 0
    capsys.readouterr()
    assert main(["models", "list", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [(v["version"], v["stage"]) for v in said] == [(1, PRODUCTION), (2, REGISTERED)]
    assert main(["models", "show", "tickets@1"]) == 0 and "digest" in capsys.readouterr().out
    for wrong in (["promote"], ["add", "x"], ["show", "tickets@7"], ["add", "x", str(tmp_path)]):
        assert main(["models", *wrong]) == 2
    capsys.readouterr()

    asked = ["predict", "tickets@production", "--text", "a ship near the harbour", "--json"]
    assert main(asked) == 0
    (answer,) = json.loads(capsys.readouterr().out)["predictions"]
    assert main(["predict", study, "--run", "tfidf", *asked[2:]]) == 0
    (wanted,) = json.loads(capsys.readouterr().out)["predictions"]
    assert answer["label"] == wanted["label"]
    assert answer["scores"] == pytest.approx(wanted["scores"], abs=1e-6)
    rows = tmp_path / "rows.csv"
    rows.write_text("text\na ship\nan oven\n")
    assert main(["predict", str(exported / "tfidf"), str(rows), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["predictions"]) == 2
    assert main(["predict", "tickets@1", "--run", "x", "--text", "a"]) == 2


def test_a_promoted_version_takes_over(registry, exported, monkeypatch):
    registry.add("t", exported / "tfidf")
    registry.add("t", exported / "majority")
    registry.promote("t@1")
    bases = Bases("cpu")
    arms = {arm.name: arm for arm in open_all(["t@production"], bases, lambda _: False)}
    assert renewed(arms, ["t@production"], bases) == {}
    registry.promote("t@2")
    fresh = renewed(arms, ["t@production"], bases)
    assert fresh["t"].about["arm"] == "majority" and arms["t"].about["arm"] == "tfidf"
    with monkeypatch.context() as m, pytest.raises(UserError, match="sends texts"):
        m.setattr("tl_core.serving.run._opened", lambda *_: replace(fresh["t"], sends_texts=True))
        renewed(arms, ["t@production"], bases)
