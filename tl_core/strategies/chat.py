"""A chat model behind an OpenAI-compatible endpoint, told the labels and shown labelled rows (Brown et al. 2020).

    score(label) = p(its letter | task, labels, rows with their letters, text), over all letters, where the endpoint tells it;
    else 1 for the label it chose
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tl_core.errors import UserError
from tl_core.params import param
from tl_core.types import Example, Facts, Fitted, Job, Problem, Step, Steps

if TYPE_CHECKING:
    from tl_core.models.chat_endpoint import Endpoint, Manner, Rejected, Reply
    from tl_core.models.chat_prompts import Questions

SECONDS_AN_ANSWER = 1.0  # until a machine has shown otherwise
CHARACTERS_A_TOKEN = 4.0
TOKENS_A_LABEL = 6  # that a list of marks takes
QUOTED = 80  # characters of an answer that was none


@dataclass(frozen=True)
class Params:
    endpoint_model: str = param("", "The model to ask, as the endpoint calls it; empty takes the one in TL_CHAT_MODEL")
    instruction: str = param("", "What else the model is told about the task, in a sentence or two, before the labels")
    most_examples: int = param(64, "Labelled rows shown before every text, at most; as many of each label", low=1, high=2000)
    most_characters: int = param(8000, "Characters of a text that are sent, at most", low=20, high=1_000_000)
    answer_tokens: int = param(16, "Tokens an answer may have; raise it for a model that thinks before it answers", low=1, high=100_000)
    probabilities: bool = param(True, "Ask how likely each label is, where the endpoint tells it; else only for its choice")


class Chat:
    id = "chat"
    version = 1
    order = 36
    title = "Ask a chat model"
    about = "Describes the labels to a chat model behind an OpenAI-compatible endpoint, shows it labelled rows if there are any, and asks for each text. For when a request per text is affordable: texts are sent there."
    needs = "a few labels"
    also_without_labels = True
    uses_model = False
    says_which_apply = True
    Params = Params

    def refuses(self, facts: Facts) -> str:
        """Without rows to show, names must mean something."""
        if facts.shots == 0 and not facts.named_labels:
            return (
                "chat tells a model the names of labels, and some of yours are bare numbers, which say nothing without labelled rows. "
                "Choose 1 or more shots, or give them names or descriptions in the label table (on the page, or with --labels FILE)."
            )
        return ""

    def settled(self, params: Params) -> Params:
        """With the name of the model written out.

        Raises:
            UserError: the environment names no endpoint, or nothing names a model.
        """
        from tl_core.models.chat_endpoint import endpoint_of, settled_model

        return dataclasses.replace(params, endpoint_model=settled_model(params.endpoint_model, endpoint_of()))

    def passes(self, params: Params, train: int, test: int) -> float:
        """Nothing goes through a network here."""
        return 0.0

    def waits(self, test: int) -> float:
        """About how many seconds a run waits for answers."""
        from tl_core.models.chat_endpoint import endpoint_of

        try:
            return test * SECONDS_AN_ANSWER / endpoint_of().parallel
        except UserError:
            return 0.0  # the run will say what is wrong

    def sends_to(self) -> Endpoint:
        """Where texts are sent.

        Raises:
            UserError: the environment names no endpoint.
        """
        from tl_core.models.chat_endpoint import endpoint_of

        return endpoint_of()

    def tokens(self, params: Params, problem: Problem, train: Sequence[Example], test: Sequence[Example]) -> float:
        """About how many tokens a run sends."""
        from tl_core.models.chat_prompts import demonstrations

        questions = _questions(params, problem)
        shown = demonstrations(train, params.most_examples, 0)
        before = sum(len(m["content"]) for m in questions.messages(Example(0, "", ""), shown))
        return sum(before + len(questions.turn(e)) for e in test) / CHARACTERS_A_TOKEN

    def probe(self, params: Params, *, probabilities: bool = False) -> Steps[Manner]:
        """Ask the endpoint something that holds no text of the study, to see that it answers and how.

        Raises:
            UserError: it does not answer, or none is set.
        """
        from tl_core.models.chat_endpoint import Client, Manner, endpoint_of

        manner = Manner() if probabilities else Manner(alternatives=0)
        return (yield from Client(endpoint_of()).probe(params.endpoint_model, params.answer_tokens, manner))

    def fit(self, job: Job) -> Steps[Fitted]:
        """See how the endpoint answers, and choose the rows to show."""
        from tl_core.models.chat_prompts import demonstrations

        has_letters = _questions(job.params, job.problem).has_letters
        manner = yield from self.probe(job.params, probabilities=job.params.probabilities and has_letters)
        shown = demonstrations(job.train, job.params.most_examples, job.seed)
        notes = [f"{len(shown):,} of {len(job.train):,} labelled rows were shown (most_examples)."] if len(shown) < len(job.train) else []
        yield Step(1, 1)
        return Fitted(Predictor(job.params, job.problem, shown, manner), notes=tuple(notes))

    def load(self, folder: Path, problem: Problem, encoder: Any) -> Predictor:
        """Settings, rows to show and manner as saved."""
        from tl_core.models.chat_endpoint import Manner

        saved = json.loads((folder / FILE).read_text(encoding="utf-8"))
        shown = tuple(Example(**{**row, "labels": tuple(row["labels"])}) for row in saved["shown"])
        return Predictor(Params(**saved["settings"]), problem, shown, Manner(**saved["manner"]))


class Predictor:
    """Asks about every text in a message of its own. What it last spent is in `spent`, and whether it has only choices."""

    def __init__(self, params: Params, problem: Problem, shown: Sequence[Example], manner: Manner):
        self.params, self.problem, self.shown, self.manner = params, problem, shown, manner
        self.notes: tuple[str, ...] = ()
        self.spent: dict[str, int] = {}
        self.choices_only = False

    def predict(self, examples: Sequence[Example]) -> Steps[np.ndarray]:
        """(n, C) float32.

        Raises:
            UserError: the endpoint does not answer, or none of the texts got a label.
        """
        from tl_core.models.chat_endpoint import Client, Reply, endpoint_of

        questions, client, p = _questions(self.params, self.problem), Client(endpoint_of()), self.params
        limit = p.answer_tokens + (TOKENS_A_LABEL * len(self.problem.labels) if questions.many else 0)
        before = questions.messages(Example(0, "", ""), self.shown)[:-1]  # the same for all of them
        bodies = (self.manner.request(p.endpoint_model, [*before, {"role": "user", "content": questions.turn(e)}], limit) for e in examples)
        answers: list[Any] = [None] * len(examples)
        done = 0
        yield Step(0, len(examples), phase="predict")
        with closing(client.ask_each(bodies)) as arriving:
            for item in arriving:
                if item is not None:
                    answers[item[0]] = item[1]
                    done += 1
                yield Step(done, len(examples), phase="predict")
        replies = [a for a in answers if isinstance(a, Reply)]
        self.spent = {"requests": len(answers), "tokens_in": sum(r.tokens_in for r in replies), "tokens_out": sum(r.tokens_out for r in replies)}
        scores, unlabelled = self._scores(questions, examples, answers)
        self.notes = (*self._notes(questions, examples, unlabelled), *_cost(client.endpoint, self.spent), *_who(p.endpoint_model, replies))
        return scores

    def _scores(self, questions: Questions, examples: Sequence[Example], answers: Sequence[Reply | Rejected]) -> tuple[np.ndarray, list[Reply | Rejected]]:
        """((n, C), the answers that name no label)."""
        from tl_core.models.chat_endpoint import Reply

        scores = np.zeros((len(examples), len(self.problem.labels)), dtype=np.float32)
        unlabelled, shares = [], 0
        for row, (example, answer) in enumerate(zip(examples, answers, strict=True)):
            named = questions.read(answer.text) if isinstance(answer, Reply) and not answer.refused else None
            if named is None:
                scores[row] = questions.no_answer(example)
                unlabelled.append(answer)
                continue
            told = questions.probabilities(answer, named[0]) if named else None
            scores[row, list(named)] = 1.0
            if told is not None:
                scores[row], shares = told, shares + 1
        self.choices_only = shares + len(unlabelled) < len(examples) or not shares
        if unlabelled and len(unlabelled) == len(examples):
            raise UserError(
                f"{self.params.endpoint_model} gave none of {len(examples):,} texts a label ({_kinds(unlabelled)}). "
                f"Choose another model, say more in instruction, or raise answer_tokens (now {self.params.answer_tokens}) if it thinks before it answers."
            )
        return scores, unlabelled

    def _notes(self, questions: Questions, examples: Sequence[Example], unlabelled: Sequence[Reply | Rejected]) -> list[str]:
        notes = []
        if unlabelled:
            got = "no label" if questions.many else "one at random"
            notes.append(f"{len(unlabelled):,} of {len(examples):,} texts got no label from the model and were given {got}: {_kinds(unlabelled)}.")
        if cut := sum(map(questions.is_cut, examples)):
            notes.append(f"Of {cut:,} of {len(examples):,} texts only the first {self.params.most_characters:,} characters were sent (most_characters).")
        if self.choices_only:
            notes.append("The model's choices are known, their probabilities are not: how well it knows what it knows cannot be said.")
        return notes

    def save(self, folder: Path) -> None:
        """Write settings, rows to show and manner; neither address nor key."""
        shown = [{"row": e.row, "text": e.text, "text_b": e.text_b, "labels": e.labels} for e in self.shown]
        saved = {"settings": dataclasses.asdict(self.params), "manner": dataclasses.asdict(self.manner), "shown": shown}
        (folder / FILE).write_text(json.dumps(saved), encoding="utf-8")


def _questions(params: Params, problem: Problem) -> Questions:
    from tl_core.models.chat_prompts import Questions

    return Questions(problem, params.instruction, params.most_characters)


def _kinds(unlabelled: Sequence[Reply | Rejected]) -> str:
    """How many were refused, not taken, or answered with something else, and the first of these."""
    from tl_core.models.chat_endpoint import Rejected

    rejected = [a for a in unlabelled if isinstance(a, Rejected)]
    refused = [a for a in unlabelled if not isinstance(a, Rejected) and a.refused]
    other = [a for a in unlabelled if not isinstance(a, Rejected) and not a.refused]
    said = [f"{len(refused):,} refused"] if refused else []
    if rejected:
        said.append(f"{len(rejected):,} not taken by the endpoint, which says: {rejected[0].complaint.rstrip('.')}")
    if other:
        words = " ".join(other[0].text.split())
        said.append(f"{len(other):,} answered with something else, such as {words[:QUOTED] + '…' if len(words) > QUOTED else words!r}")
    return "; ".join(said)


def _cost(endpoint: Endpoint, spent: dict[str, int]) -> list[str]:
    if not spent["tokens_in"]:
        return ["The endpoint does not say how many tokens it read."]
    price = endpoint.cost(spent["tokens_in"], spent["tokens_out"])
    paid = "" if price is None else f"; at the price in TL_CHAT_PRICE about {price:.2g}"
    return [f"{spent['tokens_in']:,} tokens sent, {spent['tokens_out']:,} received{paid}."]


def _who(asked: str, replies: Sequence[Reply]) -> list[str]:
    """Who answered, where the endpoint gives it another name: what stands behind a name changes."""
    names = sorted({r.model for r in replies} - {"", asked})
    return [f"The endpoint says that {', '.join(name[:QUOTED] for name in names[:3])} answered."] if names else []


FILE = "chat.json"

STRATEGY = Chat()
