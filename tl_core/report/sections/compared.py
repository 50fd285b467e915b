"""Section on what was compared: the texts, what was guessed about their file, the arms."""

from __future__ import annotations

from collections import Counter

from tl_core.api.types import Label
from tl_core.report.html_helpers import as_read, escaped, named, section, tabled
from tl_core.report.sections.answer import _token_sentences
from tl_core.report.sections.mixed_up import LABELS_SHOWN
from tl_core.report.study_report import Report
from tl_core.strategies import strategies
from tl_core.words.budget import taught
from tl_core.words.phrases import (
    duration,
    percent,
)


def compared(r: Report) -> str:
    """Texts and arms."""
    study, data = r.plan.study, r.dataset
    test, pool = len(study.split.test), len(study.split.pool)
    facts = [
        ("dataset", escaped(study.name)),
        ("about_note", "<br>".join(map(escaped, (r.about.get("note") or "").splitlines()))),
        (
            "source",
            escaped(data["source"]) if data.get("source") and data["source"] != study.name else "",
        ),
        ("test_file", escaped(data.get("test_file") or "")),
        (
            "rows",
            r.say(
                "rows_text",
                rows=f"{test + pool:,}",
                test=f"{test:,}",
                pool=f"{pool:,}",
                dropped=f"{study.split.dropped:,}",
            ),
        ),
        ("unlabelled", f"{data['unlabelled']:,}" if data.get("unlabelled") else ""),
        ("problem", f"{r.say(study.problem.inputs)}, {r.say(study.problem.target)}"),
        (
            "asked",
            r.say(
                "asked_text",
                arms=len(study.arms),
                shots=", ".join(str("all" if s is None else s) for s in study.shots),
                seeds=len(study.seeds),
            ),
        ),
        (
            "wall",
            (
                escaped(duration(r.context["wall_seconds"], r.language))
                if r.context.get("wall_seconds")
                else ""
            ),
        ),
    ]
    listed = "".join(f"<dt>{r.say(key)}</dt><dd>{said}</dd>" for key, said in facts if said)
    notes = [n for n in dict.fromkeys(data.get("notes") or []) if n not in _token_sentences(r)]
    noted = (
        f"<h3>{r.say('notes_head')}</h3>"
        f"<ul>{''.join(f'<li>{as_read(r, n)}</li>' for n in notes)}</ul>"
        if notes
        else ""
    )
    return section(
        r, "compared", f"<dl>{listed}</dl>{_labels(r)}{_guesses(r)}{noted}{_arms(r)}{_cuts(r)}"
    )


def _labels(r: Report) -> str:
    study = r.plan.study
    test, pool = (
        Counter(label for e in part for label in e.labels)
        for part in (study.split.test, study.split.pool)
    )
    rows = [(_label(x), f"{test[x.id]:,}", f"{pool[x.id]:,}") for x in study.problem.labels]
    head = [r.say(k) for k in ("head_label", "head_test", "head_pool")]
    shown = tabled(r, head, rows[:LABELS_SHOWN], numbers={1, 2})
    if len(rows) > LABELS_SHOWN:
        rest = tabled(r, head, rows[LABELS_SHOWN:], numbers={1, 2})
        more = r.say("more", n=len(rows) - LABELS_SHOWN)
        shown += f"<details><summary>{more}</summary>{rest}</details>"
    return f"<h3>{r.say('labels_head')}</h3>{shown}"


def _label(label: Label) -> str:
    """The name, and the id where it is another one."""
    return named(label.name) + (
        f" <small>{named(label.id)}</small>" if label.id.casefold() != label.name.casefold() else ""
    )


def _guesses(r: Report) -> str:
    guesses = r.dataset.get("guesses") or []
    if not guesses:
        return ""
    rows = [
        (
            *(f"<bdi>{as_read(r, g.get(k) or '')}</bdi>" for k in ("what", "value", "why")),
            f"<code>{escaped(g.get('option') or '')}</code>",
        )
        for g in guesses
    ]
    return f"<h3>{r.say('guesses_head')}</h3>" + tabled(
        r, [r.say(k) for k in ("head_guess", "head_value", "head_why", "head_option")], rows
    )


def _arms(r: Report) -> str:
    rows, seen = [], taught(r.plan.study.arms, r.language)
    for arm in r.plan.study.arms:
        settings = ", ".join(f"{name}={value}" for name, value in arm.settings.items())
        rows.append(
            (
                named(arm.id),
                as_read(r, strategies()[arm.strategy].title_for(r.plan.study.problem)),
                named(arm.model.name) if arm.model else "",
                named(seen[arm.model.name]) if arm.model else "",
                named(settings),
            )
        )
    table = tabled(
        r,
        [
            r.say(k)
            for k in ("head_arm", "head_strategy", "head_model", "head_taught", "head_settings")
        ],
        rows,
    )
    return f"<details><summary>{r.say('arms_head')}</summary>{table}</details>"


def _cuts(r: Report) -> str:
    """Write the cut of every label, arm by arm, where a text may have several labels."""
    most = {c.arm: c for c in sorted(r.comparison.cells, key=lambda c: c.labels)}
    of_arm = {
        arm: r.results[cell.runs[0]].cuts
        for arm, cell in most.items()
        if r.results[cell.runs[0]].cuts
    }
    if not of_arm:
        return ""
    rows = [
        (_label(label), *(percent(cuts[i], r.language) for cuts in of_arm.values()))
        for i, label in enumerate(r.plan.study.problem.labels)
    ]
    table = tabled(
        r,
        [r.say("head_label"), *(named(r.names[arm]) for arm in of_arm)],
        rows,
        numbers=set(range(1, len(of_arm) + 1)),
    )
    return (
        f"<details><summary>{r.say('cuts_head')}</summary><p"
        f" class='fine'>{r.say('cuts_note')}</p>{table}</details>"
    )
