"""Test rows in a table, as every section lists them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import gradio as gr

from tl_core.analysis.compare import Cell
from tl_core.api.types import Example, Problem
from tl_core.words.verdict import method_name
from tl_ui.components.html import clip, safe
from tl_ui.words import t, word

ROWS_SHOWN = 200


def rows_listed(id: str) -> gr.Dataframe:
    """Draw the empty table."""
    return gr.Dataframe(
        interactive=False,
        datatype="str",
        wrap=True,
        label=word("rows_table"),
        elem_id=id,
        max_height=620,
    )


def filled(made: dict[str, Any]) -> gr.Dataframe:
    """The table with these headers and data."""
    return gr.Dataframe(
        value=made, column_widths=["64px", "360px", *["170px"] * (len(made["headers"]) - 2)]
    )


def headers(lines: Iterable[Cell], problem: Problem, lang: str, *more: str) -> list[str]:
    """Above `row_cells`, `more`, and an answer of each line."""
    answers = [
        f"{method_name(c.arm, c.strategy, lang, problem)} · "
        f"{t(lang, 'all_rows') if c.shots is None else c.shots}"
        for c in lines
    ]
    return [t(lang, "head_row"), t(lang, "head_text"), t(lang, "head_given"), *more, *answers]


def row_cells(example: Example, given: Iterable[str]) -> list[str]:
    """Number, text and what is given, in words."""
    text = (
        clip(example.text)
        if example.text_b is None
        else f"{clip(example.text, 200)}  ∥  {clip(example.text_b, 200)}"
    )
    return [str(example.row), text, safe(", ".join(given))]


def counted(rows: int, lang: str) -> str:
    """Say how many rows there are, and that not all are shown."""
    return f"{t(lang, 'rows_n', n=f'{rows:,}')}." + (
        f" {t(lang, 'rows_first', n=ROWS_SHOWN)}" if rows > ROWS_SHOWN else ""
    )
