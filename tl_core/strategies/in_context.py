"""A few labels shown in the prompt: a language model reads rows with their labels, then the text (Brown et al. 2020).

    score(label) = mean over orders of the rows of log p(label | rows in that order, text),   log p as in label-score
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tl_core.errors import UserError
from tl_core.models.demonstrations import PICKS, Shown, ShownPredictor, load_shown
from tl_core.models.prompts import AnswerTemplates, Prompted, calibration_param, fit_prompts, per_token_param, unspoken
from tl_core.models.saved import read_settings
from tl_core.params import param
from tl_core.types import Facts, Fitted, Job, Problem, Steps

ROWS_READ = 20  # an estimate does not know how many fit


@dataclass(frozen=True)
class Params(AnswerTemplates):
    templates: str = param(
        "{text}\\nTopic: {label}", "How a row and its label are shown: {text} is the text, {label} stands at the end, \\n is a new line, several are separated by |"
    )
    between: str = param("\\n\\n", "What stands between one row and the next; \\n is a new line")
    demonstrations: int = param(0, "Rows shown of each label at most; 0 for as many as fit", low=0, high=1000)
    pick: str = param(
        "random", "Which rows are shown: the same to every text (random), those most like it (nearest), or of each label those most like it (diverse)", choices=PICKS
    )
    orders: int = param(4, "In how many orders the rows are shown; their answers are averaged, and the time grows with them", low=1, high=100)
    per_token: bool = per_token_param()
    calibration: str = calibration_param()

    def __post_init__(self) -> None:
        from tl_core.models.language_models.blanks import BLANK, blanks_in

        super().__post_init__()
        if blanks_in(self.between):
            raise UserError(f"What stands between rows holds {BLANK}, which is kept for the label that is asked for. Leave it out of between.")


class InContext(Prompted):
    id = "in-context"
    order = 38
    title = "Rows in the prompt (few-shot)"
    about = "Trains nothing: shows a model that writes (GPT, T5) your labelled rows, then each text, and asks which label it would write next. Large models do it best."
    needs = "a few labels"
    Params = Params

    def refuses(self, facts: Facts) -> str:
        """Needs rows to show, labels in words and a model that writes."""
        if facts.shots == 0:
            return "in-context shows labelled rows in the prompt; choose 1 or more shots, or label-score, which needs none."
        if reason := unspoken(facts, self.id):
            return reason
        if facts.model is None or facts.model.speaks not in ("causal", "sentinel"):
            name = facts.model.name if facts.model else "this arm"
            return f"in-context needs a model that writes, and {name} does not. Choose a causal (GPT) or encoder-decoder (T5) one."
        return ""

    def passes(self, params: Params, train: int, test: int) -> float:
        """As without rows, in every order; rows are read with every text, unless all texts share them."""
        rows = min(train, ROWS_READ)
        texts = params.orders * super().passes(params, train, test)
        return texts + params.orders * rows if params.pick == "random" else texts * (1 + rows)

    def fit(self, job: Job) -> Steps[Fitted]:
        """Check that rows fit and calibrate."""
        return (yield from fit_prompts(Shown(job.train, job.seed, job.params, job.problem, job.encoder), job, ShownPredictor))

    def load(self, folder: Path, problem: Problem, encoder: Any) -> ShownPredictor:
        """Settings, offsets and rows as saved."""
        return load_shown(folder, Params(**read_settings(folder)), problem, encoder)


STRATEGY = InContext()
