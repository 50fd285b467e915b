"""Chooser of the strategies to compare: a box for each with its one sentence, and beforehand why it
cannot run, where it cannot.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from tl_core.api.errors import UserError
from tl_core.api.sentences import Sentence
from tl_core.api.types import Facts, ModelRef, Problem
from tl_core.data.labels import are_named
from tl_core.models.catalog import find
from tl_core.models.embedded import EMBEDDED
from tl_core.strategies import strategies
from tl_ui.components.html import escaped, in_both
from tl_ui.errors import on_page
from tl_ui.lab import Lab
from tl_ui.state.first_study import FIRST_PRESET
from tl_ui.words import declare, t, word

# The three ways, by how many labels a strategy wants: the way's id, and the strategy that stands
# for it. It is in sight; what else goes this way is behind "more ways".
WAYS = {
    "no labels": ("none", "similarity"),
    "a few labels": ("few", "lora"),
    "all labels": ("all", "full"),
}


@dataclass(frozen=True)
class Chooser:
    """By the id of a strategy: its box, and the line that says why it cannot run."""

    boxes: dict[str, gr.Checkbox]
    reasons: dict[str, gr.HTML]
    stands: gr.State  # {"lang", "reasons"}: what is drawn, so that only what changes is drawn again

    @property
    def shown(self) -> list[Any]:
        """Return the components that `drawn` changes."""
        return [self.stands, *self.boxes.values(), *self.reasons.values()]

    def drawn(
        self,
        stands: dict,
        ticked: dict[str, bool],
        reasons: dict[str, str],
        lang: str,
        task: str = "",
    ) -> dict:
        """The boxes whose reason, language or title is another one now. What cannot run cannot be
        chosen; what was chosen before can still be left out.

        Args:
            task: the id of the task, for which a strategy may be called otherwise.
        """
        changed: dict = {self.stands: {"lang": lang, "reasons": reasons, "task": task}}
        for id, box in self.boxes.items():
            reason, before = reasons.get(id, ""), stands["reasons"].get(id, "")
            update: dict[str, Any] = {}
            if reason != before:
                update["interactive"] = not reason or ticked[id]
            if _title_key(id, task) != _title_key(id, stands.get("task", "")):
                update["label"] = word(_title_key(id, task))
            if update:
                changed[box] = gr.Checkbox(**update)
            if reason != before or (reason and lang != stands["lang"]):
                changed[self.reasons[id]] = gr.HTML(_reason(reason, lang), visible=bool(reason))
        return changed


def chooser(lab: Lab) -> Chooser:
    """Draw a card for each of the three ways, with the boxes of the strategies that go it."""
    found = cannot(
        lab.datasets.get(lab.dataset_id.value).loaded.dataset.problem, EMBEDDED.name, hub=False
    )
    reasons = {id: on_page(reason, "en") for id, reason in found.items()}
    made = Chooser({}, {}, gr.State({"lang": "en", "reasons": reasons}))
    with gr.Row(elem_classes="tl-cards", equal_height=True):
        for needs, (way, usual) in WAYS.items():
            ids = [id for id, s in strategies().items() if s.needs == needs]
            with gr.Column(elem_classes=f"tl-card tl-way tl-way-{way}", min_width=220):
                gr.HTML(in_both(partial(_head, way)))
                if usual in ids:
                    _box(made, usual, reasons.get(usual, ""))
                with gr.Accordion(
                    word("more_ways"), open=False, elem_id=f"more-{way}", elem_classes="tl-rest"
                ):
                    for id in ids:
                        if id != usual:
                            _box(made, id, reasons.get(id, ""))
    return made


def _head(way: str, lang: str) -> str:
    return f"<h3>{escaped(t(lang, f'way_{way}'))}</h3><p>{escaped(t(lang, f'way_{way}_about'))}</p>"


def cannot(problem: Problem, model: str, *, hub: bool) -> dict[str, str]:
    """Return why strategies cannot run on such data with this model, or here at all, by their ids;
    those that can are not among them.
    """
    try:
        ref = find(model, hub=hub).ref
    except UserError:
        ref = None  # a study would say so
    found = {
        id: why_not(id, problem, ref) for id, s in strategies().items() if ref or not s.uses_model
    }
    return {id: reason for id, reason in found.items() if reason}


def why_not(id: str, problem: Problem, model: ModelRef | None) -> str:
    """Return why a strategy cannot run, whatever the number of labels, as a sentence; "" when it
    can.
    """
    strategy = strategies()[id]
    if reason := strategy.why_not(
        Facts(problem, None, model if strategy.uses_model else None, are_named(problem.labels))
    ):
        return reason
    try:
        strategy.settled(strategy.settings())
    except UserError as fault:
        return fault.sentence
    return ""


def _box(made: Chooser, id: str, reason: str) -> None:
    strategy = strategies()[id]
    for tasks, title in strategy.titles:
        for task in tasks:
            _in_any(_title_key(id, task), title)
    with gr.Column(elem_classes="tl-choice"):
        made.boxes[id] = gr.Checkbox(
            id in FIRST_PRESET.strategies,
            label=_in_any(f"strategy_{id}", strategy.title),
            info=_in_any(f"strategy_{id}_about", strategy.about),
            elem_id=f"arm-{id}",
            elem_classes="tl-arm",
            container=False,
            interactive=not reason,
        )
        made.reasons[id] = gr.HTML(
            _reason(reason, "en"),
            visible=bool(reason),
            elem_id=f"cannot-{id}",
            elem_classes="tl-cannot",
        )


def _in_any(key: str, words: str) -> Any:
    """Words of a strategy as a label in whatever language the visitor reads; as they are where
    they have no translation."""
    if not isinstance(words, Sentence):
        return words
    declare({key: words})
    return word(key)


def _title_key(id: str, task: str) -> str:
    """The key of what a strategy is called on a task."""
    own = any(task in ids for ids, _ in strategies()[id].titles)
    return f"strategy_{id}_{task}" if own else f"strategy_{id}"


def _reason(reason: str, lang: str) -> str:
    return f"<p><b>{escaped(t(lang, 'cannot'))}</b> {escaped(reason)}</p>" if reason else ""
