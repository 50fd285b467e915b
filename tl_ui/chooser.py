"""Which strategies to compare: a box for each with its one sentence, and beforehand why it cannot run, where it cannot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from tl_core.data.labels import are_named
from tl_core.errors import UserError
from tl_core.models.catalog import EMBEDDED, find
from tl_core.strategies import strategies
from tl_core.types import Facts, ModelRef, Problem
from tl_ui.lab import Lab
from tl_ui.pieces import escaped, strategy_about, strategy_title
from tl_ui.shown import on_page
from tl_ui.words import t

NEEDS = ("no labels", "a few labels", "all labels")
FIRST_STRATEGIES = ("majority", "tfidf", "similarity", "probe", "prior-probe")
# What is always in sight: the baselines, and one of each kind that any model can do. Behind "more": their relatives, what
# wants a model of another kind or an endpoint, and what is there to teach.
EVERYDAY = (*FIRST_STRATEGIES, "prototype", "contrastive", "lora", "full")


@dataclass(frozen=True)
class Chooser:
    """By the id of a strategy: its box, and the line that says why it cannot run."""

    boxes: dict[str, gr.Checkbox]
    reasons: dict[str, gr.HTML]
    stands: gr.State  # {"lang", "reasons"}: what is drawn, so that only what changes is drawn again

    @property
    def shown(self) -> list[Any]:
        """What `drawn` changes."""
        return [self.stands, *self.boxes.values(), *self.reasons.values()]

    def drawn(self, stands: dict, ticked: dict[str, bool], reasons: dict[str, str], lang: str) -> dict:
        """The boxes whose reason or language is another one now. What cannot run cannot be chosen; what was chosen before
        can still be left out."""
        changed: dict = {self.stands: {"lang": lang, "reasons": reasons}}
        for id, box in self.boxes.items():
            reason, strategy = reasons.get(id, ""), strategies()[id]
            if (lang, reason) == (stands["lang"], stands["reasons"].get(id, "")):
                continue
            changed[box] = gr.Checkbox(label=strategy_title(strategy, lang), info=strategy_about(strategy, lang), interactive=not reason or ticked[id])
            changed[self.reasons[id]] = gr.HTML(_reason(reason, lang), visible=bool(reason))
        return changed


def chooser(lab: Lab) -> Chooser:
    """Draw the boxes, grouped by how many labels a strategy wants."""
    found = cannot(lab.datasets.get(lab.dataset_id.value).loaded.dataset.problem, EMBEDDED.name, hub=False)
    reasons = {id: on_page(reason, "en") for id, reason in found.items()}
    made = Chooser({}, {}, gr.State({"lang": "en", "reasons": reasons}))
    for needs in NEEDS:
        ids = [id for id, s in strategies().items() if s.needs == needs]
        more = [id for id in ids if id not in EVERYDAY]
        with gr.Column(elem_classes="tl-arms"):
            lab.in_language(gr.HTML(_group_head(needs, "en")), lambda lang, needs=needs: _group_head(needs, lang))
            for id in ids:
                if id not in more:
                    _box(made, id, reasons.get(id, ""))
            if more:
                with gr.Accordion(_more(more, "en"), open=False, elem_id=f"more-{needs.replace(' ', '-')}", elem_classes="tl-rest") as rest:
                    for id in more:
                        _box(made, id, reasons.get(id, ""))
                lab.in_language(rest, lambda lang, more=more: gr.Accordion(label=_more(more, lang)))
    return made


def cannot(problem: Problem, model: str, *, hub: bool) -> dict[str, str]:
    """Why strategies cannot run on such data with this model, or here at all, by their ids; whoever can is not among them."""
    try:
        ref = find(model, hub=hub).ref
    except UserError:
        ref = None  # a study would say so
    found = {id: why_not(id, problem, ref) for id, s in strategies().items() if ref or not s.uses_model}
    return {id: reason for id, reason in found.items() if reason}


def why_not(id: str, problem: Problem, model: ModelRef | None) -> str:
    """Why a strategy cannot run, whatever the number of labels, as a sentence; "" when it can."""
    strategy = strategies()[id]
    if reason := strategy.refuses(Facts(problem, None, model if strategy.uses_model else None, are_named(problem.labels))):
        return reason
    try:
        if hasattr(strategy, "settled"):
            strategy.settled(strategy.Params())
    except UserError as fault:
        return str(fault)
    return ""


def _box(made: Chooser, id: str, reason: str) -> None:
    strategy = strategies()[id]
    with gr.Column(elem_classes="tl-choice"):
        made.boxes[id] = gr.Checkbox(
            id in FIRST_STRATEGIES, label=strategy.title, info=strategy.about, elem_id=f"arm-{id}", elem_classes="tl-arm", container=False, interactive=not reason
        )
        made.reasons[id] = gr.HTML(_reason(reason, "en"), visible=bool(reason), elem_id=f"cannot-{id}", elem_classes="tl-cannot")


def _reason(reason: str, lang: str) -> str:
    return f"<p><b>{escaped(t(lang, 'cannot'))}</b> {escaped(reason)}</p>" if reason else ""


def _group_head(needs: str, lang: str) -> str:
    return f"<h4 class='tl-group'>{escaped(t(lang, 'needs_' + needs.replace(' ', '_')))}</h4>"


def _more(ids: list[str], lang: str) -> str:
    return t(lang, "more_strategies", n=len(ids), names=", ".join(strategy_title(strategies()[id], lang) for id in ids))
