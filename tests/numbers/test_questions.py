"""Answers to questions in a text: how they are read, what is right, long texts, a study from file
to answers.
"""

from __future__ import annotations

import collections
import json
import random
import re
import string
from pathlib import Path

import numpy as np
import pytest

from tests.tiny_models import drain
from tl_core import cli
from tl_core.analysis.read_study import read_study
from tl_core.api.errors import UserError
from tl_core.api.types import Example, Facts, Job, Label, Problem
from tl_core.data.load import load
from tl_core.data.sentence_places import sentence_places
from tl_core.models.answer_sentence import SentencePredictor
from tl_core.models.catalog import find
from tl_core.models.encoding import Encoder
from tl_core.models.loading import load_model
from tl_core.models.question_windows import assembled, windows_of
from tl_core.models.training.answer_finder import best_shift, nearness
from tl_core.report.marked import answer_html
from tl_core.statistics.answers import character_f1, exact, token_f1
from tl_core.strategies import strategies
from tl_core.studies.plan import make_split, suiting
from tl_core.studies.store import Store
from tl_core.tasks import about_whole_texts, task_of
from tl_core.testing.tiny_models import COMMON, TOPICS

ASKS = Problem(
    "two texts", "extractive-qa", (Label("answer", "Answer"), Label("no answer", "No answer"))
)
ALWAYS = Problem("two texts", "extractive-qa", ASKS.labels[:1])
TASK = task_of(ASKS)


@pytest.fixture(scope="module")
def encoder(tiny_models):
    return Encoder(load_model(find(str(tiny_models.body(worn=False)))))


def row(text: str, question: str, *answers: str, number: int = 1) -> Example:
    places = tuple((text.index(a), text.index(a) + len(a), "answer") for a in answers)
    labels = ("answer",) if answers else ("no answer",)
    return Example(number, text, question, labels, group=text[:20], answer=places)


def written(folder: Path, rows: list[dict], name: str = "asked.jsonl") -> Path:
    path = folder / name
    path.write_text("\n".join(json.dumps(r, ensure_ascii=False) for r in rows), encoding="utf-8")
    return path


def lookups(n: int, seed: int = 0, none: float = 0.0) -> list[Example]:
    """Texts with a word of each topic among others; the question names the topic."""
    draw, made = random.Random(seed), []
    for i in range(n):
        topics = draw.sample(list(TOPICS), 3)
        asked, missing = topics[0], draw.random() < none
        words = [draw.choice(TOPICS[t]) for t in topics[1 if missing else 0 :]]
        words += draw.sample(COMMON, 5)
        draw.shuffle(words)
        said = [w for w in words if w in TOPICS[asked]]
        made.append(row(" ".join(words), asked, *said, number=i + 1))
    return made


# --- reading --------------------------------------------------------------------------------------

TEXT = "The Kettlewick opened in 1987. It closed in 1999."


def test_one_question_in_every_form(tmp_path):
    """SQuAD's own JSON, rows of it, lists, objects and plain texts are the same row."""
    ask, start = "When did it open?", TEXT.index("1987")
    forms = [
        {"answers": {"text": ["1987"], "answer_start": [start]}},
        {"answers": [{"text": "1987", "answer_start": start}]},
        {"answers": [{"text": "1987", "start": start}, {"text": "1987"}]},
        {"answer": "1987"},
        {"answers": ["1987"]},
        {"answer": "1987", "answer_start": start},
        {"answers": json.dumps({"text": ["1987"], "answer_start": [start]})},
    ]
    files = [
        written(tmp_path, [{"context": TEXT, "question": ask, **form}] * 2, f"{i}.jsonl")
        for i, form in enumerate(forms)
    ]
    nested = tmp_path / "squad.json"
    qas = [{"id": str(i), "question": ask, **forms[1]} for i in range(2)]
    nested.write_text(
        json.dumps(
            {
                "version": "1.1",
                "data": [{"title": "x", "paragraphs": [{"context": TEXT, "qas": qas}]}],
            }
        )
    )
    table = tmp_path / "a.csv"
    table.write_text(f'passage,query,reply\n"{TEXT}",{ask},1987\n"{TEXT}",And where?,It\n')
    for path in (*files, nested, table):
        loaded = load(path)
        first = loaded.dataset.examples[0]
        assert loaded.dataset.problem.target == "extractive-qa", path
        assert (first.text, first.text_b) == (TEXT, ask), path
        assert first.answer == ((start, start + 4, "answer"),), path
        assert first.group and {g.what for g in loaded.guesses} >= {"text", "second text", "label"}


def test_parquet_as_the_hub_has_it(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    kind = pa.struct([("text", pa.list_(pa.string())), ("answer_start", pa.list_(pa.int32()))])
    cells = [{"text": ["1987"], "answer_start": [25]}, {"text": [], "answer_start": []}]
    asked = ["When did it open?", "Who is it?"]
    path = tmp_path / "a.parquet"
    pq.write_table(
        pa.table({"context": [TEXT] * 2, "question": asked, "answers": pa.array(cells, kind)}), path
    )
    rows = load(path).dataset.examples
    assert [e.answer for e in rows] == [((25, 29, "answer"),), ()]
    assert rows[1].labels == ("no answer",)


def test_questions_without_an_answer(tmp_path):
    """SQuAD 2.0 says so; a missing answer is a row without a label."""
    rows = [
        {
            "context": TEXT,
            "question": "When did it open?",
            "answers": ["1987"],
            "is_impossible": False,
        },
        {"context": TEXT, "question": "Who owns it?", "answers": [], "is_impossible": True},
    ]
    loaded = load(written(tmp_path, rows))
    assert loaded.dataset.problem.label_ids == ("answer", "no answer")
    rows[1] = {"context": TEXT, "question": "Who owns it?", "answers": None}
    loaded = load(written(tmp_path, [{**r, "is_impossible": None} for r in rows], "b.jsonl"))
    assert loaded.unlabelled == 1 and len(loaded.dataset) == 1
    assert loaded.dataset.problem.label_ids == ("answer",)


def test_every_fault_of_a_file_is_told_at_once(tmp_path):
    good = {"context": TEXT, "question": "When?", "answers": ["1987"]}
    rows = [
        *({**good, "id": str(i)} for i in range(6)),
        {**good, "id": "x", "answers": ["the kettlewick"]},
        {**good, "id": "y", "answers": ["never"]},
        {**good, "id": "y", "question": " "},
        {**good, "id": "z", "context": ""},
        {**good, "id": "w", "context": "word " * 10_001},
        {**good, "id": "v", "answers": {"no": 1}},
    ]
    with pytest.raises(UserError) as fault:
        load(written(tmp_path, rows))
    told = str(fault.value)
    assert "row 7 (as “The Kettlewick” at character 0), 8" in told
    assert "rows with one id: 8 = 9" in told and "no question in row 9" in told
    assert "no text to find an answer in, in row 10" in told
    assert "10,000 words in row 11" in told and "cannot be read in row 12" in told


def test_what_was_done_about_odd_starts_is_told(tmp_path):
    rows = [
        {"context": TEXT, "question": "When?", "answer": "19", "start": 44},
        {"context": TEXT, "question": "When?", "answer": "in", "start": None},
        {"context": TEXT, "question": "When?", "answer": "1999", "start": 3},
    ]
    loaded = load(written(tmp_path, rows))
    assert [e.answer[0][0] for e in loaded.dataset.examples] == [44, TEXT.index("in"), 44]
    assert "nearest place" in str(loaded.notes) and "row 3" in str(loaded.notes)
    assert "more than once" in str(loaded.notes) and "row 2" in str(loaded.notes)


def test_the_questions_to_a_text_stay_together(tmp_path):
    loaded = load("sample:product_questions")
    split, _ = make_split(loaded)
    assert not {e.text for e in split.test} & {e.text for e in split.pool}
    assert len(loaded.dataset) == 300
    rows = [{"context": TEXT, "question": f"When {i}?", "answer": "1987"} for i in range(4)]
    other = [{"context": TEXT + " More.", "question": "W?", "answer": "1987"}] * 1
    pool, test = written(tmp_path, rows + other, "a.jsonl"), written(tmp_path, rows[:1], "b.jsonl")
    split, _ = make_split(load(pool), test=load(test, check_classes=False))
    assert all(e.text != TEXT for e in split.pool)


def test_sentences_end_where_they_do():
    text = "Dr. A. Kim left at 3.30. Why? “Nobody.” he said\nNext line"
    assert [text[a:b] for a, b in sentence_places(text)] == [
        "Dr. A. Kim left at 3.30.",
        "Why?",
        "“Nobody.” he said",
        "Next line",
    ]


# --- what is right, written once more from SQuAD's and KorQuAD's rules ----------------------------


def squad(text: str) -> str:
    text = "".join(c for c in text.lower() if c not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def squad_f1(said: str, gold: str) -> float:
    a, b = squad(said).split(), squad(gold).split()
    same = sum((collections.Counter(a) & collections.Counter(b)).values())
    return 0.0 if not same else 2 * same / len(a) * same / len(b) / (same / len(a) + same / len(b))


def korquad_f1(said: str, gold: str) -> float:
    def characters(text: str) -> list[str]:
        for sign in "'\"《》<>〈〉()‘’":
            text = text.replace(sign, " ")
        kept = "".join(c for c in text.lower() if c not in string.punctuation)
        return list("".join(kept.split()))

    a, b = characters(said), characters(gold)
    same = sum((collections.Counter(a) & collections.Counter(b)).values())
    return 0.0 if not same else 2 * same / len(a) * same / len(b) / (same / len(a) + same / len(b))


def test_measures_are_those_of_the_scripts():
    draw = random.Random(0)
    parts = [
        "The",
        "a",
        "U.S.",
        "cat",
        "Cat,",
        "an",
        "it's",
        "its",
        "서울",
        "서울에",
        "《책》",
        "(7)",
        "-",
        "tHe",
    ]
    seen = set()
    for _ in range(1000):
        said = " ".join(draw.choices(parts, k=draw.randint(1, 5)))
        right = [
            " ".join(draw.choices(parts, k=draw.randint(1, 5))) for _ in range(draw.randint(1, 3))
        ]
        right = [r for r in right if squad(r)] or ["cat"]
        assert exact(said, right) == max(squad(said) == squad(r) for r in right)
        f1 = max(squad_f1(said, r) for r in right)
        assert token_f1(said, right) == pytest.approx(f1, abs=1e-9)
        ko = max(korquad_f1(said, r) for r in right)
        assert character_f1(said, right) == pytest.approx(ko, abs=1e-9)
        seen.add(round(f1, 2))
    assert len(seen) > 10
    assert (token_f1("", []), exact("", []), token_f1("cat", [])) == (1, 1, 0)  # SQuAD 2.0
    assert token_f1("", ["cat"]) == exact("", ["cat"]) == 0


def test_answers_of_a_row_and_back():
    rows = [row("Ann saw 2 ships.", "How many?", "2 ships", "2"), row("Nobody.", "Who?")]
    gold = TASK.gold(ASKS, rows)
    scores = np.zeros(TASK.shape(ASKS, rows), np.float32)
    scores[0, 3, 0], scores[0, 4, 1], scores[1, 0] = 1, 1, 1
    decided = TASK.decide(scores)
    assert decided.tolist() == [[3, 4], [0, 0]]
    assert TASK.spans(rows[0], ASKS, decided[0]) == ((8, 15, "answer"),)
    assert TASK.phrases(ASKS, rows, decided) == [("2 ships",), ()]
    assert TASK.names(ASKS, decided) == [("answer",), ("no answer",)]
    assert TASK.same(decided, gold).all() and TASK.correct(gold, scores[None]).tolist() == [[1, 1]]
    assert TASK.log_loss(gold, scores).max() < 1e-6 and TASK.brier(gold, scores).max() < 1e-6
    assert TASK.label_chances(scores, 2).tolist() == [[1, 0], [0, 1]]
    other = np.array([[3, 3], [1, 1]], np.int32)  # "2" is right as well
    measured = {m.id: m.rows(ASKS, gold, other[None])[0].tolist() for m in TASK.measures}
    assert measured["exact_match"] == measured["answer_f1"] == [1, 0]
    assert TASK.errors(gold, other[None], 2).tolist() == [[1, 0, 0, 0], [0, 0, 1, 0]]
    assert [n for n, _ in TASK.error_rows(ASKS, gold, other[None])] == ["2 to 3 words", "no answer"]


def test_of_all_that_end_after_they_begin_the_likeliest_is_given():
    rng = np.random.default_rng(0)
    scores = rng.dirichlet(np.ones(9), (20, 2)).transpose(0, 2, 1)
    for chances, (first, last) in zip(scores, TASK.decide(scores), strict=True):
        every = {(0, 0): chances[0, 0] * chances[0, 1]} | {
            (a, b): chances[a, 0] * chances[b, 1] for a in range(1, 9) for b in range(a, 9)
        }
        assert every[first, last] == pytest.approx(max(every.values()))
    several = np.stack([scores, scores[::-1]])
    assert (TASK.decide(several)[0] == TASK.decide(scores)).all()
    assert TASK.consensus(TASK.decide(several[[0, 0, 1]]), scores, scores).tolist() == (
        TASK.decide(scores).tolist()
    )


def test_the_constant_answer_is_the_best_of_those_tried():
    rows = [row(f"Kim {i} came here today", "Who?", f"Kim {i}") for i in range(5)]
    gold = TASK.gold(ALWAYS, rows)
    assert TASK.measures[0].constant(ALWAYS, gold).tolist() == [[1, 2]] * 5
    scores = TASK.constant_scores(ALWAYS, gold, 1.0, 0)
    said = TASK.constant_rows(ALWAYS, [*rows, row("Kim", "Who?", "Kim")], scores)
    assert TASK.decide(said).tolist() == [[1, 2]] * 5 + [[1, 1]]
    np.testing.assert_allclose(said.sum(1), 1, atol=1e-6)
    silent = [row("Kim came", "Why?") for _ in range(5)]
    assert not TASK.measures[0].constant(ASKS, TASK.gold(ASKS, silent)).any()


def test_how_much_must_speak_for_no_answer():
    ahead, gain = np.array([-2.0, -1.0, 1.0, 3.0]), np.array([-1.0, -1.0, -1.0, 1.0])
    shift = best_shift(ahead, gain)
    assert 1 < shift < 3
    assert best_shift(ahead, np.array([-1.0, -1.0, 1.0, 1.0])) == 0
    assert (
        best_shift(np.array([2.0]), np.array([1.0])) == 0
        and best_shift(np.array([2.0]), np.array([-1.0])) > 2
    )


# --- long texts -----------------------------------------------------------------------------------


def test_a_long_text_is_read_in_windows_that_overlap(encoder):
    words = [*("old " * 60).split(), "ship", "wave", *("near " * 60).split()]
    (e,) = rows = [row(" ".join(words), "sea", "ship wave")]
    windows = windows_of(encoder.model, rows)
    assert len(windows) > 3
    ids = encoder.tokens([w.example for w in windows])
    assert all(len(t) <= encoder.model.max_tokens for t in ids)
    read = encoder.model.tokenizer
    whole = [
        read.decode(t[w.tokens[w.gold[0]] : w.tokens[w.gold[1]] + 1])
        for w, t in zip(windows, ids, strict=True)
        if w.gold != (0, 0)
    ]
    assert whole and set(whole) == {"ship wave"}
    seen = {at for w in windows for at in w.begins if at}
    assert seen == set(range(1, len(words) + 1))  # every word in some window
    said = [np.stack([w.marks[:, 1], w.marks[:, 2]], 1) * 9 for w in windows]
    logits = assembled(rows, windows, said, none=True)
    assert TASK.decide(TASK.probabilities(logits)).tolist() == [[61, 62]]
    assert not np.isfinite(assembled(rows, windows, said, none=False)[0, 0]).any()


def test_too_many_windows_are_refused_with_the_rows(encoder):
    rows = [row("ship", "sea", "ship"), row("old " * 5000, "sea", "old", number=7)]
    with pytest.raises(UserError, match="more than 100 such windows .* in row 7"):
        windows_of(encoder.model, rows)
    assert windows_of(encoder.model, [Example(1, "", "sea")]) == []
    long = windows_of(encoder.model, [row("ship wave", "sea " * 500, "wave")])
    assert len(long) == 1 and long[0].gold != (0, 0)  # the question loses its end


# --- strategies -----------------------------------------------------------------------------------


def test_the_most_similar_sentence_answers(encoder):
    text = "The old oven is near.\nship harbour"
    rows = [row(text, "ship harbour", "ship"), Example(2, "", "sea")]
    scores = drain(SentencePredictor(0.05, ALWAYS, encoder).predict(rows))
    decided = TASK.decide(scores)
    assert TASK.phrases(ALWAYS, rows[:1], decided[:1]) == [("ship harbour",)]
    assert decided[1].tolist() == [0, 0] and scores.dtype == np.float32


def test_strategies_that_suit():
    ids = suiting(("majority", "tfidf", "similarity", "probe", "prior-probe", "lora"), ASKS)
    assert ids == ("majority", "similarity", "probe", "lora")
    for id, strategy in strategies().items():
        if not strategy.can_do(ASKS):
            told = strategy.why_not(Facts(ASKS, 4, None, True))
            assert told.endswith("."), (id, told)
    with pytest.raises(UserError, match="stretches of a text"):
        about_whole_texts(ASKS, "Robustness")


def test_a_made_up_language_is_answered(encoder, tmp_path):
    """The question names a topic, the answer is the one word of that topic; in some texts there is
    none.
    """
    strategy, train, test = strategies()["scratch"], lookups(300, none=0.2), lookups(60, 1, 0.2)
    params = strategy.settings(epochs=14, learning_rate=4e-3, min_steps=1)
    fitted = drain(strategy.fit(Job(ASKS, train, params, 0, encoder)))
    scores = drain(fitted.predictor.predict(test))
    gold = TASK.gold(ASKS, test)
    assert TASK.correct(gold, scores).mean() >= 0.95
    np.testing.assert_allclose(scores.sum(1), 1, atol=1e-4)
    fitted.predictor.save(tmp_path)
    again = drain(strategy.load(tmp_path, ASKS, encoder).predict(test))
    np.testing.assert_allclose(again, scores, atol=1e-6)


def test_a_probe_begins_with_the_nearest_sentence_and_learns_what_answers_are(encoder, tmp_path):
    texts = [("a ship .\nthe oven", "ship"), ("a ship .\nthe wave", "wave")]
    rows = [row(text, f"the {word}", word, number=i) for i, (text, word) in enumerate(texts * 4)]
    near = drain(nearness(encoder, rows[:1]))[rows[0].text, rows[0].text_b]
    assert near.shape == (6,) and near[1:].max() == 0 and near[0] >= -10.001
    assert len(set(near[1:4].tolist())) == len(set(near[4:].tolist())) == 1  # a sentence each
    strategy = strategies()["probe"]
    fitted = drain(strategy.fit(Job(ALWAYS, rows, strategy.settings(strength=100.0), 0, encoder)))
    scores = drain(fitted.predictor.predict(rows))
    assert TASK.correct(TASK.gold(ALWAYS, rows), scores).mean() == 1
    fitted.predictor.save(tmp_path)
    again = drain(strategy.load(tmp_path, ALWAYS, encoder).predict(rows))
    np.testing.assert_allclose(again, scores, atol=1e-6)


def test_answers_are_text_and_nothing_else():
    text = "x" * 90 + "<b>Ann</b> & Rome" + "y" * 90
    shown = answer_html(text, ((90, 100, "answer"),), "none")
    assert "&lt;b&gt;Ann" in shown and "<b>Ann" not in shown and shown.count("…") == 2
    assert answer_html(text, (), "<none>") == "<i>&lt;none&gt;</i>"


# --- a study --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_study_from_file_to_answers_of_new_questions(tmp_path, capsys):
    rows = [
        {
            "context": f"Kim {i} came to {c}. The old oven is near.",
            "question": "Who came?",
            "answer": f"Kim {i}",
        }
        for i, c in enumerate(["Rome", "Cork", "Oslo", "Lima"] * 15)
    ]
    file, out = written(tmp_path, rows), tmp_path / "study"
    asked = ["compare", str(file), "--shots", "0,8", "--seeds", "2", "--test-size", "25"]
    assert cli.main([*asked, "--strategies", "majority,similarity", "--out", str(out)]) == 0
    record = json.loads((out / "study.json").read_text("utf-8"))
    assert record["metric"] == "answer_f1"
    report = (out / "report.html").read_text("utf-8")
    assert "Answer F1" in report and "Length of the correct answer" in report
    assert Store(out).load_study().split.test[0].answer
    capsys.readouterr()
    new = ["--text", "Bo 7 left. The ship is old.", "--text-b", "Who left?"]
    assert cli.main(["predict", str(out), "--run", "majority", *new, "--json"]) == 0
    (said,) = json.loads(capsys.readouterr().out)["predictions"]
    assert said["answer"] == "Bo 7" and said["spans"][0]["text"] == "Bo 7"
    assert cli.main(["robustness", str(out), "--changes", "lower,negation", "--json"]) == 0
    found = {x["change"]: x for x in json.loads(capsys.readouterr().out)["effects"]}
    assert found["lower"]["rows"] == 25 and found["lower"]["before"]["value"] > 0
    assert found["negation"]["rows"] == 0 or found["negation"]["before"] is None
    stored = read_study(out)
    changed, test = stored.parts.rows["lower"], stored.plan.study.split.test
    assert [(e.text, e.text_b) for e in changed.examples] == [
        (test[i].text, "who came?") for i in changed.at
    ]
