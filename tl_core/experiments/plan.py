"""From what a person asks for to the list of runs; every fault is found here, before anyone waits."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tl_core import params
from tl_core.data.columns import Loaded
from tl_core.data.duplicates import Duplicates, find_duplicates, overlap
from tl_core.data.labels import are_named
from tl_core.data.split import Pool, lock_key, separate_test, split, too_many_shots
from tl_core.errors import UserError, raise_all, unknown
from tl_core.experiments import arms as of_arm
from tl_core.models.catalog import EMBEDDED, describe, find
from tl_core.strategies import strategies
from tl_core.types import Arm, Example, Facts, LabelsAText, ModelRef, Problem, RunSpec, Split, digest, rows_digest

DEFAULT_STRATEGIES = ("majority", "tfidf", "similarity", "probe", "prior-probe", "lora")
DEFAULT_SHOTS = (0, 1, 2, 4, 8, 16)
DEFAULT_SEEDS = 5
MAX_SEEDS = 100
MAX_RUNS = 20_000
FIRST_SEED = 0


@dataclass(frozen=True)
class ArmRequest:
    """One arm as asked for: a strategy, its settings as text or values, and perhaps its own name and model."""

    strategy: str
    settings: dict[str, Any] = field(default_factory=dict)
    name: str | None = None
    model: str | None = None


@dataclass(frozen=True)
class Study:
    """What a person saves, names, compares and reopens."""

    name: str
    problem: Problem
    split: Split
    arms: tuple[Arm, ...]
    shots: tuple[int | None, ...]
    seeds: tuple[int, ...]
    model_folders: dict[str, str] = field(default_factory=dict)  # model digest -> folder, on this machine
    carried: dict[str, tuple[tuple[int | None, int], ...]] = field(default_factory=dict)  # (shots, seed) finished before, by arm: shown, asked for or not
    not_asked: tuple[str, ...] = ()  # arms that are here only for what they have finished before
    seen: tuple[str, ...] = ()  # digests of arms that were scored on these test rows before, here or in the study that the rows come from

    @cached_property
    def pool_digest(self) -> str:
        return rows_digest(self.split.pool)

    @cached_property
    def id(self) -> str:
        return digest([self.split.test_digest, self.pool_digest, [a.digest for a in self.arms], list(map(str, self.shots)), self.seeds, *([self.carried] if self.carried else [])])[:16]


@dataclass(frozen=True)
class Plan:
    """The runs of a study, and which combinations were refused, with the reason."""

    study: Study
    specs: tuple[RunSpec, ...]
    refused: dict[str, str]  # run id -> sentence
    keep: frozenset[str]  # run ids whose trained state is kept


def make_split(
    loaded: Loaded, *, test: Loaded | None = None, size: int | None = None, lock: Sequence[str] = (), most: int | None = None,
    duplicates: Duplicates | None = None,
) -> tuple[Split, tuple[str, ...]]:  # fmt: skip
    """Lock the test rows, from the file or from a test file; with notes on what was left out.

    Args:
        size, lock, most: as `tl_core.data.split.split` takes them.
        duplicates: of the rows, where somebody has looked for them already.

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
        made = separate_test(examples, test.dataset.examples, duplicates, repeated)
        if repeated:
            one = len(repeated) == 1
            notes.append(f"{len(repeated):,} row{' repeats' if one else 's repeat'} a row of the test file, exactly or nearly; {'it is' if one else 'they are'} not used for training.")
    else:
        made = split(examples, problem, duplicates, size=size, lock=lock, most=most)
        if lock and not made.test:
            raise UserError(f"None of the {len(set(lock))} test rows of the earlier study are in {loaded.dataset.name}. Give the file that it was made from.")
        if lock:
            gone = len(set(lock)) - len({lock_key(e) for e in made.test})
            notes.append(
                f"The {len(made.test)} test rows of the earlier study are kept"
                + (f"; {gone} of them are no longer in the file." if gone else "; every other row may be trained on.")
            )
    if sentence := _left_out(duplicates, repeated, made, separate=test is not None):
        notes.append(sentence)
    if not made.test or not made.pool:
        raise UserError("After leaving out empty texts and copies there is nothing left to train or to test on. Add rows.")
    counts = Pool(made.pool, problem).counts()
    missing = [label for label, n in counts.items() if n == 0]
    if missing:
        raise UserError(
            f"No row is left to train on for the labels {', '.join(missing[:10])}: their rows are copies, empty, or all in the test part. "
            "Add rows for them, or leave these labels out."
        )
    return made, tuple(notes)


def _left_out(duplicates: Duplicates, repeated: set[int], made: Split, *, separate: bool) -> str:
    """How many rows are in neither part, by reason and each counted once; empty for none beside those that repeat a test row."""
    empty, copies, conflicts = (
        len({i for group in groups for i in group} - repeated)
        for groups in (duplicates.empty, [group[1:] for group in duplicates.exact], duplicates.conflicts)
    )
    others = made.dropped - len(repeated) - empty - copies - conflicts  # empty rows of a test file, or near copies of locked rows
    near, empty = (0, empty + others) if separate else (others, empty)
    told = [
        (empty, "without a text"),
        (copies, "a copy of another" if copies == 1 else "copies of others"),
        (conflicts, "of one text with different labels"),
        (near, "nearly the same as a test row"),
    ]
    n = made.dropped - len(repeated)
    reasons = "; ".join(f"{count:,} {what}" for count, what in told if count)
    return f"{n:,} {'more ' if repeated else ''}row{' is' if n == 1 else 's are'} used neither for training nor for testing: {reasons}." if n else ""


def make_study(
    name: str, problem: Problem, split: Split, *, arms: Sequence[ArmRequest], shots: Sequence[int | None] | None,
    seeds: int | Sequence[int], model: str = EMBEDDED.name, hub: bool = True,
) -> Study:  # fmt: skip
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
        faults.append("Shots must be 0, positive whole numbers, or all.")
    elif sentence := too_many_shots(pool, grid):
        faults.append(sentence)
    chosen_seeds = tuple(range(FIRST_SEED, FIRST_SEED + seeds)) if isinstance(seeds, int) else tuple(dict.fromkeys(seeds))
    if not 1 <= len(chosen_seeds) <= MAX_SEEDS:
        faults.append(f"Seeds must be from 1 to {MAX_SEEDS}.")
    made, folders, of_arms = check_arms(arms, model, hub, problem)
    raise_all([*faults, *of_arms])
    study = Study(name, problem, split, made, grid, chosen_seeds, folders)
    runs = len(study.arms) * len(grid) * len(chosen_seeds)
    if runs > MAX_RUNS:
        raise UserError(f"{runs} runs asked for; the limit is {MAX_RUNS}. Choose fewer arms, shots or seeds.")
    return study


def check_arms(
    requests: Sequence[ArmRequest], model: str = EMBEDDED.name, hub: bool = True, problem: Problem | None = None
) -> tuple[tuple[Arm, ...], dict[str, str], list[str]]:
    """The arms with their defaults written out, the folder of each model by its digest, and every fault that was found.

    Args:
        problem: what they are asked about, where that is known: then without the settings that say nothing about it.
    """
    made: list[Arm] = []
    faults: list[str] = []
    folders: dict[str, str] = {}
    sources: dict[str, Any] = {}
    for request in requests:
        try:
            arm = _arm(request, model, hub, folders, sources)
            made.append(of_arm.for_problem(arm, problem) if problem else arm)
        except UserError as fault:
            faults.extend(str(fault).splitlines())
    if not requests:
        faults.append(f"Choose at least one strategy. There are: {', '.join(strategies())}.")
    names = [arm.id for arm in made]
    for double in sorted({n for n in names if names.count(n) > 1}):
        faults.append(f"Two arms are called {double!r}. Give each its own name, as in name=...")
    return tuple(made), folders, faults


def request_of(arm: Arm, problem: Problem, folders: Mapping[str, str] = {}) -> ArmRequest:
    """What to ask for to have this arm again: whatever differs from the defaults.

    Args:
        problem: what it is asked about: what means nothing there need not be asked for.
        folders: of models by digest, as a study keeps them; a model that does not come along is asked for by its folder.
    """
    usual = {f.name: f.default for f in dataclasses.fields(strategies()[arm.strategy].Params)}
    settings = {name: value for name, value in arm.settings.items() if value != usual.get(name)}
    asked = of_arm.around(strategies()[arm.strategy])
    settings |= {f.name: getattr(arm, f.name) for f in (dataclasses.fields(asked) if asked else ()) if getattr(arm, f.name) != f.default}
    if not of_arm.can_be_scaled(arm, problem):
        settings.pop("scaling", None)
    if arm.base:
        settings |= {f"base.{name}": value for name, value in request_of(arm.base, problem, folders).settings.items()}
    model = None
    if arm.model:
        model = arm.model.name if arm.model.name in {m["id"] for m in describe()} else folders.get(arm.model.digest, arm.model.name)
    name = arm.id.removesuffix(of_arm.warnings(arm))
    return ArmRequest(arm.strategy, settings, None if name == arm.strategy else name, model)


def default_shots(pool: Pool) -> tuple[int | None, ...]:
    """Doubling numbers of labels per class, as far as the smallest class goes."""
    least = min(pool.counts().values())
    return tuple(s for s in DEFAULT_SHOTS if s <= least)


def plan(study: Study) -> Plan:
    """Every run of the study. What no draw can change runs once: without labels, and with all of them where nothing else is random.

    Raises:
        UserError: nothing in the study can run; the reasons are named.
    """
    problem = study.problem
    pool = Pool(study.split.pool, problem)
    named = are_named(problem.labels)
    samples: dict[tuple[int | None, int], tuple[tuple[int, ...], str]] = {}

    def sample(shots: int | None, seed: int) -> tuple[tuple[int, ...], str]:
        if (shots, seed) not in samples:
            rows = [pool.examples[i] for i in pool.k_shot(shots, seed=seed)]
            data = digest([dataclasses.asdict(problem), rows_digest(rows), study.split.test_digest])
            samples[shots, seed] = tuple(e.row for e in rows), data
        return samples[shots, seed]

    specs: list[RunSpec] = []
    refused: dict[str, str] = {}
    for arm in study.arms:
        texts, usual = texts_for(study.split, arm, problem), labels_a_text(study.split, arm, problem)
        more = [*([rows_digest(texts)] if texts else []), *([[usual.mean, usual.least]] if usual else [])]
        for shots, seeds in _cells(study, arm).items():
            reason = of_arm.refuses(arm, Facts(problem, shots, arm.model, named)) or of_arm.too_few_to_choose(arm, shots, pool)
            for seed in seeds[:1] if reason else seeds:
                rows, data = sample(shots, seed)
                chosen = [pool.examples[i] for i in of_arm.selection_rows(arm, shots, seed, pool)]
                also = [*([rows_digest(chosen)] if chosen else []), *more]
                spec = RunSpec(arm, shots, seed, rows, digest([data, *also]) if also else data, tuple(e.row for e in chosen))
                specs.append(spec)
                if reason:
                    refused[spec.id] = reason
    asked = [s.id for s in specs if (s.shots, s.seed) not in study.carried.get(s.arm.id, ())]
    if asked and refused.keys() >= set(asked):
        raise_all(refused.values())
    return Plan(study, tuple(specs), refused, _kept([s for s in specs if s.arm.id not in study.not_asked], refused))


def _cells(study: Study, arm: Arm) -> dict[int | None, tuple[int, ...]]:
    """Seeds by shots: what is asked of the arm, and what it has finished before."""
    asked = {} if arm.id in study.not_asked else {s: study.seeds if of_arm.draws(arm, s) else study.seeds[:1] for s in of_arm.shots_of(arm, study.shots)}
    for shots, seed in study.carried.get(arm.id, ()):
        asked[shots] = tuple(dict.fromkeys((*asked.get(shots, ()), seed)))
    return dict(sorted(asked.items(), key=lambda cell: _size(cell[0])))


def texts_for(split: Split, arm: Arm, problem: Problem) -> tuple[Example, ...]:
    """Texts without labels that the arm learns from: of the pool, and of the test rows where its settings ask for them."""
    most = max(of_arm.most_unlabelled(arm, problem.inputs == "two texts"), of_arm.texts_for_cuts(arm, problem))
    seen = split.test if of_arm.sees_test_texts(arm) else ()
    return (*unlabelled(split.pool, most), *map(_bare, seen)) if most else ()


def labels_a_text(split: Split, arm: Arm, problem: Problem) -> LabelsAText | None:
    """How many labels rows of the pool carry, for an arm that learns from no label where a text may have several."""
    if not of_arm.texts_for_cuts(arm, problem):
        return None
    counts = [len(e.labels) for e in split.pool]
    return LabelsAText(round(sum(counts) / len(counts), 1), min(counts))


def unlabelled(pool: Sequence[Example], most: int = of_arm.MAX_UNLABELLED) -> tuple[Example, ...]:
    """Texts of the pool without their labels: the first by a hash of what they say, whatever their order."""
    first = sorted(pool, key=lambda e: (hashlib.blake2b(e.content, key=b"unlabelled").digest(), e.row))[:most]
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


def _arm(request: ArmRequest, model: str, hub: bool, folders: dict[str, str], sources: dict[str, Any]) -> Arm:
    known = strategies()
    if request.strategy not in known:
        raise UserError(unknown("strategy", request.strategy, known))
    strategy = known[request.strategy]
    name = request.name or request.strategy
    around, own, of_base = _sorted(request, strategy)
    settings = params.build(strategy.Params, own, request.strategy)
    if not hub and (named := [n for n in getattr(strategy, "opens_files", ()) if getattr(settings, n)]):
        raise UserError(f"{request.strategy}: files of this machine cannot be named here. Leave {' and '.join(named)} empty.")
    if hasattr(strategy, "settled"):
        settings = strategy.settled(settings)
    ref: ModelRef | None = None
    if strategy.uses_model:
        wanted = request.model or model
        if wanted not in sources:
            sources[wanted] = find(wanted, hub=hub)
        ref = sources[wanted].ref
        folders[ref.digest] = str(Path(sources[wanted].folder).resolve())
    elif request.model:
        raise UserError(f"{request.strategy} uses no model, but model={request.model} was given. Leave it out.")
    base = None
    if getattr(strategy, "takes_base", False):
        base = _arm(ArmRequest(settings.base, of_base, settings.base, request.model), model, hub, folders, sources)
        if base.model is None or base.base is not None:
            raise UserError(f"{request.strategy} changes a model and leaves the learning to another strategy; {settings.base} {'uses no model' if base.model is None else 'does the same'}. Choose another base, such as probe or lora.")
    arm = Arm(name, request.strategy, strategy.version, dataclasses.asdict(settings), ref, base=base, **around)
    return dataclasses.replace(arm, id=name + of_arm.warnings(arm))


def _sorted(request: ArmRequest, strategy: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """(what stands around the strategy, its own settings, those of its base, written base.NAME).

    Raises:
        UserError: something is asked to stand around it that cannot.
    """
    takes_base = getattr(strategy, "takes_base", False)
    of_recipe = {f.name for f in dataclasses.fields(of_arm.Recipe)} if not takes_base else set()
    of_base = {k.removeprefix("base."): v for k, v in request.settings.items() if takes_base and k.startswith("base.")}
    own = {k: v for k, v in request.settings.items() if k not in of_recipe and not (takes_base and k.startswith("base."))}
    given = {k: v for k, v in request.settings.items() if k in of_recipe}
    asked = of_arm.around(strategy)
    names = [f.name for f in dataclasses.fields(asked)] if asked else []
    cannot = {k: v for k, v in given.items() if k not in names}
    if params.build(of_arm.Recipe, cannot, request.strategy) != of_arm.Recipe():
        kinds = "selection or augmentation" if asked else "selection, augmentation or scaling"
        raise UserError(f"{request.strategy} trains no network step by step, so it takes no {kinds}. Leave {'it' if len(cannot) == 1 else 'them'} out.")
    around = dataclasses.asdict(params.build(asked, {k: v for k, v in given.items() if k in names}, request.strategy)) if asked else {}
    return around, own, of_base


def examples_by_row(examples: Sequence[Example]) -> dict[int, Example]:
    """Examples by their row number."""
    return {e.row: e for e in examples}
