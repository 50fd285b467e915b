"""A study that a program asks for: rows as the text of a file, and what to compare as words."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from tl_core.api.errors import UserError, raise_all
from tl_core.api.sentences import say
from tl_core.studies.allowed import faults_of
from tl_core.studies.consent import destination
from tl_core.studies.plan import ArmRequest, Study, make_study, suiting
from tl_ui.serving.place import MAX_DRAWS, allowed_at
from tl_ui.state.datasets import SAMPLE, Datasets, Held, sample_ids
from tl_ui.state.first_study import PRESETS

QUICK = PRESETS["quick"]


def held_of(datasets: Datasets, rows: str) -> Held:
    """The dataset of rows as a file holds them, or of a sample.

    Raises:
        UserError: they cannot be read, or are more than this place takes.
    """
    text = rows.strip()
    if text.startswith(SAMPLE):
        known = sample_ids()
        if (name := text.removeprefix(SAMPLE)) not in known:
            names = ", ".join(f"{SAMPLE}{one}" for one in known)
            raise UserError(say("There is no such sample. There are: {names}.", names=names))
        return datasets.get(known[name])
    if not text:
        raise UserError(
            say("There are no rows. Give the text of a CSV, TSV, JSON or JSON-lines file.")
        )
    suffix = ".json" if text[0] == "[" else ".jsonl" if text[0] == "{" else ".csv"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"rows{suffix}"
        path.write_bytes(rows.encode("utf-8", "replace"))
        return datasets.get(datasets.choose(datasets.add(path)))


def asked_study(
    datasets: Datasets, held: Held, strategies: str, shots: str, seeds: int, model: str
) -> Study:
    """The study of these rows; what is left empty is as in the quick preset.

    Raises:
        UserError: all that is wrong with it, or what this place does not allow.
    """
    problem = held.loaded.dataset.problem
    named = re.findall(r"[^\s,;]+", strategies) or suiting(QUICK.strategies, problem)
    given = re.findall(r"[^\s,;]+", shots) or QUICK.fitting(held.least_rows)
    arms, model = [ArmRequest(id) for id in named], model.strip() or held.model
    faults = faults_of(arms, model, allowed_at(datasets.profile))
    if bad := [s for s in given if not re.fullmatch(r"\d{1,7}|all", s)]:
        faults.append(
            say(
                "{bad} is no number of shots. Write whole numbers such as 3, 64, or all.",
                bad=", ".join(bad),
            )
        )
    if not 1 <= seeds <= MAX_DRAWS:
        faults.append(say("Seeds must be from 1 to {max_draws}.", max_draws=MAX_DRAWS))
    raise_all(faults)
    study = make_study(
        held.name,
        problem,
        held.usual_split[0],
        arms=arms,
        shots=[None if s == "all" else int(s) for s in given],
        seeds=seeds,
        model=model,
        hub=datasets.profile.allow_hub_models,
    )
    if destination(study.arms):
        raise UserError(
            say(
                "A strategy of this study sends texts to another machine. Start it on the page,"
                " where you say that they may be sent."
            )
        )
    return study
