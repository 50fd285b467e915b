"""Zero-shot by entailment: the label whose sentence follows from the text (Yin et al. 2019).

    one label:    softmax over labels of the logit of entailment of (text, “This text is about LABEL.”)
    many labels:  exp(e) / (exp(e) + exp(c)) of each label, e of entailment and c of contradiction
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from tl_core.errors import UserError
from tl_core.models.entailment import Hypotheses, hypothesis_templates, no_entailment
from tl_core.models.prompts import Prompted, calibration_param, wordless
from tl_core.params import param
from tl_core.types import Facts, Fitted, Job, Problem, Steps

SUPERVISED = "The model was trained on labelled pairs of premise and hypothesis: without labels here means without labels of yours."
LABELS = 6  # an estimate does not know how many there are


@dataclass(frozen=True)
class Params:
    templates: str = param("This text is about {label}.", "The sentence that is to follow from a text; {label} is the label's word, several are separated by |")
    calibration: str = calibration_param("none")

    def __post_init__(self) -> None:
        self.forms("one text")  # a bad template is told before anyone waits

    def forms(self, inputs: str) -> list[str]:
        """The templates."""
        return hypothesis_templates(self.templates)


class Nli(Prompted):
    id = "nli"
    version = 2
    cut_since = 2
    order = 36
    title = "Entailment (zero-shot)"
    about = "Needs no labelled rows: a model trained to tell what follows from a text is asked whether “This text is about …” does, label by label. For few labels: many make it slow."
    Params = Params

    def refuses(self, facts: Facts) -> str:
        """Labels must be words, a row one text, and the model must know what entails what."""
        if reason := wordless(facts, self.id):
            return reason
        if facts.problem.inputs == "two texts":
            return "nli asks what follows from one text; it cannot tell how two texts relate."
        if facts.model is None or not facts.model.entails:
            return f"nli asks whether a sentence follows from a text. {no_entailment(facts.model.name if facts.model else 'This arm')}"
        return ""

    def prompts(self, params: Params, problem: Problem, encoder: Any) -> Hypotheses:
        """A hypothesis for every word of every label."""
        return Hypotheses(problem, params.forms(problem.inputs), encoder)

    def passes(self, params: Params, train: int, test: int) -> float:
        """Every text once with every label, under every template."""
        return LABELS * super().passes(params, train, test)

    def fit(self, job: Job) -> Steps[Fitted]:
        """Check the hypotheses and calibrate.

        Raises:
            UserError: a calibration is asked for where labels do not exclude one another; or see `fit_prompts`.
        """
        if job.problem.target == "many labels" and job.params.calibration != "none":
            raise UserError(
                f"calibration={job.params.calibration} weighs labels against one another, and where a text has many labels each stands for itself. "
                "Choose calibration=none."
            )
        fitted = yield from super().fit(job)
        return dataclasses.replace(fitted, notes=(SUPERVISED, *fitted.notes))


STRATEGY = Nli()
