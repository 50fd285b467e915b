"""Layers: what a probe can read at every layer before and after training, and how far each was
moved.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import gradio as gr

from tl_core.api.amounts import percent
from tl_core.api.errors import UserError
from tl_core.api.sentences import Sentence, say
from tl_core.api.types import Step
from tl_core.models.embedded import EMBEDDED, FILLS_BLANKS
from tl_core.views.embedding_map import Side
from tl_core.views.layers import NUMBERS, Layers
from tl_core.words.names import renamed
from tl_ui.components.clickable import pressed_example
from tl_ui.components.html import bar, duration, escaped, table_html
from tl_ui.components.permalinks import link_html
from tl_ui.components.plotly_view import drawing, plotly_view
from tl_ui.errors import on_page
from tl_ui.lab import Lab
from tl_ui.views._base import NOTHING_GIVEN, Values
from tl_ui.views._shared.answers import last, notes_html, request
from tl_ui.views._shared.map_figures import apart_by_layer, layers_changed
from tl_ui.views._shared.map_rows import DATA, Texts, map_of, texts_of
from tl_ui.views._shared.model_picker import RUN, Pick, models, resolve, runs_of
from tl_ui.views._training import TrainingView
from tl_ui.words import t, word

MOST_ARMS = 6  # drawn side by side
TRAIN, MODELS = "layers_example_train", "layers_example_models"


@dataclasses.dataclass(frozen=True)
class LayersSnapshot:
    """The content of the page: trained arms, models as they are, or both."""

    trained: tuple[Layers, ...]
    untrained: tuple[Side, ...]
    texts: str  # which the untrained models read
    notes: tuple[str, ...]

    def noted(self, notes: Sequence[str]) -> LayersSnapshot:
        """Return it with further notes, each once."""
        return dataclasses.replace(self, notes=tuple(dict.fromkeys([*self.notes, *notes])))


# --- words ----------------------------------------------------------------------------------------

WORDS: dict[str, Sentence] = {
    "layers_title": say("Layers"),
    "layers_about": say(
        "A model is a stack of layers, and each rewrites what the one below made of the text. "
        "A probe is a plain linear classifier that reads the labels off one layer: where its "
        "accuracy rises, that layer has what the task needs. The chart shows the accuracy at "
        "every layer before and after training, on test rows, with probes trained on the run’s "
        "training rows alone (Alain & Bengio 2017).\n\nBelow it: how far the weights of every "
        "layer moved, as a share of their size, and how far the embeddings of texts shifted. "
        "LoRA moves few weights by little, full fine-tuning moves all of them; the layers "
        "where the probe gains show where the transfer happens. Without a trained arm you see "
        "how well labels separate at every layer of a model before training."
    ),
    "layers_who": say("Trained arms, or models before training"),
    "layers_who_info": say("Several are drawn side by side."),
    "layers_ask": say("Show layers"),
    "layers_label": say(
        "Layer by layer: accuracy of a probe before and after training, how far weights and "
        "embeddings moved"
    ),
    "layers_gain": say(
        "{arm}: on the last layer, a probe reaches {after} after training and {before} before."
    ),
    "layers_most": say(
        "It gains most at layer {layer} ({gain} points); weights moved most in layer {moved} "
        "({share})."
    ),
    "layers_table": say("The same as a table"),
    "layers_layer": say("Layer"),
    "layers_after": say("Probe after"),
    "layers_added": say("Weights added"),
    "layers_rows": say("Probes were trained on {train} rows and tested on {test}."),
    "layers_untrained": say(
        "Nothing was trained here: this is how well the labels of {name} separate at every layer."
    ),
    "layers_step": say("{model}: {done} of {total}, {left} left."),
    "layers_example_train": say(
        "Train LoRA and the whole model on my dataset, and see where it happens"
    ),
    "layers_example_models": say("Two models before training"),
}


# --- the view -------------------------------------------------------------------------------------


class LayersView(TrainingView):
    """The view."""

    words = WORDS
    id, order, title, about = "layers", 60, "layers_title", "layers_about"
    ask_label, numbers, options = "layers_ask", NUMBERS, False

    def draw_question(self) -> None:
        """Arms of the study, and models as they are."""
        self.who = gr.Dropdown(
            self.choices("", "en"),
            value=[EMBEDDED.name],
            multiselect=True,
            max_choices=MOST_ARMS,
            label=word("layers_who"),
            info=word("layers_who_info"),
            elem_id="layers-who",
        )

    def draw_answer(self) -> None:
        """Draw what the figure says, the figure, and the same as a table."""
        super().draw_answer()
        self.out = gr.HTML(elem_id="layers-out")
        self.figure = plotly_view(label="", elem_id="layers-figure")
        self.table = gr.HTML(elem_id="layers-table")

    def link_fields(self) -> dict[str, Any]:
        """Return the fields that a link holds."""
        return {"who": self.who}

    def drawn(self) -> list[Any]:
        """Return what changes with an answer."""
        return [self.out, self.figure, self.table, self.link]

    def wire_parts(self) -> list[Any]:
        """Renew what can be chosen with the open study."""
        self.lab.draw_on(("settled", "spoken"), self.renew, self.inputs(), [self.who])
        return []

    def choices(self, study: str, lang: str) -> list[tuple[str, str]]:
        """Return the models that the open study trained, then models as they are."""
        return [*runs_of(self.lab, study, lang, headed=False), *models()]

    def renew(self, values: Values) -> Values:
        """Renew what can be chosen. A study that opens is looked into."""
        known = self.choices(values[self.lab.study_id], values[self.lab.lang])
        ids = [value for _, value in known]
        kept = [one for one in values[self.who] or () if one in ids]
        trained = [one for one in ids if one.startswith(RUN)][:MOST_ARMS]
        stays = any(one.startswith(RUN) for one in kept) or not trained
        return {self.who: gr.Dropdown(choices=known, value=kept if stays else trained)}

    def given_by_link(self, request: gr.Request) -> Values:
        """The models and arms, which are in a link with commas between."""
        given = super().given_by_link(request)
        return {field: value.split(",")[:MOST_ARMS] for field, value in given.items()}

    def example_list(self, lang: str) -> Sequence[tuple[str, Mapping[str, Any]]]:
        """Train two arms, or look at two models as they are."""
        return [
            (t(lang, TRAIN), {}),
            (t(lang, MODELS), {"who": [EMBEDDED.name, FILLS_BLANKS.name]}),
        ]

    def first(self, values: Values, request: gr.Request) -> Iterator[Values]:
        """The first answer; whatever a link names can be chosen too."""
        given = self.given_by_link(request)
        if values[self.snapshot] is None and self.is_wanted(values, request):
            who = given.get(self.who, values[self.who])
            known = self.choices(values[self.lab.study_id], values[self.lab.lang])
            yield {self.who: gr.Dropdown(choices=known, value=who)}
            yield from self.ask({**values, self.who: who})

    def take_example(self, values: Values, event: gr.EventData) -> Iterator[Values]:
        """Train, or ask."""
        example = pressed_example(event, self.example_list(values[self.lab.lang]))
        if example is None:
            return
        _, given = example
        if given:
            yield from self.ask(values, {self.who: given["who"]})
        else:
            yield self.train(values)

    def show_trained(self, values: Values) -> Iterator[Values]:
        """The layers of what an example has trained."""
        name, lang = values[self.ready], values[self.lab.lang]
        runs = runs_of(self.lab, name, lang, headed=False) if name else []
        who = [value for _, value in runs][:MOST_ARMS]
        if who:
            yield {self.who: gr.Dropdown(choices=self.choices(name, lang), value=who)}
            yield from self.ask({**values, self.who: who, self.lab.study_id: name})

    # --- asking ---

    def ask(self, values: Values, given: Mapping[Any, Any] = NOTHING_GIVEN) -> Iterator[Values]:
        """One after the other; what is known is on the page while the rest is computed."""
        values, lang, study = {**values, **given}, values[self.lab.lang], values[self.lab.study_id]
        if given:
            yield dict(given)
        picks = [resolve(self.lab, name, study, lang) for name in values[self.who] or ()]
        if not picks:
            raise UserError(say("Choose a trained arm or a model first."))
        texts = texts_of(self.lab, DATA, values[self.lab.dataset_id], study)
        snapshot, check = LayersSnapshot((), (), texts.name, ()), self.turn(values)
        yield {self.stop: gr.Button(visible=True)}
        for pick in picks:
            try:
                for item, seconds in self.parts(self.look(pick, texts), check):
                    if isinstance(item, Step):
                        yield {self.status: _status_html(pick.title, item, seconds, lang)}
                    else:
                        snapshot = _with(snapshot, item)
            except UserError as fault:
                if len(picks) == 1:
                    yield self.at_rest()
                    raise
                # the others are drawn without it
                snapshot = snapshot.noted([on_page(fault.sentence, lang)])
            yield {self.snapshot: snapshot, **self.draw(snapshot, values)}
        yield self.at_rest()

    def look(self, pick: Pick, texts: Texts) -> Iterator[Any]:
        """Steps, then what training changed; of a model that was not trained here, how labels stand
        apart at every layer.
        """
        if pick.checkpoint.run:
            return self.question("layer_changes", checkpoint=pick.checkpoint)
        return map_of(self.lab, [pick.checkpoint], texts, method="pca", by_layer=True)

    def draw(self, snapshot: LayersSnapshot, values: Values) -> Values:
        """Trained arms where there are any; else how labels separate at every layer of models as
        they are.
        """
        lang, study, figure = values[self.lab.lang], values[self.lab.study_id], None
        if snapshot.trained and study:
            snapshot = renamed(snapshot, self.lab.studies.open(study).names(lang))
        if snapshot.trained:
            figure = layers_changed(snapshot.trained, language=lang)
        elif snapshot.untrained:
            figure = apart_by_layer(snapshot.untrained, language=lang)
        picture = ("layers", t(lang, "picture"))
        label = t(lang, "layers_label")
        return {
            self.out: out_html(snapshot, lang),
            self.figure: drawing(figure, label, picture=picture) if figure else "",
            self.table: table_of(snapshot, lang),
            self.link: link_html(self.id, {"who": ",".join(values[self.who])}, lang, study=study),
        }

    @staticmethod
    def endpoint(lab: Lab, study: str, run: str) -> dict[str, Any]:
        """Return what training changed in every layer: accuracy of a probe before and after, and
        how far weights and texts were moved.

        Args:
            study: the name of a study, as it is in the page's address.
            run: run: and the id of a kept run that trained its model.
        """
        checkpoint = resolve(lab, str(run), str(study)).checkpoint
        return dataclasses.asdict(
            last(request(lab, NUMBERS, "layer_changes", checkpoint=checkpoint))
        )


def _with(snapshot: LayersSnapshot, item: Any) -> LayersSnapshot:
    """Return it with one more answer; a map without numbers by layer is a first one, and says
    nothing.
    """
    if isinstance(item, Layers):
        snapshot = dataclasses.replace(snapshot, trained=(*snapshot.trained, item))
    elif item.sides[0].by_layer:
        snapshot = dataclasses.replace(snapshot, untrained=(*snapshot.untrained, item.sides[0]))
    else:
        return snapshot
    return snapshot.noted(item.notes)


# --- drawing --------------------------------------------------------------------------------------


def _status_html(title: str, step: Step, seconds: float, lang: str) -> str:
    left = duration(seconds / step.done * (step.total - step.done), lang) if step.done else "…"
    sentence = t(
        lang, "layers_step", model=title, done=f"{step.done:,}", total=f"{step.total:,}", left=left
    )
    return (
        f"<div class='tl-status'>{bar(step.done / max(1, step.total), sentence)}<p"
        f" role='status'>{escaped(sentence)}</p></div>"
    )


def out_html(snapshot: LayersSnapshot, lang: str) -> str:
    """Describe the figure, in sentences."""
    lines = [_sentences(one, lang) for one in snapshot.trained]
    if not snapshot.trained:
        lines.append(escaped(t(lang, "layers_untrained", name=snapshot.texts)))
    return (
        "<section class='tl-card tl-said'"
        f" role='status'>{''.join(f'<p>{line}</p>' for line in lines)}"
        f"{notes_html(snapshot.notes, lang)}</section>"
    )


def _sentences(one: Layers, lang: str) -> str:
    """Say where an arm gains, and where it was moved."""
    last, most = one.layers[-1], max(one.layers, key=lambda layer: layer.after - layer.before)
    lines = [
        t(lang, "layers_gain", arm=one.arm, before=percent(last.before), after=percent(last.after))
    ]
    moved = [(layer.moved, layer.depth) for layer in one.layers if layer.moved]
    if moved and most.after > most.before:
        share, depth = max(moved, key=lambda pair: pair[0])
        gain = f"{100 * (most.after - most.before):.1f}"
        lines.append(
            t(
                lang,
                "layers_most",
                layer=most.depth,
                gain=gain,
                moved=depth,
                share=_share(share),
            )
        )
    return f"<bdi>{escaped(' '.join(lines))}</bdi>"


def _share(moved: float) -> str:
    return percent(moved, 1 if moved >= 0.01 else 2)


def table_of(snapshot: LayersSnapshot, lang: str) -> str:
    """The same for those who cannot see the figure."""
    head = [
        t(lang, key)
        for key in (
            "layers_layer",
            "layers_before",
            "layers_after",
            "layers_moved",
            "layers_added",
            "layers_turned",
        )
    ]
    tables = [table_html(one.arm, head, _rows(one)) for one in snapshot.trained]
    head = [t(lang, key) for key in ("layers_layer", "map_told", "map_commonest", "map_silhouette")]
    tables += [table_html(one.model, head, _untrained_rows(one)) for one in snapshot.untrained]
    return (
        f"<details><summary>{escaped(t(lang, 'layers_table'))}</summary>{''.join(tables)}</details>"
        if tables
        else ""
    )


def _rows(one: Layers) -> list[Sequence[str]]:
    return [
        (
            str(x.depth),
            percent(x.before),
            percent(x.after),
            "–" if x.moved is None else _share(x.moved),
            f"{x.added:,}",
            f"{x.turned:.3f}",
        )
        for x in one.layers
    ]


def _untrained_rows(one: Side) -> list[Sequence[str]]:
    measured: list[tuple[int, Any]] = [
        (depth, apart) for depth, apart in enumerate(one.by_layer) if apart is not None
    ]
    return [
        (
            str(depth),
            percent(a.accuracy),
            percent(a.commonest),
            "–" if a.silhouette is None else f"{a.silhouette:.3f}".replace("-", "−"),
        )
        for depth, a in measured
    ]


VIEW = LayersView
