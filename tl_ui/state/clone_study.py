"""A study as something to change: its rows as a dataset of the page, and what was asked of them as
the form has it.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tl_core.analysis.decision.ways import ALL_LABELS, FEW_LABELS, NO_LABELS, WayId
from tl_core.api.task import Task
from tl_core.api.types import Example
from tl_core.data.split import Pool
from tl_core.data.tables import ReadOptions
from tl_core.models.embedded import describe
from tl_core.strategies import strategies
from tl_core.studies.plan import ArmRequest, Study, request_of
from tl_core.tasks import task_of
from tl_ui.state.datasets import Datasets

FEW_SHOTS = (1, 2, 4, 8)
ZERO_SHOT = "similarity"  # it works with every model that embeds


@dataclass(frozen=True)
class Wishes:
    """The values of the form of a comparison."""

    model: str  # the one for all arms
    ticked: tuple[str, ...]  # strategies as they come
    own: tuple[
        dict[str, Any], ...
        # arms with settings, a name or a model of their own, as `tl_ui.components.arm_editor` makes
        # them
    ]
    shots: tuple[str, ...]
    draws: int


def wishes(study: Study, usual: str, *, adopted: bool = False) -> Wishes:
    """Return the form's values that ask for the arms, shots and draws of a study.

    Args:
        usual: the model of arms that name none.
        adopted: it came as an archive: files, folders and models that it names are not asked for,
            since whatever the form names is looked for.
    """
    asked = [
        request_of(arm, study.problem, {} if adopted else study.model_folders) for arm in study.arms
    ]
    if adopted:
        asked = [_without_names(request) for request in asked]
    models = [request.model for request in asked if request.model]
    model = max(dict.fromkeys(models), key=models.count) if models else usual
    plain = [r for r in asked if not r.settings and r.name is None and r.model in (None, model)]
    own = [
        {
            "name": r.name or r.strategy,
            "strategy": r.strategy,
            "settings": r.settings,
            "model": "" if r.model in (None, model) else r.model,
        }
        for r in asked
        if r not in plain
    ]
    return Wishes(
        model,
        tuple(r.strategy for r in plain),
        tuple(own),
        tuple("all" if s is None else str(s) for s in study.shots),
        len(study.seeds),
    )


def with_ways(asked: Wishes, ways: Iterable[WayId], study: Study) -> Wishes:
    """Return the form's values that ask for further ways as well: no labels, a few, or all."""
    least = min(Pool(study.split.pool, study.problem).counts().values(), default=0)
    few = [str(n) for n in FEW_SHOTS if n <= least] or ["1"]
    more = {NO_LABELS: ["0"], FEW_LABELS: few, ALL_LABELS: ["all"]}
    ways = tuple(ways)
    ticked = (*asked.ticked, ZERO_SHOT) if NO_LABELS in ways else asked.ticked
    shots = (*asked.shots, *(s for way in ways for s in more[way]))
    return replace(asked, ticked=tuple(dict.fromkeys(ticked)), shots=tuple(dict.fromkeys(shots)))


def _without_names(request: ArmRequest) -> ArmRequest:
    """Return the request without the files it reads, and with a model of this program."""
    files = {name for strategy in strategies().values() for name in strategy.opens_files}
    settings = {
        name: value
        for name, value in request.settings.items()
        if name.removeprefix("base.") not in files
    }
    return replace(
        request,
        settings=settings,
        model=request.model if request.model in {m["id"] for m in describe()} else None,
    )


def dataset_of(datasets: Datasets, study: Study) -> str:
    """Keep the rows of a study as an uploaded dataset with the same test rows; returns its id.

    Raises:
        UserError: they are too many for this place.
    """
    called = re.sub(r"[^\w.-]+", "_", Path(study.name).stem)[:60] or "study"
    with tempfile.TemporaryDirectory() as folder:
        pool, test = Path(folder) / f"{called}.jsonl", Path(folder) / f"{called}-test.jsonl"
        task = task_of(study.problem)
        _write(pool, study.split.pool, task)
        _write(test, study.split.test, task)
        files = datasets.add(pool, test)
    some = (*study.split.pool, *study.split.test)
    options = ReadOptions(
        text="text",
        label="labels",
        text_b="text_b" if study.problem.inputs == "two texts" else None,
        group="group" if any(e.group is not None for e in some) else None,
        multi_label=not task.exclusive,
        task=task.id if task.on_request else None,
    )
    return datasets.choose(files, options, study.problem.labels)


def _write(path: Path, examples: Sequence[Example], task: Task) -> None:
    with path.open("w", encoding="utf-8") as out:
        for e in examples:
            out.write(
                json.dumps(
                    {
                        "text": e.text,
                        "text_b": e.text_b,
                        "labels": task.cell(e.labels),
                        "group": e.group,
                    }
                )
                + "\n"
            )
