"""Labels that are written in several ways: which ones a reader takes for one, and making one class
of them.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from tl_core.api.sentences import Setting, both, listed, say
from tl_core.api.types import Label

# Marks that carry no meaning at the end of a label. Not "+", "-", "#" or "*": A, A+ and A-, C, C#
# and C++ are different.
_ENDS = "\"'`´‘’‚“”„«»‹›「」『』《》.,;:!?…·。、 "
_BLANKS = re.compile(
    "[\u115f\u1160\u2800\u3164\ufe00-\ufe0f]"
)  # fillers and variation selectors: seen as nothing, though no spaces
_BETWEEN = re.compile(r"(?<=\w)[\s_]+(?=\w)|(?<=[^\W\d_])-(?=[^\W\d_])")


def label_key(text: str) -> str:
    """Equal for texts that differ only in case, spaces, marks at the ends, zero-width characters or
    Unicode form (NFKC).
    """
    plain = unicodedata.normalize("NFKC", text)
    plain = _BLANKS.sub("", "".join(c for c in plain if unicodedata.category(c) != "Cf"))
    plain = unicodedata.normalize("NFKC", plain.casefold())
    plain = " ".join(plain.replace("_", " ").split())
    plain = plain.strip(_ENDS) or plain
    plain = re.sub(r"^([-+]?\d+)\.0+$", r"\1", plain)
    return _BETWEEN.sub(
        lambda gap: " " if plain[gap.start() - 1].isdigit() and plain[gap.end()].isdigit() else "",
        plain,
    )


def alike(labels: Iterable[Label]) -> list[tuple[Label, ...]]:
    """Labels whose ids or names differ in nothing that matters to a reader; groups of two and
    more, in the given order.
    """
    labels = tuple(labels)
    parent = list(range(len(labels)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = i = parent[parent[i]]
        return i

    first: dict[str, int] = {}
    for i, label in enumerate(labels):
        for key in {label_key(label.id), label_key(label.name)}:
            a, b = sorted((root(first.setdefault(key, i)), root(i)))
            parent[b] = a
    groups: dict[int, list[Label]] = {}
    for i, label in enumerate(labels):
        groups.setdefault(root(i), []).append(label)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def join(
    labels: Sequence[Label], rows: Mapping[str, int] | None = None
) -> tuple[tuple[Label, ...], dict[str, str]]:
    """One label for each group of alike ones; and, for each id that is given up, the id that is
    for it.

    Args:
        rows: how many rows each id has; the most frequent spelling stays. None, and where they are
            as
            many: the first one.
    """
    counts = rows or {}
    kept: dict[str, Label] = {}
    gone: dict[str, str] = {}
    for group in alike(labels):
        stays = max(group, key=lambda label: counts.get(label.id, 0))
        labels_of_it = (stays, *group)
        kept[stays.id] = replace(
            stays,
            descriptions=tuple(dict.fromkeys(x for y in labels_of_it for x in y.descriptions)),
            words=tuple(dict.fromkeys(x for y in labels_of_it for x in y.words)),
        )
        gone |= {label.id: stays.id for label in group if label.id != stays.id}
    return tuple(kept.get(label.id, label) for label in labels if label.id not in gone), gone


def with_joined(labels: Sequence[Label], gone: Mapping[str, str]) -> tuple[Label, ...]:
    """The table from which `join` makes `labels` again, for a file in which the ids that were given
    up still stand.
    """
    names = {label.id: label.name for label in labels}
    return (
        *labels,
        *(
            Label(id, names[stays])
            for id, stays in gone.items()
            if stays in names and id not in names
        ),
    )


def one_name(labels: Iterable[Label]) -> str:
    """The sentence for different labels of exactly one name; empty where each has its own."""
    labels = tuple(labels)
    shared = [
        name
        for name, n in Counter(" ".join(label.name.split()) for label in labels).items()
        if n > 1 and name
    ]
    if not shared:
        return ""
    told = (
        say(
            "{labels} are both called “{name}”",
            labels=both(repr(x.id) for x in labels if " ".join(x.name.split()) == name),
            name=name,
        )
        for name in shared
    )
    return say(
        "Two labels cannot have the same name: {told}. Give each a name of its own, or make one"
        " label of them with {merge_labels}.",
        told=listed(told, 5, "; "),
        merge_labels=Setting("merge_labels"),
    )
