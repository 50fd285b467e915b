"""Errors as the user sees them.

Exception
├── UserError          something the person can fix; its message says what was found and what
to do
│   ├── Faults         several of them at once
│   └── Unreachable    something outside, which several runs need, does not answer
└── WorkerDied         the process that computes ended: killed, out of memory, crashed
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from tl_core.api.sentences import NameOf, Sentence, either, in_language, say, sentence_of, together


class UserError(Exception):
    """Something the person can fix: one or more full sentences, shown as they are.

    Examples:
        >>> import tl_core as tl
        >>> try:
        ...     tl.compare(["one text"], ["a", "b"])
        ... except tl.UserError as fault:
        ...     print(fault)
        There are 1 texts and 2 labels. Each text needs a label; None for one that has none.

    `change` holds what of the form or the command line would put it right, by its name there; empty
    where that is unknown.
    """

    change: dict[str, Any] = {}

    @property
    def faults(self) -> list[str]:
        """Each thing that is wrong, as a sentence of its own."""
        return [self.sentence]

    @property
    def sentence(self) -> str:
        """Return the message, one line for each fault."""
        return sentence_of(self)

    def to(self, language: str | None, name_of: NameOf | None = None) -> str:
        """The same in a language; see `Sentence.to`."""
        return in_language(self.sentence, language, name_of)


class Faults(UserError):
    """Every fault that was found, reported together so that no one fixes them one run at a time."""

    def __init__(self, faults: Iterable[str]):
        self._faults = list(dict.fromkeys(faults))
        super().__init__(together(self._faults, "\n"))

    @property
    def faults(self) -> list[str]:
        """Return the faults, each once, in the order they were found."""
        return list(self._faults)

    def __reduce__(self) -> tuple:
        return Faults, (self._faults,)


class Unreachable(UserError):
    """Something outside that a run needs does not answer; other runs that need it are not tried."""


class WorkerDied(Exception):
    """The worker process ended in the middle of something: killed, out of memory, crashed."""


def raise_all(faults: Iterable[str]) -> None:
    """Raise the faults together; do nothing when there are none."""
    faults = list(faults)
    if len(faults) == 1:
        raise UserError(faults[0])
    if faults:
        raise Faults(faults)


def unknown(what: str, name: str, known: Iterable[str]) -> Sentence:
    """The sentence for a name that is not known, with its nearest neighbours."""
    known = list(known)
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    hint = (
        say("Did you mean {names}?", names=either(near))
        if near
        else say("There are: {names}.", names=known)
    )
    return say("There is no {what} called {name!r}. {hint}", what=what, name=name, hint=hint)
