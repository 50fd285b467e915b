"""From what a person asks for to the list of runs; every fault is found here, before anyone
waits.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tl_core.api import params
from tl_core.api.errors import UserError, raise_all, unknown
from tl_core.api.plugins import troubles
from tl_core.api.sentences import both, listed, say, say_n
from tl_core.api.strategy import Strategy
from tl_core.api.types import (
    Arm,
    Example,
    Facts,
    LabelsAText,
    ModelRef,
    Problem,
    RunSpec,
    Split,
    digest,
    rows_digest,
)
from tl_core.data.duplicates import Duplicates, find_duplicates, overlap
from tl_core.data.labels import are_named, in_korean
from tl_core.data.loaded import Loaded
from tl_core.data.split import Pool, lock_key, separate_test, split, too_many_shots
from tl_core.models.catalog import find
from tl_core.models.embedded import EMBEDDED, describe
from tl_core.strategies import strategies
from tl_core.studies import arms as of_arm
from tl_core.tasks import task_of

DEFAULT_STRATEGIES = ("majority", "tfidf", "similarity", "probe", "prior-probe", "lora")
DEFAULT_SHOTS = (0, 1, 2, 4, 8, 16)
DEFAULT_SEEDS = 5
MAX_SEEDS = 100
MAX_RUNS = 20_000
FIRST_SEED = 0


@dataclass(frozen=True)
class ArmRequest:
    """One arm as asked for: a strategy, its settings as text or values, and perhaps its own name
    and model.
    """

    strategy: str
    settings: dict[str, Any] = field(default_factory=dict)
    name: str | None = None
    model: str | None = None


@dataclass(frozen=True)
class Study:
    """The study that a person saves, names, compares and reopens."""

    name: str
    problem: Problem
    split: Split
    arms: tuple[Arm, ...]
    shots: tuple[int | None, ...]
    seeds: tuple[int, ...]
    model_folders: dict[str, str] = field(
        default_factory=dict
    )  # model digest -> folder, on this machine
    carried: dict[str, tuple[tuple[int | None, int], ...]] = field(
        default_factory=dict
    )  # (shots, seed) finished before, by arm: shown, asked for or not
    not_asked: tuple[str, ...] = ()  # arms that are here only for what they have finished before
    seen: tuple[
        str,
        ...,
        # digests of arms that were scored on these test rows before, here or in the study that the
        # rows come from
    ] = ()
    task_version: int = 1  # of its task, when it was made: how its rows are drawn and read

    @cached_property
    def pool_digest(self) -> str:
        """Return a digest of the rows of the training pool."""
        return rows_digest(self.split.pool)

    @cached_property
    def id(self) -> str:
        """Return 16 characters of a digest of rows, arms, shots, seeds and carried runs."""
        return digest(
            [
                self.split.test_digest,
                self.pool_digest,
                [a.digest for a in self.arms],
                list(map(str, self.shots)),
                self.seeds,
                *([self.carried] if self.carried else []),
                *([{"task": self.task_version}] if self.task_version > 1 else []),
            ]
        )[:16]


@dataclass(frozen=True)
class Plan:
    """The runs of a study, and which combinations were refused, with the reason."""

    study: Study
    specs: tuple[RunSpec, ...]
    refused: dict[str, str]  # run id -> sentence
    keep: frozenset[str]  # run ids whose trained state is kept


def make_split(
    loaded: Loaded,
    *,
    test: Loaded | None = None,
    size: int | None = None,
    lock: Sequence[str] = (),
    most: int | None = None,
    duplicates: Duplicates | None = None,
) -> tuple[Split, tuple[str, ...]]:
    """Lock the test rows, from the file or from a test file; with notes on what was left out.

    Args:
        size, lock, most: as `tl_core.data.split.split` takes them.
        duplicates: of the rows, where they were found already.

    Raises:
        UserError: too few rows to do so.
    """
    examples, problem = loaded.dataset.examples, loaded.dataset.problem
    duplicates = find_duplicates(examples) if duplicates is None else duplicates
    notes: list[str] = []
    repeated: set[int] = set()
    if test is not None:
        repeats = overlap(examples, test.dataset.examples)
        repeated = {i for i, _ in (*repeats.exact, *repeats.near)}
        if task_of(problem).shares_texts:
            asked = {e.text for e in test.dataset.examples}
            repeated |= {i for i, e in enumerate(examples) if e.text in asked}
        made = separate_test(examples, test.dataset.examples, duplicates, repeated)
        if repeated:
            notes.append(
                say_n(
                    "{n:,} row repeats a row of the test file, exactly or nearly; it is not used"
                    " for training.",
                    "{n:,} rows repeat a row of the test file, exactly or nearly; they are not"
                    " used for training.",
                    len(repeated),
                )
            )
    else:
        made = split(examples, problem, duplicates, size=size, lock=lock, most=most)
        if lock and not made.test:
            raise UserError(
                say(
                    "None of the {lock} test rows of the earlier study are in {dataset}. Give"
                    " the file that it was made from.",
                    lock=len(set(lock)),
                    dataset=loaded.dataset.name,
                )
            )
        if lock:
            gone = len(set(lock)) - len({lock_key(e) for e in made.test})
            notes.append(
                say(
                    "The {test} test rows of the earlier study are kept; {gone} of them are no"
                    " longer in the file.",
                    test=len(made.test),
                    gone=gone,
                )
                if gone
                else say(
                    "The {test} test rows of the earlier study are kept; every other row may be"
                    " trained on.",
                    test=len(made.test),
                )
            )
    if sentence := _left_out(duplicates, repeated, made, separate=test is not None):
        notes.append(sentence)
    if not made.test or not made.pool:
        raise UserError(
            say(
                "After leaving out empty texts and copies there is nothing left to train or to"
                " test on. Add rows."
            )
        )
    counts = Pool(made.pool, problem).counts()
    missing = [label for label, n in counts.items() if n == 0]
    if missing:
        raise UserError(
            say(
                "No row is left to train on for the labels {missing}: their rows are copies,"
                " empty, or all in the test part. Add rows for them, or leave these labels out.",
                missing=missing[:10],
            )
        )
    return made, tuple(notes)


def _left_out(duplicates: Duplicates, repeated: set[int], made: Split, *, separate: bool) -> str:
    """Describe how many rows are in neither part, by reason and each counted once; empty for none
    alongside those that repeat a test row.
    """
    empty, copies, conflicts = (
        len({i for group in groups for i in group} - repeated)
        for groups in (
            duplicates.empty,
            [group[1:] for group in duplicates.exact],
            duplicates.conflicts,
        )
    )
    others = (
        made.dropped - len(repeated) - empty - copies - conflicts
    )  # empty rows of a test file, or near copies of locked rows
    near, empty = (0, empty + others) if separate else (others, empty)
    reasons = listed(
        (
            say("{n:,} without a text", n=empty) if empty else "",
            say_n("{n:,} a copy of another", "{n:,} copies of others", copies) if copies else "",
            say("{n:,} of one text with different labels", n=conflicts) if conflicts else "",
            say("{n:,} nearly the same as a test row", n=near) if near else "",
        ),
        sep="; ",
    )
    n = made.dropped - len(repeated)
    if not n:
        return ""
    if repeated:
        return say_n(
            "{n:,} more row is used neither for training nor for testing: {reasons}.",
            "{n:,} more rows are used neither for training nor for testing: {reasons}.",
            n,
            reasons=reasons,
        )
    return say_n(
        "{n:,} row is used neither for training nor for testing: {reasons}.",
        "{n:,} rows are used neither for training nor for testing: {reasons}.",
        n,
        reasons=reasons,
    )


def make_study(
    name: str,
    problem: Problem,
    split: Split,
    *,
    arms: Sequence[ArmRequest],
    shots: Sequence[int | None] | None,
    seeds: int | Sequence[int],
    model: str = EMBEDDED.name,
    hub: bool = True,
) -> Study:
    """Check a request and write its defaults out.

    Args:
        shots: labels per class; None chooses a grid that the rows allow.
        seeds: how many draws of the k-shot samples, or which.

    Raises:
        UserError: with every fault found.
    """
    faults: list[str] = []
    pool = Pool(split.pool, problem)
    grid = tuple(shots) if shots is not None else default_shots(pool)
    grid = tuple(sorted(set(grid), key=lambda s: (s is None, s or 0)))
    if any(s is not None and s < 0 for s in grid) or not grid:
        faults.append(say("Shots must be 0, positive whole numbers, or all."))
    elif sentence := too_many_shots(pool, grid):
        faults.append(sentence)
    chosen_seeds = (
        tuple(range(FIRST_SEED, FIRST_SEED + seeds))
        if isinstance(seeds, int)
        else tuple(dict.fromkeys(seeds))
    )
    if not 1 <= len(chosen_seeds) <= MAX_SEEDS:
        faults.append(say("Seeds must be from 1 to {max_seeds}.", max_seeds=MAX_SEEDS))
    made, folders, of_arms = check_arms(arms, model, hub, problem)
    raise_all([*faults, *of_arms])
    study = Study(
        name,
        problem,
        split,
        made,
        grid,
        chosen_seeds,
        folders,
        task_version=task_of(problem).version,
    )
    runs = len(study.arms) * len(grid) * len(chosen_seeds)
    if runs > MAX_RUNS:
        raise UserError(
            say(
                "{runs} runs asked for; the limit is {max_runs}. Choose fewer arms, shots or"
                " seeds.",
                runs=runs,
                max_runs=MAX_RUNS,
            )
        )
    return study


def check_arms(
    requests: Sequence[ArmRequest],
    model: str = EMBEDDED.name,
    hub: bool = True,
    problem: Problem | None = None,
) -> tuple[tuple[Arm, ...], dict[str, str], list[str]]:
    """The arms with their defaults written out, the folder of each model by its digest, and every
    fault that was found.

    Args:
        problem: what they are asked about, where that is known: then without the settings that say
            nothing about it.
    """
    made: list[Arm] = []
    faults: list[str] = []
    folders: dict[str, str] = {}
    sources: dict[str, Any] = {}
    for request in requests:
        try:
            arm = _arm(request, model, hub, folders, sources, problem)
            made.append(of_arm.for_problem(arm, problem) if problem else arm)
        except UserError as fault:
            faults.extend(fault.faults)
    if not requests:
        faults.append(
            say(
                "Choose at least one strategy. There are: {strategies}.",
                strategies=", ".join(strategies()),
            )
        )
    names = [arm.id for arm in made]
    for double in sorted({n for n in names if names.count(n) > 1}):
        faults.append(
            say(
                "Two arms are called {double!r}. Give each its own name, as in name=...",
                double=double,
            )
        )
    return tuple(made), folders, faults


def suiting(ids: Iterable[str], problem: Problem, model: ModelRef | None = None) -> tuple[str, ...]:
    """Those of these strategies that can do the problem's task; where some cannot, what was made
    for that task alone, or stands in there, comes with them.

    Args:
        model: that they run on, where texts are written: most models cannot.
    """
    ids, there = tuple(ids), strategies()
    kept = [id for id in ids if id in there and there[id].can_do(problem)]
    if len(kept) == len(ids) and not task_of(problem).writes:
        return ids
    alone = frozenset({problem.task})
    kept += [
        id
        for id, s in there.items()
        if (s.tasks == alone or problem.task in s.stands_in) and id not in kept
    ]
    if task_of(problem).writes:
        facts = Facts(problem, None, model, named_labels=True)
        kept = [id for id in kept if not there[id].refuses(facts)]
    return tuple(sorted(kept, key=lambda id: (there[id].order, id)))


def request_of(arm: Arm, problem: Problem, folders: Mapping[str, str] = {}) -> ArmRequest:
    """Return the request that yields this arm again: whatever differs from the defaults.

    Args:
        problem: what it is asked about: what means nothing there need not be asked for.
        folders: of models by digest, as a study keeps them; a model that does not come along is
            asked for by its folder.
    """
    usual = {f.name: f.default for f in dataclasses.fields(strategies()[arm.strategy].settings)}
    settings = {name: value for name, value in arm.settings.items() if value != usual.get(name)}
    asked = of_arm.around(strategies()[arm.strategy])
    settings |= {
        f.name: getattr(arm, f.name)
        for f in (dataclasses.fields(asked) if asked else ())
        if getattr(arm, f.name) != f.default
    }
    if not of_arm.can_be_scaled(arm, problem):
        settings.pop("scaling", None)
    if arm.base:
        settings |= {
            f"base.{name}": value
            for name, value in request_of(arm.base, problem, folders).settings.items()
        }
    model = None
    if arm.model:
        model = (
            arm.model.name
            if arm.model.name in {m["id"] for m in describe()}
            else folders.get(arm.model.digest, arm.model.name)
        )
    name = arm.id.removesuffix(of_arm.warnings(arm))
    return ArmRequest(arm.strategy, settings, None if name == arm.strategy else name, model)


def default_shots(pool: Pool) -> tuple[int | None, ...]:
    """Doubling numbers of labels per class, as far as the smallest class goes."""
    least = min(pool.counts().values())
    return tuple(s for s in DEFAULT_SHOTS if s <= least)


def plan(study: Study) -> Plan:
    """Every run of the study. What no draw can change runs once: without labels, and with all of
    them where nothing else is random.

    Raises:
        UserError: nothing in the study can run; the reasons are named.
    """
    problem = study.problem
    greedy = task_of(problem).greedy and study.task_version > 1
    pool = Pool(study.split.pool, problem, greedy=greedy)
    version = [study.task_version] if study.task_version > 1 else []
    named = are_named(problem.labels)
    samples: dict[tuple[int | None, int], tuple[tuple[int, ...], str]] = {}

    def sample(shots: int | None, seed: int) -> tuple[tuple[int, ...], str]:
        if (shots, seed) not in samples:
            rows = [pool.examples[i] for i in pool.k_shot(shots, seed=seed)]
            data = digest(
                [
                    dataclasses.asdict(problem),
                    rows_digest(rows),
                    study.split.test_digest,
                    *version,
                ]
            )
            samples[shots, seed] = tuple(e.row for e in rows), data
        return samples[shots, seed]

    specs: list[RunSpec] = []
    refused: dict[str, str] = {}
    for arm in study.arms:
        texts, usual = (
            texts_for(study.split, arm, problem),
            labels_a_text(study.split, arm, problem),
        )
        more = [
            *([rows_digest(texts)] if texts else []),
            *([[usual.mean, usual.least]] if usual else []),
        ]
        for shots, seeds in _cells(study, arm).items():
            reason = of_arm.refuses(
                arm, Facts(problem, shots, arm.model, named)
            ) or of_arm.too_few_to_choose(arm, shots, pool)
            for seed in seeds[:1] if reason else seeds:
                rows, data = sample(shots, seed)
                chosen = [pool.examples[i] for i in of_arm.selection_rows(arm, shots, seed, pool)]
                also = [*([rows_digest(chosen)] if chosen else []), *more]
                spec = RunSpec(
                    arm,
                    shots,
                    seed,
                    rows,
                    digest([data, *also]) if also else data,
                    tuple(e.row for e in chosen),
                )
                specs.append(spec)
                if reason:
                    refused[spec.id] = reason
    asked = [s.id for s in specs if (s.shots, s.seed) not in study.carried.get(s.arm.id, ())]
    if asked and refused.keys() >= set(asked):
        raise_all(refused.values())
    return Plan(
        study,
        tuple(specs),
        refused,
        _kept([s for s in specs if s.arm.id not in study.not_asked], refused),
    )


def _cells(study: Study, arm: Arm) -> dict[int | None, tuple[int, ...]]:
    """Seeds by shots: what is asked of the arm, and what it has finished before."""
    asked = (
        {}
        if arm.id in study.not_asked
        else {
            s: study.seeds if of_arm.draws(arm, s) else study.seeds[:1]
            for s in of_arm.shots_of(arm, study.shots)
        }
    )
    for shots, seed in study.carried.get(arm.id, ()):
        asked[shots] = tuple(dict.fromkeys((*asked.get(shots, ()), seed)))
    return dict(sorted(asked.items(), key=lambda cell: _size(cell[0])))


def texts_for(split: Split, arm: Arm, problem: Problem) -> tuple[Example, ...]:
    """Texts without labels that the arm learns from: of the pool, and of the test rows where its
    settings ask for them.
    """
    most = max(
        of_arm.most_unlabelled(arm, problem),
        of_arm.texts_for_cuts(arm, problem),
    )
    seen = split.test if of_arm.sees_test_texts(arm) else ()
    return (*unlabelled(split.pool, most), *map(_bare, seen)) if most else ()


def labels_a_text(split: Split, arm: Arm, problem: Problem) -> LabelsAText | None:
    """Labels that rows of the pool carry, for an arm that learns from no label where a text may
    have several.
    """
    if not of_arm.texts_for_cuts(arm, problem):
        return None
    counts = [len(e.labels) for e in split.pool]
    return LabelsAText(round(sum(counts) / len(counts), 1), min(counts))


def unlabelled(pool: Sequence[Example], most: int = of_arm.MAX_UNLABELLED) -> tuple[Example, ...]:
    """Texts of the pool without their labels: the first by a hash of what they say, whatever their
    order.
    """
    first = sorted(
        pool, key=lambda e: (hashlib.blake2b(e.content, key=b"unlabelled").digest(), e.row)
    )[:most]
    return tuple(map(_bare, first))


def _bare(example: Example) -> Example:
    return dataclasses.replace(example, labels=(), group=None)


def _kept(specs: Sequence[RunSpec], refused: dict[str, str]) -> frozenset[str]:
    """The best run to keep of each arm: largest shots, first seed."""
    best: dict[str, RunSpec] = {}
    for spec in specs:
        if spec.id in refused:
            continue
        old = best.get(spec.arm.id)
        if old is None or (_size(spec.shots), -spec.seed) > (_size(old.shots), -old.seed):
            best[spec.arm.id] = spec
    return frozenset(spec.id for spec in best.values())


def _size(shots: int | None) -> float:
    return float("inf") if shots is None else shots


def _arm(
    request: ArmRequest,
    model: str,
    hub: bool,
    folders: dict[str, str],
    sources: dict[str, Any],
    problem: Problem | None,
) -> Arm:
    known = strategies()
    if request.strategy not in known:
        raise_all([unknown(say("strategy"), request.strategy, known), *troubles("STRATEGY")])
    strategy = known[request.strategy]
    name = request.name or request.strategy
    around, own, of_base = _sorted(request, strategy)
    if problem and in_korean(problem):
        own = params.korean_defaults(strategy.settings) | own
    settings: Any = params.build(strategy.settings, own, request.strategy)
    if not hub and (named := [n for n in strategy.opens_files if getattr(settings, n)]):
        raise UserError(
            say(
                "{strategy}: files of this machine cannot be named here. Leave {named} empty.",
                strategy=request.strategy,
                named=both(named),
            )
        )
    settings = strategy.settled(settings)
    ref: ModelRef | None = None
    if strategy.uses_model:
        wanted = request.model or model
        if wanted not in sources:
            sources[wanted] = find(wanted, hub=hub)
        ref = sources[wanted].ref
        folders[ref.digest] = str(Path(sources[wanted].folder).resolve())
    elif request.model:
        raise UserError(
            say(
                "{strategy} uses no model, but model={model} was given. Leave it out.",
                strategy=request.strategy,
                model=request.model,
            )
        )
    base = None
    if strategy.takes_base:
        base = _arm(
            ArmRequest(settings.base, of_base, settings.base, request.model),
            model,
            hub,
            folders,
            sources,
            problem,
        )
        if base.model is None or base.base is not None:
            raise UserError(
                say(
                    "{strategy} changes a model and leaves the learning to another strategy;"
                    " {base} uses no model. Choose another base, such as probe or lora.",
                    strategy=request.strategy,
                    base=settings.base,
                )
                if base.model is None
                else say(
                    "{strategy} changes a model and leaves the learning to another strategy;"
                    " {base} does the same. Choose another base, such as probe or lora.",
                    strategy=request.strategy,
                    base=settings.base,
                )
            )
    arm = Arm(
        name,
        request.strategy,
        strategy.version,
        dataclasses.asdict(settings),
        ref,
        base=base,
        **around,
    )
    return dataclasses.replace(arm, id=name + of_arm.warnings(arm))


def _sorted(
    request: ArmRequest, strategy: Strategy
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """(what is around the strategy, its own settings, those of its base, written base.NAME).

    Raises:
        UserError: a wrapper is asked for that it cannot have.
    """
    takes_base = strategy.takes_base
    of_recipe = {f.name for f in dataclasses.fields(of_arm.Recipe)} if not takes_base else set()
    of_base = {
        k.removeprefix("base."): v
        for k, v in request.settings.items()
        if takes_base and k.startswith("base.")
    }
    own = {
        k: v
        for k, v in request.settings.items()
        if k not in of_recipe and not (takes_base and k.startswith("base."))
    }
    given = {k: v for k, v in request.settings.items() if k in of_recipe}
    asked = of_arm.around(strategy)
    names = [f.name for f in dataclasses.fields(asked)] if asked else []
    cannot = {k: v for k, v in given.items() if k not in names}
    if params.build(of_arm.Recipe, cannot, request.strategy) != of_arm.Recipe():
        kinds = (
            say("selection or augmentation") if asked else say("selection, augmentation or scaling")
        )
        raise UserError(
            say_n(
                "{strategy} trains no network step by step, so it takes no {kinds}. Leave it out.",
                "{strategy} trains no network step by step, so it takes no {kinds}. Leave them"
                " out.",
                len(cannot),
                strategy=request.strategy,
                kinds=kinds,
            )
        )
    around = (
        dataclasses.asdict(
            params.build(asked, {k: v for k, v in given.items() if k in names}, request.strategy)
        )
        if asked
        else {}
    )
    return around, own, of_base


def examples_by_row(examples: Sequence[Example]) -> dict[int, Example]:
    """Examples by their row number."""
    return {e.row: e for e in examples}
