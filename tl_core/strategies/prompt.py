"""A model that writes, asked for each text without any training or examples (Brown et al. 2020)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tl_core.api.params import param
from tl_core.api.sentences import say
from tl_core.api.strategy import WRITTEN, Strategy
from tl_core.api.types import Facts, Fitted, Job, Predictor, Problem, Steps


@dataclass(frozen=True)
class PromptSettings:
    template: str = param(
        "auto",
        "What the model reads: {text} is the text, {label} what is to be written, \\n a new line;"
        " auto: the text alone for an encoder-decoder model, with a line “summary:” below it for a"
        " causal one. T5 was trained with “summarize: {text}”",
    )
    most_tokens: int = param(64, "Tokens that are written for a text, at most", low=1, high=512)


class Prompt(Strategy):
    id = "prompt"
    order = 35
    title = say("Prompt a model that writes (zero-shot)")
    about = say(
        "Needs no labelled rows: gives each text to a model that writes (T5, BART, GPT) and takes"
        " what it writes. For models that were trained to summarise, translate or follow"
        " instructions."
    )
    tasks = WRITTEN
    other_tasks = say("writes texts, and here labels are chosen; use label-score or cloze.")
    needs = "no labels"
    deterministic = True
    learns_from_few = False
    settings = PromptSettings

    def refuses(self, facts: Facts) -> str:
        """Return why it cannot run: the model must write."""
        from tl_core.models.writing import cannot_write

        return cannot_write(facts, self.id)

    def passes(self, params: PromptSettings, train: int, test: int) -> float:
        """Every test text, and what is written token by token."""
        return float(2 * test)

    def fit(self, job: Job) -> Steps[Fitted]:
        """Open the model."""
        from tl_core.models.prompting.written_prompts import fit_prompted

        p: PromptSettings = job.params
        return (yield from fit_prompted(job, p.template, most_tokens=p.most_tokens))

    def load(self, folder: Path, problem: Problem, encoder: Any) -> Predictor:
        """As saved."""
        from tl_core.models.prompting.written_prompts import load_prompted

        return load_prompted(folder, self.settings, problem, encoder)


STRATEGY = Prompt()
