"""A probe that starts from zero-shot: label descriptions are its prior, labelled rows pull it away.

    min_W  sum_i CE(y_i, W f(x_i)) + trust / 2 |W - W_zero-shot|^2,   trust = 3 / (sqrt(k) (1 + (k /
    6)^2)), at least 0.2

for k rows a label (a row with several labels is shared evenly among them): with a few rows it must
not do worse than the names alone, with many it is a probe.

Relatives: Tip-Adapter (Zhang et al. 2022), WiSE-FT (Wortsman et al. 2022), LP++ (Huang et al.
    2024), all for images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tl_core.api.params import param
from tl_core.api.sentences import say
from tl_core.api.strategy import LABELS
from tl_core.api.types import Example, Facts, Fitted, Job, Predictor, Problem, Step, Steps
from tl_core.models.label_vectors import NameTemplates, nameless
from tl_core.models.training.frozen import Features, FrozenHead, HeldOut

if TYPE_CHECKING:
    import numpy as np

    from tl_core.models.training.heads import LinearHead


@dataclass(frozen=True)
class PriorProbeSettings(NameTemplates):
    trust: float = param(
        0.0,
        "How strongly to trust the label names; 0 lets the trust decrease as rows grow",
        low=0.0,
        high=1e6,
    )


# with one row a label it costs at most 0.2 points against zero-shot where rows mislead (SST-2)
FIRST_TRUST = 3.0
HALF_TRUST = 6.0  # rows a label by which the names have lost half of what sqrt(k) leaves them
# with hundreds of rows some regularisation still helps: best or equal from 32 to 256 on three sets
LEAST_TRUST = 0.2
SCALE = 10.0  # sharpness of the zero-shot classifier that training starts from


class PriorProbe(FrozenHead):
    id = "prior-probe"
    version = 3
    order = 65
    title = say("Probe with the labels' names as prior")
    about = say(
        "Starts from label similarity and lets every labelled row correct it. A good choice for"
        " one to eight labels per class."
    )
    tasks = LABELS
    reads_label_names = True
    settings = PriorProbeSettings

    def refuses(self, facts: Facts) -> str:
        """Return why it cannot run: it needs names that mean something and rows to learn from."""
        if facts.shots == 0:
            return say(
                "prior-probe without labelled rows is similarity; choose 1 or more shots, or use"
                " similarity."
            )
        return nameless(facts, self.id)

    def learn(
        self, job: Job, features: np.ndarray, gold: np.ndarray
    ) -> Steps[tuple[LinearHead, HeldOut]]:
        """Embed the labels, then fit."""
        from tl_core.models.label_vectors import label_vectors
        from tl_core.models.training.heads import fit_head_from
        from tl_core.tasks import task_of

        p: PriorProbeSettings = job.params
        prior = yield from label_vectors(job.encoder, job.problem, p.templates, p.descriptions)
        per_label = max(1.0, len(job.train) / len(job.problem.labels))
        yield Step(0, 1)
        falling = FIRST_TRUST / (per_label**0.5 * (1 + (per_label / HALF_TRUST) ** 2))
        trust = p.trust or max(LEAST_TRUST, falling)
        carried = task_of(job.problem).carried(gold, len(prior))
        return fit_head_from(prior, features, carried, trust, SCALE), None

    def fit(self, job: Job) -> Steps[Fitted]:
        """As every frozen head; it has no bias."""
        from tl_core.models.training.heads import head_of

        fitted = yield from super().fit(job)
        return replace(fitted, trainable_parameters=head_of(fitted).weight.size)

    def as_fitted(self, params: PriorProbeSettings, fitted: Fitted) -> PriorProbeSettings:
        """Return the settings with the trust that the number of rows called for."""
        from tl_core.models.training.heads import head_of

        return replace(params, trust=1 / head_of(fitted).strength)

    def features_of(self, encoder: Any) -> Features:
        """Embeddings of unit length."""
        from tl_core.models.label_vectors import unit

        def features(examples: Sequence[Example]) -> Steps[np.ndarray]:
            return unit((yield from encoder.features(examples)))

        return features

    def portable(self, predictor: Any, problem: Problem, encoder: Any) -> Any:
        """The head on embeddings of unit length."""
        from tl_core.models.training.portable import of_frozen

        return of_frozen(predictor.head, problem, encoder, unit=True, shared=True)

    def predictor(self, head: LinearHead, problem: Problem, encoder: Any) -> Predictor:
        """Labels share the probability, also where several may apply."""
        from tl_core.models.training.heads import HeadPredictor, softmax

        return HeadPredictor(head, softmax, self.features_of(encoder))


STRATEGY = PriorProbe()
