"""The page as a visitor: through the real server, in a real browser."""

from __future__ import annotations

import json
import random
import re
import urllib.request
import zipfile

import pytest

from tests.loops import in_a_loop
from tests.page.looking import press_point
from tests.page.test_parts import ENDPOINTS
from tests.page.visiting import (
    EVIL,
    choose,
    expect,
    only,
    open_section,
    own_file,
    press_until,
    to_tab,
    upload,
)

pytestmark = pytest.mark.browser


# --- the server -----------------------------------------------------------------------------------


def test_it_says_that_it_is_well(served):
    with urllib.request.urlopen(f"{served.url}/healthz") as answer:
        assert json.load(answer) == {"status": "ok"}
        assert (
            answer.headers["x-content-type-options"] == "nosniff"
            and answer.headers["referrer-policy"] == "no-referrer"
        )
    with urllib.request.urlopen(f"{served.url}/tl-static/plotly.min.js") as answer:
        assert "max-age" in answer.headers["cache-control"] and len(answer.read()) > 1_000_000


def test_a_link_to_nothing_is_told(visit):
    page = visit("/?study=nothing-here")
    expect(page.get_by_text("no longer here")).to_be_visible()
    expect(page.locator("#status")).to_contain_text("Nothing is running")


# --- own data -------------------------------------------------------------------------------------


def test_a_bad_file_is_told_and_the_old_data_stay(revisit, tmp_path):
    page = revisit()
    to_tab(page, "data")
    bad = tmp_path / "picture.csv"
    bad.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 10)
    page.locator("#upload input[type=file]").set_input_files(bad)
    expect(page.locator("#data-notice")).to_contain_text("PNG image")
    expect(page.locator("#data-notice")).to_contain_text("is still in use")
    expect(page.locator("#data-summary")).to_contain_text("support_tickets.csv")


def test_columns_can_be_named_when_they_cannot_be_told(visit, tmp_path):
    path = tmp_path / "odd.csv"
    path.write_text(
        "one,two,three\n"
        + "".join(f"{'x' * 8} {i},{'y' * 8} {i},{'ab'[i % 2]}\n" for i in range(60)),
        encoding="utf-8",
    )
    page = visit()
    to_tab(page, "data")
    page.locator("#upload input[type=file]").set_input_files(path)
    expect(page.locator("#data-notice")).to_contain_text("“Text column”")
    page.locator("#how-read button").first.click()
    page.locator("#column-text input").click()
    page.get_by_role("option", name="two").click()
    expect(page.locator("#data-summary")).to_contain_text("odd.csv")


def test_html_in_texts_is_text(visit, tmp_path):
    path = tmp_path / "<b>evil.csv"
    other = random.Random(3)
    rows = "".join(
        f'"{EVIL} {other.getrandbits(200):x}",{["<i>first</i>", "${second}"][i % 2]}\n'
        for i in range(60)
    )
    path.write_text("text,label\n" + rows, encoding="utf-8")
    page = visit()
    to_tab(page, "data")
    page.locator("#upload input[type=file]").set_input_files(path)
    expect(page.locator("#preview")).to_contain_text("<b>bold</b>")
    to_tab(page, "compare")
    only(page, "majority")
    page.locator("#run").click()
    expect(page.locator("#status")).to_contain_text("Finished")
    page.locator("#see-results").click()
    open_section(page, "rows")
    expect(page.locator("#rows")).to_contain_text("{{7*7}}")
    expect(page.locator("#answer h2")).to_be_visible()
    assert page.title() == "Transfer Lab"


def test_label_names_can_be_changed(revisit):
    page = revisit()
    to_tab(page, "data")
    upload(page, "l.csv", b"id,name\nbug,Bug\n")
    expect(page.locator("#data-notice")).to_contain_text("lacks")
    with page.expect_download() as got:
        page.locator("#labels-down").click()
    table = json.loads(got.value.path().read_text(encoding="utf-8"))
    table[0]["name"] = "Money matters"
    upload(page, "l.json", json.dumps(table).encode())
    expect(page.locator("#data-summary")).to_contain_text("Money matters")


# --- results and trying ---------------------------------------------------------------------------


def test_matrix_and_filters(revisit, finished):
    page = revisit(f"/?study={finished}")
    to_tab(page, "results")
    open_section(page, "rows")
    page.locator("#filter").get_by_label("arms disagree").check()
    expect(page.locator("#chosen")).to_contain_text("arms disagree")
    matrix = page.locator("#matrix .nsewdrag")
    box = matrix.bounding_box()
    corner = {"x": box["width"] * 0.05, "y": box["height"] * 0.95}
    press_point(
        matrix,
        lambda ms: expect(page.locator("#chosen")).to_contain_text("Given “", timeout=ms),
        position=corner,
    )
    open_section(page, "pictures")
    page.locator("#metric").get_by_label("macro-F1").check()
    expect(page.locator("#curves .ytitle")).to_contain_text("macro-F1")


def test_the_sections_tell_the_decision(revisit, finished):
    page = revisit(f"/?study={finished}")
    to_tab(page, "results")
    expect(page.locator("#answer h2")).to_be_visible()
    expect(page.locator("#answer")).not_to_contain_text("&#")  # escaped twice
    open_section(page, "pictures")
    page.locator("#because details > summary").first.click()
    expect(page.locator("#because .tl-terms")).to_contain_text("Holm over all pairs")

    open_section(page, "pays")
    expect(page.locator("#pays-table")).to_contain_text("TF-IDF")
    choose(page, "#pair-a", "TF-IDF + logistic regression")
    choose(page, "#pair-b", "Linear probe")
    expect(page.locator("#pair-said")).to_contain_text(re.compile("Linear probe.*TF-IDF"))

    def ask_at_48() -> None:
        page.locator("#pair-at input[type=number]").fill("48")
        page.locator("#pair-at input[type=number]").press("Tab")

    press_until(
        ask_at_48,
        lambda ms: expect(page.locator("#pair-here")).to_contain_text(
            "With 48 labelled texts, Linear probe is", timeout=ms
        ),
    )
    choose(page, "#pair-a", "Linear probe")
    expect(page.locator("#section-pays .tl-notice")).to_contain_text("Linear probe was named twice")

    open_section(page, "more-labels")
    expect(page.locator("#gains")).to_contain_text(
        "cannot be extrapolated: at least 5 training sizes are needed"
    )

    open_section(page, "costs")
    expect(page.locator("#costs-said")).to_contain_text("Without prices")
    page.locator("#price-hour input").fill("3")
    page.locator("#price-hour input").press("Tab")
    expect(page.locator("#section-costs .tl-notice")).to_contain_text(
        "Without the price of a label"
    )
    page.locator("#price-label input").fill("0.5")
    page.locator("#price-label input").press("Tab")
    expect(page.locator("#costs-said")).to_contain_text("At these prices")
    expect(page.locator("#costs-table")).to_contain_text("Total cost incl. first month")

    open_section(page, "trust")
    expect(page.locator("#trust-table")).to_contain_text("because the labels are roughly balanced")
    for section in ("#because", "#pays-table", "#costs-table", "#trust-table"):
        expect(page.locator(section)).not_to_contain_text(re.compile(r"\b(tfidf|prior-probe)\b"))
    page.locator("#risk-picture .point").first.wait_for()


def test_try_a_text(revisit, finished):
    page = revisit(f"/?study={finished}")
    to_tab(page, "try")
    page.locator("#try-examples label").first.wait_for()  # what the tab shows is drawn
    page.locator("#try-ask").click()
    expect(page.locator("#try-notice")).to_contain_text("Write a text first")
    box = page.locator("#try-text").get_by_role("textbox")
    box.fill("I was charged twice, please refund my card")
    box.press("Enter")
    expect(page.locator("#try-answers .tl-card")).to_have_count(5)
    expect(page.locator("#try-answers h3").first).to_contain_text("Linear probe advised")
    box.fill("It crashes whenever I press save")  # answered without being asked
    expect(page.locator("#try-answers tr.tl-given").first).to_contain_text("Bug report")
    expect(page.locator("#try-answers")).to_contain_text("%")
    page.locator("#try-examples label").first.click()
    expect(box).not_to_have_value("I was charged twice, please refund my card")


def test_a_trained_arm_is_taken_along(visit, finished, tmp_path):
    page = visit(f"/?study={finished}")
    to_tab(page, "try")
    page.locator("#try-take").click()
    expect(page.locator("#home-format")).to_contain_text("sentence-transformers")
    choose(page, "#home-arm", re.compile("^Linear probe ·"))
    expect(page.locator("#home-said")).to_contain_text("sklearn cannot hold probe")
    page.locator("#home-go").click()
    expect(page.locator("#home-down")).to_be_enabled()
    expect(page.locator("#home-said")).to_contain_text("transfer-lab serve model")
    with page.expect_download() as got:
        page.locator("#home-down").click()
    with zipfile.ZipFile(got.value.path()) as archive:
        about = json.loads(archive.read("model/export.json"))
    assert (about["arm"], about["format"]) == ("probe", "sentence-transformers")


def test_an_arm_without_weights_is_trained_again_by_whoever_has_the_study(visit, served, finished):
    page = visit(f"/?study={finished}")
    weights = served.home / "studies" / finished / "models"
    weights.rename(weights.with_name("away"))
    try:
        to_tab(page, "results")
        open_section(page, "take-home")
        expect(page.locator("#home-said")).to_contain_text("only whoever started the study")
        to_tab(page, "studies")
        page.locator("#study-duplicate").click()
        page.wait_for_url(lambda url: finished not in url)
        to_tab(page, "results")
        page.locator("#home-again").click()
        expect(page.locator("#home-format")).to_contain_text("sentence-transformers")
    finally:
        weights.with_name("away").rename(weights)


def test_an_assistant_has_the_endpoints_as_tools(served, finished):

    from mcp import ClientSession
    from mcp.client.streamable_http import streamablehttp_client

    async def ask():
        address = f"{served.url}/gradio_api/mcp/"
        async with streamablehttp_client(address) as (reads, writes, _):
            async with ClientSession(reads, writes) as session:
                await session.initialize()
                tools = {tool.name: tool for tool in (await session.list_tools()).tools}
                asked = {"study": finished, "text": "my parcel is late"}
                answer = await session.call_tool("predict", asked)
                return tools, answer, await session.call_tool("study", {"name": "../.."})

    tools, answer, refused = in_a_loop(ask())
    assert {f"/{name}" for name in tools} == ENDPOINTS
    assert tools["tokens"].inputSchema["properties"]["text"] == {
        "type": "string",
        "description": "the text.",
    }
    assert not answer.isError and "shipping" in answer.content[0].text
    assert refused.isError and "There is no such study" in refused.content[0].text


# --- for everybody --------------------------------------------------------------------------------


def test_the_keyboard_reaches_run(visit):
    page = visit()
    page.locator("[data-tab=compare]").focus()
    reached = []
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                "document.activeElement.id || document.activeElement.closest('[id]')?.id || ''"
            )
        )
        if reached[-1] == "run":
            break
    assert "arm-lora" in reached and reached[-1] == "run", reached
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_dark_and_light_by_a_button(visit):
    page = visit(color_scheme="light")
    page.locator("#theme").click()
    assert page.evaluate("document.body.classList.contains('dark')")
    visit.reload(page)
    page.locator("#run").wait_for()
    page.wait_for_timeout(300)
    assert page.evaluate("document.body.classList.contains('dark')")


def test_deleting_leaves_nothing(visit, served, tmp_path):
    page = visit()
    to_tab(page, "data")
    page.locator("#upload input[type=file]").set_input_files(own_file(tmp_path, name="secret.csv"))
    expect(page.locator("#data-summary")).to_contain_text("secret.csv")
    to_tab(page, "compare")
    only(page, "majority")
    page.locator("#run").click()
    expect(page.locator("#status")).to_contain_text("Finished")
    name = re.search(r"study=([\w-]+)", page.url)[1]
    assert (served.home / "studies" / name).is_dir()
    beside = page.context.new_page()  # another tab, which has remembered the study
    beside.goto(served.url)
    beside.wait_for_url(lambda url: name in url)
    to_tab(page, "studies")
    page.locator("#studies-table").get_by_role("button", name="Delete").click()
    expect(page.locator("#study-away")).to_contain_text("can be brought back")
    beside.locator("[data-tab=results]").click()
    beside.locator("#rail [data-part=rows]").click()
    expect(beside.get_by_text("There is no such study").filter(visible=True).first).to_be_visible()
    to_tab(page, "about")
    page.locator("#delete-upload").click()
    expect(page.get_by_text("The file is deleted")).to_be_visible()
    beside.goto(f"{served.url}/?study={name}")
    expect(beside.get_by_text("no longer here")).to_be_visible()
    assert not [
        p for p in (served.home / "uploads").glob("*/names.json") if "secret.csv" in p.read_text()
    ]
    page.wait_for_url(lambda url: "study=" not in url)
