"""Picker of the model that looks into a text: the models of this place, what the open study
trained, and where the place allows it any folder or name on the hub. The page and the endpoints
resolve names here, so the limits are one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import gradio as gr

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.api.view import Checkpoint
from tl_core.models.embedded import FILLS_BLANKS, READS_KOREAN, describe
from tl_ui.components.html import clip
from tl_ui.lab import Lab
from tl_ui.words import t, word

FIRST = FILLS_BLANKS.name
RUN = "run:"
Example = TypeVar("Example")


def in_order(
    examples: Sequence[Example], lang: str, text: Callable[[Example], str]
) -> list[Example]:
    """Examples in the visitor's language first."""
    return sorted(
        examples, key=lambda example: bool(HANGUL.search(text(example))) != (lang == "ko")
    )


def reader_of(text: str) -> str:
    """The model an example in this language is read by."""
    return READS_KOREAN.name if HANGUL.search(text) else FIRST


HANGUL = re.compile("[가-힣]")
BEFORE = "before"  # alongside a run: the model that it began from
# lies in the folder of a run that changed its model, not where only a head was learned
WEIGHTS = "weights.safetensors"


@dataclass(frozen=True)
class Pick:
    """A model or run that a visitor picked."""

    title: str
    checkpoint: Checkpoint
    model: str  # whose tokenizer reads


NO_MODEL = Pick("", Checkpoint(), "")  # of a view that asks none


class ModelPicker:
    """Two lists: a model, and perhaps another one alongside it."""

    def __init__(
        self, lab: Lab, id: str, *, first: str = FIRST, runs: bool = True, headed: bool = True
    ):
        """Draw both lists, and keep them up to date with the open study.

        Args:
            first: the model that is chosen to begin with.
            runs: whether models trained in the study can be chosen.
            headed: only those among them that can fill blanks.
        """
        self.lab, self.first, self.runs, self.headed = lab, first, runs, headed
        free = lab.profile.allow_hub_models
        with gr.Row():
            self.model = gr.Dropdown(
                models(),
                value=first,
                label=word("model"),
                info=word("model_info_free" if free else "model_info"),
                allow_custom_value=free,
                min_width=220,
                elem_id=f"{id}-model",
            )
            self.beside = gr.Dropdown(
                [("–", ""), *models()],
                value="",
                label=word("look_beside"),
                info=word("look_beside_info" if headed else "look_beside_any"),
                allow_custom_value=free,
                min_width=220,
                elem_id=f"{id}-beside",
            )
        lists = [self.model, self.beside]
        lab.draw_on(("settled", "spoken"), self._renew, [lab.study_id, *lists], lists)

    @property
    def fields(self) -> dict[str, Any]:
        """Both lists by their names in a link."""
        return {"model": self.model, "beside": self.beside}

    def picks(self, values: dict) -> list[Pick]:
        """The chosen model, and the one alongside it if there is one.

        Raises:
            UserError: as `resolve`, or what was before training is asked of a model that was not
                trained here.
        """
        model, beside = values[self.model] or "", values[self.beside] or ""
        study, lang = values[self.lab.study_id], values[self.lab.lang]
        if beside != BEFORE:
            names = dict.fromkeys([model, *filter(None, [beside])])
            return [resolve(self.lab, name, study, lang) for name in names]
        if not model.startswith(RUN):
            raise UserError(
                say(
                    "Choose a model trained in this study first; then the same model before "
                    "training can"
                    " be shown next to it."
                )
            )
        return [
            resolve(self.lab, model, study, lang, untrained=untrained)
            for untrained in (False, True)
        ]

    def _renew(self, values: dict) -> dict:
        lang, trained, before = values[self.lab.lang], [], []
        if self.runs:
            trained = runs_of(self.lab, values[self.lab.study_id], lang, headed=self.headed)
        if trained and not self.headed:
            before = [(t(lang, "look_before"), BEFORE)]
        beside = [(t(lang, "none"), ""), *before, *models(), *trained]
        return {
            self.model: _renewed([*models(), *trained], values[self.model], self.first),
            self.beside: _renewed(beside, values[self.beside], ""),
        }


def _renewed(choices: list[tuple[str, str]], chosen: str | None, otherwise: str) -> gr.Dropdown:
    """The list again; a model of a study that is no longer open is not kept."""
    known = [value for _, value in choices]
    gone = (chosen or "").startswith((RUN, BEFORE)) and chosen not in known
    return gr.Dropdown(choices=choices, value=otherwise) if gone else gr.Dropdown(choices=choices)


def models() -> list[tuple[str, str]]:
    """(title, name) of the models of this place."""
    return [(f"{m['id']}: {m['title']}", m["id"]) for m in describe()]


def runs_of(
    lab: Lab, study: str, lang: str = "en", *, headed: bool = True
) -> list[tuple[str, str]]:
    """(title, value to choose) of every kept run of a study that trained the body of its model.

    Args:
        headed: only of masked language models, whose head can still read what the body says.
    """
    if not study:
        return []
    opened, store = lab.studies.open(study), lab.queue.store(study)
    runs = [
        spec
        for spec in lab.studies.kept(opened)
        if spec.arm.model
        and (not headed or spec.arm.model.speaks == "masked")
        and (store.model_folder(spec.id) / WEIGHTS).is_file()
    ]
    names = opened.names(lang)
    return [(t(lang, "look_run", arm=names[spec.arm.id]), f"{RUN}{spec.id}") for spec in runs]


def resolve(
    lab: Lab, chosen: str, study: str = "", lang: str = "en", *, untrained: bool = False
) -> Pick:
    """The model or run of this name.

    Args:
        untrained: a run's model as it was before the run.

    Raises:
        UserError: there is none, or not here.
    """
    name = (chosen or "").strip()
    if name.startswith(RUN):
        return _run_of(lab, name, study, lang, untrained)
    if not name:
        raise UserError(say("Choose a model first."))
    if not lab.profile.allow_hub_models and name not in {m["id"] for m in describe()}:
        raise UserError(
            say(
                "Only the models of the list can be used here, and {name!r} is none of them.",
                name=clip(name, 80),
            )
        )
    return Pick(name, Checkpoint(name, hub=lab.profile.allow_hub_models), name)


def _run_of(lab: Lab, name: str, study: str, lang: str, untrained: bool) -> Pick:
    known = {value: title for title, value in runs_of(lab, study, lang, headed=False)}
    if name not in known:
        raise UserError(say("This trained model is no longer here. Choose another one."))
    run, specs = name.removeprefix(RUN), lab.studies.open(study).plan.specs
    model = next(spec.arm.model.name for spec in specs if spec.id == run and spec.arm.model)
    title = t(lang, "look_untrained", model=model) if untrained else known[name]
    folder = str(lab.queue.store(study).folder.resolve())
    return Pick(title, Checkpoint(folder=folder, run=run, untrained=untrained), model)
