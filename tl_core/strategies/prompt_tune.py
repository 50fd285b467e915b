"""Prompt-based fine-tuning: a language model learns to fill a blank with the right label's word
(LM-BFF; Gao et al. 2021).

    score(label) = log mean over its words w of p(w | the text in the template),   loss =
    cross-entropy of softmax over labels

There are no new parameters: training starts where cloze is, and the model's own head answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tl_core.api.params import param
from tl_core.api.sentences import say
from tl_core.api.strategy import ONE_LABEL, Strategy
from tl_core.api.types import Facts, Fitted, Job, Predictor, Problem, Steps
from tl_core.models.prompting.prompts import OTHER_TASKS, BlankTemplates, wordless
from tl_core.models.training.settings import TRIES, StepSettings, max_steps_param

LORA_FASTER = 20  # low-rank matrices want larger steps than the weights they are next to


@dataclass(frozen=True)
class PromptTuneSettings(StepSettings, BlankTemplates):
    train: str = param(
        "all",
        "What is trained: all weights but the vocabulary's vectors, or low-rank matrices in the"
        " upper half of the layers (lora)",
        choices=("all", "lora"),
    )
    rank: int = param(
        8, "Size of lora's low-rank update; more learns more and overfits sooner", low=1, high=256
    )
    demonstrations: int = param(
        0,
        "Sets of labelled training rows, one row of each label, that are read after a text in"
        " turn and averaged; 0 for none",
        low=0,
        high=64,
    )
    similar: bool = param(
        False, "Draw demonstrations from the half of a label's rows that are most like the text"
    )
    learning_rate: float = param(
        1e-4,
        say("Learning rate; lora uses one {times} times as large", times=LORA_FASTER),
        low=1e-7,
        high=0.1,
    )
    max_steps: int = max_steps_param(400)

    @property
    def rate(self) -> float:
        """The step size."""
        return self.learning_rate * (LORA_FASTER if self.train == "lora" else 1)


class PromptTune(Strategy):
    id = "prompt-tune"
    order = 78
    title = say("Prompt-based fine-tuning (LM-BFF)")
    about = say(
        "Puts each text into a sentence with a blank and trains a language model to fill it with"
        " the correct label's word. Needs few labels if their words are good."
    )
    tasks = ONE_LABEL
    other_tasks = OTHER_TASKS
    reads_label_names = True
    learns_from_few = False  # what a prompt brings is in the model
    settings = PromptTuneSettings
    tries = TRIES

    def refuses(self, facts: Facts) -> str:
        """Return why it cannot run: it needs rows to learn from, labels in words, and a model that
        fills blanks.
        """
        if facts.shots == 0:
            return say(
                "{id} needs labelled rows; choose 1 or more shots, or cloze, which needs none.",
                id=self.id,
            )
        if reason := wordless(facts, self.id):
            return reason
        if facts.model is None or facts.model.speaks != "masked":
            name = facts.model.name if facts.model else "this arm"
            return say(
                "{id} trains a masked language model (BERT and its relatives) to fill a blank,"
                " and {name} is none with its head. Choose one, such as model=minilm-masked, or"
                " lora, which works with any.",
                id=self.id,
                name=name,
            )
        return ""

    def passes(self, params: PromptTuneSettings, train: int, test: int) -> float:
        """Every step trains a batch (lora leaves out the lower half's way back); then the test
        rows, with each set of demonstrations.
        """
        back = 2.0 if params.train == "all" else 1.0
        return (1.0 + back) * params.steps(train) * min(params.batch, train) + len(
            params.forms("one text")
        ) * max(1, params.demonstrations) * test

    def fit(self, job: Job) -> Steps[Fitted]:
        """Fit from the model as it is: its head and the labels' words are the classifier."""
        from tl_core.models.prompting.prompt_tuning import fit_prompt_tuning

        return (yield from fit_prompt_tuning(job))

    def keeps_rows(self, params: PromptTuneSettings) -> bool:
        """Demonstrations are rows."""
        return params.demonstrations > 0

    def load(self, folder: Path, problem: Problem, encoder) -> Predictor:
        """Changed weights and demonstrations as saved, on the same model."""
        from tl_core.models.prompting.prompt_tuning import load_prompt_tuning

        return load_prompt_tuning(folder, problem, encoder, PromptTuneSettings)


STRATEGY = PromptTune()
