"""What can go wrong, as the person sees it.

Exception
├── UserError          something the person can put right; its message says what was found and what to do
│   ├── Faults         several of them at once
│   └── Unreachable    something outside, which several runs need, does not answer
└── WorkerDied         the process that computes ended: killed, out of memory, crashed
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any


class UserError(Exception):
    """Something the person can put right: one or more full sentences, shown as they are.

    `change` holds what of the form or the command line would put it right, by its name there; empty where nobody can tell.
    """

    change: dict[str, Any] = {}


class Faults(UserError):
    """Every fault that was found, told together so that nobody mends them one run at a time."""

    def __init__(self, faults: Iterable[str]):
        self.faults = list(dict.fromkeys(faults))
        super().__init__("\n".join(self.faults))


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


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """The sentence for a name that is not known, with its nearest neighbours."""
    known = list(known)
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(near)}?" if near else f"There are: {', '.join(known)}."
    return f"There is no {what} called {name!r}. {hint}"
