"""Prompt-based fine-tuning: a language model learns to fill a blank with the right label's word (LM-BFF; Gao et al. 2021).

    score(label) = log mean over its words w of p(w | the text in the template),   loss = cross-entropy of softmax over labels

There are no new parameters: training starts where cloze stands, and the model's own head answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tl_core.models.prompts import BlankTemplates, unspoken
from tl_core.models.recipes import TRIES, steps_for
from tl_core.params import param
from tl_core.types import Facts, Fitted, Job, Predictor, Problem, Steps

LORA_FASTER = 20  # low-rank matrices want larger steps than the weights they stand beside


@dataclass(frozen=True)
class Params(BlankTemplates):
    train: str = param("all", "What is trained: all weights but the vocabulary's vectors, or low-rank matrices in the upper half of the layers (lora)", choices=("all", "lora"))
    rank: int = param(8, "Size of lora's low-rank update; more learns more and overfits sooner", low=1, high=256)
    demonstrations: int = param(
        0, "Sets of answered training rows, one row of each label, that are read behind a text in turn and averaged; 0 for none", low=0, high=64
    )
    similar: bool = param(False, "Draw demonstrations from the half of a label's rows that are most like the text")
    learning_rate: float = param(1e-4, f"Step size; lora takes steps {LORA_FASTER} times as large", low=1e-7, high=0.1)
    batch: int = param(16, "Texts in an optimizer step", low=1, high=512)
    epochs: int = param(20, "Times every text is seen, unless that gives too few or too many steps", low=1, high=1000)
    min_steps: int = param(60, "At least so many optimizer steps", low=1, high=100_000)
    max_steps: int = param(400, "At most so many optimizer steps", low=1, high=1_000_000)

    @property
    def rate(self) -> float:
        """The step size."""
        return self.learning_rate * (LORA_FASTER if self.train == "lora" else 1)

    def steps(self, rows: int) -> int:
        """Optimizer steps on so many rows."""
        return steps_for(rows, self.batch, epochs=self.epochs, low=self.min_steps, high=self.max_steps)


class PromptTune:
    id = "prompt-tune"
    version = 1
    order = 78
    title = "Prompt-based fine-tuning (LM-BFF)"
    about = "Puts each text into a sentence with a blank and trains a language model to fill it with the right label's word. Needs few labels where their words are good."
    needs = "a few labels"
    uses_model = True
    Params = Params
    tries = TRIES

    def refuses(self, facts: Facts) -> str:
        """Needs rows to learn from, labels in words, and a model that fills blanks."""
        if facts.shots == 0:
            return f"{self.id} needs labelled rows; choose 1 or more shots, or cloze, which needs none."
        if reason := unspoken(facts, self.id):
            return reason
        if facts.model is None or facts.model.speaks != "masked":
            name = facts.model.name if facts.model else "this arm"
            return f"{self.id} trains a masked language model (BERT and its relatives) to fill a blank, and {name} is none with its head. Choose one, such as model=minilm-masked, or lora, which works with any."
        return ""

    def passes(self, params: Params, train: int, test: int) -> float:
        """Every step trains a batch (lora leaves out the lower half's way back); then the test rows, with each set of demonstrations."""
        back = 2.0 if params.train == "all" else 1.0
        return (1.0 + back) * params.steps(train) * min(params.batch, train) + len(params.forms("one text")) * max(1, params.demonstrations) * test

    def fit(self, job: Job) -> Steps[Fitted]:
        """From the model as it is: its head and the labels' words are the classifier."""
        from tl_core.models.prompt_tuning import fit_prompt_tuning

        return (yield from fit_prompt_tuning(job))

    def load(self, folder: Path, problem: Problem, encoder) -> Predictor:
        """Changed weights and demonstrations as saved, on the same model."""
        from tl_core.models.prompt_tuning import load_prompt_tuning

        return load_prompt_tuning(folder, problem, encoder, Params)


STRATEGY = PromptTune()
