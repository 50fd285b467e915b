"""Estimate of how long a plan will take, before anyone waits for it.

Texts are counted in network passes, passes in tokens, and tokens in seconds at the speed this
machine has shown so far (kept in the home folder; the first time, that of two ordinary cores).
"""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tl_core.api.types import Example, RunResult, RunSpec
from tl_core.api.words import ALONE
from tl_core.json_text import parsed
from tl_core.models.embedding_cache import home
from tl_core.strategies import strategies
from tl_core.studies import arms
from tl_core.studies.plan import Plan
from tl_core.tasks import task_of

# parameter-tokens a second on two ordinary cores in float32, where 4e10 to 8e10 were seen; a
# processor that multiplies bfloat16 reaches several times as many
FIRST_RATE = 6e10
SPEED = "speed.json"
CHARACTERS_A_TOKEN = 4.3  # English under a WordPiece vocabulary
# of Hangul, kana and Chinese: Korean samples and KLUE under `minilm-korean` have 1.5 to 1.7
CHARACTERS_ALONE = 1.6
MOST_CHARACTERS = 2000  # what a model reads of a text, about; of one that is read in overlapping
# pieces, the rest is read about twice
# an update of a weight (AdamW, with clipping) takes as long as so many tokens take in it: 215 on
# one core, in batches of 320 tokens
UPDATE_TOKENS = 200
BYTES_A_PARAMETER = 4
_ALONE = re.compile(f"[{ALONE}]")
RUN_SECONDS = 0.15  # what any run costs
START_SECONDS = 6.0  # libraries and the model


@dataclass(frozen=True)
class Estimate:
    """Seconds, in all and by arm (embeddings that all share are in `shared`)."""

    seconds: float
    by_arm: dict[str, float]
    shared: float


def estimate(plan: Plan, *, done: Collection[str] = (), where: Path | None = None) -> Estimate:
    """About how long the runs that are not done will take; a guide within a factor of two, not a
    promise.
    """
    own, read = _costs(plan, done, where)
    by_arm: dict[str, float] = {arm.id: 0.0 for arm in plan.study.arms}
    for spec in plan.specs:
        by_arm[spec.arm.id] += own.get(spec.id, 0.0)
    shared = sum(read.values())
    return Estimate(START_SECONDS + shared + sum(by_arm.values()), by_arm, shared)


def run_seconds(
    plan: Plan, *, done: Collection[str] = (), where: Path | None = None
) -> dict[str, float]:
    """About how long each run that is not done will take, in their order; texts that several read
    are counted with the first of them. The start of the process is not in it.
    """
    own, read = _costs(plan, done, where)
    return {run: seconds + read[run] for run, seconds in own.items()}


def _costs(
    plan: Plan, done: Collection[str], where: Path | None
) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds of each run that is not done: of its own, and for texts that it is the first to read;
    runs that are done have left theirs in the cache.
    """
    rate = _rate(where or home())
    split = plan.study.split
    tokens = mean_tokens(split.test, whole=task_of(plan.study.problem).by_word)
    own: dict[str, float] = {}
    read: dict[str, float] = {}
    known: dict[str, set[int]] = {}  # rows that were read, by the model that read them
    for spec in sorted(plan.specs, key=lambda spec: spec.id not in done):
        if spec.id in plan.refused:
            continue
        texts = 0
        if spec.arm.model:
            tested = spec.arm.model.digest in known
            before = known.setdefault(spec.arm.model.digest, set())
            texts = len(set(spec.train) - before) + (0 if tested else len(split.test))
            before.update(spec.train)
        if spec.id not in done:
            waits = strategies()[spec.arm.strategy].waits(len(split.test))
            own[spec.id] = RUN_SECONDS + _work(plan, spec, tokens) / rate + waits
            size = parameters(plan, spec.arm.model.digest) if spec.arm.model else 0.0
            read[spec.id] = texts * tokens * size / rate
    return own, read


def learn(plan: Plan, results: Mapping[str, RunResult], where: Path | None = None) -> None:
    """Remember how fast this machine was on these runs."""
    rates = []
    tokens = mean_tokens(plan.study.split.test, whole=task_of(plan.study.problem).by_word)
    for spec in plan.specs:
        result = results.get(spec.id)
        if result is None or result.status != "done" or spec.arm.model is None:
            continue
        if work := _work(plan, spec, tokens):
            rates.append(work / max(0.1, sum(result.seconds.values())))
    if rates:
        remember(statistics.median(rates), where or home())


def _work(plan: Plan, spec: RunSpec, tokens: float) -> float:
    """Parameter-tokens of a run: each weight with each token that is read, and the updates."""
    if spec.arm.model is None:
        return 0.0
    train, chosen = len(spec.train), len(spec.selection)
    many, folder = task_of(plan.study.problem).cuts, _folder(plan, spec.arm.model.digest)
    passes = arms.passes(spec.arm, train, len(plan.study.split.test), chosen, many=many)
    if task_of(plan.study.problem).writes:  # `scratch` has a small network of its own there
        return passes * tokens * multiplied(folder)
    updates = arms.updates(spec.arm, train, chosen, many=many)
    return passes * tokens * multiplied(folder) + updates * UPDATE_TOKENS * _weights(folder)


def remember(rate: float, folder: Path) -> None:
    """Keep how fast this machine is.

    Args:
        rate: parameter-tokens a second, each parameter multiplied with each token of a pass.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / SPEED).write_text(json.dumps({"rate": rate}))
    except OSError:
        return  # the next estimate is a little worse


def known(folder: Path) -> bool:
    """Whether this machine's speed has been seen."""
    return (folder / SPEED).is_file()


def _rate(folder: Path) -> float:
    try:
        return float(parsed((folder / SPEED).read_text())["rate"])
    except (OSError, ValueError, KeyError, TypeError):
        return FIRST_RATE


def parameters(plan: Plan, model_digest: str) -> float:
    """Return the parameters of the network, from the size of its weights; word embeddings are
    looked up, not multiplied.
    """
    return multiplied(_folder(plan, model_digest))


def _folder(plan: Plan, model_digest: str) -> Path:
    return Path(plan.study.model_folders.get(model_digest, ""))


def _weights(folder: Path) -> float:
    """Return how many there are."""
    return sum(p.stat().st_size for p in folder.glob("*.safetensors")) / BYTES_A_PARAMETER


def multiplied(folder: Path) -> float:
    """`parameters`, of a model in this folder."""
    size = _weights(folder)
    try:
        config = parsed((folder / "config.json").read_text(encoding="utf-8"))
        looked_up = config.get("vocab_size", 0) * (
            config.get("embedding_size") or config.get("hidden_size", 0)
        )
    except (OSError, ValueError):
        looked_up = 0
    return max(size - looked_up, size / 10)


def mean_tokens(examples: Sequence[Example], *, whole: bool = False) -> float:
    """About how many tokens are read of a row, from the characters of some of them.

    Args:
        whole: long texts are read to their end, in overlapping pieces.
    """
    some = examples[:: max(1, len(examples) // 500)]
    return statistics.fmean(_tokens(e.text + (e.text_b or ""), whole) for e in some) + 2


def _tokens(text: str, whole: bool) -> float:
    read = text[:MOST_CHARACTERS]
    alone = len(_ALONE.findall(read))
    tokens = alone / CHARACTERS_ALONE + (len(read) - alone) / CHARACTERS_A_TOKEN
    beyond = max(0, len(text) - MOST_CHARACTERS) if whole else 0
    return tokens * (1 + 2 * beyond / MOST_CHARACTERS)
