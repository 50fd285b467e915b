"""The page as a Korean visitor reads it: no English sentence anywhere but in texts and names of
the data.
"""

from __future__ import annotations

import re

import pytest

from tests.page.visiting import expect, to_tab
from tl_core.data.load import load

pytestmark = pytest.mark.browser

# what a visitor can read, without what the data, models and strategies are called by name
READ = """() => {
  const skip = 'code, pre, kbd, svg, script, style, [data-testid^=cell], .tl-curve table, #sample,'
    + ' .tl-code, .dataframe, table td, option, textarea, input, .tl-moved, #rows, blockquote';
  const seen = [];
  const walk = node => {
    if (node.nodeType === 3) { const text = node.textContent.trim(); if (text) seen.push(text); }
    if (node.nodeType !== 1 || node.matches(skip) || !node.checkVisibility()) return;
    for (const child of node.childNodes) walk(child);
  };
  walk(document.querySelector('main') || document.body);
  return seen;
}"""
WORDS = re.compile(r"(?:\b[a-z][a-z']+\b[ ,]+){3,}[a-z]+", re.ASCII)  # four small words in a row


def english(page, own: list[str]) -> list[str]:
    """What reads as English and is neither a text of the data nor an example for an English
    model.
    """
    return [
        text
        for text in page.evaluate(READ)
        if WORDS.search(text) and "[MASK]" not in text and not any(x in text for x in own)
    ]


OPEN = """tab => {
  for (const fold of document.querySelectorAll(`#tab-${tab} .label-wrap:not(.open)`))
    if (fold.checkVisibility()) fold.click();
  for (const fold of document.querySelectorAll(`#tab-${tab} details`)) fold.open = true;
}"""


def test_every_tab_is_korean(visit, finished):
    page = visit(f"/?study={finished}", tab=None, locale="ko-KR")
    expect(page.locator("#answer h2")).to_be_visible()
    own = [e.text[:25] for e in load("sample:support_tickets").dataset.examples]
    found = {}
    for tab in ("results", "start", "data", "compare", "try", "look", "studies", "about"):
        to_tab(page, tab)
        page.wait_for_timeout(1000)
        page.evaluate(OPEN, tab)
        page.wait_for_timeout(6000 if tab == "results" else 1000)  # its sections are drawn
        if told := english(page, own):
            found[tab] = told
    assert found == {}


def test_notices_are_korean(visit, tmp_path):
    """What Gradio says by itself, in the browser, and the heads of notices."""
    page = visit("/?tab=data", tab=None, locale="ko-KR")
    page.locator("#upload input[type=file]").wait_for(state="attached")
    file = tmp_path / "plan.pdf"
    file.write_bytes(b"%PDF")
    page.locator("#upload input[type=file]").set_input_files(file)
    notice = page.get_by_test_id("toast-body")
    expect(notice).to_contain_text("여기서 읽을 수 없는 파일입니다: plan.pdf")
    expect(notice).to_contain_text(".csv, .tsv")
    assert not re.search(r"Warning|Error|Invalid", notice.inner_text())

    page = visit("/?study=nothing", tab=None, locale="ko-KR")
    notice = page.get_by_test_id("toast-body")
    expect(notice).to_contain_text("주의")
    expect(notice).to_contain_text("이 주소의 실험이 더는 없습니다")
    assert not re.search(r"Warning|Error", notice.inner_text())
