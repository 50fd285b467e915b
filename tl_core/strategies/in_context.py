"""A few labels shown in the prompt: a language model reads rows with their labels, then the text
(Brown et al. 2020).

score(label) = mean over orders of the rows of log p(label | rows in that order, text),   log p as
in label-score
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tl_core.api.errors import UserError
from tl_core.api.params import korean_defaults, param
from tl_core.api.sentences import say
from tl_core.api.strategy import ONE_LABEL, QUESTIONS, WRITTEN
from tl_core.api.types import Facts, Fitted, Job, Problem, Steps
from tl_core.models.prompting.answered_prompts import fit_reader, load_reader
from tl_core.models.prompting.demonstrations import PICKS, Shown, ShownPredictor, load_shown
from tl_core.models.prompting.prompts import (
    OTHER_TASKS,
    AnswerTemplates,
    Prompted,
    calibration_param,
    fit_prompts,
    per_token_param,
    wordless,
)
from tl_core.models.prompting.written_prompts import fit_prompted, load_prompted
from tl_core.models.saved import read_settings
from tl_core.models.writing import cannot_write
from tl_core.tasks import task_of

ROWS_READ = 20  # an estimate does not know how many fit


@dataclass(frozen=True)
class InContextSettings(AnswerTemplates):
    templates: str = param(
        "{text}\\nTopic: {label}",
        "Format of a row with its label: {text} is the text, {label} comes at the end, \\n is a"
        " new line, several are separated by |",
        korean="{text}\\n주제: {label}",
    )
    between: str = param("\\n\\n", "What separates one row from the next; \\n is a new line")
    demonstrations: int = param(
        0, "Maximum rows shown per label; 0 for as many as fit", low=0, high=1000
    )
    pick: str = param(
        "random",
        "Which rows are shown: the same to every text (random), those most like it (nearest), or of"
        " each label those most like it (diverse)",
        choices=PICKS,
    )
    orders: int = param(
        4,
        "In how many orders the rows are shown; their predictions are averaged, and the time"
        " grows with them",
        low=1,
        high=100,
    )
    per_token: bool = per_token_param()
    calibration: str = calibration_param()

    def __post_init__(self) -> None:
        from tl_core.models.language_models.blanks import BLANK, blanks_in

        super().__post_init__()
        if blanks_in(self.between):
            raise UserError(
                say(
                    "The separator between rows holds {blank}, which is kept for the label that"
                    " is asked for. Leave it out of between.",
                    blank=BLANK,
                )
            )


class InContext(Prompted):
    id = "in-context"
    order = 38
    title = say("Rows in the prompt (few-shot)")
    about = say(
        "Trains nothing: shows a model that writes (GPT, T5) your labelled rows, then each text,"
        " and asks which label it would write next. Large models do it best."
    )
    needs = "a few labels"
    tasks = ONE_LABEL | WRITTEN | QUESTIONS
    other_tasks = OTHER_TASKS
    settings = InContextSettings

    def refuses(self, facts: Facts) -> str:
        """Return why it cannot run: it needs rows to show, labels in words and a model that
        writes.
        """
        if facts.shots == 0:
            return say(
                "in-context shows labelled rows in the prompt; choose 1 or more shots, or"
                " label-score, which needs none."
            )
        if task_of(facts.problem).writes or task_of(facts.problem).alternatives:
            return cannot_write(facts, self.id)
        if reason := wordless(facts, self.id):
            return reason
        if facts.model is None or facts.model.speaks not in ("causal", "sentinel"):
            name = facts.model.name if facts.model else "this arm"
            return say(
                "in-context needs a model that writes, and {name} does not. Choose a causal"
                " (GPT) or encoder-decoder (T5) one.",
                name=name,
            )
        return ""

    def passes(self, params: InContextSettings, train: int, test: int) -> float:
        """As without rows, in every order; rows are read with every text, unless all texts share
        them.
        """
        rows = min(train, ROWS_READ)
        texts = params.orders * super().passes(params, train, test)
        return texts + params.orders * rows if params.pick == "random" else texts * (1 + rows)

    def fit(self, job: Job) -> Steps[Fitted]:
        """Check that rows fit and calibrate; where a text is written or a question answered, there
        is nothing to calibrate, and rows are shown in one order.
        """
        if task_of(job.problem).alternatives:
            return (yield from self._fit_reader(job))
        if task_of(job.problem).writes:
            p: InContextSettings = job.params
            own = _is_own(p, "templates")
            return (
                yield from fit_prompted(
                    job,
                    p.templates.removesuffix(" {label}") if own else "{text}\n{label}:",
                    shown=p.demonstrations,
                    nearest=p.pick != "random",
                )
            )
        return (
            yield from fit_prompts(
                Shown(job.train, job.seed, job.params, job.problem, job.encoder),
                job,
                ShownPredictor,
            )
        )

    def _fit_reader(self, job: Job) -> Steps[Fitted]:
        """
        Raises:
            UserError: a template was set, which is for labels.
        """
        p = job.params
        own = [name for name in ("templates", "pair_templates") if _is_own(p, name)]
        if own:
            raise UserError(
                say(
                    "in-context: {own} is the form of a row with its label, and here questions are"
                    " answered, whose form is fixed. Leave it out.",
                    own=", ".join(own),
                )
            )
        return (yield from fit_reader(job, shown=p.demonstrations, nearest=p.pick != "random"))

    def keeps_rows(self, params: Any) -> bool:
        """It shows them to the model before every text."""
        return True

    def load(self, folder: Path, problem: Problem, encoder: Any) -> Any:
        """Settings, offsets and rows as saved."""
        if task_of(problem).writes:
            return load_prompted(folder, self.settings, problem, encoder)
        if task_of(problem).alternatives:
            return load_reader(folder, self.settings, problem, encoder)
        return load_shown(folder, InContextSettings(**read_settings(folder)), problem, encoder)


def _is_own(params: InContextSettings, name: str) -> bool:
    """Whether a setting is neither of the usual ones, of English and Korean labels."""
    usual = getattr(InContextSettings(), name), korean_defaults(InContextSettings).get(name)
    return getattr(params, name) not in usual


STRATEGY = InContext()
