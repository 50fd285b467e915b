"""Every run by itself: what one seed scored, and what its training took."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import gradio as gr

from tl_core.analysis.compare import grouping
from tl_core.api.types import RunResult, RunSpec
from tl_core.report.html_helpers import InLanguage, named, tabled
from tl_core.tasks import task_of
from tl_core.words.phrases import number
from tl_core.words.units import unit_of
from tl_core.words.verdict import method_name
from tl_ui.components.html import escaped, report_html
from tl_ui.lab import Lab
from tl_ui.results import Place, Seen
from tl_ui.words import t

RUNS_SHOWN = 300  # more are in study.json, and a browser would be slow with them
STEPS_DRAWN = 60
WIDE, HIGH = 96, 24  # pixels of a curve


@dataclasses.dataclass(frozen=True)
class Section:
    """The runs of a study."""

    id: str = "runs"
    order: int = 52
    title: str = "runs_head"
    rail: str = "board"
    open: bool = False

    def build(self, lab: Lab, place: Place) -> None:
        """Draw the section and wire it."""
        table = gr.HTML(elem_id="runs-table")

        def draw(found: Seen, _values: dict) -> dict:
            return {table: runs_html(found)}

        place.draw(draw, outputs=[table])


def runs_html(found: Seen) -> str:
    """A row for each run that has ended, the best method first, and what the columns say."""
    lang, results = found.lang, found.weighed.results
    place = {(c.arm, c.shots): i for i, c in enumerate(found.comparison.cells)}
    ended = sorted(
        (s for s in found.opened.plan.specs if s.id in results),
        key=lambda s: (place.get((s.arm.id, s.shots), len(place)), s.seed),
    )
    keys = ("head_arm", "head_labels_per_class", "head_seed", "head_steps", "head_loss")
    last = ("head_trained", "head_fit_seconds", "head_device")
    score = t(lang, found.comparison.metric)
    head = [*(t(lang, key) for key in keys[:3]), score, *(t(lang, key) for key in keys[3:])]
    head += [t(lang, key) for key in last]
    rows = [_row(found, spec, results[spec.id]) for spec in ended[:RUNS_SHOWN]]
    table = tabled(
        InLanguage(lang), [escaped(h) for h in head], rows, numbers={2, 3, 4, 6, 7}, kind="board"
    )
    about = t(lang, "runs_about")
    if len(ended) > RUNS_SHOWN:
        about += " " + t(lang, "runs_first", n=RUNS_SHOWN, all=f"{len(ended):,}")
    return f"<p class='tl-fine'>{escaped(about)}</p>" + report_html(table)


def _row(found: Seen, spec: RunSpec, result: RunResult) -> tuple[str, ...]:
    lang, problem = found.lang, found.comparison.problem
    weights = result.trainable_parameters
    return (
        named(method_name(spec.arm.id, spec.arm.strategy, lang, problem)),
        escaped(t(lang, "all_rows") if spec.shots is None else str(spec.shots)),
        str(spec.seed + 1),
        escaped(_score(found, result)),
        f"{result.optimizer_steps:,}" if result.optimizer_steps else "–",
        curve_html(result.curve, lang),
        f"{weights:,}" if weights else "–",
        number(result.seconds.get("fit", 0.0), 2),
        escaped(result.device or "–"),
    )


def _score(found: Seen, result: RunResult) -> str:
    """What it scored by the measure that sorts the study; a run that failed says so."""
    if result.status != "done" or result.scores is None:
        return t(found.lang, "run_failed")
    plan, metric = found.opened.plan, found.comparison.metric
    problem, task = plan.study.problem, task_of(plan.study.problem)
    gold, decided = task.gold(problem, plan.study.split.test), task.decide(result.scores[None])
    scored = task.measure(metric).interval(problem, gold, decided, design=grouping(plan))
    return unit_of(problem, metric).value(scored.value, found.lang)


def curve_html(losses: Sequence[float], lang: str) -> str:
    """The loss at each step as a small line from the first to the last, with both in numbers."""
    if len(losses) < 2:
        return number(losses[0], 3) if losses else "–"
    step = max(1, len(losses) // STEPS_DRAWN)
    drawn = [*losses[:-1:step], losses[-1]]
    most = max(drawn) or 1.0
    points = " ".join(
        f"{WIDE * i / (len(drawn) - 1):.1f},{1 + (HIGH - 2) * (1 - max(0.0, loss) / most):.1f}"
        for i, loss in enumerate(drawn)
    )
    first, last = number(losses[0], 3), number(losses[-1], 3)
    said = t(lang, "loss_from_to", first=first, last=last)
    return (
        f"<svg class='tl-loss' viewBox='0 0 {WIDE} {HIGH}' width='{WIDE}' height='{HIGH}'"
        f" role='img' aria-label='{escaped(said)}'><polyline points='{points}'/></svg>"
        f"<small>{first} → {last}</small>"
    )


SECTION = Section()
