"""Labelled rows shown in a prompt, before the text whose label is asked for (Brown et al. 2020).

Each row is in the template with its label. Which rows are shown and in which order changes the
answers much (Lu et al. 2022), so several orders are used and averaged. A text is never cut short
to make room for a row.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tl_core.api.errors import UserError
from tl_core.api.sentences import say, together
from tl_core.api.types import Example, Problem, Step, Steps
from tl_core.models.label_vectors import unit
from tl_core.models.prompting.prompts import MOST_CHARACTERS, PromptPredictor, Prompts, filled
from tl_core.models.saved import read_arrays, write_arrays, write_settings
from tl_core.statistics.classification.prompt_calibration import label_scores

if TYPE_CHECKING:
    from tl_core.models.language_models.blanks import Blanked

PICKS = ("random", "nearest", "diverse")
FILE = "demonstrations.json"
# the room left for rows is rounded down to so many parts of all, so that texts of like length show
# the same rows
SHARES = 32
EMPTY = Example(0, "", "")
CLOSE = 6  # decimals of a cosine: rows as near as that are ordered by what they say


class Shown(Prompts):
    """Prompts with rows before them.

    Rows are taken in rounds: random and diverse have one row of each label in a round, so that
    labels stay balanced; nearest has as many rows as there are labels. A row that does not fit is
    passed over, and the round in which that happens is the last.
    """

    def __init__(
        self,
        rows: Sequence[Example],
        seed: int,
        params: Any,
        problem: Problem,
        encoder: Any,
        vectors: np.ndarray | None = None,
    ):
        """
        Args:
            vectors: (m, d) of unit length, of the rows; None: computed when they are first
                needed.
        """
        super().__init__(
            problem, params.forms(problem.inputs), encoder, answers=True, per_token=params.per_token
        )
        self.seed, self.params, self.vectors = seed, params, vectors
        self.rows = sorted(
            rows, key=lambda e: (self._mixed(e, 0), e.row)
        )  # whatever their order was
        self.gold = [problem.label_index[e.labels[0]] for e in self.rows]

    def _mixed(self, example: Example, order: int) -> bytes:
        """Sorts rows as if at random, by what they say."""
        said = example.content + example.labels[0].encode("utf-8", "surrogatepass")
        return hashlib.blake2b(said, key=f"{self.seed}/{order}".encode(), digest_size=16).digest()

    @property
    def count(self) -> int:
        """Return the number of ways to ask about each text."""
        return len(self.templates) * self.params.orders

    @property
    def ways(self) -> str:
        """The same in words."""
        orders = say("{orders} orders of the demonstrations", orders=self.params.orders)
        return (
            orders
            if len(self.templates) == 1
            else say(
                "{templates} templates, each in {orders},",
                templates=len(self.templates),
                orders=orders,
            )
        )

    # --- which rows -------------------------------------------------------------------------------

    def check(self) -> None:
        """
        Raises:
            UserError: as `Prompts.check`; or no row fits even before an empty text.
        """
        super().check()
        for template, lengths, room in zip(self.templates, self.lengths, self.rooms, strict=True):
            if min(lengths) > room:
                raise UserError(
                    say(
                        "No labelled row fits into a prompt: the shortest takes {lengths} tokens,"
                        " and {model} has room for {room} after the template {template!r}. Choose"
                        " a model that reads more, shorter rows, or label-score, which shows"
                        " none.",
                        lengths=min(lengths),
                        model=self.model.ref.name,
                        room=room,
                        template=template,
                    )
                )

    @cached_property
    def rooms(self) -> list[int]:
        """Return for each template the tokens left for rows before an empty text."""
        return [self.left(self._read(template, EMPTY, 0)[0]) for template in self.templates]

    @cached_property
    def lengths(self) -> list[list[int]]:
        """Return for each template the tokens each row takes in a prompt."""
        return [
            [
                room - self.left(self._read(template, EMPTY, 0, self._before(template, [j]))[0])
                for j in range(len(self.rows))
            ]
            for template, room in zip(self.templates, self.rooms, strict=True)
        ]

    def _most(self, example: Example) -> int:
        """Characters of a text that are read; one with more is cut short and has no rows
        before it.
        """
        return min(
            MOST_CHARACTERS * self.model.room, max(len(example.text), len(example.text_b or ""))
        )

    def _before(self, template: str, shown: Sequence[int]) -> str:
        """Return these rows in the template with their labels, in this order, and what is between
        them.
        """
        from tl_core.models.language_models.blanks import BLANK, without_blanks

        between = self.params.between.replace("\\n", "\n")
        said = []
        for j in shown:
            row, label = self.rows[j], without_blanks(self.words[self.gold[j]][0].strip())
            said.append(
                filled(template, row, self._most(row)).removesuffix(BLANK) + label + between
            )
        return "".join(said)

    def _rounds(self, order: Sequence[int]) -> list[list[int]]:
        """Rows, of which the first are to be taken first, in rounds."""
        if self.params.pick == "nearest":
            size = len(self.words)
            rounds = [list(order[a : a + size]) for a in range(0, len(order), size)]
        else:
            rounds, seen = [], dict.fromkeys(self.gold, 0)
            for j in order:
                if seen[self.gold[j]] == len(rounds):
                    rounds.append([])
                rounds[seen[self.gold[j]]].append(j)
                seen[self.gold[j]] += 1
        return rounds[: self.params.demonstrations or None]

    def chosen(self, t: int, free: int, cosines: np.ndarray | None = None) -> list[int]:
        """The rows shown in so many tokens of room under template t, the first taken first.

        Args:
            cosines: (m,) between the text and each row; None where chance chooses.
        """
        order = [j for j in range(len(self.rows)) if self.lengths[t][j] <= self.rooms[t]]
        order = order if cosines is None else sorted(order, key=lambda j: -cosines[j])
        taken: list[int] = []
        for round in self._rounds(order):
            for j in round:
                if self.lengths[t][j] <= free:
                    taken.append(j)
                    free -= self.lengths[t][j]
            if not set(round) <= set(taken):
                break
        return taken

    def ordered(self, shown: Sequence[int], order: int) -> list[int]:
        """The same rows in one of the orders used."""
        return sorted(shown, key=lambda j: (self._mixed(self.rows[j], 1 + order), j))

    def _cosines(self, examples: Sequence[Example]) -> Steps[list[np.ndarray | None]]:
        """Return the cosines of each text to every row, (m,); None where chance chooses."""
        if self.params.pick == "random" or not examples:
            return [None] * len(examples)
        if self.vectors is None:
            self.vectors = unit((yield from self.encoder.features(self.rows)))
        texts = unit((yield from self.encoder.features(examples)))
        return list((texts @ self.vectors.T).round(CLOSE))

    # --- scores -----------------------------------------------------------------------------------

    def scores(self, examples: Sequence[Example]) -> Steps[tuple[np.ndarray, int]]:
        """((T * orders, n, C) log-scores by template and order, texts that were cut short)."""
        orders = self.params.orders
        found = np.zeros((self.count, len(examples), len(self.words)))
        cosines = yield from self._cosines(examples)
        short: set[int] = set()
        shown_to: list[list[int]] = []
        for t in range(len(self.templates)):
            asked: dict[
                str, dict[int, tuple[Blanked, list[int]]]
            ] = {}  # rows as shown -> text -> its prompt, and the orders that make it
            for i, example in enumerate(examples):
                if i % 50 == 0:
                    yield Step(i, len(examples), phase="read")
                shown, read, cut = self._prompts(t, example, cosines[i])
                shown_to.append(shown)
                short |= {i} if cut else set()
                for order, (before, prompt) in enumerate(read):
                    asked.setdefault(before, {}).setdefault(i, (prompt, []))[1].append(
                        t * orders + order
                    )
            for of_texts in asked.values():
                for group in self._groups([prompt for prompt, _ in of_texts.values()]):
                    part = [list(of_texts.items())[p] for p in group]
                    told = yield from self.answering.answer_each(
                        [prompt for _, (prompt, _) in part],
                        [self.tokens(prompt.follows[0]) for _, (prompt, _) in part],
                    )
                    scores = label_scores(
                        np.array([self._compared(scored) for scored in told]), self.owner
                    )
                    for (i, (_, ways)), of_text in zip(part, scores, strict=True):
                        found[ways, i] = of_text
        self.told = tuple(self._told(shown_to))
        return found, len(short)

    def _prompts(
        self, t: int, example: Example, cosines: np.ndarray | None
    ) -> tuple[list[int], list[tuple[str, Blanked]], bool]:
        """(rows shown, for each order what is before the text and the whole as tokens, whether
        the text was cut short).
        """
        template = self.templates[t]
        whole, cut = self.prompt(template, example)
        left = self.left(whole)
        shown = (
            [] if cut else self.chosen(t, left - left % max(1, self.model.room // SHARES), cosines)
        )
        while shown:
            befores = [
                self._before(template, self.ordered(shown, order))
                for order in range(self.params.orders)
            ]
            read = [
                (before, *self._read(template, example, self._most(example), before))
                for before in befores
            ]
            if all(free >= 0 for _, _, free in read):
                return shown, [(before, prompt) for before, prompt, _ in read], cut
            shown = shown[:-1]  # together they take more tokens than one by one
        return [], [("", whole)] * self.params.orders, cut

    def _told(self, shown_to: Sequence[Sequence[int]]) -> Iterator[str]:
        """Yield what was left out of the prompts, in sentences."""
        counts = [len(shown) for shown in shown_to]
        wanted = sum(map(len, self._rounds(range(len(self.rows)))))
        if not counts or min(counts) == wanted:
            return
        low, high = min(counts), max(counts)
        many = f"{low:,}" if low == high else say("{low:,} to {high:,}", low=low, high=high)
        yield say(
            "{many} of {wanted:,} demonstrations fit in front of a text; the others do not fit"
            " into the {max_tokens} tokens {model} reads.",
            many=many,
            wanted=wanted,
            max_tokens=self.model.max_tokens,
            model=self.model.ref.name,
        )
        labels = np.mean([len({self.gold[j] for j in shown}) for shown in shown_to])
        if labels < len(set(self.gold)):
            instead = (
                say("pick=nearest shows each text the rows most like it.")
                if self.params.pick == "random"
                else ""
            )
            seen = say(
                "So a text sees {labels:.0f} of {words} labels demonstrated, in the mean.",
                labels=labels,
                words=len(self.words),
            )
            yield together((seen, instead))


class ShownPredictor(PromptPredictor):
    """softmax of the mean over templates and orders; keeps the rows it shows."""

    prompts: Shown

    def save(self, folder: Path) -> None:
        """Write settings, offsets and the rows."""
        prompts = self.prompts
        write_settings(folder, self.params)
        write_arrays(
            folder,
            offsets=self.offsets,
            **({} if prompts.vectors is None else {"vectors": prompts.vectors}),
        )
        rows = [[e.row, e.text, e.text_b, e.labels[0]] for e in prompts.rows]
        (folder / FILE).write_text(
            json.dumps({"seed": prompts.seed, "rows": rows}), encoding="utf-8"
        )


def load_shown(folder: Path, params: Any, problem: Problem, encoder: Any) -> ShownPredictor:
    """Load what `ShownPredictor.save` wrote."""
    kept, arrays = json.loads((folder / FILE).read_text(encoding="utf-8")), read_arrays(folder)
    rows = [Example(row, text, text_b, (label,)) for row, text, text_b, label in kept["rows"]]
    return ShownPredictor(
        Shown(rows, kept["seed"], params, problem, encoder, arrays.get("vectors")),
        arrays["offsets"],
        params,
    )
