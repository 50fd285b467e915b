"""What a study trained, in the formats of other libraries: the same probabilities from a process
that has no Transfer Lab, or a refusal that says what can hold the run.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from spaces_config import cards
from spaces_config.arm import build_arm
from tests.numbers.made_spans import ASKS, TAGS, tagged
from tests.numbers.test_arms import QUICK, rows_of
from tests.numbers.test_questions import lookups
from tests.tiny_models import drain, text
from tl_core.api.errors import UserError
from tl_core.api.types import Dataset, Example, Finished, Label, Problem
from tl_core.cli import main
from tl_core.data.loaded import Loaded
from tl_core.exports.formats import formats
from tl_core.exports.kept import Kept, open_kept
from tl_core.exports.opened import open_export
from tl_core.exports.write import export, export_kept
from tl_core.running.jobs import answer
from tl_core.running.run import Encoders, run
from tl_core.running.warm_models import WarmModels
from tl_core.strategies import strategies
from tl_core.studies.plan import ArmRequest, make_split, make_study, plan
from tl_core.studies.store import Store
from tl_core.tasks import task_of

pytestmark = pytest.mark.usefixtures("quick")
FOREIGN = Path(__file__).parent.parent / "foreign.py"
TRAINED = {**QUICK, "learning_rate": 1e-2}
# what holds a run of each strategy on an encoder that pools by the mean; `recipe` holds all
MERGED, ADAPTED = {"sentence-transformers"}, {"sentence-transformers", "peft"}
HOLDS = {
    "lora": ADAPTED,
    "dora": ADAPTED,
    "ia3": ADAPTED,
    "bitfit": MERGED,
    "full": MERGED,
    "scratch": MERGED,
    "contrastive": MERGED,
    "soft-prompt": {"peft"},
    "prefix": {"peft"},
    "bottleneck": set(),
    "probe": MERGED,
    "prior-probe": MERGED,
    "prototype": MERGED,
    "similarity": MERGED,
    "static": MERGED,
    "knn": set(),
    "tfidf": {"sklearn"},
    "majority": set(),
    "word-rnn": set(),
}
TEXTS = ["a ship near the harbour", "Crust!", "한국어 [SEP] 🙂", "oven flour " * 300, "?"]
PAIRS = [["a ship near", "the harbour"], ["oven " * 60, "flour " * 60], ["?", "crust and dough"]]


def many(rows: int = 40) -> list[Example]:
    """Rows with one or two labels."""
    random = np.random.default_rng(2)
    names = [("sea",), ("bread",), ("music",), ("sea", "bread"), ("bread", "music")]
    return [
        Example(i, " ".join(f"{text(t, random)} {i}" for t in own), labels=own)
        for i, own in enumerate(names * (rows // len(names)), start=1)
    ]


def pairs() -> list[Example]:
    random = np.random.default_rng(3)
    return [
        Example(i, f"{text(t, random)} {i}", text(t, random), (t,))
        for i, t in enumerate(("sea", "bread") * 20, start=1)
    ]


def ratings() -> list[Example]:
    random = np.random.default_rng(4)
    return [
        Example(i, f"{text(t, random)} {i}", labels=(str(1 + n),))
        for i, (n, t) in enumerate(list(enumerate(("sea", "bread", "music"))) * 20, start=1)
    ]


def problem(names, inputs="one text", target="one label") -> Problem:
    return Problem(inputs, target, tuple(Label(n, n) for n in names))


class Made:
    """A finished study whose weights are all kept."""

    def __init__(
        self, folder: Path, model, requests, rows, of: Problem, keep: str = "all", shots=4
    ):
        loaded = Loaded(Dataset("made", of, tuple(rows)), {}, (), (), 0)
        split, _ = make_split(loaded, size=12)
        study = make_study(
            "made", of, split, arms=requests, shots=(shots,), seeds=1, model=str(model)
        )
        self.folder, self.plan = folder, plan(study)
        self.store = Store(folder)
        self.store.prepare()
        self.store.save_study(study)
        encoders = Encoders("cpu", folder.with_name(folder.name + "-cache"))
        how = {"model_folder": self.store.model_folder, "keep": keep, "encoders": encoders}
        for event in run(self.plan, **how):
            if isinstance(event, Finished):
                assert event.result.status == "done", event.result.error
                self.store.save_result(event.result)

    def probabilities(self, arm: str, kept: Kept | None = None) -> np.ndarray:
        """What the run says, in float32, before any thresholds."""
        kept = kept or open_kept(self.folder, arm)
        given = PAIRS if kept.problem.inputs == "two texts" else [(t, None) for t in TEXTS]
        scores = drain(kept.predictor.predict([Example(0, a, b) for a, b in given]))
        if not kept.ending.thresholds:
            return scores
        return drain(kept.predictor.inner.predict([Example(0, a, b) for a, b in given]))


class Foreign:
    """A process without Transfer Lab, see `tests/foreign.py`."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-I", str(FOREIGN)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PATH": "/usr/bin:/bin", "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
            cwd=FOREIGN.anchor,
        )
        self.loaded: set[str] = set()  # libraries that it has imported by now

    def ask(self, what: str, **asked):
        self.process.stdin.write(json.dumps({"what": what, **asked}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the process without Transfer Lab has failed: see its traceback"
        answer = json.loads(line)
        self.loaded = set(answer["loaded"])
        assert "tl_core" not in self.loaded
        return answer["said"]

    def probabilities(self, folders: dict[str, str]) -> dict:
        """Of each folder, given with its base."""
        return self.ask("probabilities", folders=folders, texts=TEXTS, pairs=PAIRS)

    def example(self, folder: Path, base: Path | str, texts: list[str]) -> list[dict]:
        """What the example in an export prints."""
        said = self.ask("example", script=str(folder / "example.py"), base=str(base), texts=texts)
        return [json.loads(line) for line in said.splitlines()]

    def end(self) -> None:
        self.process.stdin.close()
        self.process.wait()


@pytest.fixture(scope="module")
def foreign():
    made = Foreign()
    yield made
    made.end()


class Same:
    """Exports each arm in every format that takes it; `see` has another process open them and
    sees that all say what the runs say.
    """

    def __init__(self) -> None:
        self.wanted: dict[str, tuple[np.ndarray, Path]] = {}  # of each folder, and its base

    def write(self, made: Made, arms, out: Path, base) -> dict[str, set[str]]:
        """Export them; returns the formats that took each."""
        held: dict[str, set[str]] = {}
        for arm in arms:
            kept = open_kept(made.folder, arm)
            held[arm], wanted = set(), made.probabilities(arm, kept)
            assert np.ptp(wanted, axis=0).max() > 1e-4 or arm == "majority", "nothing is compared"
            for id in set(formats()) - {"recipe", "onnx"}:  # onnx takes seconds, see below
                folder = out / arm / id
                try:
                    export_kept(kept, folder, id)
                except UserError as fault:
                    assert str(fault).startswith(f"{id} cannot hold {arm}")
                    assert "recipe" in str(fault) and not folder.exists()
                else:
                    held[arm].add(id)
                    self.wanted[str(folder)] = wanted, base
            assert np.array_equal(made.probabilities(arm, kept), wanted), f"{arm} was changed"
        return held

    def write_onnx(self, made: Made, arm: str, out: Path) -> None:
        """Export one, which takes seconds."""
        export(made.folder, out, run=arm, format="onnx")
        self.wanted[str(out)] = made.probabilities(arm), Path("onnx/model.onnx")

    def see(self, foreign: Foreign) -> None:
        """Compare."""
        assert self.wanted
        found = foreign.probabilities(
            {folder: str(base) for folder, (_, base) in self.wanted.items()}
        )
        for folder, (wanted, _) in self.wanted.items():
            assert np.abs(np.array(found[folder]) - wanted).max() < 1e-5, folder


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TL_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="module")
def tiny(tiny_models):
    return tiny_models.body()


@pytest.fixture(scope="module")
def made(tiny, tmp_path_factory):
    trains = {id for id, s in strategies().items() if s.trains}
    requests = [ArmRequest(id, TRAINED if id in trains else {}) for id in HOLDS]
    requests.append(ArmRequest("lora", {**TRAINED, "scaling": "inside"}, "lora-scaled"))
    folder = tmp_path_factory.mktemp("exports") / "study"
    return Made(folder, tiny, requests, rows_of(40), problem(("sea", "bread")))


def test_every_strategy_in_every_format_that_holds_it(made, tiny, tmp_path, foreign):
    expected = {**HOLDS, "lora-scaled": ADAPTED}
    same = Same()
    assert same.write(made, list(expected), tmp_path, tiny) == expected
    same.see(foreign)


def test_a_strategy_that_is_not_listed_here_has_no_form(made):
    from tl_core.api.strategy import Strategy

    asked = set(strategies()) - set(HOLDS)
    assert asked == {
        "adapt-then",
        "chat",
        "cloze",
        "in-context",
        "label-score",
        "nli",
        "prompt",
        "prompt-tune",
        "word-shape",
    }
    for id in asked:
        assert type(strategies()[id]).portable is Strategy.portable


def test_several_labels_three_labels_ratings_and_pairs(tiny, tmp_path, foreign):
    same, topics = Same(), ("sea", "bread", "music")
    arms = [ArmRequest("probe"), ArmRequest("tfidf"), ArmRequest("lora", TRAINED)]
    usual = {"probe": MERGED, "tfidf": {"sklearn"}, "lora": ADAPTED}

    of = problem(topics, target="many labels")
    made = Made(tmp_path / "m", tiny, [*arms, ArmRequest("prototype")], many(), of)
    held = same.write(made, [*usual, "prototype"], tmp_path / "1", tiny)
    assert held == usual | {"prototype": MERGED}
    same.write_onnx(made, "probe", tmp_path / "1o")
    about = json.loads((tmp_path / "1/probe/sentence-transformers/export.json").read_text())
    assert set(about["ending"]["thresholds"]) == set(topics)

    del usual["probe"]  # what differs from here on is in the head, and that of lora is the same
    one_each = [e for e in many(60) if len(e.labels) == 1]
    made = Made(tmp_path / "t", tiny, arms[1:], one_each, problem(topics))
    assert same.write(made, usual, tmp_path / "2", tiny) == usual
    assert open_kept(made.folder, "tfidf").ending.even > 0, "or nothing mixed was tried"

    made = Made(tmp_path / "r", tiny, arms[1:], ratings(), problem("123", target="ordinal"))
    assert same.write(made, usual, tmp_path / "3", tiny) == usual

    two = [
        *map(ArmRequest, ("probe", "prototype", "static", "tfidf")),
        ArmRequest("lora", {**TRAINED, "pairs": "together"}, "together"),
        ArmRequest("lora", {**TRAINED, "pairs": "apart"}, "apart"),
    ]
    made = Made(tmp_path / "p", tiny, two, pairs(), problem(("sea", "bread"), "two texts"))
    names = ["probe", "prototype", "static", "tfidf", "together", "apart"]
    held = same.write(made, names, tmp_path / "4", tiny)
    assert held == dict.fromkeys(names, MERGED) | {"tfidf": set()}
    same.write_onnx(made, "together", tmp_path / "4o")
    with pytest.raises(UserError, match="reads the two texts of a row apart"):
        export(made.folder, tmp_path / "apart", run="apart", format="onnx")
    same.see(foreign)
    for place in ("1/tfidf/sklearn", "3/tfidf/sklearn", "4/prototype/sentence-transformers"):
        lines = foreign.example(tmp_path / place, tiny, ["a ship near the harbour", "oven"])
        assert len(lines) == (1 if place[0] == "4" else 2), place
        assert isinstance(lines[0]["label"], list) == (place[0] == "1"), place
        assert lines[0]["label"], place


def test_a_classifier_of_transformers_where_the_first_token_is_read(tiny_models, tmp_path, foreign):
    same, both = Same(), {"transformers", "sentence-transformers"}
    kinds = ("bert", "roberta", "xlm-roberta", "mpnet", "distilbert", "electra", "albert")
    for kind in kinds:
        model = first_token(tiny_models.body(kind), tmp_path / kind)
        arms = [ArmRequest("full", TRAINED), ArmRequest("probe", {"scaling": "none"})]
        made = Made(tmp_path / f"{kind}-s", model, arms, rows_of(40), problem(("sea", "bread")))
        asked = ["full", "probe"] if kind == "bert" else ["full"]  # its body is read alike
        held = same.write(made, asked, tmp_path / f"{kind}-e", model)
        assert held == dict.fromkeys(asked, both), kind
    same.see(foreign)


def test_what_learned_on_a_changed_model_and_what_keeps_no_weights(tiny_models, tmp_path, foreign):
    masked = tiny_models.headed("bert")
    requests = [
        ArmRequest("adapt-then", {"base": "probe", "steps": 2, "length": 16}, "adapted"),
        ArmRequest("cloze"),
    ]
    made = Made(tmp_path / "s", masked, requests, rows_of(40), problem(("sea", "bread")))
    same = Same()
    assert same.write(made, ["adapted"], tmp_path, masked) == {"adapted": MERGED}
    same.see(foreign)
    for arm in ("adapted", "cloze"):
        folder = tmp_path / f"{arm}-recipe"
        assert export(made.folder, folder, run=arm, format="recipe").difference == 0
        found = open_export(folder).scores([Example(0, t) for t in TEXTS])
        wanted = drain(
            open_kept(made.folder, arm).predictor.predict([Example(0, t) for t in TEXTS])
        )
        assert np.abs(found - wanted).max() < 1e-6


SPANS = {"transformers", "peft", "onnx"}  # what a run that reads the last layer alone fits into


def spans_exported(made: Made, arms: dict[str, set[str]], out: Path, as_onnx: str) -> None:
    """Export arms that answer with stretches of a text in every format that is expected, and see
    that others are refused. That each says the same as the run, long texts included, is seen
    while it is written.
    """
    for arm, expected in arms.items():
        kept, held = open_kept(made.folder, arm), set()
        for id in formats():
            if id == "onnx" and arm != as_onnx and id in expected:
                held.add(id)  # it takes seconds
                continue
            try:
                export_kept(kept, out / arm / id, id)
                held.add(id)
            except UserError as fault:
                assert str(fault).startswith(f"{id} cannot hold {arm}") and "recipe" in str(fault)
                assert not (out / arm / id).exists()
        assert held == expected | {"recipe"}, arm


def test_tags_as_token_classifiers_of_other_libraries(tiny_models, tmp_path, foreign):
    last = {"reads": "last layer", "learning_rate": 4e-3, "min_steps": 90, "max_steps": 90}
    requests = [
        ArmRequest("full", last, "full-last"),
        ArmRequest("lora", {**TRAINED, "reads": "last layer"}, "lora-last"),
        *(ArmRequest(id, TRAINED if id == "lora" else {}) for id in ("lora", "probe")),
    ]
    model = tiny_models.body(worn=False)
    made = Made(tmp_path / "study", model, requests, tagged(60), TAGS, shots=None)
    held = {
        "full-last": SPANS - {"peft"},
        "lora-last": SPANS,
        "lora": SPANS - {"transformers"},
        "probe": {"onnx"},
    }
    spans_exported(made, held, tmp_path, as_onnx="probe")
    folder, kept = tmp_path / "full-last" / "transformers", open_kept(made.folder, "full-last")
    texts = [e.text for e in made.plan.study.split.test]
    task, rows = task_of(TAGS), [Example(0, text) for text in texts]
    decided = task.decide(drain(kept.predictor.predict(rows)))
    wanted = [task.spans(e, TAGS, d) for e, d in zip(rows, decided, strict=True)]
    assert sum(map(len, wanted)) > len(texts), "too little is found to compare"
    said = foreign.ask("spans", folders={str(folder): ""}, texts=texts, questions=None)
    assert [[tuple(x) for x in row] for row in said[str(folder)]] == [list(x) for x in wanted]
    found = open_export(folder).scores(rows)
    assert np.abs(found - drain(kept.predictor.predict(rows))).max() < 1e-5
    for place, base in (("full-last/transformers", ""), ("lora/peft", model), ("probe/onnx", "")):
        lines = foreign.example(tmp_path / place, base, texts[:3])
        assert [line["text"] for line in lines] == texts[:3]
        if place == "full-last/transformers":
            assert [
                [(s["start"], s["end"], s["entity_group"]) for s in line["spans"]] for line in lines
            ] == [list(x) for x in wanted[:3]]
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "pipeline_tag: token-classification" in card
    build_arm(folder, tmp_path / "space")
    page = str(tmp_path / "space" / "app.py")
    pages = foreign.ask("page", script=page, given=[[x] for x in texts[:3]])
    assert [
        [(s["start"], s["end"], s["entity"]) for s in marked["entities"]] for marked, _ in pages
    ] == [list(x) for x in wanted[:3]]
    assert all(len(marked["entities"]) == len(listed) for marked, listed in pages)
    card, _ = cards.split((tmp_path / "space" / "README.md").read_text(encoding="utf-8"))
    assert card["tags"][0] == "token-classification"


def test_answers_as_question_answerers_of_other_libraries(tiny_models, tmp_path, foreign):
    last = {"reads": "last layer", "learning_rate": 4e-3, "min_steps": 90, "max_steps": 90}
    requests = [
        ArmRequest("scratch", last, "full-last"),
        ArmRequest("lora", TRAINED),
    ]
    model = tiny_models.body(worn=False)
    made = Made(tmp_path / "study", model, requests, lookups(60, none=0.2), ASKS, shots=None)
    held = {"full-last": SPANS - {"peft"}, "lora": set()}
    spans_exported(made, held, tmp_path, as_onnx="full-last")
    with pytest.raises(UserError, match="how near each sentence is .* reads=last layer"):
        export(made.folder, tmp_path / "out", run="lora", format="transformers")
    kept, rows = open_kept(made.folder, "full-last"), made.plan.study.split.test
    task = task_of(ASKS)
    decided = task.decide(drain(kept.predictor.predict(rows)))
    wanted = [list(task.spans(e, ASKS, d)) for e, d in zip(rows, decided, strict=True)]
    assert 0 < sum(map(len, wanted))
    folder = tmp_path / "full-last" / "transformers"
    asked = {"texts": [e.text for e in rows], "questions": [e.text_b for e in rows]}
    (said,) = foreign.ask("spans", folders={str(folder): ""}, **asked).values()
    assert [[tuple(x) for x in row] for row in said] == wanted
    for place in ("transformers", "onnx"):
        given = [x for e in rows[:3] for x in (e.text_b, e.text)]
        lines = foreign.example(tmp_path / "full-last" / place, "", given)
        assert [(x["start"], x["end"]) for x in lines] == [
            row[0][:2] if row else (0, 0) for row in wanted[:3]
        ]
    assert "pipeline_tag: question-answering" in (folder / "README.md").read_text("utf-8")
    build_arm(folder, tmp_path / "space")
    page = str(tmp_path / "space" / "app.py")
    pages = foreign.ask("page", script=page, given=[[e.text_b, e.text] for e in rows[:3]])
    assert [[(s["start"], s["end"]) for s in x["entities"]] for *_, x in pages] == [
        [row[0][:2]] if row else [] for row in wanted[:3]
    ]


def first_token(tiny: Path, folder: Path) -> Path:
    """A copy of a model that is read by its first token, as a sentence encoder says it."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling

    body = SentenceTransformer(str(tiny), device="cpu")[0]
    pooling = Pooling(body.get_embedding_dimension(), pooling_mode="cls")
    SentenceTransformer(modules=[body, pooling], device="cpu").save(str(folder))
    return folder


# --- what lies beside the model -------------------------------------------------------------------


def test_the_folder_has_what_a_stranger_needs_and_no_training_text(made, tiny, tmp_path):
    import re

    from huggingface_hub import ModelCard

    rows = {e.text for e in (*made.plan.study.split.pool, *made.plan.study.split.test)}
    for arm, id in (("lora", "sentence-transformers"), ("tfidf", "sklearn"), ("lora", "peft")):
        out = tmp_path / arm / id
        export(made.folder, out, run=arm, format=id)
        assert {"README.md", "example.py", "requirements.txt", "export.json"} <= {
            p.name for p in out.iterdir()
        }
        for file in out.rglob("*"):
            held = file.read_bytes() if file.is_file() else b""
            assert not [row for row in rows if row.encode() in held], file
        card = ModelCard.load(out / "README.md")
        assert card.data.library_name == formats()[id].library
        assert card.data.pipeline_tag == "text-classification"
        metrics = {r.metric_type: r.metric_value for r in card.data.eval_results}
        spec = next(s for s in made.plan.specs if s.arm.id == arm)
        scores, split = made.store.result(spec.id).test_scores, made.plan.study.split
        gold = [made.plan.study.problem.label_index[e.labels[0]] for e in split.test]
        assert metrics["accuracy"] == pytest.approx((scores.argmax(1) == gold).mean(), abs=1e-6)
        assert split.test_digest in card.text and re.search(r"\| 4 \| 8 \| [01]\.\d+ \(", card.text)
        assert str(tiny.parent) not in (out / "README.md").read_text()
        assert "](learning-curve.svg)" in card.text and "is not estimated" in card.text
        drawn = list(ElementTree.parse(out / "learning-curve.svg").getroot().itertext())
        assert drawn[[x.split(" · ")[0] for x in drawn].index("labelled rows") + 1] == arm


def test_energy_is_estimated_only_where_the_watts_are_known():
    from tl_core.api.types import RunResult
    from tl_core.exports.energy import energy, power_of

    def run(gpu="", fit=3600.0):
        seconds = {"fit": fit, "predict": 0.0, "a_text": 9.0}
        return RunResult("r", "done", seconds=seconds, versions={"gpu": gpu} if gpu else {})

    said = energy(run("NVIDIA H200"), [run("NVIDIA H200"), run("NVIDIA H200", 7200)], {})
    assert "700 Wh for this run and 2.10 kWh for the study" in said and "not measured" in said
    assert "times 700 W (the most that one NVIDIA H200 may draw" in said
    for gpu, watts in (
        ("NVIDIA H200 NVL", 600),
        ("NVIDIA L40S", 350),
        ("NVIDIA L4", 72),
        ("NVIDIA A100-SXM4-80GB", 400),
        ("NVIDIA A100-PCIE-40GB", 250),
    ):
        assert power_of(run(gpu), {}).watts == watts
    for unknown in ("", "NVIDIA H20", "NVIDIA L400"):
        assert power_of(run(unknown), {}) is None
        assert "was not measured, and is not estimated" in energy(run(unknown), [run()], {})
    assert "times 65 W (which TL_WATTS gave" in energy(run("NVIDIA H200"), [], {"TL_WATTS": "65"})
    for wrong in ("lots", "0", "-1", "nan", "inf"):
        with pytest.raises(UserError, match="TL_WATTS is .*must be the watts"):
            energy(run(), [], {"TL_WATTS": wrong})


@pytest.mark.parametrize(
    "arm,id", [("lora-scaled", "sentence-transformers"), ("lora", "peft"), ("tfidf", "sklearn")]
)
def test_the_example_runs(arm, id, made, tiny, tmp_path, foreign):
    export(made.folder, tmp_path / "out", run=arm, format=id)
    lines = foreign.example(tmp_path / "out", tiny, TEXTS[:2])
    wanted = made.probabilities(arm)[:2]
    found = np.array([[line["scores"][x] for x in ("sea", "bread")] for line in lines])
    assert np.abs(found - wanted).max() < 1e-5
    assert [line["label"] for line in lines] == [("sea", "bread")[i] for i in wanted.argmax(1)]


@pytest.mark.parametrize("arm", ["lora-scaled", "tfidf", "together"])
def test_a_space_of_the_arm_alone_needs_no_transfer_lab(arm, made, tiny, tmp_path, foreign):
    asked, given, named = made, [[t] for t in TEXTS[:2]], ("sea", "bread")
    if arm == "together":
        two = [ArmRequest("lora", {**TRAINED, "pairs": "together"}, "together")]
        asked = Made(tmp_path / "p", tiny, two, pairs(), problem(named, "two texts"))
        given = PAIRS[:2]
    export(asked.folder, tmp_path / "out", run=arm)
    built = build_arm(tmp_path / "out", tmp_path / "space")
    said = foreign.ask("page", script=str(tmp_path / "space" / "app.py"), given=given)
    wanted = asked.probabilities(arm)[:2]
    found = np.array([[scores[x] for x in named] for _, scores in said])
    assert np.abs(found - wanted).max() < 1e-5
    assert [label for label, _ in said] == [named[i] for i in wanted.argmax(1)]
    assert {"app.py", "README.md", "requirements.txt", "model/export.json"} <= built.files.keys()
    card, _ = cards.split((tmp_path / "space" / "README.md").read_text(encoding="utf-8"))
    assert card["sdk"] == "gradio" and card["app_file"] == "app.py"
    with pytest.raises(UserError, match="not empty"):
        build_arm(tmp_path / "out", tmp_path / "space")
    build_arm(tmp_path / "out", tmp_path / "space", replace=True)
    (tmp_path / "out" / "README.md").write_text("another")
    with pytest.raises(UserError, match="not as it was exported"):
        build_arm(tmp_path / "out", tmp_path / "other")


def test_a_recipe_is_no_space_of_its_own(made, tmp_path):
    export(made.folder, tmp_path / "out", run="majority")
    with pytest.raises(UserError, match="run by Transfer Lab itself"):
        build_arm(tmp_path / "out", tmp_path / "space")


def test_rows_go_along_only_where_they_may(made, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["export", str(made.folder), "--run", "knn", "--out", str(out)]) == 2
    assert "--with-rows" in capsys.readouterr().err and not out.exists()
    asked = ["export", str(made.folder), "--run", "knn", "--with-rows", "--json", "--out", str(out)]
    assert main(asked) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["format"] == "recipe" and said["difference"] == 0 and said["texts"] > 5
    assert json.loads((out / "export.json").read_text())["holds_rows"] is True


def test_without_a_name_the_first_format_that_holds_the_run_is_taken(made, tmp_path):
    assert export(made.folder, tmp_path / "a", run="lora").format == "sentence-transformers"
    assert export(made.folder, tmp_path / "b", run="tfidf").format == "sklearn"
    assert export(made.folder, tmp_path / "c", run="majority").format == "recipe"


def test_a_run_that_was_not_kept_is_trained_again_on_request(made, tmp_path):
    study = tmp_path / "study"
    shutil.copytree(made.folder, study)
    wanted = made.probabilities("lora")
    shutil.rmtree(study / "models")
    with pytest.raises(UserError, match="has no checkpoints"):
        export(study, tmp_path / "out", run="lora")
    export(study, tmp_path / "out", run="lora", refit=True)
    again = open_kept(study, "lora")
    found = drain(again.predictor.predict([Example(0, t) for t in TEXTS]))
    assert np.abs(found - wanted).max() < 1e-6


@pytest.fixture(scope="module")
def rounded(made, tmp_path_factory):
    """An arm whose confidence is calibrated, as ONNX, with eight bits too."""
    folder = tmp_path_factory.mktemp("onnx") / "out"
    return export(made.folder, folder, run="lora-scaled", int8=True)


def test_onnx_runs_without_torch_and_says_what_eight_bits_cost(rounded, made, foreign):
    folder, cost = rounded.folder, rounded.int8
    assert rounded.format == "onnx" and rounded.difference < 1e-5
    wanted = made.probabilities("lora-scaled")
    alone = Foreign()
    (exact,) = alone.probabilities({str(folder): "onnx/model.onnx"}).values()
    assert "torch" not in alone.loaded
    alone.end()
    assert np.abs(np.array(exact) - wanted).max() < 1e-4
    test, problem_of = made.plan.study.split.test, made.plan.study.problem
    said = open_export(folder).scores(test)
    gold = task_of(problem_of).gold(problem_of, test)
    assert cost["int8"] == (said.argmax(1) == gold).mean() and cost["test_rows"] == len(test)
    assert cost["difference"] == pytest.approx(cost["int8"] - cost["exact"])
    assert cost["low"] <= cost["difference"] <= cost["high"]
    assert "In eight bits" in (folder / "README.md").read_text()
    sizes = [
        (folder / "onnx" / f"{name}.onnx").stat().st_size for name in ("model_quantized", "model")
    ]
    assert sizes[0] < sizes[1]
    config = json.loads((folder / "config.json").read_text())
    assert config["id2label"] == {"0": "sea", "1": "bread"}
    assert config["architectures"] == ["BertForSequenceClassification"]
    assert foreign.example(folder, "", TEXTS[:1])[0]["label"] in ("sea", "bread")


@pytest.mark.parametrize(
    "arm,why", [("tfidf", "no transformer|does not read"), ("majority", "form")]
)
def test_what_onnx_cannot_hold(arm, why, made, tmp_path):
    with pytest.raises(UserError, match=f"^onnx cannot hold {arm}: .*({why})"):
        export(made.folder, tmp_path / "out", run=arm, format="onnx")


def test_eight_bits_are_for_onnx_and_need_its_libraries(made, tmp_path, monkeypatch):
    with pytest.raises(UserError, match="for the format onnx, and peft"):
        export(made.folder, tmp_path / "out", run="lora", format="peft", int8=True)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match="pip install onnx onnxruntime onnxscript"):
        export(made.folder, tmp_path / "out", run="lora", format="onnx")


def test_a_worker_offers_packs_and_trains_again(made, tmp_path):
    models, of = WarmModels("cpu"), {s.arm.id: s.id for s in made.plan.specs}
    asked = {"folder": str(made.folder), "run": of["knn"]}
    (found,) = answer(models, "offers", **asked)
    assert {o.format for o in found if not o.why_not} == {"recipe"}
    assert [o.format for o in found if o.holds_rows] == ["recipe"]
    assert all("cannot hold knn" in o.why_not for o in found if o.format != "recipe")
    place = tmp_path / "place"
    place.mkdir()
    how = {"format": "recipe", "place": str(place)}
    with pytest.raises(UserError, match="training rows"):
        drain(answer(models, "packed_export", **asked, **how, with_rows=False))
    assert not any(place.iterdir())
    ((path, cost),) = answer(models, "packed_export", **asked, **how, with_rows=True)
    assert cost == ""
    with zipfile.ZipFile(path) as archive:
        assert {"model/export.json", "model/example.py"} <= set(archive.namelist())
        archive.extractall(tmp_path)
    assert len(open_export(tmp_path / "model").scores([Example(0, t) for t in TEXTS])) == len(TEXTS)

    study = tmp_path / "study"
    shutil.copytree(made.folder, study)
    kept = study / "models" / of["tfidf"]
    shutil.rmtree(kept)
    *_, said = answer(models, "fit_run_again", folder=str(study), run=of["tfidf"])
    assert said == of["tfidf"] and kept.is_dir()


def test_what_cannot_be_written_leaves_nothing(made, tmp_path, monkeypatch):
    from tl_core.exports import write

    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("precious")
    with pytest.raises(UserError, match="is there already"):
        export(made.folder, tmp_path / "full", run="tfidf")
    with pytest.raises(UserError, match="format"):
        export(made.folder, tmp_path / "out", run="tfidf", format="pickle")

    def no_space(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as m, pytest.raises(UserError, match="The disk is full"):
        m.setattr(write, "_write_beside", no_space)
        export(made.folder, tmp_path / "out", run="tfidf")
    with monkeypatch.context() as m, pytest.raises(UserError, match="differs by"):
        m.setattr(write, "_run", lambda kept, probes: np.zeros((len(probes), 2)))
        export(made.folder, tmp_path / "out", run="lora")
    with monkeypatch.context() as m, pytest.raises(UserError, match="pip install skops"):
        m.setattr("importlib.util.find_spec", lambda name: None)
        export(made.folder, tmp_path / "out", run="tfidf", format="sklearn")
    assert {p.name for p in tmp_path.iterdir()} - {"home"} == {"full"}


def test_label_names_are_data(tiny, tmp_path, foreign):
    from huggingface_hub import ModelCard

    odd = ("a|b: <script>", "---\n`x`\u2028")
    rows = [
        dataclasses.replace(e, labels=(odd[("sea", "bread").index(e.labels[0])],))
        for e in rows_of(40)
    ]
    requests = [ArmRequest("probe"), ArmRequest("tfidf")]
    study = Made(tmp_path / "study", tiny, requests, rows, problem(odd))
    same = Same()
    assert same.write(study, ["probe", "tfidf"], tmp_path, tiny)["tfidf"] == {"sklearn"}
    same.see(foreign)
    card = ModelCard.load(tmp_path / "probe" / "sentence-transformers" / "README.md")
    assert "<script>" not in card.text and card.data.pipeline_tag == "text-classification"
