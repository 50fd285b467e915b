"""Writes an export: the run in a format, with what a stranger needs to use it, looked at before it
is handed over.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from tl_core.api.errors import UserError
from tl_core.api.sentences import Setting, listed, say
from tl_core.api.steps import ended
from tl_core.api.types import Example
from tl_core.exports.example import example
from tl_core.exports.formats import Format, format_of, formats
from tl_core.exports.formats.onnx import Onnx
from tl_core.exports.kept import Kept, Listener, open_kept
from tl_core.strategies import strategies
from tl_core.tasks import task_of

SCHEMA = 1
ABOUT = "export.json"
# what every export is asked and must answer as the run does: short, long beyond any limit, odd
PROBES = (
    "Hello.",
    "This is the second text, a little longer than the first one: it has two clauses!",
    "다른 언어로 쓰인 글",
    "an odd 🙂 text \t with [SEP] in it",
    "word " * 700,
)

MOST_ASKED = 500  # characters of a text that is asked about: some windows of the smallest model


@dataclass(frozen=True)
class Exported:
    """An export that was written and looked at."""

    folder: Path
    format: str
    run: str
    arm: str
    difference: float  # the largest of any probability, between the export and the run
    texts: int  # that were asked to see that
    int8: dict[str, Any] = field(default_factory=dict)  # what rounding the weights costs

    def plain(self) -> dict[str, Any]:
        """As printed with --json."""
        return {**asdict(self), "folder": str(self.folder)}


def export(
    folder: Path,
    out: Path,
    *,
    run: str | None = None,
    format: str | None = None,
    refit: bool = False,
    with_rows: bool = False,
    int8: bool = False,
    listen: Listener = lambda event: None,
) -> Exported:
    """Write a run of a study into a new folder.

    Args:
        run: its id, or the name of its arm; None: the best that was kept.
        format: see `formats`; None: the first that can hold the run.
        refit: train it again where its weights were not kept.
        with_rows: an arm that needs training rows to answer may take them along.
        int8: with the format onnx, round its weights to eight bits and measure what that costs.

    Raises:
        UserError: there is no such run, the format cannot hold it, or it cannot be written.
    """
    wanted = _wanted(format, int8)
    kept = open_kept(folder, run, refit=refit, listen=listen)
    return _export(kept, out, wanted, with_rows=with_rows, int8=int8)


def export_kept(kept: Kept, out: Path, format: str) -> Exported:
    """As `export`, of a run that is open."""
    return _export(kept, out, format_of(format), with_rows=False, int8=False)


def _export(
    kept: Kept, out: Path, wanted: Format | None, *, with_rows: bool, int8: bool
) -> Exported:
    if task_of(kept.problem).writes:
        raise UserError(
            say(
                "{arm} writes texts, and there is no export for that yet. Write texts with predict,"
                " from the study itself.",
                arm=kept.arm.id,
            )
        )
    chosen = formats(by_word=kept.by_word)[wanted.id] if wanted else _first(kept)
    _see_that_it_holds(kept, chosen)
    if chosen.id == "recipe" and not with_rows:
        _see_that_it_holds_no_rows(kept)
    with _whole(out) as beside:
        more = chosen.write(kept, beside)
        about = _about(kept, chosen) | more
        if int8:
            assert isinstance(chosen, Onnx)
            about = about | chosen.smaller(kept, about, beside)
        _write_beside(kept, chosen, about, beside)
        probes = _probes(kept)
        difference = _difference(kept, chosen, about | more, beside, probes)
        if not difference <= chosen.close:
            raise UserError(
                say(
                    "{format} did not keep {arm} exactly: a probability differs by {difference}."
                    " Nothing was written. {others}",
                    format=chosen.id,
                    arm=kept.arm.id,
                    difference=f"{difference:.2g}",
                    others=_others(kept, chosen),
                )
            )
    return Exported(
        out, chosen.id, kept.spec.id, kept.arm.id, difference, len(probes), about.get("int8", {})
    )


def _wanted(format: str | None, int8: bool) -> Format | None:
    wanted = format_of(format or "onnx") if format or int8 else None
    if int8 and not isinstance(wanted, Onnx):
        raise UserError(
            say(
                "Weights in eight bits ({int8}) are for the format onnx, and {format} was asked.",
                int8=Setting("int8"),
                format=format,
            )
        )
    return wanted


def _first(kept: Kept) -> Format:
    """The first format that holds the run and whose library is here."""
    held = formats(by_word=kept.by_word).values()
    return next(f for f in held if not f.refuses(kept) and not f.missing())


def _see_that_it_holds(kept: Kept, format: Format) -> None:
    if reason := format.refuses(kept):
        raise UserError(say("{reason} {others}", reason=reason, others=_others(kept, format)))
    if missing := format.missing():
        raise UserError(missing)


def _see_that_it_holds_no_rows(kept: Kept) -> None:
    if kept.keeps_rows:
        raise UserError(
            say(
                "{arm} needs its {n} training rows to answer, so the export would hold them, as"
                " texts or as vectors of them. Say {with_rows} if they may go along.",
                arm=kept.arm.id,
                n=len(kept.spec.train),
                with_rows=Setting("with_rows"),
            )
        )


def _others(kept: Kept, format: Format) -> str:
    there = formats(by_word=kept.by_word).values()
    held = [f.id for f in there if f.id != format.id and not f.refuses(kept)]
    return say("It can be exported as {formats}.", formats=listed(held))


# --- what lies beside the model -------------------------------------------------------------------


def _about(kept: Kept, format: Format) -> dict[str, Any]:
    """`export.json`: what a program needs to know of the folder."""
    arm, problem = kept.arm, kept.problem
    return {
        "schema": SCHEMA,
        "format": format.id,
        "study": kept.made.study.name,
        "run": kept.spec.id,
        "arm": arm.id,
        "strategy": arm.strategy,
        "model": arm.model and {"name": Path(arm.model.name).name, "digest": arm.model.digest},
        "inputs": problem.inputs,
        "task": problem.task,
        "target": problem.target,
        "decision": task_of(problem).decision,
        "labels": [{"id": label.id, "name": label.name} for label in problem.labels],
        "ending": kept.ending.plain(problem.label_ids),
        "training_rows": len(kept.spec.train),
        "metrics": _metrics(kept),
        "holds_rows": kept.keeps_rows and format.id == "recipe",
    }


def _metrics(kept: Kept) -> dict[str, Any]:
    """Each measure of the run on the locked test rows, with its interval."""
    from tl_core.analysis.compare import plain, run_metrics

    result = kept.store.result(kept.spec.id)
    if result is None or result.status != "done":
        return {}
    return {id: plain(interval) for id, interval in run_metrics(kept.made, result).items()}


def _write_beside(kept: Kept, format: Format, about: dict[str, Any], folder: Path) -> None:
    from tl_core.exports.card import card
    from tl_core.exports.licence import write_licence

    licence = write_licence(kept, folder)
    files = {
        "example.py": example(format, about),
        "requirements.txt": "".join(f"{line}\n" for line in _requirements(kept, format)),
        **card(kept, format, about, licence),
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8", errors="backslashreplace")
    about["files"] = {
        path.relative_to(folder).as_posix(): _sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ABOUT
    }
    said = json.dumps(about, ensure_ascii=False, indent=1)
    (folder / ABOUT).write_text(said, encoding="utf-8", errors="backslashreplace")


def _requirements(kept: Kept, format: Format) -> list[str]:
    """What was written with, of what loads it."""
    lines = []
    for package in format.packages:
        try:
            version = metadata.version(package).partition("+")[0]
        except metadata.PackageNotFoundError:  # this program, run from its folder
            lines.append(package)
            continue
        lines.append(f"{package}=={version}")
    return lines


def _probes(kept: Kept) -> list[Example]:
    """Texts of no study; none for an arm that would send them away."""
    if strategies()[kept.arm.strategy].sends_texts:
        return []
    labels = [Example(0, label.name or label.id) for label in kept.problem.labels[:20]]
    probes = [*(Example(0, text) for text in PROBES), *labels]
    if kept.problem.inputs != "two texts":
        return probes
    others = [*probes[1:], probes[0]]
    most = MOST_ASKED if task_of(kept.problem).alternatives else None
    return [Example(0, a.text[:most], b.text) for a, b in zip(probes, others, strict=True)]


def _difference(
    kept: Kept, format: Format, about: dict[str, Any], folder: Path, probes: Sequence[Example]
) -> float:
    """The largest difference of any probability between the run and what was written."""
    if not probes:
        return 0.0
    found = format.open(folder, about)(probes)
    if not format.decides:
        found = kept.ending.scores(found)
    return float(np.abs(_run(kept, probes) - found).max())


def _run(kept: Kept, examples: Sequence[Example]) -> np.ndarray:
    return np.asarray(ended(kept.predictor.predict(examples)), np.float64)


# --- files ----------------------------------------------------------------------------------------


@contextmanager
def _whole(out: Path) -> Iterator[Path]:
    """A folder beside `out` that takes its place once everything is in it.

    Raises:
        UserError: `out` holds something already, or the disk does not take it.
    """
    from safetensors import SafetensorError

    from tl_core.models.older_weights import fresh
    from tl_core.studies.store import file_errors_as_user_errors

    fresh(out)
    beside = out.absolute().with_name(f".{out.absolute().name}.{uuid.uuid4().hex[:8]}")
    try:
        with file_errors_as_user_errors(out):
            beside.mkdir()
            try:
                yield beside
            except SafetensorError as fault:  # so it reports a full disk
                raise OSError(str(fault)) from fault
            out.rmdir()
            beside.rename(out)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        if out.is_dir() and not any(out.iterdir()):
            out.rmdir()


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of(folder: Path) -> str:
    """sha256 of an export: of its `export.json`, which holds that of every other file."""
    return _sha256(folder / ABOUT)
