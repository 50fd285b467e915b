"""Tab Data: a bundled sample or the visitor's file, how it was read, what was found in it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from tl_core.api.errors import UserError
from tl_core.api.sentences import say, together
from tl_core.api.types import Label
from tl_core.data.alike import with_joined
from tl_core.data.audit import Finding
from tl_core.data.labels import infer_labels, labels_from_rows, labels_to_rows, write_labels
from tl_core.data.samples import SAMPLES
from tl_core.data.tables import DELIMITERS, READABLE, ReadOptions
from tl_core.tasks import task_of, tasks
from tl_ui.components.downloads import hand_out
from tl_ui.components.html import bar, clip, escaped, in_both
from tl_ui.errors import notice_html, on_page
from tl_ui.lab import Lab
from tl_ui.state.datasets import MOST_LABELS, SAMPLE, Held, sample_ids
from tl_ui.words import t, word

_TO_COMPARE = "() => document.querySelector('#tab-compare-button').click()"
PREVIEW_ROWS = 8
PREVIEW_COLUMNS = 8
ENCODINGS = (
    "utf-8",
    "utf-16",
    "cp949",
    "euc-kr",
    "latin-1",
    "cp1252",
    "shift_jis",
    "gbk",
    "big5",
    "cp1251",
)
ROLES = ("text", "text_b", "label", "group")
IN_SIGHT = ("text", "label")
EXAMPLES = 3  # cells shown of a column that is read
SWITCHES = ("multi_label", "merge_labels")
TAKES = {
    "multi_label": "take_several",
    "merge_labels": "take_merge",
    "group": "take_group",
    "task": "take_task",
}


@dataclasses.dataclass(frozen=True)
class Tab:
    """The data tab."""

    id: str = "data"
    order: int = 10
    title: str = "tab_data"

    def build(self, lab: Lab) -> None:
        """Draw the tab and wire it."""
        notice = gr.HTML(elem_classes="tl-notices", elem_id="data-notice")
        with gr.Row():
            with gr.Column(scale=2, min_width=300):
                files = gr.State(f"{SAMPLE}support_tickets")
                source = _source(lab)
                columns = _columns()
                read = _how_read(columns)
            with gr.Column(scale=3, min_width=320):
                shown = _shown()
        labels = _label_table()
        _wire_sources(lab, files, source, read, shown, labels, notice)
        _wire_shown(lab, files, source, read, shown, labels, notice)
        _wire_labels(lab, files, labels, shown, notice)


@dataclasses.dataclass(frozen=True)
class Source:
    sample: gr.Radio
    file: gr.File
    test: gr.File


@dataclasses.dataclass(frozen=True)
class Read:
    guesses: gr.HTML
    text: gr.Dropdown
    text_b: gr.Dropdown
    label: gr.Dropdown
    group: gr.Dropdown
    encoding: gr.Dropdown
    delimiter: gr.Dropdown
    sheet: gr.Textbox
    task: gr.Dropdown
    multi_label: gr.Checkbox
    merge_labels: gr.Checkbox

    @property
    def fields(self) -> dict[str, Any]:
        """Return the components by the names of the fields of `ReadOptions`."""
        return {
            name: getattr(self, name)
            for name in (*ROLES, "encoding", "delimiter", "sheet", "task", *SWITCHES)
        }

    def options(self, values: dict) -> ReadOptions:
        """Return the form's options for reading the file."""
        given: dict[str, Any] = {
            name: bool(values[field]) if name in SWITCHES else values[field] or None
            for name, field in self.fields.items()
        }
        return ReadOptions(**given)


@dataclasses.dataclass(frozen=True)
class Shown:
    summary: gr.HTML
    preview: gr.Dataframe
    findings: gr.HTML
    takes: dict[
        str, gr.Button
    ]  # by the field of `ReadOptions` that one press changes, as a finding proposes
    reading: gr.HTML


@dataclasses.dataclass(frozen=True)
class Labels:
    table: gr.Dataframe
    down: gr.DownloadButton
    up: gr.UploadButton


# --- drawing --------------------------------------------------------------------------------------


def _source(lab: Lab) -> Source:
    gr.Markdown(word("data_head"))
    sample = gr.Radio(
        [(word(f"sample_{name}"), name) for name in SAMPLES],
        value="support_tickets",
        label=word("sample"),
        elem_id="sample",
        elem_classes="tl-stack",
    )
    kinds = [kind for kind in READABLE if kind != ".txt"]
    file = gr.File(
        label=word("own_file"), file_types=kinds, file_count="single", height=120, elem_id="upload"
    )
    gr.HTML(in_both(partial(_limits, lab)), elem_classes="tl-fine")
    with gr.Accordion(word("test_file_head"), open=False):
        test = gr.File(
            label=word("test_file"),
            file_types=kinds,
            file_count="single",
            height=100,
            elem_id="upload-test",
        )
    return Source(sample, file, test)


def _limits(lab: Lab, lang: str) -> str:
    mb, rows = lab.profile.max_upload_mb, f"{lab.profile.max_rows:,}"
    return f"<p>{escaped(t(lang, 'limits', mb=mb, rows=rows))}</p>"


def _columns() -> dict[str, gr.Dropdown]:
    """The two choosers that are always in sight: each column with what is in it."""
    return {role: _column(role) for role in IN_SIGHT}


def _column(role: str) -> gr.Dropdown:
    return gr.Dropdown(
        [], label=word(f"column_{role}"), min_width=130, interactive=True, elem_id=f"column-{role}"
    )


def _how_read(columns: dict[str, gr.Dropdown]) -> Read:
    with gr.Accordion(word("how_read"), open=False, elem_id="how-read"):
        guesses = gr.HTML()
        with gr.Row():
            roles = {**columns, **{role: _column(role) for role in ROLES if role not in columns}}
        with gr.Row():
            encoding = gr.Dropdown(
                [(word("guess_it"), ""), *((e, e) for e in ENCODINGS)],
                value="",
                label=word("encoding"),
                allow_custom_value=True,
                min_width=130,
            )
            marks = [
                (word("guess_it"), ""),
                *(
                    (word(f"mark_{what.replace(' ', '_')}"), mark)
                    for mark, what in DELIMITERS.items()
                ),
            ]
            delimiter = gr.Dropdown(
                marks, value="", label=word("delimiter"), min_width=130, elem_id="delimiter"
            )
            sheet = gr.Textbox(label=word("sheet"), min_width=130)
        task = gr.Dropdown(
            [
                (word("task_usual"), ""),
                *((word(f"task_{id}"), id) for id, it in tasks().items() if it.on_request),
            ],
            value="",
            label=word("task"),
            info=word("task_info"),
            elem_id="task",
        )
        switches = {
            name: gr.Checkbox(
                False, label=word(name), info=word(f"{name}_info"), elem_id=name.replace("_", "-")
            )
            for name in SWITCHES
        }
    return Read(
        guesses,
        **roles,
        encoding=encoding,
        delimiter=delimiter,
        sheet=sheet,
        task=task,
        **switches,
    )


def _shown() -> Shown:
    summary = gr.HTML(elem_id="data-summary")
    onwards = gr.Button(word("next_compare"), variant="primary", elem_id="next-compare")
    onwards.click(None, None, None, js=_TO_COMPARE, api_visibility="private")
    with gr.Row(elem_classes="tl-actions"):
        takes = {
            field: gr.Button(
                "", visible=False, elem_id=f"take-{field.replace('_', '-')}", min_width=160
            )
            for field in TAKES
        }
    findings = gr.HTML(elem_id="findings")
    reading = gr.HTML(elem_id="reading")
    preview = gr.Dataframe(
        datatype="str",
        interactive=False,
        wrap=True,
        label=word("preview"),
        max_height=330,
        elem_id="preview",
    )
    return Shown(summary, preview, findings, takes, reading)


def _label_table() -> Labels:
    gr.Markdown(word("labels_head"))
    table = gr.Dataframe(
        headers=["id", "name", "descriptions", "words"],
        datatype="str",
        type="array",
        interactive=True,
        static_columns=[0],
        wrap=True,
        column_widths=["140px", "210px", "540px", "300px"],
        label=word("labels_table"),
        elem_id="labels",
        max_height=420,
    )
    with gr.Row(elem_classes="tl-actions"):
        down = gr.DownloadButton(word("labels_down"), elem_id="labels-down", min_width=160)
        up = gr.UploadButton(
            word("labels_up"),
            file_types=[".json", ".csv", ".tsv"],
            elem_id="labels-up",
            min_width=160,
        )
    return Labels(table, down, up)


# --- choosing -------------------------------------------------------------------------------------


def _wire_sources(
    lab: Lab,
    files: gr.State,
    source: Source,
    read: Read,
    shown: Shown,
    labels: Labels,
    notice: gr.HTML,
) -> None:
    fields = read.fields

    def choose_sample(values: dict) -> dict:
        name = values[source.sample]
        return {
            lab.dataset_id: sample_ids()[name],
            files: f"{SAMPLE}{name}",
            source.file: None,
            source.test: None,
        }

    def upload(values: dict) -> dict:
        """A new file, perhaps with a test file: everything about it is guessed again."""
        if not values[source.file]:
            return {}
        kept = lab.datasets.add(values[source.file], values[source.test])
        return {
            source.sample: None,
            **_chosen(lab, kept, ReadOptions(), None, files, read, shown, notice, values[lab.lang]),
        }

    def read_so(values: dict) -> dict:
        """Read the same file as the form says."""
        return _chosen(
            lab,
            values[files],
            read.options(values),
            labels_for(values, read.options(values)),
            files,
            read,
            shown,
            notice,
            values[lab.lang],
        )

    def labels_for(values: dict, options: ReadOptions) -> Any:
        """The label table as it is, where the same column is read in the same way; else it is made
        again.
        """
        now = _options_now(lab, values)
        if (options.multi_label, options.task) != (now.multi_label, now.task):
            return None
        if options.label not in (None, _columns_now(lab, values).get("label")):
            return None
        return _labels_now(lab, values, values[files], joining=options.merge_labels)

    def take(field: str) -> Callable[[dict], dict]:
        def taken(values: dict) -> dict:
            """Read the file so, as was proposed."""
            options, same = (
                read.options(values),
                values[lab.dataset_id].partition("/")[0] == values[files],
            )
            proposed = (
                {
                    k: v
                    for f in lab.datasets.get(values[lab.dataset_id]).audit.findings
                    for k, v in f.change.items()
                }
                if same
                else {}
            )
            options = dataclasses.replace(options, **{field: proposed.get(field, True)})
            if (
                field == "merge_labels" and same
            ):  # as the table on show calls them, which may not be in use yet
                held = lab.datasets.get(values[lab.dataset_id])
                table = with_joined(_written(values, labels), held.loaded.joined)
            else:
                table = labels_for(values, options)
            return _chosen(
                lab, values[files], options, table, files, read, shown, notice, values[lab.lang]
            )

        return taken

    changed = [lab.dataset_id, files, source.sample, *fields.values(), *shown.takes.values()]
    lab.on(
        source.sample.input,
        choose_sample,
        [source.sample],
        [lab.dataset_id, files, source.file, source.test],
        notice,
    )
    lab.on(
        [source.file.upload, source.test.upload],
        upload,
        [source.file, source.test],
        changed,
        notice,
    )
    said = [
        field.submit if isinstance(field, gr.Textbox) else field.input for field in fields.values()
    ]
    lab.on(said, read_so, [files, lab.dataset_id, *fields.values()], changed, notice)
    for field, button in shown.takes.items():
        lab.on(
            button.click,
            take(field),
            [files, lab.dataset_id, labels.table, *fields.values()],
            changed,
            notice,
        )


def _chosen(
    lab: Lab,
    kept: str,
    options: ReadOptions,
    labels: Any,
    files: gr.State,
    read: Read,
    shown: Shown,
    notice: gr.HTML,
    lang: str,
) -> dict:
    """Read a file; when that fails, offer its columns so that the visitor can say what is what, and
    what would read it.
    """
    try:
        return {lab.dataset_id: lab.datasets.choose(kept, options, labels), files: kept}
    except UserError as fault:
        told = {
            notice: notice_html(f"{on_page(fault.sentence, lang)}\n{t(lang, 'previous_kept')}"),
            **_offered(shown, fault.change, lang),
        }
        try:
            columns = lab.datasets.columns(kept, options)
        except UserError:
            return told
        chosen = {role: getattr(options, role) for role in ROLES}
        return {files: kept, **told, **_role_choices(read, columns, chosen, lang)}


def _offered(shown: Shown, change: dict[str, Any], lang: str) -> dict:
    """The buttons for what would change how the file is read, and no others."""
    return {
        button: (
            gr.Button(t(lang, TAKES[field], column=clip(str(change[field]), 40)), visible=True)
            if field in change
            else gr.Button(visible=False)
        )
        for field, button in shown.takes.items()
    }


def _role_choices(
    read: Read, columns: Mapping[str, Sequence[Any]], chosen: dict[str, str | None], lang: str
) -> dict:
    """Every column with its first cell, and for what is read the first few."""
    named = [(_with_example(name, cells), name) for name, cells in columns.items()]
    choices = [(t(lang, "none"), ""), *named]
    drawn = {}
    for role in ROLES:
        name = chosen.get(role) or ""
        seen = " · ".join(clip(c, 40) for c in _examples(columns.get(name, ())))
        info = {"info": seen} if role in IN_SIGHT else {}
        drawn[getattr(read, role)] = gr.Dropdown(choices=choices, value=name, **info)
    return drawn


def _with_example(name: str, cells: Sequence[Any]) -> str:
    first = next(iter(_examples(cells)), "")
    return clip(name, 60) + (f": {clip(first, 40)}" if first else "")


def _examples(cells: Sequence[Any]) -> list[str]:
    """The first different cells that hold something."""
    held = (" ".join(_cell(cell).split()) for cell in cells[:200])
    return list(dict.fromkeys(cell for cell in held if cell))[:EXAMPLES]


def _options_now(lab: Lab, values: dict) -> ReadOptions:
    return lab.datasets.get(values[lab.dataset_id]).options


def _columns_now(lab: Lab, values: dict) -> dict[str, str | None]:
    return lab.datasets.get(values[lab.dataset_id]).loaded.columns


def _labels_now(lab: Lab, values: dict, files: str, *, joining: bool) -> Any:
    """The label table as it is, when the dataset on show is from the same file; with the labels
    that were joined, or are no more.
    """
    if values[lab.dataset_id].partition("/")[0] != files:
        return None
    loaded = lab.datasets.get(values[lab.dataset_id]).loaded
    labels = loaded.dataset.problem.labels
    return (
        with_joined(labels, loaded.joined) if joining else (*labels, *infer_labels(loaded.joined))
    )


# --- showing --------------------------------------------------------------------------------------


def _wire_shown(
    lab: Lab,
    files: gr.State,
    source: Source,
    read: Read,
    shown: Shown,
    labels: Labels,
    notice: gr.HTML,
) -> None:
    def show(values: dict) -> dict:
        lang, held = values[lab.lang], lab.datasets.get(values[lab.dataset_id])
        kept = held.id.partition("/")[0]
        is_sample = kept.startswith(SAMPLE)
        return {
            files: kept,
            source.sample: kept.removeprefix(SAMPLE) if is_sample else None,
            shown.summary: summary_html(held, lang),
            shown.preview: _preview(held),
            shown.findings: findings_html(held.audit.findings, lang) + _notes(held, lang),
            read.guesses: _guesses(held, lang),
            **_offered(
                shown, {k: v for f in held.audit.findings for k, v in f.change.items()}, lang
            ),
            **{getattr(read, name): getattr(held.options, name) for name in SWITCHES},
            read.task: held.options.task or "",
            **_role_choices(read, held.table.columns, held.loaded.columns, lang),
            **_table_now(held, values, labels),
            labels.down: _label_file(held),
        }

    def read_by_models(values: dict) -> Iterator[dict]:
        """What a model reads of the texts; nothing until it is known."""
        still_asked = values[lab.turns].take("data-reads")
        yield {shown.reading: ""}
        held = lab.datasets.get(values[lab.dataset_id])
        report = lab.datasets.tokens(held, held.model)
        found = [
            f for f in held.audit_with([report]).findings if f.id.startswith(("reading:", "long:"))
        ]
        still_asked()
        yield {shown.reading: findings_html(found, values[lab.lang], fold=False)}

    outputs = [
        files,
        source.sample,
        shown.summary,
        shown.preview,
        shown.findings,
        *shown.takes.values(),
        read.guesses,
        *read.fields.values(),
        labels.table,
        labels.down,
    ]
    again = [lab.arrived.change, lab.dataset_id.change, lab.spoken.change]
    lab.on(again, show, [lab.dataset_id, labels.table], outputs, notice, clears=False)
    lab.on(
        again,
        read_by_models,
        [lab.dataset_id, lab.turns],
        [shown.reading],
        notice,
        clears=False,
        trigger_mode="multiple",  # an answer on other texts is not waited for
    )
    first = lab.datasets.get(sample_ids()["support_tickets"])
    shown.summary.value, shown.findings.value = (
        summary_html(first, "en"),
        findings_html(first.audit.findings, "en"),
    )


def _table_now(held: Held, values: dict, labels: Labels) -> dict:
    """The label table, where it is not on show already: a cell that is being written stays."""
    rows = labels_to_rows(held.loaded.dataset.problem.labels)
    there = [[_cell(cell) for cell in row] for row in values[labels.table] or []]
    return {} if there == [[_cell(cell) for cell in row] for row in rows] else {labels.table: rows}


def _preview(held: Held) -> Any:
    """The first rows, the columns that are used first; of tagged texts, the spans in words."""
    if task_of(held.loaded.dataset.problem).by_word:
        return _tagged_preview(held)
    columns = held.loaded.columns
    roles = [c for c in columns.values() if c]
    names = [*roles, *(c for c in held.table.columns if c not in roles)][:PREVIEW_COLUMNS]
    cells = [
        [clip(_cell(held.table.columns[n][i]), 300) for n in names]
        for i in range(min(PREVIEW_ROWS, held.table.rows))
    ]
    long = {columns["text"], columns["text_b"]}
    width = 520 if columns["text_b"] is None else 300
    return gr.Dataframe(
        value={"headers": [clip(n, 60) for n in names], "data": cells},
        column_widths=[f"{width}px" if n in long else "150px" for n in names],
    )


def _tagged_preview(held: Held) -> Any:
    problem, columns = held.loaded.dataset.problem, held.loaded.columns
    rows, task = held.loaded.dataset.examples[:PREVIEW_ROWS], task_of(problem)
    said = task.phrases(problem, rows, task.gold(problem, rows))
    if task.alternatives:
        names = [clip(str(columns[role]), 60) for role in ("text", "text_b", "label")]
        cells = [
            [clip(e.text, 300), clip(e.text_b or "", 300), ", ".join(x)]
            for e, x in zip(rows, said, strict=True)
        ]
        return gr.Dataframe(
            value={"headers": names, "data": cells}, column_widths=["320px", "240px", "160px"]
        )
    names = [str(columns[role]) for role in IN_SIGHT]
    return gr.Dataframe(
        value={
            "headers": [clip(name, 60) for name in names],
            "data": [[clip(e.text, 300), ", ".join(x)] for e, x in zip(rows, said, strict=True)],
        },
        column_widths=["400px", "300px"],
    )


def _cell(cell: Any) -> str:
    return "" if cell is None else str(cell)


def summary_html(held: Held, lang: str) -> str:
    """Name, counts, split and balance of the labels."""
    problem, counts = held.loaded.dataset.problem, held.audit.label_counts
    try:
        split, _ = held.usual_split
        parts = t(
            lang,
            "split_sizes",
            test=f"{len(split.test):,}",
            pool=f"{len(split.pool):,}",
            dropped=f"{split.dropped:,}",
        )
    except UserError as fault:
        parts = on_page(str(fault), lang)
    kind = (
        t(lang, "kind_" + problem.inputs.replace(" ", "_"))
        + ", "
        + t(lang, "kind_" + problem.target.replace(" ", "_"))
    )
    most = max(counts.values(), default=1) or 1
    names = {x.id: x.name for x in problem.labels}
    shown = sorted(counts.items(), key=lambda item: -item[1])
    rows = "".join(
        f"<tr><th scope='row'>{escaped(names[i])}</th><td"
        f" class='tl-wide'>{bar(n / most, t(lang, 'rows_n', n=n))}</td><td"
        f" class='tl-num'>{n:,}</td></tr>"
        for i, n in shown[:20]
    )
    more = (
        f"<p class='tl-fine'>{escaped(t(lang, 'more_labels', n=len(shown) - 20))}</p>"
        if len(shown) > 20
        else ""
    )
    table = (
        f"<table class='tl-balance'><caption>{escaped(t(lang, 'balance'))}</caption><tbody>{rows}"
        "</tbody></table>"
    )
    labelled = f"<b>{len(problem.labels)}</b> {escaped(t(lang, 'labels'))} · "
    if task_of(problem).writes:  # its one label says what is written
        table = labelled = ""
    return (
        f"<section class='tl-card'><h3>{escaped(held.name)}</h3>"
        f"<p class='tl-facts'><b>{len(held.loaded.dataset):,}</b> {escaped(t(lang, 'rows'))} ·"
        f" {labelled}{escaped(kind)}</p><p>{escaped(parts)}</p>{table}{more}</section>"
    )


def findings_html(findings: Any, lang: str, *, fold: bool = True) -> str:
    """Show what was found and what is done about it, what asks for a decision first, then the
    serious; `fold` puts what is fine out of the way.
    """
    order = {"warning": 0, "note": 1, "ok": 2}
    ranked = sorted(findings, key=lambda f: (not f.change, order[f.level]))
    items = "".join(_finding(f, lang) for f in ranked if f.level != "ok" or not fold)
    fine = [f for f in ranked if f.level == "ok" and fold]
    rest = (
        f"<details><summary>{escaped(t(lang, 'fine_n', n=len(fine)))}</summary><ul"
        f" class='tl-findings'>{''.join(_finding(f, lang) for f in fine)}</ul></details>"
        if fine
        else ""
    )
    return (f"<ul class='tl-findings'>{items}</ul>" if items else "") + rest


def _finding(f: Finding, lang: str) -> str:
    """One line, with the rest behind it; what needs a decision is open."""
    rows = (
        " <span"
        f" class='tl-fine'>{escaped(t(lang, 'rows_are', rows=', '.join(map(str, f.rows[:8]))))}"
        "</span>"
        if f.rows and f.level != "ok"
        else ""
    )
    return (
        f"<li class='tl-{f.level}'><details{' open' if f.change else ''}><summary><span"
        f" class='tl-level'>{escaped(t(lang, 'level_' + f.level))}</span>"
        f" <b>{escaped(on_page(f.title, lang))}</b></summary>"
        f"<p>{escaped(on_page(f.detail, lang))}{rows}</p><p"
        f" class='tl-do'>{escaped(on_page(f.action, lang))}</p></details></li>"
    )


def _notes(held: Held, lang: str) -> str:
    return (
        notice_html(on_page(together(held.loaded.notes, "\n"), lang), kind="note")
        if held.loaded.notes
        else ""
    )


def _guesses(held: Held, lang: str) -> str:
    said = [
        f"<li><b>{escaped(on_page(g.what, lang))}</b>: {escaped(on_page(g.value, lang))} <span"
        f" class='tl-fine'>({escaped(on_page(g.why, lang))})</span></li>"
        for g in held.loaded.guesses
    ]
    return (
        f"<p>{escaped(t(lang, 'guesses_head'))}</p><ul>{''.join(said)}</ul>"
        if said
        else f"<p>{escaped(t(lang, 'guesses_none'))}</p>"
    )


# --- the label table ------------------------------------------------------------------------------


def _wire_labels(lab: Lab, files: gr.State, labels: Labels, shown: Shown, notice: gr.HTML) -> None:
    def keep(values: dict) -> dict:
        return _relabelled(lab, values, _written(values, labels), labels, shown, notice)

    def upload(values: dict) -> dict:
        return _relabelled(
            lab, values, lab.datasets.labels_of(Path(values[labels.up])), labels, shown, notice
        )

    changed = [lab.dataset_id, labels.table, *shown.takes.values()]
    lab.on(
        labels.table.input,
        keep,
        [labels.table, lab.dataset_id],
        changed,
        notice,
        trigger_mode="always_last",
    )
    lab.on(labels.up.upload, upload, [labels.up, lab.dataset_id], changed, notice)


def _written(values: dict, labels: Labels) -> tuple[Label, ...]:
    """The label table as it is on the page.

    Raises:
        UserError: every fault of it.
    """
    if len(values[labels.table]) > MOST_LABELS:
        raise UserError(
            say(
                "The label table has {value:,} rows; it may have {most_labels:,}.",
                value=len(values[labels.table]),
                most_labels=MOST_LABELS,
            )
        )
    return labels_from_rows(values[labels.table])


def _relabelled(
    lab: Lab, values: dict, given: Any, labels: Labels, shown: Shown, notice: gr.HTML
) -> dict:
    """Read the same file with another label table; one that cannot be used stays on show, so that
    it can be mended.
    """
    held, lang = lab.datasets.get(values[lab.dataset_id]), values[lab.lang]
    given = with_joined(given, held.loaded.joined)
    try:
        chosen = lab.datasets.choose(held.id.partition("/")[0], held.options, given)
    except UserError as fault:
        shown_now = values.get(labels.table)  # what somebody is writing is not written again
        return {
            notice: notice_html(on_page(str(fault), lang)),
            **({} if shown_now is not None else {labels.table: labels_to_rows(given)}),
            **_offered(shown, fault.change, lang),
        }
    return {lab.dataset_id: chosen}


def _label_file(held: Held) -> str:
    path = Path(hand_out("labels.json", b""))
    write_labels(with_joined(held.loaded.dataset.problem.labels, held.loaded.joined), path)
    return str(path)


TAB = Tab()
