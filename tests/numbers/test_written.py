"""Texts that are written: how they are read and measured, who writes them, a study from file to
text.
"""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import BLEU, CHRF

import tl_core as tl
from tests.chat_server import serving
from tests.numbers.made_spans import ASKS
from tests.tiny_models import LETTERS, TOPICS, drain, said
from tl_core import cli
from tl_core.api.errors import UserError
from tl_core.api.types import Example, Facts, Job, Label, Problem, Step
from tl_core.api.written import as_numbers, as_texts
from tl_core.data.load import load
from tl_core.data.tables import ReadOptions
from tl_core.models.catalog import find
from tl_core.models.encoding import Encoder
from tl_core.models.loading import load_model
from tl_core.models.prompting.chat_prompts import WrittenQuestions
from tl_core.models.sentences import lead, most_central, sentences
from tl_core.models.writing import Writer, budget_of, can_write, open_writer
from tl_core.report.written import differences, written_html
from tl_core.statistics import overlap
from tl_core.statistics.pooled import pseudo_values
from tl_core.strategies import strategies
from tl_core.studies.plan import suiting
from tl_core.tasks import task_of

SUMMARY = Problem("one text", "text-to-text", (Label("summary", "summary"),))
TASK = task_of(SUMMARY)
ANY = ReadOptions(task="text-to-text")


def written(folder: Path, rows: list[dict], name: str = "texts.jsonl") -> Path:
    path = folder / name
    path.write_text("\n".join(json.dumps(r, ensure_ascii=False) for r in rows), encoding="utf-8")
    return path


# --- texts as numbers -----------------------------------------------------------------------------


@given(st.lists(st.text(st.characters(exclude_characters="\0")), min_size=1, max_size=5))
@settings(max_examples=50)
def test_texts_come_back_from_numbers(texts):
    numbers = as_numbers(texts)
    assert numbers.dtype == np.float32 and as_texts(numbers).tolist() == texts


def test_parts_of_different_width_are_joined_and_stacked():
    a, b = as_numbers(["long one", "x"]), as_numbers(["y", ""])
    assert TASK.decide(TASK.joined([a, b])).tolist() == ["long one", "x", "y", ""]
    assert TASK.decide(TASK.stacked([a, b])).tolist() == [["long one", "x"], ["y", ""]]
    rows = [Example(1, "a"), Example(2, "b")]
    assert TASK.fits(SUMMARY, rows, a) and not TASK.fits(SUMMARY, rows[:1], a)


# --- measures -------------------------------------------------------------------------------------

WORDS = "a b cat dog the runs fast (hi) it's 3.5 don't 서울 에 가다 東京".split()
LATIN = "The cat sat on mats in 1999 and it's a re-run 3.5 don't".split()


def corpora(words: list[str], count: int):
    draw = random.Random(1)
    for _ in range(count):
        given_ = [" ".join(draw.choices(words, k=draw.randint(1, 9))) for _ in range(4)]
        other = [" ".join(draw.choices(words, k=draw.randint(0, 9))) for _ in given_]
        mixed = [a if draw.random() < 0.4 else b for a, b in zip(given_, other, strict=True)]
        yield given_, mixed


def test_chrf_and_bleu_are_those_of_sacrebleu():
    scales = set()
    for gold, text in corpora(WORDS, 250):  # 1,000 texts
        pair = np.array(gold), np.array([text])
        found = {m.id: m.value(SUMMARY, pair[0], pair[1][0]) for m in TASK.measures}
        characters = overlap.by_characters(gold)
        scales.add(characters)
        bleu = BLEU(tokenize="char" if characters else "13a", force=True)
        assert abs(found["chrf"] - CHRF(word_order=2).corpus_score(text, [gold]).score / 100) < 1e-9
        assert abs(found["bleu"] - bleu.corpus_score(text, [gold]).score / 100) < 1e-9
    assert scales == {True, False}


def test_rouge_is_that_of_rouge_score_on_english_and_sees_korean():
    theirs = RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=False)
    for gold, text in corpora(LATIN, 250):
        for a, b in zip(gold, text, strict=True):
            wanted = theirs.score(a, b)
            np.testing.assert_allclose(
                overlap.rouge(a, b), [x.fmeasure for x in wanted.values()], atol=1e-12
            )
    same = "서울에 갔습니다."
    assert overlap.rouge(same, same) == (1, 1, 1)
    assert theirs.score(same, same)["rougeL"].fmeasure == 0  # why it is written here
    assert overlap.rouge("서울에 갔다", "서울로 갔다")[0] == 0.8


def test_signatures_say_how_words_are_cut():
    assert "nw:2" in overlap.signatures(["a"])[0]
    assert "tok:13a" in overlap.signatures(["a cat"])[1]
    assert "tok:char" in overlap.signatures(["고양이"])[1]


def test_what_rows_add_is_what_is_missing_without_them():
    gold, text = next(corpora(LATIN, 1))
    measure = TASK.measure("chrf")
    rows = measure.rows(SUMMARY, np.array(gold), np.array([text]))[0]
    whole = measure.value(SUMMARY, np.array(gold), np.array(text))
    without = measure.value(SUMMARY, np.array(gold[1:]), np.array(text[1:]))
    assert rows[0] == pytest.approx(4 * whole - 3 * without)
    shares = np.array([[[1.0, 1], [0.0, 1], [0.5, 1]]])  # of a mean, a row adds just what it has
    found = pseudo_values(shares, lambda sums: sums[..., 0] / sums[..., 1])
    assert found[0] == pytest.approx([1, 0, 0.5])


def test_limits_stay_within_what_a_score_can_be():
    gold = np.array(["the cat", "a dog", "it runs", "so fast"])
    for measure in TASK.measures:
        right = measure.interval(SUMMARY, gold, gold[None])
        wrong = measure.interval(SUMMARY, gold, measure.constant(SUMMARY, gold)[None])
        assert (right.value, right.high) == pytest.approx((1, 1)) or measure.id == "bleu"
        assert 0 <= right.low <= right.high <= 1 and wrong.value == 0 and wrong.low == 0


# --- reading --------------------------------------------------------------------------------------


def pairs(n: int = 8) -> list[dict]:
    return [
        {"text": f"the ship number {i} sails far away", "summary": f"ship {i} sails"}
        for i in range(n)
    ]


def test_a_file_whose_columns_say_so_is_read_without_being_told(tmp_path):
    loaded = load(written(tmp_path, pairs()))
    assert loaded.dataset.problem == SUMMARY
    assert loaded.dataset.examples[0].answer == ("ship 0 sails",)
    assert {g.option for g in loaded.guesses} >= {"--text", "--label"}
    korean = [{"원문": f"{r['text']}", "번역": f"배 {i}이 간다"} for i, r in enumerate(pairs())]
    assert load(written(tmp_path, korean)).dataset.problem.labels[0].id == "번역"


@pytest.mark.parametrize(
    "more",
    [
        {"label": ["a", "b"]},
        {"category": ["news", "sport"]},
        {"summary": ["short", "short"]},  # a column of this name with two values is one of labels
    ],
)
def test_a_file_of_classes_is_never_taken_for_it(tmp_path, more):
    rows = [r | {k: v[i % 2] for k, v in more.items()} for i, r in enumerate(pairs(20))]
    try:
        assert load(written(tmp_path, rows)).dataset.problem.task == "single-label"
    except UserError as fault:
        assert "text-to-text" not in str(fault)


def test_any_two_columns_are_read_where_the_task_is_named(tmp_path):
    rows = [{"en": r["text"], "ko": f"배 {i}이 멀리 간다"} for i, r in enumerate(pairs())]
    path = written(tmp_path, rows)
    assert "text-to-text" in said(load, path)
    loaded = load(path, ANY)
    assert loaded.columns["text"] == "en" and loaded.columns["label"] == "ko"
    turned = load(path, ReadOptions(task="text-to-text", text="ko", label="en"))
    assert turned.dataset.examples[0].answer == (rows[0]["en"],)
    three = written(tmp_path, [r | {"x": "1"} for r in rows] and [dict(r, c="q w") for r in rows])
    assert load(three, ANY).columns["label"] == "ko"


def test_every_fault_is_told_at_once_with_its_rows(tmp_path):
    rows = pairs(10)
    rows[2]["text"] = " "
    rows[4]["summary"] = ["a", "b"]
    for row in rows[5:]:
        row["summary"] = row["text"]
    told = said(load, written(tmp_path, rows), ANY)
    assert "'text' is empty" in told and "3" in told
    assert "a list where a text should be" in told and "5" in told
    assert "5 of 8 rows have the same text" in told
    nothing = [r | {"summary": ""} for r in pairs()]
    assert "the column 'summary' is empty" in said(load, written(tmp_path, nothing), ANY)


def test_rows_without_a_target_are_left_out_and_told(tmp_path):
    rows = pairs(10)
    rows[3]["summary"], rows[6]["summary"] = None, rows[6]["text"]
    loaded = load(written(tmp_path, rows))
    assert loaded.unlabelled == 1 and len(loaded.dataset) == 9
    assert any("left out: row 4" in note for note in loaded.notes)
    assert any("the same text in both columns: row 7" in note for note in loaded.notes)


# --- sentences ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Dr. Kim left at 3.30. Why? He was late.", ["Dr. Kim left at 3.30.", "Why?"]),
        ("He said “Go.” Then he went.", ["He said “Go.”", "Then he went."]),
        ("서울에 갔다. 비가 왔다!", ["서울에 갔다.", "비가 왔다!"]),
        ("一つ。二つ。", ["一つ。", "二つ。"]),
        ("line one\nline two", ["line one", "line two"]),
        ("", []),
    ],
)
def test_sentences_end_where_they_end(text, parts):
    assert sentences(text)[: len(parts)] == parts


def test_first_sentences_are_as_they_are_in_the_text():
    text = "One  here.  Two there. Three."
    assert lead(text, 2) == "One  here.  Two there." and lead(text, 0) == lead(text, 9) == text


def test_the_most_central_sentence_is_most_like_the_others():
    near = np.array([[1, 0, 0], [0.6, 0.8, 0], [0.8, 0.6, 0], [0, 0, 1]], float)
    assert most_central(near) in (1, 2) and most_central(np.eye(3)) == 0


# --- who writes -----------------------------------------------------------------------------------

SLOTS = [TOPICS["sea"], TOPICS["music"], TOPICS["bread"]]
TURNED = [LETTERS[:6], LETTERS[6:12], LETTERS[12:18]]
STILL = {
    "t5": {"dropout_rate": 0.0},
    "gpt2": {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0},
    "bart": {"dropout": 0.0},
}


def language() -> tuple[list[Example], list[Example]]:
    """Sentences of three words and their translations, which are in another order."""
    every = list(itertools.product(range(6), repeat=3))
    random.Random(0).shuffle(every)
    rows = [
        Example(
            i + 1,
            " ".join((SLOTS[0][a], SLOTS[1][b], SLOTS[2][c])),
            labels=("summary",),
            answer=(" ".join((TURNED[1][b], TURNED[2][c], TURNED[0][a])),),
        )
        for i, (a, b, c) in enumerate(every)
    ]
    return rows[:150], rows[150:]


def writing(tiny_models, kind: str, **config: int) -> Encoder:
    source = find(str(tiny_models.headed(kind, **STILL[kind], **config)))
    return Encoder(load_model(source), source=source)


def taught(id: str, encoder: Encoder, train: list[Example], **given_):
    strategy = strategies()[id]
    return drain(strategy.fit(Job(SUMMARY, train, strategy.settings(**given_), 0, encoder)))


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "rate", "steps"), [("t5", 0.005, 250), ("gpt2", 0.007, 400)])
def test_a_tiny_model_learns_to_translate_a_language(tiny_models, tmp_path, kind, rate, steps):
    encoder = writing(tiny_models, kind)
    train, test = language()
    how = {"learning_rate": rate, "max_steps": steps, "epochs": 100, "batch": 32}
    fitted = taught("full", encoder, train, **how)
    scores = drain(fitted.predictor.predict(test))
    right = TASK.decide(scores) == TASK.gold(SUMMARY, test)
    assert right.mean() >= 0.95
    fitted.predictor.save(tmp_path)
    again = strategies()["full"].load(tmp_path, SUMMARY, encoder)
    assert (drain(again.predict(test)) == scores).all()
    alone = drain(again.predict(test[:1]))  # what is written does not depend on its neighbours
    assert TASK.decide(alone)[0] == TASK.decide(scores)[0]


@pytest.mark.slow
def test_a_network_that_begins_with_nothing_learns_it_too(tiny_models, tmp_path):
    encoder = Encoder(load_model(find(str(tiny_models.body(worn=False)))))
    train, test = language()
    how = {"learning_rate": 0.005, "max_steps": 110, "epochs": 100, "batch": 32}
    fitted = taught("scratch", encoder, train, **how)
    scores = drain(fitted.predictor.predict(test))
    assert (TASK.decide(scores) == TASK.gold(SUMMARY, test)).mean() >= 0.95
    fitted.predictor.save(tmp_path)
    again = strategies()["scratch"].load(tmp_path, SUMMARY, encoder)
    assert (drain(again.predict(test)) == scores).all()


@pytest.mark.parametrize("kind", ["t5", "gpt2", "bart"])
def test_adapters_are_all_that_is_trained(tiny_models, tmp_path, kind):
    encoder = writing(tiny_models, kind)
    train, test = language()
    fitted = taught("lora", encoder, train[:20], max_steps=3, min_steps=3)
    network = fitted.predictor.writer.network
    learned = [n for n, p in network.named_parameters() if p.requires_grad]
    assert learned and all("lora_" in name for name in learned)
    assert 0 < fitted.trainable_parameters < sum(p.numel() for p in network.parameters()) / 2
    assert any(p.abs().max() > 0 for n, p in network.named_parameters() if "lora_B" in n)
    fitted.predictor.save(tmp_path)
    again = strategies()["lora"].load(tmp_path, SUMMARY, encoder)
    assert (drain(again.predict(test[:4])) == drain(fitted.predictor.predict(test[:4]))).all()


@pytest.mark.parametrize("kind", ["t5", "gpt2", "bart"])
def test_what_is_written_together_is_what_transformers_writes_one_by_one(tiny_models, kind):
    import torch

    writer = open_writer(writing(tiny_models, kind), SUMMARY)
    texts = ["ship", "wave violin dough near the old harbour", "", "tide a chord"]
    found, short, _ = drain(writer.write(texts, 6))
    sources, _ = writer.sources(texts, writer.room(6))
    for text, ids in zip(found, sources, strict=True):
        out = writer.network.generate(
            torch.tensor([ids]),
            attention_mask=torch.ones(1, len(ids), dtype=torch.long),
            max_new_tokens=6,
            do_sample=False,
            num_beams=1,
            eos_token_id=writer.end,
            pad_token_id=writer.pad,
        )[0].tolist()
        assert text == writer._text(out[len(ids) :] if writer.causal else out[1:])
    assert short == 0


def test_texts_that_do_not_fit_are_cut_and_told(tiny_models):
    encoder = writing(tiny_models, "gpt2")
    train = language()[0][:4]
    fitted = taught("in-context", encoder, train, pick="nearest", demonstrations=2)
    predictor = fitted.predictor
    drain(predictor.predict([Example(1, "ship " * 200), Example(2, "tide")]))
    assert any("1 of 2 texts was longer" in note for note in predictor.notes)
    asked, short, rows = predictor._prompt("tide", range(4), 1000)
    assert not short and rows == 2 and asked.endswith("tide\nsummary:")
    assert asked.count("summary:") == 3 and f"summary: {train[0].answer[0]}" not in asked[-30:]
    assert predictor._prompt("tide", range(4), 60)[2] < 2  # rows give way before the text does


def test_a_model_that_writes_is_shown_questions_and_answers_from_the_text(
    tiny_models, tmp_path, monkeypatch
):
    encoder = writing(tiny_models, "gpt2", n_positions=256, reads=256)
    strategy = strategies()["in-context"]
    rows = [
        Example(1, "ship oven", "What floats?", ("answer",), None, ((0, 4, "answer"),)),
        Example(2, "sea", "What bakes?", ("no answer",)),
    ]

    def fitted(**given):
        return drain(strategy.fit(Job(ASKS, rows, strategy.settings(**given), 0, encoder)))

    fitted().predictor.save(tmp_path)
    predictor = strategy.load(tmp_path, ASKS, encoder)
    asked: list[str] = []

    def write(self, prompts, budget):
        yield Step(1, 1)
        asked.extend(prompts)
        return [" The Tide.", "no answer.", "a harbour"], 0, 0

    monkeypatch.setattr(Writer, "write", write)
    tests = [Example(i, "so the tide is here", "What comes?") for i in range(3)]
    scores = drain(predictor.predict(tests))
    task = task_of(ASKS)
    assert task.phrases(ASKS, tests, task.decide(scores)) == [("the tide",), (), ()]
    assert "1 of 3 questions" in predictor.notes[-1] and predictor.choices_only
    assert asked[0].endswith("Question: What comes?\nText: so the tide is here\nAnswer:")
    assert "Text: ship oven\nAnswer: ship\n" in asked[0] and "Answer: no answer\n" in asked[0]
    with pytest.raises(UserError, match="pair_templates is the form of a row with its label"):
        fitted(pair_templates="{text} {text_b} {label}")
    minilm = find("minilm").ref
    assert "needs a model that writes" in strategy.why_not(Facts(ASKS, 4, minilm, True))


def test_prompts_hold_the_text_once(tiny_models):
    encoder, train = writing(tiny_models, "t5"), []  # a study gives it no row
    asked = {"template": "summarize: {text}", "most_tokens": 5}
    predictor = taught("prompt", encoder, train, **asked).predictor
    assert predictor._prompt("tide", (), 60)[0] == "summarize: tide"
    assert "must hold {text} once" in said(taught, "prompt", encoder, train, template="no text")


def test_as_many_tokens_may_be_written_as_the_targets_say():
    assert budget_of([10] * 50) == 14 and budget_of([10] * 3) == 17
    assert budget_of([10_000]) == budget_of([]) == 512


def test_strategies_that_cannot_write_say_so(tiny_models):
    minilm = find("minilm").ref
    writers = [find(str(tiny_models.headed(kind, **STILL[kind]))).ref for kind in STILL]
    assert not can_write(minilm) and all(map(can_write, writers))
    anyone = {"majority", "similarity", "knn", "scratch", "chat"}
    named = {"prompt", "in-context", "lora", "dora", "full"}
    for id, strategy in strategies().items():
        facts = [Facts(SUMMARY, 4, ref, True) for ref in (minilm, *writers)]
        able = [not strategy.why_not(f) for f in facts]
        assert able == [id in anyone, *[id in anyone | named] * 3], id
    assert "Name an encoder-decoder (T5, BART)" in strategies()["lora"].why_not(
        Facts(SUMMARY, 4, minilm, True)
    )
    usual = ("majority", "similarity", "probe", "lora", "full")
    assert suiting(usual, SUMMARY) == ("majority", "similarity", "knn")
    assert set(suiting(usual, SUMMARY, writers[0])) >= {"prompt", "lora", "full", "knn"}


def test_settings_of_heads_are_refused_all_at_once(tiny_models):
    encoder = writing(tiny_models, "t5")
    told = said(
        taught, "full", encoder, language()[0][:4], early_stopping=0.2, unfreezing="gradual"
    )
    assert "early_stopping" in told and "unfreezing" in told


# --- chat -----------------------------------------------------------------------------------------


def test_a_chat_model_is_asked_for_the_text_alone():
    told = Label("ko", "Korean translation", ("Polite form.",))
    questions = WrittenQuestions(Problem("one text", "text-to-text", (told,)), "For a menu.")
    row = Example(1, "soup", labels=("ko",), answer=("국",))
    roles = [(m["role"], m["content"]) for m in questions.messages(Example(2, "tea"), [row])]
    assert roles[0][1].splitlines()[:3] == [
        "You write the Korean translation of a text.",
        "For a menu.",
        "Polite form.",
    ]
    assert roles[1:] == [("user", '{"text": "soup"}'), ("assistant", "국"), ("user", roles[3][1])]
    for reply in ("차", "“차”", '"차"', "<think>tea</think>\n차", "```\n차\n```"):
        assert questions.written(reply) == "차"
    assert questions.written('"a" or "b"') == '"a" or "b"'


def test_chat_writes_what_the_endpoint_answers(monkeypatch, tmp_path):
    chat = strategies()["chat"]
    train, test = language()
    with serving() as served:
        for name, value in served.environment.items():
            monkeypatch.setenv(name, value)
        params = chat.settled(chat.settings())
        fitted = drain(chat.fit(Job(SUMMARY, train[:2], params, 0, None)))
        fitted.predictor.save(tmp_path)
        predictor = chat.load(tmp_path, SUMMARY, None)
        scores = drain(predictor.predict(test[:3]))
    texts = TASK.decide(scores)
    assert texts.tolist() == [" ".join(e.text.split()[:2]) for e in test[:3]]
    assert predictor.choices_only
    assert predictor.shown[0].answer in {e.answer for e in train[:2]}


# --- what is shown --------------------------------------------------------------------------------


def test_differences_are_marked_and_texts_stay_texts():
    a, b = differences("The red <b>cat</b> sat", "the cat sat here")
    assert "".join(x for x, _ in a) == "The red <b>cat</b> sat"
    assert [x.strip() for x, alone in b if alone] == ["here"]
    shown = written_html(
        "<i>src</i>", "a red cat", {"x": "a cat <s>", "y": ""}, {"x": 1, "y": 0}, "en"
    )
    assert "&lt;i&gt;" in shown and "<s>" not in shown and "<del>red </del>" in shown
    assert "<ins>" in shown and "nothing" in shown
    assert shown.index(">x<") < shown.index(">y<")


# --- a study --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_study_from_file_to_text(tmp_path, capsys, tiny_models):
    rows = [
        {
            "text": f"The {noun} number {i} is old. It was seen near {place}. It is a riddle.",
            "summary": f"An old {noun} near {place}.",
        }
        for i, (noun, place) in enumerate(
            itertools.product("ship oven drum tide rye flute".split(), "a b c d e f g h".split())
        )
    ]
    file, out = written(tmp_path, rows), tmp_path / "study"
    asked = ["compare", str(file), "--shots", "0,4", "--seeds", "2", "--test-size", "24"]
    asked += ["--strategies", "majority,similarity,knn,lora", "--keep", "all"]
    assert cli.main([*asked, "--model", str(tiny_models.body()), "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "ROUGE-L" in printed and "lora needs a model that writes texts" in printed
    record = json.loads((out / "study.json").read_text("utf-8"))
    assert record["metric"] == "rouge_l"
    assert {line["arm"] for line in record["summary"]} == {"majority", "similarity", "knn"}
    report = (out / "report.html").read_text("utf-8")
    assert "How long the written texts are" in report and "class='written'" in report

    study = tl.load(out)
    assert study.predict(["One here. Two there."], arm="majority")[0].startswith("One here.")
    assert "no probability" in said(study.predict_proba, ["One here."], arm="majority")
    asked = ["predict", str(out), "--text", "One here. Two there.", "--run", "majority"]
    assert cli.main([*asked, "--json"]) == 0
    (said_,) = json.loads(capsys.readouterr().out)["predictions"]
    assert said_.keys() == {"row", "text", "written"} and said_["written"].startswith("One")
    table = tmp_path / "said.csv"
    assert cli.main(["predict", str(out), str(file), "--run", "knn", "--out", str(table)]) == 0
    assert table.read_text("utf-8-sig").splitlines()[0] == "row,text,written"

    archive = tmp_path / "study.zip"
    assert cli.main(["archive", str(out), "--out", str(archive)]) == 0
    assert cli.main(["report", str(archive), "--out", str(tmp_path / "again.html")]) == 0
    assert cli.main(["differences", str(out)]) == 0
    capsys.readouterr()
    for command in (["robustness", str(out)], ["export", str(out), "--out", str(tmp_path / "x")]):
        assert cli.main(command) != 0
        told = capsys.readouterr().err
        assert "written" in told or "writes texts" in told
