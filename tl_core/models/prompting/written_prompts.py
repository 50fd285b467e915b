"""Prompts for models that write a text: the text in a template, perhaps after rows with what is
right for them (Brown et al. 2020).

Where all of it does not fit, rows are left out first, then the end of the text; the template never.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tl_core.api.errors import UserError
from tl_core.api.sentences import say, say_n
from tl_core.api.types import Example, Fitted, Job, Problem, Step, Steps
from tl_core.api.written import as_numbers
from tl_core.models.saved import read_settings, write_settings
from tl_core.models.writing import Writer, budget_of, label_name, open_writer, written_notes

if TYPE_CHECKING:
    from tl_core.models.encoding import Encoder

TEXT = "{text}"
FILE = "prompt.json"
AUTO = "auto"
SHRINK = 0.9  # of a text that does not fit, a little less than its share is tried next


def template_of(setting: str, problem: Problem, *, causal: bool) -> tuple[str, str]:
    r"""What is before a text and what is after it.

    "auto" is the text alone for an encoder-decoder model, which was made for one thing, and the
    text with what is to be written on a line below it for a causal one. In others \n is a new line.

    Raises:
        UserError: the text is not in it once.
    """
    if setting == AUTO:
        setting = "{text}\n\n{label}:" if causal else "{text}"
    form = setting.replace("\\n", "\n").replace("{label}", label_name(problem))
    if form.count(TEXT) != 1:
        raise UserError(
            say(
                "The template {form!r} must hold {part} once; it holds it {n} times.",
                form=form,
                part=TEXT,
                n=form.count(TEXT),
            )
        )
    before, after = form.split(TEXT)
    return before, after


class PromptedWriter:
    """A model that writes what a prompt asks for; nothing in it is trained."""

    choices_only = True

    def __init__(
        self,
        writer: Writer,
        problem: Problem,
        params: Any,
        template: str,
        budget: int,
        shown: Sequence[Example] = (),
        seed: int = 0,
        encoder: Encoder | None = None,
        most_rows: int = 0,
    ):
        """
        Args:
            shown: rows to show, of which as many are taken as fit.
            encoder: to find the rows most like a text; None where they are the same for all.
            most_rows: in a prompt; 0: as many as fit.
        """
        self.writer, self.params, self.budget = writer, params, budget
        self.template, self.seed, self.encoder = template, seed, encoder
        self.shown = sorted(shown, key=self._mixed)  # whatever their order was
        self.before, self.after = template_of(template, problem, causal=writer.causal)
        self.most_rows = most_rows or len(self.shown)
        writer.cue = ""  # the template says it all
        writer.lines = not any("\n" in e.answer[0] for e in shown)
        self.notes: tuple[str, ...] = ()

    def _mixed(self, example: Example) -> bytes:
        """Sorts rows as if at random, by what they say."""
        return hashlib.blake2b(
            example.content + example.wanted, key=str(self.seed).encode(), digest_size=16
        ).digest()

    def predict(self, examples: Sequence[Example]) -> Steps[np.ndarray]:
        """(n, L) float32 characters."""
        nearest = yield from self._nearest(examples)
        room = self.writer.room(self.budget)
        asked, cut, least = [], 0, min(self.most_rows, len(self.shown))
        for i, (example, order) in enumerate(zip(examples, nearest, strict=True)):
            prompt, short, rows = self._prompt(example.text, order, room)
            asked.append(prompt)
            cut += short
            least = min(least, rows)
            if i % 50 == 0:
                yield Step(i, len(examples), phase="read")
        found, _, full = yield from self.writer.write(asked, self.budget)
        self.notes = (
            *written_notes(self.writer.name, len(found), cut, full, self.budget),
            *self._about_rows(least),
        )
        return as_numbers(found)

    def _about_rows(self, least: int) -> list[str]:
        if least == min(self.most_rows, len(self.shown)):
            return []
        return [
            say_n(
                "Only {n:,} of {rows:,} rows fitted before the longest text.",
                "Only {n:,} of {rows:,} rows fitted before the longest text.",
                least,
                rows=len(self.shown),
            )
        ]

    def _nearest(self, examples: Sequence[Example]) -> Steps[list[Sequence[int]]]:
        """Positions of rows for each text, the one that is to be nearest to it first."""
        if self.encoder is None or not self.shown:
            return [range(len(self.shown))] * len(examples)
        from tl_core.models.label_vectors import unit

        rows = unit((yield from self.encoder.features(self.shown)))
        texts = unit((yield from self.encoder.features(examples)))
        return list(np.argsort(-np.round(texts @ rows.T, 6), axis=1, kind="stable"))

    def _prompt(self, text: str, order: Sequence[int], room: int) -> tuple[str, bool, int]:
        """(prompt, whether the text was cut short, how many rows are in it)."""
        asked, short = self._fitting(text, room)
        rows: list[str] = []
        for at in order[: self.most_rows]:
            row = self.shown[at]
            more = [f"{self._asked(row.text)} {row.answer[0]}", *rows]
            if short or self._tokens(self._joined([*more, asked])) > room:
                break
            rows = more
        return self._joined([*rows, asked]), short, len(rows)

    def _asked(self, text: str) -> str:
        return f"{self.before}{text}{self.after}"

    def _joined(self, parts: Sequence[str]) -> str:
        return "\n\n".join(parts)

    def _fitting(self, text: str, room: int) -> tuple[str, bool]:
        whole = len(text)
        while (tokens := self._tokens(self._asked(text))) > room and text:
            text = text[: int(len(text) * SHRINK * room / tokens)]
        return self._asked(text), len(text) < whole

    def _tokens(self, prompt: str) -> int:
        return len(self.writer.sources([prompt], 10**9)[0][0])

    def save(self, folder: Path) -> None:
        """Write settings, rows and seed; the model is as it was."""
        write_settings(folder, self.params)
        kept = {
            "template": self.template,
            "budget": self.budget,
            "seed": self.seed,
            "nearest": self.encoder is not None,
            "most_rows": self.most_rows,
            "shown": [{"row": e.row, "text": e.text, "answer": e.answer} for e in self.shown],
        }
        (folder / FILE).write_text(json.dumps(kept), encoding="utf-8")


def fit_prompted(
    job: Job, template: str, *, most_tokens: int = 0, shown: int = 0, nearest: bool = False
) -> Steps[Fitted]:
    """Nothing is trained; the model is opened and the prompt looked at.

    Args:
        most_tokens: may be written; 0: as many as the training targets say.
        shown: rows at most, 0 for as many as fit.
        nearest: those most like the text rather than the same for all.
    """
    yield Step(0, 1)
    writer = open_writer(job.encoder, job.problem)
    rows = sorted(job.train, key=lambda e: (e.content, e.wanted))
    if shown and not nearest:
        rows = [rows[i] for i in np.random.default_rng(job.seed).permutation(len(rows))][:shown]
    if not most_tokens:
        targets = writer.targets([e.answer[0] for e in rows])
    budget = most_tokens or budget_of([len(ids) for ids in targets])
    found = PromptedWriter(
        writer,
        job.problem,
        job.params,
        template,
        budget,
        rows if not most_tokens else (),
        job.seed,
        job.encoder if nearest else None,
        shown,
    )
    writer.room(budget)
    yield Step(1, 1)
    note = say("It writes up to {budget} tokens for a text.", budget=budget)
    return Fitted(found, notes=(note,))


def load_prompted(
    folder: Path, settings: type, problem: Problem, encoder: Encoder
) -> PromptedWriter:
    """As saved."""
    kept = json.loads((folder / FILE).read_text(encoding="utf-8"))
    shown = [
        Example(e["row"], e["text"], labels=problem.label_ids[:1], answer=tuple(e["answer"]))
        for e in kept["shown"]
    ]
    return PromptedWriter(
        open_writer(encoder, problem),
        problem,
        settings(**read_settings(folder)),
        kept["template"],
        int(kept["budget"]),
        shown,
        int(kept["seed"]),
        encoder if kept["nearest"] else None,
        int(kept["most_rows"]),
    )
