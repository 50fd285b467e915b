"""A comparison asked for on the command line: from a file and options to a study folder, run to its end."""

from __future__ import annotations

import dataclasses
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tl_core.data.alike import with_joined
from tl_core.data.audit import TokenReport, read_texts
from tl_core.data.columns import Loaded, load
from tl_core.data.split import lock_key
from tl_core.data.tables import ReadOptions
from tl_core.errors import UserError, raise_all
from tl_core.experiments.about import write_about
from tl_core.experiments.adding import seen_in, with_earlier
from tl_core.experiments.archive import named_paths
from tl_core.experiments.compare import compare
from tl_core.experiments.conduct import Conductor
from tl_core.experiments.consent import question
from tl_core.experiments.decision import Decision, decide
from tl_core.experiments.estimate import Estimate, estimate, learn
from tl_core.experiments.lock import Lock
from tl_core.experiments.plan import (
    DEFAULT_SEEDS,
    DEFAULT_STRATEGIES,
    ArmRequest,
    Plan,
    Study,
    check_arms,
    make_split,
    make_study,
    plan,
    request_of,
)
from tl_core.experiments.store import Store, is_own, told
from tl_core.experiments.stored import read_study
from tl_core.experiments.worker import Worker, WorkerDied
from tl_core.json_text import parsed
from tl_core.models.catalog import EMBEDDED
from tl_core.types import FINAL, Finished, Note, Progress

TOKEN_SAMPLE = 2000
SECONDS_BETWEEN_LINES = 30.0  # where there is no terminal


@dataclass(frozen=True)
class Asked:
    """What the command line said; None where it said nothing."""

    file: str | None
    columns: dict[str, Any] = field(default_factory=dict)
    labels: Path | None = None
    strategies: tuple[str, ...] | None = None
    arms: tuple[ArmRequest, ...] = ()
    shots: tuple[int | None, ...] | None = None
    seeds: int | None = None
    model: str | None = None
    test: Path | None = None
    test_size: int | None = None
    keep: str = "best"
    device: str | None = None
    origin: Path | None = None
    out: Path | None = None
    may_send: Callable[[str], bool] = lambda question: False  # asks whether texts may leave this machine
    command: str = ""


@dataclass
class Session:
    """A study ready to run."""

    loaded: Loaded | None  # None: the rows came from a study
    plan: Plan
    store: Store
    worker: Worker
    keep: str
    notes: tuple[str, ...]
    context: dict[str, Any]
    estimate: Estimate
    consent: str = ""
    lock: Lock | None = None  # on its folder, until it has been run


def open_session(asked: Asked) -> Session:
    """Read, split, plan and make the folder. Nothing is trained yet.

    Raises:
        UserError: with what can be put right.
    """
    asked, locked, origin = _with_origin(asked)
    if asked.file is None:
        raise UserError("Say which FILE to compare on, or take one from an earlier study with --from study.json.")
    names = asked.strategies if asked.strategies is not None else () if asked.arms else DEFAULT_STRATEGIES
    requests = (*map(ArmRequest, names), *asked.arms)
    out = asked.out or Path(f"{Path(str(asked.file).replace('sample:', '')).stem}-study")
    store = Store(out)
    with _faults_of_arms_too(requests, asked.model or EMBEDDED.name):
        earlier = _earlier(store)
        loaded, test = _read(asked)
        if earlier is not None and not asked.origin:
            locked = _lock_of(earlier, loaded, test, out, asked)
        split, notes = make_split(loaded, test=test, size=asked.test_size, lock=() if test else locked)
    name = Path(str(asked.file)).name
    study = make_study(
        name, loaded.dataset.problem, split, arms=requests, shots=asked.shots,
        seeds=DEFAULT_SEEDS if asked.seeds is None else asked.seeds, model=asked.model or EMBEDDED.name,
    )  # fmt: skip
    if earlier is not None and asked.origin and earlier["split"]["test_digest"] != split.test_digest:
        raise UserError(f"{out} holds another study, with other test rows. Choose another folder with --out.")
    study, more = _going_on(study, store, [record for record in (earlier, origin) if record and record["split"]["test_digest"] == split.test_digest])
    made, notes = plan(study), (*notes, *more)
    consent = agreed(made, store, asked.keep, asked.may_send)
    with _alone(store, earlier) as lock:
        worker = Worker(asked.device)
        tokens = token_sentences(worker, study, split.pool)
        store.save_study(study)
        notes = (*notes, *(t["sentence"] for t in tokens if t["sentence"]))
        done = {run for run, result in store.results(s.id for s in made.specs).items() if result.status in FINAL}
        return Session(loaded, made, store, worker, asked.keep, notes, _context(asked, loaded, test, tokens, notes), estimate(made, done=done), consent, lock)


def _going_on(study: Study, store: Store, earlier: Sequence[dict[str, Any]]) -> tuple[Study, tuple[str, ...]]:
    """The study with what its folder holds already, and with the arms that these records say its test rows have seen."""
    try:
        study = dataclasses.replace(study, seen=tuple(dict.fromkeys(digest for record in earlier for digest in seen_in(record))))
    except (KeyError, TypeError, AttributeError):
        raise UserError("The study.json of the earlier study is damaged. Choose another folder with --out, or leave --from out.") from None
    if not os.path.isfile(store.folder / "plan.json"):
        return study, ()
    try:
        before = plan(store.load_study())
    except UserError:
        return study, ()  # it can be made anew, and what was finished is found again
    return with_earlier(study, before, store.results(s.id for s in before.specs))


def open_again(
    source: Path, out: Path, *, arms: Sequence[ArmRequest] | None = None, shots: Sequence[int | None] | None = None,
    seeds: Sequence[int] | None = None, device: str | None = None, keep: str = "best", may_send: Callable[[str], bool] = lambda question: False,
    command: str = "",
) -> Session:  # fmt: skip
    """A study made again from its folder or its archive: on its rows and its locked test rows, ready to run in a folder of its own.

    Args:
        arms, shots, seeds: where they are given, instead of those of the study.

    Raises:
        UserError: with what can be put right.
    """
    earlier = read_study(source)
    old, store = earlier.plan.study, Store(out)
    if source.is_file() and arms is None:
        raise_all(named_paths(old))
    wanted = [request_of(arm, old.problem, old.model_folders) for arm in old.arms] if arms is None else arms
    study = make_study(old.name, old.problem, old.split, arms=wanted, shots=old.shots if shots is None else shots, seeds=old.seeds if seeds is None else seeds)
    if arms is None and shots is None and seeds is None:
        study = dataclasses.replace(study, carried=old.carried, not_asked=old.not_asked, seen=old.seen)
    made = plan(study)
    there = _earlier(store)
    if there is not None and there.get("id") != study.id:
        raise UserError(f"{out} holds another study. Choose another folder with --out, or remove that one.")
    consent = agreed(made, store, keep, may_send)
    with _alone(store, there) as lock:
        worker = Worker(device)
        tokens = token_sentences(worker, study, study.split.pool)
        store.save_study(study)
        write_about(store, earlier.about)
        models = {arm.id: arm.model for arm in old.arms}
        other = [a.id for a in study.arms if a.id in models and a.model and models[a.id] and a.model.digest != models[a.id].digest]
        notes = (*([f"The model here is not the one of the study for {', '.join(other)}: their answers will differ."] if other else ()), *(t["sentence"] for t in tokens if t["sentence"]))
        context = {"command": command, "dataset": {**(earlier.context.get("dataset") or {}), "tokens": tokens}}
        done = {run for run, result in store.results(s.id for s in made.specs).items() if result.status in FINAL}
        return Session(None, made, store, worker, keep, notes, context, estimate(made, done=done), consent, lock)


def agreed(made: Plan, store: Store, keep: str, may_send: Callable[[str], bool]) -> str:
    """The consent to send what still has to be sent; "" where nothing has to.

    Raises:
        UserError: nobody agrees.
    """
    done = {run for run, result in store.results(s.id for s in made.specs).items() if result.status == "done"}
    wanted = {"all": done, "best": made.keep, "none": ()}[keep]  # a run whose state is to be kept and is gone is done again
    asking, consent = question(made, {run for run in done if run not in wanted or store.model_folder(run).is_dir()})
    if asking and not may_send(asking):
        raise UserError(f"{asking} Nothing was sent. Add --send-texts if they may leave this machine, or leave this strategy out.")
    return consent


def _read(asked: Asked) -> tuple[Loaded, Loaded | None]:
    """The file, and the test file where one is given, read as the file was."""
    loaded = load(asked.file, ReadOptions(**asked.columns), asked.labels)
    if asked.test is None:
        return loaded, None
    roles = {**asked.columns, **{role: name for role, name in loaded.columns.items() if name}}
    return loaded, load(asked.test, ReadOptions(**roles), labels=with_joined(loaded.dataset.problem.labels, loaded.joined), check_classes=False)


def _earlier(store: Store) -> dict[str, Any] | None:
    """The record that the folder holds; None where there is none yet, as when a study was killed in its first second.

    Raises:
        UserError: the folder is something else's, or its record is damaged or newer.
    """
    folder = store.folder
    with told(folder):
        names = [p.name for p in folder.iterdir()] if os.path.lexists(folder) else []
    if "study.json" not in names:
        if not all(map(is_own, names)):
            raise UserError(f"{folder} is there already and holds no study. Choose another folder with --out.")
        return None
    record = store.read_json("study.json")
    store.check_schema(record)
    if not isinstance(record, dict) or not {"split", "problem", "dataset"} <= record.keys():
        raise UserError(f"study.json in {folder} is damaged. Remove that file and start again: finished runs are found again. Or choose another folder with --out.")
    return record


@contextmanager
def _faults_of_arms_too(requests: Sequence[ArmRequest], model: str) -> Iterator[None]:
    """Tells what is wrong with the arms beside what is wrong with the file."""
    try:
        yield
    except UserError as fault:
        raise_all([*str(fault).splitlines(), *check_arms(requests, model)[2]])


@contextmanager
def _alone(store: Store, earlier: dict[str, Any] | None) -> Iterator[Lock]:
    """Make the folder, and be the only one who writes to it; released if what is to be done here fails.

    Raises:
        UserError: somebody else writes to it, or has done so a moment ago.
    """
    lock = Lock(store.folder, f"a comparison that writes to {store.folder}", "choose another folder with --out")
    with told(store.folder):
        store.folder.mkdir(parents=True, exist_ok=True)
        lock.take()
    try:
        store.prepare()  # which clears away what a killed process left, and must not do so under one that is at work
        if _earlier(store) != earlier:
            raise UserError(f"Another comparison has just written to {store.folder}. Start again, or choose another folder with --out.")
        yield lock
    except BaseException:
        lock.release()
        raise


def token_sentences(worker: Worker, study: Study, pool: Sequence) -> list[dict[str, Any]]:
    """How the models of a study read its texts, as plain values. The worker is awake afterwards, on its device.

    Raises:
        UserError: the device or a model is not there.
    """
    names = list(dict.fromkeys(arm.model.name for arm in study.arms if arm.model))
    some = read_texts(pool[:: max(1, len(pool) // TOKEN_SAMPLE)]) if names else []
    try:
        with closing(worker.call("token_reports", models=names, texts=some, hub=True)) as reports:
            return [plain_tokens(report) for report in reports]
    except WorkerDied as fault:
        raise UserError(f"{fault} Free some memory or choose a smaller model, then start again.") from fault
    except UserError:
        worker.end()
        raise


def plain_tokens(report: TokenReport) -> dict[str, Any]:
    """A token report for study.json; its sentence only where there is something to say."""
    said = dataclasses.asdict(report)
    said["sentence"] = report.sentence if not report.readable or report.spelled else ""
    return said


def run_session(session: Session, *, quiet: bool) -> Decision:
    """Run to the end with one live display on standard error, then write the report; returns what it advises.

    Raises:
        KeyboardInterrupt: passed on at once: every finished run and the record are there, the report waits for the end.
    """
    conductor = Conductor(session.store, session.plan, session.worker, keep=session.keep, context=session.context, consent=session.consent)
    try:
        with Display(session, quiet) as display, closing(conductor.events()) as events:
            for event in events:
                display.show(event, conductor)
        session.worker.end()
        learn(session.plan, conductor.results)
        return _report(session, conductor)
    finally:
        session.worker.end()
        if session.lock:
            session.lock.release()


def _report(session: Session, conductor: Conductor) -> Decision:
    """Write report.html from what is finished."""
    from tl_core.report.html import write_report

    spent = (session.store.read_json("study.json") or {}).get("wall_seconds")
    comparison = compare(session.plan, conductor.results)
    decision = conductor.decision or decide(session.plan, conductor.results, comparison)
    write_report(session.store, session.plan, conductor.results, comparison, context={**session.context, "wall_seconds": spent}, decision=decision)
    return decision


class Display:
    """What runs, how many are done, how long it will take, on standard error: one live line on a terminal; elsewhere, as in a
    file, a line at the beginning, one every half minute and one at the end."""

    def __init__(self, session: Session, quiet: bool):
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        self.session, self.began = session, time.monotonic()
        self.console = Console(stderr=True, quiet=quiet, highlight=False, markup=False)
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.fields[left]}", markup=False))
        self.bar = Bar(*columns, console=self.console, transient=False)
        self.names = {s.id: f"{s.arm.id} {s.shots_name}-shot seed {s.seed}" for s in session.plan.specs}
        self.live, self.told = self.console.is_terminal, -math.inf
        self.work = {arm: max(seconds, 0.1) for arm, seconds in session.estimate.by_arm.items()}

    def __enter__(self) -> Display:
        left = f"about {in_words(self.session.estimate.seconds)} in all"
        if self.live:
            self.bar.start()
        else:
            self.console.print(f"running  {len(self.session.plan.specs):,} runs, {left}")
            self.told = time.monotonic()
        self.task = self.bar.add_task("starting", total=len(self.session.plan.specs), left=left)
        return self

    def __exit__(self, *_) -> None:
        self.bar.update(self.task, left="")
        if self.live:
            self.bar.stop()

    def show(self, event: Any, conductor: Conductor) -> None:
        if isinstance(event, Note):
            self.console.print(f"note     {event.text}")
        elif isinstance(event, Progress):
            step = event.step
            loss = f" loss {step.loss:.3f}" if step.loss is not None else ""
            self.bar.update(self.task, description=f"{self.names[event.run]} · {step.phase} {step.done}/{step.total}{loss}")
        elif isinstance(event, Finished):
            if event.result.status == "failed":
                self.console.print(f"failed   {self.names[event.run]}: {event.result.error}")
            self.bar.update(self.task, completed=len(conductor.results), left=self._left(conductor))
        if not self.live:
            self._line(event, conductor)

    def _line(self, event: Any, conductor: Conductor) -> None:
        """Where it is, seldom enough for a file."""
        done, total, now = len(conductor.results), len(self.session.plan.specs), time.monotonic()
        if now - self.told < SECONDS_BETWEEN_LINES and done < total:
            return
        self.told = now
        current = f", now {self.names[event.run]}" if isinstance(event, Progress) else ""
        left = self._left(conductor)
        self.console.print(f"running  {done:,} of {total:,} runs after {in_words(now - self.began)}{current}{f', about {left}' if left else ''}", soft_wrap=True)

    def _left(self, conductor: Conductor) -> str:
        """From the work that is done so far, weighed by what was estimated."""
        weight = {s.id: self.work[s.arm.id] for s in self.session.plan.specs}
        done, total = sum(weight[run] for run in conductor.results), sum(weight.values())
        spent = time.monotonic() - self.began
        return f"{in_words(spent * (total - done) / done)} left" if done and total > done else ""


def in_words(seconds: float) -> str:
    """90 -> "2 min"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _with_origin(asked: Asked) -> tuple[Asked, list[str], dict[str, Any] | None]:
    """Fill in what was not said from an earlier study.json, and take its test rows; and that record."""
    if asked.origin is None:
        return asked, [], None
    path = asked.origin / "study.json" if asked.origin.is_dir() else asked.origin
    try:
        earlier = parsed(path.read_bytes())
        Store(path.parent).check_schema(earlier)
        return *_filled(asked, earlier["request"], list(earlier["split"]["locked"])), earlier
    except OSError:
        raise UserError(f"{path} cannot be read. Give the study.json of an earlier study.") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError(f"{path} is not the study.json of a comparison, or it is damaged. Give that of an earlier study.") from None


def _filled(asked: Asked, request: dict[str, Any], locked: list[str]) -> tuple[Asked, list[str]]:
    columns = {k: v if v not in (None, False) else request["columns"].get(k, v) for k, v in asked.columns.items()}
    same_test = asked.test is None and asked.test_size is None
    said = dataclasses.replace(
        asked,
        file=asked.file or request["file"],
        columns=columns,
        labels=asked.labels or _path(request["labels"]),
        shots=asked.shots if asked.shots is not None else tuple(None if s == "all" else s for s in request["shots"]) if request["shots"] else None,
        seeds=asked.seeds if asked.seeds is not None else request["seeds"],
        model=asked.model or request["model"],
        test=asked.test or (_path(request["test"]) if asked.test_size is None else None),
    )
    if asked.strategies is None and not asked.arms:
        arms = tuple(ArmRequest(x["strategy"], x["settings"], x["name"], x["model"]) for x in request["arms"])
        said = dataclasses.replace(said, strategies=tuple(request["strategies"]) if request["strategies"] else None, arms=arms)
    return said, locked if same_test and said.test is None else []


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _lock_of(earlier: dict, loaded: Loaded, test: Loaded | None, out: Path, asked: Asked) -> list[str]:
    """The lock of the study that a folder holds already, if this is the same study, perhaps with more rows."""
    other = UserError(f"{out} holds another study. Choose another folder with --out, or remove that one.")
    try:
        locked, size = list(earlier["split"]["locked"]), earlier["split"]["n_test"]
        same_labels = {x["id"] for x in earlier["problem"]["labels"]} == set(loaded.dataset.problem.label_ids)
        same_kind = bool(earlier["dataset"].get("test_file")) == (test is not None)
    except (KeyError, TypeError, AttributeError):
        raise other from None
    rows = test.dataset.examples if test else loaded.dataset.examples
    there = {lock_key(e) for e in rows}
    if not same_labels or not set(locked) <= there or not same_kind:
        raise other
    if test and len({lock_key(e) for e in test.dataset.examples if e.text.strip()}) != len(set(locked)):
        raise other
    if asked.test_size not in (None, size, earlier.get("request", {}).get("test_size")):
        raise UserError(f"{out} holds a study with {size} locked test rows; --test-size {asked.test_size} would change them. Choose another folder with --out.")
    return locked


def _context(asked: Asked, loaded: Loaded, test: Loaded | None, tokens: list[dict], notes: Sequence[str]) -> dict[str, Any]:
    return {
        "command": asked.command,
        "request": {
            "file": str(asked.file), "columns": asked.columns, "labels": str(asked.labels) if asked.labels else None,
            "strategies": list(asked.strategies) if asked.strategies else None,
            "arms": [{"strategy": r.strategy, "settings": r.settings, "name": r.name, "model": r.model} for r in asked.arms],
            "shots": ["all" if s is None else s for s in asked.shots] if asked.shots else None, "seeds": asked.seeds, "model": asked.model,
            "test": str(asked.test) if asked.test else None, "test_size": asked.test_size,
        },
        "dataset": {
            "source": str(asked.file), "test_file": str(asked.test) if asked.test else None, "columns": loaded.columns,
            "guesses": [dataclasses.asdict(g) for g in loaded.guesses], "notes": [*loaded.notes, *(hint.sentence for hint in loaded.hints), *notes], "tokens": tokens,
            "unlabelled": loaded.unlabelled,
        },
    }  # fmt: skip
