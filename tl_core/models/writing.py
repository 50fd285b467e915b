"""Models that write a text for a text: an encoder with a decoder (T5, BART and their like), or a
causal one (GPT and its like) that goes on after a text and a cue.

Texts are written many at a time, those of like length together, keys and values of what is written
are kept, and the likeliest token is taken at each step: equal inputs give equal texts.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tl_core.api.errors import UserError
from tl_core.api.sentences import say, say_n
from tl_core.api.types import Example, Facts, ModelRef, Problem, Step, Steps

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from tl_core.models.encoding import Encoder

# kinds of models with an encoder and a decoder, beyond T5 and what is read as one
WITH_DECODER = frozenset(
    "bart mbart marian pegasus pegasus_x bigbird_pegasus m2m_100 led blenderbot"
    " blenderbot-small prophetnet umt5 mt5 t5 longt5 switch_transformers".split()
)
MOST_TOKENS = 512  # of a text that is written
MOST_READ = 1024  # of a text that is read
BATCH_TOKENS, BATCH_ROWS = 8192, 32  # read at a time, padding and what is written counted
FEWEST_LEFT = 16  # tokens of a text that must fit beside what is written
FEW_ROWS = 20
CUE = "\n\n{label}:"  # what a causal model reads after a text
PAUSE = " "  # between the cue and what is written


def can_write(ref: ModelRef | None) -> bool:
    """Whether its files say that it writes texts."""
    return ref is not None and (ref.speaks in ("causal", "sentinel") or ref.kind in WITH_DECODER)


def cannot_write(facts: Facts, id: str) -> str:
    """The sentence that a strategy's model writes no texts; "" where it does."""
    if can_write(facts.model):
        return ""
    return say(
        "{id} needs a model that writes texts, and {name} does not. Name an encoder-decoder (T5,"
        " BART) or a causal (GPT) one: a folder, or owner/model on the hub.",
        id=id,
        name=facts.model.name if facts.model else say("this arm"),
    )


def budget_of(lengths: Sequence[int]) -> int:
    """How many tokens may be written where the training targets have so many: a quarter more than
    the longest, of few rows half more.
    """
    most = max(lengths, default=MOST_TOKENS)
    return min(MOST_TOKENS, most + most // (2 if len(lengths) < FEW_ROWS else 4) + 2)


@dataclass
class Writer:
    """A network that writes, with its tokenizer.

    Args:
        causal: it has no encoder: source, cue and text are one sequence.
        cue: what ends the source for a causal model.
    """

    name: str
    network: PreTrainedModel
    tokenizer: Any
    causal: bool
    max_tokens: int  # it reads; a causal model, with what it writes
    cue: str = ""
    lines: bool = False  # a text ends with its line: a model that was not trained goes on

    @property
    def device(self) -> Any:
        """Where its weights are."""
        return next(self.network.parameters()).device

    @cached_property
    def end(self) -> int:
        """The token that ends a text.

        Raises:
            UserError: the tokenizer has none.
        """
        for token in (self.tokenizer.eos_token_id, self.tokenizer.sep_token_id):
            if token is not None:
                return int(token)
        raise UserError(
            say(
                "The tokenizer of {name} names no token that ends a text, so nothing it writes"
                " would end. Choose another model.",
                name=self.name,
            )
        )

    @property
    def pad(self) -> int:
        """The token for empty places."""
        own = self.tokenizer.pad_token_id
        return self.end if own is None else int(own)

    # --- texts as tokens --------------------------------------------------------------------------

    def sources(self, texts: Sequence[str], room: int) -> tuple[list[list[int]], int]:
        """(tokens of each text as it is read, at most `room`; how many texts were cut short)."""
        if not self.causal:
            found = self._ids(texts)
            short = sum(len(ids) > room for ids in found)
            ends = [ids[-1:] if ids and ids[-1] == self.end else [] for ids in found]
            return [
                ids if len(ids) <= room else [*ids[: room - len(end)], *end]
                for ids, end in zip(found, ends, strict=True)
            ], short
        found = self._ids(texts, special=False)
        cue = self._ids([self.cue], special=False)[0]
        start = [] if self.tokenizer.bos_token_id is None else [int(self.tokenizer.bos_token_id)]
        left = room - len(cue) - len(start)
        return [[*start, *ids[: max(left, 0)], *cue] for ids in found], sum(
            len(ids) > left for ids in found
        )

    def targets(self, texts: Sequence[str]) -> list[list[int]]:
        """Tokens of each text as it is written, with the token that ends it."""
        if self.causal:
            found = self._ids([PAUSE + text for text in texts], special=False)
        else:
            found = [list(ids) for ids in self.tokenizer(text_target=list(texts))["input_ids"]]
        return [ids if ids and ids[-1] == self.end else [*ids, self.end] for ids in found]

    def _ids(self, texts: Sequence[str], *, special: bool = True) -> list[list[int]]:
        return [
            list(ids)
            for ids in self.tokenizer(list(texts), add_special_tokens=special, verbose=False)[
                "input_ids"
            ]
        ]

    def room(self, budget: int) -> int:
        """How many tokens of a source are read beside so many that are written.

        Raises:
            UserError: nearly none are left.
        """
        room = min(self.max_tokens, MOST_READ) - (budget if self.causal else 0)
        if room < FEWEST_LEFT:
            raise UserError(
                say(
                    "{name} reads {max_tokens} tokens, and the texts to be written take up to"
                    " {budget} of them: too few are left to read. Choose a model that reads more,"
                    " or shorter texts.",
                    name=self.name,
                    max_tokens=self.max_tokens,
                    budget=budget,
                )
            )
        return room

    # --- writing ----------------------------------------------------------------------------------

    def write(self, texts: Sequence[str], budget: int) -> Steps[tuple[list[str], int, int]]:
        """(what is written for each text, how many texts were cut short, how many answers took all
        of the budget).
        """
        sources, short = self.sources(texts, self.room(budget))
        found, full = [""] * len(texts), 0
        done = 0
        yield Step(0, len(texts), phase="predict")
        for rows in self._batches(sources, budget):
            for i, ids in zip(rows, self._written([sources[i] for i in rows], budget), strict=True):
                full += len(ids) >= budget and self.end not in ids
                found[i] = self._text(ids)
            done += len(rows)
            yield Step(done, len(texts), phase="predict")
        return found, short, full

    def _batches(self, sources: Sequence[list[int]], budget: int) -> Iterator[list[int]]:
        order = sorted(range(len(sources)), key=lambda i: (len(sources[i]), i))
        part: list[int] = []
        for i in order:
            tokens = (len(part) + 1) * (len(sources[i]) + budget)
            if part and (len(part) == BATCH_ROWS or tokens > BATCH_TOKENS):
                yield part
                part = []
            part.append(i)
        if part:
            yield part

    def _written(self, sources: list[list[int]], budget: int) -> list[list[int]]:
        import torch

        width = max(map(len, sources))
        ids = torch.full((len(sources), width), self.pad, device=self.device)
        seen = torch.zeros_like(ids)
        for row, source in enumerate(sources):
            place = slice(width - len(source), None) if self.causal else slice(len(source))
            ids[row, place] = torch.tensor(source, device=self.device)
            seen[row, place] = 1
        how = copy.deepcopy(self.network.generation_config)
        how.update(
            do_sample=False,
            num_beams=1,
            max_new_tokens=budget,
            max_length=None,
            min_length=0,
            min_new_tokens=None,
            temperature=None,
            top_p=None,
            top_k=None,
            typical_p=None,
            repetition_penalty=1.0,
            no_repeat_ngram_size=0,
            length_penalty=1.0,
            early_stopping=False,
            eos_token_id=self.end,
            pad_token_id=self.pad,
            use_cache=True,
            return_dict_in_generate=False,
        )
        with torch.inference_mode():
            out = self.network.generate(
                input_ids=ids,
                attention_mask=seen,
                generation_config=how,
                stopping_criteria=[_EndOfLine(self, width)] if self.lines and self.causal else None,
            )
        return out[:, width if self.causal else 1 :].tolist()

    def _text(self, ids: list[int]) -> str:
        if self.end in ids[1:]:
            ids = ids[: ids.index(self.end, 1)]
        text = self.tokenizer.decode(ids, skip_special_tokens=True).strip()
        return text.split("\n")[0].strip() if self.lines else text


class _EndOfLine:
    """Ends a text where its first line ends."""

    def __init__(self, writer: Writer, start: int):
        self.writer, self.start = writer, start

    def __call__(self, input_ids: Any, scores: Any, **more: Any) -> Any:
        import torch

        written = self.writer.tokenizer.batch_decode(
            input_ids[:, self.start :], skip_special_tokens=True
        )
        ended = ["\n" in text.lstrip() for text in written]
        return torch.tensor(ended, device=input_ids.device)


def open_writer(encoder: Encoder, problem: Problem) -> Writer:
    """The encoder's model with its language-model head, loaded once more: it may be trained.

    Raises:
        UserError: it has no such head, or is damaged.
    """
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

    from tl_core.models.language_models.loading import load_head

    source = encoder.source
    assert source is not None  # or `cannot_write` had said so
    causal = source.ref.speaks == "causal"
    tokenizer, network, most = load_head(
        source,
        AutoModelForCausalLM if causal else AutoModelForSeq2SeqLM,
        say("a causal language model") if causal else say("an encoder-decoder model"),
    )
    network = network.to(encoder.device)
    return Writer(
        source.ref.name, network, tokenizer, causal, most, CUE.format(label=label_name(problem))
    )


def label_name(problem: Problem) -> str:
    """What is written, as a person would say it."""
    return problem.labels[0].name


def written_notes(name: str, texts: int, short: int, full: int, budget: int) -> tuple[str, ...]:
    """What to report of texts that were cut short, read or written."""
    notes = []
    if short:
        notes.append(
            say_n(
                "{n:,} of {texts:,} texts was longer than what {name} reads; its end was not read.",
                "{n:,} of {texts:,} texts were longer than what {name} reads; their ends were not"
                " read.",
                short,
                texts=texts,
                name=name,
            )
        )
    if full:
        notes.append(
            say_n(
                "{n:,} of {texts:,} answers took all of the {budget} tokens it may write, and may"
                " break off.",
                "{n:,} of {texts:,} answers took all of the {budget} tokens they may have, and may"
                " break off.",
                full,
                texts=texts,
                budget=budget,
            )
        )
    return tuple(notes)


def texts_of(examples: Sequence[Example]) -> list[str]:
    """What is read."""
    return [e.text for e in examples]
