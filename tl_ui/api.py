"""What programs may ask of the page by name. Everything else is the page's own business."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import gradio as gr

from tl_core.errors import UserError
from tl_core.experiments.arms import trains
from tl_core.params import declared
from tl_core.strategies import strategies
from tl_ui.datasets import FIRST as FIRST_DATA
from tl_ui.kept import occluded, predictions
from tl_ui.lab import Lab
from tl_ui.many_texts import changed, mapped, readers_of, texts_of
from tl_ui.readers import FIRST, attended, cut, filled, senses_read, side, surprised, words_given
from tl_ui.shown import plain_errors


def add(lab: Lab) -> None:
    """Offer every endpoint."""
    _studies(lab)
    _looks(lab)


def _studies(lab: Lab) -> None:
    """`list_strategies`, `predict` and `study`."""

    @plain_errors
    def list_strategies() -> list[dict[str, Any]]:
        """Every strategy with its id, title, what it needs and its settings; one that `trains` also takes selection, augmentation and scaling."""
        return [
            {"id": s.id, "title": s.title, "about": s.about, "needs": s.needs, "trains": trains(s), "settings": _settings(s)} for s in strategies().values()
        ]

    @plain_errors
    def predict(study: str, text: str, text_b: str = "") -> dict[str, dict[str, float]]:
        """Probabilities of every label by arm, for one text (or two).

        Args:
            study: the name of a finished study, as it stands in the page's address.
            text: the text.
            text_b: the second text, for pairs.
        """
        opened = lab.studies.open(str(study))
        ids = opened.plan.study.problem.label_ids
        answers = predictions(lab, opened, str(text), str(text_b or "") or None)
        return {spec.arm.id: {i: round(float(p), 6) for i, p in zip(ids, scores, strict=True)} for spec, scores in answers}

    @plain_errors
    def study(name: str) -> dict[str, Any]:
        """The record of a study: what was asked and every result so far.

        Args:
            name: the name of the study, as it stands in the page's address.
        """
        record = lab.queue.store(str(name)).read_json("study.json")
        if record is None:
            raise UserError("This study has not begun yet. Ask again in a moment.")
        return record

    _offer(list_strategies, predict, study)


def _looks(lab: Lab) -> None:
    """`fill_mask`, `surprise`, `tokens`, `word_senses`, `attention`, `words_that_mattered`, `map_texts`, `layers`: what the tab "Look inside" shows, of the models that may be asked here."""

    @plain_errors
    def fill_mask(text: str, model: str = FIRST, top: int = 5, together: bool = False, candidates: str = "") -> dict[str, Any]:
        """Words for every blank of a text, with their probabilities.

        Args:
            text: a text with [MASK] wherever a word is missing.
            model: who is asked.
            top: how many words for each blank.
            together: also fill all blanks at once.
            candidates: words to compare in every blank, with commas between.
        """
        answer = filled(lab, side(lab, str(model)).reader, str(text), top=_whole(top), together=bool(together), candidates=words_given(str(candidates)))
        return dataclasses.asdict(answer)

    @plain_errors
    def surprise(text: str, model: str = FIRST) -> dict[str, Any]:
        """The log-probability (nats) of every token of a text, and its (pseudo-)perplexity.

        Args:
            text: the text.
            model: who is asked.
        """
        *_, answer = surprised(lab, side(lab, str(model)).reader, str(text))
        return dataclasses.asdict(answer)

    @plain_errors
    def tokens(text: str, model: str = FIRST, text_b: str = "") -> dict[str, Any]:
        """A text as a model's tokenizer cuts it.

        Args:
            text: the text.
            model: whose tokenizer.
            text_b: a second text, read together with the first.
        """
        return dataclasses.asdict(cut(lab, side(lab, str(model)).reader, str(text), str(text_b or "")))

    @plain_errors
    def word_senses(word: str, sentences: str, model: str = FIRST) -> dict[str, Any]:
        """One word in many sentences: its place at every layer, and how well its senses stand apart there.

        Args:
            word: the word, as it stands in the sentences.
            sentences: one a line; what the word means there may follow behind | or a tab.
            model: who reads them.
        """
        *_, answer = senses_read(lab, side(lab, str(model)).reader, str(word), str(sentences))
        return answer.plain()

    @plain_errors
    def attention(text: str, text_b: str = "", model: str = FIRST, layer: int = 0, head: int = 0) -> dict[str, Any]:
        """Whom every token of a text attends to: rows look at columns, and sum to 1.

        Args:
            text: the text.
            text_b: a second text, read together with the first.
            model: who reads.
            layer: counted from 1; 0 for the last.
            head: counted from 1; 0 for the mean of all heads of the layer.
        """
        found = attended(lab, side(lab, str(model)).reader, str(text), str(text_b or ""))
        return found.plain(found.of(_whole(layer) or len(found.weights), _whole(head) or None))

    @plain_errors
    def words_that_mattered(study: str, arm: str, text: str, text_b: str = "", label: str = "", way: str = "remove") -> dict[str, Any]:
        """Which words the answer of an arm hangs on: the probability of a label without each word.

        Args:
            study: the name of a finished study, as it stands in the page's address.
            arm: who is asked.
            text: the text.
            text_b: the second text, for pairs.
            label: whose probability; empty for the label that the arm answers.
            way: "remove" takes each word out, "mask" hides it behind the model's mask token.
        """
        *_, found = occluded(lab, lab.studies.open(str(study)), str(arm), str(text), str(text_b or "") or None, label=str(label or ""), way=str(way))
        return dataclasses.asdict(found)

    @plain_errors
    def map_texts(rows: str = "", study: str = "", model: str = "minilm", beside: str = "", method: str = "pca", layer: int = -1, by_layer: bool = False) -> dict[str, Any]:
        """Texts as points of a plane, of one model, of two, or of a model before and after training.

        Args:
            rows: the dataset id of a bundled sample (the default is the first of them), or test or all for rows of a study.
            study: the name of a study, as it stands in the page's address.
            model: a model, or run: and the id of a kept run of the study that trained its model.
            beside: another one, brought onto the first.
            method: pca, umap or tsne.
            layer: the mean over the tokens of a layer; -1 for the sentence embedding.
            by_layer: also tell how well labels stand apart at every layer.
        """
        texts = texts_of(lab, str(rows or FIRST_DATA), "", str(study))
        readers, names = readers_of(lab, [str(model), str(beside)], str(study))
        *_, found = mapped(lab, readers, texts, method=str(method), layer=None if _whole(layer) < 0 else _whole(layer), by_layer=bool(by_layer))
        shown = [texts.examples[i] for i in found.rows]
        return {
            "method": found.method, "layers": found.layers, "share": found.share, "notes": list(found.notes),
            "rows": [e.row for e in shown], "labels": [list(e.labels) for e in shown],
            "sides": [
                {"model": name, "places": s.places.tolist(), "apart": s.apart and dataclasses.asdict(s.apart), "by_layer": [a and dataclasses.asdict(a) for a in s.by_layer]}
                for name, s in zip(names, found.sides, strict=True)
            ],
        }  # fmt: skip

    @plain_errors
    def layers(study: str, run: str) -> dict[str, Any]:
        """What training changed in every layer: accuracy of a probe before and after, and how far weights and texts were moved.

        Args:
            study: the name of a study, as it stands in the page's address.
            run: run: and the id of a kept run that trained its model.
        """
        *_, found = changed(lab, side(lab, str(run), str(study)).reader)
        return dataclasses.asdict(found)

    _offer(fill_mask, surprise, tokens, word_senses, attention, words_that_mattered, map_texts, layers)


def _offer(*functions: Callable) -> None:
    for function in functions:
        gr.api(function, api_name=function.__name__, concurrency_limit=2)


def _whole(number: Any) -> int:
    try:
        return int(number)
    except (TypeError, ValueError, OverflowError):
        raise UserError(f"{str(number)[:40]!r} is no whole number.") from None


def _settings(strategy: Any) -> list[dict[str, Any]]:
    return [{**s, "choices": list(s["choices"])} for s in declared(strategy.Params)]
