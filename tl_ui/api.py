"""Endpoints: what programs may ask by name. Everything else is the page's own business."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, get_type_hints

import gradio as gr

from tl_core.api.errors import UserError
from tl_core.api.params import declared
from tl_core.api.plugins import found, is_from_outside, trouble
from tl_core.api.sentences import say
from tl_core.running.session import how_it_was_read
from tl_core.strategies import strategies
from tl_ui.components.checkpoints import predictions
from tl_ui.errors import plain_errors
from tl_ui.lab import Lab
from tl_ui.serving.asked_study import asked_study, held_of


def add(lab: Lab) -> None:
    """Offer every endpoint."""
    _studies(lab)
    _starting(lab)
    _looks(lab)


def _studies(lab: Lab) -> None:
    """`list_strategies`, `predict` and `study`."""

    @plain_errors
    def list_strategies() -> list[dict[str, Any]]:
        """Every strategy with its id, title, what it needs and its settings; one that `trains` also
        takes selection, augmentation and scaling.
        """
        return [
            {
                "id": s.id,
                "title": s.title,
                "about": s.about,
                "needs": s.needs,
                "trains": s.trains,
                "settings": _settings(s),
            }
            for s in strategies().values()
        ]

    @plain_errors
    def predict(study: str, text: str, text_b: str = "") -> dict[str, dict[str, float]]:
        """Probabilities of every label by arm, for one text (or two).

        Args:
            study: the name of a finished study, as it is in the page's address.
            text: the text.
            text_b: the second text, for pairs.
        """
        opened = lab.studies.open(str(study))
        ids = opened.plan.study.problem.label_ids
        answers = predictions(lab, opened, str(text), str(text_b or "") or None)
        return {
            spec.arm.id: {i: round(float(p), 6) for i, p in zip(ids, scores, strict=True)}
            for spec, scores in answers
        }

    @plain_errors
    def study(name: str) -> dict[str, Any]:
        """The record of a study: what was asked and every result so far.

        Args:
            name: the name of the study, as it is in the page's address.
        """
        record = lab.queue.store(str(name)).read_json("study.json")
        if record is None:
            raise UserError(say("This study has not begun yet. Ask again in a moment."))
        return record

    _offer(list_strategies, predict, study)


def _starting(lab: Lab) -> None:
    """`start_study`, `study_status` and `stop_study`."""

    @plain_errors
    def start_study(
        rows: str, strategies: str = "", shots: str = "", seeds: int = 3, model: str = ""
    ) -> dict[str, str]:
        """Put a study of some rows in line; returns its name, and the key that stops it.

        Args:
            rows: the text of a CSV, TSV, JSON or JSON-lines file, or sample:support_tickets.
            strategies: ids with commas between, see list_strategies; empty for the quick ones.
            shots: texts per label, such as 0,8,all; empty for as many as the rows allow up to 8.
            seeds: how often labelled texts are drawn.
            model: a model of this place; empty for the one that reads these rows best.
        """
        held = held_of(lab.datasets, str(rows))
        study = asked_study(lab.datasets, held, str(strategies), str(shots), int(seeds), str(model))
        about = how_it_was_read(held.loaded, (held.name, None))
        name, key = lab.queue.submit(study, context={"dataset": about})
        return {"study": name, "key": key}

    @plain_errors
    def study_status(name: str) -> dict[str, Any]:
        """How far a study is: status (queued, running, done, stopped or failed), done and total
        runs, how many studies are ahead, and what went wrong.

        Args:
            name: the name of the study.
        """
        found = lab.queue.status(str(name))
        keys = ("status", "done", "total", "failed", "ahead", "error")
        return {key: found.get(key) for key in keys}

    @plain_errors
    def stop_study(name: str, key: str) -> dict[str, Any]:
        """Stop a study; what has finished is kept.

        Args:
            name: the name of the study.
            key: what start_study has returned.
        """
        lab.queue.stop(str(name), str(key))
        return study_status(name)

    _offer(start_study, study_status, stop_study)


def _looks(lab: Lab) -> None:
    """Offer programs the endpoint of each view of the tab "Look inside"."""
    for id, view in found("tl_ui.views", "VIEW").items():
        try:
            if view.endpoint is not None:
                name = view.endpoint_name or id
                bound = _bound(lab, view.endpoint, name)
                gr.api(bound, api_name=name, concurrency_limit=2)
        except Exception as fault:
            if not is_from_outside("VIEW", id):
                raise
            trouble("VIEW", id, fault)


def _bound(lab: Lab, endpoint: Callable[..., Any], name: str) -> Callable[..., Any]:
    """An endpoint of this page: the function without its first parameter, in the types by which
    Gradio describes it, called as other programs know it.
    """

    def bound(*arguments: Any, **named: Any) -> Any:
        return endpoint(lab, *arguments, **named)

    signature = inspect.signature(endpoint)
    first, *others = signature.parameters
    hints = get_type_hints(endpoint)
    bound.__name__ = bound.__qualname__ = name
    bound.__doc__ = endpoint.__doc__
    bound.__annotations__ = {name: hint for name, hint in hints.items() if name != first}
    parameters = [signature.parameters[name] for name in others]
    setattr(bound, "__signature__", signature.replace(parameters=parameters))  # noqa: B010
    return plain_errors(bound)


def _offer(*functions: Callable) -> None:
    for function in functions:
        gr.api(function, api_name=function.__name__, concurrency_limit=2)


def _settings(strategy: Any) -> list[dict[str, Any]]:
    return [{**s, "choices": list(s["choices"])} for s in declared(strategy.settings)]
