"""Datasets of the hub and what is put there, through the real client, against a stand-in on
loopback.
"""

from __future__ import annotations

import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.numbers.test_arms import rows_of
from tests.numbers.test_exports import Made, problem
from tests.standin.hub import hub as running
from tl_core.analysis.record import write_tables
from tl_core.api.errors import UserError
from tl_core.cli import main
from tl_core.data.hub import CONVERTED, is_reference, layout_of, reference
from tl_core.data.load import load
from tl_core.data.tables import GUESS_ALL, ReadOptions
from tl_core.exports.write import export
from tl_core.studies.plan import ArmRequest


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub, for whom nobody is logged in."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_TOKEN", "")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "token"))
    with running() as made:
        monkeypatch.setenv("HF_ENDPOINT", made.url)
        yield made


def parquet(rows: dict, labels: tuple[str, ...] = ()) -> bytes:
    """A file as `datasets` writes it."""
    table = pa.table(rows)
    if labels:
        features = {"label": {"names": list(labels), "_type": "ClassLabel"}}
        said = json.dumps({"info": {"features": features}})
        table = table.replace_schema_metadata({"huggingface": said})
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


def some(start: int, count: int = 6) -> dict:
    return {
        "text": [f"text {i} about {('sea', 'bread')[i % 2]}" for i in range(start, start + count)],
        "label": [i % 2 for i in range(start, start + count)],
    }


def texts(loaded) -> list[str]:
    return [e.text for e in loaded.dataset.examples]


# --- reading --------------------------------------------------------------------------------------


def test_shards_of_a_split_are_read_with_the_names_of_their_labels(hub):
    shards = {
        f"data/train-0000{i}-of-00002.parquet": parquet(some(6 * i), ("sea", "bread"))
        for i in (0, 1)
    }
    hub.dataset("me/films", {**shards, "data/test-00000-of-00001.parquet": parquet(some(99, 4))})
    loaded = load("hf://me/films")
    assert len(texts(loaded)) == 12 and texts(loaded)[7].startswith("text 7")
    assert set(loaded.dataset.problem.label_ids) == {"sea", "bread"}
    assert any(g.value == "default/train" for g in loaded.guesses)
    assert len(texts(load("hf://me/films:test"))) == 4
    asked = len(hub.asked)
    load("hf://me/films")  # files are remembered
    assert not [path for _, path in hub.asked[asked:] if "resolve" in path]
    with pytest.raises(UserError, match="split.*dev.*train"):
        load("hf://me/films:dev")


def test_a_card_says_what_files_are_and_what_labels_are_called(hub):
    rows = b"sentence,label\n" + b"".join(b"a text number %d,%d\n" % (i, i % 2) for i in range(8))
    card = {
        "configs": [
            {"config_name": "en", "data_files": [{"split": "train", "path": "english/*.csv"}]},
            {"config_name": "ko", "data_files": "korean/**"},
        ],
        "dataset_info": [
            {
                "config_name": "en",
                "features": [
                    {"name": "label", "dtype": {"class_label": {"names": {"0": "no", "1": "yes"}}}}
                ],
            }
        ],
    }
    hub.dataset("me/two", {"english/a.csv": rows, "korean/x/b.csv": rows}, card=card)
    with pytest.raises(UserError, match="several configurations: en(,| and) ko"):
        load("hf://me/two")
    loaded = load("hf://me/two:en:train")
    assert set(loaded.dataset.problem.label_ids) == {"no", "yes"}
    assert len(texts(load("hf://me/two:ko", ReadOptions(text="sentence")))) == 8


def test_where_there_is_only_code_the_hubs_own_conversion_is_read(hub):
    hub.dataset("me/script", {"films.py": b"raise SystemExit", "README.md": b""})
    with pytest.raises(UserError, match="no code of a repository is run. There are: films.py"):
        load("hf://me/script")
    converted = {"default/train/0000.parquet": parquet(some(0), ("sea", "bread"))}
    hub.dataset("me/script", converted, CONVERTED)
    assert len(texts(load("hf://me/script"))) == 6
    assert not [path for _, path in hub.asked if path.endswith(".py")]


def test_layouts_by_names_of_files():
    files = ["train.csv", "sub/dev.jsonl", "fr/test-0.csv", "fr/train-0.csv", "dataset_infos.json"]
    assert layout_of(files, None) == {
        "default": {"train": ["train.csv"]},
        "fr": {"test": ["fr/test-0.csv"], "train": ["fr/train-0.csv"]},
    }
    assert layout_of(["contest.jsonl"], None) == {"default": {"train": ["contest.jsonl"]}}
    assert layout_of(["a.csv"], [{"data_files": "nothing.csv"}, "odd", {"data_files": [3]}]) == {
        "default": {"train": ["a.csv"]}
    }


@pytest.mark.parametrize(
    "source,stem",
    [("hf://a/b", "b"), ("hf:/a/b:train", "b-train"), ("hf://a/b@v1.0:en:test", "b-en-test")],
)
def test_references(source, stem):
    assert is_reference(source) and reference(source).stem == stem


@pytest.mark.parametrize(
    "source", ["hf://", "hf://a/b/c", "hf://a/b:c:d:e", "hf://a/../b", "hf://a b"]
)
def test_what_is_no_reference_is_said(source, hub):
    with pytest.raises(UserError, match="(names no dataset|can be no name)"):
        load(source)
    assert not [p for _, p in hub.asked if "resolve" in p]


def test_what_cannot_be_read_is_said_and_no_token_is_shown(hub, monkeypatch):
    hub.dataset("me/secret", {"train.csv": b"text,label\na,b\n"}, private=True)
    hub.dataset("me/gated", {"train.csv": b"text,label\na,b\n"}, gated=True)
    with pytest.raises(UserError, match="no dataset me/nothing on the hub, or it is private"):
        load("hf://me/nothing")
    with pytest.raises(UserError, match="me/secret on the hub, or it is private"):
        load("hf://me/secret")
    monkeypatch.setenv("HF_TOKEN", "hf_a-secret")
    with pytest.raises(UserError, match="me/gated is gated") as fault:
        load("hf://me/gated")
    assert "hf_a-secret" not in str(fault.value)
    with pytest.raises(UserError, match="no such revision"):
        load("hf://me/gated@v9")
    hub.broken = 400
    with pytest.raises(UserError, match="The hub answered 400"):
        load("hf://me/gated")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(UserError, match="The hub could not be reached"):
        load("hf://me/gated", GUESS_ALL)


# --- putting there --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A study of a quick arm, and its export."""
    folder = tmp_path_factory.mktemp("push")
    asked = [ArmRequest("tfidf")]
    made = Made(folder / "study", "minilm", asked, rows_of(40), problem(("sea", "bread")))
    write_tables(made.store, made.plan, made.store.results(s.id for s in made.plan.specs))
    export(made.folder, folder / "export", format="sklearn")
    return folder


def test_nothing_is_sent_without_a_yes_or_a_token(hub, study, monkeypatch, capsys):
    asked = ["push", str(study / "export"), "me/tickets"]
    assert main(asked) == 2
    said = capsys.readouterr().err
    assert "private: a model, without any text" in said and "Nothing was sent" in said
    assert hub.asked == [] and hub.url in said
    assert main([*asked, "--yes"]) == 2
    assert "hf auth login" in capsys.readouterr().err
    monkeypatch.setenv("HF_TOKEN", "reads")
    assert main([*asked, "--yes"]) == 2
    said = capsys.readouterr()
    assert "no right to write me/tickets" in said.err and "reads" not in said.err + said.out
    assert hub.repositories == {}


def test_a_model_is_private_and_a_public_one_is_not_overwritten_by_chance(
    hub, study, monkeypatch, capsys
):
    from huggingface_hub import ModelCard

    monkeypatch.setenv("HF_TOKEN", "writes")
    asked = ["push", str(study / "export"), "me/tickets", "--yes", "--json"]
    assert main(asked) == 0
    said = json.loads(capsys.readouterr().out)
    made = hub.repositories["model", "me/tickets"]
    assert said["private"] is True and made.private and said["files"] == len(made.files["main"])
    sent = made.files["main"]
    assert sent.keys() == {
        p.relative_to(study / "export").as_posix()
        for p in (study / "export").rglob("*")
        if p.is_file()
    }
    assert ModelCard(sent["README.md"].decode()).data.library_name == "sklearn"
    made.private = False
    assert main(asked) == 2
    assert "everybody can see it" in capsys.readouterr().err
    (study / "export" / "more.txt").write_text("changed")
    try:
        assert main(asked) == 2 and "is not as it was exported" in capsys.readouterr().err
    finally:
        (study / "export" / "more.txt").unlink()


def test_a_study_is_a_dataset_that_can_be_read_again(hub, study, monkeypatch, capsys):
    monkeypatch.setenv("HF_TOKEN", "writes")
    assert main(["push", str(study / "study"), "me/study", "--public", "--yes"]) == 0
    assert "/datasets/me/study (for everybody to see)" in capsys.readouterr().out
    made = hub.repositories["dataset", "me/study"]
    sent = made.files["main"]
    assert {"README.md", "rows/test.parquet", "predictions.parquet"} <= sent.keys()
    assert str(study).encode() not in b"".join(sent.values()) and not made.private
    import yaml

    made.card = yaml.safe_load(sent["README.md"].decode().split("---")[1])
    assert [c["config_name"] for c in made.card["configs"]] == ["rows", "predictions"]
    assert len(texts(load("hf://me/study:rows:test"))) == 12
    assert len(texts(load("hf://me/study:rows:train"))) == 28


def test_a_study_is_pushed_from_python_after_a_yes(hub, study, monkeypatch):
    import tl_core as tl

    monkeypatch.setenv("HF_TOKEN", "writes")
    made, answers = tl.load(study / "study"), ["n", "", "yes"]
    with pytest.raises(tl.UserError, match="private: a study with the texts.*Say yes=True"):
        made.push("me/python")
    monkeypatch.setattr("tl_core.library.study._is_interactive", lambda: True)
    asked: list[str] = []
    monkeypatch.setattr("builtins.input", lambda said: asked.append(said) or answers.pop(0))
    for _ in range(2):
        with pytest.raises(tl.UserError, match="Nothing was sent"):
            made.push("me/python")
    assert hub.asked == []
    assert made.push("me/python") == f"{hub.url}/datasets/me/python"
    assert len(asked) == 3 and "as me/python, private" in asked[0] and "y/N" in asked[0]
    assert hub.repositories["dataset", "me/python"].private
    made.push("me/open", public=True, yes=True)
    assert len(asked) == 3 and not hub.repositories["dataset", "me/open"].private
    sent = hub.repositories["dataset", "me/open"].files["main"]
    assert sent.keys() == hub.repositories["dataset", "me/python"].files["main"].keys()
    assert {"README.md", "rows/train.parquet", "predictions.parquet"} <= sent.keys()
    monkeypatch.setenv("HF_TOKEN", "reads")
    with pytest.raises(tl.UserError, match="no right to write me/third") as fault:
        made.push("me/third", yes=True)
    assert "reads" not in str(fault.value)


def test_what_is_no_export_and_no_study_is_said(hub, tmp_path, capsys):
    assert main(["push", str(tmp_path), "me/x", "--yes"]) == 2
    assert hub.asked == [] and capsys.readouterr().err
