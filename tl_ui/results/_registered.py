"""The registry of models on the page: what is in it, and what the archive just made is to be called
there. Not for places that strangers visit: whoever promotes a version changes what is served.
"""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import gradio as gr

from tl_core.api.errors import UserError
from tl_core.exports.jobs import FOLDER
from tl_core.registry import PRODUCTION, REGISTERED, RETIRED, Registry, Version
from tl_ui.components.html import escaped, table_html
from tl_ui.errors import notice_html
from tl_ui.lab import Lab
from tl_ui.results import Place
from tl_ui.words import EN, t, word

STAGES = {
    REGISTERED: "models_registered",
    PRODUCTION: "models_production",
    RETIRED: "models_retired",
}


class Registered:
    """What is registered, on one page: components are attributes, handlers are methods."""

    def __init__(self, lab: Lab, place: Place, archive: gr.State):
        """`archive` holds the path of the archive that was made last; "" for none."""
        self.lab, self.place, self.archive = lab, place, archive
        self.registry = Registry(lab.queue.folder.parent / "registry")
        gr.Markdown(word("models_about"), elem_classes="tl-fine")
        with gr.Row(elem_classes="tl-actions"):
            self.name = gr.Textbox(
                label=word("models_name"),
                info=word("models_name_info"),
                max_length=64,
                min_width=240,
                elem_id="models-name",
            )
            self.add = gr.Button(word("models_add"), elem_id="models-add", min_width=160)
        self.said = gr.HTML(elem_id="models-said")
        self.table = gr.HTML(elem_id="models-table", elem_classes="tl-scroll")
        with gr.Row(visible=False, elem_classes="tl-actions") as self.choice:
            self.version = gr.Dropdown(
                [],
                label=word("models_version"),
                interactive=True,
                min_width=240,
                elem_id="models-version",
            )
            self.promote = gr.Button(word("models_promote"), elem_id="models-promote")
            self.retire = gr.Button(word("models_retire"), elem_id="models-retire")

    def wire(self) -> None:
        """Wire every event."""
        lab, place = self.lab, self.place
        shown = [self.table, self.choice, self.version]
        lab.on(place.accordion.expand, self.draw, [self.version], shown, self.said)
        lab.on(
            place.news.change,
            lambda values: self.draw(values) if values[place.is_open] else {},
            [self.version, place.is_open],
            shown,
            self.said,
            trigger_mode="multiple",
        )
        for trigger, act, given in (
            (self.add.click, self.register, self.archive),
            (self.name.submit, self.register, self.archive),
            (self.promote.click, self.to_production, self.version),
            (self.retire.click, self.out_of_use, self.version),
        ):
            lab.on(
                trigger,
                act,
                [self.name, given],
                shown,
                self.said,
                trigger_mode="once",
            )

    def draw(self, values: dict) -> dict:
        """What there is now."""
        return self._drawn(values[self.lab.lang], values[self.version])

    def register(self, values: dict) -> dict:
        """Take the archive that was made last in, under a name."""
        lang, archive = values[self.lab.lang], values[self.archive]
        if not archive or not Path(archive).is_file():
            raise UserError(t(lang, "models_make_first"))
        with tempfile.TemporaryDirectory(prefix="transfer-lab-") as place:
            with zipfile.ZipFile(archive) as packed:  # this program has just written it
                packed.extractall(place)
            version = self.registry.add((values[self.name] or "").strip(), Path(place) / FOLDER)
        return self._drawn(lang, version.reference, "models_added", version)

    def to_production(self, values: dict) -> dict:
        """Promote the version that is chosen."""
        version = self.registry.promote(values[self.version] or "")
        return self._drawn(values[self.lab.lang], version.reference, "models_promoted", version)

    def out_of_use(self, values: dict) -> dict:
        """Retire the version that is chosen."""
        version = self.registry.retire(values[self.version] or "")
        return self._drawn(values[self.lab.lang], version.reference, "models_now_retired", version)

    def _drawn(
        self, lang: str, chosen: str | None, done: str = "", version: Version | None = None
    ) -> dict:
        found = self.registry.versions()
        there = [v.reference for v in found]
        choices = [(f"{v.reference} · {t(lang, STAGES[v.stage])}", v.reference) for v in found]
        changed = {
            self.table: table(found, lang),
            self.choice: gr.Row(visible=bool(found)),
            self.version: gr.Dropdown(
                choices=choices,
                value=chosen if chosen in there else next(reversed(there), None),
            ),
        }
        if version is None:
            return changed
        said = t(lang, done, reference=version.reference, name=version.name)
        return {**changed, self.said: notice_html(said, kind="note")}


def table(found: Sequence[Version], lang: str) -> str:
    """The registry: a row for each version, the newest first."""
    if not found:
        return f"<p class='tl-fine'>{escaped(t(lang, 'models_none'))}</p>"
    columns = ("model", "stage", "numbers", "from", "digest", "added")
    rows = [
        [
            f"<b style='white-space: nowrap'>{escaped(v.reference)}</b>",
            f"<span style='white-space: nowrap'>{escaped(t(lang, STAGES[v.stage]))}</span>",
            escaped(_numbers(v, lang)),
            escaped(" · ".join(filter(None, (v.study, v.arm, v.run[:8], v.format)))),
            f"<code>{escaped(v.digest[:12])}</code>",
            escaped(v.added.replace("T", " ").removesuffix("Z")),
        ]
        for v in reversed(found)
    ]
    head = [t(lang, f"models_column_{column}") for column in columns]
    return table_html(t(lang, "models_head"), head, rows)


def _numbers(version: Version, lang: str) -> str:
    """Its measures with their intervals, as the commands print them."""
    return ", ".join(
        f"{t(lang, name) if name in EN else name} {found['value']:.3f}"
        f" ({found['low']:.3f} – {found['high']:.3f})"
        for name, found in version.metrics.items()
        if None not in (found.get("value"), found.get("low"), found.get("high"))
    )
