"""The command line: `check` a file, `compare` strategies on it, `predict` with what was trained, `list` what there is.

Exit codes: 0 done; 2 something the person can put right; 130 interrupted; 1 a bug.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import traceback
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tl_core.errors import UserError, WorkerDied, raise_all

DONE, BUG, PUT_RIGHT, INTERRUPTED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="replace")
    arguments = _parsed(argv)
    try:
        return arguments.run(arguments) or DONE
    except UserError as fault:
        print("\n".join(f"transfer-lab: {_shown(line)}" for line in str(fault).splitlines()), file=sys.stderr)
        return PUT_RIGHT
    except WorkerDied as fault:
        print(f"transfer-lab: {fault} Try again; if it happens again, choose a smaller model or fewer rows.", file=sys.stderr)
        return BUG
    except KeyboardInterrupt:
        print("transfer-lab: stopped. What was finished is kept; the same command goes on from there.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has enough
        return DONE
    except Exception:  # noqa: BLE001  the traceback is for the report of the bug
        traceback.print_exc()
        print("transfer-lab: this is a bug. Please report it with the lines above.", file=sys.stderr)
        return BUG


def _parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    """FILE may stand anywhere; argparse gives an optional one nothing once an option stands before it."""
    top = parser()
    arguments, rest = top.parse_known_args(argv)
    if len(rest) == 1 and not rest[0].startswith("-") and getattr(arguments, "file", "") is None:
        arguments.file = rest.pop()
    if rest:
        top.error(f"unrecognized arguments: {' '.join(rest)}")
    return arguments


def parser() -> argparse.ArgumentParser:
    """Every command and option."""
    top = argparse.ArgumentParser(prog="python -m tl_core", description="Which way of using labels suits your texts, and how sure is that?")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    check = commands.add_parser("check", help="read a file and say what is in it, before anything runs")
    _file_options(check)
    check.add_argument("--model", default="minilm", help="model whose reading of the texts is checked (default: minilm)")
    check.add_argument("--json", action="store_true", help="print the findings as JSON")
    check.set_defaults(run=_check)

    compare = commands.add_parser("compare", help="compare strategies on one locked test set")
    _file_options(compare, required=False)
    compare.add_argument("--strategies", metavar="A,B,C", help="strategies to compare; see: list strategies")
    compare.add_argument("--arm", action="append", default=[], metavar="K=V,...", help="an arm of its own, as in 'name=lora16,strategy=lora,rank=16,model=X'; may be given again")
    compare.add_argument("--shots", metavar="0,1,2,all", help="labelled rows per label; 0 is zero-shot (default: 0,1,2,4,8,16 as far as the rows go)")
    compare.add_argument("--seeds", type=int, metavar="N", help="draws of the k-shot samples (default: 5)")
    compare.add_argument("--model", metavar="NAME", help="minilm, a local folder, or a name on the hub (default: minilm)")
    tests = compare.add_mutually_exclusive_group()
    tests.add_argument("--test", type=Path, metavar="FILE", help="a separate file of test rows")
    tests.add_argument("--test-size", type=int, metavar="N", help="test rows to lock (default: a fifth, at least 200, at most 1,000)")
    compare.add_argument("--keep", choices=("best", "all", "none"), default="best", help="which trained weights to keep (default: best of each arm)")
    compare.add_argument("--device", metavar="D", help="cpu, cuda, cuda:1 or mps (default: the fastest there is)")
    compare.add_argument("--from", dest="origin", type=Path, metavar="study.json", help="take what is not given here from an earlier study, test rows included")
    compare.add_argument("--out", type=Path, metavar="DIR", help="folder for the study (default: NAME-study)")
    compare.add_argument("--json", action="store_true", help="print study.json to standard output, and nothing else there")
    compare.set_defaults(run=_compare)

    predict = commands.add_parser("predict", help="label texts with what a study trained")
    predict.add_argument("folder", type=Path, metavar="DIR", help="folder of a study")
    predict.add_argument("file", nargs="?", metavar="FILE", help="texts to label")
    predict.add_argument("--text", help="one text to label")
    predict.add_argument("--text-b", dest="second", help="its second text, where the study has two texts per row; with FILE: the column of the second text")
    predict.add_argument("--column", help="column of the text in FILE")
    predict.add_argument("--run", metavar="ID", dest="run_id", help="run or arm to use (default: the best one whose weights are kept)")
    predict.add_argument("--out", type=Path, metavar="FILE", help="write a CSV here instead of printing")
    predict.add_argument("--json", action="store_true", help="print JSON")
    predict.set_defaults(run=_predict)

    listing = commands.add_parser("list", help="what there is")
    listing.add_argument("what", choices=("strategies", "models", "datasets", "tasks"))
    listing.add_argument("--json", action="store_true", help="print JSON")
    listing.set_defaults(run=_list)
    return top


def _file_options(command: argparse.ArgumentParser, required: bool = True) -> None:
    command.add_argument("file", metavar="FILE", nargs=None if required else "?", help="CSV, TSV, JSONL, JSON, Parquet or XLSX; or sample:NAME")
    columns = command.add_argument_group("columns", "guessed unless given; every guess is said")
    columns.add_argument("--text", help="column of the text")
    columns.add_argument("--text-b", help="column of the second text")
    columns.add_argument("--label", help="column of the label")
    columns.add_argument("--group", help="column whose equal values stay on one side of the split")
    columns.add_argument("--multi-label", action="store_true", help="a row may have several labels: a list, or a delimited cell")
    columns.add_argument("--encoding", help="such as utf-8 or cp949")
    columns.add_argument("--delimiter", help="such as ; or tab")
    columns.add_argument("--sheet", help="sheet of an XLSX file")
    command.add_argument("--labels", type=Path, metavar="FILE", help="label table: id, name, descriptions, words (JSON or CSV)")


# --- check ----------------------------------------------------------------------------------------------


def _check(a: argparse.Namespace) -> int:
    from dataclasses import asdict

    from tl_core.data.audit import audit, read_texts
    from tl_core.data.duplicates import find_duplicates
    from tl_core.data.labels import are_named
    from tl_core.experiments.service import State, token_reports

    loaded = _load(a)
    examples = loaded.dataset.examples
    some = examples[:: max(1, len(examples) // 2000)]
    tokens = tuple(token_reports(State("cpu"), [a.model], read_texts(some), True))
    found = audit(
        loaded.dataset, duplicates=find_duplicates(examples), tokens=tokens, unlabelled=loaded.unlabelled, named_labels=are_named(loaded.dataset.problem.labels)
    )
    if a.json:
        said = {"columns": loaded.columns, "guesses": [asdict(g) for g in loaded.guesses], "notes": list(loaded.notes), **asdict(found)}
        said["inputs"], said["target"] = loaded.dataset.problem.inputs, loaded.dataset.problem.target
        print(json.dumps(said, ensure_ascii=False, indent=1))
        return DONE
    _say_reading(loaded, sys.stdout)
    print(f"\n{found.rows} rows, {len(found.label_counts)} labels, {loaded.dataset.problem.inputs} per row, {loaded.dataset.problem.target} per row")
    for label, count in sorted(found.label_counts.items(), key=lambda item: -item[1])[:20]:
        print(f"  {count:>8}  {_shown(label)}")
    if len(found.label_counts) > 20:
        print(f"            and {len(found.label_counts) - 20} more labels")
    for finding in found.findings:
        mark = {"ok": "ok     ", "note": "note   ", "warning": "WARNING"}[finding.level]
        print(f"\n{mark}  {_shown(finding.title)}\n         {_shown(finding.detail)}" + (f"\n         {_shown(finding.action)}" if finding.action else ""))
    return DONE


def _load(a: argparse.Namespace):
    from tl_core.data.columns import load
    from tl_core.data.tables import ReadOptions

    options = ReadOptions(a.encoding, a.delimiter, a.sheet, a.text, a.text_b, a.label, a.group, a.multi_label)
    return load(a.file, options, a.labels)


def _say_reading(loaded, stream) -> None:
    for guess in loaded.guesses:
        print(f"guessed  {guess.what}: {guess.value} ({guess.why}); {guess.option} overrides it", file=stream)
    for note in loaded.notes:
        print(f"note     {note}", file=stream)


# --- compare --------------------------------------------------------------------------------------------


def _compare(a: argparse.Namespace) -> int:
    from tl_core.session import Asked, open_session, run_session

    faults: list[str] = []
    shots = _read(_shots, a.shots, faults)
    arms = tuple(_read(_arm, text, faults) for text in a.arm)
    raise_all(faults)
    asked = Asked(
        file=a.file, columns={k: getattr(a, k) for k in ("text", "text_b", "label", "group", "encoding", "delimiter", "sheet", "multi_label")},
        labels=a.labels, strategies=_names(a.strategies), arms=arms, shots=shots, seeds=a.seeds, model=a.model,
        test=a.test, test_size=a.test_size, keep=a.keep, device=a.device, origin=a.origin, out=a.out, command=_command_line(),
    )  # fmt: skip
    session = open_session(asked)
    if not a.json:
        _say_reading(session.loaded, sys.stderr)
    for note in session.notes:
        print(f"note     {note}", file=sys.stderr)
    run_session(session, quiet=a.json)
    if a.json:
        print((session.store.folder / "study.json").read_text(encoding="utf-8"))
    else:
        print_leaderboard(session.store.read_json("study.json"))
        print(f"\nReport: {session.store.folder / 'report.html'}")
    return DONE


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
            f"{line['seconds']['fit']:>8.1f} {line['seconds']['predict']:>9.1f} {line['peak_bytes'] / 2**20:>7.0f} {line['accuracy']['seeds']:>5}{failed}"
        )
    for run in study["runs"]:
        if run["status"] in ("failed", "refused"):
            print(f"  {run['status']}: {run['arm']} at {run['shots']}: {run['error']}")
    if not study["summary"]:
        print(f"  nothing is finished yet (by {by})")


def _interval(mean: dict[str, Any]) -> str:
    if mean["low"] is None or mean["high"] is None:
        return f"{100 * mean['mean']:.1f} %"
    return f"{100 * mean['mean']:.1f} % [{100 * mean['low']:.1f}, {100 * mean['high']:.1f}]"


def _shown(text: str) -> str:
    """For a terminal: what a file says must not move the cursor or change colours."""
    return "".join(" " if unicodedata.category(c) == "Cc" else c for c in text)


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
    for part in text.split(","):
        name, sign, value = part.partition("=")
        if not sign or not name.strip():
            raise UserError(f"--arm {text}: {part!r} is not of the form name=value, as in --arm 'name=lora16,strategy=lora,rank=16'.")
        settings[name.strip()] = value.strip()
    if "strategy" not in settings:
        raise UserError(f"--arm {text}: say which strategy, as in strategy=lora.")
    return ArmRequest(settings.pop("strategy"), name=settings.pop("name", None), model=settings.pop("model", None), settings=settings)


def _command_line() -> str:
    return "python -m tl_core " + " ".join(map(shlex.quote, sys.argv[1:]))


# --- predict --------------------------------------------------------------------------------------------


def _predict(a: argparse.Namespace) -> int:
    from tl_core.experiments.predicting import predict

    if (a.text is None) == (a.file is None):
        raise UserError("Give either --text or a FILE of texts.")
    answer = predict(a.folder, run=a.run_id, text=a.text, second=a.second, file=a.file, column=a.column)
    if a.json:
        print(json.dumps(answer.plain(), ensure_ascii=False, indent=1))
    elif a.out:
        answer.write_csv(a.out)
        print(f"{len(answer.examples)} texts labelled by {answer.arm}: {a.out}", file=sys.stderr)
    else:
        for example, labels, scores in answer.rows():
            shown = ", ".join(f"{_shown(name)} {100 * p:.1f} %" for name, p in scores[:3])
            print(f"{_shown(', '.join(labels)) or '(none)'}\t{shown}\t{_shown(example.text[:80])}")
    return DONE


# --- list -----------------------------------------------------------------------------------------------


def _list(a: argparse.Namespace) -> int:
    rows = {"strategies": _strategies, "models": _models, "datasets": _datasets, "tasks": _tasks}[a.what]()
    if a.json:
        print(json.dumps(rows, ensure_ascii=False, indent=1))
        return DONE
    width = max(len(r["id"]) for r in rows)
    for row in rows:
        print(f"{row['id']:<{width}}  {row['title']}. {row.get('about', '')}".rstrip(". ") + ".")
        for setting in row.get("settings", []):
            print(f"{'':<{width}}    {setting['name']}={setting['default']}  {setting['help']}")
    return DONE


def _strategies() -> list[dict[str, Any]]:
    from tl_core.params import declared
    from tl_core.strategies import strategies

    return [
        {"id": s.id, "title": s.title, "about": s.about, "needs": s.needs, "uses_model": s.uses_model, "settings": declared(s.Params)} for s in strategies().values()
    ]


def _models() -> list[dict[str, Any]]:
    from tl_core.models.catalog import describe

    return describe()


def _datasets() -> list[dict[str, Any]]:
    from tl_core.data.samples import sample, sample_names

    made = [sample(name) for name in sample_names()]
    return [{"id": f"sample:{s.name}", "title": s.title, "about": s.about, "language": s.language} for s in made]


def _tasks() -> list[dict[str, Any]]:
    from tl_core.tasks import tasks

    return [{"id": t.id, "title": t.title, "target": t.target, "loss": t.loss} for t in tasks().values()]
