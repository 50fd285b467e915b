"""The first screen as plain HTML, sent with the document: the same sentence, curve and map that the
page draws, in sight from the first moment until Gradio's script, which takes seconds, has drawn its
own. It is not asked and answers nothing; without JavaScript it stays, and says so.

It lies in a shadow root, which no other style and no other script of the page reaches.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tl_core.api.sentences import LANGUAGES
from tl_core.api.types import Dataset
from tl_core.figures.results import PALETTE
from tl_ui.components.first_picture import curve_html, said_html
from tl_ui.components.html import escaped, in_both
from tl_ui.components.path import path_html
from tl_ui.state.shipped_study import ShippedStudy
from tl_ui.theme import CSS, FONTS
from tl_ui.words import t

PATIENCE = 20_000  # milliseconds; a page that never comes has something to say itself

STYLE, SHOW = Path(__file__).with_suffix(".css"), Path(__file__).with_suffix(".js")


def first_paint(study: ShippedStudy, dataset: Dataset, titles: Mapping[str, str]) -> str:
    """The HTML that comes first in the document's body.

    Args:
        dataset: of the study.
        titles: of the tabs, as for `path_view`.
    """
    # `:root` is the document's root, `.dark` its body: here both are the host
    css = CSS.replace(":root {", ":host {").replace(".dark {", ":host(.dark) {")
    fonts = ", ".join(f"'{name}'" if " " in name else name for name in FONTS)
    style = css + STYLE.read_text("utf-8").replace("FONTS", fonts)
    without = "".join(map(_needs_script, LANGUAGES))
    return (
        "<noscript><style>#tl-first-paint { display: block; position: static; }</style>"
        f"{without}</noscript><div id='tl-first-paint'><template shadowrootmode='closed'>"
        f"<style>{style}</style><div class='all' inert><div class='main'>"
        f"<div class='tl-lede'>{in_both(_lede)}</div>{path_html(titles)}"
        f"<div id='first-picture'>{in_both(lambda lang: said_html(study, dataset, lang))}"
        f"<div class='tl-first'>{in_both(lambda lang: curve_html(study, lang))}"
        f"{_map(study, dataset)}</div></div></div></div></template></div>"
        f"<script>{SHOW.read_text('utf-8').replace('PATIENCE', str(PATIENCE))}</script>"
    )


def _needs_script(lang: str) -> str:
    said = escaped(t(lang, "needs_script"))
    return f"<p lang='{lang}' style='margin: 12px 44px; font-weight: bold'>{said}</p>"


def _lede(lang: str) -> str:
    title, _, rest = t(lang, "lede").removeprefix("# ").partition("\n")
    return f"<h1>{escaped(title)}</h1><p>{escaped(rest.strip())}</p>"


def _map(study: ShippedStudy, dataset: Dataset) -> str:
    """The texts as the untrained model places them, where the page's own map begins."""
    examples = {e.row: e for e in dataset.examples}
    dots = "".join(
        f"<circle cx='{2 + 96 * x:.1f}%' cy='{4 + 92 * (1 - y):.1f}%' r='5.5'"
        f" fill='{PALETTE[dataset.problem.label_index[examples[row].labels[0]]]}'/>"
        for row, (x, y) in zip(study.rows, study.sides[0].places, strict=True)
    )
    titles = in_both(
        lambda lang: (
            f"<b>{escaped(t(lang, 'start_map'))}</b><p class='tl-fine'>"
            f"{escaped(t(lang, 'start_map_about'))}</p>"
        )
    )
    return (
        f"<figure class='tl-moved'><figcaption>{titles}</figcaption>"
        f"<div class='tl-moved-box'><svg>{dots}</svg></div></figure>"
    )
