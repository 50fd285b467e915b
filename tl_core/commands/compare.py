"""Compare strategies on one locked test set."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tl_core.api.errors import Faults, UserError, raise_all
from tl_core.api.sentences import Setting, say
from tl_core.api.task import Measure
from tl_core.commands import device_option, display_here, keep_option, language, note, shown
from tl_core.commands._files import file_options, say_reading
from tl_core.commands._sending import may_send, sending_option
from tl_core.tasks import with_target
from tl_core.words.columns import cells, left, right


@dataclass(frozen=True)
class _Command:
    id: str = "compare"
    order: int = 20
    help: str = say("compare strategies on one locked test set")

    def add(self, command: argparse.ArgumentParser) -> None:
        """Add its options."""
        file_options(command, required=False)
        command.add_argument(
            "--strategies", metavar="A,B,C", help=say("strategies to compare; see: list strategies")
        )
        command.add_argument(
            "--arm",
            action="append",
            default=[],
            metavar="K=V,...",
            help=say(
                "an arm with its own settings, as in 'name=lora16,strategy=lora,rank=16,model=X';"
                " may be repeated"
            ),
        )
        command.add_argument(
            "--shots",
            metavar="0,1,2,all",
            help=say(
                "shots: labels per class, texts per rating or spans per type; 0 is zero-shot"
                " (default: 0,1,2,4,8,16 as far as the rows go)"
            ),
        )
        command.add_argument(
            "--seeds",
            type=int,
            metavar="N",
            help=say("number of seeds; each draws its own labelled rows (default: 5)"),
        )
        command.add_argument(
            "--model",
            metavar="NAME",
            help=say(
                "minilm, minilm-korean, a local folder, or a name on the hub (default: minilm, or"
                " minilm-korean for Korean texts)"
            ),
        )
        tests = command.add_mutually_exclusive_group()
        tests.add_argument(
            "--test", type=Path, metavar="FILE", help=say("a separate file of test rows")
        )
        tests.add_argument(
            "--test-size",
            type=int,
            metavar="N",
            help=say("test rows to lock (default: a fifth, at least 200, at most 1,000)"),
        )
        keep_option(command)
        device_option(command)
        command.add_argument(
            "--from",
            dest="origin",
            type=Path,
            metavar="study.json",
            help=say("take what is not given here from an earlier study, including its test rows"),
        )
        command.add_argument(
            "--out",
            type=Path,
            metavar="DIR",
            help=say("folder for the study (default: NAME-study)"),
        )
        sending_option(command)
        command.add_argument(
            "--json",
            action="store_true",
            help=say("print study.json to standard output, and nothing else there"),
        )

    def run(self, a: argparse.Namespace) -> None:
        """Open the session, run what is missing, print the leaderboard."""
        from tl_core.commands._advice import print_advice
        from tl_core.commands._asked import Asked, request_of
        from tl_core.running.session import draft, open_study, run_session

        faults: list[str] = []
        shots = _read(_shots, a.shots, faults)
        arms = tuple(_read(_arm, text, faults) for text in a.arm)
        raise_all(faults)
        asked = Asked(
            file=a.file,
            columns={
                k: getattr(a, k)
                for k in (
                    "text",
                    "text_b",
                    "label",
                    "group",
                    "encoding",
                    "delimiter",
                    "sheet",
                    "multi_label",
                    "merge_labels",
                    "task",
                )
            },
            labels=a.labels,
            strategies=_names(a.strategies),
            arms=arms,
            shots=shots,
            seeds=a.seeds,
            model=a.model,
            test=a.test,
            test_size=a.test_size,
            keep=a.keep,
            device=a.device,
            origin=a.origin,
            out=a.out,
            may_send=may_send(a.send_texts),
            command=_command_line(),
        )
        session = open_study(draft(request_of(asked)))
        if not a.json:
            say_reading(session.loaded, sys.stderr)
        for text in session.notes:
            print(note(text), file=sys.stderr)
        decision = run_session(
            session, display=None if a.json else display_here(), language=language.get()
        )
        if a.json:
            print((session.store.folder / "study.json").read_text(encoding="utf-8"))
        else:
            print_leaderboard(session.store.read_json("study.json"))
            print()
            print_advice(decision)
            print()
            print(shown(say("Report: {file}", file=session.store.folder / "report.html")))
        see_that_something_is_finished(session.store.read_json("study.json"))


def see_that_something_is_finished(study: dict[str, Any]) -> None:
    """Raise where no run was finished, so that a script learns of a study without a result.

    Raises:
        UserError: no run was finished.
    """
    if not study["summary"]:
        reasons = dict.fromkeys(run["error"] for run in study["runs"] if run["error"])
        raise Faults([say("No run was finished, so nothing is compared."), *reasons])


def print_leaderboard(study: dict[str, Any]) -> None:
    """The summary as a table, the lines that could be the best marked."""
    from tl_core.words.phrases import say as phrase  # loads scipy, and --help must not

    by = study["metric"]
    rows = say(
        "{test} test rows, {pool} to train on; sorted by {why}.",
        test=study["split"]["n_test"],
        pool=study["split"]["n_pool"],
        why=study["why_metric"],
    )
    print(f"\n{shown(rows)}")
    task = with_target(study["problem"]["target"])
    measures = task.measures
    how = say(
        "* could be the best; intervals are 95%. {always}: {value}",
        always=ALWAYS[task.always_words],
        value=_value(study["chance"], measures[0]),
    )
    print(f"{shown(how)}\n")
    arms = max([cells(shown(line["arm"])) for line in study["summary"]] + [8])
    heads = [
        (say("shots"), 5),
        (say("labels"), 7),
        *((phrase(language.get(), m.id), 23 if m is measures[0] else 22) for m in measures),
        (say("fit s"), 8),
        (say("predict s"), 9),
        (say("MB"), 7),
        (say("seeds"), 5),
    ]
    widths = [max(width, cells(shown(head))) for head, width in heads]
    print(f"  {left(shown(say('arm')), arms)} {_in_columns((head for head, _ in heads), widths)}")
    for line in study["summary"]:
        star = "*" if line["could_be_best"] else " "
        values = (
            str(line["shots"]),
            f"{line['labels']:.0f}",
            *(_interval(line[m.id], m) for m in measures),
            f"{line['seconds']['fit']:.1f}",
            f"{line['seconds']['predict']:.1f}",
            f"{line['peak_bytes'] / 2**20:.0f}",
            str(line[measures[0].id]["seeds"]),
        )
        failed = f"  {shown(say('{n} failed', n=line['failed']))}" if line["failed"] else ""
        print(
            f"{star} {left(shown(line['arm']), arms)} {_in_columns(values, widths)}"
            f"{failed}{_untrained(line, measures[0])}{_beside(line)}"
        )
    _print_below(study)
    if not study["summary"]:
        print(f"  {shown(say('nothing is finished yet (by {measure})', measure=by))}")


def _print_below(study: dict[str, Any]) -> None:
    """What the models had seen before, and which runs failed."""
    models = [
        part["model"]
        for arm in study["arms"]
        for part in (arm, arm["base"])
        if part and part["model"]
    ]
    for model, seen in {m["name"]: m["supervised"] for m in models}.items():
        before = say("Labelled data {model} had seen before: {seen}", model=model, seen=seen)
        print(f"  {shown(before)}")
    for run in study["runs"]:
        if run["status"] in NOT_DONE:
            why = say(
                "{status}: {arm} at {shots}: {error}",
                status=NOT_DONE[run["status"]],
                **{name: run[name] for name in ("arm", "shots", "error")},
            )
            print(f"  {shown(why)}")


def _in_columns(texts: Iterable[str], widths: Iterable[int]) -> str:
    return " ".join(right(shown(x), width) for x, width in zip(texts, widths, strict=True))


NOT_DONE = {"failed": say("failed"), "refused": say("refused")}


def _untrained(line: dict[str, Any], by: Measure) -> str:
    """Runs no better on their own training rows than one answer for all, and the mean without them;
    no interval holds over both kinds.
    """
    if not line.get("collapsed"):
        return ""
    untrained = {"n": line["collapsed"], "all": line[by.id]["seeds"]}
    if not line["mean_trained"]:
        return f"  {shown(say('{n} of {all} did not train', **untrained))}"
    others = say(
        "{n} of {all} did not train; mean of those that did: {mean}",
        mean=_value(line["mean_trained"][by.id], by),
        **untrained,
    )
    return f"  {shown(others)}"


def _beside(line: dict[str, Any]) -> str:
    """Describe what was used alongside the training rows."""
    from tl_core.words.budget import beside

    return "".join(f"  {used}" for used in beside(line["budget"], line["labels"], language.get()))


ALWAYS = {
    "always_one": say("Always predicting the most frequent label"),
    "always_many": say("Always predicting the most frequent label"),
    "always_nothing_written": say("Writing nothing"),
    "always_no_span": say("Finding no span at all"),
    "always_first_words": say("The best answer that is the same for every question"),
    "always_median": say("Always predicting the median rating, off by"),
}


def _value(value: float, measure: Measure) -> str:
    return f"{100 * value:.1f}%" if measure.unit == "percent" else f"{value:.2f}"


def _interval(mean: dict[str, Any], measure: Measure) -> str:
    shown = _value(mean["mean"], measure)
    if mean["low"] is None or mean["high"] is None:
        return shown
    low, high = (_value(mean[end], measure).removesuffix("%") for end in ("low", "high"))
    return f"{shown} [{low}, {high}]"


def _read(how: Callable[[Any], Any], text: str | None, faults: list[str]) -> Any:
    """Parse the text of an option; its faults are gathered, to be reported together."""
    try:
        return how(text)
    except UserError as fault:
        faults.extend(fault.faults)


def _names(text: str | None) -> tuple[str, ...] | None:
    return (
        None
        if text is None
        else tuple(dict.fromkeys(n.strip() for n in text.split(",") if n.strip()))
    )


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
            faults.append(
                say(
                    "{shots} {part}: shots must be 0, positive whole numbers, or all, as in {shots}"
                    " 0,1,2,4,8,all.",
                    part=part,
                    shots=Setting("shots"),
                )
            )
    raise_all(faults)
    return tuple(shots)


def _arm(text: str):
    from tl_core.studies.plan import ArmRequest

    settings: dict[str, str] = {}
    for part in _parts(text):
        name, sign, value = part.partition("=")
        if not sign or not name.strip():
            raise UserError(
                say(
                    "{arm} {text}: {part!r} is not of the form name=value, as in {arm}"
                    " 'name=lora16,strategy=lora,rank=16'.",
                    text=text,
                    part=part,
                    arm=Setting("arm"),
                )
            )
        settings[name.strip()] = value.strip()
    if "strategy" not in settings:
        raise UserError(
            say(
                "{arm} {text}: say which strategy, as in strategy=lora.",
                text=text,
                arm=Setting("arm"),
            )
        )
    return ArmRequest(
        settings.pop("strategy"),
        name=settings.pop("name", None),
        model=settings.pop("model", None),
        settings=settings,
    )


def _parts(text: str) -> list[str]:
    """Cut at commas, but not inside double quotes, nor where no name=value follows: templates hold
    commas.
    """
    reader = shlex.shlex(text, posix=True)
    reader.whitespace, reader.whitespace_split, reader.quotes, reader.escape, reader.commenters = (
        ",",
        True,
        '"',
        "",
        "",
    )
    try:
        cut = list(reader)
    except ValueError:
        raise UserError(
            say("{arm} {text}: a double quote is not closed.", text=text, arm=Setting("arm"))
        ) from None
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
