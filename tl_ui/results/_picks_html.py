"""Lists in which something can be picked: parts, groups of rows, sets of arms, labels in doubt.
What is picked stays pressed.
"""

from __future__ import annotations

from tl_core.analysis.differences.disagreement import PARTS
from tl_core.analysis.differences.slices import TOPIC, Tested
from tl_core.api.amounts import percent
from tl_core.words import differences as said
from tl_core.words.names import renamed
from tl_core.words.phrases import number
from tl_ui.components.clickable import button
from tl_ui.components.html import escaped
from tl_ui.results._picked import Pick, Two
from tl_ui.words import t

SLICES_SHOWN = 14


def parts_html(two: Two, pick: Pick, lang: str) -> str:
    """Every row is in one of these; and each arm's mistakes."""
    d, called = two.disagreement, two.names(lang)
    names = {"a": called[two.a.arm], "b": called[two.b.arm]}
    counts = [d.count(part) for part in PARTS]
    listed = "".join(
        _bar(t(lang, f"differ_{part}", **names), n, sum(counts), pick, lang, "part", i)
        for i, (part, n) in enumerate(zip(PARTS, counts))
    )
    wrong = "".join(
        _chip(t(lang, "differ_sure", arm=called[x.arm]), pick, "sure", i)
        for i, x in enumerate((two.a, two.b))
        if not x.right.all()
    )
    return (
        f"<h4>{escaped(t(lang, 'differ_parts_head'))}</h4>{listed}<ul class='tl-chips'>{wrong}</ul>"
    )


def sets_html(two: Two, pick: Pick, lang: str) -> str:
    """The largest sets of rows that the same arms get right."""
    called, n = two.names(lang), len(two.studied.rows)
    names = [called[x.arm] for x in two.studied.arms]
    if len(names) < 3:
        return ""
    listed = "".join(
        _bar(said.right_set(renamed(x, called), names, lang), len(x.rows), n, pick, lang, "set", i)
        for i, x in enumerate(two.sets)
    )
    return f"<h4>{escaped(t(lang, 'differ_sets_head'))}</h4>{listed}"


def slices_html(two: Two, pick: Pick, lang: str) -> str:
    """Groups of rows, those first in which something stands out, then the topics that somebody
    asked for.
    """
    first = [x for x in two.tested if x.found or two.slices[x.of].kind == TOPIC]
    shown = list(
        dict.fromkeys(x.of for x in (*sorted(first, key=lambda x: not x.found), *two.tested))
    )[:SLICES_SHOWN]
    head = (
        f"<h4>{escaped(t(lang, 'differ_slices_head'))}</h4><p"
        f" class='tl-fine'>{escaped(said.findings(two.slices, two.tested, lang))}</p>"
    )
    if not shown:
        return head
    called = two.names(lang)
    columns = [
        t(lang, "differ_group"),
        t(lang, "rows"),
        called[two.a.arm],
        called[two.b.arm],
        t(lang, "differ_lead"),
    ]
    top = "".join(f"<span>{escaped(c)}</span>" for c in columns)
    rows = "".join(_slice(two, pick, of, lang) for of in shown)
    return (
        f"{head}<div class='tl-slices'><div class='tl-slice tl-slice-head'"
        f" aria-hidden='true'>{top}</div>{rows}</div><p"
        f" class='tl-fine'>{escaped(t(lang, 'differ_slices_info'))}</p>"
    )


def _slice(two: Two, pick: Pick, of: int, lang: str) -> str:
    group = two.slices[of]
    by = {(x.a, x.b): x for x in two.of_group(of)}
    tested = [by.get((two.a.arm, "")), by.get((two.b.arm, "")), by.get((two.a.arm, two.b.arm))]
    where = said.where(group, two.problem, lang)
    cells = "".join(f"<span>{_tested(x, lang)}</span>" for x in tested)
    inner = f"<b>{escaped(where)}</b><span class='tl-num'>{int(group.inside.sum()):,}</span>{cells}"
    return button(inner, "slice", of, kind="tl-slice", on=_is(pick, "slice", of))


def _tested(x: Tested | None, lang: str) -> str:
    """Inside, and outside in small; what stands out has a mark."""
    if x is None:
        return "–"
    told = (
        (lambda share: number(100 * share).replace("-", "−"))
        if x.b
        else (lambda share: percent(share, 0))
    )
    mark = f"<i title='{escaped(t(lang, 'differ_stands_out'))}'>●</i> " if x.found else ""
    return (
        f"{mark}{told(x.inside)}"
        f" <small>{escaped(t(lang, 'differ_elsewhere', x=told(x.outside)))}</small>"
    )


def doubts_html(two: Two, pick: Pick, lang: str) -> str:
    """Show how many labels look wrong, and their rows at a press."""
    told = "".join(
        f"<p>{escaped(s)}</p>"
        for s in said.doubts(renamed(two.doubts, two.names(lang)), len(two.studied.rows), lang)
    )
    chip = (
        f"<ul class='tl-chips'>{_chip(t(lang, 'differ_doubts_show'), pick, 'doubts', 0)}</ul>"
        if two.doubts.rows
        else ""
    )
    return f"<h4>{escaped(t(lang, 'differ_doubts_head'))}</h4>{told}{chip}"


def _bar(says: str, n: int, of: int, pick: Pick, lang: str, what: str, i: int) -> str:
    share = n / max(1, of)
    inner = (
        f"<b>{escaped(says)}</b><span class='tl-bar' aria-hidden='true'><i"
        f" style='width:{100 * share:.1f}%'></i></span><span class='tl-num'>{n:,}</span>"
    )
    return button(
        inner,
        what,
        i,
        kind="tl-guess",
        label=f"{says}: {t(lang, 'rows_n', n=f'{n:,}')}",
        on=_is(pick, what, i),
    )


def _chip(says: str, pick: Pick, what: str, i: int) -> str:
    return f"<li>{button(escaped(says), what, i, kind='tl-example', on=_is(pick, what, i))}</li>"


def _is(pick: Pick, what: str, i: int) -> bool:
    return pick == (what, (i,))
