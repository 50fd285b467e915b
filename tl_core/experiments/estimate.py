"""How long a plan will take, before anyone waits for it.

Texts are counted in network passes, passes in tokens, and tokens in seconds at the speed this machine has
shown so far (kept in the home folder; the first time, that of two ordinary cores).
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tl_core.experiments import arms
from tl_core.experiments.plan import Plan
from tl_core.json_text import parsed
from tl_core.models.cache import home
from tl_core.strategies import strategies
from tl_core.types import Example, RunResult

FIRST_RATE = 6e11  # parameter-tokens a second: 22 million x about 8,000 tokens on two cores, with their overhead
CHARACTERS_A_TOKEN = 4.3  # English under a WordPiece vocabulary; other languages have fewer
BYTES_A_PARAMETER = 4
RUN_SECONDS = 0.15  # what any run costs
START_SECONDS = 6.0  # libraries and the model


@dataclass(frozen=True)
class Estimate:
    """Seconds, in all and by arm (embeddings that all share are in `shared`)."""

    seconds: float
    by_arm: dict[str, float]
    shared: float


def estimate(plan: Plan, *, done: Collection[str] = (), where: Path | None = None) -> Estimate:
    """About how long the runs that are not done will take; a guide within a factor of two, not a promise."""
    rate = _rate(where or home())
    split = plan.study.split
    tokens = mean_tokens(split.test)
    by_arm: dict[str, float] = {arm.id: 0.0 for arm in plan.study.arms}
    embedded: set[int] = set()
    size = 0.0
    for spec in plan.specs:
        if spec.id in done or spec.id in plan.refused:
            continue
        weight = parameters(plan, spec.arm.model.digest) if spec.arm.model else 0.0
        size = max(size, weight)
        passes = arms.passes(spec.arm, len(spec.train), len(split.test), len(spec.selection), many=plan.study.problem.target == "many labels")
        waits = getattr(strategies()[spec.arm.strategy], "waits", lambda _: 0.0)(len(split.test))
        by_arm[spec.arm.id] += RUN_SECONDS + passes * tokens * weight / rate + waits
        if spec.arm.model:
            embedded.update(spec.train)
    shared = (len(embedded) + (len(split.test) if size else 0)) * tokens * size / rate
    return Estimate(START_SECONDS + shared + sum(by_arm.values()), by_arm, shared)


def learn(plan: Plan, results: Mapping[str, RunResult], where: Path | None = None) -> None:
    """Remember how fast this machine was on these runs."""
    rates = []
    tokens = mean_tokens(plan.study.split.test)
    for spec in plan.specs:
        result = results.get(spec.id)
        if result is None or result.status != "done" or spec.arm.model is None:
            continue
        passes = arms.passes(spec.arm, len(spec.train), len(plan.study.split.test), len(spec.selection), many=plan.study.problem.target == "many labels")
        if passes:
            rates.append(passes * tokens * parameters(plan, spec.arm.model.digest) / max(0.1, sum(result.seconds.values())))
    if rates:
        folder = where or home()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "speed.json").write_text(json.dumps({"rate": statistics.median(rates)}))
        except OSError:
            return  # the next estimate is a little worse


def _rate(folder: Path) -> float:
    try:
        return float(parsed((folder / "speed.json").read_text())["rate"])
    except (OSError, ValueError, KeyError, TypeError):
        return FIRST_RATE


def parameters(plan: Plan, model_digest: str) -> float:
    """Of the network, from the size of its weights; word embeddings are looked up, not multiplied."""
    folder = Path(plan.study.model_folders.get(model_digest, ""))
    size = sum(p.stat().st_size for p in folder.glob("*.safetensors")) / BYTES_A_PARAMETER
    try:
        config = parsed((folder / "config.json").read_text(encoding="utf-8"))
        looked_up = config.get("vocab_size", 0) * (config.get("embedding_size") or config.get("hidden_size", 0))
    except (OSError, ValueError):
        looked_up = 0
    return max(size - looked_up, size / 10)


def mean_tokens(examples: Sequence[Example]) -> float:
    """About how many tokens a row has, from the characters of some of them."""
    some = examples[:: max(1, len(examples) // 500)]
    characters = statistics.fmean(min(2000, len(e.text) + len(e.text_b or "")) for e in some)
    return characters / CHARACTERS_A_TOKEN + 2
