"""Zero-shot by entailment: the label whose sentence follows from the text (Yin et al. 2019).

one label:    softmax over labels of the logit of entailment of (text, “This text is about LABEL.”)
many labels:  exp(e) / (exp(e) + exp(c)) of each label, e of entailment and c of contradiction
two texts:    what the model says of the pair, where the labels name entailment, neutral and
contradiction
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tl_core.api.errors import UserError
from tl_core.api.params import param
from tl_core.api.sentences import Setting, listed, say
from tl_core.api.types import Facts, Fitted, Job, Problem, Step, Steps
from tl_core.data.pair_labels import relations
from tl_core.models.prompting.entailment import Hypotheses, hypothesis_templates, no_entailment
from tl_core.models.prompting.prompts import Prompted, calibration_param, wordless
from tl_core.models.saved import read_settings
from tl_core.tasks import task_of

SUPERVISED = (
    "The model was trained on labelled pairs of premise and hypothesis: without labels here means"
    " without labels of yours."
)
LABELS = 6  # an estimate does not know how many there are


@dataclass(frozen=True)
class NliSettings:
    templates: str = param(
        "This text is about {label}.",
        "The sentence that should follow from a text; {label} is the label's word, several are"
        " separated by |",
        korean="이 글은 {label}에 관한 것이다.",
    )
    calibration: str = calibration_param("none")

    def __post_init__(self) -> None:
        self.forms("one text")  # a bad template is reported before anyone waits

    def forms(self, inputs: str) -> list[str]:
        """The templates."""
        return hypothesis_templates(self.templates)


class Nli(Prompted):
    id = "nli"
    version = 2
    cut_since = 2
    order = 36
    title = say("Entailment (zero-shot)")
    about = say(
        "Needs no labelled rows: a model trained to tell what follows from a text is asked"
        " whether “This text is about …” does, label by label. Best for few labels: many make"
        " it slow."
    )
    settings = NliSettings

    def refuses(self, facts: Facts) -> str:
        """Labels must be words, or of two texts say what follows, and the model must know what
        entails what.
        """
        pairs = facts.problem.inputs == "two texts"
        if reason := _unrelated(facts.problem) if pairs else wordless(facts, self.id):
            return reason
        if facts.model is None or not facts.model.entails:
            return say(
                "nli asks whether a sentence follows from a text. {no_entailment}",
                no_entailment=no_entailment(facts.model.name if facts.model else "This arm"),
            )
        return ""

    def prompts(self, params: NliSettings, problem: Problem, encoder: Any) -> Hypotheses:
        """A hypothesis for every word of every label."""
        return Hypotheses(problem, params.forms(problem.inputs), encoder)

    def passes(self, params: NliSettings, train: int, test: int) -> float:
        """Every text once with every label, under every template."""
        return LABELS * super().passes(params, train, test)

    def fit(self, job: Job) -> Steps[Fitted]:
        """Check the hypotheses and calibrate.

        Raises:
            UserError: a calibration is asked for where labels do not exclude one another; or see
                `fit_prompts`.
        """
        if not task_of(job.problem).exclusive and job.params.calibration != "none":
            raise UserError(
                say(
                    "calibration={calibration} weighs labels against one another, and where a"
                    " text has many labels each is judged on its own. Choose calibration=none.",
                    calibration=job.params.calibration,
                )
            )
        if job.problem.inputs == "two texts":
            yield Step(0, 1)
            return Fitted(_of_pairs(job.problem, job.params, job.encoder), notes=(SUPERVISED,))
        fitted = yield from super().fit(job)
        return dataclasses.replace(fitted, notes=(SUPERVISED, *fitted.notes))

    def load(self, folder: Path, problem: Problem, encoder: Any):
        """As `Prompted`; of pairs nothing but the settings was saved."""
        if problem.inputs == "two texts":
            return _of_pairs(problem, self.settings(**read_settings(folder)), encoder)
        return super().load(folder, problem, encoder)


def _of_pairs(problem: Problem, params: NliSettings, encoder: Any):
    from tl_core.models.prompting.entailed_pairs import PairPredictor

    if params.calibration != "none":
        raise UserError(
            say(
                "calibration={calibration} weighs words against one another, and two texts are"
                " judged without any. Choose calibration=none.",
                calibration=params.calibration,
            )
        )
    return PairPredictor(problem, params, encoder)


def _unrelated(problem: Problem) -> str:
    if not task_of(problem).exclusive:
        return say(
            "nli finds one relation between two texts, and here a row may have several labels."
            " Use probe, or lora."
        )
    if relations(problem.labels):
        return ""
    names = [label.name for label in problem.labels]
    told = listed((f"“{name}”" for name in names), 5)
    return say(
        "nli reads two texts where the labels are entailment, neutral and contradiction, or"
        " entailment and not entailment; yours are {told}. If they mean that, call them so in"
        " the label table ({labels}); else use similarity, or probe.",
        told=told,
        labels=Setting("labels"),
    )


STRATEGY = Nli()
