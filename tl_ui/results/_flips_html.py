"""Rows whose answer changed with their text: what was there, what is there now, and both
answers.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from tl_core.analysis.robustness import Flip
from tl_core.api.types import Example, Problem
from tl_core.tasks import task_of
from tl_ui.components.html import clip, escaped, label_name, table_html
from tl_ui.words import t

SHOWN = 10
PIECES = re.compile(r"\s+|[^\s]+")


def flips_html(rows: Sequence[Flip], problem: Problem, lang: str) -> str:
    """The first of them."""
    head = [t(lang, "head_row"), t(lang, "head_text")]
    cells = [
        [escaped(x.before.row), f"{_texts(x)}<br>{_answers(x, problem, lang)}"]
        for x in rows[:SHOWN]
    ]
    caption = t(lang, "robust_first", n=len(cells), all=f"{len(rows):,}")
    return f"<div class='tl-listed' tabindex='0'>{table_html(caption, head, cells)}</div>"


def _texts(x: Flip) -> str:
    before, after = (clip(_text(e)) for e in (x.before, x.after))
    return f"<span class='tl-was'>{escaped(before)}</span><br>{_marked(before, after)}"


def _answers(x: Flip, problem: Problem, lang: str) -> str:
    if task_of(problem).by_word:
        three = (", ".join(phrases) for phrases in (x.given, x.said, x.says))
    else:
        three = (label_name(problem, ids) for ids in (x.before.labels, x.said, x.says))
    given, said, says = (escaped(clip(words) or "–") for words in three)
    return (
        f"<small>{escaped(t(lang, 'robust_answers'))}: {said} → <b>{says}</b> ·"
        f" {escaped(t(lang, 'head_given'))}: {given}</small>"
    )


def _text(e: Example) -> str:
    return " ∥ ".join(filter(None, (e.text, e.text_b)))


def _marked(before: str, after: str) -> str:
    """The text with what is new in it marked; nothing is, where nearly everything is new."""
    old, new = PIECES.findall(before), PIECES.findall(after)
    found = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    parts = [(what != "equal", "".join(new[start:end])) for what, _, _, start, end in found]
    if 2 * sum(len(part) for is_new, part in parts if is_new) > len(after):
        return escaped(after)
    return "".join(
        f"<mark>{escaped(part)}</mark>" if is_new and part else escaped(part)
        for is_new, part in parts
    )
