"""Zero-shot by likelihood: the label a language model would rather write after a prompt (Brown et
al. 2020).

score(label) = log mean over its words w of p(w | prompt),   log p(w) = sum over its tokens of log
p(token | what is before)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tl_core.api.sentences import say
from tl_core.api.types import Facts, Problem
from tl_core.models.prompting.prompts import (
    AnswerTemplates,
    Prompted,
    Prompts,
    calibration_param,
    per_token_param,
    wordless,
)


@dataclass(frozen=True)
class LabelScoreSettings(AnswerTemplates):
    per_token: bool = per_token_param()
    calibration: str = calibration_param()


class LabelScore(Prompted):
    id = "label-score"
    version = 2
    cut_since = 2
    order = 34
    title = say("Likeliest label (zero-shot)")
    about = say(
        "Needs no labelled rows: a generative model (GPT, T5) reads each text and scores how"
        " likely it is to write each label next. For models that cannot fill blanks."
    )
    settings = LabelScoreSettings

    def refuses(self, facts: Facts) -> str:
        """Labels must be words, and the model must write."""
        if reason := wordless(facts, self.id):
            return reason
        if facts.model is None or facts.model.speaks not in ("causal", "sentinel"):
            name = facts.model.name if facts.model else say("this arm")
            if facts.model and facts.model.speaks:
                return say(
                    "label-score needs a model that writes, and {name} does not. Use cloze with it,"
                    " or a causal (GPT) or encoder-decoder (T5) one.",
                    name=name,
                )
            return say(
                "label-score needs a model that writes, and {name} does not. Choose a causal (GPT)"
                " or encoder-decoder (T5) one.",
                name=name,
            )
        return ""

    def prompts(self, params: LabelScoreSettings, problem: Problem, encoder: Any) -> Prompts:
        """The labels' words in the templates of these settings."""
        return Prompts(
            problem, params.forms(problem.inputs), encoder, answers=True, per_token=params.per_token
        )


STRATEGY = LabelScore()
