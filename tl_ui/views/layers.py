"""Layers: what a probe can read at every layer before and after training, and how far each was moved."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Sequence
from typing import Any

import gradio as gr

from tl_core.errors import UserError
from tl_core.models.catalog import EMBEDDED, FILLS_BLANKS, describe
from tl_core.report.inside_maps import apart_by_layer, layers_changed
from tl_core.types import Step
from tl_core.views.embedding_map import EmbeddingMap, Side
from tl_core.views.layers import Layers
from tl_ui import trained_example
from tl_ui.lab import Lab
from tl_ui.links import link_html, linked
from tl_ui.many_texts import DATA, changed, mapped, texts_of
from tl_ui.pieces import bar, duration, escaped, percent, table_html
from tl_ui.plotly_view import drawing, plotly_view
from tl_ui.press import examples_html, pressable, pressed_example
from tl_ui.readers import RUN, notes_html, runs_of, side
from tl_ui.views import Choose
from tl_ui.words import t, word

MOST_ARMS = 6  # drawn beside each other
WAITED = 1.0  # seconds until a wait is told
BETWEEN = 0.3  # seconds from one sign of life to the next
TRAIN, MODELS = "layers_example_train", "layers_example_models"


@dataclasses.dataclass(frozen=True)
class LayersView:
    """The view."""

    id: str = "layers"
    order: int = 60
    title: str = "layers_title"
    about: str = "layers_about"

    def build(self, lab: Lab, choose: Choose) -> None:
        """Draw the view and wire it."""
        notice = gr.HTML(elem_classes="tl-notices", elem_id="layers-notice")
        with gr.Row(elem_classes="tl-look"):
            with gr.Column(min_width=280, elem_classes="tl-card tl-ask"):
                who = gr.Dropdown(_choices(lab, "", "en"), value=[EMBEDDED.name], multiselect=True, max_choices=MOST_ARMS, label=word("layers_who"), info=word("layers_who_info"), elem_id="layers-who")
                with gr.Row(elem_classes="tl-actions"):
                    ask = gr.Button(word("layers_ask"), variant="primary", elem_id="layers-ask", min_width=120)
                    stop = gr.Button(word("stop"), variant="stop", visible=False, elem_id="layers-stop", min_width=120)
                examples = lab.in_language(pressable(value=_examples_html("en"), elem_id="layers-examples"), _examples_html)
            with gr.Column(min_width=280, elem_classes="tl-answer-side"):
                status = gr.HTML(elem_id="layers-status")
                out = gr.HTML(elem_id="layers-out")
                figure = plotly_view(label="", elem_id="layers-figure")
                table = gr.HTML(elem_id="layers-table")
                link = gr.HTML(elem_id="layers-link")
        _wire(lab, choose, Form(who, ask, stop, examples, status, out, figure, table, link, gr.State(None), gr.State(""), gr.State("")), notice)


@dataclasses.dataclass(frozen=True)
class Form:
    who: gr.Dropdown
    ask: gr.Button
    stop: gr.Button
    examples: gr.HTML
    status: gr.HTML
    out: gr.HTML
    figure: gr.HTML
    table: gr.HTML
    link: gr.HTML
    shown: gr.State  # Shown, which is on the page; None before the first
    awaited: gr.State  # the comparison that an example trains; "" for none
    ready: gr.State  # the same when it has ended


@dataclasses.dataclass(frozen=True)
class Shown:
    """What is on the page: trained arms, models as they are, or both."""

    trained: tuple[Layers, ...]
    untrained: tuple[Side, ...]
    texts: str  # which the untrained models read
    notes: tuple[str, ...]


def _wire(lab: Lab, choose: Choose, form: Form, notice: gr.HTML) -> None:
    def first(values: dict, request: gr.Request) -> Iterator[dict]:
        """The first answer; a link holds what was asked."""
        given = linked(request, VIEW.id, {"who": form.who})
        if values[form.shown] is None and (given or values[choose.view] == VIEW.id):
            who = given[form.who].split(",")[:MOST_ARMS] if given else values[form.who]
            yield {form.who: gr.Dropdown(choices=_choices(lab, values[lab.study_id], values[lab.lang]), value=who)}
            yield from _looked(lab, form, {**values, form.who: who})

    def ask(values: dict) -> Iterator[dict]:
        yield from _looked(lab, form, values)

    def take_example(values: dict, event: gr.EventData) -> Iterator[dict]:
        example = pressed_example(event, (TRAIN, MODELS))
        if example == TRAIN:
            name, started = trained_example.start(lab, values)
            yield {**started, form.awaited: name, form.status: trained_example.status_html(None, values[lab.lang])}
        elif example == MODELS:
            who = [EMBEDDED.name, FILLS_BLANKS.name]
            yield {form.who: who}
            yield from _looked(lab, form, {**values, form.who: who})

    def follow(values: dict) -> dict:
        """What an example trains: how far it is, and when it has ended."""
        return trained_example.followed(values[form.awaited], values[lab.status], values[lab.lang], form.status, form.awaited, form.ready)

    def show_trained(values: dict) -> Iterator[dict]:
        """The layers of what an example has trained."""
        name, lang = values[form.ready], values[lab.lang]
        who = [value for _, value in runs_of(lab, name, lang, headed=False)][:MOST_ARMS] if name else []
        if who:
            yield {form.who: gr.Dropdown(choices=_choices(lab, name, lang), value=who)}
            yield from _looked(lab, form, {**values, form.who: who, lab.study_id: name})

    def halt(_values: dict) -> dict:
        return _at_rest(form)

    def redraw(values: dict) -> dict:
        return _drawn(lab, form, values[form.shown], values) if values[form.shown] is not None else {}

    def renew(values: dict) -> dict:
        """What can be chosen: what the open study trained, then models as they are. A study that opens is looked into."""
        known = _choices(lab, values[lab.study_id], values[lab.lang])
        ids = [value for _, value in known]
        kept = [one for one in values[form.who] or () if one in ids]
        trained = [one for one in ids if one.startswith(RUN)][:MOST_ARMS]
        return {form.who: gr.Dropdown(choices=known, value=kept if any(one.startswith(RUN) for one in kept) or not trained else trained)}

    def forget(_values: dict) -> dict:
        return {form.shown: None}

    asked = [form.who, lab.study_id, lab.dataset_id, lab.turns]
    outputs = [form.who, form.stop, form.status, form.out, form.figure, form.table, form.link, form.shown]
    going = [
        lab.on([*choose.events, lab.linked.change], first, [choose.view, form.shown, *asked], outputs, notice),
        lab.on([form.ask.click, form.who.input], ask, asked, outputs, notice, trigger_mode="always_last"),
        lab.on(form.examples.select, take_example, [*asked, *trained_example.inputs(lab)], [*outputs, form.awaited, *trained_example.outputs(lab)], notice),
        lab.on(form.ready.change, show_trained, [form.ready, *asked], outputs, notice),
    ]
    lab.on(lab.fresh.change, follow, [form.awaited, lab.status], [form.status, form.awaited, form.ready])
    lab.on(form.stop.click, halt, outputs=[form.status, form.stop], cancels=going)
    lab.draw_on(("lang",), redraw, [form.shown, *asked], outputs)
    lab.draw_on(("settled", "lang"), renew, asked, [form.who])
    lab.on([lab.dataset_id.change, lab.study_id.change], forget, outputs=[form.shown])


def _choices(lab: Lab, study: str, lang: str) -> list[tuple[str, str]]:
    return [*runs_of(lab, study, lang, headed=False), *((f"{m['id']}: {m['title']}", m["id"]) for m in describe())]


# --- asking --------------------------------------------------------------------------------------------


def _looked(lab: Lab, form: Form, values: dict) -> Iterator[dict]:
    """One after the other; what is known is on the page while the rest is worked out."""
    lang, study = values[lab.lang], values[lab.study_id]
    sides = [side(lab, name, study, lang) for name in values[form.who] or ()]
    if not sides:
        raise UserError("Choose a trained arm or a model first.")
    texts = texts_of(lab, DATA, values[lab.dataset_id], study)
    shown, notes, check = Shown((), (), texts.name, ()), [], values[lab.turns].take(VIEW.id)
    yield {form.stop: gr.Button(visible=True)}
    for one in sides:
        began, told = time.monotonic(), 0.0
        asked = changed(lab, one.reader) if one.reader.run else mapped(lab, [one.reader], texts, method="pca", by_layer=True)
        try:
            for item in asked:
                check()
                if isinstance(item, Layers):
                    shown = dataclasses.replace(shown, trained=(*shown.trained, item))
                    notes += item.notes
                elif isinstance(item, EmbeddingMap) and item.sides[0].by_layer:
                    shown = dataclasses.replace(shown, untrained=(*shown.untrained, item.sides[0]))
                    notes += item.notes
                elif isinstance(item, Step) and time.monotonic() - began > WAITED and time.monotonic() - told > BETWEEN:
                    told = time.monotonic()
                    yield {form.status: _status_html(one.title, item, told - began, lang)}
        except UserError as fault:
            if len(sides) == 1:
                yield _at_rest(form)
                raise
            notes.append(str(fault))  # the others are drawn without it
        shown = dataclasses.replace(shown, notes=tuple(dict.fromkeys(notes)))
        yield _drawn(lab, form, shown, values)
    yield _at_rest(form)


def _at_rest(form: Form) -> dict:
    return {form.status: "", form.stop: gr.Button(visible=False)}


# --- drawing -------------------------------------------------------------------------------------------


def _drawn(lab: Lab, form: Form, shown: Shown, values: dict) -> dict:
    """Trained arms where there are any; else how labels stand apart at every layer of models as they are."""
    lang = values[lab.lang]
    figure = ""
    if shown.trained:
        figure = drawing(layers_changed(shown.trained, language=lang), t(lang, "layers_label"), picture=("layers", t(lang, "picture")))
    elif shown.untrained:
        figure = drawing(apart_by_layer(shown.untrained, language=lang), t(lang, "layers_label"), picture=("layers", t(lang, "picture")))
    return {
        form.out: out_html(shown, lang), form.figure: figure, form.table: table_of(shown, lang), form.shown: shown,
        form.link: link_html(VIEW.id, {"who": ",".join(values[form.who])}, lang, study=values[lab.study_id]),
    }  # fmt: skip


def _status_html(title: str, step: Step, seconds: float, lang: str) -> str:
    left = duration(seconds / step.done * (step.total - step.done), lang) if step.done else "…"
    said = t(lang, "layers_step", model=title, done=f"{step.done:,}", total=f"{step.total:,}", left=left)
    return f"<div class='tl-status'>{bar(step.done / max(1, step.total), said)}<p role='status'>{escaped(said)}</p></div>"


def out_html(shown: Shown, lang: str) -> str:
    """What the figure says, in sentences."""
    lines = [_said(one, lang) for one in shown.trained]
    if not shown.trained:
        lines.append(escaped(t(lang, "layers_untrained", name=shown.texts)))
    return f"<section class='tl-card tl-said' role='status'>{''.join(f'<p>{line}</p>' for line in lines)}{notes_html(shown.notes)}</section>"


def _said(one: Layers, lang: str) -> str:
    """Where an arm gains, and where it was moved."""
    last, most = one.layers[-1], max(one.layers, key=lambda layer: layer.after - layer.before)
    said = [t(lang, "layers_gain", arm=one.arm, before=percent(last.before), after=percent(last.after))]
    moved = [layer for layer in one.layers if layer.moved]
    if moved and most.after > most.before:
        furthest = max(moved, key=lambda layer: layer.moved)
        gain = f"{100 * (most.after - most.before):.1f}"
        said.append(t(lang, "layers_most", layer=most.depth, gain=gain, moved=furthest.depth, share=_share(furthest.moved)))
    return f"<bdi>{escaped(' '.join(said))}</bdi>"


def _share(moved: float) -> str:
    return percent(moved, 1 if moved >= 0.01 else 2)


def table_of(shown: Shown, lang: str) -> str:
    """The same for those who cannot see the figure."""
    head = [t(lang, key) for key in ("layers_layer", "layers_before", "layers_after", "layers_moved", "layers_added", "layers_turned")]
    tables = [table_html(one.arm, head, _rows(one)) for one in shown.trained]
    head = [t(lang, key) for key in ("layers_layer", "map_told", "map_commonest", "map_silhouette")]
    tables += [table_html(one.model, head, _untrained_rows(one)) for one in shown.untrained]
    return f"<details><summary>{escaped(t(lang, 'layers_table'))}</summary>{''.join(tables)}</details>" if tables else ""


def _rows(one: Layers) -> list[Sequence[str]]:
    return [
        (str(x.depth), percent(x.before), percent(x.after), "–" if x.moved is None else _share(x.moved), f"{x.added:,}", f"{x.turned:.3f}")
        for x in one.layers
    ]  # fmt: skip


def _untrained_rows(one: Side) -> list[Sequence[str]]:
    told: list[tuple[int, Any]] = [(depth, apart) for depth, apart in enumerate(one.by_layer) if apart is not None]
    return [(str(depth), percent(a.accuracy), percent(a.commonest), "–" if a.silhouette is None else f"{a.silhouette:.3f}".replace("-", "−")) for depth, a in told]


def _examples_html(lang: str) -> str:
    return examples_html([t(lang, TRAIN), t(lang, MODELS)], lang)


VIEW = LayersView()
