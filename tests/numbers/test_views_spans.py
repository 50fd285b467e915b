"""Looking inside where answers are stretches of a text: words that mattered, layer by layer, and
the map of mentions.
"""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.numbers.made_spans import ASKS, TAGS, tagged
from tests.tiny_models import TOPICS, drain, make
from tl_core import cli
from tl_core.api.errors import UserError
from tl_core.api.types import Example, Finished, Split, Step
from tl_core.api.view import Checkpoint, TrainedRun
from tl_core.api.words import most_words, split_words, words_of
from tl_core.models.training.task_heads import WORD_STRENGTH, plain_head
from tl_core.models.word_pieces import assembled, tags_of_begins
from tl_core.running.jobs import answer
from tl_core.running.run import Encoders, run
from tl_core.running.warm_models import WarmModels
from tl_core.studies.plan import ArmRequest, make_study, plan
from tl_core.studies.store import Store
from tl_core.tasks import task_of
from tl_core.views.layers import layers
from tl_core.views.mentions import mentions_of
from tl_core.views.occlusion import MOST_PIECES, occlude, place_of_words

pytestmark = pytest.mark.usefixtures("quick")


class ByWord:
    """A tagger that can be followed by hand: a topic's word begins a span of it, the surer the more
    words of its topic are in the text.
    """

    def __init__(self):
        self.asked: list[str] = []

    def predict(self, examples):
        """(n, W, 5)."""
        found = np.zeros((len(examples), most_words(examples), 5), np.float32)
        for row, e in zip(found, examples, strict=True):
            self.asked.append(e.text)
            said = [e.text[a:b] for a, b in words_of(e)]
            for at, word in enumerate(said):
                row[at, 0] = 1.0
                for t, topic in enumerate(("sea", "bread")):
                    if word in TOPICS[topic]:
                        sure = 1 - 0.5 ** sum(w in TOPICS[topic] for w in said)
                        row[at] = 0.0
                        row[at, 1 + 2 * t], row[at, 0] = sure, 1 - sure
        yield Step(1, 1)
        return found


def test_words_that_mattered_to_a_tag_by_hand():
    tagger = ByWord()
    made = drain(occlude("hand", tagger, TAGS, Example(1, "the ship, wave")))
    assert made.stretch == (4, 8) and made.label == "sea" and made.answered == "ship (sea)"
    assert made.probability == pytest.approx(0.75) and made.scores == {"sea": 0.75, "bread": 0.0}
    assert [(p.text, p.change, p.answer) for p in made.pieces] == [
        ("the", 0, "ship (sea)"),
        (",", 0, "ship (sea)"),
        ("wave", 0.25, ""),
    ], "the stretch stays, and with a chance of one half it is not found"
    assert (
        tagger.asked[1:]
        == [
            "the ship, wave",
            "ship, wave",
            "the ship wave",
            "the ship, ",
        ]
        and "stay" in made.notes[0]
    )
    other = drain(occlude("hand", ByWord(), TAGS, Example(1, "the ship, wave"), stretch=(10, 14)))
    assert [p.text for p in other.pieces] == ["the", "ship", ","] and other.stretch == (10, 14)
    assert [round(p.change, 3) for p in other.pieces] == [0, 0.25, 0], "it has moved to the left"
    hidden = ByWord()
    made = drain(
        occlude("hand", hidden, TAGS, Example(1, "the ship, wave"), way="mask", hide="[MASK]")
    )
    assert hidden.asked[3] == "the [MASK], wave" and made.pieces[1].text == "ship"
    assert made.pieces[1].probability == 0 and not made.notes, "the stretch itself is hidden"
    none = drain(occlude("hand", ByWord(), TAGS, Example(1, "the cat"), label="bread"))
    assert (none.label, none.answered, none.probability) == ("bread", "", 0.0)


def test_a_stretch_of_a_long_text_and_what_is_none():
    long = Example(1, "wave " * 110 + "oven " + "the " * 110)
    made = drain(occlude("hand", ByWord(), TAGS, long, label="bread"))
    assert long.text[slice(*made.stretch)] == "oven" and len(made.pieces) <= MOST_PIECES + 1
    assert all(p.end <= made.stretch[0] or p.start >= made.stretch[1] for p in made.pieces)
    assert place_of_words("Sandra of Leeds", " leeds") == (10, 15)
    with pytest.raises(UserError, match="“Paris” is not in the text"):
        place_of_words("Sandra of Leeds", "Paris")
    with pytest.raises(UserError, match="not in the text"):
        drain(occlude("hand", ByWord(), TAGS, Example(1, "ship"), stretch=(3, 9)))


class Reader:
    """Answers with the word behind the one that the question ends on, as sure as that word is
    there.
    """

    def predict(self, examples):
        """(n, W + 1, 2)."""
        found = np.zeros((len(examples), 1 + most_words(examples), 2), np.float32)
        for row, e in zip(found, examples, strict=True):
            said = [e.text[a:b] for a, b in split_words(e.text)]
            wanted = (e.text_b or "").split()
            at = said.index(wanted[-1]) + 1 if wanted and wanted[-1] in said else -1
            row[0] = 1.0
            if 0 <= at < len(said):
                row[0], row[at + 1] = 0.2, 0.8
        yield Step(1, 1)
        return found


def test_words_that_mattered_to_an_answer_by_hand():
    row = Example(1, "the ship oven wave", "what after ship")
    made = drain(occlude("hand", Reader(), ASKS, row))
    assert made.stretch == (9, 13) and made.answered == "oven" and made.label == "answer"
    assert made.scores == pytest.approx({"answer": 0.64, "no answer": 0.04})
    assert [(p.side, p.text) for p in made.pieces] == [
        (0, "the"),
        (0, "ship"),
        (0, "wave"),
        (1, "what"),
        (1, "after"),
        (1, "ship"),
    ]
    assert [round(p.change, 2) for p in made.pieces] == [0, 0.64, 0, 0, 0, 0.64]
    assert [p.answer for p in made.pieces] == ["oven", "", "oven", "oven", "oven", ""]
    none = drain(occlude("hand", Reader(), ASKS, row, label="no answer"))
    assert none.stretch == (0, 0) and none.probability == pytest.approx(0.04)
    assert "oven" in [p.text for p in none.pieces] and none.answered == "oven"
    other = drain(occlude("hand", Reader(), ASKS, row, stretch=(14, 18)))
    assert other.label == "answer" and other.probability == 0 and other.answered == "oven"


# --- layers and maps ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def state():
    return WarmModels("cpu")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """(folder, run id by arm) of a study of tags whose every run was kept."""
    root = tmp_path_factory.mktemp("spans")
    make(root / "model")
    rows = tagged(60)
    split = Split(tuple(rows[:30]), tuple(rows[30:]))
    short = {"min_steps": 6, "max_steps": 6}
    asked = make_study(
        "spans",
        TAGS,
        split,
        arms=[ArmRequest("lora", short), ArmRequest("probe", {})],
        shots=(8,),
        seeds=1,
        model=str(root / "model"),
    )
    store = Store(root / "study")
    store.prepare()
    store.save_study(asked)
    made = plan(store.load_study())
    for event in run(made, encoders=Encoders("cpu"), model_folder=store.model_folder, keep="all"):
        if isinstance(event, Finished):
            assert event.result.status == "done", event.result.error
            store.save_result(event.result)
    return root / "study", {spec.arm.id: spec.id for spec in made.specs}


def reader(study, arm: str, **more) -> Checkpoint:
    return Checkpoint(folder=str(study[0]), run=study[1][arm], **more)


def last(events):
    *_, found = events
    return found


def test_words_of_a_kept_arm_through_the_service(study, state):
    row = Store(study[0]).load_study().split.test[0]
    start, end, kind = row.answer[0]
    for arm in study[1]:
        found = last(
            answer(
                state, "occlude", checkpoint=reader(study, arm), example=row, stretch=(start, end)
            )
        )
        scores = last(
            answer(state, "predict", folder=str(study[0]), runs=[study[1][arm]], examples=[row])
        )[1]
        chances = task_of(TAGS).stretch_chances(row, TAGS, scores[0], (start, end))
        assert list(found.scores.values()) == pytest.approx(chances.tolist(), abs=1e-5)
        assert any(abs(p.change) > 1e-6 for p in found.pieces) and kind in found.scores


def test_states_of_words_and_mentions_are_the_encoders(study, state):
    deep = state.deep(reader(study, "probe"))
    rows = list(Store(study[0]).load_study().split.test[:5])
    pieces, states = drain(deep.words(rows, [None, 2]))
    _, theirs = drain(deep.encoder.words(rows))
    for ours, wanted in zip(states[0], theirs, strict=True):
        wanted = wanted / np.linalg.norm(wanted, axis=1, keepdims=True)
        assert np.allclose(ours, wanted, atol=1e-5)
    spans, of = mentions_of(rows)
    assert [s.answer[0] for s in spans] == [a for r in rows for a in r.answer]
    found = drain(deep.mentions(spans, [None, 2]))
    start, end, _ = spans[-1].answer[0]
    words = [i for i, (a, b) in enumerate(words_of(rows[-1])) if a < end and b > start]
    by_hand = states[1][of[-1]][pieces[of[-1]].at][words].mean(0)
    assert np.allclose(found[1][-1], by_hand / np.linalg.norm(by_hand), atol=1e-5)
    again = drain(deep.mentions(spans[:1], [2]))
    assert np.allclose(again[0][0], found[1][0]), "from the cache"


def test_layers_of_a_tagger(study, state):
    made = last(answer(state, "layer_changes", checkpoint=reader(study, "lora")))
    assert made.measure == "entity_f1" and [x.depth for x in made.layers] == [0, 1, 2, 3, 4]
    assert abs(made.layers[0].turned) < 1e-6 < made.layers[-1].turned
    run, deep = state.trained_run(reader(study, "lora")), state.deep(reader(study, "probe"))
    (pieces, known), (asked, states) = (drain(deep.words(r, [3])) for r in (run.train, run.test))
    gold = np.concatenate(
        tags_of_begins(task_of(TAGS).gold(TAGS, [p.example for p in pieces]), pieces)
    )
    head = plain_head(TAGS, np.concatenate(known[0]), gold, WORD_STRENGTH)
    parts = [task_of(TAGS).probabilities(head.logits(some)) for some in states[0]]
    decided = task_of(TAGS).decide(assembled(run.test, asked, parts, 5))
    right = task_of(TAGS).measures[0].value(TAGS, task_of(TAGS).gold(TAGS, run.test), decided)
    assert made.layers[3].before == pytest.approx(right) and right > 0.2
    long = [Example(1, "wave " * 400, labels=("sea",), answer=((0, 4, "sea"),)), *run.train]
    both = (deep, state.deep(reader(study, "lora")))
    few = drain(layers(*both, TAGS, long, [*run.test] * 20))
    assert (few.train, few.test) == (len(long), 300) and "300 of the 600" in few.notes[0]


def test_layers_of_questions_say_why_there_are_none(study, state, monkeypatch):
    monkeypatch.setattr(WarmModels, "trained_run", lambda *_: TrainedRun(ASKS, None, (), ()))
    with pytest.raises(UserError, match="looked for by a question"):
        last(answer(state, "layer_changes", checkpoint=reader(study, "lora")))


def test_a_map_of_mentions_before_and_after(study, state):
    spans, _ = mentions_of(Store(study[0]).load_study().split.test)
    sides = [reader(study, "lora", untrained=True), reader(study, "lora")]
    asked = {"checkpoints": sides, "examples": spans, "problem": TAGS}
    made = last(answer(state, "map_texts", by_layer=True, **asked))
    assert made.mentions and [len(s.by_layer) for s in made.sides] == [5, 5]
    assert all(s.apart.points == len(spans) and s.apart.accuracy > 0.6 for s in made.sides)
    assert np.abs(made.sides[0].places - made.sides[1].places).max() > 1e-4
    placed = last(answer(state, "place_texts", new=[spans[3]], **asked))
    assert np.allclose(placed[0].places, made.sides[0].places[3], atol=1e-4)
    with pytest.raises(UserError, match="No span is tagged"):
        mentions_of([Example(1, "the cat")])


def test_the_embed_command_shows_spans(tmp_path, monkeypatch, capsys, study):
    monkeypatch.chdir(tmp_path)
    rows = [{"text": e.text, "spans": [[a, b, of] for a, b, of in e.answer]} for e in tagged(12, 3)]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    model = str(study[0].parent / "model")
    assert cli.main(["embed", "rows.jsonl", "--json", "--model", model]) == 0
    made = json.loads(capsys.readouterr().out)
    assert len(made["points"]) == sum(len(r["spans"]) for r in rows)
    assert {len(p["span"]) for p in made["points"]} == {2} and made["sides"][0]["apart"]
