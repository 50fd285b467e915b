"""Zero-shot by filling a blank: the label whose words a language model would rather put there (Schick and Schütze 2021).

    score(label) = log mean over its words w of p(w | the text in the template),   probabilities = softmax over labels
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tl_core.models.prompts import BlankTemplates, Prompted, Prompts, calibration_param, wordless
from tl_core.types import Facts, Problem


@dataclass(frozen=True)
class Params(BlankTemplates):
    calibration: str = calibration_param()


class Cloze(Prompted):
    id = "cloze"
    version = 2
    cut_since = 2
    order = 32
    title = "Fill the blank (zero-shot)"
    about = "Needs no labelled rows: puts each text into a sentence with a blank and asks a language model which label's word fits. Good words are everything."
    Params = Params

    def refuses(self, facts: Facts) -> str:
        """Labels must be words, and the model must fill blanks."""
        if reason := wordless(facts, self.id):
            return reason
        if facts.model is None or not facts.model.speaks:
            name = facts.model.name if facts.model else "this arm"
            return f"cloze asks a language model to fill a blank, and {name} has no head for that. Choose a model that has, such as model=minilm-masked."
        if facts.model.speaks == "causal":
            return f"cloze asks what stands in a blank, and {facts.model.name} reads from left to right. Use label-score, or a model such as minilm-masked."
        return ""

    def prompts(self, params: Params, problem: Problem, encoder: Any) -> Prompts:
        """The labels' words in the templates of these settings."""
        return Prompts(problem, params.forms(problem.inputs), encoder)


STRATEGY = Cloze()
