"""Texts that most arms get wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tl_core.analysis.compare import CONSTANT, Cell
from tl_core.api.types import Example
from tl_core.report.html_helpers import escaped, named, section
from tl_core.report.marked import answers_html
from tl_core.report.study_report import Report
from tl_core.report.written import written_html
from tl_core.tasks import task_of

ROWS_SHOWN, ROWS_OPEN = 30, 8  # rows in the page, and those seen without a click


TEXT_SHOWN, TEXT_KEPT = 300, 10_000


def wrong_rows(r: Report) -> str:
    """Texts that at least half of the arms get wrong; where texts are written, the worst."""
    asked = _best_of_each_arm(r)
    if not asked:
        return ""
    if r.task.writes:
        return _worst_written(r, asked)
    answers = {c.arm: r.decided(c) for c in asked}
    wrong = np.mean(
        [_wrong(r, answers[c.arm]).mean(0) for c in asked], axis=0
    )  # (n,) share of arms, each a mean over its runs
    index = [int(i) for i in np.argsort(-wrong, kind="stable") if wrong[i] >= 0.5]
    if not index:
        return section(r, "wrong", f"<p>{r.say('wrong_none')}</p>")
    said = {r.names[arm]: _most_frequent(r, given) for arm, given in answers.items()}
    cards = [_row_card(r, i, said) for i in index[:ROWS_SHOWN]]
    count = r.say("wrong_count", n=f"{len(index):,}", shown=min(len(index), ROWS_SHOWN))
    return _cards(r, f"{r.say('wrong_note')} {count}", cards)


def _cards(r: Report, note: str, cards: list[str]) -> str:
    """The first of them, the others behind a click."""
    more = (
        f"<details><summary>{r.say('more', n=len(cards) - ROWS_OPEN)}</summary><ol"
        f" class='rows'>{''.join(cards[ROWS_OPEN:])}</ol></details>"
    )
    return section(
        r,
        "wrong",
        f"<p class='fine'>{note}</p><ol"
        f" class='rows'>{''.join(cards[:ROWS_OPEN])}</ol>{more if len(cards) > ROWS_OPEN else ''}",
    )


def _worst_written(r: Report, asked: list[Cell]) -> str:
    """The texts that all arms together wrote worst, each beside the given one."""
    said = {r.names[c.arm]: _most_frequent(r, r.decided(c)) for c in asked}
    near = {arm: r.task.likeness(r.gold, texts[None])[0] for arm, texts in said.items()}
    order = np.argsort(np.mean(list(near.values()), axis=0), kind="stable")[:ROWS_SHOWN]
    cards = []
    for i in order.tolist():
        example = r.plan.study.split.test[i]
        head = f"<p class='fine'>{r.say('row', n=example.row)}</p>"
        body = written_html(
            example.text,
            str(r.gold[i]),
            {arm: str(texts[i]) for arm, texts in said.items()},
            {arm: float(of_arm[i]) for arm, of_arm in near.items()},
            r.language,
        )
        cards.append(f"<li>{head}{body}</li>")
    return _cards(r, r.say("wrong_written_note", n=len(cards)), cards)


def _best_of_each_arm(r: Report) -> list[Cell]:
    best: dict[str, Cell] = {}
    for cell in r.comparison.cells:
        best.setdefault(cell.arm, cell)
    asked = [c for c in best.values() if c.strategy != CONSTANT]
    return asked or list(best.values())


def _wrong(r: Report, decided: np.ndarray) -> np.ndarray:
    """(S, n) from 0 to 1; of an answer that is right in part, what it lacks."""
    if r.task.alternatives:
        return 1 - r.task.measures[0].rows(r.plan.study.problem, r.gold, decided)
    return ~r.task.same(decided, r.gold)


def _most_frequent(r: Report, decided: np.ndarray) -> np.ndarray:
    """(n, ...) the answer given most often over the runs."""
    return r.task.most_frequent(decided, len(r.plan.study.problem.labels))


def _row_card(r: Report, i: int, said: Mapping[str, np.ndarray]) -> str:
    example, problem = r.plan.study.split.test[i], r.plan.study.problem
    task = task_of(problem)
    if task.by_word:
        return _marked_card(r, i, said)
    by_answer: dict[tuple[str, ...], list[str]] = {}
    for arm, decided in said.items():
        by_answer.setdefault(task.names(problem, decided[i : i + 1])[0], []).append(arm)
    given = tuple(sorted(example.labels, key=problem.label_ids.index))
    wrong = sum(len(arms) for answer, arms in by_answer.items() if answer != given)
    lines = "".join(
        f"<li class='{'right' if answer == given else 'wrong'}'><span"
        f" aria-hidden='true'>{'✓' if answer == given else '✗'}</span> <b>{_names(r, answer)}</b>"
        f" <span class='fine'>{named(', '.join(arms))}</span></li>"
        for answer, arms in sorted(by_answer.items(), key=lambda item: (-len(item[1]), item[0]))
    )
    head = (
        f"<p class='fine'>{r.say('row', n=example.row)} ·"
        f" {r.say('arms_wrong', n=wrong, all=len(said))}</p>"
    )
    return (
        f"<li>{head}{_shown_text(r, example)}<p>{r.say('given')}: <b>{_names(r, given)}</b></p><ul"
        f" class='answers' aria-label='{r.say('answered')}'>{lines}</ul></li>"
    )


def _marked_card(r: Report, i: int, said: Mapping[str, np.ndarray]) -> str:
    """The text with the spans that are given, and with what each arm found below it."""
    example, problem = r.plan.study.split.test[i], r.plan.study.problem
    found = {arm: r.task.spans(example, problem, decided[i]) for arm, decided in said.items()}
    given = r.task.spans(example, problem, r.gold[i])
    right = {arm: bool(r.task.same(x[i : i + 1], r.gold[i : i + 1])[0]) for arm, x in said.items()}
    wrong = sum(not fine for fine in right.values())
    none = r.say("no_answer")
    head = (
        f"<p class='fine'>{r.say('row', n=example.row)} ·"
        f" {r.say('arms_wrong', n=wrong, all=len(said))}</p>"
    )
    return f"<li>{head}{answers_html(example, problem, given, found, right, none)}</li>"


def _shown_text(r: Report, example: Example) -> str:
    return "".join(
        _one_text(r, text) for text in (example.text, example.text_b) if text is not None
    )


def _one_text(r: Report, text: str) -> str:
    """The beginning of a text, and the rest of it behind a click."""
    if len(text) <= TEXT_SHOWN:
        return f"<blockquote dir='auto'>{escaped(text)}</blockquote>"
    cut = len(text) > TEXT_KEPT
    summary = r.say("cut_text" if cut else "full_text", n=f"{len(text):,}", shown=f"{TEXT_KEPT:,}")
    return (
        "<blockquote"
        f" dir='auto'>{escaped(text[: TEXT_SHOWN - 1].rstrip())}…</blockquote>"
        f"<details><summary>{summary}</summary><blockquote"
        f" dir='auto'>{escaped(text[:TEXT_KEPT])}</blockquote></details>"
    )


def _names(r: Report, ids: Sequence[str]) -> str:
    names = {x.id: x.name for x in r.plan.study.problem.labels}
    return named(", ".join(names[i] for i in ids)) if ids else r.say("no_label")
