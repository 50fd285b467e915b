"""What a request asks, read from its body; every fault is a sentence and a status."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tl_core.api.sentences import Sentence, say
from tl_core.api.types import Example
from tl_core.json_text import parsed

LONE = re.compile("[\ud800-\udfff]")
Takes = Literal["text", "pair", "question"]  # a question comes with the text that it is about
PARAMETERS = ("model", "top_k", "answers")


@dataclass(frozen=True)
class Limits:
    """What one service takes."""

    body_bytes: int = 1_000_000
    texts: int = 64  # in one request
    characters: int = 100_000  # of one text
    waiting: int = 256  # texts that wait for an answer, over all requests
    seconds: float = 30.0  # until an answer


class Refused(Exception):
    """A request that gets no answer, with the status that says so."""

    def __init__(self, status: int, said: str, *, retry_after: int | None = None):
        super().__init__(said)
        self.status, self.said, self.retry_after = status, said, retry_after


@dataclass(frozen=True)
class Asked:
    """A request that can be answered."""

    model: str | None
    examples: tuple[Example, ...]
    most: int | None  # labels a text; None: all
    answers: bool  # the labels that are given, beside all scores
    several: bool = True  # a list was asked about


def read_asked(
    body: bytes, limits: Limits, takes_of: Callable[[str | None], Takes], model: str | None
) -> Asked:
    """Read a body.

    Args:
        takes_of: name of a model (None: the only one) -> what it is asked with; it refuses names
            that it does not know.
        model: that the path names.

    Raises:
        Refused: it is no JSON, asks for something there is not, or for too much.
    """
    if not body.strip():
        raise Refused(400, say('The body is empty. Send JSON such as {"inputs": "a text"}.'))
    try:
        asked = parsed(body.decode("utf-8"))
    except ValueError:  # UnicodeDecodeError is one
        raise Refused(
            400, say('The body is no JSON in UTF-8. Send {"inputs": "a text"}.')
        ) from None
    if not isinstance(asked, dict) or "inputs" not in asked:
        raise Refused(400, say('The body must be an object with "inputs": {"inputs": "a text"}.'))
    parameters = asked.get("parameters")
    parameters = {} if parameters is None else parameters
    if not isinstance(parameters, dict):
        raise Refused(422, say('"parameters" must be an object.'))
    if unknown := sorted(parameters.keys() - set(PARAMETERS)):
        raise Refused(
            422,
            say(
                "The parameter {unknown!r} is not known; there are {known}.",
                unknown=unknown[0][:100],
                known=", ".join(PARAMETERS),
            ),
        )
    named = parameters.get("model", model)
    if named is not None and not isinstance(named, str):
        raise Refused(422, say('"model" must be the name of a model.'))
    most = parameters.get("top_k")
    if most is not None and (isinstance(most, bool) or not isinstance(most, int) or most < 1):
        raise Refused(422, say('"top_k" must be a whole number from 1.'))
    answers = parameters.get("answers", False)
    if not isinstance(answers, bool):
        raise Refused(422, say('"answers" must be true or false.'))
    examples = _examples(asked["inputs"], limits, takes_of(named))
    return Asked(named, examples, most, answers, isinstance(asked["inputs"], list))


def _examples(inputs: Any, limits: Limits, takes: Takes) -> tuple[Example, ...]:
    given = inputs if isinstance(inputs, list) else [inputs]
    if not given:
        raise Refused(422, say('"inputs" is empty. Send a text, or a list of texts.'))
    if len(given) > limits.texts:
        raise Refused(
            413,
            say(
                "{n:,} texts are too many for one request; {most:,} are allowed. Send them in"
                " parts.",
                n=len(given),
                most=limits.texts,
            ),
        )
    return tuple(_example(i, one, limits, takes) for i, one in enumerate(given))


def _example(i: int, given: Any, limits: Limits, takes: Takes) -> Example:
    if takes == "question":
        texts = _asked_about(given)
        if texts is None:
            raise Refused(
                422,
                say(
                    'Text {n} must be an object with "question" and "context", both text.', n=i + 1
                ),
            )
    elif takes == "pair":
        texts = _both(given)
        if texts is None:
            raise Refused(
                422,
                say('Text {n} must be an object with "text" and "text_pair", both text.', n=i + 1),
            )
    elif isinstance(given, str):
        texts = [given]
    else:
        raise Refused(422, say("Text {n} must be text, not {kind}.", n=i + 1, kind=_kind(given)))
    for text in texts:
        if reason := _fault(text, limits):
            raise Refused(422, say("Text {n} {reason}", n=i + 1, reason=reason))
    return Example(i, texts[0], None if takes == "text" else texts[1])


def _asked_about(given: Any) -> list[str] | None:
    """The text and the question to it."""
    if not isinstance(given, dict):
        return None
    text, question = given.get("context"), given.get("question")
    return [text, question] if isinstance(text, str) and isinstance(question, str) else None


def _both(given: Any) -> list[str] | None:
    if isinstance(given, dict):
        given = [given.get("text"), given.get("text_pair")]
    if not isinstance(given, list) or len(given) != 2:
        return None
    return given if all(isinstance(x, str) for x in given) else None


def _fault(text: str, limits: Limits) -> Sentence | None:
    if not text.strip():
        return say("is empty.")
    if len(text) > limits.characters:
        return say(
            "has {n:,} characters; {most:,} are allowed.", n=len(text), most=limits.characters
        )
    if LONE.search(text):
        return say("holds half of a surrogate pair, which is no character.")
    return None


def _kind(value: Any) -> str:
    names: Sequence[tuple[Any, str]] = (
        (dict, "an object"),
        (list, "a list"),
        (bool, "true or false"),
        ((int, float), "a number"),
    )
    return next((name for kind, name in names if isinstance(value, kind)), "null")
