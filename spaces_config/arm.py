"""A Space that shows one trained arm: an export, and a page that asks it with the foreign library
alone, so that Transfer Lab is not needed there.
"""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import indent
from typing import Any

from spaces_config import cards
from spaces_config.build import Built, write
from spaces_config.profiles import SDK_VERSION
from tl_core.api.errors import UserError, raise_all
from tl_core.exports.card import CURVE
from tl_core.exports.example import decision
from tl_core.exports.formats import format_of
from tl_core.exports.formats._base import EACH_TIME
from tl_core.exports.formats._words_script import parts
from tl_core.exports.opened import check, read_about

BESIDE = ("README.md", "example.py", "requirements.txt")  # of an export; the Space has its own
PAGE = '''"""A page that labels texts with the model beside it."""

import json
from pathlib import Path

import gradio as gr
import numpy as np

here = Path(__file__).resolve().parent / "model"
about = json.loads((here / "export.json").read_text(encoding="utf-8"))
labels = [label["id"] for label in about["labels"]]
names = {{label["id"]: str(label["name"] or label["id"]) for label in about["labels"]}}
if len(set(names.values())) < len(names):
    names = {{id: id for id in names}}
{load}

def probabilities(texts):
    """(n, C) of texts, or of pairs of them."""
{answer}
    return p


def label(*given):
    """(what is predicted, the probability of every label)."""
    if not all(text.strip() for text in given):
        raise gr.Error("Write a text first.")
    row = probabilities([given if len(given) > 1 else given[0]])[0]
    {decide}
    said = {said}
    said = said if isinstance(said, list) else [said]
    return ", ".join(names[x] for x in said) or "–", dict(zip(names.values(), row.tolist()))


page = gr.Interface(
    label,
    {boxes},
    [gr.Textbox(label="Predicted"), gr.Label(label="Probabilities", num_top_classes=20)],
    title=about["arm"],
    description="Trained and measured with Transfer Lab; the README says on what, and how well.",
    flagging_mode="never",
    api_name="label",
)

if __name__ == "__main__":
    page.launch()
'''
SPANS_PAGE = '''"""A page that finds stretches of a text with the model beside it."""

import json
from pathlib import Path

import gradio as gr
import numpy as np

here = Path(__file__).resolve().parent / "model"
about = json.loads((here / "export.json").read_text(encoding="utf-8"))
names = {{label["id"]: str(label["name"] or label["id"]) for label in about["labels"]}}
if len(set(names.values())) < len(names):
    names = {{id: id for id in names}}
{load}


def found(texts, second=None):
    """What the model finds in each text."""
    said = []
{each}
    return said


{find}

page = gr.Interface(
    find,
    {boxes},
    {outputs},
    title=about["arm"],
    description="Trained and measured with Transfer Lab; the README says on what, and how well. Of"
    " a text longer than the model reads, only the beginning is read.",
    flagging_mode="never",
    api_name="find",
)

if __name__ == "__main__":
    page.launch()
'''
FIND_SPANS = '''\
def find(text):
    """The text with its spans, and each with how sure the model is."""
    if not text.strip():
        raise gr.Error("Write a text first.")
    spans = found([text])[0]["spans"]
    marked = [
        {"entity": names[s["entity_group"]], "start": s["start"], "end": s["end"]} for s in spans
    ]
    listed = [[s["word"], names[s["entity_group"]], round(s["score"], 3)] for s in spans]
    return {"text": text, "entities": marked}, listed
'''
FIND_ANSWER = '''\
def find(question, text):
    """The answer in its text, and how sure the model is."""
    if not question.strip() or not text.strip():
        raise gr.Error("Write a question and a text first.")
    answer = found([question], [text])[0]
    marked = [{"entity": "answer", "start": answer["start"], "end": answer["end"]}]
    there = {"text": text, "entities": marked if answer["answer"] else []}
    return answer["answer"] or "The text does not say.", round(answer["score"], 3), there
'''


def build_arm(export: Path, out: Path, *, replace: bool = False) -> Built:
    """Assemble the folder of a Space for an export.

    Args:
        replace: empty `out` first if it holds an earlier build and nothing else.

    Raises:
        UserError: the export is damaged or needs Transfer Lab, or `out` holds something.
    """
    about = read_about(export)
    check(export, about)
    if about["format"] == "recipe":
        raise UserError(
            "A recipe is run by Transfer Lab itself. Export an arm that keeps weights in another"
            " format, or build a Space of the whole page with --profile."
        )
    if out.resolve().is_relative_to(export.resolve()):
        raise UserError(f"{out} lies inside the export. Choose a folder elsewhere.")
    names = [*(name for name in about["files"] if name not in BESIDE), "export.json"]
    contents = {f"model/{name}": (export / name).read_bytes() for name in names}
    if CURVE in names:  # the card shows it, and is at the top here
        contents[CURVE] = contents.pop(f"model/{CURVE}")
    readme = (export / "README.md").read_text(encoding="utf-8")
    wanted = (export / "requirements.txt").read_text(encoding="utf-8")
    card = _card(about, readme)
    raise_all(cards.problems(card, f"gradio=={SDK_VERSION}\n"))
    contents["app.py"] = page(about).encode()
    contents["requirements.txt"] = (wanted + _numpy(wanted)).encode()
    _, below = cards.split(readme)
    contents["README.md"] = f"{cards.front_matter(card)}\n{below}".encode()
    return write(dict(sorted(contents.items())), out.absolute(), "arm", replace=replace)


def page(about: dict[str, Any]) -> str:
    """`app.py` for what `export.json` says."""
    if about["decision"] == "spans":
        return _spans_page(about)
    load, _, answer = format_of(about["format"]).example(about).partition(f"{EACH_TIME}\n")
    decide, said = decision(about)
    two = about["inputs"] == "two texts"
    boxes = ("First text", "Second text") if two else ("Text",)
    return PAGE.format(
        load=load,
        answer=indent(answer.rstrip("\n"), "    "),
        decide=decide,
        said=said,
        boxes="[" + ", ".join(f'gr.Textbox(label="{box}", lines=3)' for box in boxes) + "]",
    )


def _spans_page(about: dict[str, Any]) -> str:
    load, each = parts(format_of(about["format"], by_word=True).example(about))
    asks = about["no_answer"] is not None
    boxes = ("Question", "Text") if asks else ("Text",)
    marked = 'gr.HighlightedText(label="In the text")'
    outputs = (
        f'[gr.Textbox(label="Answer"), gr.Number(label="Probability"), {marked}]'
        if asks
        else f'[{marked}, gr.Dataframe(headers=["Span", "Type", "Probability"], label="Spans")]'
    )
    return SPANS_PAGE.format(
        load=load,
        each=indent(each.rstrip("\n"), "    "),
        find=FIND_ANSWER if asks else FIND_SPANS,
        boxes="[" + ", ".join(f'gr.Textbox(label="{box}", lines=3)' for box in boxes) + "]",
        outputs=outputs,
    )


def _kind(about: dict[str, Any]) -> str:
    """What the hub calls what it does."""
    if about["decision"] != "spans":
        return "text-classification"
    return "token-classification" if about["no_answer"] is None else "question-answering"


def _card(about: dict[str, Any], readme: str) -> dict[str, Any]:
    """Front matter for the Space; the licence and the base are those of the model's card."""
    card, _ = cards.split(readme)
    kept = {k: v for k, v in (card or {}).items() if k == "license"}
    if base := (card or {}).get("base_model"):
        kept["models"] = [base] if isinstance(base, str) else list(base)
    title = re.sub(r"[^\w .+-]", " ", about["arm"]).strip()[:60] or "Model"
    return {
        "title": title,
        "emoji": "🏷️",
        "colorFrom": "indigo",
        "colorTo": "green",
        "sdk": "gradio",
        "sdk_version": SDK_VERSION,
        "python_version": "3.12",
        "app_file": "app.py",
        "pinned": False,
        "tags": [_kind(about), "transfer-lab"],
        **kept,
    }


def _numpy(wanted: str) -> str:
    return "" if re.search(r"^numpy\b", wanted, re.M) else "numpy\n"
