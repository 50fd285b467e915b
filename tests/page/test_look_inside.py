"""The tab "Look inside" as a visitor has it: in a real browser, answered by the real model."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs, urlencode

import gradio as gr
import pytest

from spaces_config.profiles import profile_named
from tests.page.looking import box, to_look
from tests.page.visiting import EVIL, choose, expect
from tests.tiny_models import make_headed
from tl_core.api.errors import UserError
from tl_core.api.plugins import found
from tl_core.api.types import Step
from tl_core.api.view import Checkpoint
from tl_core.running.queue import StudyQueue
from tl_core.studies.plan import ArmRequest, make_study
from tl_core.views.fill_mask import NUMBERS, Candidate, Filled, Guess, Together
from tl_core.views.tokens import SPECIAL
from tl_ui.components.clickable import at, button, pressed
from tl_ui.errors import Overtaken, Turns, shown
from tl_ui.shell import build
from tl_ui.state.datasets import FIRST as FIRST_DATA
from tl_ui.state.datasets import Datasets
from tl_ui.state.studies import Studies
from tl_ui.views._base import Snapshot
from tl_ui.views._shared.answers import Answer, answer_to, ask_each
from tl_ui.views._shared.model_picker import FIRST, Pick, resolve, runs_of
from tl_ui.views.fill_a_blank import _after, out_html, put, words_given
from tl_ui.views.sentence_surprise import _heat, _probability
from tl_ui.words import EN

ROOT = Path(__file__).parents[2]


# --- fill a blank ---------------------------------------------------------------------------------


def test_faults_are_sentences_and_examples_are_one_press_away(revisit):
    page = revisit()
    to_look(page)
    page.locator("#fill-examples button").nth(1).click()
    expect(box(page, "fill-text")).to_have_value(re.compile("He poured"))
    expect(page.locator("#fill-out .tl-guess")).to_have_count(10)
    box(page, "fill-text").fill("Nothing is missing here.")
    box(page, "fill-text").press("Enter")
    expect(page.locator("#fill-notice")).to_contain_text("There is no [MASK] in the text")
    page.locator("#fill-out .tl-word", has_text="missing").click()
    expect(page.locator("#fill-out .tl-guess")).to_have_count(5)
    expect(page.locator("#fill-notice .tl-notice")).to_have_count(0)

    box(page, "fill-candidates").fill("one, one")
    page.locator("#fill-ask").click()
    expect(page.locator("#fill-notice")).to_contain_text("are the same to this model")
    page.locator("#fill-examples button").nth(3).click()
    expect(box(page, "fill-candidates")).to_have_value("great, terrible")
    expect(page.locator("#fill-out .tl-guess")).to_have_count(7)


def test_candidates_several_blanks_and_two_models(revisit):
    page = revisit()
    to_look(page)
    box(page, "fill-text").fill("It was [MASK] and [MASK].")
    box(page, "fill-candidates").fill("great, terrible, , unwatchable")
    page.locator("#fill-together input").check()
    sides = page.locator("#fill-out .tl-sides")
    expect(sides).to_contain_text("All blanks together")
    expect(sides).to_contain_text("Blank 2")
    expect(sides).to_contain_text("un ##watch ##able")
    expect(sides).to_contain_text("different numbers of tokens")
    expect(page.locator("#fill-out .tl-guess")).to_have_count(5 + 2 * (3 + 5))

    page.locator("#fill-out [data-press='together|0|0']").click()
    expect(box(page, "fill-text")).not_to_have_value(re.compile(r"\[MASK\]"))
    page.locator("#fill-undo").click()
    expect(page.locator("#fill-out [data-press='candidate|0|1|2']")).to_be_visible()
    page.locator("#fill-out [data-press='candidate|0|1|2']").click()
    expect(box(page, "fill-text")).to_have_value(
        re.compile(r"It was \[MASK\] and (great|terrible|unwatchable)\.")
    )

    choose(page, "#fill-beside", "minilm:", exact=False)
    expect(page.locator("#fill-out .tl-sides > section")).to_have_count(2)
    expect(page.locator("#fill-out .tl-sides > section").nth(1)).to_contain_text(
        "no masked-language head"
    )
    expect(page.locator("#fill-out .tl-sides > section").first).to_contain_text("sees both sides")


def test_html_in_a_text_is_text(revisit):
    page = revisit()
    for view in ("fill", "surprise", "tokens"):
        to_look(page, view)
        box(page, f"{view}-text").fill(f"{EVIL} [MASK]")
        page.locator(f"#{view}-ask").click()
        out = page.locator(f"#{view}-out")
        expect(out).to_contain_text("document")
        if view == "fill":
            expect(out.locator(".tl-words")).to_contain_text("{{7*7}}")
            expect(out.locator(".tl-words")).to_contain_text("${document.title='run'}")
            expect(out.locator(".tl-words")).to_contain_text("<img src=x onerror=")
        else:
            expect(out.locator(".tl-tokens")).to_contain_text("<")
        assert out.locator("img").count() == 0
    assert page.title() == "Transfer Lab"


# --- surprise and tokens --------------------------------------------------------------------------


def test_sentence_surprise(revisit):
    page = revisit()
    to_look(page, "surprise")
    out = page.locator("#surprise-out")
    box(page, "surprise-text").fill("The cat sat on the mat.")
    page.locator("#surprise-ask").click()
    expect(out.locator(".tl-token")).to_have_count(7)  # The cat sat on the mat .
    expect(out).to_contain_text("pseudo-perplexity")
    expect(out.locator(".tl-token").first).to_have_attribute(
        "title", re.compile(r"the: probability .*%, surprise \d+\.\d\d nats")
    )
    box(page, "surprise-text").fill("Colourless green ideas sleep")
    box(page, "surprise-text").press("Enter")
    expect(out.locator(".tl-token", has_text="sleep")).to_have_count(1)
    out.locator("summary").click()
    expect(out.locator("tbody tr")).to_have_count(out.locator(".tl-token").count())
    box(page, "surprise-text").fill("  ")
    page.locator("#surprise-ask").click()
    expect(page.locator("#surprise-notice .tl-fault")).to_be_visible()


def test_tokens_of_korean_under_an_english_vocabulary(revisit):
    page = revisit()
    to_look(page, "tokens")
    out = page.locator("#tokens-out")
    expect(out.locator(".tl-token").first).to_contain_text("[CLS]")
    box(page, "tokens-text").fill("고양이가 매트 위에 앉아 있었다.")
    page.locator("#tokens-ask").click()
    expect(out.locator(".tl-notice")).to_contain_text(
        "4 of 9 tokens are unknown: this vocabulary cannot write them."
    )
    expect(out.locator(".tl-unknown")).to_have_count(4)
    expect(out).to_contain_text("replaces what the vocabulary cannot write")

    box(page, "tokens-text").fill("First text")
    box(page, "tokens-text-b").fill("unbelievably")
    choose(page, "#tokens-beside", "minilm:", exact=False)
    expect(out.locator("section")).to_have_count(2)
    expect(out.locator("section").first).to_contain_text("30,522 tokens in the vocabulary")
    expect(out.locator("section").nth(1).locator(".tl-segment-1").first).to_contain_text(
        "unbelievably"[:2]
    )


# --- for everybody --------------------------------------------------------------------------------


def test_the_language_switch_draws_the_answers_anew(visit):
    page = visit(locale="ko-KR")
    to_look(page)
    out = page.locator("#fill-out")
    expect(out).to_contain_text("가릴 단어를 누르세요")
    expect(out).to_contain_text("마스크 언어 모델")
    expect(page.locator("#fill-examples button")).to_have_count(8)
    page.locator("#fill-examples button").nth(6).click()
    expect(box(page, "fill-text")).to_have_value("고양이가 [MASK] 위에 앉아 있다.")
    expect(out.locator(".tl-word")).to_have_count(4)
    guessed = out.locator(".tl-guess .tl-num").first.text_content()
    page.locator("#lang").get_by_label("English").check()
    expect(out).to_contain_text("Click a word to hide it")
    expect(out.locator(".tl-guess .tl-num").first).to_have_text(guessed)
    expect(page.locator("#fill-examples button")).to_have_count(6)
    expect(page.locator("#fill-beside input")).to_have_value("(none)")


@pytest.mark.parametrize(
    "view, text, said",
    [
        ("surprise", "The mat sat on the cat.", "mat"),
        ("tokens", "Zwetschgen & plums", "plum"),
    ],
)
def test_a_link_opens_a_view_as_it_was(view, text, said, visit):
    page = visit(f"/?{urlencode({'look': view, 'text': text})}")
    expect(page.locator(f"#{view}-out")).to_contain_text(said)
    expect(box(page, f"{view}-text")).to_have_value(text)
    held = parse_qs(page.locator(f"#{view}-link a").get_attribute("href").removeprefix("?"))
    assert held["look"] == [view] and held["text"] == [text] and page.title() == "Transfer Lab"


def test_no_view_is_wider_than_a_telephone(visit):
    page = visit(width=390)
    views = list(found("tl_ui.views", "VIEW"))
    assert len(views) >= 3
    to_look(page)
    for view in views:
        page.locator(f"#look-view input[value={view}]").check()
        page.locator(f"#view-{view}").locator(
            ".tl-sides, .tl-empty, .tl-apart, .tl-said"
        ).first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, view


def test_programs_may_ask(served):
    from gradio_client import Client

    client = Client(served.url, verbose=False)
    answer = client.predict("Water is [MASK].", candidates="wet, dry", top=3, api_name="/fill_mask")
    assert answer["model"] == FIRST and len(answer["alone"][0]) == 3
    assert abs(sum(c["share"] for c in answer["candidates"][0]) - 1) < 1e-6
    scored = client.predict("The cat sat.", api_name="/surprise")
    assert [s["token"] for s in scored["tokens"]] == ["the", "cat", "sat", "."] and scored[
        "perplexity"
    ] > 1
    pieces = client.predict("cats", text_b="dogs", api_name="/tokens")["pieces"]
    assert [(p["token"], p["segment"]) for p in pieces] == [
        ("[CLS]", 0),
        ("cats", 0),
        ("[SEP]", 0),
        ("dogs", 1),
        ("[SEP]", 1),
    ]
    for wrong, said in (
        ({"text": "x"}, "no \\[MASK\\]"),
        ({"text": "[MASK]", "top": "many"}, "no whole number"),
        ({"text": "[MASK]", "model": ""}, "Choose a model"),
    ):
        with pytest.raises(Exception, match=said):
            client.predict(**wrong, api_name="/fill_mask")
    client.close()


# --- parts that need no browser -------------------------------------------------------------------


def test_strangers_may_ask_listed_models_only(tmp_path):
    page, queue = build(tmp_path, profile_named("cpu"))
    boxes = [
        b
        for b in page.blocks.values()
        if str(getattr(b, "elem_id", "")).endswith(("-model", "-beside"))
    ]
    assert len(boxes) >= 6 and not any(b.allow_custom_value for b in boxes)
    lab = _lab(tmp_path, "cpu", queue)
    folder = tmp_path / "a model"
    folder.mkdir()
    for name in (str(folder), "owner/model", "../..", "run:abc"):
        with pytest.raises(UserError, match="none of them|no longer here"):
            resolve(lab, name)
    assert resolve(lab, "minilm").checkpoint == Checkpoint("minilm")
    at_home = resolve(_lab(tmp_path, "local", queue), str(folder)).checkpoint
    assert at_home == Checkpoint(str(folder), hub=True)


def test_what_a_study_trained_can_be_asked(tmp_path):
    queue = StudyQueue(tmp_path)
    queue.start()
    try:
        held = Datasets(tmp_path, profile_named("cpu"), lambda models, texts: []).get(FIRST_DATA)
        model = make_headed(tmp_path / "tiny", "bert")
        arms = [ArmRequest("lora"), ArmRequest("probe"), ArmRequest("majority")]
        name, _ = queue.submit(
            make_study(
                "x",
                held.loaded.dataset.problem,
                held.split(40)[0],
                arms=arms,
                shots=[1],
                seeds=1,
                model=str(model),
                hub=False,
            )
        )
        deadline = time.monotonic() + 120
        while queue.status(name)["status"] in ("queued", "running") and time.monotonic() < deadline:
            time.sleep(0.1)
        assert queue.status(name)["status"] == "done"
        lab = _lab(tmp_path, "cpu", queue)
        ((title, value),) = runs_of(lab, name, "en")
        assert title == "LoRA adapter, trained in this study"
        asked = {"text": "the [MASK] is near", "top": 2}
        checkpoint = resolve(lab, value, name).checkpoint
        answer = answer_to(lab, NUMBERS, "fill_blanks", checkpoint=checkpoint, **asked)
        assert answer.model == "lora" and len(answer.alone[0]) == 2
        with pytest.raises(UserError, match="no longer here"):
            resolve(lab, f"{value}0", name)
        with pytest.raises(UserError, match="no longer here"):
            resolve(lab, value, "")
    finally:
        queue.close()


def _lab(home: Path, profile: str, queue):
    return SimpleNamespace(profile=profile_named(profile), queue=queue, studies=Studies(queue))


WITHOUT_TORCH = """
import pickle, sys
import tl_ui.api, tl_ui.tabs.look_inside
from tl_core.api.plugins import found
assert len(found("tl_ui.views", "VIEW")) >= 3
from tl_core.api.view import Checkpoint
from tl_core.views.fill_mask import Guess
from tl_core.views.surprise import Surprise
answers = [Checkpoint("minilm"), Guess("a", True, 1, 0.5), Surprise("m", "masked", (), 2.0, ())]
pickle.loads(pickle.dumps(answers))
heavy = {"torch", "transformers", "sentence_transformers", "peft"} & set(sys.modules)
assert not heavy, heavy
"""


def test_answers_reach_the_page_without_torch():
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


def test_views_are_found_and_keep_the_protocol():
    views = found("tl_ui.views", "VIEW")
    assert list(views)[:3] == ["fill", "surprise", "tokens"]
    for id, view in views.items():
        assert view.id == id and {view.title, view.about} <= set(EN)
    assert all(SPECIAL[role].to("ko") != SPECIAL[role] for role in SPECIAL)


@pytest.mark.parametrize(
    ("text", "blank", "word", "begins", "made"),
    [
        ("The [MASK] sat.", 0, "cat", True, "The cat sat."),
        ("play [MASK] now", 0, "ing", False, "playing now"),
        ("[MASK] and <mask>.", 1, "b", True, "[MASK] and b."),
        ("[MASK][MASK]", 1, "cat", True, "[MASK] cat"),
        ("[MASK]", 0, "<b>", True, "<b>"),
    ],
)
def test_a_word_in_its_blank(text, blank, word, begins, made):
    assert put(text, blank, word, begins) == made


def test_presses_on_nothing_do_nothing():
    answer = Filled(
        "m",
        "masked",
        ((Guess("x", True, 1, 0.5),), (Guess("s", False, 2, 0.5),)),
        (Together(("x", "s"), (True, False), 0.2),),
        (),
        (),
    )
    answers = Answer("m", answer), Answer("n", fault="cannot")
    asked = Snapshot({"text": "It's [MASK] [MASK], 고양이"}, "", answers)
    assert _after(asked, "word", (0,)) == "[MASK] [MASK] [MASK], 고양이"
    assert _after(asked, "word", (1,)) == "It's [MASK] [MASK], [MASK]"
    assert _after(asked, "guess", (0, 1, 0)) == "It's [MASK]s, 고양이"
    assert _after(asked, "together", (0, 0)) == "It's xs, 고양이"
    for what, numbers in (
        ("word", (2,)),
        ("word", ()),
        ("word", (0, 0)),
        ("guess", (0, 2, 0)),
        ("guess", (1, 0, 0)),
        ("guess", (9, 0, 0)),
        ("guess", (0,)),
        ("candidate", (0, 0, 0)),
        ("", ()),
        ("x", (0, 0, 0)),
    ):
        assert _after(asked, what, numbers) is None, (what, numbers)
    assert _after(None, "word", (0,)) is None
    assert at([[1]], 0, 0) == 1 and at([[1]], 0, 1) is None and at([1], -1) is None


def test_what_a_press_sends_is_checked():
    event = lambda id: gr.EventData(None, {"id": id})  # noqa: E731
    assert pressed(event("guess|0|1|2")) == ("guess", (0, 1, 2))
    for odd in ("guess|-1", "guess|1e9", "guess|99999999", "guess|<b>"):
        assert pressed(event(odd)) == ("", ())
    assert pressed(event(None)) == ("", ())
    assert "<b>" not in button("x", "<b>", kind="k", label="'><b>")


def test_everything_drawn_is_escaped():
    evil = "<script>'\"&"
    answer = Filled(
        evil,
        "masked",
        ((Guess(evil, False, 1, 0.00005),),),
        (Together((evil,), (True,), 0.2),),
        ((Candidate(evil, (evil,), -1.0, 1.0, -1.0),),),
        (evil,),
    )
    drawn = out_html(
        Snapshot(
            {"text": f"{evil} [MASK] {evil}"}, "", (Answer(evil, answer), Answer(evil, fault=evil))
        ),
        "en",
    )
    assert "<script" not in drawn and "&lt;script&gt;" in drawn and "&lt; 0.1%" in drawn


def test_one_who_cannot_answer_says_so_beside_the_other():
    def ask(pick):
        if pick.title == "b":
            raise UserError("b cannot")
        yield Step(1, 2)
        yield 1

    def answers(*picks):
        asking = ask_each(picks, ask, "en")
        with pytest.raises(StopIteration) as end:
            next(asking)
        return end.value.value

    a, b = (Pick(name, Checkpoint(name), name) for name in "ab")
    assert answers(a, b) == (Answer("a", 1), Answer("b", fault="b cannot"))
    with pytest.raises(UserError, match="b cannot"):
        next(ask_each([b], ask, "en"))


def test_a_handler_in_steps_is_guarded_too():
    with gr.Blocks():
        lang, notice, out = gr.Radio(["en"]), gr.HTML(), gr.Textbox()

    def two_steps(values):
        yield {out: 1}
        raise UserError("First <b>fault</b>.")

    first, second = shown(two_steps, lang, [out], notice)({lang: "en"})
    assert first == {out: 1, notice: ""}
    assert (
        second[out] == 1 and "&lt;b&gt;fault" in second[notice]
    )  # what came last is said again: it may still be on its way

    def none(values):
        yield from ()

    (only,) = shown(none, lang, [out], notice)({lang: "en"})
    assert only[out] == gr.skip()


def test_an_answer_that_comes_after_a_newer_question_is_not_shown():
    with gr.Blocks():
        lang, notice, out = gr.Radio(["en"]), gr.HTML(), gr.Textbox()
    turns = Turns()

    def asked(values):
        check = turns.take("fill")
        values["meanwhile"]()
        check()
        return {out: "answer"}

    def in_steps(values):
        check = turns.take("fill")
        yield {out: "half"}
        values["meanwhile"]()
        check()
        yield {out: "whole"}

    newer = {lang: "en", "meanwhile": lambda: turns.take("fill")}
    elsewhere = {lang: "en", "meanwhile": lambda: turns.take("tokens")}
    assert shown(asked, lang, [out], notice)(newer) == {out: gr.skip()}
    assert shown(asked, lang, [out], notice)(elsewhere) == {out: "answer", notice: ""}
    assert [step[out] for step in shown(in_steps, lang, [out], notice)(newer)] == [
        "half",
        gr.skip(),
    ]
    assert [step[out] for step in shown(in_steps, lang, [out], notice)(elsewhere)] == [
        "half",
        "whole",
    ]


def test_what_asks_by_itself_overtakes_no_question():
    turns = Turns()
    by_itself = turns.behind().take("fill")
    assert not turns.asked("fill")
    by_itself()
    question = turns.take("fill")
    assert turns.asked("fill") and not turns.asked("tokens")
    with pytest.raises(Overtaken):
        by_itself()
    turns.behind().take("fill")()
    question()


def test_small_figures():
    assert words_given(" great,, bad ，worse,") == ["great", "bad", "worse"]
    assert [_heat(x) for x in (None, 0.0, -9.2103404, -50.0)] == [0, 0, 100, 100]
    assert [_probability(x) for x in (None, 0.0, -2.302585, -6.9077, -9.2, -20.0)] == [
        "–",
        "100%",
        "10%",
        "0.1%",
        "0.01%",
        "< 0.01%",
    ]
