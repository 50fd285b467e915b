"""Make a study and run it: the steps that the command line, a notebook and a script share.

`draft` reads, splits and plans; `open_study` takes the folder; `run_session` runs what is missing
and writes the report. The page, whose studies wait in a line, has the same plan and
the same `StudyRunner` behind `queue.py`.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tl_core.analysis.compare import compare
from tl_core.analysis.decision import Decision, decide
from tl_core.analysis.read_study import read_study
from tl_core.api.errors import UserError, raise_all
from tl_core.api.sentences import ENGLISH, Setting, say
from tl_core.api.types import FINAL, Event
from tl_core.data.loaded import Loaded
from tl_core.data.split import lock_key
from tl_core.data.tokens_read import TokenReport, read_texts
from tl_core.models.catalog import find
from tl_core.models.embedded import COMPARE_TEXTS, EMBEDDED, ENTRIES, model_for
from tl_core.models.embedding_cache import home
from tl_core.running.runner import StudyRunner
from tl_core.running.worker import Worker, WorkerDied
from tl_core.studies.archive import named_paths
from tl_core.studies.consent import question
from tl_core.studies.earlier import seen_in, with_earlier
from tl_core.studies.estimate import Estimate, estimate, known, learn, remember
from tl_core.studies.lock import Lock
from tl_core.studies.plan import (
    DEFAULT_SEEDS,
    ArmRequest,
    Plan,
    Study,
    check_arms,
    make_split,
    make_study,
    plan,
    request_of,
    suiting,
)
from tl_core.studies.store import Store, file_errors_as_user_errors, is_own
from tl_core.studies.title import write_about

TOKEN_SAMPLE = 2000
LONG_SECONDS = 20.0  # an estimate from which on it is worth timing this machine first


def nothing_may_be_sent(question: str) -> bool:
    """No one has been asked, so nothing leaves this machine."""
    return False


CONTEXT = ("command", "request", "dataset")  # of a record, what a study continues with


@dataclass(frozen=True)
class Request:
    """A comparison as requested; None where nothing was given.

    Args:
        name: of the data.
        read: gives the rows, and separate test rows where there are any.
        out: folder of the study; None: what `usual_folder` says.
        usual_folder: where a study goes for which no folder was named.
        locked: test rows to lock again, as `tl_core.data.split.lock_key` writes them.
        origin: the record (study.json) of the study whose settings and test rows were taken.
        asked: the options given, to be written into study.json for `--from`.
        sources: what the data and the separate test rows are called in study.json.
        usual: no arms were chosen, so those that suit the data are taken.
    """

    name: str
    read: Callable[[], tuple[Loaded, Loaded | None]]
    arms: tuple[ArmRequest, ...]
    shots: tuple[int | None, ...] | None = None
    seeds: int | Sequence[int] | None = None
    model: str | None = None
    test_size: int | None = None
    keep: str = "best"
    device: str | None = None
    out: Path | None = None
    usual_folder: Callable[[Study], Path] | None = None
    locked: tuple[str, ...] = ()
    origin: dict[str, Any] | None = None
    may_send: Callable[[str], bool] = nothing_may_be_sent
    command: str = ""
    asked: dict[str, Any] = field(default_factory=dict)
    sources: tuple[str, str | None] = ("", None)
    usual: bool = False


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


@dataclass(frozen=True)
class Draft:
    """A request and all its runs. Nothing is computed or written yet."""

    asked: Request
    loaded: Loaded
    plan: Plan
    store: Store
    earlier: dict[str, Any] | None  # the record that the folder holds already
    notes: tuple[str, ...]

    @property
    def done(self) -> set[str]:
        """Runs that the folder holds already and that are not tried again."""
        return _done(self.store, self.plan)

    @property
    def complete(self) -> bool:
        """Whether nothing is left to do: every run is there, none failed, and what was to be kept
        of them is.
        """
        results = self.store.results(s.id for s in self.plan.specs)
        done = {run for run, result in results.items() if result.status == "done"}
        refused = {run for run, result in results.items() if result.status == "refused"}
        wanted = {"all": done, "best": done & self.plan.keep, "none": set()}[self.asked.keep]
        return (
            self.earlier is not None
            and len(done | refused) == len(self.plan.specs)
            and all(self.store.model_folder(run).is_dir() for run in wanted)
        )


def draft(asked: Request) -> Draft:
    """Read, split and plan.

    Raises:
        UserError: with what can be fixed.
    """
    earlier, locked = None, asked.locked
    with faults_of_arms_too(asked.arms, asked.model or EMBEDDED.name):
        if asked.out is not None:
            earlier = _earlier(Store(asked.out))
        loaded, test = asked.read()
        if earlier is not None and asked.origin is None:
            locked = _lock_of(earlier, loaded, test, asked)
        split, notes = make_split(
            loaded, test=test, size=asked.test_size, lock=() if test else locked
        )
    arms = asked.arms
    if asked.usual:
        suited = suiting(
            [arm.strategy for arm in arms],
            loaded.dataset.problem,
            find(asked.model).ref if asked.model else None,
        )
        arms = tuple(map(ArmRequest, suited))
    study = make_study(
        asked.name,
        loaded.dataset.problem,
        split,
        arms=arms,
        shots=asked.shots,
        seeds=DEFAULT_SEEDS if asked.seeds is None else asked.seeds,
        model=asked.model or _usual_model(loaded, earlier or asked.origin),
    )
    if asked.out is not None:
        store = Store(asked.out)
    elif asked.usual_folder is not None:
        store = Store(asked.usual_folder(study))
        earlier = _earlier(store)
    else:
        raise ValueError("a request names its folder, or says how to name it")
    if (
        earlier is not None
        and asked.origin is not None
        and earlier["split"]["test_digest"] != split.test_digest
    ):
        raise UserError(
            say(
                "{folder} holds another study, with other test rows. Choose another folder with"
                " {out}.",
                folder=store.folder,
                out=Setting("out"),
            )
        )
    study, more = _going_on(
        study,
        store,
        [
            record
            for record in (earlier, asked.origin)
            if record and record["split"]["test_digest"] == split.test_digest
        ],
    )
    return Draft(asked, loaded, plan(study), store, earlier, (*notes, *more))


def _usual_model(loaded: Loaded, earlier: dict[str, Any] | None) -> str:
    """Where no model was named: the one of the study that is continued, else the one that comes
    with the project and reads these texts best.
    """
    arms = earlier["arms"] if earlier else []
    before = {arm["model"]["name"] for arm in arms if arm.get("model")} & set(
        entry.name for entry in COMPARE_TEXTS
    )
    if len(before) == 1:
        return before.pop()
    return model_for(read_texts(loaded.dataset.examples))


def open_study(made: Draft) -> Session:
    """Take the folder of a draft, and see that the models are there. Nothing is trained yet.

    Raises:
        UserError: texts may not be sent where they would have to be, the folder is somebody
            else's, or a model or the device is not there.
    """
    asked, study, store, notes = made.asked, made.plan.study, made.store, made.notes
    consent = agreed(made.plan, store, asked.keep, asked.may_send)
    with _alone(store, made.earlier) as lock:
        worker = Worker(asked.device)
        tokens = token_sentences(worker, study, study.split.pool)
        store.save_study(study)
        notes = (*notes, *(t["sentence"] for t in tokens if t["sentence"]))
        return Session(
            made.loaded,
            made.plan,
            store,
            worker,
            asked.keep,
            notes,
            {
                "command": asked.command,
                "request": asked.asked,
                "dataset": how_it_was_read(made.loaded, asked.sources, tokens, notes),
            },
            _estimated(made.plan, made.done, worker),
            consent,
            lock,
        )


def how_it_was_read(
    loaded: Loaded,
    sources: tuple[str, str | None],
    tokens: Sequence[dict[str, Any]] = (),
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    """The part of study.json that says where the rows come from and how they were read."""
    return {
        "source": sources[0],
        "test_file": sources[1],
        "columns": loaded.columns,
        "guesses": [dataclasses.asdict(g) for g in loaded.guesses],
        "notes": [*loaded.notes, *(hint.sentence for hint in loaded.hints), *notes],
        "tokens": list(tokens),
        "unlabelled": loaded.unlabelled,
    }


def _done(store: Store, made: Plan) -> set[str]:
    """Runs that are not tried again."""
    results = store.results(s.id for s in made.specs)
    return {run for run, result in results.items() if result.status in FINAL}


def _going_on(
    study: Study, store: Store, earlier: Sequence[dict[str, Any]]
) -> tuple[Study, tuple[str, ...]]:
    """The study with what its folder holds already, and with the arms that these records say its
    test rows have seen.
    """
    try:
        study = dataclasses.replace(
            study,
            seen=tuple(dict.fromkeys(digest for record in earlier for digest in seen_in(record))),
        )
    except (KeyError, TypeError, AttributeError):
        raise UserError(
            say(
                "The study.json of the earlier study is damaged. Choose another folder with"
                " {out}, or leave {from_file} out.",
                out=Setting("out"),
                from_file=Setting("from"),
            )
        ) from None
    if not os.path.isfile(store.folder / "plan.json"):
        return study, ()
    try:
        before = plan(store.load_study())
    except UserError:
        return study, ()  # it can be made again, and what was finished is found again
    return with_earlier(study, before, store.results(s.id for s in before.specs))


def open_again(
    source: Path,
    out: Path,
    *,
    arms: Sequence[ArmRequest] | None = None,
    shots: Sequence[int | None] | None = None,
    seeds: Sequence[int] | None = None,
    device: str | None = None,
    keep: str = "best",
    may_send: Callable[[str], bool] = nothing_may_be_sent,
    command: str = "",
) -> Session:
    """A study made again from its folder or its archive: on its rows and its locked test rows,
    ready to run in a folder of its own.

    Args:
        arms, shots, seeds: where they are given, instead of those of the study.

    Raises:
        UserError: with what can be fixed.
    """
    earlier = read_study(source)
    old, store = earlier.plan.study, Store(out)
    if source.is_file() and arms is None:
        raise_all(named_paths(old))
    wanted = (
        [request_of(arm, old.problem, old.model_folders) for arm in old.arms]
        if arms is None
        else arms
    )
    study = make_study(
        old.name,
        old.problem,
        old.split,
        arms=wanted,
        shots=old.shots if shots is None else shots,
        seeds=old.seeds if seeds is None else seeds,
    )
    study = dataclasses.replace(study, task_version=old.task_version)
    if arms is None and shots is None and seeds is None:
        study = dataclasses.replace(
            study, carried=old.carried, not_asked=old.not_asked, seen=old.seen
        )
    made = plan(study)
    there = _earlier(store)
    if there is not None and there.get("id") != study.id:
        raise UserError(
            say(
                "{out} holds another study. Choose another folder with {out_setting}, or remove"
                " that one.",
                out=out,
                out_setting=Setting("out"),
            )
        )
    consent = agreed(made, store, keep, may_send)
    with _alone(store, there) as lock:
        worker = Worker(device)
        tokens = token_sentences(worker, study, study.split.pool)
        store.save_study(study)
        write_about(store, earlier.about)
        models = {arm.id: arm.model for arm in old.arms}
        other = [
            a.id
            for a in study.arms
            if a.model and (before := models.get(a.id)) and a.model.digest != before.digest
        ]
        notes = (
            *(
                [
                    f"The model here is not the one of the study for {', '.join(other)}: their"
                    " answers will differ."
                ]
                if other
                else ()
            ),
            *(t["sentence"] for t in tokens if t["sentence"]),
        )
        context = {
            "command": command,
            "dataset": {**(earlier.context.get("dataset") or {}), "tokens": tokens},
        }
        return Session(
            None,
            made,
            store,
            worker,
            keep,
            notes,
            context,
            _estimated(made, _done(store, made), worker),
            consent,
            lock,
        )


def open_unfinished(
    folder: Path,
    *,
    device: str | None = None,
    keep: str = "best",
    may_send: Callable[[str], bool] = nothing_may_be_sent,
) -> Session:
    """A stored study as it is, ready to run what is missing of it.

    Raises:
        UserError: with what can be fixed.
    """
    store = Store(folder)
    made = plan(store.load_study())
    record = _earlier(store)
    consent = agreed(made, store, keep, may_send)
    known = record or {}
    context = {part: known[part] for part in CONTEXT if part in known}
    with _alone(store, record) as lock:
        return Session(
            None,
            made,
            store,
            Worker(device),
            keep,
            (),
            context,
            estimate(made, done=_done(store, made)),
            consent,
            lock,
        )


def agreed(made: Plan, store: Store, keep: str, may_send: Callable[[str], bool]) -> str:
    """The consent to send what still has to be sent; "" where nothing has to.

    Raises:
        UserError: no one agrees.
    """
    done = {
        run
        for run, result in store.results(s.id for s in made.specs).items()
        if result.status == "done"
    }
    wanted = {"all": done, "best": made.keep, "none": ()}[
        keep
    ]  # a run whose state is to be kept and is gone is done again
    asking, consent = question(
        made, {run for run in done if run not in wanted or store.model_folder(run).is_dir()}
    )
    if asking and not may_send(asking):
        raise UserError(
            say(
                "{asking} Nothing was sent. Add {send_texts} if they may leave this machine, or"
                " leave this strategy out.",
                asking=asking,
                send_texts=Setting("send_texts"),
            )
        )
    return consent


def _earlier(store: Store) -> dict[str, Any] | None:
    """The record that the folder holds; None where there is none yet, as when a study was killed in
    its first second.

    Raises:
        UserError: the folder is something else's, or its record is damaged or newer.
    """
    folder = store.folder
    with file_errors_as_user_errors(folder):
        names = [p.name for p in folder.iterdir()] if os.path.lexists(folder) else []
    if "study.json" not in names:
        if not all(map(is_own, names)):
            raise UserError(
                say(
                    "{folder} is there already and holds no study. Choose another folder with"
                    " {out}.",
                    folder=folder,
                    out=Setting("out"),
                )
            )
        return None
    record = store.read_json("study.json")
    store.check_schema(record)
    if not isinstance(record, dict) or not {"split", "problem", "dataset"} <= record.keys():
        raise UserError(
            say(
                "study.json in {folder} is damaged. Remove that file and start again: finished"
                " runs are found again. Or choose another folder with {out}.",
                folder=folder,
                out=Setting("out"),
            )
        )
    return record


@contextmanager
def faults_of_arms_too(requests: Sequence[ArmRequest], model: str) -> Iterator[None]:
    """Report what is wrong with the arms alongside what is wrong with the file."""
    try:
        yield
    except UserError as fault:
        raise_all([*fault.faults, *check_arms(requests, model)[2]])


@contextmanager
def _alone(store: Store, earlier: dict[str, Any] | None) -> Iterator[Lock]:
    """Make the folder, and be the only one who writes to it; released if what is to be done here
    fails.

    Raises:
        UserError: somebody else writes to it, or has done so a moment ago.
    """
    lock = Lock(
        store.folder,
        say("a study that writes to {folder}", folder=store.folder),
        say("choose another folder with {option}", option=Setting("out")),
    )
    with file_errors_as_user_errors(store.folder):
        store.folder.mkdir(parents=True, exist_ok=True)
        lock.take()
    try:
        # which clears away what a killed process left, and must not do so under one that is at work
        store.prepare()
        if _earlier(store) != earlier:
            raise UserError(
                say(
                    "Another study has just written to {folder}. Start again, or choose another"
                    " folder with {out}.",
                    folder=store.folder,
                    out=Setting("out"),
                )
            )
        yield lock
    except BaseException:
        lock.release()
        raise


def _lock_of(earlier: dict, loaded: Loaded, test: Loaded | None, asked: Request) -> tuple[str, ...]:
    """The lock of the study that a folder holds already, if this is the same study, perhaps with
    more rows.
    """
    other = UserError(
        say(
            "{out} holds another study. Choose another folder with {out_setting}, or remove"
            " that one.",
            out=asked.out,
            out_setting=Setting("out"),
        )
    )
    try:
        locked, size = list(earlier["split"]["locked"]), earlier["split"]["n_test"]
        same_labels = {x["id"] for x in earlier["problem"]["labels"]} == set(
            loaded.dataset.problem.label_ids
        )
        same_kind = bool(earlier["dataset"].get("test_file")) == (test is not None)
    except (KeyError, TypeError, AttributeError):
        raise other from None
    rows = test.dataset.examples if test else loaded.dataset.examples
    there = {lock_key(e) for e in rows}
    if not same_labels or not set(locked) <= there or not same_kind:
        raise other
    if test and len({lock_key(e) for e in test.dataset.examples if e.text.strip()}) != len(
        set(locked)
    ):
        raise other
    if asked.test_size not in (None, size, earlier.get("request", {}).get("test_size")):
        raise UserError(
            say(
                "{out} holds a study with {size} locked test rows; {test_size_setting}"
                " {test_size} would change them. Choose another folder with {out_setting}.",
                out=asked.out,
                size=size,
                test_size=asked.test_size,
                test_size_setting=Setting("test_size"),
                out_setting=Setting("out"),
            )
        )
    return tuple(locked)


def token_sentences(worker: Worker, study: Study, pool: Sequence) -> list[dict[str, Any]]:
    """Report how the models of a study read its texts, as plain values. The worker is awake
    afterwards, on its device.

    Raises:
        UserError: the device or a model is not there.
    """
    names = list(dict.fromkeys(arm.model.name for arm in study.arms if arm.model))
    some = read_texts(pool[:: max(1, len(pool) // TOKEN_SAMPLE)]) if names else []
    try:
        with closing(worker.call("token_reports", models=names, texts=some, hub=True)) as reports:
            return [plain_tokens(report) for report in reports]
    except WorkerDied as fault:
        raise UserError(
            say(
                "{fault} Free some memory or choose a smaller model, then start again.", fault=fault
            )
        ) from fault
    except UserError:
        worker.end()
        raise


def _estimated(made: Plan, done: Collection[str], worker: Worker) -> Estimate:
    """Estimate what is to come; where that may be long and this machine was not timed yet, it is
    timed first.
    """
    first = estimate(made, done=done)
    models = (arm.model.name for arm in made.study.arms if arm.model)
    timed = next((name for name in models if name in ENTRIES), None)  # others may be large
    if first.seconds < LONG_SECONDS or timed is None or known(home()):
        return first
    try:
        with closing(worker.call("time_training", model=timed, pause=0.0)) as rates:
            for rate in rates:
                remember(rate, home())
    except (UserError, WorkerDied, RuntimeError):  # whatever is wrong is told when the runs begin
        return first
    return estimate(made, done=done)


def plain_tokens(report: TokenReport) -> dict[str, Any]:
    """A token report for study.json; its sentence only where there is something to say."""
    said = dataclasses.asdict(report)
    said["sentence"] = report.sentence if not report.readable or report.spelled else ""
    return said


class Display(Protocol):
    """Shows a person how far a session is."""

    def show(self, event: Event, runner: StudyRunner) -> None:
        """Something happened, and was kept."""


def run_session(
    session: Session,
    *,
    display: Callable[[Session], AbstractContextManager[Display]] | None = None,
    language: str = ENGLISH,
) -> Decision:
    """Run what is missing, then write the report; returns what it advises.

    Args:
        display: shows how far it is; None: nothing does.
        language: of the report.

    Raises:
        KeyboardInterrupt: passed on at once: every finished run and the record are there, the
            report waits for the end.
    """
    runner = StudyRunner(
        session.store,
        session.plan,
        session.worker,
        keep=session.keep,
        context=session.context,
        consent=session.consent,
    )
    try:
        with (
            display(session) if display else nullcontext() as shown,
            closing(runner.events()) as events,
        ):
            for event in events:
                if shown is not None:
                    shown.show(event, runner)
        session.worker.end()
        learn(session.plan, runner.results)
        return _report(session, runner, language)
    finally:
        session.worker.end()
        if session.lock:
            session.lock.release()


def _report(session: Session, runner: StudyRunner, language: str) -> Decision:
    """Write report.html from what is finished."""
    from tl_core.report.html import write_report

    spent = (session.store.read_json("study.json") or {}).get("wall_seconds")
    comparison = compare(session.plan, runner.results)
    decision = runner.decision or decide(session.plan, runner.results, comparison)
    write_report(
        session.store,
        session.plan,
        runner.results,
        comparison,
        context={**session.context, "wall_seconds": spent},
        decision=decision,
        language=language,
    )
    return decision
