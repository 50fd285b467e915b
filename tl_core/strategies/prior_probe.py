"""A probe that starts from zero-shot: label descriptions are its prior, labelled rows pull it away.

    min_W  sum_i CE(y_i, W f(x_i)) + trust / 2 |W - W_zero-shot|^2,   trust = 3 / (sqrt(k) (1 + (k / 6)^2)), at least 0.2

for k rows a label (a row with several labels is shared evenly among them): with a few rows it must not do worse than the names alone, with many it is a probe.

Relatives: Tip-Adapter (Zhang et al. 2022), WiSE-FT (Wortsman et al. 2022), LP++ (Huang et al. 2024), all for images.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from tl_core.models.label_vectors import NameTemplates, nameless
from tl_core.params import param
from tl_core.types import Facts, Fitted, Job, Problem, Step, Steps


@dataclass(frozen=True)
class Params(NameTemplates):
    trust: float = param(0.0, "How strongly the names are believed; 0 lets it fall as rows grow", low=0.0, high=1e6)


FIRST_TRUST = 3.0  # with one row a label it costs at most 0.2 points against zero-shot where rows mislead (SST-2)
HALF_TRUST = 6.0  # rows a label by which the names have lost half of what sqrt(k) leaves them
LEAST_TRUST = 0.2  # with hundreds of rows some regularisation still helps: best or equal from 32 to 256 on three sets
SCALE = 10.0  # sharpness of the zero-shot classifier that training starts from


class PriorProbe:
    id = "prior-probe"
    version = 2
    order = 65
    title = "Probe with the labels' names as prior"
    about = "Starts from label similarity and lets every labelled row correct it. The choice for one to eight labels a class."
    needs = "a few labels"
    uses_model = True
    deterministic = True
    Params = Params
    quick = True

    def refuses(self, facts: Facts) -> str:
        """Needs names that mean something and rows to learn from."""
        if facts.shots == 0:
            return "prior-probe without labelled rows is similarity; choose 1 or more shots, or use similarity."
        return nameless(facts, self.id)

    def passes(self, params: Params, train: int, test: int) -> float:
        """Nothing goes through a network beyond shared embeddings."""
        return 0.0

    def fit(self, job: Job) -> Steps[Fitted]:
        """Embed labels and rows, then fit."""
        from tl_core.models.heads import HeadPredictor, fit_head_from
        from tl_core.models.label_vectors import label_vectors, unit
        from tl_core.tasks import task_of

        p: Params = job.params
        prior = yield from label_vectors(job.encoder, job.problem, p.templates, p.descriptions)
        features = unit((yield from job.encoder.features(job.train)))
        per_label = max(1.0, len(job.train) / len(job.problem.labels))
        yield Step(0, 1)
        falling = FIRST_TRUST / (per_label**0.5 * (1 + (per_label / HALF_TRUST) ** 2))
        trust = p.trust or max(LEAST_TRUST, falling)
        head = fit_head_from(prior, features, task_of(job.problem).gold(job.problem, job.train), trust, SCALE)
        yield Step(1, 1)
        return Fitted(HeadPredictor(head, "one label", _unit_features(job.encoder)), trainable_parameters=head.weight.size)

    def as_fitted(self, params: Params, fitted: Fitted) -> Params:
        """With the trust that the number of rows called for."""
        return replace(params, trust=1 / fitted.predictor.head.strength)

    def load(self, folder: Path, problem: Problem, encoder):
        """The head as saved."""
        from tl_core.models.heads import HeadPredictor, load_head

        return HeadPredictor(load_head(folder), "one label", _unit_features(encoder))


def _unit_features(encoder):
    from tl_core.models.label_vectors import unit

    def features(examples) -> Steps:
        return unit((yield from encoder.features(examples)))

    return features


STRATEGY = PriorProbe()
