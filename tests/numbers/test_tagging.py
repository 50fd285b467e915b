"""Spans of texts: how they are read, what is right, long texts, a study from file to answers."""

from __future__ import annotations

import dataclasses
import json
import random
from pathlib import Path

import numpy as np
import pytest
from seqeval.metrics import f1_score
from seqeval.scheme import IOB2

from tests.tiny_models import drain
from tl_core import cli
from tl_core.api.errors import UserError
from tl_core.api.types import Example, Facts, Label, Problem, Split, rows_digest
from tl_core.api.words import joined_words, split_words, words_of
from tl_core.data.candidates import candidates
from tl_core.data.load import load
from tl_core.data.split import Pool
from tl_core.models.catalog import find
from tl_core.models.encoding import Encoder
from tl_core.models.loading import load_model
from tl_core.models.word_pieces import assembled, pieces_of
from tl_core.report.marked import marked_html
from tl_core.statistics.tags import (
    f1,
    f1_pseudo,
    found_spans,
    found_words,
    legal,
    likeliest_legal,
    span_errors,
    spans_of,
    tags_of,
)
from tl_core.strategies import strategies
from tl_core.studies.as_json import plain, study_of
from tl_core.studies.plan import ArmRequest, make_study, plan, suiting
from tl_core.studies.store import Store
from tl_core.tasks import task_of

TYPES = Problem("one text", "tagging", (Label("PER", "person"), Label("LOC", "place")))
TASK = task_of(TYPES)
NAMES = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
PEOPLE, PLACES = "Ann Bo Cy Dee Eve Flo".split(), "Rome Oslo Lima Bath Cork Nice".split()


@pytest.fixture(scope="module")
def encoder(tiny_models):
    return Encoder(load_model(find(str(tiny_models.body(worn=False)))))


def row(words: str, *spans: tuple[str, str], number: int = 1) -> Example:
    """A text and the type of some of its parts."""
    found = tuple(
        sorted((words.index(part), words.index(part) + len(part), kind) for part, kind in spans)
    )
    return Example(number, words, labels=tuple({k for _, k in spans}), answer=found)


def written(folder: Path, rows: list[dict], name: str = "spans.jsonl") -> Path:
    path = folder / name
    path.write_text("\n".join(json.dumps(r, ensure_ascii=False) for r in rows), encoding="utf-8")
    return path


def messages(n: int, seed: int = 0) -> list[dict]:
    """Sentences in which a person goes to a place."""
    draw, made = random.Random(seed), []
    while len(made) < n:
        who, where = draw.choice(PEOPLE), draw.choice(PLACES)
        rest = " ".join(draw.sample("today again slowly with my old red bag and a cat".split(), 4))
        text = f"{rest} {who} went to {where} number {len(made)}"
        a, b = len(rest) + 1, text.index(where, len(rest))
        made.append({"text": text, "spans": [[a, a + len(who), "PER"], [b, b + len(where), "LOC"]]})
    return made


# --- words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Mr. O'Neil, 42kg!", ["Mr", ".", "O", "'", "Neil", ",", "42", "kg", "!"]),
        ("서울에서 3월", list("서울에서3월")),
        ("東京へ go", ["東", "京", "へ", "go"]),
        ("na\u0308ive 🙂", ["na\u0308ive", "🙂"]),
        ("  \t", []),
    ],
)
def test_words_are_where_names_may_begin_and_end(text, words):
    assert [text[a:b] for a, b in split_words(text)] == words


def test_words_of_a_file_stay_as_they_are():
    text, places = joined_words(["U.S.", "-", "born"])
    assert (text, places) == ("U.S. - born", ((0, 4), (5, 6), (7, 11)))
    given, split = Example(1, text, words=places), Example(1, text)
    assert words_of(given) == places and len(words_of(split)) == 6
    assert given.content != split.content


def test_what_is_correct_of_a_row_counts_for_its_digest():
    one, other = row("Ann in Rome", ("Ann", "PER")), row("Ann in Rome", ("Ann", "LOC"))
    assert rows_digest([one]) != rows_digest([other])
    plain = Example(1, "x", labels=("a",))
    assert plain.wanted == b"a"  # rows of classes are what they were


# --- reading --------------------------------------------------------------------------------------


def test_one_file_in_every_form(tmp_path):
    """What labelling tools write of the same text is the same row."""
    text, spans = "Ann Lee left Rome.", [(0, 7, "PER"), (13, 17, "LOC")]
    forms = [
        {"text": text, "entities": [list(s) for s in spans]},
        {"text": text, "label": [[*spans[0], "Ann Lee"], [*spans[1], "Rome"]]},
        {"text": text, "spans": [{"start": a, "end": b, "label": k} for a, b, k in spans]},
        {
            "text": text,
            "entities": [
                {"id": 1, "start_offset": a, "end_offset": b, "label": k} for a, b, k in spans
            ],
        },
        {
            "data": {"text": text},
            "annotations": [
                {"result": [{"value": {"start": a, "end": b, "labels": [k]}} for a, b, k in spans]}
            ],
        },
        {"text": text, "tags": ["B-PER", *["I-PER"] * 6, *["O"] * 6, "B-LOC", *["I-LOC"] * 3, "O"]},
    ]
    for i, form in enumerate(forms):
        other = {**form, "text": "Nobody."} if "text" in form else {**form, "data": {"text": "No."}}
        empty = {
            k: [] if k in ("entities", "label", "spans") else ["O"] * 7 if k == "tags" else v
            for k, v in other.items()
        }
        if "annotations" in empty:
            empty["annotations"] = [{"result": []}]
        loaded = load(written(tmp_path, [form, empty] * 3, f"{i}.jsonl"))
        first = loaded.dataset.examples[0]
        assert loaded.dataset.problem.target == "tagging", form
        assert (first.text, first.answer, first.words) == (text, tuple(spans), None), form
        assert loaded.dataset.examples[1].answer == ()
        assert {g.what for g in loaded.guesses} >= {"text", "label"}, "what was guessed is told"


def test_words_and_tags_in_columns_and_in_lines(tmp_path):
    tokens, tags = ["Ann", "Lee", "left", "U.S.", "."], ["B-PER", "I-PER", "O", "B-LOC", "O"]
    lists = written(
        tmp_path, [{"tokens": tokens, "ner_tags": tags}, {"tokens": ["No"], "ner_tags": ["O"]}]
    )
    table = tmp_path / "a.csv"
    table.write_text(f"sentence,tags\n{' '.join(tokens)},{' '.join(tags)}\nNo,O\n", "utf-8")
    lines = tmp_path / "a.conll"
    body = "\n".join(f"{w}\tNN\t{t}" for w, t in zip(tokens, tags, strict=True))
    lines.write_text(f"-DOCSTART- X O\n\n{body}\n\nNo\tDT\tO\n\n", "utf-8")
    spaced = tmp_path / "a.txt"
    spaced.write_text(body.replace("\t", " ").replace("B-PER", "I-PER") + "\n\nNo DT O\n", "utf-8")
    for path in (lists, table, lines, spaced):
        loaded = load(path)
        first = loaded.dataset.examples[0]
        assert first.text == "Ann Lee left U.S. .", path
        assert first.answer == ((0, 7, "PER"), (13, 17, "LOC")), path
        assert len(first.words or ()) == 5, path
    assert load(lines).dataset.examples[0].group is None  # documents are offered, not taken
    assert "IOB1" in str(load(spaced).notes)


def test_other_ways_to_mark_the_same_spans(tmp_path):
    tokens = "Ann Lee met Bo in Rome".split()
    bioes = ["B-PER", "E-PER", "O", "S-PER", "O", "S-LOC"]
    bilou = ["B-PER", "L-PER", "O", "U-PER", "O", "U-LOC"]
    read = []
    for i, tags in enumerate((bioes, bilou)):
        path = written(tmp_path, [{"tokens": tokens, "tags": tags}] * 2, f"{i}.jsonl")
        read.append(load(path).dataset.examples[0].answer)
    assert read[0] == read[1] == ((0, 7, "PER"), (12, 14, "PER"), (18, 22, "LOC"))


def test_every_fault_of_a_file_is_told_at_once(tmp_path):
    rows = [
        *messages(3),
        {"text": "Ann", "spans": [[0, 9, "PER"]]},
        {"text": "Ann Lee", "spans": [[0, 7, "PER"], [4, 7, "LOC"]]},
        {"text": "Ann", "spans": [[0, 0, "PER"]]},
        {"text": "word " * 2001, "spans": [[0, 4, "PER"]]},
    ]
    with pytest.raises(UserError) as fault:
        load(written(tmp_path, rows))
    told = str(fault.value)
    assert "beyond the text in row 4, 6" in told and "overlap in row 5" in told
    assert "2,000 words in row 7" in told
    unequal = [{"tokens": ["a", "b"], "tags": ["O", "B-X"]}, {"tokens": ["a"], "tags": ["O", "O"]}]
    with pytest.raises(UserError, match="more or fewer than 'tokens' in row 2"):
        load(written(tmp_path, [*unequal, unequal[0]]))


def test_a_span_inside_a_word_takes_all_of_it_and_that_is_said(tmp_path):
    rows = [{"text": "Annas red house", "spans": [[0, 3, "PER"], [6, 9, "LOC"]]}] * 2
    loaded = load(written(tmp_path, rows))
    assert loaded.dataset.examples[0].answer == ((0, 5, "PER"), (6, 9, "LOC"))
    assert "inside a word, in row 1, 2" in str(loaded.notes)


def test_texts_with_labels_are_still_read_as_such(tmp_path):
    lists = written(
        tmp_path, [{"text": f"a text {i}", "label": ["x", "y"][i % 2]} for i in range(8)]
    )
    assert load(lists).dataset.problem.target == "one label"


def test_samples_have_the_types_that_they_say():
    for name in ("support_entities", "korean_entities"):
        dataset = load(f"sample:{name}").dataset
        assert dataset.problem.task == "tagging" and len(dataset) == 300
        for e in dataset.examples:
            for start, end, _ in e.answer:
                assert e.text[start:end].strip() == e.text[start:end] != ""


# --- what is right --------------------------------------------------------------------------------


def said_tags(tags: np.ndarray) -> list[str]:
    return [NAMES[t] for t in tags if t >= 0]


def drawn(rng, n: int) -> list[np.ndarray]:
    """Legal tags of n sentences of different lengths."""
    found = []
    for _ in range(n):
        words, spans, at = int(rng.integers(1, 15)), [], 0
        while at < words:
            size = int(rng.integers(1, 4))
            if rng.random() < 0.5 and at + size <= words:
                spans.append((at, at + size, int(rng.integers(2))))
            at += size
        found.append(tags_of(spans, words))
    return found


def padded(rows: list[np.ndarray]) -> np.ndarray:
    out = np.full((len(rows), max(map(len, rows))), -1, np.int16)
    for to, tags in zip(out, rows, strict=True):
        to[: len(tags)] = tags
    return out


def test_f1_is_that_of_seqeval():
    rng = np.random.default_rng(0)
    for _ in range(200):  # five sentences each: a thousand
        gold = drawn(rng, 5)
        said = [g if rng.random() < 0.4 else d for g, d in zip(gold, drawn(rng, 5), strict=True)]
        said = [np.resize(s, len(g)) for s, g in zip(said, gold, strict=True)]
        said = [s if legal(s) else np.zeros_like(s) for s in said]
        ours = f1(*found_spans(padded(gold), padded(said)[None]))[0]
        theirs = f1_score(
            [said_tags(x) for x in gold],
            [said_tags(x) for x in said],
            mode="strict",
            scheme=IOB2,
            zero_division=0,
        )
        assert ours == pytest.approx(theirs, abs=1e-9)


def test_each_kind_of_error_is_counted_once():
    gold = padded([tags_of([(0, 2, 0), (3, 4, 1), (5, 6, 0), (7, 8, 1)], 10)])
    said = padded([tags_of([(0, 1, 0), (3, 4, 0), (5, 6, 0), (9, 10, 1)], 10)])
    assert span_errors(gold, said[None], 2).tolist() == [[1, 1, 0, 0, 0], [0, 0, 1, 1, 1]]
    assert len(TASK.error_words) == TASK.errors(gold, said[None], 2).shape[1] == 5
    hits, total = found_words(gold, said[None])
    assert (hits[0, 0], total[0, 0]) == (2, 9)


def test_the_jackknife_leaves_each_row_out():
    rng = np.random.default_rng(1)
    gold, said = padded(drawn(rng, 30)), padded(drawn(rng, 30))
    width = max(gold.shape[1], said.shape[1])
    gold, said = (
        np.pad(x, ((0, 0), (0, width - x.shape[1])), constant_values=-1) for x in (gold, said)
    )
    hits, total = found_spans(gold, said[None])
    whole, n = f1(hits, total)[0], 30
    slow = [
        n * whole - (n - 1) * f1(np.delete(hits, i, 1), np.delete(total, i, 1))[0] for i in range(n)
    ]
    np.testing.assert_allclose(f1_pseudo(hits, total)[0], slow, atol=1e-9)


def test_the_likeliest_tags_are_legal_and_no_others_are_likelier():
    rng = np.random.default_rng(3)
    logs = np.log(rng.dirichlet(np.ones(5), (6, 5)))
    found = likeliest_legal(logs)
    assert legal(found).all()
    every = np.stack(np.meshgrid(*[np.arange(5)] * 5, indexing="ij"), -1).reshape(-1, 5)
    every = every[legal(every)]
    for row_logs, tags in zip(logs, found, strict=True):
        reached = row_logs[np.arange(5), every].sum(1)
        assert row_logs[np.arange(5), tags].sum() == pytest.approx(reached.max())


def test_answers_of_a_row_and_back():
    e = row("Ann Lee left Rome.", ("Ann Lee", "PER"), ("Rome", "LOC"))
    gold = TASK.gold(TYPES, [e, Example(2, "no")])
    assert gold.tolist() == [[1, 2, 0, 3, 0], [0, -1, -1, -1, -1]]
    assert TASK.spans(e, TYPES, gold[0]) == e.answer
    assert TASK.phrases(TYPES, [e], gold[:1]) == [("Ann Lee (person)", "Rome (place)")]
    assert spans_of(gold[0]) == [(0, 2, 0), (3, 4, 1)]
    scores = np.eye(5, dtype=np.float32)[np.maximum(gold, 0)] * (gold >= 0)[..., None]
    assert (TASK.decide(scores) == gold).all()
    assert TASK.log_loss(gold, scores).max() < 1e-6 and TASK.brier(gold, scores).max() == 0
    assert TASK.label_chances(scores, 2).tolist() == [[1, 1], [0, 0]]


def test_a_shot_is_a_text_with_the_type():
    rows = [row(f"Ann {i}", ("Ann", "PER"), number=i) for i in range(20)]
    rows += [row(f"Rome {i}", ("Rome", "LOC"), number=100 + i) for i in range(5)]
    rows += [Example(200 + i, f"none {i}") for i in range(30)]
    rows += [row(f"Bo {i} in Bath {i}", (f"Bo {i}", "PER"), ("Bath", "LOC")) for i in range(9)]
    before, pool = Pool(rows, TYPES), Pool(rows, TYPES, greedy=True)
    few, more = (before.k_shot(k, seed=1) for k in (2, 4))
    assert set(few) <= set(more) and sum("LOC" in rows[i].labels for i in few) >= 2
    for seed in range(20):
        few, more = (pool.k_shot(k, seed=seed) for k in (2, 4))
        assert set(few) < set(more) and pool.k_shot(0, seed=seed) == []
        for k, drawn in ((2, few), (4, more)):
            kinds = [kind for i in drawn for *_, kind in rows[i].answer]
            assert min(kinds.count("PER"), kinds.count("LOC")) >= k
            # the rarer type first: only then rows with the other one alone
            assert kinds.count("LOC") == k and len(drawn) <= 2 * k


def test_a_study_keeps_how_its_rows_were_drawn():
    rows = [row(f"Bo {i} in Bath", (f"Bo {i}", "PER"), ("Bath", "LOC"), number=i) for i in range(9)]
    asked = {"arms": [ArmRequest("word-shape")], "shots": (2,), "seeds": 2}
    study = make_study("t", TYPES, Split(tuple(rows[:3]), tuple(rows[3:]), 0), **asked)
    written = json.loads(json.dumps(plain(study)))
    assert study.task_version == 2
    assert study_of(written, study.split.pool, study.split.test) == study
    old = dataclasses.replace(study, task_version=1)
    assert {s.id for s in plan(study).specs}.isdisjoint(s.id for s in plan(old).specs)
    assert study.id != old.id
    del written["task_version"]  # an older record
    assert study_of(written, study.split.pool, study.split.test) == old


# --- long texts -----------------------------------------------------------------------------------


def test_a_long_text_is_read_in_pieces_that_overlap(encoder):
    text = " ".join(f"ship {i} wave" for i in range(120))
    (e,) = rows = [Example(1, text, answer=((0, 4, "PER"), (len(text) - 4, len(text), "LOC")))]
    pieces = pieces_of(encoder.model, rows)
    assert len(pieces) > 3
    assert all(
        len(t) <= encoder.model.max_tokens for t in encoder.tokens([p.example for p in pieces])
    )
    taken = [p.first + i for p in pieces for i in range(*p.taken)]
    assert taken == list(range(len(words_of(e))))  # every word once
    for before, after in zip(pieces, pieces[1:], strict=False):
        assert after.first < before.first + len(before.begins)  # some words are in both
    assert [x for p in pieces for x in p.example.answer] == [
        (0, 4, "PER"),
        (len(pieces[-1].example.text) - 4, len(pieces[-1].example.text), "LOC"),
    ]
    found = [np.tile([0.2, 0.5, 0.3, 0, 0], (len(p.tokens), 1)) for p in pieces]
    scores = assembled(rows, pieces, found, 5)
    assert scores.shape == (1, 360, 5) and np.allclose(scores.sum(-1), 1)


def test_words_inside_a_token_go_on_with_it(encoder):
    e = Example(1, "ship", words=((0, 2), (2, 4)))
    (piece,) = pieces_of(encoder.model, [e])
    assert piece.begins.tolist() == [True, False] and len(piece.tokens) == 1
    scores = assembled([e], [piece], [np.array([[0.1, 0.6, 0.1, 0.1, 0.1]])], 5)
    np.testing.assert_allclose(scores[0, 1], [0.1, 0, 0.7, 0, 0.2], atol=1e-6)


def test_texts_without_a_word_are_scored_like_any_other(encoder):
    rows = [Example(1, ""), Example(2, "ship"), Example(3, "\u200b")]
    pieces, states = drain(encoder.words(rows))
    found = [np.ones((len(s), 5)) / 5 for s in states]
    assert assembled(rows, pieces, found, 5)[0].sum() == 0


def test_marked_spans_are_text_and_nothing_else():
    e = Example(1, "<b>Ann</b> & Rome", answer=((3, 6, "PER"), (13, 17, "LOC")))
    shown = marked_html(e.text, e.answer, TYPES)
    assert "&lt;b&gt;" in shown and "<b>" not in shown and "&amp;" in shown
    assert shown.count("<mark class='span'") == 2 and "<small>person</small>" in shown
    cut = marked_html(e.text, e.answer, TYPES, most=10)
    assert cut.endswith("…") and cut.count("<mark") == 1


# --- without labels -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("I told Ann Lee about it", ["Ann Lee"]),
        ("The order A-17/3 came on 3 May", ["A-17/3", "3 May"]),
        ("Please call me at Bank of Cork", ["Bank of Cork"]),
        ("nothing here at all", []),
        ("어제 서울에서 민지를 만났습니다", ["어제", "서울", "민지"]),
    ],
)
def test_what_could_be_a_span(text, spans):
    e = Example(1, text)
    places = words_of(e)
    assert [text[places[a][0] : places[b - 1][1]] for a, b in candidates(e)] == spans


# --- a study --------------------------------------------------------------------------------------


def test_strategies_that_suit():
    ids = suiting(("majority", "tfidf", "similarity", "probe", "prior-probe", "lora"), TYPES)
    assert ids == ("majority", "word-shape", "similarity", "probe", "lora")
    assert suiting(("tfidf", "probe"), Problem("one text", "one label", TYPES.labels)) == (
        "tfidf",
        "probe",
    )
    assert "cannot do the task tagging" in strategies()["tfidf"].why_not(
        Facts(TYPES, 4, None, True)
    )


@pytest.mark.slow
def test_a_study_from_file_to_spans_of_new_texts(tmp_path, capsys):
    file, out = written(tmp_path, messages(90)), tmp_path / "study"
    asked = ["compare", str(file), "--shots", "16", "--seeds", "2", "--test-size", "40"]
    assert cli.main([*asked, "--strategies", "majority,word-shape,probe", "--out", str(out)]) == 0
    record = json.loads((out / "study.json").read_text("utf-8"))
    best = {c["arm"]: c["entity_f1"]["value"] for c in record["cells"]} if "cells" in record else {}
    assert record["metric"] == "entity_f1"
    assert best == {} or best["word-shape"] > 0.8
    report = (out / "report.html").read_text("utf-8")
    assert "Span F1" in report
    study = Store(out).load_study()
    assert study.split.test[0].answer and task_of(study.problem).by_word
    capsys.readouterr()
    text = "later Eve went to Bath number 7"
    assert cli.main(["predict", str(out), "--run", "word-shape", "--text", text, "--json"]) == 0
    (said,) = json.loads(capsys.readouterr().out)["predictions"]
    assert [(s["text"], s["label"]) for s in said["spans"]] == [("Eve", "PER"), ("Bath", "LOC")]
    assert cli.main(["robustness", str(out), "--changes", "typos,upper", "--json"]) == 0
    found = {(x["arm"], x["change"]): x for x in json.loads(capsys.readouterr().out)["effects"]}
    upper = found["word-shape", "upper"]
    # its words lose nothing by capitals: F1 is as good, so spans are looked for where they are now
    assert upper["rows"] == 40 and upper["before"]["value"] > 0.8
    assert upper["after"]["value"] > upper["before"]["value"] - 0.1
    assert found["word-shape", "typos"]["flips"] is not None
    assert cli.main(["robustness", str(out), "--changes", "negation"]) != 0
    assert "is not asked about spans" in capsys.readouterr().err
