"""Borrowing of a GPU by visitors: what a comparison asks of their quota, and the event in which
they borrow it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import gradio as gr

from tl_core.running.lent_gpu import Call, calls, wants_gpu
from tl_core.studies.plan import Plan, Study
from tl_ui.components.html import duration, escaped
from tl_ui.lab import Lab
from tl_ui.serving.zero_gpu import QUOTA_SECONDS
from tl_ui.words import t

BETWEEN = 0.3  # seconds between two signs of life
MOST_BORROWING = 12  # visitors at a time; each takes one of the page's forty threads


def wire(lab: Lab) -> None:
    """Wire a visitor's borrowing for every study that is started or continues."""

    lend = lab.lend
    if lend is None:
        return

    def borrow(values: dict) -> Iterator[dict]:
        """Borrow in the visitor's own event, out of the visitor's own quota.

        How far it is, the beat tells as ever; it may have come to rest before this began, and is
        set going again. Every yield is a chance to notice that the page was left.
        """
        name, key, _ = values[lab.borrow]
        told = 0.0
        with closing(lab.queue.borrow(name, key, lend)) as events:
            for _ in events:
                if time.monotonic() - told > BETWEEN:
                    yield {lab.beat: gr.skip() if told else gr.Timer(active=True)}
                    told = time.monotonic()
        yield {lab.beat: gr.Timer(active=True)}

    lab.on(lab.borrow.change, borrow, [lab.borrow], [lab.beat], concurrency_limit=MOST_BORROWING)


def wanted(lab: Lab, study: Study, name: str, key: str) -> dict[Any, Any]:
    """The change that lets the visitor borrow for a study; none where nothing of it wants a GPU, or
    no one lends one.
    """
    return (
        {lab.borrow: (name, key, time.time())}
        if lab.lend and any(map(wants_gpu, study.arms))
        else {}
    )


def asked(lab: Lab, made: Plan) -> list[Call]:
    """Return the GPU calls of a study; none where no one lends a GPU."""
    return calls(made, where=lab.queue.folder.parent) if lab.lend else []


def asked_html(asked: Sequence[Call], lang: str) -> str:
    """Show how many GPU seconds that is, and who has how many; "" where none are needed."""
    if not asked:
        return ""
    quota = {who: duration(seconds, lang) for who, seconds in QUOTA_SECONDS.items()}
    said = t(
        lang,
        "gpu_estimate",
        seconds=f"{sum(call.counted for call in asked):,}",
        calls=f"{len(asked):,}",
        **quota,
    )
    return f"<p class='tl-fine' id='gpu-estimate'>{escaped(said)}</p>"


def left_text(lent: dict[str, Any] | None, lang: str) -> str:
    """Say what of a study still waits for a GPU, why, and what to do; "" when nothing does."""
    return (
        t(lang, f"lent_{(lent['why'] or 'left').replace(' ', '_')}", left=f"{lent['left']:,}")
        if lent
        else ""
    )
