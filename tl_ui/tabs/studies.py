"""Studies as things: open, name, duplicate, pack into a file, open from one, make again, set two
side by side.
"""

from __future__ import annotations

import dataclasses
import time
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from tl_core.analysis.read_study import Stored
from tl_core.analysis.study_diff import Changes, changes
from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.models.embedded import EMBEDDED
from tl_core.report import script as again
from tl_core.running.study_records import Damaged
from tl_core.studies.allowed import lay_out, take_in
from tl_core.studies.archive import pack
from tl_core.studies.store import Store
from tl_core.studies.title import LONGEST_NOTE, LONGEST_TITLE, About
from tl_core.tasks import task_of
from tl_core.words import study_diff as words
from tl_core.words.names import renamed
from tl_ui.components.again import again_html
from tl_ui.components.clickable import at, pressed
from tl_ui.components.downloads import hand_out
from tl_ui.components.html import clip, escaped, shots_text, table_html
from tl_ui.components.study_table import TITLE_SHOWN, Listed, listed, rows_html, table_view
from tl_ui.lab import Lab, key_of, remembered, with_key
from tl_ui.serving.place import allowed_at
from tl_ui.state import clone_study as from_study
from tl_ui.state.studies import Opened
from tl_ui.words import t, word

_TO_FOUND = "() => document.querySelector('#two-studies')?.scrollIntoView({behavior: 'smooth'})"


@dataclasses.dataclass(frozen=True)
class Tab:
    """The studies tab."""

    id: str = "studies"
    order: int = 35
    title: str = "tab_studies"

    def build(self, lab: Lab) -> None:
        """Draw the tab and wire it."""
        notice = gr.HTML(elem_classes="tl-notices", elem_id="studies-notice")
        with gr.Column(elem_classes="tl-card"):
            many = _many()
        with gr.Row():
            with gr.Column(scale=3, min_width=320, elem_classes="tl-card", elem_id="one-study"):
                one = _one()
            with gr.Column(scale=2, min_width=300, elem_classes="tl-card"):
                gr.Markdown(word("archive_head"))
                given = gr.File(
                    label=word("archive_file"),
                    file_types=[".zip"],
                    elem_id="archive-file",
                    height=140,
                )
        with gr.Column(elem_classes="tl-card", elem_id="two-studies"):
            two = _two()
        _wire_one(lab, many, one, given, notice)
        _wire_two(lab, many, two, notice)


@dataclasses.dataclass(frozen=True)
class Many:
    table: gr.HTML
    names: gr.State  # of the studies, in the order of the table's rows
    against: gr.State  # the study for which another one is being chosen; "" for none
    pair: gr.State  # two studies to compare, and when they were chosen; None for none
    away: gr.State  # the study that was deleted last, and can be brought back; "" for none
    said: gr.HTML
    undo: gr.Button

    @property
    def shown(self) -> list[Any]:
        """What a deletion changes."""
        return [self.away, self.said, self.undo]


@dataclasses.dataclass(frozen=True)
class One:
    which: gr.State  # its name
    facts: gr.HTML
    open: gr.Button
    duplicate: gr.Button
    change: gr.Button
    packed: gr.DownloadButton
    title: gr.Textbox
    note: gr.Textbox
    save: gr.Button
    again: gr.HTML


@dataclasses.dataclass(frozen=True)
class Two:
    before: gr.Dropdown
    after: gr.Dropdown
    compare: gr.Button
    found: gr.HTML


def _many() -> Many:
    gr.Markdown(word("studies_head"))
    table = table_view()
    with gr.Row(elem_classes="tl-actions tl-undo"):
        said = gr.HTML(elem_id="study-away")
        undo = gr.Button(
            word("study_undo"), size="sm", visible=False, elem_id="study-undo", min_width=120
        )
    states = gr.State([]), gr.State(""), gr.State(None), gr.State("")
    return Many(table, *states, said, undo)


def _one() -> One:
    which = gr.State("")
    facts = gr.HTML(elem_id="study-facts")
    with gr.Row(elem_classes="tl-actions"):
        open_ = gr.Button(
            word("study_open"),
            variant="primary",
            min_width=120,
            elem_id="study-open",
            interactive=False,
        )
        duplicate = gr.Button(
            word("study_duplicate"), min_width=120, elem_id="study-duplicate", interactive=False
        )
        change = gr.Button(
            word("study_change"), min_width=120, elem_id="study-change", interactive=False
        )
        packed = gr.DownloadButton(
            word("study_pack"), min_width=120, elem_id="study-pack", interactive=False
        )
    title = gr.Textbox(
        label=word("study_title"), max_lines=1, max_length=LONGEST_TITLE, elem_id="study-title"
    )
    note = gr.Textbox(
        label=word("study_note"),
        lines=2,
        max_lines=10,
        max_length=LONGEST_NOTE,
        elem_id="study-note",
    )
    save = gr.Button(word("study_save"), size="sm", elem_id="study-save", interactive=False)
    with gr.Accordion(word("again_head"), open=False, elem_id="study-again"):
        told = gr.HTML()
    return One(which, facts, open_, duplicate, change, packed, title, note, save, told)


def _two() -> Two:
    gr.Markdown(word("two_head"))
    with gr.Row(elem_classes="tl-bottom"):
        before = gr.Dropdown(
            [], label=word("two_before"), interactive=True, min_width=220, elem_id="two-before"
        )
        after = gr.Dropdown(
            [], label=word("two_after"), interactive=True, min_width=220, elem_id="two-after"
        )
        compare = gr.Button(word("two_compare"), min_width=140, scale=0, elem_id="two-compare")
    return Two(before, after, compare, gr.HTML(elem_id="two-found"))


# --- which there are ------------------------------------------------------------------------------


def _known(lab: Lab, values: dict) -> list[Listed]:
    """The open study and those of this browser that are still here, the newest first."""
    names = dict.fromkeys([values[lab.study_id], *reversed(remembered(values[lab.saved])["keys"])])
    return listed(lab.queue, [name for name in names if name])


# --- one study ------------------------------------------------------------------------------------


def _wire_one(lab: Lab, many: Many, one: One, given: gr.File, notice: gr.HTML) -> None:
    written = gr.State(
        ""
        # the study whose title and note are in the fields: what somebody is writing is not
        # written over
    )

    def table(values: dict, chosen: str | None, known: list[Listed] | None = None) -> dict:
        known = _known(lab, values) if known is None else known
        marked = chosen, values[lab.study_id], values[many.against]
        said = rows_html(known, *marked, values[lab.lang])
        return {
            many.table: said,
            many.names: [study.name for study in known],
            one.which: chosen or "",
        }

    def renew(values: dict) -> dict:
        """The list; the open study is chosen as soon as it is another one."""
        known = _known(lab, values)
        names = [study.name for study in known]
        chosen = values[lab.study_id] if values[lab.study_id] in names else values[one.which]
        chosen = chosen if chosen in names else next(iter(names), None)
        return {**table(values, chosen, known), **shown_of(chosen, values, values[written])}

    def press(values: dict, event: gr.EventData) -> dict:
        """What a button in a row of the table does."""
        what, numbers = pressed(event)
        name = at(values[many.names], *numbers) if len(numbers) == 1 else None
        if what == "pick" and name:
            return {**table(values, name), **shown_of(name, values, "")}
        if what == "open" and name:
            return {**_entered(lab, name), lab.tabs: gr.Tabs(selected="results")}
        if what == "delete" and name:
            return delete(values, name)
        if what == "against" and name:
            picked = _against(many, values, name)
            return {**table({**values, **picked}, values[one.which]), **picked}
        return {}

    def delete(values: dict, name: str) -> dict:
        title = _title(lab, name)
        lab.queue.put_away(name, key_of(values[lab.saved], name))
        lab.studies.forget(name)
        left = {**values, lab.study_id: ""} if values[lab.study_id] == name else values
        said = t(values[lab.lang], "study_away", title=title)
        return {
            **renew(left),
            **(lab.nothing_open() if left is not values else {}),
            many.away: name,
            many.said: f"<p role='status'>{escaped(said)}</p>",
            many.undo: gr.Button(visible=True),
        }

    def undo(values: dict) -> dict:
        name = values[many.away]
        nothing = {many.away: "", many.said: "", many.undo: gr.Button(visible=False)}
        if not name:
            return nothing
        lab.queue.bring_back(name, key_of(values[lab.saved], name))
        return {**nothing, **table(values, name), **shown_of(name, values, "")}

    def shown_of(name: str | None, values: dict, before: str) -> dict:
        changed = _shown(lab, one, name, values)
        if name and name == before:
            changed = {
                component: value
                for component, value in changed.items()
                if component not in (one.title, one.note)
            }
        return {**changed, written: name or ""}

    def open_(values: dict) -> dict:
        return {**_entered(lab, values[one.which]), lab.tabs: gr.Tabs(selected="results")}

    def duplicate(values: dict) -> dict:
        name, key = lab.queue.duplicate(values[one.which])
        gr.Info(t(values[lab.lang], "study_duplicated"))
        return {**_entered(lab, name), lab.saved: with_key(values[lab.saved], name, key)}

    def change(values: dict) -> dict:
        """Make the study's rows the dataset, and fill the form of the comparison with what the
        study asked.
        """
        study, adopted = (
            lab.studies.open(values[one.which]).plan.study,
            lab.queue.status(values[one.which])["adopted"],
        )
        gr.Info(t(values[lab.lang], "study_changing"))
        return {
            lab.dataset_id: from_study.dataset_of(lab.datasets, study),
            lab.wishes: from_study.wishes(study, EMBEDDED.name, adopted=adopted),
            lab.tabs: gr.Tabs(selected="compare"),
        }

    def adopt(values: dict) -> dict:
        if not values[given]:
            return {}
        name, key = lab.queue.adopt(
            partial(
                take_in,
                Path(values[given]),
                allowed=allowed_at(lab.profile),
                lay_out=partial(_read_apart, lab),
            )
        )
        if why := lab.queue.status(name)["only_read"]:
            gr.Info(escaped(t(values[lab.lang], "study_only_read", why=why)), duration=12)
        return {
            **_entered(lab, name),
            lab.saved: with_key(values[lab.saved], name, key),
            given: None,
            lab.tabs: gr.Tabs(selected="results"),
        }

    def save(values: dict) -> dict:
        name = values[one.which]
        lab.queue.describe(
            name,
            key_of(values[lab.saved], name),
            About(values[one.title] or "", values[one.note] or ""),
        )
        gr.Info(t(values[lab.lang], "study_saved"))
        lab.studies.renew(lab.studies.open(name))  # the report, too, says what it is called
        fresh = {lab.fresh: lab.where(name)[lab.fresh]} if name == values[lab.study_id] else {}
        return {
            **table(values, name),
            **shown_of(name, values, ""),
            **fresh,
        }

    shown = [
        written,
        one.facts,
        one.open,
        one.duplicate,
        one.change,
        one.packed,
        one.title,
        one.note,
        one.save,
        one.again,
    ]
    entered = [lab.study_id, lab.status, lab.fresh, lab.settled, lab.beat, lab.selection]
    rows = [many.table, many.names, one.which]
    asked = [lab.study_id, lab.saved, one.which, many.names, many.against, written]
    lab.draw_on(("arrived", "settled", "spoken"), renew, asked, [*rows, *shown])
    lab.on(
        many.table.select,
        press,
        asked,
        [*rows, *shown, *many.shown, many.against, many.pair, *entered, lab.tabs],
        notice,
        trigger_mode="always_last",
    )
    lab.on(
        many.undo.click,
        undo,
        [many.away, many.against, lab.study_id, lab.saved],
        [*many.shown, *rows, *shown],
        notice,
    )
    lab.on(one.open.click, open_, [one.which], [*entered, lab.tabs], notice)
    lab.on(one.duplicate.click, duplicate, [one.which, lab.saved], [lab.saved, *entered], notice)
    lab.on(one.change.click, change, [one.which], [lab.dataset_id, lab.wishes, lab.tabs], notice)
    lab.on(
        given.upload,
        adopt,
        [given, lab.saved],
        [lab.saved, *entered, given, lab.tabs],
        notice,
        show_progress="minimal",
        show_progress_on=given,
    )
    lab.on(
        one.save.click,
        save,
        [one.which, one.title, one.note, many.against, lab.study_id, lab.saved],
        [*rows, *shown, lab.fresh],
        notice,
    )


def _against(many: Many, values: dict, name: str) -> dict:
    """The first press in a row chooses a study, the same again nothing, one in another row that
    which it is compared with.
    """
    first = values[many.against] if values[many.against] in values[many.names] else ""
    if first in ("", name):
        return {many.against: "" if first else name}
    return {many.against: "", many.pair: (first, name, time.monotonic())}


def _read_apart(lab: Lab, source: Path, folder: Path) -> tuple[int, dict]:
    """Read a file where it does no harm whatever is in it."""
    return lab.datasets.bounded.call(lay_out, source, folder, lab.profile.reading)


def _entered(lab: Lab, name: str) -> dict:
    """A study opened for the whole page, as if its link had been followed."""
    return {lab.study_id: name, **lab.where(name), lab.selection: None}


def _title(lab: Lab, name: str) -> str:
    found = listed(lab.queue, [name])
    return clip(found[0].title or name, TITLE_SHOWN) if found else name


def _shown(lab: Lab, one: One, name: str | None, values: dict) -> dict:
    lang = values[lab.lang]
    if not name:
        return _nothing_shown(one, t(lang, "studies_none"))
    try:
        opened, status, store = (
            lab.studies.open(name),
            lab.queue.status(name),
            lab.queue.store(name),
        )
    except Damaged as fault:
        return _nothing_shown(one, str(fault))
    mine, ended = (
        bool(key_of(values[lab.saved], name)),
        status["status"] not in ("queued", "running"),
    )
    packed = _packed(opened, store) if ended else None
    return {
        one.facts: facts_html(opened, status, lang),
        one.open: gr.Button(interactive=True),
        one.duplicate: gr.Button(interactive=ended),
        one.change: gr.Button(interactive=True),
        one.packed: gr.DownloadButton(value=packed, interactive=ended),
        one.title: gr.Textbox(
            value=opened.about.title, interactive=mine, placeholder=opened.plan.study.name
        ),
        one.note: gr.Textbox(
            value=opened.about.note,
            interactive=mine,
            placeholder="" if mine else t(lang, "study_not_mine"),
        ),
        one.save: gr.Button(interactive=mine),
        one.again: again_html(opened.plan.study, lang),
    }


def _nothing_shown(one: One, why: str) -> dict:
    said = f"<p class='tl-fine'>{escaped(why)}</p>"
    off = {
        button: gr.Button(interactive=False)
        for button in (one.open, one.duplicate, one.change, one.save)
    }
    return {
        one.facts: said,
        one.title: "",
        one.note: "",
        one.again: said,
        one.packed: gr.DownloadButton(value=None, interactive=False),
        **off,
    }


def _packed(opened: Opened, store: Store) -> str:
    """Path of the archive to hand out; packed again only when there is something new in it."""
    state = opened.version, opened.about
    if opened.packed is None or opened.packed[0] != state or not Path(opened.packed[1]).is_file():
        opened.packed = state, hand_out(again.ARCHIVE, pack(store))
    return opened.packed[1]


def _number(lang: str, what: str, n: int) -> str:
    return t(lang, f"{what}_{1 if n == 1 else 'n'}", n=n)


def facts_html(opened: Opened, status: dict, lang: str) -> str:
    """Show what a study holds, and its description."""
    study = opened.plan.study
    per = task_of(study.problem).shots_per
    lines = [
        t(
            lang,
            "study_facts",
            arms=_number(lang, "arms", len(study.arms)),
            shots=", ".join(shots_text(s, lang, per) for s in study.shots),
            seeds=_number(lang, "draws", len(study.seeds)),
            test=f"{len(study.split.test):,}",
        ),
        t(
            lang,
            f"state_{status['status']}",
            done=status["done"],
            total=status["total"],
            ahead=status["ahead"],
        ),
        *([t(lang, "study_only_read", why=status["only_read"])] if status["only_read"] else []),
    ]
    note = "".join(f"<p>{escaped(line)}</p>" for line in opened.about.note.splitlines())
    return f"<h4>{escaped(opened.title)}</h4>{note}" + "".join(
        f"<p class='tl-fine'>{escaped(line)}</p>" for line in lines
    )


# --- two studies ----------------------------------------------------------------------------------


def _wire_two(lab: Lab, many: Many, two: Two, notice: gr.HTML) -> None:
    asked = gr.State(None)  # the two on show, so that a switch of language asks again

    def renew(values: dict) -> dict:
        studies = _known(lab, values)
        names = [study.name for study in studies]
        known = [(study.called(values[lab.lang]), study.name) for study in studies]
        chosen = [values[two.before], values[two.after]]
        newest = [*names[:2][::-1], None, None][:2]
        first, second = chosen if len(set(chosen) & set(names)) == 2 else newest
        out = {
            two.before: gr.Dropdown(choices=known, value=first),
            two.after: gr.Dropdown(choices=known, value=second),
        }
        if not values[asked] or not set(values[asked]) <= set(names):
            return out
        before, after = values[asked]
        return {**out, two.found: found_html(lab, before, after, values[lab.lang])}

    def compare(values: dict) -> dict:
        names = values[two.before], values[two.after]
        if not all(names) or names[0] == names[1]:
            raise UserError(
                say(
                    "Choose two different studies. A study appears in the lists once it was started"
                    " or opened in this browser."
                )
            )
        return {asked: names, two.found: found_html(lab, *names, values[lab.lang])}

    def compare_rows(values: dict) -> dict:
        """Two rows of the table were chosen."""
        if not values[many.pair]:
            return {}
        before, after, _ = values[many.pair]
        return {
            two.before: before,
            two.after: after,
            asked: (before, after),
            two.found: found_html(lab, before, after, values[lab.lang]),
        }

    lab.draw_on(
        ("arrived", "settled", "spoken"),
        renew,
        [lab.study_id, lab.saved, two.before, two.after, asked],
        [two.before, two.after, two.found],
    )
    lab.on(two.compare.click, compare, [two.before, two.after], [asked, two.found], notice)
    chosen = [two.before, two.after, asked, two.found]
    lab.on(many.pair.change, compare_rows, [many.pair], chosen, notice).then(
        None, None, None, js=_TO_FOUND, api_visibility="private"
    )


def found_html(lab: Lab, before: str, after: str, lang: str) -> str:
    """Show what was asked differently and what changed, as two tables."""
    names = lab.studies.open(after).names(lang) | lab.studies.open(before).names(lang)
    found = renamed(changes(_stored(lab, before), _stored(lab, after)), names)
    said = "".join(f"<p>{escaped(line)}</p>" for line in words.summary(found, lang))
    moved = "" if words.apart(found) else _moved_table(found, lang)
    return f"<div role='status'>{said}{_asked_table(found, lang)}{moved}</div>"


def _stored(lab: Lab, name: str) -> Stored:
    opened = lab.studies.open(name)
    weighed = opened.weighed
    if weighed is None or not weighed.comparison.cells:
        raise UserError(
            say(
                "{title}: there is no result yet, or it is still being worked out. Try again in"
                " a moment.",
                title=clip(opened.title, TITLE_SHOWN),
            )
        )
    return Stored(
        lab.queue.store(name),
        opened.plan,
        weighed.results,
        weighed.comparison,
        {},
        opened.about,
    )


def _asked_table(found: Changes, lang: str) -> str:
    if not found.asked:
        return ""
    rows = [
        [
            escaped(clip(words.what(x, lang), 120)),
            *(escaped(clip(words.value(v, lang), 240)) for v in (x.before, x.after)),
        ]
        for x in found.asked
    ]
    head = [t(lang, "two_what"), t(lang, "two_before"), t(lang, "two_after")]
    return f"<div class='tl-scroll'>{table_html(t(lang, 'two_asked'), head, rows)}</div>"


def _moved_table(found: Changes, lang: str) -> str:
    rows = [
        [
            escaped(m.arm),
            escaped(shots_text(m.shots, lang, m.per)),
            escaped(words.share(m.before, lang)),
            escaped(words.share(m.after, lang)),
            escaped(words.difference(m, lang)),
        ]
        for m in found.moved
    ]
    head = [
        t(lang, "arm"),
        t(lang, "labels_per_class"),
        t(lang, "two_before"),
        t(lang, "two_after"),
        t(lang, "two_difference"),
    ]
    return (
        "<div"
        " class='tl-scroll'>"
        f"{table_html(t(lang, 'two_moved', metric=t(lang, found.metric)), head, rows)}</div>"
    )


TAB = Tab()
