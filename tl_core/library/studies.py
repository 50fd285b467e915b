"""The verbs: `plan` a study, `run` it, both at once with `compare`, and `load` a stored one."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tl_core.api.errors import UserError, raise_all, unknown
from tl_core.api.sentences import both, say, together
from tl_core.api.types import Label
from tl_core.library import asking
from tl_core.library import columns as given
from tl_core.library.study import Study, read_from, run_opened
from tl_core.studies.plan import ArmRequest

if TYPE_CHECKING:
    from tl_core.data.loaded import Loaded
    from tl_core.data.table import Table
    from tl_core.data.tables import ReadOptions
    from tl_core.running.session import Draft
    from tl_core.studies.plan import Study as Asked

KEEP = ("best", "all", "none")
FOLDER = "notebooks"  # below the home folder: studies for which no folder was named


@dataclass(frozen=True)
class Planned:
    """A study before it runs: which runs, about how long they take, and what cannot be done.

    Examples:
        >>> import tl_core as tl
        >>> planned = tl.plan("sample:support_tickets", strategies=["similarity"], test_size=40)
        >>> planned.runs
        1
    """

    draft: Draft

    @property
    def runs(self) -> int:
        """Number of runs there are in all, finished ones and refused ones included."""
        return len(self.draft.plan.specs)

    @property
    def run_ids(self) -> tuple[str, ...]:
        """The same run has the same id wherever it is asked for."""
        return tuple(spec.id for spec in self.draft.plan.specs)

    @property
    def done(self) -> int:
        """Count the runs that are finished already and are only read."""
        return len(self.draft.done)

    @property
    def seconds(self) -> float:
        """About how long the rest takes on this machine, within a factor of two."""
        from tl_core.studies.estimate import estimate

        return estimate(self.draft.plan, done=self.draft.done).seconds

    @property
    def refused(self) -> dict[str, str]:
        """Return why an arm cannot run at a number of shots, as a sentence, by "arm at shots"."""
        return {
            f"{spec.arm.id} at {spec.shots_name}": self.draft.plan.refused[spec.id]
            for spec in self.draft.plan.specs
            if spec.id in self.draft.plan.refused
        }

    @property
    def folder(self) -> Path:
        """Return the folder where the study will be kept."""
        return self.draft.store.folder

    @property
    def notes(self) -> tuple[str, ...]:
        """Return how the rows were read: guesses, rows left out, and what you should know."""
        return (*_of_reading(self.draft.loaded), *self.draft.notes)

    def __repr__(self) -> str:
        from tl_core.words.phrases import duration

        study = self.draft.plan.study
        lines = [
            f"Planned: {self.runs:,} runs of {', '.join(arm.id for arm in study.arms)}"
            f" on {len(study.split.test):,} test rows, about {duration(self.seconds, 'en')}"
            f" ({self.done:,} are finished).",
            *self.notes,
            *(f"{what}: {why}" for what, why in self.refused.items()),
        ]
        return "\n".join(lines)


def arm(
    strategy: str,
    settings: Mapping[str, Any] | None = None,
    *,
    name: str | None = None,
    model: str | None = None,
    **more: Any,
) -> ArmRequest:
    """A strategy with settings of your own, for `compare(strategies=[...])`.

    Args:
        strategy: its id, as `transfer-lab list strategies` shows it.
        settings: by name, for names that are no Python words, such as "base.rate".
        name: what the leaderboard calls it; needed where one strategy is asked for twice.
        model: `minilm`, a local folder, or a name on the hub; None: the model of the study.
        more: settings by name, as in `rank=16`.

    Examples:
        >>> import tl_core as tl
        >>> tl.arm("lora", name="lora16", rank=16)
        ArmRequest(strategy='lora', settings={'rank': 16}, name='lora16', model=None)
    """
    return ArmRequest(strategy, {**(settings or {}), **more}, name, model)


def compare(
    data: Any,
    labels: Sequence[Any] | None = None,
    *,
    progress: bool = True,
    **asked: Any,
) -> Study:
    """Compare strategies on your texts: plan, run and weigh. The one call for a notebook.

    Args:
        data: a DataFrame (pandas, polars), a table of pyarrow or `datasets`, a dict of columns, a
            file (CSV, TSV, JSONL, JSON, Parquet, XLSX), "sample:NAME", or a list of texts, or of
            pairs of texts, with `labels` alongside it.
        labels: a label for each text, where `data` is a list of texts; None for a text without.
        progress: show how far it is, in the notebook or on standard error.
        asked: as `plan` takes it: text, label, strategies, shots, seeds, model, out ...

    Interrupting keeps what is finished. A notebook and an interactive session get the study as
    far as it is, a script gets the KeyboardInterrupt; the same call continues from there.

    Raises:
        UserError: with every fault of the rows, columns and settings at once.

    Examples:
        >>> import tl_core as tl
        >>> study = tl.compare(
        ...     "sample:support_tickets",
        ...     strategies=["majority", "tfidf"], shots=[4], seeds=2, test_size=60, progress=False,
        ... )
        >>> [line["arm"] for line in study.leaderboard()]
        ['tfidf', 'majority']
    """
    return run(plan(data, labels, **asked), progress=progress)


def plan(
    data: Any,
    labels: Sequence[Any] | None = None,
    *,
    text: Any = None,
    text_b: Any = None,
    label: Any = None,
    group: Any = None,
    descriptions: Any = None,
    multi_label: bool = False,
    merge_labels: bool = False,
    task: str | None = None,
    strategies: Iterable[str | ArmRequest | Mapping[str, Any]] | None = None,
    shots: Iterable[int | str | None] | int | None = None,
    seeds: int | Sequence[int] = 5,
    model: str | None = None,
    test: Any = None,
    test_size: int | None = None,
    keep: str = "best",
    device: str | None = None,
    send_texts: bool = False,
    name: str | None = None,
    out: str | Path | None = None,
) -> Planned:
    """Return what `compare` would run, and about how long that takes; nothing is computed or
    written.

    Args:
        data: as `compare` takes it.
        labels: as `compare` takes them.
        text: name of the column of texts. What is not named is guessed.
        text_b: name of the column of second texts, where a row holds two.
        label: name of the column of labels.
        group: name of a column; rows with the same value stay on one side of the split.
        descriptions: what a label means: {label: sentence or list of sentences}, a list of
            `Label`, or a file with a label table. Strategies without labels read it.
        multi_label: a text may have several labels: a list in the cell, or "a|b".
        merge_labels: labels that are spelled alike are one.
        task: what the labels are, by its id: "ordinal" for ratings.
        strategies: ids, `arm(...)`s, or dicts such as {"strategy": "lora", "rank": 16}.
        shots: labelled rows per label; "all" or None for every row. Without it 0, 1, 2, 4, 8 and
            16, as far as the rows go.
        seeds: how many seeds, each with its own labelled rows, or which, as in [0, 3].
        model: `minilm`, `minilm-korean`, a local folder, or a name on the hub; None: whichever of
            the first two reads the texts better.
        test: separate test rows, of the same kind as `data`; for lists a pair (texts, labels).
        test_size: how many rows to lock away for testing (a fifth, at least 200, at most 1,000).
        keep: whose trained weights are kept: "best" of each arm, "all" or "none".
        device: "cpu", "cuda", "mps"; None: the fastest there is.
        send_texts: allow `chat` to send texts to the endpoint in TL_CHAT_URL.
        name: what the data are called.
        out: folder of the study. Without it, one below the home folder that is found again by the
            same call (`Study.folder` names it).

    Raises:
        UserError: with every fault of the rows, columns and settings at once.

    Examples:
        >>> import tl_core as tl
        >>> tl.plan({"text": ["good", "bad"] * 9, "label": ["pos", "neg"] * 9}, shots=[-1], seeds=0)
        Traceback (most recent call last):
            ...
        tl_core.api.errors.Faults: shots=-1: shots must be 0, positive whole numbers, or "all".
        seeds=0: seeds must be a whole number from 1 to 100.
    """
    from tl_core.running.session import Request, draft

    faults: list[str] = []
    read_as = _options(data, text, text_b, label, group, multi_label, merge_labels, task)
    requests = asking.requests_of(strategies, faults)
    grid, draws = asking.shots_of(shots, faults), asking.seeds_of(seeds, faults)
    asking.choice("keep", keep, KEEP, faults)
    if test_size is not None and (not asking.whole(test_size) or test_size < 1):
        faults.append(
            say(
                "test_size={given}: test_size must be a positive whole number.",
                given=repr(test_size),
            )
        )
    if test is not None and test_size is not None:
        faults.append(say("Give either test or test_size: the rows of test are all tested on."))
    described = _described(descriptions, faults)
    source, called = _source(data, labels, name, read_as, described, faults)
    beside = None if test is None else _source_of_test(test, read_as, faults)
    if faults:
        asking.tell_all(faults, requests, model)
    path = given.path_of(data)

    def read() -> tuple[Loaded, Loaded | None]:
        loaded = source()
        return loaded, beside(loaded) if beside else None

    asked = Request(
        usual=strategies is None,
        name=called,
        read=read,
        arms=requests,
        shots=grid,
        seeds=draws,
        model=model,
        test_size=test_size,
        keep=keep,
        device=device,
        out=Path(out) if out is not None else None,
        usual_folder=_usual_folder,
        may_send=asking.may_send(send_texts),
        asked={
            "file": None if path is None else str(path),
            "columns": dataclasses.asdict(read_as),
            "labels": str(descriptions) if isinstance(descriptions, (str, Path)) else None,
            "strategies": None,
            "arms": [dataclasses.asdict(request) for request in requests],
            "shots": None if grid is None else ["all" if s is None else s for s in grid],
            "seeds": draws if isinstance(draws, int) else len(draws),
            "model": model,
            "test": str(test) if given.path_of(test) is not None else None,
            "test_size": test_size,
        },
        sources=(called, None if test is None else str(given.path_of(test) or "test rows")),
    )
    return Planned(draft(asked))


def run(study: Planned | Study, *, progress: bool = True) -> Study:
    """Run what is planned, or what of a study is missing.

    Args:
        progress: show how far it is, in the notebook or on standard error.

    Raises:
        UserError: with what can be fixed.
        KeyboardInterrupt: where no one sits in front of it; what is finished is kept.

    Examples:
        >>> import tl_core as tl
        >>> planned = tl.plan("sample:support_tickets", strategies=["majority"], shots=[1], seeds=1)
        >>> tl.run(planned, progress=False).finished
        True
    """
    from tl_core.running.session import open_study

    if isinstance(study, Study):
        return study.go_on(progress=progress)
    if not isinstance(study, Planned):
        raise UserError(
            say(
                "run takes what plan or load gave, not {kind}. To begin with texts, call compare.",
                kind=type(study).__name__,
            )
        )
    if study.draft.complete:
        return load(study.draft.store.folder)  # nothing to do, so no process is started for it
    session = open_study(study.draft)
    return run_opened(session, progress=progress)


def load(source: str | Path) -> Study:
    """A study from its folder, or from its archive; no model is loaded.

    Raises:
        UserError: there is none, it is damaged, or a newer program wrote it.

    Examples:
        >>> import tl_core as tl
        >>> tl.load("no-such-folder")
        Traceback (most recent call last):
            ...
        tl_core.api.errors.UserError: no-such-folder holds no study. ...
    """
    return read_from(Path(source).expanduser())


# --- what was said --------------------------------------------------------------------------------


def _options(
    data: Any,
    text: Any,
    text_b: Any,
    label: Any,
    group: Any,
    multi_label: bool,
    merge: bool,
    task: str | None,
) -> ReadOptions:
    from tl_core.data.tables import ReadOptions

    roles = {"text": text, "text_b": text_b, "label": label, "group": group}
    return ReadOptions(
        **{role: None if column is None else str(column) for role, column in roles.items()},
        multi_label=bool(multi_label),
        merge_labels=bool(merge),
        task=task,
    )


@dataclass(frozen=True)
class _Described:
    """The caller's description of labels: a table that gives their order, or sentences for some."""

    table: tuple[Label, ...] | None = None
    file: Path | None = None
    sentences: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)

    def added(self, loaded: Loaded) -> Loaded:
        """The rows, with these sentences for their labels.

        Raises:
            UserError: no row has a label that is described.
        """
        problem = loaded.dataset.problem
        raise_all(
            together((unknown(say("label"), id, problem.label_ids), say("Correct descriptions.")))
            for id in self.sentences
            if id not in problem.label_ids
        )
        labels = tuple(
            dataclasses.replace(x, descriptions=self.sentences.get(x.id, x.descriptions))
            for x in problem.labels
        )
        problem = dataclasses.replace(problem, labels=labels)
        return dataclasses.replace(
            loaded, dataset=dataclasses.replace(loaded.dataset, problem=problem)
        )


def _described(descriptions: Any, faults: list[str]) -> _Described:
    if descriptions is None:
        return _Described()
    if isinstance(descriptions, (str, Path)):
        return _Described(file=Path(descriptions))
    if isinstance(descriptions, Mapping):
        from tl_core.data.labels import written

        said = {
            written(id): (one,) if isinstance(one, str) else one for id, one in descriptions.items()
        }
        wrong = [
            id
            for id, lines in said.items()
            if not isinstance(lines, (list, tuple)) or not all(isinstance(x, str) for x in lines)
        ]
        faults += [
            say("descriptions[{id!r}] must be a sentence or a list of sentences.", id=id)
            for id in wrong
        ]
        return _Described(sentences={k: tuple(v) for k, v in said.items() if k not in wrong})
    if isinstance(descriptions, Iterable):
        listed = tuple(descriptions)
        if listed and all(isinstance(label, Label) for label in listed):
            return _Described(table=listed)
    faults.append(
        say(
            "descriptions must be {label: sentence}, a list of Label, or a file with a label table."
        )
    )
    return _Described()


def _source(
    data: Any,
    labels: Any,
    name: str | None,
    options: ReadOptions,
    described: _Described,
    faults: list[str],
) -> tuple[Any, str]:
    """(what reads the rows, what they are called)."""
    from tl_core.data.labels import read_labels
    from tl_core.data.load import load as load_file
    from tl_core.data.load import to_dataset

    path = given.path_of(data)
    if path is not None:
        if labels is not None:
            faults.append(
                say(
                    "labels go with a list of texts. For a file, name the column of labels:"
                    " label=..."
                )
            )

        def read_file() -> Loaded:
            loaded = load_file(path, options, described.file, labels=described.table)
            return described.added(loaded)

        return read_file, name or Path(path).name
    rows = _table(data, labels, name, options, faults)

    def read() -> Loaded:
        table = read_labels(described.file) if described.file else described.table
        return described.added(to_dataset(rows, _as_named(rows, options, data), table))

    return read, name or "data"


def _source_of_test(test: Any, options: ReadOptions, faults: list[str]) -> Any:
    """Read separate test rows as the others were read."""
    from tl_core.data.alike import with_joined
    from tl_core.data.load import load as load_file
    from tl_core.data.load import to_dataset

    path: Any = given.path_of(test)
    rows: Table | None = None
    if path is None:
        is_pair = isinstance(test, (tuple, list)) and len(test) == 2
        texts, labels = test if is_pair and not isinstance(test[0], str) else (test, None)
        rows = _table(texts, labels, "test rows", options, faults)

    def read(loaded: Loaded) -> Loaded:
        roles: dict[str, Any] = {role: name for role, name in loaded.columns.items() if name}
        so = dataclasses.replace(options, **roles)
        known = with_joined(loaded.dataset.problem.labels, loaded.joined)
        if rows is None:
            return load_file(path, so, labels=known, check_classes=False)
        return to_dataset(rows, so, known, check_classes=False)

    return read


def _table(
    data: Any, labels: Any, name: str | None, options: ReadOptions, faults: list[str]
) -> Any:
    wanted = {role: getattr(options, role) for role in ("text", "text_b", "label", "group")}
    try:
        if given.is_frame(data) or isinstance(data, Mapping):
            if labels is not None:
                faults.append(
                    say(
                        "labels go with a list of texts. Here, name the column of labels: label=..."
                    )
                )
            kind = (
                say("the dict")
                if isinstance(data, Mapping)
                else say("the {kind}", kind=type(data).__name__)
            )
            return given.table_of(data, name or kind, wanted)
        if labels is None:
            raise UserError(
                say(
                    "The labels are missing. Give a list of them with the texts, or a DataFrame"
                    " with a column of texts and one of labels, not only {kind}.",
                    kind=type(data).__name__,
                )
            )
        named = [role for role, column in wanted.items() if column is not None]
        if named:
            faults.append(
                say(
                    "{named} name columns, and a list of texts has none. Leave them out.",
                    named=both(named),
                )
            )
        return given.table_of_lists(data, labels, name or "data")
    except UserError as fault:
        faults.extend(fault.faults)
        return None


def _as_named(rows: Any, options: ReadOptions, data: Any) -> ReadOptions:
    """Lists need no guess which column is which."""
    if given.is_frame(data) or isinstance(data, Mapping):
        return options
    pair = "text_b" if "text_b" in rows.columns else None
    return dataclasses.replace(options, text="text", text_b=pair, label="label")


def _usual_folder(study: Asked) -> Path:
    from tl_core.models.embedding_cache import home

    return home() / FOLDER / study.id


def _of_reading(loaded: Loaded) -> tuple[str, ...]:
    guesses = [
        say("{what}: {value} ({why})", what=g.what, value=g.value, why=g.why)
        for g in loaded.guesses
    ]
    return (
        *([say("Guessed {guesses}.", guesses=together(guesses, "; "))] if guesses else []),
        *loaded.notes,
        *(hint.sentence for hint in loaded.hints),
    )
