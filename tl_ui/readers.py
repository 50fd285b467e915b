"""Who may be asked to look into a text here: the models of this place, what the open study trained, and where the place
allows it any folder or name on the hub. The page and the endpoints ask through these functions, so the limits are one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import gradio as gr

from tl_core.errors import UserError
from tl_core.experiments.service import Reader
from tl_core.models.catalog import FILLS_BLANKS, describe
from tl_core.types import Step
from tl_core.views.fill_mask import Filled
from tl_core.views.surprise import Surprise
from tl_core.views.tokens import Cut
from tl_ui.lab import Lab
from tl_ui.pieces import clip, escaped
from tl_ui.shown import notice_html
from tl_ui.words import t, word

FIRST = FILLS_BLANKS.name
MAX_CHARACTERS = 20_000
RUN = "run:"
TRAINED = "weights.safetensors"  # lies in the folder of a run that changed its model, not where only a head was learnt

T = TypeVar("T")


# --- choosing ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Choice:
    """A model, and perhaps another beside it."""

    reader: gr.Dropdown
    beside: gr.Dropdown

    @property
    def asked(self) -> list[gr.Dropdown]:
        """The components that say who is asked."""
        return [self.reader, self.beside]


@dataclass(frozen=True)
class Side:
    """One of those who are asked."""

    title: str
    reader: Reader


def choice(lab: Lab, id: str, *, runs: bool = True, headed: bool = True) -> Choice:
    """Two lists to choose from, kept up to date with the open study.

    Args:
        runs: whether models trained in the study can be chosen.
        headed: only those among them that can fill blanks.
    """
    free = lab.profile.allow_hub_models
    about = word("model_info_free" if free else "model_info")
    with gr.Row():
        reader = gr.Dropdown(_models(), value=FIRST, label=word("model"), info=about, allow_custom_value=free, min_width=220, elem_id=f"{id}-model")
        beside = gr.Dropdown([("–", ""), *_models()], value="", label=word("look_beside"), info=word("look_beside_info" if headed else "look_beside_any"), allow_custom_value=free, min_width=220, elem_id=f"{id}-beside")
    made = Choice(reader, beside)

    def renew(values: dict) -> dict:
        lang = values[lab.lang]
        trained = runs_of(lab, values[lab.study_id], lang, headed=headed) if runs else []
        return {
            reader: _list([*_models(), *trained], values[reader], FIRST),
            beside: _list([(t(lang, "none"), ""), *_models(), *trained], values[beside], ""),
        }

    signals = [lab.arrived.change, lab.fresh.change, lab.study_id.change, lab.lang.change]
    lab.on(signals, renew, [lab.study_id, *made.asked], made.asked, trigger_mode="always_last")
    return made


def _list(choices: list[tuple[str, str]], chosen: str | None, otherwise: str) -> gr.Dropdown:
    """The list anew; a model of a study that is no longer open is not kept."""
    gone = (chosen or "").startswith(RUN) and chosen not in [value for _, value in choices]
    return gr.Dropdown(choices=choices, value=otherwise) if gone else gr.Dropdown(choices=choices)


def _models() -> list[tuple[str, str]]:
    return [(f"{m['id']}: {m['title']}", m["id"]) for m in describe()]


def runs_of(lab: Lab, study: str, lang: str = "en", *, headed: bool = True) -> list[tuple[str, str]]:
    """(title, value to choose) of every kept run of a study that trained the body of its model.

    Args:
        headed: only of masked language models, whose head can still read what the body says.
    """
    if not study:
        return []
    opened = lab.studies.open(study)
    store = lab.queue.store(study)
    of_model = [s for s in lab.studies.kept(opened) if s.arm.model and (not headed or s.arm.model.speaks == "masked")]
    trained = [s for s in of_model if (store.model_folder(s.id) / TRAINED).is_file()]
    return [(t(lang, "look_run", arm=spec.arm.id), f"{RUN}{spec.id}") for spec in trained]


def side(lab: Lab, chosen: str, study: str = "", lang: str = "en") -> Side:
    """Whoever is called so.

    Raises:
        UserError: nobody is, or not here.
    """
    name = (chosen or "").strip()
    if name.startswith(RUN):
        known = {value: title for title, value in runs_of(lab, study, lang, headed=False)}
        if name not in known:
            raise UserError("This trained model is not here any more. Choose another one.")
        return Side(known[name], Reader(folder=str(lab.queue.store(study).folder.resolve()), run=name.removeprefix(RUN)))
    if not name:
        raise UserError("Choose a model first.")
    if not lab.profile.allow_hub_models and name not in {m["id"] for m in describe()}:
        raise UserError(f"Only the models of the list can be used here, and {clip(name, 80)!r} is none of them.")
    return Side(name, Reader(model=name))


def sides(lab: Lab, choice: Choice, values: dict) -> list[Side]:
    """The chosen model, and the one beside it if there is one."""
    names = [values[choice.reader], *filter(None, [values[choice.beside]])]
    return [side(lab, name, values[lab.study_id], values[lab.lang]) for name in dict.fromkeys(names)]


# --- asking --------------------------------------------------------------------------------------------


def filled(lab: Lab, reader: Reader, text: str, *, top: int = 5, together: bool = False, candidates: Sequence[str] = ()) -> Filled:
    """What the model puts into the blanks.

    Raises:
        UserError: as `tl_core.views.fill_mask.fill`, or the text is too long.
    """
    _check(text)
    return _last(lab.queue.ask("fill_blanks", reader=reader, text=text, top=int(top), together=bool(together), candidates=list(candidates), hub=lab.profile.allow_hub_models))


def surprised(lab: Lab, reader: Reader, text: str) -> Iterator[Step | Surprise]:
    """Steps, then how surprising each token of the text is.

    Raises:
        UserError: as `tl_core.views.surprise.surprise`, or the text is too long.
    """
    _check(text)
    yield from lab.queue.ask("surprise", reader=reader, text=text, hub=lab.profile.allow_hub_models)


def cut(lab: Lab, reader: Reader, text: str, text_b: str = "") -> Cut:
    """The text as the model's tokenizer cuts it.

    Raises:
        UserError: as `tl_core.views.tokens.cut`.
    """
    return _last(lab.queue.ask("cut_text", model=reader.model, text=text, text_b=text_b or None, hub=lab.profile.allow_hub_models))


def words_given(text: str) -> list[str]:
    """Words between commas; two commas in a row leave nothing between them."""
    return [w.strip() for w in (text or "").replace("，", ",").split(",") if w.strip()]


def _check(text: str) -> None:
    if len(text) > MAX_CHARACTERS:
        raise UserError(f"The text is longer than {MAX_CHARACTERS:,} characters. Take a part of it.")


def _last(answers: Iterator[T]) -> T:
    *_, last = answers
    return last


# --- answers side by side ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Said:
    """What one of those who were asked answered, or why there is no answer."""

    title: str
    answer: Any = None
    fault: str = ""


def ask_each(asked: Sequence[Side], ask: Callable[[Side], Any]) -> tuple[Said, ...]:
    """Everyone's answer. One who cannot answer says so beside the other; when nobody can, it is a fault.

    Raises:
        UserError: nobody could answer.
    """
    said, faults = [], []
    for one in asked:
        try:
            said.append(Said(one.title, ask(one)))
        except UserError as fault:
            faults.append(fault)
            said.append(Said(one.title, fault=str(fault)))
    if len(faults) == len(said):
        raise faults[0]
    return tuple(said)


def side_by_side(said: Sequence[Said], draw: Callable[[int, Any], str], about: Callable[[Any], str]) -> str:
    """A column for everyone: title, the line about it, what `draw` makes of the answer."""
    cards = []
    for i, one in enumerate(said):
        inside = notice_html(one.fault, kind="note") if one.fault else f"<p class='tl-fine'>{escaped(about(one.answer))}</p>{draw(i, one.answer)}"
        cards.append(f"<section class='tl-card'><h4>{escaped(one.title)}</h4>{inside}</section>")
    return f"<div class='tl-sides' role='status'>{''.join(cards)}</div>"


def notes_html(notes: Sequence[str]) -> str:
    """What a reader must know to read the numbers rightly."""
    return f"<ul class='tl-fine tl-remarks'>{''.join(f'<li>{escaped(note)}</li>' for note in notes)}</ul>" if notes else ""


def family(name: str, lang: str) -> str:
    """What a family of models sees."""
    return t(lang, f"family_{name}")
