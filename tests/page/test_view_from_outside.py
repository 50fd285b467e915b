"""A view that somebody brings: two files in a folder that the operator names, seen on the page."""

from __future__ import annotations

import re

import pytest

from tests.page.looking import box
from tests.page.serving import serving
from tests.page.visiting import EVIL, expect

NUMBERS = '''
"""How many letters and tokens a text has."""

from collections.abc import Iterator
from dataclasses import dataclass

from tl_core.api.errors import UserError
from tl_core.api.view import Checkpoint, Job, Models, Numbers


@dataclass(frozen=True)
class Lengths:
    """Of one text."""

    letters: int
    tokens: int


def text_lengths(models: Models, checkpoint: Checkpoint, text: str) -> Iterator[Lengths]:
    """One `Lengths`."""
    if not text.strip():
        raise UserError("Write a text first.")
    tokenizer, _most = models.tokenizer(checkpoint)
    yield Lengths(len(text), len(tokenizer(text)["input_ids"]))


NUMBERS = Numbers("lengths", (Job("text_lengths", text_lengths, short=True),), max_characters=500)
'''
PICTURE = '''
"""How long a text is for a person, and for a model."""

import dataclasses

import gradio as gr

from tl_plugins.lengths_numbers import NUMBERS
from tl_ui.components.html import escaped
from tl_ui.views._base import View
from tl_ui.views._shared.answers import answer_to
from tl_ui.views._shared.model_picker import resolve


class Lengths(View):
    """The view."""

    id, order, title, about = "lengths", 90, "Lengths", "Letters are not *tokens*."
    ask_label, numbers = "Count", NUMBERS

    def draw_question(self):
        """A text."""
        self.text = gr.Textbox("Hello there", label="Text", elem_id="lengths-text")

    def link_fields(self):
        """What a link holds."""
        return {"text": self.text, **self.picker.fields}

    def example_list(self, lang):
        """A long word."""
        return [("unbelievably", {"text": "unbelievably"})]

    def ask_model(self, pick, values):
        """Letters and tokens."""
        return self.question("text_lengths", checkpoint=pick.checkpoint, text=values[self.text])

    def answer_html(self, answer, snapshot, lang):
        """Both numbers."""
        text = escaped(snapshot.question["text"])
        return f"<p><bdi>{text}</bdi>: {answer.letters} letters, {answer.tokens} tokens</p>"

    @staticmethod
    def endpoint(lab, text: str, model: str = "minilm") -> dict:
        """Letters and tokens of a text."""
        checkpoint = resolve(lab, model).checkpoint
        asked = {"checkpoint": checkpoint, "text": text}
        return dataclasses.asdict(answer_to(lab, NUMBERS, "text_lengths", **asked))


VIEW = Lengths
'''
WITHOUT_MODEL = {
    "words_numbers": '''
"""How many words a text has."""

from tl_core.api.view import Job, Numbers


def count_words(models, checkpoint, text):
    """One number."""
    yield len(text.split())


NUMBERS = Numbers("words", (Job("count_words", count_words, short=True),), max_characters=500)
''',
    "words": '''
"""How many words a text has, which no model is asked about."""

import gradio as gr

from tl_plugins.words_numbers import NUMBERS
from tl_ui.views._base import View


class Words(View):
    """The view."""

    id, order, title, about = "words", 91, "Words", "What is between spaces."
    ask_label, numbers, models = "Count", NUMBERS, False

    def draw_question(self):
        """A text."""
        self.text = gr.Textbox("Hello there", label="Text", elem_id="words-text")

    def link_fields(self):
        """What a link holds."""
        return {"text": self.text}

    def ask_model(self, pick, values):
        """The number."""
        text = values[self.text]
        return self.question("count_words", checkpoint=pick.checkpoint, text=text)

    def answer_html(self, answer, snapshot, lang):
        """In a sentence."""
        return f"<p>{answer} words</p>"


VIEW = Words
''',
}


@pytest.fixture(scope="module")
def brought(tmp_path_factory):
    """A page of an operator who names a folder with such a view."""
    folder = tmp_path_factory.mktemp("brought")
    (folder / "plugins").mkdir()
    (folder / "plugins" / "lengths_numbers.py").write_text(NUMBERS, encoding="utf-8")
    (folder / "plugins" / "lengths.py").write_text(PICTURE, encoding="utf-8")
    for name, source in WITHOUT_MODEL.items():
        (folder / "plugins" / f"{name}.py").write_text(source, encoding="utf-8")
    with serving(folder, TL_PLUGINS=str(folder / "plugins")) as page:
        yield page


def test_a_view_of_two_files_is_on_the_page(chromium, brought):
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, locale="en-US")
    try:
        page = context.new_page()
        page.goto(f"{brought.url}/?look=lengths&text=A+cat")
        out = page.locator("#lengths-out")
        expect(out).to_contain_text("A cat: 5 letters, 4 tokens")  # a link, and a worker process
        page.locator("#lengths-examples button").click()
        expect(out).to_contain_text(re.compile(r"unbelievably: 12 letters, \d tokens"))
        box(page, "lengths-text").fill(EVIL)
        page.get_by_role("button", name="Count", exact=True).click()
        expect(out).to_contain_text("<img src=x onerror=")
        assert out.locator("img").count() == 0 and page.title() == "Transfer Lab"
        page.locator("#lang").get_by_label("한국어").check()
        expect(page.locator("#lengths-examples")).to_contain_text("예를 고르세요")
        for text, fault in (("", "Write a text first."), ("x" * 501, "500")):
            box(page, "lengths-text").fill(text)
            page.get_by_role("button", name="Count", exact=True).click()
            expect(page.locator("#lengths-notice .tl-fault")).to_contain_text(fault)
        page.locator("#look-view input[value=words]").check()  # one that asks no model
        expect(page.locator("#words-out")).to_contain_text("2 words")
        assert page.locator("#words-out h4").count() == 0, "an answer without a name has no heading"
        page.locator("#look-view input[value=fill]").check()  # the others are there, too
        expect(page.locator("#fill-out .tl-guess")).to_have_count(5)
    finally:
        context.close()


def test_programs_may_ask_it(brought):
    from gradio_client import Client

    client = Client(brought.url, verbose=False)
    assert client.predict("A cat", api_name="/lengths") == {"letters": 5, "tokens": 4}
    with pytest.raises(Exception, match="500"):
        client.predict("x" * 501, api_name="/lengths")
    client.close()
