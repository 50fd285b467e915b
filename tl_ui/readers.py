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
from tl_core.types import Example, Step
from tl_core.views.attention import Attention
from tl_core.views.fill_mask import Filled
from tl_core.views.senses import Senses
from tl_core.views.surprise import Surprise
from tl_core.views.tokens import Cut
from tl_ui.lab import Lab
from tl_ui.pieces import clip, escaped, percent
from tl_ui.shown import notice_html
from tl_ui.words import t, word

FIRST = FILLS_BLANKS.name
MAX_CHARACTERS = 20_000
MAX_PASTED = 200_000  # where all but a part is left out anyway, or many sentences come at once
MOST_SENTENCES = 500
RUN = "run:"
BEFORE = "before"  # beside a run: the model that it began from
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
    model: str  # whose tokenizer reads


def choice(lab: Lab, id: str, *, first: str = FIRST, runs: bool = True, headed: bool = True) -> Choice:
    """Two lists to choose from, kept up to date with the open study.

    Args:
        first: the model that is chosen to begin with.
        runs: whether models trained in the study can be chosen.
        headed: only those among them that can fill blanks.
    """
    free = lab.profile.allow_hub_models
    about = word("model_info_free" if free else "model_info")
    with gr.Row():
        reader = gr.Dropdown(_models(), value=first, label=word("model"), info=about, allow_custom_value=free, min_width=220, elem_id=f"{id}-model")
        beside = gr.Dropdown([("–", ""), *_models()], value="", label=word("look_beside"), info=word("look_beside_info" if headed else "look_beside_any"), allow_custom_value=free, min_width=220, elem_id=f"{id}-beside")
    made = Choice(reader, beside)

    def renew(values: dict) -> dict:
        lang = values[lab.lang]
        trained = runs_of(lab, values[lab.study_id], lang, headed=headed) if runs else []
        before = [(t(lang, "look_before"), BEFORE)] if trained and not headed else []
        return {
            reader: _list([*_models(), *trained], values[reader], first),
            beside: _list([(t(lang, "none"), ""), *before, *_models(), *trained], values[beside], ""),
        }

    lab.draw_on(("settled", "lang"), renew, [lab.study_id, *made.asked], made.asked)
    return made


def _list(choices: list[tuple[str, str]], chosen: str | None, otherwise: str) -> gr.Dropdown:
    """The list anew; a model of a study that is no longer open is not kept."""
    gone = (chosen or "").startswith((RUN, BEFORE)) and chosen not in [value for _, value in choices]
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


def side(lab: Lab, chosen: str, study: str = "", lang: str = "en", *, untrained: bool = False) -> Side:
    """Whoever is called so.

    Args:
        untrained: a run's model as it was before the run.

    Raises:
        UserError: nobody is, or not here.
    """
    name = (chosen or "").strip()
    if name.startswith(RUN):
        known = {value: title for title, value in runs_of(lab, study, lang, headed=False)}
        if name not in known:
            raise UserError("This trained model is not here any more. Choose another one.")
        run = name.removeprefix(RUN)
        model = next(spec.arm.model.name for spec in lab.studies.open(study).plan.specs if spec.id == run)
        title = t(lang, "look_untrained", model=model) if untrained else known[name]
        return Side(title, Reader(folder=str(lab.queue.store(study).folder.resolve()), run=run, untrained=untrained), model)
    if not name:
        raise UserError("Choose a model first.")
    if not lab.profile.allow_hub_models and name not in {m["id"] for m in describe()}:
        raise UserError(f"Only the models of the list can be used here, and {clip(name, 80)!r} is none of them.")
    return Side(name, Reader(model=name), name)


def sides(lab: Lab, choice: Choice, values: dict) -> list[Side]:
    """The chosen model, and the one beside it if there is one.

    Raises:
        UserError: as `side`, or what was before training is asked of a model that was not trained here.
    """
    reader, beside = values[choice.reader] or "", values[choice.beside] or ""
    if beside == BEFORE and not reader.startswith(RUN):
        raise UserError("Choose a model trained in this study first; then what it was before stands beside it.")
    ask = lambda name, **more: side(lab, name, values[lab.study_id], values[lab.lang], **more)  # noqa: E731
    if beside == BEFORE:
        return [ask(reader), ask(reader, untrained=True)]
    return [ask(name) for name in dict.fromkeys([reader, *filter(None, [beside])])]


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


def senses_read(lab: Lab, reader: Reader, word: str, given: str) -> Iterator[Step | Senses]:
    """Steps, then a word as the model reads it in every sentence.

    Args:
        given: sentences, see `sentences_given`.

    Raises:
        UserError: as `tl_core.views.senses`, or there are too many sentences.
    """
    examples, senses = sentences_given(given)
    yield from lab.queue.ask(
        "word_senses", reader=reader, word=word, examples=examples, senses=senses, test=(), test_senses=(), hub=lab.profile.allow_hub_models
    )  # fmt: skip


def attended(lab: Lab, reader: Reader, text: str, text_b: str = "") -> Attention:
    """Whom every token of a text, or of a pair, attends to.

    Raises:
        UserError: as `tl_core.views.attention.attention`.
    """
    _check(text + text_b, MAX_PASTED)
    return _last(lab.queue.ask("attention", reader=reader, text=text, text_b=text_b or None, hub=lab.profile.allow_hub_models))


def cut(lab: Lab, reader: Reader, text: str, text_b: str = "") -> Cut:
    """The text as the model's tokenizer cuts it.

    Raises:
        UserError: as `tl_core.views.tokens.cut`.
    """
    return _last(lab.queue.ask("cut_text", model=reader.model, text=text, text_b=text_b or None, hub=lab.profile.allow_hub_models))


def words_given(text: str) -> list[str]:
    """Words between commas; two commas in a row leave nothing between them."""
    return [w.strip() for w in (text or "").replace("，", ",").split(",") if w.strip()]


def sentences_given(text: str) -> tuple[list[Example], list[str]]:
    """The sentences, one a line, numbered by their lines; and what the word means in each, which may stand behind a tab or |.

    Raises:
        UserError: there is none, or there are too many.
    """
    _check(text, MAX_PASTED)
    found = [(n, *_with_sense(line)) for n, line in enumerate((text or "").splitlines(), start=1) if line.strip(" \t|")]
    if not found:
        raise UserError("Write some sentences first, one a line.")
    if len(found) > MOST_SENTENCES:
        raise UserError(f"There are {len(found):,} sentences; at most {MOST_SENTENCES} are looked at here. Leave some out.")
    return [Example(n, sentence) for n, sentence, _ in found], [sense for _, _, sense in found]


def _with_sense(line: str) -> tuple[str, str]:
    sentence, mark, sense = line.rpartition("\t" if "\t" in line else "|")
    return (sentence.strip(), sense.strip()) if mark else (line.strip(), "")


def _check(text: str, most: int = MAX_CHARACTERS) -> None:
    if len(text or "") > most:
        raise UserError(f"The text is longer than {most:,} characters. Take a part of it.")


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


def unread_html(lab: Lab, asked: Sequence[Side], texts: Sequence[str], lang: str) -> str:
    """A sentence for each model that cannot read these texts."""
    told = []
    for name in dict.fromkeys(one.model for one in asked):
        report = _last(lab.queue.ask("token_reports", models=[name], texts=list(texts), hub=lab.profile.allow_hub_models))
        if not report.readable:
            told.append(t(lang, "cannot_read", model=name, share=percent(report.unknown_rate, 0)))
    return notice_html("\n".join(told), kind="note")


def notes_html(notes: Sequence[str]) -> str:
    """What a reader must know to read the numbers rightly."""
    return f"<ul class='tl-fine tl-remarks'>{''.join(f'<li>{escaped(note)}</li>' for note in notes)}</ul>" if notes else ""


def family(name: str, lang: str) -> str:
    """What a family of models sees."""
    return t(lang, f"family_{name}")
