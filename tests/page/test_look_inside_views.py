"""Word senses, attention and words that mattered as a visitor has them: in a real browser, answered
by the real model.
"""

from __future__ import annotations

import re

import pytest

from tests.page.looking import box, press_point, to_look
from tests.page.visiting import EVIL, choose, expect
from tl_core.api.errors import UserError
from tl_ui.views._shared.sense_sentences import EXAMPLES, PLAY
from tl_ui.views.word_senses import MOST_SENTENCES, sentences_given

# Moves a slider.
MOVE = """([slider, to]) => {
  const range = document.querySelector(`#${slider} input[type=range]`);
  range.value = to;
  range.dispatchEvent(new Event('input', {bubbles: true}));
}"""
SAYS = (
    "([map, said]) => document.querySelector(`#${map} .tl-plot`).layout.annotations.some(a =>"
    " a.text.startsWith(said))"
)


def link_of(page, view: str) -> str:
    """The address behind the link under a view."""
    return "/" + page.locator(f"#view-{view} a[href^='?look=']").get_attribute("href")


# --- word senses ----------------------------------------------------------------------------------


def test_senses_come_apart_layer_by_layer_and_a_link_opens_them_again(visit):
    page = visit()
    to_look(page, "senses")
    told = page.locator("#senses-told")
    expect(told).to_contain_text(
        re.compile(r"layer \d of 6\. The nearest mentions predict the correct sense for \d+%")
    )
    points = page.locator("#senses-map-0 .scatterlayer .points path")
    expect(points).to_have_count(24)  # 12 mentions, with one vector a word and in context
    expect(page.locator("#senses-map-1")).to_be_hidden()

    asked = []
    page.on("request", lambda request: asked.append(request.url))
    before = -1
    while len(asked) > before:  # the first answer's own events come to their end
        before = len(asked)
        page.wait_for_timeout(1000)
    asked.clear()
    for to, said in enumerate(
        ["before the first layer", *(f"layer {i} of 6" for i in range(1, 7))]
    ):
        page.evaluate(MOVE, ["senses-layer", to])
        page.wait_for_function(SAYS, arg=["senses-map-0", said])
    assert not asked, "the browser has every layer and asks nobody"

    points.last.hover(force=True)  # what takes the pointer lies over them
    expect(page.locator("#senses-map-0 .hoverlayer")).to_contain_text("«play»")
    press_point(
        points.last,
        lambda ms: expect(page.locator("#senses-mention mark")).to_have_text("play", timeout=ms),
    )
    expect(page.locator("#senses-mention")).to_contain_text(re.compile(r"line \d+"))
    depth, depths = (
        page.locator("#senses-layer input[type=number]"),
        page.locator("#senses-by-layer .points path"),
    )
    press_point(
        depths.nth(3), lambda ms: expect(depth).to_have_value("2", timeout=ms)
    )  # one vector, 0, 1, 2
    page.locator("#senses-table summary").click()
    expect(page.locator("#senses-table tbody tr")).to_have_count(8)

    choose(page, "#senses-beside", "minilm:", exact=False)
    expect(page.locator("#senses-map-1 .scatterlayer .points path")).to_have_count(24)
    expect(page.locator("#senses-table details")).to_have_count(2)

    press_point(depths.nth(7), lambda ms: expect(depth).to_have_value("6", timeout=ms))
    expect(page.locator("#senses-link a")).to_have_attribute("href", re.compile("layer=6"))
    again = visit(link_of(page, "senses"))
    expect(again.locator("#view-senses")).to_be_visible()
    expect(again.locator("#senses-map-1 .scatterlayer .points path")).to_have_count(24)
    expect(again.locator("#senses-layer input[type=number]")).to_have_value("6")
    expect(box(again, "senses-sentences")).to_have_value(PLAY)


def test_senses_of_ones_own_sentences(visit):
    page = visit(locale="ko-KR")
    to_look(page, "senses")
    page.locator("#senses-examples button").first.click()
    expect(box(page, "senses-word")).to_have_value("배")
    expect(page.locator("#senses-model input")).to_have_value(re.compile("minilm-korean"))
    expect(page.locator("#senses-told")).to_contain_text("minilm-korean")
    expect(page.locator("#senses-told .tl-notice")).to_have_count(0)
    expect(page.locator("#senses-examples")).to_contain_text("또는 예를 고르세요")
    expect(page.locator("#senses-by-layer")).to_be_visible()

    box(page, "senses-word").fill("ship")
    box(page, "senses-sentences").fill(
        f"{EVIL} ship\nשלום ship עולם 🙂\n\n ship" + " long" * 20_000
    )
    page.locator("#senses-ask").click()
    points = page.locator("#senses-map-0 .scatterlayer .points path")
    expect(points).to_have_count(6)
    expect(page.locator("#senses-by-layer")).to_be_hidden()  # nobody said what the word means
    expect(page.locator("#senses-link")).to_contain_text("너무 길어")
    press_point(
        points.nth(3),
        lambda ms: expect(page.locator("#senses-mention")).to_contain_text(
            "<img src=x onerror=", timeout=ms
        ),
    )
    assert page.locator("#view-senses img").count() == 0 and page.title() == "Transfer Lab"

    box(page, "senses-word").fill("anchor")
    page.locator("#senses-ask").click()
    expect(page.locator("#senses-notice")).to_contain_text(
        "텍스트 3개 가운데 'anchor'가 온전한 단어로 들어 있는 것이 없습니다"
    )
    with page.expect_download() as saved:
        page.locator("#senses-map-0 .tl-picture").click()
    assert (
        saved.value.suggested_filename == "word-senses.png"
        and saved.value.path().read_bytes().startswith(b"\x89PNG")
    )


def test_sentences_with_and_without_senses():
    examples, senses = sentences_given(
        " a ship | sea \n\nno sense\nwith | bar\tafter a tab\r\n||\n| only a sense"
    )
    assert [(e.row, e.text) for e in examples] == [
        (1, "a ship"),
        (3, "no sense"),
        (4, "with | bar"),
        (6, ""),
    ]
    assert senses == ["sea", "", "after a tab", "only a sense"]
    for text, said in (
        ("", "Write some sentences"),
        (" \n|\t\n", "Write some sentences"),
        ("x\n" * (MOST_SENTENCES + 1), f"at most {MOST_SENTENCES}"),
        ("x" * 300_000, "longer than"),
    ):
        with pytest.raises(UserError, match=said):
            sentences_given(text)


def test_every_example_names_its_senses():
    for named, lines in EXAMPLES:
        examples, senses = sentences_given(lines)
        assert all(named in e.text for e in examples) and all(senses) and len(set(senses)) > 1
        assert min(senses.count(sense) for sense in senses) > 1


# --- attention ------------------------------------------------------------------------------------


def test_attention_of_a_head_and_a_link_that_opens_it_again(visit):
    page = visit()
    to_look(page, "attention")
    out = page.locator("#attention-out")
    expect(out).to_contain_text(re.compile(r"“it” attends to “cat” \(\d\d%\)"))
    expect(out.locator(".tl-press")).to_have_count(13)
    expect(out.locator(".tl-chosen")).to_have_text(re.compile("^it"))
    out.locator(".tl-press", has_text="tired").click()
    expect(out).to_contain_text("“tired” attends to")
    page.locator("#attention-examples button").nth(1).click()
    expect(out).to_contain_text(
        re.compile(
            r"layer 1 of 6, head 3 of 12.*“it” attends to “because” \((99|100)%\)", re.DOTALL
        )
    )
    page.locator("#attention-head input[type=number]").fill("0")
    page.locator("#attention-head input[type=number]").press("Tab")
    expect(out).to_contain_text("layer 1 of 6, mean of its 12 heads")
    drawn = page.locator("#attention-map-0 .nsewdrag")
    press_point(
        drawn,
        lambda ms: expect(out.locator(".tl-chosen")).not_to_have_text(
            re.compile("^it"), timeout=ms
        ),
        position={"x": 30, "y": 40},
    )
    told = out.locator("p[role=status]").text_content()

    again = visit(link_of(page, "attention"))
    expect(again.locator("#view-attention")).to_be_visible()
    expect(again.locator("#attention-out p[role=status]")).to_have_text(told)
    expect(again.locator("#attention-head input[type=number]")).to_have_value("0")


def test_attention_of_odd_texts_and_two_models(revisit):
    page = revisit()
    to_look(page, "attention")
    out = page.locator("#attention-out")
    box(page, "attention-text").fill(f"{EVIL} שלום 🙂" + " and on" * 10_000)
    choose(page, "#attention-beside", "minilm:", exact=False)
    expect(out.locator("section")).to_have_count(2)
    expect(out.locator("section").first).to_contain_text("tokens; only 128 are read and shown")
    expect(out.locator("section").nth(1).locator(".tl-press")).to_have_count(128)
    expect(page.locator("#attention-link")).to_contain_text("too long for a link")
    assert page.locator("#view-attention img").count() == 0 and page.title() == "Transfer Lab"
    box(page, "attention-text").fill("  ")
    page.locator("#attention-ask").click()
    expect(page.locator("#attention-notice")).to_contain_text("Write a text first.")
    with page.expect_download() as saved:
        page.locator("#attention-map-1 .tl-picture").click()
    assert saved.value.suggested_filename == "attention.png"


# --- which words mattered -------------------------------------------------------------------------


def test_words_that_mattered_to_two_arms(visit, finished):
    page = visit(f"/?look=mattered&study={finished}")
    expect(page.locator("#view-mattered")).to_be_visible()
    out = page.locator("#mattered-out")
    expect(out.locator(".tl-sides > section")).to_have_count(2)
    expect(out.locator(".tl-answers-of tbody tr")).to_have_count(5)
    expect(page.locator("#mattered-chart .points path").first).to_be_visible()

    box(page, "mattered-text").fill(f"The invoice is wrong {EVIL}")
    page.locator("#mattered-ask").click()
    words = out.locator(".tl-sides > section").first.locator(".tl-token")
    expect(words.filter(has_text="invoice")).to_have_count(1)
    expect(words.filter(has_text="invoice")).to_have_attribute(
        "title", re.compile(r"Without “invoice”: \d+\.\d%")
    )
    choose(page, "#mattered-label", "Shipping", exact=False)
    expect(out.locator(".tl-sides > section").nth(1)).to_contain_text(
        re.compile(r"Shipping[^:]*: \d+\.\d%, with every word in place")
    )
    assert page.locator("#view-mattered img").count() == 0 and page.title() == "Transfer Lab"

    again = visit(link_of(page, "mattered"))
    expect(again.locator("#mattered-out .tl-token", has_text="invoice")).to_have_count(2)
    expect(box(again, "mattered-text")).to_have_value(f"The invoice is wrong {EVIL}")
    expect(again.locator("#mattered-label input")).to_have_value(re.compile("Shipping"))
    box(again, "mattered-text").fill("")
    again.locator("#mattered-ask").click()
    expect(again.locator("#mattered-notice")).to_contain_text("Write a text first.")


def test_without_a_study_it_is_said_what_to_do(revisit):
    page = revisit()
    to_look(page, "mattered")
    expect(page.locator("#mattered-out")).to_contain_text("Run a study first")
    page.locator("#mattered-ask").click()
    expect(page.locator("#mattered-notice")).to_contain_text("Run a study first")


# --- for programs ---------------------------------------------------------------------------------


def test_programs_may_look_too(served, finished):
    from gradio_client import Client

    client = Client(served.url, verbose=False)
    found = client.predict("play", PLAY, api_name="/word_senses")
    assert (
        len(found["mentions"]) == 12
        and len(found["layers"]) == 7
        and len(found["layers"][6]["places"]) == 12
    )
    assert (
        found["layers"][found["best"]]["apart"]["accuracy"] > found["static"]["apart"]["accuracy"]
    )
    with pytest.raises(Exception, match="Give one word"):
        client.predict("", PLAY, api_name="/word_senses")
    looks = client.predict("The cat sat.", head=2, layer=4, api_name="/attention")
    assert [len(looks["tokens"]), len(looks["weights"]), len(looks["weights"][0])] == [6, 6, 6]
    assert all(abs(sum(row) - 1) < 1e-4 for row in looks["weights"])
    with pytest.raises(Exception, match="layers 1 to 6"):
        client.predict("The cat sat.", layer=7, api_name="/attention")
    hangs = client.predict(
        finished, "tfidf", "The invoice is wrong", api_name="/words_that_mattered"
    )
    assert [piece["text"] for piece in hangs["pieces"]] == ["The", "invoice", "is", "wrong"]
    assert all(
        abs(piece["change"] - (hangs["probability"] - piece["probability"])) < 1e-9
        for piece in hangs["pieces"]
    )
    with pytest.raises(Exception, match="No arm called 'nobody'"):
        client.predict(finished, "nobody", "x", api_name="/words_that_mattered")
    client.close()
