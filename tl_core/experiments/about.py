"""What a person calls a study and has to say about it; changes no number and no id."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from tl_core.errors import raise_all
from tl_core.experiments.store import Store

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
        longest = (("title", self.title, LONGEST_TITLE), ("note", self.note, LONGEST_NOTE))
        raise_all(f"The {what} has {len(text):,} characters; it may have {most:,}. Shorten it." for what, text, most in longest if len(text) > most)


def read_about(store: Store) -> About:
    """As it was written last; empty where nobody wrote anything, or where it is damaged."""
    given = store.read_json(FILE)
    return About(**{k: v[: LONGEST_TITLE if k == "title" else LONGEST_NOTE] for k, v in given.items() if k in ("title", "note") and isinstance(v, str)}) if isinstance(given, dict) else About()


def write_about(store: Store, about: About) -> None:
    """Keep it beside the study."""
    store.write_json(FILE, asdict(About(" ".join(about.title.split()), about.note.strip())))
