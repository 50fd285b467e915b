"""Everyday blanks: how often the model that comes with the project has a word a person would
accept.

The sentences and their accepted words were written before any prediction for them was looked at,
and are not changed
afterwards: sentences picked by what a model says would measure nothing.
"""

from __future__ import annotations

import csv
from pathlib import Path

from tl_core.models.catalog import find
from tl_core.models.language_models import open_language_model
from tl_core.views.fill_mask import fill

BLANKS = Path(__file__).parents[1] / "blanks.csv"
ENOUGH = 0.6  # of the sentences have an accepted word in the top five


def test_most_everyday_blanks_are_filled_as_a_person_would():
    with open(BLANKS, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({row["sentence"] for row in rows}) == 50
    assert all(row["sentence"].count("[MASK]") == 1 and row["accepted"].strip() for row in rows)
    model = open_language_model(find("minilm-masked"))
    missed = []
    for row in rows:
        guessed = [
            guess.word.lower()
            for guess in fill(model, row["sentence"], top=5).alone[0]
            if guess.begins_word
        ]
        if not set(guessed) & set(row["accepted"].split("|")):
            missed.append(f"{row['sentence']}  {row['accepted']}  guessed: {', '.join(guessed)}")
    share = 1 - len(missed) / len(rows)
    assert share >= ENOUGH, f"{share:.0%} filled; missed:\n" + "\n".join(missed)
