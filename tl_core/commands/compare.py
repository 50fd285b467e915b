"""Compare strategies on one locked test set."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tl_core.commands import shown
from tl_core.commands._files import file_options, say_reading
from tl_core.commands._sending import may_send, sending_option
from tl_core.errors import UserError, raise_all


@dataclass(frozen=True)
class _Command:
    id: str = "compare"
    order: int = 20
    help: str = "compare strategies on one locked test set"

    def add(self, command: argparse.ArgumentParser) -> None:
        """Its options."""
        file_options(command, required=False)
        command.add_argument("--strategies", metavar="A,B,C", help="strategies to compare; see: list strategies")
        command.add_argument("--arm", action="append", default=[], metavar="K=V,...", help="an arm of its own, as in 'name=lora16,strategy=lora,rank=16,model=X'; may be given again")
        command.add_argument("--shots", metavar="0,1,2,all", help="labelled rows per label; 0 is zero-shot (default: 0,1,2,4,8,16 as far as the rows go)")
        command.add_argument("--seeds", type=int, metavar="N", help="draws of the k-shot samples (default: 5)")
        command.add_argument("--model", metavar="NAME", help="minilm, a local folder, or a name on the hub (default: minilm)")
        tests = command.add_mutually_exclusive_group()
        tests.add_argument("--test", type=Path, metavar="FILE", help="a separate file of test rows")
        tests.add_argument("--test-size", type=int, metavar="N", help="test rows to lock (default: a fifth, at least 200, at most 1,000)")
        command.add_argument("--keep", choices=("best", "all", "none"), default="best", help="which trained weights to keep (default: best of each arm)")
        command.add_argument("--device", metavar="D", help="cpu, cuda, cuda:1 or mps (default: the fastest there is)")
        command.add_argument("--from", dest="origin", type=Path, metavar="study.json", help="take what is not given here from an earlier study, test rows included")
        command.add_argument("--out", type=Path, metavar="DIR", help="folder for the study (default: NAME-study)")
        sending_option(command)
        command.add_argument("--json", action="store_true", help="print study.json to standard output, and nothing else there")

    def run(self, a: argparse.Namespace) -> None:
        """Open the session, run what is missing, print the leaderboard."""
        from tl_core.commands._advice import print_advice
        from tl_core.session import Asked, open_session, run_session

        faults: list[str] = []
        shots = _read(_shots, a.shots, faults)
        arms = tuple(_read(_arm, text, faults) for text in a.arm)
        raise_all(faults)
        asked = Asked(
            file=a.file, columns={k: getattr(a, k) for k in ("text", "text_b", "label", "group", "encoding", "delimiter", "sheet", "multi_label", "merge_labels")},
            labels=a.labels, strategies=_names(a.strategies), arms=arms, shots=shots, seeds=a.seeds, model=a.model,
            test=a.test, test_size=a.test_size, keep=a.keep, device=a.device, origin=a.origin, out=a.out,
            may_send=may_send(a.send_texts), command=_command_line(),
        )  # fmt: skip
        session = open_session(asked)
        if not a.json:
            say_reading(session.loaded, sys.stderr)
        for note in session.notes:
            print(f"note     {note}", file=sys.stderr)
        decision = run_session(session, quiet=a.json)
        if a.json:
            print((session.store.folder / "study.json").read_text(encoding="utf-8"))
        else:
            print_leaderboard(session.store.read_json("study.json"))
            print()
            print_advice(decision)
            print(f"\nReport: {session.store.folder / 'report.html'}")
        see_that_something_is_finished(session.store.read_json("study.json"))


def see_that_something_is_finished(study: dict[str, Any]) -> None:
    """So that a script learns of a study without a result.

    Raises:
        UserError: no run was finished.
    """
    if not study["summary"]:
        reasons = dict.fromkeys(run["error"] for run in study["runs"] if run["error"])
        raise UserError("\n".join(["No run was finished, so nothing is compared.", *reasons]))


def print_leaderboard(study: dict[str, Any]) -> None:
    """The summary as a table, the lines that could be the best marked."""
    by = study["metric"]
    print(f"\n{study['split']['n_test']} test rows, {study['split']['n_pool']} to train on; sorted by {study['why_metric']}.")
    print(f"* could be the best; intervals are 95 %. Always answering the largest class: {100 * study['chance']:.1f} %\n")
    width = max([len(line["arm"]) for line in study["summary"]] + [8])
    print(f"  {'arm':<{width}} {'shots':>5} {'labels':>7}  {'accuracy':>22} {'macro-F1':>22} {'fit s':>8} {'predict s':>9} {'MB':>7} {'seeds':>5}")
    for line in study["summary"]:
        star = "*" if line["could_be_best"] else " "
        failed = f"  {line['failed']} failed" if line["failed"] else ""
        print(
            f"{star} {line['arm']:<{width}} {line['shots']:>5} {line['labels']:>7.0f}  {_interval(line['accuracy']):>22} {_interval(line['macro_f1']):>22} "
            f"{line['seconds']['fit']:>8.1f} {line['seconds']['predict']:>9.1f} {line['peak_bytes'] / 2**20:>7.0f} {line['accuracy']['seeds']:>5}{failed}{_untrained(line)}{_beside(line)}"
        )
    models = [part["model"] for arm in study["arms"] for part in (arm, arm["base"]) if part and part["model"]]
    for model, seen in {m["name"]: m["supervised"] for m in models}.items():
        print(f"  Labelled data {model} had seen before: {shown(seen)}")
    for run in study["runs"]:
        if run["status"] in ("failed", "refused"):
            print(f"  {run['status']}: {run['arm']} at {run['shots']}: {run['error']}")
    if not study["summary"]:
        print(f"  nothing is finished yet (by {by})")


def _untrained(line: dict[str, Any]) -> str:
    """Runs no better on their own training rows than one answer for all, and the mean without them; no interval holds over both kinds."""
    if not line.get("collapsed"):
        return ""
    others = f"; mean of those that did: {100 * line['mean_trained']['accuracy']:.1f} %" if line["mean_trained"] else ""
    return f"  {line['collapsed']} of {line['accuracy']['seeds']} did not train{others}"


def _beside(line: dict[str, Any]) -> str:
    """What was used beside the training rows."""
    from tl_core.report.budget import beside

    return "".join(f"  {used}" for used in beside(line["budget"], line["labels"], "en"))


def _interval(mean: dict[str, Any]) -> str:
    if mean["low"] is None or mean["high"] is None:
        return f"{100 * mean['mean']:.1f} %"
    return f"{100 * mean['mean']:.1f} % [{100 * mean['low']:.1f}, {100 * mean['high']:.1f}]"


def _read(how: Callable[[Any], Any], text: str | None, faults: list[str]) -> Any:
    """What an option says; its faults are gathered, so that all are told together."""
    try:
        return how(text)
    except UserError as fault:
        faults.extend(str(fault).splitlines())


def _names(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(dict.fromkeys(n.strip() for n in text.split(",") if n.strip()))


def _shots(text: str | None) -> tuple[int | None, ...] | None:
    if text is None:
        return None
    shots: list[int | None] = []
    faults = []
    for part in (p.strip() for p in text.split(",") if p.strip()):
        if part.lower() == "all":
            shots.append(None)
        elif part.isdecimal():
            shots.append(int(part))
        else:
            faults.append(f"--shots {part}: shots must be 0, positive whole numbers, or all, as in --shots 0,1,2,4,8,all.")
    raise_all(faults)
    return tuple(shots)


def _arm(text: str):
    from tl_core.experiments.plan import ArmRequest

    settings: dict[str, str] = {}
    for part in _parts(text):
        name, sign, value = part.partition("=")
        if not sign or not name.strip():
            raise UserError(f"--arm {text}: {part!r} is not of the form name=value, as in --arm 'name=lora16,strategy=lora,rank=16'.")
        settings[name.strip()] = value.strip()
    if "strategy" not in settings:
        raise UserError(f"--arm {text}: say which strategy, as in strategy=lora.")
    return ArmRequest(settings.pop("strategy"), name=settings.pop("name", None), model=settings.pop("model", None), settings=settings)


def _parts(text: str) -> list[str]:
    """Cut at commas, but not inside double quotes, nor where no name=value follows: templates hold commas."""
    reader = shlex.shlex(text, posix=True)
    reader.whitespace, reader.whitespace_split, reader.quotes, reader.escape, reader.commenters = ",", True, '"', "", ""
    try:
        cut = list(reader)
    except ValueError:
        raise UserError(f"--arm {text}: a double quote is not closed.") from None
    parts = cut[:1]
    for part in cut[1:]:
        if re.match(r"\s*[A-Za-z_][\w.]*=", part):
            parts.append(part)
        else:
            parts[-1] += f",{part}"
    return parts


def _command_line() -> str:
    return "python -m tl_core " + " ".join(map(shlex.quote, sys.argv[1:]))


COMMAND = _Command()
