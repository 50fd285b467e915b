"""Zero-shot by filling a blank: the label whose words a language model would rather put there
(Schick and Schütze 2021).

score(label) = log mean over its words w of p(w | the text in the template),   probabilities =
softmax over labels
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tl_core.api.sentences import say
from tl_core.api.types import Facts, Problem
from tl_core.models.prompting.prompts import (
    BlankTemplates,
    Prompted,
    Prompts,
    calibration_param,
    wordless,
)


@dataclass(frozen=True)
class ClozeSettings(BlankTemplates):
    calibration: str = calibration_param()


class Cloze(Prompted):
    id = "cloze"
    version = 2
    cut_since = 2
    order = 32
    title = say("Fill the blank (zero-shot)")
    about = say(
        "Needs no labelled rows: puts each text into a sentence with a blank and asks a language"
        " model which label's word fits. Good words are essential."
    )
    settings = ClozeSettings

    def refuses(self, facts: Facts) -> str:
        """Labels must be words, and the model must fill blanks."""
        if reason := wordless(facts, self.id):
            return reason
        if facts.model is None or not facts.model.speaks:
            name = facts.model.name if facts.model else "this arm"
            return say(
                "cloze asks a language model to fill a blank, and {name} has no head for that."
                " Choose a model that has, such as model=minilm-masked.",
                name=name,
            )
        if facts.model.speaks == "causal":
            return say(
                "cloze asks what fills a blank, and {model} reads from left to right. Use"
                " label-score, or a model such as minilm-masked.",
                model=facts.model.name,
            )
        return ""

    def prompts(self, params: ClozeSettings, problem: Problem, encoder: Any) -> Prompts:
        """The labels' words in the templates of these settings."""
        return Prompts(problem, params.forms(problem.inputs), encoder)


STRATEGY = Cloze()
