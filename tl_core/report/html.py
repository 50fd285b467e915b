"""The report: one HTML file that opens without a network and holds every number beside its picture.

A content security policy allows nothing but the scripts written here, by their digests: a text that slipped
through the escaping still could not run or load anything.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import importlib.util
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

from tl_core.experiments.compare import CONSTANT, Cell, Comparison, deterministic
from tl_core.experiments.decision import Decision, decide
from tl_core.experiments.differences.topics import Topics, stored_topics
from tl_core.experiments.plan import Plan
from tl_core.experiments.robustness.effects import Effect, effects
from tl_core.experiments.robustness.parts import Parts, stored_parts
from tl_core.experiments.store import Store
from tl_core.report import advice, again
from tl_core.report.budget import remarks, taught
from tl_core.report.decision import advised, decision_figures, decision_sections
from tl_core.report.differing import differing
from tl_core.report.pieces import SAVING, escaped, measured, named, section, tabled
from tl_core.report.robustness import robustness
from tl_core.report.words import best_mark, cell_name, duration, limits, number, percent, say, shots_name
from tl_core.statistics.constant import best_constant
from tl_core.statistics.metrics_counts import confusion
from tl_core.statistics.metrics_f1 import macro_f1
from tl_core.strategies import strategies
from tl_core.tasks import task_of
from tl_core.types import Example, Label, RunResult, RunSpec

ROWS_SHOWN, ROWS_OPEN = 30, 8  # rows in the page, and those seen without a click
TEXT_SHOWN, TEXT_KEPT = 300, 10_000
LABELS_SHOWN, LABELS_IN_MATRIX, PAIRS_SHOWN = 20, 60, 10


def write_report(
    store: Store, plan: Plan, results: Mapping[str, RunResult], comparison: Comparison, *, context: Mapping[str, Any], decision: Decision | None = None
) -> str:  # fmt: skip
    """Write report.html into the folder of the study; returns what was written."""
    page = report_html(plan, results, comparison, context=context, decision=decision, parts=stored_parts(store, plan), topics=stored_topics(store, plan))
    store.write_bytes("report.html", page.encode("utf-8"))
    return page


def report_html(
    plan: Plan, results: Mapping[str, RunResult], comparison: Comparison, *, context: Mapping[str, Any] | None = None, language: str = "en",
    decision: Decision | None = None, parts: Parts = Parts(), topics: Topics | None = None,
) -> str:  # fmt: skip
    """The whole report; equal for equal studies. Can always be encoded as UTF-8.

    Args:
        results: by run id; runs without one are said to be unfinished.
        context: what only the caller knows, as in `export.record`: `dataset` (source, guesses, notes, tokens),
            `wall_seconds`, `command`. Whatever is missing is left out.
        language: "en" or "ko".
        decision: as `decide` makes it of the same study; without it, made here, without prices.
        parts: what was asked about changed texts.
        topics: of the test rows, where somebody asked.
    """
    r = _Report(plan, results, comparison, context or {}, language, decision or decide(plan, results, comparison), parts, topics)
    figures = _figures(r)
    sections = [_answer(r), *decision_sections(r, figures), _compared(r), _board(r), *_pictures(r, figures), _mixed_up(r, figures), differing(r), robustness(r, _place(r, "robust") if "robust" in figures else ""), _wrong_rows(r), _lost(r), _how(r), _again(r)]
    return _page(r, "\n".join(filter(None, sections)), figures)


@dataclass(frozen=True)
class _Report:
    """What every section reads."""

    plan: Plan
    results: Mapping[str, RunResult]
    comparison: Comparison
    context: Mapping[str, Any]
    language: str
    decision: Decision
    parts: Parts
    topics: Topics | None

    def say(self, key: str, **values: object) -> str:
        """A fixed text, escaped with its values."""
        return escaped(say(self.language, key, **values))

    @property
    def about(self) -> Mapping[str, str]:
        """Title and note, where somebody gave them."""
        return self.context.get("about") or {}

    @property
    def name(self) -> str:
        """What the study is called."""
        return self.about.get("title") or self.plan.study.name

    @property
    def lead(self) -> Cell:
        return self.comparison.cells[0]

    @property
    def metric(self) -> str:
        return self.comparison.metric

    @property
    def dataset(self) -> Mapping[str, Any]:
        return self.context.get("dataset") or {}

    @cached_property
    def effects(self) -> tuple[Effect, ...]:
        """What changed texts do to the answers."""
        return effects(self.parts, self.plan, self.results, self.comparison)

    @cached_property
    def gold(self) -> np.ndarray:
        """(n,) positions, or (n, C) bool with several labels per text."""
        return task_of(self.plan.study.problem).gold(self.plan.study.problem, self.plan.study.split.test)

    def decided(self, cell: Cell) -> np.ndarray:
        """(S, n) or (S, n, C) answers of the runs of a cell."""
        return task_of(self.plan.study.problem).decide(np.stack([self.results[run].scores for run in cell.runs]))

    def without(self, status: str) -> list[RunSpec]:
        """Runs that failed, were refused (found by the plan or by the run), or are not finished."""
        return [s for s in self.plan.specs if self.status(s) == status]

    def status(self, spec: RunSpec) -> str:
        """done, failed, refused or unfinished."""
        if spec.id in self.plan.refused:
            return "refused"
        found = self.results.get(spec.id)
        return found.status if found and found.status in ("done", "failed", "refused") else "unfinished"


# --- the answer in words --------------------------------------------------------------------------------


def _answer(r: _Report) -> str:
    warnings = "".join(f"<div class='warning' role='note'><strong>{r.say('warning')}</strong> {escaped(s)}</div>" for s in _token_sentences(r))
    lost = "".join(f"<p class='doubt'>{s}</p>" for s in _lost_sentences(r))
    if r.decision.advice is None:
        head, body = r.say("answer_none"), f"<p>{_nothing(r)}</p>{lost}"
    else:
        head = escaped(advice.headline(r.decision, r.language))
        order = r.say("answer_sorted", metric=say(r.language, r.metric), why=say(r.language, f"why_{r.metric}"))
        body = f"{advised(r)}{lost}<p class='fine'>{_majority_sentences(r)} {_behind_sentences(r)} {order}</p>"
    return f"<section id='answer' class='answer'><p class='kicker'>{r.say('answer_head')}</p><h2>{head}</h2>{body}</section>{warnings}"


def _nothing(r: _Report) -> str:
    failed, refused = len(r.without("failed")), len(r.without("refused"))
    over = failed + refused == len(r.plan.specs)
    return r.say("answer_all_failed", n=len(r.plan.specs), failed=failed, refused=refused) if over else r.say("answer_none_text")


def _majority_sentences(r: _Report) -> str:
    """What the best answer that is the same for all test rows would reach."""
    f1 = macro_f1(r.gold, best_constant(r.gold), len(r.plan.study.problem.labels))
    key = "answer_majority" if r.gold.ndim == 1 else "answer_every_label"
    return r.say(key, accuracy=percent(r.comparison.chance, r.language), macro_f1=percent(f1, r.language))


def _behind_sentences(r: _Report) -> str:
    n, chosen = f"{len(r.plan.study.split.test):,}", r.decision.advice.cell(r.decision.advice.found.choice)
    if deterministic(chosen):
        return r.say("answer_behind_once", n=n)
    said = r.say("answer_behind_1" if len(chosen.seeds) == 1 else "answer_behind", seeds=len(chosen.seeds), n=n)
    return said if len(chosen.seeds) > 2 else f"{said} <strong>{r.say('answer_seeds_unknown')}</strong>"


def _lost_sentences(r: _Report) -> list[str]:
    failed, refused, unfinished = (len(r.without(s)) for s in ("failed", "refused", "unfinished"))
    said = [r.say("answer_lost", failed=failed, refused=refused, all=len(r.plan.specs))] if (failed or refused) and r.comparison.cells else []
    return said + ([r.say("answer_unfinished", n=unfinished, all=len(r.plan.specs))] if unfinished else [])


def _token_sentences(r: _Report) -> list[str]:
    return [t["sentence"] for t in r.dataset.get("tokens") or [] if t.get("sentence")]


# --- what was compared ----------------------------------------------------------------------------------


def _compared(r: _Report) -> str:
    study, data = r.plan.study, r.dataset
    test, pool = len(study.split.test), len(study.split.pool)
    facts = [
        ("dataset", escaped(study.name)),
        ("about_note", "<br>".join(map(escaped, (r.about.get("note") or "").splitlines()))),
        ("source", escaped(data["source"]) if data.get("source") and data["source"] != study.name else ""),
        ("test_file", escaped(data.get("test_file") or "")),
        ("rows", r.say("rows_text", rows=f"{test + pool:,}", test=f"{test:,}", pool=f"{pool:,}", dropped=f"{study.split.dropped:,}")),
        ("unlabelled", f"{data['unlabelled']:,}" if data.get("unlabelled") else ""),
        ("problem", f"{r.say(study.problem.inputs)}, {r.say(study.problem.target)}"),
        ("asked", r.say("asked_text", arms=len(study.arms), shots=", ".join(str("all" if s is None else s) for s in study.shots), seeds=len(study.seeds))),
        ("wall", escaped(duration(r.context["wall_seconds"], r.language)) if r.context.get("wall_seconds") else ""),
    ]
    listed = "".join(f"<dt>{r.say(key)}</dt><dd>{said}</dd>" for key, said in facts if said)
    notes = [n for n in dict.fromkeys(data.get("notes") or []) if n not in _token_sentences(r)]
    noted = f"<h3>{r.say('notes_head')}</h3><ul>{''.join(f'<li>{escaped(n)}</li>' for n in notes)}</ul>" if notes else ""
    return section(r, "compared", f"<dl>{listed}</dl>{_labels(r)}{_guesses(r)}{noted}{_arms(r)}{_cuts(r)}")


def _labels(r: _Report) -> str:
    study = r.plan.study
    test, pool = (Counter(label for e in part for label in e.labels) for part in (study.split.test, study.split.pool))
    rows = [(_label(x), f"{test[x.id]:,}", f"{pool[x.id]:,}") for x in study.problem.labels]
    head = [r.say(k) for k in ("head_label", "head_test", "head_pool")]
    shown = tabled(r, head, rows[:LABELS_SHOWN], numbers={1, 2})
    if len(rows) > LABELS_SHOWN:
        shown += f"<details><summary>{r.say('more', n=len(rows) - LABELS_SHOWN)}</summary>{tabled(r, head, rows[LABELS_SHOWN:], numbers={1, 2})}</details>"
    return f"<h3>{r.say('labels_head')}</h3>{shown}"


def _label(label: Label) -> str:
    """The name, and the id where it is another one."""
    return named(label.name) + (f" <small>{named(label.id)}</small>" if label.id.casefold() != label.name.casefold() else "")


def _guesses(r: _Report) -> str:
    guesses = r.dataset.get("guesses") or []
    if not guesses:
        return ""
    rows = [(*(named(g.get(k) or "") for k in ("what", "value", "why")), f"<code>{escaped(g.get('option') or '')}</code>") for g in guesses]
    return f"<h3>{r.say('guesses_head')}</h3>" + tabled(r, [r.say(k) for k in ("head_guess", "head_value", "head_why", "head_option")], rows)


def _arms(r: _Report) -> str:
    rows, seen = [], taught(r.plan.study.arms, r.language)
    for arm in r.plan.study.arms:
        settings = ", ".join(f"{name}={value}" for name, value in arm.settings.items())
        rows.append((named(arm.id), escaped(strategies()[arm.strategy].title), named(arm.model.name) if arm.model else "", named(seen[arm.model.name]) if arm.model else "", named(settings)))
    table = tabled(r, [r.say(k) for k in ("head_arm", "head_strategy", "head_model", "head_taught", "head_settings")], rows)
    return f"<details><summary>{r.say('arms_head')}</summary>{table}</details>"


def _cuts(r: _Report) -> str:
    """Where a text may have several labels: the cut of every label, arm by arm."""
    most = {c.arm: c for c in sorted(r.comparison.cells, key=lambda c: c.labels)}
    of_arm = {arm: r.results[cell.runs[0]].cuts for arm, cell in most.items() if r.results[cell.runs[0]].cuts}
    if not of_arm:
        return ""
    rows = [(_label(label), *(percent(cuts[i], r.language) for cuts in of_arm.values())) for i, label in enumerate(r.plan.study.problem.labels)]
    table = tabled(r, [r.say("head_label"), *map(named, of_arm)], rows, numbers=set(range(1, len(of_arm) + 1)))
    return f"<details><summary>{r.say('cuts_head')}</summary><p class='fine'>{r.say('cuts_note')}</p>{table}</details>"


# --- leaderboard ----------------------------------------------------------------------------------------


def _board(r: _Report) -> str:
    if not r.comparison.cells:
        return ""
    keys = ("arm", "shots", "labels", "accuracy", "macro_f1", "behind", "best", "seeds", "fit", "predict", "memory", "parameters", "failed")
    rows = [_board_row(r, c) for c in r.comparison.cells]
    told = ["; ".join(remarks(c, r.metric, r.language)) for c in r.comparison.cells]
    if any(told):
        keys, rows = (*keys, "remarks"), [(*row, f"<span class='remarks'>{escaped(said)}</span>") for row, said in zip(rows, told, strict=True)]
    out = "".join(f"<li>{escaped(n)}</li>" for n in r.comparison.notes)
    reasons = f"<details><summary>{r.say('why_left_out')}</summary><ul>{out}</ul></details>" if out else ""
    table = tabled(r, [r.say(f"head_{k}") for k in keys], rows, numbers={1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12}, kind="board")
    return section(r, "board", f"<p class='fine'>{r.say('board_note')}</p>{table}{reasons}")


def _board_row(r: _Report, c: Cell) -> tuple[str, ...]:
    behind = r.comparison.differences.get((c.arm, c.shots))
    shown = r.say("leading") if c is r.lead else "–" if behind is None else f"{number(100 * behind.value)}<small>{escaped(limits(behind, r.language))}</small>"
    mark = f"<span aria-hidden='true'>{'●' if c.could_be_best else '◐' if c.best_at_shots else '○'}</span> {r.say(best_mark(c))}"
    return (
        named(c.arm), r.say("shots_all") if c.shots is None else str(c.shots), number(c.labels, 0), measured(r, c.accuracy), measured(r, c.macro_f1), shown, mark,
        str(len(c.seeds)), number(c.fit_seconds, 2), number(c.predict_seconds, 2), _megabytes(c.peak_bytes), f"{c.trainable_parameters:,}", str(c.failed),
    )  # fmt: skip


def _megabytes(size: float) -> str:
    return number(size / 2**20, 0 if size >= 10 * 2**20 else 1)


# --- pictures -------------------------------------------------------------------------------------------


def _figures(r: _Report) -> dict[str, Any]:
    """Plotly figures by the id of their place in the page."""
    from tl_core.report import figures
    from tl_core.report.robustness_figure import robustness_figure

    if not r.comparison.cells:
        return {}
    titles = {arm.id: strategies()[arm.strategy].title for arm in r.plan.study.arms}
    made = {
        "curves": figures.learning_curves(r.comparison, r.metric, language=r.language),
        "board_figure": figures.leaderboard(r.comparison, r.metric, title_of=titles, language=r.language),
    }
    made |= decision_figures(r.decision, r.comparison, r.language)
    if any(x.difference for x in r.effects):
        made["robust"] = robustness_figure(r.effects, language=r.language)
    labels = r.plan.study.problem.labels
    if r.gold.ndim == 1 and len(labels) <= LABELS_IN_MATRIX:
        made["matrix"] = figures.confusion(_confusion(r), [x.name for x in labels], language=r.language)
    return made


def _pictures(r: _Report, figures: Mapping[str, Any]) -> list[str]:
    """With a sentence for whoever sees none, which the script takes away."""
    missing = f"<p class='warning' id='no-plots'>{r.say('no_plots')}</p>"
    return [
        section(r, key, f"<p class='fine'>{r.say(f'{key}_note')}</p>{missing if key == 'curves' else ''}{_place(r, key)}")
        for key in ("curves", "board_figure")
        if key in figures
    ]


def _place(r: _Report, key: str) -> str:
    return f"<div class='plot' id='plot-{key}' role='img' aria-label='{r.say(f'{key}_head')}'></div>"


def _confusion(r: _Report) -> np.ndarray:
    """(C, C) rows given, columns answered, over the runs of the leading cell."""
    return confusion(r.gold, r.decided(r.lead), len(r.plan.study.problem.labels))


def _mixed_up(r: _Report, figures: Mapping[str, Any]) -> str:
    if not r.comparison.cells:
        return ""
    about = {"cell": cell_name(r.lead, r.language), "runs": len(r.lead.runs)}
    if r.gold.ndim == 2:
        return section(r, "matrix", f"<p class='fine'>{r.say('per_label_note', **about)}</p>{_per_label(r)}")
    picture = _place(r, "matrix") if "matrix" in figures else f"<p>{r.say('matrix_large')}</p>"
    note = "matrix_note" if "matrix" in figures else "per_label_note"
    return section(r, "matrix", f"<p class='fine'>{r.say(note, **about)}</p>{picture}{_pairs(r)}")


def _pairs(r: _Report) -> str:
    counts, names = _confusion(r), [x.name for x in r.plan.study.problem.labels]
    given = counts.sum(1)
    wrong = [(int(counts[i, j]), i, j) for i, j in zip(*np.nonzero(counts), strict=True) if i != j]
    if not wrong:
        return f"<p>{r.say('pairs_none')}</p>"
    rows = [
        (named(names[i]), named(names[j]), f"{n:,}", escaped(percent(n / given[i], r.language))) for n, i, j in sorted(wrong, key=lambda x: (-x[0], x[1:]))[:PAIRS_SHOWN]
    ]
    table = tabled(r, [r.say(k) for k in ("head_given", "head_said", "head_times", "head_share")], rows, numbers={2, 3})
    return f"<h3>{r.say('pairs_head')}</h3>{table}"


def _per_label(r: _Report) -> str:
    """Several labels per text have no matrix: for each label, how often it was found, missed and said wrongly."""
    decided = r.decided(r.lead)  # (S, n, C)
    found, missed, wrongly = ((x).sum((0, 1)) for x in (decided & r.gold, ~decided & r.gold, decided & ~r.gold))
    rows = [(named(x.name), f"{found[i]:,}", f"{missed[i]:,}", f"{wrongly[i]:,}") for i, x in enumerate(r.plan.study.problem.labels)]
    return tabled(r, [r.say(k) for k in ("head_label", "head_found", "head_missed", "head_wrongly")], rows, numbers={1, 2, 3})


# --- rows -----------------------------------------------------------------------------------------------


def _wrong_rows(r: _Report) -> str:
    asked = _best_of_each_arm(r)
    if not asked:
        return ""
    answers = {c.arm: r.decided(c) for c in asked}
    wrong = np.mean([_wrong(r, answers[c.arm]).mean(0) for c in asked], axis=0)  # (n,) share of arms, each a mean over its runs
    index = [int(i) for i in np.argsort(-wrong, kind="stable") if wrong[i] >= 0.5]
    if not index:
        return section(r, "wrong", f"<p>{r.say('wrong_none')}</p>")
    said = {arm: _most_frequent(r, given) for arm, given in answers.items()}
    cards = [_row_card(r, i, said) for i in index[:ROWS_SHOWN]]
    more = f"<details><summary>{r.say('more', n=len(cards) - ROWS_OPEN)}</summary><ol class='rows'>{''.join(cards[ROWS_OPEN:])}</ol></details>"
    count = r.say("wrong_count", n=f"{len(index):,}", shown=min(len(index), ROWS_SHOWN))
    return section(r, "wrong", f"<p class='fine'>{r.say('wrong_note')} {count}</p><ol class='rows'>{''.join(cards[:ROWS_OPEN])}</ol>{more if len(cards) > ROWS_OPEN else ''}")


def _best_of_each_arm(r: _Report) -> list[Cell]:
    best: dict[str, Cell] = {}
    for cell in r.comparison.cells:
        best.setdefault(cell.arm, cell)
    asked = [c for c in best.values() if c.strategy != CONSTANT]
    return asked or list(best.values())


def _wrong(r: _Report, decided: np.ndarray) -> np.ndarray:
    """(S, n) bool."""
    differs = decided != r.gold
    return differs.any(-1) if r.gold.ndim == 2 else differs


def _most_frequent(r: _Report, decided: np.ndarray) -> np.ndarray:
    """(n,) or (n, C): the answer given most often over the runs; with several labels, each label by itself."""
    if r.gold.ndim == 2:
        return decided.mean(0) > 0.5
    counts = (decided[..., None] == np.arange(len(r.plan.study.problem.labels))).sum(0)  # (n, C)
    return counts.argmax(-1)


def _row_card(r: _Report, i: int, said: Mapping[str, np.ndarray]) -> str:
    example, problem = r.plan.study.split.test[i], r.plan.study.problem
    task = task_of(problem)
    by_answer: dict[tuple[str, ...], list[str]] = {}
    for arm, decided in said.items():
        by_answer.setdefault(task.names(problem, decided[i : i + 1])[0], []).append(arm)
    given = tuple(sorted(example.labels, key=problem.label_ids.index))
    wrong = sum(len(arms) for answer, arms in by_answer.items() if answer != given)
    lines = "".join(
        f"<li class='{'right' if answer == given else 'wrong'}'><span aria-hidden='true'>{'✓' if answer == given else '✗'}</span> "
        f"<b>{_names(r, answer)}</b> <span class='fine'>{named(', '.join(arms))}</span></li>"
        for answer, arms in sorted(by_answer.items(), key=lambda item: (-len(item[1]), item[0]))
    )
    head = f"<p class='fine'>{r.say('row', n=example.row)} · {r.say('arms_wrong', n=wrong, all=len(said))}</p>"
    return f"<li>{head}{_shown_text(r, example)}<p>{r.say('given')}: <b>{_names(r, given)}</b></p><ul class='answers' aria-label='{r.say('answered')}'>{lines}</ul></li>"


def _shown_text(r: _Report, example: Example) -> str:
    return "".join(_one_text(r, text) for text in (example.text, example.text_b) if text is not None)


def _one_text(r: _Report, text: str) -> str:
    """The beginning of a text, and the rest of it behind a click."""
    if len(text) <= TEXT_SHOWN:
        return f"<blockquote dir='auto'>{escaped(text)}</blockquote>"
    cut = len(text) > TEXT_KEPT
    summary = r.say("cut_text" if cut else "full_text", n=f"{len(text):,}", shown=f"{TEXT_KEPT:,}")
    return (
        f"<blockquote dir='auto'>{escaped(text[: TEXT_SHOWN - 1].rstrip())}…</blockquote>"
        f"<details><summary>{summary}</summary><blockquote dir='auto'>{escaped(text[:TEXT_KEPT])}</blockquote></details>"
    )


def _names(r: _Report, ids: Sequence[str]) -> str:
    names = {x.id: x.name for x in r.plan.study.problem.labels}
    return named(", ".join(names[i] for i in ids)) if ids else r.say("no_label")


# --- runs without a result ------------------------------------------------------------------------------


def _lost(r: _Report) -> str:
    grouped: dict[tuple[str, str, int | None, str], list[int]] = {}
    for spec in r.plan.specs:
        status = r.status(spec)
        if status != "done":
            grouped.setdefault((status, spec.arm.id, spec.shots, _reason(r, spec)), []).append(spec.seed)
    if not grouped:
        return section(r, "lost", f"<p>{r.say('lost_none')}</p>")
    rows = [
        (r.say(status), named(arm), escaped(shots_name(shots, r.language)), "–" if status == "refused" else ", ".join(map(str, seeds)), named(reason))
        for (status, arm, shots, reason), seeds in grouped.items()
    ]
    return section(r, "lost", tabled(r, [r.say(k) for k in ("head_status", "head_arm", "head_shots", "head_seeds", "head_reason")], rows, kind="reasons"))


def _reason(r: _Report, spec: RunSpec) -> str:
    found = r.results.get(spec.id)
    return r.plan.refused.get(spec.id) or (found.error if found and found.error else "")


# --- how, and again -------------------------------------------------------------------------------------


def _how(r: _Report) -> str:
    split = r.plan.study.split
    values = {"how_seconds": {"n": f"{len(split.test):,}"}, "how_test": {"digest": split.test_digest}}
    keys = ("how_advice", "how_power", "how_pays", "how_gains", "how_costs", "how_metrics", "how_further", "how_interval", "how_best", "how_ece", "how_abstain", "how_slices", "how_doubts", *(["how_robust"] if r.effects else []), "how_behind", "how_seeds", "how_test", "how_seconds", "how_memory")
    told = "".join(f"<details><summary>{r.say(k)}</summary><p>{r.say(f'{k}_text', **values.get(k, {}))}</p></details>" for k in keys)
    return section(r, "how", told)


def _again(r: _Report) -> str:
    command = r.context.get("command")
    said = _code(command) if command else f"<p>{r.say('command_none')}</p>"
    said += f"<p>{r.say('again_note', archive=again.ARCHIVE)}</p>{_code(again.COMMAND)}<details><summary>{r.say('again_script')}</summary>{_code(again.script(r.plan.study))}</details>"
    used: dict[str, dict[str, None]] = {}
    for result in r.results.values():
        for package, version in [*result.versions.items(), *([(say(r.language, "device"), result.device)] if result.device else [])]:
            used.setdefault(package, {})[version] = None
    rows = [(escaped(package), escaped(", ".join(found))) for package, found in used.items()] + [(r.say("study_id"), escaped(r.plan.study.id))]
    return section(r, "again", said + tabled(r, [r.say("head_package"), r.say("head_version")], rows))


def _code(told: str) -> str:
    return f"<pre tabindex='0'><code>{escaped(told)}</code></pre>"


# --- pieces ---------------------------------------------------------------------------------------------


def _page(r: _Report, body: str, figures: Mapping[str, Any]) -> str:
    script, plotly = _SCRIPT.strip(), _plotly()
    scripts = f"'{_digest(script)}' '{_digest(SAVING)}' '{plotly.digest}'"
    policy = f"default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; script-src {scripts}; base-uri 'none'; form-action 'none'"
    drawn = json.dumps({key: _plain(figure) for key, figure in figures.items()}, ensure_ascii=True, allow_nan=False).replace("<", "\\u003c")
    data = f"<script type='application/json' id='figures'>{drawn}</script><script type='application/gzip' id='plotly'>{plotly.packed}</script>" if figures else ""
    name = r.say("title", name=r.name)
    return (
        f"<!doctype html>\n<html lang='{r.language}'>\n<head>\n<meta charset='utf-8'>\n"
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        "<meta name='viewport' content='width=device-width, initial-scale=1'>\n<meta name='color-scheme' content='light dark'>\n"
        f"<meta name='generator' content='Transfer Lab'>\n<title>{name}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<header><p class='kicker'>{r.say('kicker')}</p><h1>{name}</h1></header>\n<main>\n{body}\n</main>\n{data}\n"
        + (f"<script>{script}</script>\n" if figures else "") + f"<script>{SAVING}</script>\n"
        + "</body>\n</html>\n"
    )


def _plain(figure: Any) -> dict[str, Any]:
    """Data and layout as JSON values; what is not finite is null."""
    made = json.loads(figure.to_json(engine="json"))
    return {"data": made["data"], "layout": made["layout"]}


@dataclass(frozen=True)
class _Packed:
    """plotly.js as it stands in the page, and the digest by which it may run."""

    packed: str
    digest: str


@cache
def _plotly() -> _Packed:
    """The plotly.js of the installed package, so that figures and script agree. 4.8 MB become 2."""
    found = importlib.util.find_spec("plotly")
    script = (Path(found.submodule_search_locations[0]) / "package_data" / "plotly.min.js").read_bytes()
    return _Packed(base64.b64encode(gzip.compress(script, mtime=0)).decode(), _digest(script.decode("utf-8")))


def _digest(script: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode()


_STYLE = """
:root { color-scheme: light dark; --ground: #fff; --card: #f6f7f9; --ink: #1b1f24; --soft: #5c6570; --line: #d5dae0; --strong: #0b5c92;
  --warn-ground: #fff4d6; --warn-line: #d99a00; --right: #00704f; --wrong: #b04400; }
@media (prefers-color-scheme: dark) { :root { --ground: #14171b; --card: #1d2228; --ink: #e8ebee; --soft: #a4adb7; --line: #39414a; --strong: #6cb8ea;
  --warn-ground: #33290d; --warn-line: #c99312; --right: #46c79c; --wrong: #f08a4b; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.25rem clamp(.9rem, 3vw, 2rem) 4rem; max-width: 1080px; background: var(--ground); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Noto Sans KR", "Apple SD Gothic Neo", "Malgun Gothic", sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 1rem; } h2 { font-size: 1.25rem; line-height: 1.3; margin: 2.4rem 0 .5rem; } h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; }
p { margin: .45rem 0; max-width: 75ch; }
.csv { display: none; position: sticky; left: 0; font: inherit; font-size: .8rem; color: var(--soft); background: none; border: 0; padding: .3rem .6rem; text-decoration: underline; cursor: pointer; } .can-save .csv { display: block; }
.kicker { margin: 0; font-size: .8rem; font-weight: 600; letter-spacing: .04em; text-transform: uppercase; color: var(--soft); }
.fine, small { color: var(--soft); font-size: .86rem; } small { display: block; white-space: nowrap; font-weight: 400; } .doubt { color: var(--wrong); }
td small.doubt { white-space: normal; min-width: 11rem; }
.answer { background: var(--card); border-left: 5px solid var(--strong); border-radius: 0 10px 10px 0; padding: 1rem 1.2rem; } .answer h2 { margin: .2rem 0 .6rem; font-size: 1.35rem; }
.warning { background: var(--warn-ground); border: 1px solid var(--warn-line); border-left-width: 5px; border-radius: 0 8px 8px 0; padding: .7rem 1rem; margin: 1rem 0; max-width: none; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1.2rem; margin: .5rem 0; } dt { color: var(--soft); } dd { margin: 0; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 8px; margin: .5rem 0; max-width: 100%; overflow-wrap: break-word; } td code { white-space: nowrap; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: .4rem .7rem; border-bottom: 1px solid var(--line); } tbody tr:last-child > * { border-bottom: 0; }
thead th { background: var(--card); color: var(--soft); font-weight: 600; vertical-align: bottom; overflow-wrap: normal; word-break: keep-all; } tbody th { font-weight: 600; min-width: 6.5rem; } .board tbody th { min-width: 8.2rem; }
.n { text-align: right; } .board td { white-space: nowrap; } .board tbody th { position: sticky; left: 0; background: var(--ground); max-width: 14rem; } .board thead th:first-child { position: sticky; left: 0; }
.reasons td:last-child { min-width: 16rem; } .remarks { display: block; min-width: 16rem; white-space: normal; }
details { margin: .5rem 0; } summary { cursor: pointer; color: var(--strong); } summary:focus-visible, .scroll:focus-visible, pre:focus-visible { outline: 2px solid var(--strong); outline-offset: 2px; }
.plot { width: 100%; overflow: hidden; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .7rem 1rem; overflow-x: auto; white-space: pre-wrap; font-size: .88rem; }
.rows { list-style: none; margin: .6rem 0; padding: 0; display: grid; gap: .8rem; } .rows > li { border: 1px solid var(--line); border-radius: 8px; padding: .6rem .9rem; }
blockquote { margin: .3rem 0; padding: 0 0 0 .8rem; border-left: 3px solid var(--line); white-space: pre-line; }
.answers { list-style: none; margin: .2rem 0; padding: 0; } .right { color: var(--right); } .wrong { color: var(--wrong); } .answers b, .answers .fine { color: var(--ink); } .answers .fine { color: var(--soft); }
@media (max-width: 560px) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; } h1 { font-size: 1.35rem; } .answer h2 { font-size: 1.15rem; } .answer { padding: .8rem .9rem; }
  .board tbody th { min-width: 6.5rem; max-width: 8rem; } th, td { padding: .35rem .5rem; } }
@media print { .csv { display: none !important; } :root { color-scheme: light; --ground: #fff; --card: #f6f7f9; --ink: #000; --soft: #444; --line: #bbb; --strong: #0b5c92; --warn-ground: #fff; --right: #00704f; --wrong: #b04400; }
  body { max-width: none; padding: 0; font-size: 10.5pt; } .scroll { overflow: visible; border: 0; } .board { font-size: 7pt; } .board th, .board td { padding: 2px 4px; } .board td, small { white-space: normal; }
  .board tbody th, .board thead th:first-child { position: static; min-width: 0; } .plot, .rows > li, .answer, tr { break-inside: avoid; } h2, h3 { break-after: avoid; } }
"""

_SCRIPT = r"""
(async () => {
  'use strict';
  const given = JSON.parse(document.getElementById('figures').textContent);
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const style = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const colours = printing => printing ? {ink: '#000', line: '#bbb', card: '#fff'} : {ink: style('--ink'), line: style('--line'), card: style('--card')};
  const layout = (figure, c) => {
    const out = {...figure.layout, autosize: true, font: {...figure.layout.font, color: c.ink, family: getComputedStyle(document.body).fontFamily},
      hoverlabel: {...figure.layout.hoverlabel, bgcolor: c.card, bordercolor: c.line, font: {color: c.ink}}};
    for (const axis of ['xaxis', 'yaxis']) out[axis] = {...figure.layout[axis], gridcolor: c.line, linecolor: c.line};
    return out;
  };
  const draw = printing => Promise.all(Object.entries(given).map(([key, figure]) =>
    Plotly.react('plot-' + key, figure.data, layout(figure, colours(printing)), {responsive: true, displayModeBar: false, displaylogo: false})));
  try {
    const packed = Uint8Array.from(atob(document.getElementById('plotly').textContent), c => c.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
    const script = document.createElement('script');
    script.textContent = await new Response(stream).text();
    document.head.append(script);
    await draw(false);
    document.getElementById('no-plots').remove();
    dark.addEventListener('change', () => draw(false));
    addEventListener('beforeprint', () => draw(true));
    addEventListener('afterprint', () => draw(false));
  } catch (fault) {
    console.warn(fault);
  }
})();
"""
