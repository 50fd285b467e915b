"""Logistic regression on frozen sentence embeddings: the cheapest way to learn from a few labels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from tl_core.params import param
from tl_core.types import Facts, Fitted, Job, Problem, Step, Steps


@dataclass(frozen=True)
class Params:
    strength: float = param(0.0, "Inverse of the regularisation (scikit-learn's C); 0 chooses it by cross-validation inside the labels", low=0.0, high=1e6)


class Probe:
    id = "probe"
    version = 2
    order = 60
    title = "Linear probe"
    about = "Leaves the model as it is and draws straight lines between the labels in its embedding space. Trains in a blink: try it first."
    needs = "a few labels"
    uses_model = True
    deterministic = True
    Params = Params
    quick = True

    def refuses(self, facts: Facts) -> str:
        """Needs rows to learn from."""
        return "probe needs labelled rows; choose 1 or more shots." if facts.shots == 0 else ""

    def passes(self, params: Params, train: int, test: int) -> float:
        """Nothing goes through a network beyond shared embeddings."""
        return 0.0

    def fit(self, job: Job) -> Steps[Fitted]:
        """Embed, choose the regularisation inside the labels, fit."""
        from tl_core.models.heads import HeadPredictor, fit_head
        from tl_core.models.yes_no import WAYS, fit_many, ways_of
        from tl_core.tasks import task_of

        features = yield from job.encoder.features(job.train)
        yield Step(0, 1)
        gold, strength = task_of(job.problem).gold(job.problem, job.train), job.params.strength
        held_out = None
        if job.problem.target == "many labels":
            head, held_out = yield from fit_many(features, gold, ways_of(strength) if strength else WAYS)
        else:
            head = fit_head(features, gold, len(job.problem.labels), strength or None)
        yield Step(1, 1)
        predictor = HeadPredictor(head, job.problem.target, job.encoder.features)
        return Fitted(predictor, trainable_parameters=head.weight.size + head.bias.size, held_out=held_out)

    def as_fitted(self, params: Params, fitted: Fitted) -> Params:
        """With the strength that was chosen."""
        return replace(params, strength=fitted.predictor.head.strength)

    def load(self, folder: Path, problem: Problem, encoder):
        """The head as saved."""
        from tl_core.models.heads import HeadPredictor, load_head

        return HeadPredictor(load_head(folder), problem.target, encoder.features)


STRATEGY = Probe()
