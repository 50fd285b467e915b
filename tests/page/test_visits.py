"""Seven people, each from the first view of the page to what they came for."""

from __future__ import annotations

import csv
import random
import re
import zipfile
from urllib.parse import parse_qs

import pytest

from tests.page.looking import box, press_point, to_look
from tests.page.test_parts import ROOT
from tests.page.visiting import (
    EVIL,
    TABS,
    WORDS,
    expect,
    only,
    open_cards,
    open_drawer,
    open_section,
    own_file,
    preset,
    to_tab,
)
from tl_ui.state.first_study import EVERYDAY

pytestmark = pytest.mark.browser
ADVISED = {
    "en": re.compile("Start with |Use |Too early to say"),
    "ko": re.compile("방법부터 시작하세요|방법을 쓰세요|판단하기 이릅니다"),
}
FORGETFUL = (
    "Object.defineProperty(window, 'localStorage', {configurable: true,"
    " get() { throw new DOMException('denied', 'SecurityError'); }})"
)


# --- somebody curious -----------------------------------------------------------------------------


def test_somebody_curious_sees_what_labels_buy_and_runs_it(visit, finished):
    page = visit(tab=None, reduced_motion="reduce")
    assert "study=" not in page.url  # what others have made is theirs
    a_finished_study_is_there_before_anything_was_asked(page)
    three_answers_to_a_message(page)

    page.locator("#live").click()
    expect(page.locator("#status")).to_contain_text(re.compile(r"\d+ of \d+ runs|Waiting"))
    page.wait_for_url(re.compile("study="))
    expect(page.locator("[data-state=results]")).to_have_text("first results")
    back_and_forward_lose_no_run(page)
    page.locator("#stop").click()
    expect(page.locator("#status")).to_contain_text("Stopped")
    page.locator("#see-results").click()
    expect(page.locator("#answer h2")).to_contain_text("No verdict until everything has run")

    to_tab(page, "compare")
    preset(page, "quick")
    expect(page.locator("#shots input:checked")).to_have_count(5)
    page.locator("#run").click()
    expect(page.locator("#answer h2")).to_contain_text(ADVISED["en"])  # it goes there by itself
    for part in ("No labelled texts", "A few labelled texts", "All 298 labelled texts"):
        expect(page.locator("#answer h3", has_text=part)).to_be_visible()
    for part in ("Why", "What would change it"):
        expect(page.locator("#because h3", has_text=part)).to_be_visible()
    page.locator("#because details > summary").first.click()
    expect(page.locator("#because dt", has_text="Runner-up")).to_be_visible()
    expect(page.locator("#because")).to_contain_text("test rows")
    expect(page.locator("#answer .ways li")).to_have_count(3)


def back_and_forward_lose_no_run(page) -> None:
    running, was = page.url, page.locator("[data-state=compare]").inner_text()
    page.go_back()
    page.wait_for_url(lambda url: url != running)
    page.go_forward()
    page.wait_for_url(running)
    page.locator("#tab-compare").wait_for()
    expect(page.locator("[data-state=compare]")).not_to_have_text(was)  # it went on meanwhile
    expect(page.locator("#status")).to_contain_text(re.compile(r"\d+ of \d+ runs"))


def a_finished_study_is_there_before_anything_was_asked(page) -> None:
    expect(page.locator(".tl-start-said:visible")).to_contain_text(re.compile(r"Of 100 .* \d\d "))
    assert page.locator(".tl-curve:visible polyline").count() == 3
    assert len(places(page)) == 150
    page.locator("[data-stop='0']").click()
    before = places(page)
    page.locator("[data-stop='2']").click()
    expect(page.locator("[data-stop='2']")).to_have_attribute("aria-pressed", "true")
    assert sum(a != b for a, b in zip(before, places(page), strict=True)) > 100
    page.locator(".tl-curve:visible summary").click()
    expect(page.locator(".tl-curve:visible table")).to_contain_text("LoRA")


def places(page) -> list[str]:
    return page.locator(".tl-moved-box circle").evaluate_all(
        "dots => dots.map(d => d.getAttribute('cx') + ' ' + d.getAttribute('cy'))"
    )


def three_answers_to_a_message(page) -> None:
    field = page.get_by_role("textbox", name="Type a message")
    field.fill("I was charged twice for one month")
    answers = page.locator(".tl-three section")
    expect(answers).to_have_count(3)
    for answer in answers.all():
        expect(answer).to_contain_text("Billing and payment")
        expect(answer.locator("mark").first).to_be_visible()
    field.fill("<b>charged</b> twice")
    expect(answers.first).to_contain_text("<b>charged</b> twice")


# --- a product manager ----------------------------------------------------------------------------


def messy_workbook(folder):
    """A workbook as an office keeps it: columns that are nobody's business, one label in two
    spellings, empty texts, texts that come twice, rows without a label.
    """
    from openpyxl import Workbook

    draw, book = random.Random(3), Workbook()
    sheet = book.active
    sheet.append(["ID", "Created", "Customer", "Priority", "Message", "Category"])
    spelled = {"login": ["Login"], "billing": ["Billing", "Billing", "billing"]}
    for i in range(102):
        topic = list(WORDS)[i % 3]
        words = draw.sample(WORDS[topic].split(), 2)
        more = draw.sample("the my is it please today again still help".split(), 3)
        text = f"{' '.join([*words, *more])} number {i}"
        given = draw.choice(spelled.get(topic, ["Shipping"]))
        if i % 17 == 5:
            text, given = ("", given) if i % 2 else (text, "")
        row = [1000 + i, f"2024-03-{1 + i % 28:02d}", f"Customer {i % 40}", "low", text, given]
        sheet.append(row)
        if i % 20 == 7:
            sheet.append([5000 + i, *row[1:]])
    path = folder / "support export.xlsx"
    book.save(path)
    return path


def test_a_product_manager_brings_a_messy_workbook_and_takes_a_report(visit, tmp_path):
    page = visit(tab=None)
    expect(page.locator("[data-stop='2']")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".tl-moved input[type=range]")).to_have_value("2")  # it played by itself
    with page.expect_file_chooser() as chooser:
        page.locator(".tl-yours:visible").click()
    chooser.value.set_files(messy_workbook(tmp_path))
    the_workbook_is_read_and_cleaned(page)

    page.locator("#next-compare").click()
    expect(page.locator("#intro")).to_contain_text("support export.xlsx")
    assert page.locator("[data-testid='toast-body']").all_text_contents() == []
    only(page, "majority", "tfidf")
    page.locator("#shots").get_by_label("1", exact=True).check()  # with which some rows are wrong
    expect(page.locator("#advice")).to_contain_text("runs, about")
    page.locator("#run").click()
    expect(page.locator("#status")).to_contain_text("Finished")
    page.locator("#see-results").click()
    expect(page.locator("#answer h2")).to_contain_text("TF-IDF")
    a_point_leads_to_its_rows_and_back(page)
    a_table_and_the_report_are_taken_away(page, tmp_path)
    a_colleague_reads_it_by_its_link(page, visit)


def the_workbook_is_read_and_cleaned(page) -> None:
    expect(page.locator("#data-summary")).to_contain_text("support export.xlsx")
    expect(page.locator("#column-text input")).to_have_value(re.compile("^Message"))
    expect(page.locator("#column-label input")).to_have_value(re.compile("^Category"))
    expect(page.locator("#preview")).to_contain_text("number 0")
    findings = page.locator("#findings")
    expect(findings).to_contain_text(re.compile("“Billing” .* and “billing”"))
    expect(page.locator("#data-summary")).to_contain_text("4 labels")
    page.locator("#take-merge-labels").click()
    expect(page.locator("#data-summary")).to_contain_text("3 labels")
    expect(page.locator("#take-merge-labels")).not_to_be_visible()
    for found in (r"without a text|empty", r"without a label", r"the same text|duplicate"):
        expect(page.locator("#tab-data")).to_contain_text(re.compile(found, re.I))


def a_point_leads_to_its_rows_and_back(page) -> None:
    point = page.locator("#curves .point").first
    point.wait_for()
    press_point(
        point,
        lambda ms: expect(page.locator("#chosen")).to_contain_text("Rows that", timeout=ms),
    )
    expect(page.locator("#chosen")).to_be_in_viewport()
    assert "&section=rows" in page.url
    expect(page.locator("#rows tbody")).to_contain_text("✗")
    page.locator("#clear").click()
    expect(page.locator("#chosen")).to_contain_text("All test rows")
    page.go_back()  # to where the point was pressed
    expect(point).to_be_visible()
    expect(page.locator("#chosen")).not_to_be_visible()


def a_table_and_the_report_are_taken_away(page, folder) -> None:
    open_section(page, "trust")
    with page.expect_download() as got:
        page.locator("#section-trust button.csv").first.click()
    table = list(csv.reader(got.value.path().read_text(encoding="utf-8-sig").splitlines()))
    assert got.value.suggested_filename.endswith(".csv") and len(table) > 2
    open_section(page, "take-home")
    with page.expect_download() as got:
        page.locator("#down-report").click()
    got.value.save_as(folder / "report.html")
    report = page.context.new_page()
    report.goto((folder / "report.html").as_uri())
    expect(report.locator("#answer, .answer").first).to_contain_text("TF-IDF")
    report.locator(".js-plotly-plot").first.wait_for()
    report.close()


def a_colleague_reads_it_by_its_link(page, visit) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("#rail [data-part=answer]").click()
    page.locator("#copy-link").click()
    expect(page.get_by_text("The link to this answer is copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    name = re.search(r"study=([\w-]+)", page.url)[1]
    assert copied == f"{page.url.split('?')[0]}?study={name}&tab=results"

    colleague = visit(f"/?study={name}", tab=None)
    expect(colleague.locator("#answer h2")).to_contain_text("TF-IDF")
    expect(colleague.locator("[data-tab=results]")).to_have_attribute("aria-current", "page")
    to_tab(colleague, "compare")
    expect(colleague.locator("#status")).to_contain_text("Finished")
    for button in ("#stop", "#go-on"):
        expect(colleague.locator(button)).not_to_be_visible()
    to_tab(colleague, "studies")
    colleague.locator("#studies-table").get_by_role("button", name="Delete").click()
    expect(colleague.locator("#studies-notice")).to_contain_text("started in another browser")


# --- an engineer ----------------------------------------------------------------------------------


def test_an_engineer_asks_from_a_program_and_reads_every_run(
    visit, served, finished, capsys, tmp_path
):
    programs_have_their_answers(served, finished, capsys, tmp_path)
    page = visit(f"/?study={finished}&section=board", tab=None)
    expect(page.locator("#leaderboard")).to_contain_text("Probe with the labels' names as prior")
    runs = page.locator("#runs-table")
    expect(runs.locator("tbody tr")).to_have_count(49)
    expect(runs.locator("tbody tr", has_text="cpu").first).to_contain_text("%")
    open_section(page, "take-home")
    expect(page.locator("#answer-command")).to_contain_text("python -m tl_core again study.zip")
    expect(page.locator("#answer-command")).to_contain_text(").again(")
    for what, name in (
        ("record", "study.json"),
        ("predictions", "predictions.parquet"),
        ("board", "leaderboard.csv"),
    ):
        with page.expect_download() as got:
            page.locator(f"#down-{what}").click()
        assert got.value.suggested_filename == name and got.value.path().stat().st_size > 300
    to_tab(page, "compare")
    an_arm_with_settings_of_ones_own(page)


def programs_have_their_answers(served, finished, capsys, folder) -> None:
    from gradio_client import Client

    examples = (ROOT / "docs" / "programs.md").read_text("utf-8").split("```python\n")[1:3]
    asks, starts = (example.split("```")[0] for example in examples)
    names = {}
    exec(asks.replace("http://127.0.0.1:7860", served.url).replace("STUDY", finished), names)
    assert "tfidf billing" in capsys.readouterr().out
    exec(starts.replace("tickets.csv", str(own_file(folder))), names)
    made, said = names["made"], capsys.readouterr().out
    assert said.startswith("tfidf ") and made["study"] in said
    client = Client(served.url, verbose=False)
    for wrong, why in (
        (("", "probe"), "There are no rows"),
        (("sample:nothing",), "sample:support_tickets"),
        (("sample:support_tickets", "nothing"), "nothing"),
        (("sample:support_tickets", "tfidf", "many"), "no number of shots"),
        (("sample:support_tickets", "tfidf", "1", 99), "Seeds must be from 1 to 20"),
    ):
        with pytest.raises(Exception, match=why):
            client.predict(*wrong, api_name="/start_study")
    with pytest.raises(Exception, match="another browser"):
        client.predict(made["study"], "no key", api_name="/stop_study")
    assert "tfidf" in {s["id"] for s in client.predict(api_name="/list_strategies")}
    assert client.predict(finished, api_name="/study")["name"] == "support_tickets.csv"
    answers = client.predict(finished, "my parcel is late", api_name="/predict")
    assert abs(sum(answers["probe"].values()) - 1) < 1e-3
    with pytest.raises(Exception, match="no such study"):
        client.predict("../..", api_name="/study")
    client.close()


def an_arm_with_settings_of_ones_own(page) -> None:
    only(page)
    open_drawer(page)
    page.locator("#own button").first.click()
    # the form is drawn again until then, and takes its answers with it; nothing says when it has
    expect(page.locator("#advice")).to_contain_text("Choose at least one strategy")
    page.wait_for_timeout(1000)
    page.locator("#own").get_by_label("rank").fill("100000")
    page.locator("#own").get_by_label("rank").press("Tab")
    page.locator("#own-add").click()
    expect(page.locator("#compare-notice")).to_contain_text("must be from 1 to 256")
    page.locator("#own").get_by_label("rank").fill("4")
    page.locator("#own-name input, #own-name textarea").fill("small lora")
    page.locator("#own-add").click()
    expect(page.locator("#own-table")).to_contain_text("small lora")
    expect(page.locator("#own-table")).to_contain_text("rank = 4")
    expect(page.locator("#advice")).to_contain_text("runs, about")
    page.locator("#own").get_by_role("button", name="Remove").click()
    expect(page.locator("#advice")).to_contain_text("Choose at least one strategy")


# --- a Korean team lead ---------------------------------------------------------------------------


def reviews_of_a_shop(folder):
    """Reviews as a Korean spreadsheet saves them: in its own encoding, with Korean headings."""
    good, bad = "좋아요 만족 추천 최고 빠른", "별로 실망 환불 불만 느린"
    draw, rows = random.Random(5), ["번호,리뷰 내용,감정"]
    for i in range(90):
        words = draw.sample((bad if i % 2 else good).split(), 2)
        more = draw.sample("배송이 정말 제품은 포장도 이번에 다시".split(), 3)
        rows.append(f"{i},{' '.join([*more, *words])} {i}번째,{'부정' if i % 2 else '긍정'}")
    path = folder / "리뷰.csv"
    path.write_text("\n".join(rows), encoding="cp949")
    return path


def test_a_korean_team_lead_compares_her_reviews(visit, tmp_path):
    page = visit(tab=None, locale="ko-KR")
    expect(page.locator(".tl-start-said:visible")).to_contain_text("고객 문의")
    with page.expect_file_chooser() as chooser:
        page.locator(".tl-yours:visible").click()
    chooser.value.set_files(reviews_of_a_shop(tmp_path))
    expect(page.locator("#data-summary")).to_contain_text("리뷰.csv")
    expect(page.locator("#column-text input")).to_have_value(re.compile("^리뷰 내용"))
    expect(page.locator("#column-label input")).to_have_value(re.compile("^감정"))
    page.locator("#next-compare").click()
    expect(page.locator("#run")).to_have_text("이 실험 실행")
    expect(page.locator(".tl-way-none h3:visible")).to_have_text("예시 없이")
    expect(page.locator("#more-none > button")).to_contain_text("다른 방법")
    expect(page.locator("#arm-lora")).to_contain_text("LoRA 어댑터")
    only(page, "majority", "tfidf")
    expect(page.locator("#advice .tl-estimate")).to_be_visible()
    page.locator("#run").click()
    expect(page.locator("#status")).to_contain_text("모두 마쳤습니다")
    page.locator("#see-results").click()
    expect(page.locator("#answer h2")).to_contain_text("TF-IDF")
    with page.expect_download() as got:
        page.locator("#down-report").click()
    report = got.value.path().read_text(encoding="utf-8")
    assert "<html lang='ko'" in report.replace('"', "'") and "리뷰.csv" in report

    page.locator("#lang").get_by_label("English").check()
    expect(page.locator("#answer h2")).to_contain_text(re.compile("[a-z]{3} [a-z]{2}"))
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.wait_for_timeout(1000)  # the browser is told to remember it
    to_tab(page, "compare")
    visit.reload(page)
    expect(page.locator("#run")).to_have_text("Run this study")


# --- a teacher ------------------------------------------------------------------------------------


def test_a_teacher_shows_what_a_model_does_and_sends_the_class_a_link(visit):
    page = visit(tab=None)
    to_tab(page, "results")
    expect(page.locator("#answer")).to_contain_text("No results yet")
    to_look(page)
    a_blank_is_filled_by_pressing(page)
    box(page, "fill-text").fill(f"{EVIL} is [MASK].")
    box(page, "fill-text").press("Enter")
    expect(page.locator("#fill-out")).to_contain_text("onerror")
    link = page.locator("#fill-link a")
    expect(link).to_have_attribute("href", re.compile("onerror"))
    address = link.get_attribute("href")
    assert parse_qs(address.removeprefix("?"))["text"] == [f"{EVIL} is [MASK]."]

    pupil = visit(f"/{address}")
    expect(pupil.locator("#fill-out")).to_contain_text("%")
    expect(box(pupil, "fill-text")).to_have_value(f"{EVIL} is [MASK].")
    assert pupil.title() == "Transfer Lab"


def a_blank_is_filled_by_pressing(page) -> None:
    expect(page.locator("#fill-out .tl-guess")).to_have_count(5)
    expect(page.locator("#fill-out .tl-sides")).to_contain_text("minilm-masked")
    expect(page.locator("#fill-out .tl-guess .tl-num").first).to_have_text(re.compile(r"\d+\.\d%"))
    expect(page.locator("#fill-undo")).to_be_disabled()
    page.locator("#fill-out .tl-guess").first.click()  # it goes into the text: no blank is left
    expect(box(page, "fill-text")).to_have_value(re.compile(r"The cat is on the [^\[]+\.$"))
    expect(page.locator("#fill-out .tl-guess")).to_have_count(0)
    page.locator("#fill-out .tl-word", has_text="cat").first.focus()
    page.keyboard.press("Enter")  # a word is hidden, by keyboard too
    expect(box(page, "fill-text")).to_have_value(re.compile(r"The \[MASK\] is on the [^\[]+\.$"))
    expect(page.locator("#fill-out .tl-guess")).to_have_count(5)
    page.locator("#fill-undo").click()
    expect(box(page, "fill-text")).to_have_value(re.compile(r"The cat is on the [^\[]+\.$"))
    page.locator("#fill-undo").click()
    expect(box(page, "fill-text")).to_have_value("The cat is on the [MASK].")
    expect(page.locator("#fill-undo")).to_be_disabled()


# --- somebody on a phone --------------------------------------------------------------------------


def test_somebody_on_a_phone_reads_an_answer_and_asks_for_another(visit, chromium, finished):
    phone = chromium.new_context(
        viewport={"width": 390, "height": 844}, locale="en-US", color_scheme="dark", has_touch=True
    )
    phone.add_init_script(FORGETFUL)  # a private window that keeps nothing
    page = visit(f"/?study={finished}", tab=None, context=phone)
    expect(page.locator("#answer h2")).to_be_visible()
    expect(page.locator("[data-tab=results]")).to_have_attribute("aria-current", "page")
    assert page.evaluate("document.body.classList.contains('dark')")
    page.locator("#rail [data-part=trust]").tap()
    expect(page.locator("#trust-table")).to_contain_text("%")
    expect(page.locator("#rail [aria-current]")).to_contain_text("Trust")
    expect(page.locator("#section-pictures")).not_to_be_visible()

    to_tab(page, "compare")
    only(page, *EVERYDAY, "dora", "prefix")
    page.locator("#shots").get_by_label("1", exact=True).check()
    open_drawer(page)
    page.locator("#own button").first.click()
    page.locator("#own-strategy input").click()
    page.get_by_role("option", name="Read your texts first, then learn", exact=True).click()
    page.locator("#own-settings-adapt-then").wait_for()
    page.locator("#own-name input, #own-name textarea").fill("a name without a gap " + "x" * 30)
    page.locator("#own-add").click()
    expect(page.locator("#own-table")).to_contain_text("xxx")
    expect(page.locator("#advice .tl-costs")).to_contain_text("xxx")
    expect(page.locator("#advice")).to_contain_text(
        "Left out: Contrastive tuning (SetFit) · 1 text per label. contrastive pairs rows"
    )
    for tab in TABS:
        to_tab(page, tab)
        page.wait_for_timeout(400)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, tab
    phone.close()


# --- somebody who returns -------------------------------------------------------------------------


def test_somebody_who_returns_finds_the_study_again(visit, finished, tmp_path):
    page = visit()
    only(page, "lora")
    page.locator("#run").click()
    expect(page.locator("#status")).to_contain_text("step")
    page.close()  # while it runs

    page = visit(tab=None, context=page.context)  # by the plain address, as it was typed before
    page.wait_for_url(re.compile("study="))
    to_tab(page, "compare")
    page.locator("#stop").click()
    expect(page.locator("#status")).to_contain_text("Stopped")
    page.locator("#go-on").click()
    expect(page.locator("#stop")).to_be_visible()
    expect(page.locator("#status")).to_contain_text(re.compile("runs are finished|Waiting|of"))
    page.locator("#stop").click()
    expect(page.locator("#status")).to_contain_text("Stopped")

    page = visit(f"/?study={finished}", tab="studies", context=page.context)
    own = a_study_of_others_becomes_ones_own(page, finished)
    it_is_deleted_and_brought_back(page, own)
    it_goes_into_a_file_and_comes_out_of_it(page, own, finished, tmp_path)
    two_studies_are_compared(page)
    page.locator("#study-change").click()
    expect(page.locator("#intro")).to_contain_text("support_tickets.jsonl")
    expect(page.locator("#advice")).to_contain_text("runs, about")
    open_cards(page)
    expect(page.locator(".tl-arm input:checked")).to_have_count(5)
    assert page.locator("#shots input:checked").count() == 5


def a_study_of_others_becomes_ones_own(page, finished: str) -> str:
    facts = page.locator("#study-facts")
    expect(facts).to_contain_text("5 arms")
    expect(page.locator("#study-save")).to_be_disabled()  # it was started in another browser
    page.locator("#study-duplicate").click()
    expect(page.locator("#study-save")).to_be_enabled()
    assert (own := re.search(r"study=([\w-]+)", page.url)[1]) != finished
    page.locator("#study-title input, #study-title textarea").fill(f"Second look {EVIL}")
    page.locator("#study-note textarea").fill("before the labels\nwere cleaned")
    page.locator("#study-save").click()
    expect(facts.locator("h4")).to_have_text(f"Second look {EVIL}")
    expect(facts).to_contain_text("were cleaned")
    expect(page.locator("#studies-table tbody")).to_contain_text("% accuracy, ")
    return own


def it_is_deleted_and_brought_back(page, own: str) -> None:
    table = page.locator("#studies-table tbody")
    search = page.get_by_role("searchbox", name="Search")
    search.fill("no such thing")
    expect(table.locator("tr:visible")).to_have_count(0)
    search.fill("SECOND look")
    table.get_by_role("button", name="Delete Second look").click()
    expect(page.locator("#study-away")).to_contain_text("can be brought back")
    expect(table.locator("tr:visible")).to_have_count(0)
    page.wait_for_url(lambda url: "study=" not in url)
    page.locator("#study-undo").click()
    table.get_by_role("button", name="Open Second look").click()
    page.wait_for_url(lambda url: own in url)
    expect(page.locator("#answer h2")).to_be_visible()
    to_tab(page, "studies")


def it_goes_into_a_file_and_comes_out_of_it(page, own: str, finished: str, folder) -> None:
    with page.expect_download() as got:
        page.locator("#study-pack").click()
    got.value.save_as(folder / "study.zip")
    assert "plan.json" in zipfile.ZipFile(folder / "study.zip").namelist()
    (folder / "broken.zip").write_bytes((folder / "study.zip").read_bytes()[:5000])
    page.locator("#archive-file input[type=file]").set_input_files(folder / "broken.zip")
    expect(page.locator("#studies-notice")).to_contain_text("damaged or cut off")
    page.locator(
        "#archive-file button[aria-label='Remove this file'], #archive-file"
        " button[aria-label='Clear']"
    ).first.click()
    page.locator("#archive-file input[type=file]").set_input_files(folder / "study.zip")
    page.wait_for_url(lambda url: own not in url and finished not in url)
    expect(page.locator("#answer h2")).to_be_visible()
    to_tab(page, "try")
    expect(page.locator("#try-answers")).to_contain_text(
        "an archive holds rows, predictions and the report, but no trained weights"
    )
    to_tab(page, "studies")


def two_studies_are_compared(page) -> None:
    table, found = page.locator("#studies-table tbody"), page.locator("#two-found")
    table.get_by_role("button", name="Compare Second look").first.click()
    expect(page.locator("#studies-table")).to_contain_text("Choose the study to compare")
    table.get_by_role("button", name="Compare it with Second look").first.click()
    expect(found).to_contain_text("%")
    expect(found).to_be_in_viewport()
    page.locator("#two-compare").click()
    expect(found).to_contain_text("the same on every row")
    expect(found).to_contain_text("Both studies have the same")
    expect(found.locator("tbody tr").first).to_contain_text("%")
    assert page.title() == "Transfer Lab" and page.locator("#tab-studies img").count() == 0
