"""A chat model behind an OpenAI-compatible endpoint, told the labels and shown labelled rows (Brown
et al. 2020).

score(label) = p(its letter | task, labels, rows with their letters, text), over all letters, where
the endpoint returns it; else 1 for the label it chose
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

from tl_core.api.errors import UserError
from tl_core.api.params import param
from tl_core.api.sentences import Setting, say, together
from tl_core.api.strategy import LABELS, QUESTIONS, TAGS, WRITTEN, Strategy
from tl_core.api.types import Example, Facts, Fitted, Job, Problem, Step, Steps
from tl_core.api.written import as_numbers
from tl_core.tasks import task_of

if TYPE_CHECKING:
    from tl_core.models.prompting.chat_endpoint import Endpoint, Manner, Rejected, Reply
    from tl_core.models.prompting.chat_prompts import Questions, WrittenQuestions
    from tl_core.models.prompting.span_prompts import SpanQuestions

SECONDS_AN_ANSWER = 1.0  # until a machine has shown otherwise
CHARACTERS_A_TOKEN = 4.0
TOKENS_A_LABEL = 6  # that a list of marks takes
WRITTEN_TOKENS = 256  # of a text that is written, beyond those of a mark
ANSWER_TOKENS, SPANS_TOKENS = 128, 1024  # of an answer to a question, and of a list of spans
FEWEST_CHARACTERS_A_TOKEN = 1.0  # as in Korean
QUOTED = 80  # characters of an answer that was none


@dataclass(frozen=True)
class ChatSettings:
    endpoint_model: str = param(
        "", "The model to ask, as the endpoint calls it; empty takes the one in TL_CHAT_MODEL"
    )
    instruction: str = param(
        "",
        "Further instructions for the model about the task, in a sentence or two, before"
        " the labels",
    )
    most_examples: int = param(
        64,
        "Labelled rows shown before every text, at most; as many of each label",
        low=1,
        high=2000,
    )
    most_characters: int = param(
        8000, "Characters of a text that are sent, at most", low=20, high=1_000_000
    )
    answer_tokens: int = param(
        16,
        "Tokens a reply may have; raise it for a model that thinks before it answers",
        low=1,
        high=100_000,
    )
    probabilities: bool = param(
        True,
        "Ask how likely each label is, where the endpoint reports it; otherwise only its choice",
    )


class Chat(Strategy):
    id = "chat"
    order = 36
    title = say("Ask a chat model")
    about = say(
        "Describes the labels to a chat model behind an OpenAI-compatible endpoint, shows it"
        " labelled rows if there are any, and asks about each text. For when you can afford a"
        " request per text; the texts are sent to the endpoint."
    )
    tasks = LABELS | WRITTEN | TAGS | QUESTIONS
    also_without_labels = True
    sends_texts = True
    uses_model = False
    says_which_apply = True
    settings = ChatSettings

    def refuses(self, facts: Facts) -> str:
        """Return why it cannot run: without rows to show, names must mean something."""
        if task_of(facts.problem).writes or task_of(facts.problem).alternatives:
            return ""
        if facts.shots == 0 and not facts.named_labels:
            return say(
                "chat tells a model the names of labels, and some of yours are bare numbers,"
                " which say nothing without labelled rows. Choose 1 or more shots, or give them"
                " names or descriptions in the label table ({labels}).",
                labels=Setting("labels"),
            )
        return ""

    def settled(self, params: ChatSettings) -> ChatSettings:
        """Return the settings with the name of the model written out.

        Raises:
            UserError: the environment names no endpoint, or nothing names a model.
        """
        from tl_core.models.prompting.chat_endpoint import endpoint_of, settled_model

        return dataclasses.replace(
            params, endpoint_model=settled_model(params.endpoint_model, endpoint_of())
        )

    def waits(self, test: int) -> float:
        """About how many seconds a run waits for answers."""
        from tl_core.models.prompting.chat_endpoint import endpoint_of

        try:
            return test * SECONDS_AN_ANSWER / endpoint_of().parallel
        except UserError:
            return 0.0  # the run will say what is wrong

    def sends_to(self) -> Endpoint:
        """Return the endpoint to which texts are sent.

        Raises:
            UserError: the environment names no endpoint.
        """
        from tl_core.models.prompting.chat_endpoint import endpoint_of

        return endpoint_of()

    def tokens(
        self,
        params: ChatSettings,
        problem: Problem,
        train: Sequence[Example],
        test: Sequence[Example],
    ) -> float:
        """About how many tokens a run sends."""
        from tl_core.models.prompting.chat_prompts import demonstrations

        questions = _questions(params, problem)
        shown = demonstrations(train, params.most_examples, 0)
        before = sum(len(m["content"]) for m in questions.messages(Example(0, "", ""), shown))
        return sum(before + len(questions.turn(e)) for e in test) / CHARACTERS_A_TOKEN

    def probe(self, params: ChatSettings, *, probabilities: bool = False) -> Steps[Manner]:
        """Ask the endpoint something that holds no text of the study, to see that it answers and
        how.

        Raises:
            UserError: it does not answer, or none is set.
        """
        from tl_core.models.prompting.chat_endpoint import Client, Manner, endpoint_of

        manner = Manner() if probabilities else Manner(alternatives=0)
        return (
            yield from Client(endpoint_of()).probe(
                params.endpoint_model, params.answer_tokens, manner
            )
        )

    def fit(self, job: Job) -> Steps[Fitted]:
        """See how the endpoint answers, and choose the rows to show."""
        from tl_core.models.prompting.chat_prompts import demonstrations

        has_letters = _questions(job.params, job.problem).has_letters
        manner = yield from self.probe(
            job.params, probabilities=job.params.probabilities and has_letters
        )
        shown = demonstrations(job.train, job.params.most_examples, job.seed)
        notes = (
            [
                say(
                    "{shown:,} of {train:,} labelled rows were shown (most_examples).",
                    shown=len(shown),
                    train=len(job.train),
                )
            ]
            if len(shown) < len(job.train)
            else []
        )
        yield Step(1, 1)
        return Fitted(Predictor(job.params, job.problem, shown, manner), notes=tuple(notes))

    def keeps_rows(self, params: ChatSettings) -> bool:
        """It shows them to the model, where there are any."""
        return params.most_examples > 0

    def load(self, folder: Path, problem: Problem, encoder: Any) -> Predictor:
        """Settings, rows to show and manner as saved."""
        from tl_core.models.prompting.chat_endpoint import Manner

        saved = json.loads((folder / FILE).read_text(encoding="utf-8"))
        shown = tuple(
            Example(
                **{
                    **row,
                    "labels": tuple(row["labels"]),
                    "answer": tuple(map(_frozen, row.get("answer", ()))),
                    "words": _frozen(row.get("words")),
                }
            )
            for row in saved["shown"]
        )
        return Predictor(
            ChatSettings(**saved["settings"]), problem, shown, Manner(**saved["manner"])
        )


class Predictor:
    """A predictor that asks about every text in a message of its own.

    What it last spent is in `spent`, and whether it has only choices.
    """

    def __init__(
        self, params: ChatSettings, problem: Problem, shown: Sequence[Example], manner: Manner
    ):
        self.params, self.problem, self.shown, self.manner = params, problem, shown, manner
        self.notes: tuple[str, ...] = ()
        self.spent: dict[str, int] = {}
        self.choices_only = False

    def predict(self, examples: Sequence[Example]) -> Steps[np.ndarray]:
        """(n, C) float32.

        Raises:
            UserError: the endpoint does not answer, or none of the texts got a label.
        """
        from tl_core.models.prompting.chat_endpoint import Client, Reply, endpoint_of
        from tl_core.models.prompting.chat_prompts import WrittenQuestions
        from tl_core.models.prompting.span_prompts import SpanQuestions

        questions, client, p = (
            _questions(self.params, self.problem),
            Client(endpoint_of()),
            self.params,
        )
        limit = p.answer_tokens + self._more_tokens(questions)
        before = questions.messages(Example(0, "", ""), self.shown)[:-1]  # the same for all of them
        bodies = (
            self.manner.request(
                p.endpoint_model, [*before, {"role": "user", "content": questions.turn(e)}], limit
            )
            for e in examples
        )
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
        self.spent = {
            "requests": len(answers),
            "tokens_in": sum(r.tokens_in for r in replies),
            "tokens_out": sum(r.tokens_out for r in replies),
        }
        if isinstance(questions, WrittenQuestions):
            scores, unlabelled = self._written(questions, examples, answers)
        elif isinstance(questions, SpanQuestions):
            scores, unlabelled = self._stretches(questions, examples, answers)
        else:
            scores, unlabelled = self._scores(questions, examples, answers)
        self.notes = (
            *self._notes(questions, examples, unlabelled),
            *_cost(client.endpoint, self.spent),
            *_who(p.endpoint_model, replies),
        )
        return scores

    def _more_tokens(self, questions: Questions | WrittenQuestions | SpanQuestions) -> int:
        """Beyond what a mark takes."""
        if task_of(self.problem).by_word:
            return ANSWER_TOKENS if task_of(self.problem).alternatives else SPANS_TOKENS
        if task_of(self.problem).writes:
            longest = max((len(e.answer[0]) for e in self.shown), default=0)
            return max(WRITTEN_TOKENS, round(2 * longest / FEWEST_CHARACTERS_A_TOKEN))
        return TOKENS_A_LABEL * len(self.problem.labels) if questions.many else 0

    def _written(
        self,
        questions: WrittenQuestions,
        examples: Sequence[Example],
        answers: Sequence[Reply | Rejected],
    ) -> tuple[np.ndarray, list[Reply | Rejected]]:
        """((n, L) characters, the answers that hold no text)."""
        from tl_core.models.prompting.chat_endpoint import Reply

        found, none = [], []
        for answer in answers:
            fine = isinstance(answer, Reply) and not answer.refused
            text = questions.written(answer.text) if isinstance(answer, Reply) and fine else ""
            found.append(text)
            if not text:
                none.append(answer)
        self.choices_only = True
        if failed := self._if_all_failed(none, examples):
            raise UserError(
                say(
                    "{endpoint_model} wrote nothing for any of {examples:,} texts ({kinds}). Choose"
                    " another model, say more in instruction, or raise answer_tokens (now"
                    " {answer_tokens}) if it thinks before it answers.",
                    **failed,
                )
            )
        return as_numbers(found), none

    def _stretches(
        self,
        questions: SpanQuestions,
        examples: Sequence[Example],
        answers: Sequence[Reply | Rejected],
    ) -> tuple[np.ndarray, list[Reply | Rejected]]:
        """((n, W, ...), the answers that name nothing of their text)."""
        from tl_core.models.prompting.chat_endpoint import Reply

        rows, none = [], []
        for example, answer in zip(examples, answers, strict=True):
            named = None
            if isinstance(answer, Reply) and not answer.refused:
                named = questions.found(answer.text, example)
            if named is None:
                none.append(answer)
            rows.append(dataclasses.replace(example, answer=named or ()))
        self.choices_only = True
        if failed := self._if_all_failed(none, examples):
            raise UserError(
                say(
                    "{endpoint_model} named nothing of any of {examples:,} texts ({kinds}). Choose"
                    " another model, say more in instruction, or raise answer_tokens (now"
                    " {answer_tokens}) if it thinks before it answers.",
                    **failed,
                )
            )
        return task_of(self.problem).sure_scores(self.problem, rows), none

    def _if_all_failed(
        self, failed: Sequence[Reply | Rejected], examples: Sequence[Example]
    ) -> dict[str, Any]:
        """What is said of it where no answer was of use; nothing where one was."""
        if not failed or len(failed) < len(examples):
            return {}
        return {
            "endpoint_model": self.params.endpoint_model,
            "examples": len(examples),
            "kinds": _kinds(failed),
            "answer_tokens": self.params.answer_tokens,
        }

    def _scores(
        self, questions: Questions, examples: Sequence[Example], answers: Sequence[Reply | Rejected]
    ) -> tuple[np.ndarray, list[Reply | Rejected]]:
        """((n, C), the answers that name no label)."""
        from tl_core.models.prompting.chat_endpoint import Reply

        scores = np.zeros((len(examples), len(self.problem.labels)), dtype=np.float32)
        unlabelled, shares = [], 0
        for row, (example, answer) in enumerate(zip(examples, answers, strict=True)):
            named = None
            if isinstance(answer, Reply) and not answer.refused:
                named = questions.read(answer.text)
            if named is None or not isinstance(answer, Reply):
                scores[row] = questions.no_answer(example)
                unlabelled.append(answer)
                continue
            told = questions.probabilities(answer, named[0]) if named else None
            scores[row, list(named)] = 1.0
            if told is not None:
                scores[row], shares = told, shares + 1
        self.choices_only = shares + len(unlabelled) < len(examples) or not shares
        if failed := self._if_all_failed(unlabelled, examples):
            raise UserError(
                say(
                    "{endpoint_model} gave none of {examples:,} texts a label ({kinds}). Choose"
                    " another model, say more in instruction, or raise answer_tokens (now"
                    " {answer_tokens}) if it thinks before it answers.",
                    **failed,
                )
            )
        return scores, unlabelled

    def _notes(
        self,
        questions: Questions | SpanQuestions,
        examples: Sequence[Example],
        unlabelled: Sequence[Reply | Rejected],
    ) -> list[str]:
        notes: list[str] = []
        if unlabelled and task_of(self.problem).writes:
            notes.append(
                say(
                    "For {unlabelled:,} of {examples:,} texts the model wrote nothing: {kinds}.",
                    unlabelled=len(unlabelled),
                    examples=len(examples),
                    kinds=_kinds(unlabelled),
                )
            )
        elif unlabelled and task_of(self.problem).by_word:
            notes.append(
                say(
                    "For {unlabelled:,} of {examples:,} texts the model named nothing that is in"
                    " the text: {kinds}.",
                    unlabelled=len(unlabelled),
                    examples=len(examples),
                    kinds=_kinds(unlabelled),
                )
            )
        elif unlabelled:
            got = say("no label") if questions.many else say("one at random")
            notes.append(
                say(
                    "{unlabelled:,} of {examples:,} texts got no label from the model and were"
                    " given {got}: {kinds}.",
                    unlabelled=len(unlabelled),
                    examples=len(examples),
                    got=got,
                    kinds=_kinds(unlabelled),
                )
            )
        if cut := sum(map(questions.is_cut, examples)):
            notes.append(
                say(
                    "Of {cut:,} of {examples:,} texts only the first {most_characters:,}"
                    " characters were sent (most_characters).",
                    cut=cut,
                    examples=len(examples),
                    most_characters=self.params.most_characters,
                )
            )
        if self.choices_only and not task_of(self.problem).writes:
            notes.append(
                say(
                    "The model's choices are known, their probabilities are not, so its"
                    " calibration is unknown."
                )
            )
        return notes

    def save(self, folder: Path) -> None:
        """Write settings, rows to show and manner; neither address nor key."""
        shown = [
            {"row": e.row, "text": e.text, "text_b": e.text_b, "labels": e.labels}
            | ({"answer": e.answer} if e.answer else {})
            | ({"words": e.words} if e.words is not None else {})
            for e in self.shown
        ]
        saved = {
            "settings": dataclasses.asdict(self.params),
            "manner": dataclasses.asdict(self.manner),
            "shown": shown,
        }
        (folder / FILE).write_text(json.dumps(saved), encoding="utf-8")


def _frozen(value: Any) -> Any:
    """Lists of a JSON file as the tuples that they were."""
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _questions(params: ChatSettings, problem: Problem) -> Any:
    """`Questions`; `WrittenQuestions` where a text is written, `SpanQuestions` where answers are
    stretches of it.
    """
    from tl_core.models.prompting.chat_prompts import Questions, WrittenQuestions
    from tl_core.models.prompting.span_prompts import AnswerQuestions, TagQuestions

    if task_of(problem).writes:
        return WrittenQuestions(problem, params.instruction, params.most_characters)
    if task_of(problem).by_word:
        asks = AnswerQuestions if task_of(problem).alternatives else TagQuestions
        return asks(problem, params.instruction, params.most_characters)
    return Questions(problem, params.instruction, params.most_characters)


def _kinds(unlabelled: Sequence[Reply | Rejected]) -> str:
    """Say how many were refused, not taken, or answered with something else, and give the first of
    these.
    """
    from tl_core.models.prompting.chat_endpoint import Rejected

    rejected = [a for a in unlabelled if isinstance(a, Rejected)]
    refused = [a for a in unlabelled if not isinstance(a, Rejected) and a.refused]
    other = [a for a in unlabelled if not isinstance(a, Rejected) and not a.refused]
    said: list[str] = [say("{n:,} refused", n=len(refused))] if refused else []
    if rejected:
        said.append(
            say(
                "{rejected:,} not taken by the endpoint, which says: {complaint}",
                rejected=len(rejected),
                complaint=rejected[0].complaint.rstrip("."),
            )
        )
    if other:
        words = " ".join(other[0].text.split())
        said.append(
            say(
                "{other:,} replied with something else, such as {words!r}",
                other=len(other),
                words=words[:QUOTED] + "…" if len(words) > QUOTED else words,
            )
        )
    return together(said, "; ")


def _cost(endpoint: Endpoint, spent: dict[str, int]) -> list[str]:
    if not spent["tokens_in"]:
        return [say("The endpoint does not say how many tokens it read.")]
    price = endpoint.cost(spent["tokens_in"], spent["tokens_out"])
    values = {"tokens_in": spent["tokens_in"], "tokens_out": spent["tokens_out"]}
    if price is None:
        return [say("{tokens_in:,} tokens sent, {tokens_out:,} received.", **values)]
    return [
        say(
            "{tokens_in:,} tokens sent, {tokens_out:,} received; at the price in"
            " TL_CHAT_PRICE about"
            " {price:.2g}.",
            price=price,
            **values,
        )
    ]


def _who(asked: str, replies: Sequence[Reply]) -> list[str]:
    """Name the models that answered, where the endpoint gives one another name: what is behind a
    name changes.
    """
    names = sorted({r.model for r in replies} - {"", asked})
    return (
        [
            say(
                "The endpoint says that {name} replied.",
                name=", ".join(name[:QUOTED] for name in names[:3]),
            )
        ]
        if names
        else []
    )


FILE = "chat.json"

STRATEGY = Chat()
