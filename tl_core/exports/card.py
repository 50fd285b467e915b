"""The model card of an export, written from its study: what the hub's own parser reads at the top,
then the numbers with their intervals. It holds names of labels, and no text of any row.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tl_core.api.types import RunResult
from tl_core.exports.formats import Format
from tl_core.tasks import task_of

if TYPE_CHECKING:
    from tl_core.analysis.compare import Cell
    from tl_core.analysis.read_study import Stored
    from tl_core.exports.kept import Kept

MOST_LABELS = 100
TITLES = {
    "text-classification": "# A classifier of texts",
    "token-classification": "# A tagger of spans",
    "question-answering": "# Answers to questions, found in texts",
}
ANSWERS = {
    "text-classification": "Labels, in the order of its scores",
    "token-classification": "Types of spans, in the order of its tags",
    "question-answering": "A stretch of the text; kinds of answers it was trained on",
}
MOST_NOTES = 20
CURVE = "learning-curve.svg"


def card(kept: Kept, format: Format, about: dict[str, Any], licence: str | None) -> dict[str, str]:
    """The text of README.md and of its picture, by the names of their files."""
    from huggingface_hub import ModelCardData

    from tl_core.analysis.read_study import read_study
    from tl_core.figures.curve_svg import curve_svg

    stored = read_study(kept.store.folder)
    result = stored.results[kept.spec.id]
    data = ModelCardData(
        model_name=f"{kept.arm.strategy}-{kept.spec.id}",
        base_model=_base(kept),
        library_name=format.library,
        pipeline_tag=hub_task(kept),
        license=licence,
        tags=[
            "transfer-lab",
            hub_task(kept),
            kept.arm.strategy,
            *(["onnx"] if format.id == "onnx" else []),
        ],
        eval_results=_eval_results(kept, stored, result),
    )
    body = _body(kept, format, about, stored, result, licence)
    picture, _ = curve_svg(stored.comparison, first=kept.spec.arm.id, paper=True)
    return {"README.md": f"---\n{data.to_yaml()}\n---\n\n{body}", CURVE: picture}


def hub_task(kept: Kept) -> str:
    """Return what the hub calls the task of the run."""
    if not kept.by_word:
        return "text-classification"
    asks = task_of(kept.problem).alternatives
    return "question-answering" if asks else "token-classification"


def _base(kept: Kept) -> str | None:
    """The base by its name on the hub, where it has one that others can look up."""
    from tl_core.exports.formats.peft import HUB

    model = kept.arm.model
    if model is None:
        return None
    if model.name in HUB:
        return HUB[model.name]
    is_folder = Path(model.name).expanduser().is_dir() or model.name.count("/") != 1
    return None if is_folder else model.name


def _eval_results(kept: Kept, stored: Stored, result: RunResult) -> list[Any]:
    from huggingface_hub import EvalResult

    from tl_core.analysis.compare import run_metrics

    problem, split = stored.plan.study.problem, stored.plan.study.split
    found = run_metrics(stored.plan, result)
    names = {"accuracy": "accuracy", "macro_f1": "f1"}  # as the hub calls them
    return [
        EvalResult(
            task_type=hub_task(kept),
            dataset_type=f"rows-{split.test_digest[:16]}",
            dataset_name=f"{len(split.test):,} locked test rows",
            metric_type=names.get(id, id),
            metric_value=round(float(interval.value), 6),
            metric_name=id,
            metric_args={"average": "macro"} if id == "macro_f1" else None,
        )
        for id, interval in found.items()
        if problem.labels
    ]


# --- what a person reads --------------------------------------------------------------------------


def _body(
    kept: Kept,
    format: Format,
    about: dict[str, Any],
    stored: Stored,
    result: RunResult,
    licence: str | None,
) -> str:
    from tl_core.analysis.decision import decide
    from tl_core.exports.energy import energy
    from tl_core.words.advice import warnings
    from tl_core.words.verdict import verdict

    made, spec = kept.made, kept.spec
    study, split = made.study, made.study.split
    decision = decide(made, stored.results, stored.comparison)
    cells = [c for c in stored.comparison.cells if c.arm == spec.arm.id]
    arms = {s.arm.id for s in made.specs}
    labels = [code(x.id) for x in study.problem.labels[:MOST_LABELS]]
    more = len(study.problem.labels) - len(labels)
    pages = [
        TITLES[hub_task(kept)],
        f"{_what(kept)} Exported by Transfer Lab as {code(format.id)}; `python example.py` asks"
        " it.",
        "## What it answers",
        f"{ANSWERS[hub_task(kept)]}: {', '.join(labels)}"
        f"{f' and {more:,} more' if more > 0 else ''}. Input: {study.problem.inputs}. Task:"
        f" {code(study.problem.task)}.{_ending(about)}",
        "## What it was trained on",
        f"{len(spec.train):,} labelled rows{_shots(kept)}, of {len(split.pool):,} in the training"
        f" part. Rows are identified by digest and are not part of this folder"
        f"{' except those it answers with' if about['holds_rows'] else ''}: locked test rows"
        f" {code(split.test_digest)}, run {code(spec.id)}, study {code(study.id)}. Further rows"
        f" used: {_budget(result)}.",
        "## How it was trained",
        _recipe(kept, result),
        "## How good it is",
        f"On {len(split.test):,} locked test rows that nothing was trained or chosen on; means over"
        " seeds, with 95% intervals that count that other rows would give other numbers.",
        _table(stored, cells),
        f"![Learning curves of the study's arms, with 95% intervals]({CURVE})",
        "## What it cost to make",
        energy(result, stored.results.values()),
        "## How it was chosen",
        f"Among {len(arms):,} arms with {len(made.specs):,} runs. Of the whole study:"
        f" {plain(verdict(decision).line)}",
        "## Limits",
        _bullets(
            [
                *warnings(decision),
                *result.notes[:MOST_NOTES],
                *_other_numbers(result),
                *_rounded(about),
                "It was measured on rows like those it was trained on. On other texts expect less.",
            ]
        ),
        "## Licence",
        _licence(kept, licence),
    ]
    return "\n\n".join(pages) + "\n"


def _what(kept: Kept) -> str:
    from tl_core.strategies import strategies

    model = kept.arm.model
    on = f" on {code(Path(model.name).name)} (digest {code(model.digest)})" if model else ""
    return f"{plain(strategies()[kept.arm.strategy].title)}{on}."


def _ending(about: dict[str, Any]) -> str:
    ending, said = about["ending"], ""
    if ending["temperature"] != 1 or ending["even"]:
        said = (
            f" Its probabilities are calibrated (temperature {ending['temperature']:.3g}, share"
            f" spread evenly {ending['even']:.2g})."
        )
    if ending["thresholds"]:
        said += " Each label has its own threshold, see `export.json`."
    return said


def _other_numbers(result: RunResult) -> list[str]:
    """A run may have multiplied in a shorter format than its export does."""
    used = result.versions.get("numbers", "float32")
    if used == "float32":
        return []
    return [
        f"The study multiplied in {used}, this folder computes in float32: single probabilities"
        " differ a little from those that were measured."
    ]


def _rounded(about: dict[str, Any]) -> list[str]:
    from tl_core.exports.formats.onnx import int8_cost

    return [str(int8_cost(about["int8"]))] if "int8" in about else []


def _shots(kept: Kept) -> str:
    shots = kept.spec.shots
    return "" if shots is None else f" ({shots:,} per label)"


def _budget(result: RunResult) -> str:
    used = {name: n for name, n in result.budget.items() if n and name != "train"}
    return ", ".join(f"{code(name)} {n:,}" for name, n in sorted(used.items())) or "none"


def _recipe(kept: Kept, result: RunResult) -> str:
    arm = kept.arm
    settings = {**arm.settings, "selection": arm.selection, "scaling": arm.scaling}
    if arm.augmentation != "none":
        settings["augmentation"] = arm.augmentation
    if arm.base is not None:
        settings["base"] = arm.base.strategy
        settings |= {f"base.{name}": value for name, value in arm.base.settings.items()}
    lines = [
        f"Strategy {code(arm.strategy)}, version {arm.strategy_version}, seed {kept.spec.seed},"
        f" {result.optimizer_steps:,} optimizer steps, {result.trainable_parameters or 0:,} trained"
        f" parameters; {result.seconds.get('fit', 0):.1f} s to train and"
        f" {result.seconds.get('predict', 0):.1f} s for the test rows on {code(result.device)}.",
        "",
        "| setting | value |",
        "|---|---|",
        *(
            f"| {code(k)} | {code(json.dumps(v, ensure_ascii=False))} |"
            for k, v in settings.items()
        ),
    ]
    versions = ", ".join(f"{name} {version}" for name, version in result.versions.items())
    return "\n".join(lines) + f"\n\nMade with {plain(versions)}."


def _table(stored: Stored, cells: Sequence[Cell]) -> str:
    problem, measures = stored.plan.study.problem, stored.comparison.measures
    rows = [
        "| labels a class | labels in all | " + " | ".join(m.id for m in measures) + " | seeds |",
        "|---" * (len(measures) + 3) + "|",
    ]
    for cell in sorted(cells, key=lambda c: (c.shots is None, c.shots or 0)):
        shown = []
        for measure in measures:
            found = cell.measures[measure.id]
            value, low, high = (
                measure.plain(problem, x) for x in (found.value, found.low, found.high)
            )
            shown.append(f"{value:.3f} ({min(low, high):.3f} to {max(low, high):.3f})")
        rows.append(
            f"| {cell.shots_name} | {cell.labels:g} | {' | '.join(shown)} | {len(cell.seeds)} |"
        )
    return "\n".join(rows)


def _licence(kept: Kept, licence: str | None) -> str:
    if kept.arm.model is None:
        return "It was trained on your rows alone; no model came before it."
    if licence is None:
        return "The files of its base model name no licence. Look it up before handing this on."
    return f"The base model is under {code(licence)}; see `BASE-LICENSE` where its files had one."


def _bullets(said: Iterable[str]) -> str:
    return "\n".join(f"- {plain(x)}" for x in dict.fromkeys(said))


def code(text: str) -> str:
    """A value as code: what somebody wrote is no markup."""
    return f"`{plain(text).replace('`', chr(0x2019))}`".replace("|", "&#124;")


def plain(text: str) -> str:
    """One line without control characters and markup."""
    said = "".join(" " if unicodedata.category(c) in ("Cc", "Cs") else c for c in str(text))
    return said.replace("<", "&lt;").replace("[", "\\[")
