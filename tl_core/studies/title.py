"""Title and note of a study; changes no number and no id."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from tl_core.api.errors import raise_all
from tl_core.api.sentences import say
from tl_core.studies.store import Store

FILE = "about.json"
LONGEST_TITLE, LONGEST_NOTE = 200, 10_000


@dataclass(frozen=True)
class About:
    """Raises:
    UserError: one of them is too long.
    """

    title: str = ""
    note: str = ""

    def __post_init__(self):
        longest = (
            (say("title"), self.title, LONGEST_TITLE),
            (say("note"), self.note, LONGEST_NOTE),
        )
        raise_all(
            say(
                "The {what} has {text:,} characters; it may have {most:,}. Shorten it.",
                what=what,
                text=len(text),
                most=most,
            )
            for what, text, most in longest
            if len(text) > most
        )


def read_about(store: Store) -> About:
    """As it was written last; empty where no one wrote anything, or where it is damaged."""
    given = store.read_json(FILE)
    return (
        About(
            **{
                k: v[: LONGEST_TITLE if k == "title" else LONGEST_NOTE]
                for k, v in given.items()
                if k in ("title", "note") and isinstance(v, str)
            }
        )
        if isinstance(given, dict)
        else About()
    )


def write_about(store: Store, about: About) -> None:
    """Keep it alongside the study."""
    store.write_json(FILE, asdict(About(" ".join(about.title.split()), about.note.strip())))
