"""What programs may ask of the page by name. Everything else is the page's own business."""

from __future__ import annotations

from typing import Any

import gradio as gr

from tl_core.errors import UserError
from tl_core.params import declared
from tl_core.strategies import strategies
from tl_ui.lab import Lab
from tl_ui.shown import plain_errors
from tl_ui.tabs.try_it import predictions


def add(lab: Lab) -> None:
    """Offer the endpoints `list_strategies`, `predict` and `study`."""

    @plain_errors
    def list_strategies() -> list[dict[str, Any]]:
        """Every strategy with its id, title, what it needs and its settings."""
        return [{"id": s.id, "title": s.title, "about": s.about, "needs": s.needs, "settings": _settings(s)} for s in strategies().values()]

    @plain_errors
    def predict(study: str, text: str, text_b: str = "") -> dict[str, dict[str, float]]:
        """Probabilities of every label by arm, for one text (or two).

        Args:
            study: the name of a finished study, as it stands in the page's address.
            text: the text.
            text_b: the second text, for pairs.
        """
        opened = lab.studies.open(str(study))
        ids = opened.plan.study.problem.label_ids
        answers = predictions(lab, opened, str(text), str(text_b or "") or None)
        return {spec.arm.id: {i: round(float(p), 6) for i, p in zip(ids, scores, strict=True)} for spec, scores in answers}

    @plain_errors
    def study(name: str) -> dict[str, Any]:
        """The record of a study: what was asked and every result so far.

        Args:
            name: the name of the study, as it stands in the page's address.
        """
        record = lab.queue.store(str(name)).read_json("study.json")
        if record is None:
            raise UserError("This study has not begun yet. Ask again in a moment.")
        return record

    for function in (list_strategies, predict, study):
        gr.api(function, api_name=function.__name__, concurrency_limit=2)


def _settings(strategy: Any) -> list[dict[str, Any]]:
    return [{**s, "choices": list(s["choices"])} for s in declared(strategy.Params)]
