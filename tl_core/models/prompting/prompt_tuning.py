"""Training a masked language model, head and all, to fill a blank with the right label's word
(LM-BFF; Gao et al. 2021).

A word of n tokens is n blanks that are filled at once, each without the others, in training and
prediction alike: one pass through the network for every number of tokens there is (training as in
Schick and Schütze 2021b). Words of one token get the score that cloze gives them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import nn

from tl_core.api.errors import UserError
from tl_core.api.sentences import listed, say
from tl_core.api.types import Example, Fitted, Job, Problem, Step, Steps
from tl_core.models import layers
from tl_core.models.encoding import Encoder
from tl_core.models.language_models import language_model_of
from tl_core.models.language_models.blanks import Blanked, plain, split_at_blanks, tokens_of
from tl_core.models.language_models.masked import Masked, padded
from tl_core.models.language_models.slots import of_one_length
from tl_core.models.prompting.prompts import PromptPredictor, Prompts, filled
from tl_core.models.saved import read_arrays, read_settings, write_arrays, write_settings
from tl_core.models.training.adapters import inject, linear_maps
from tl_core.models.training.classifier import seeded
from tl_core.models.training.loop import fit, shuffled
from tl_core.statistics.classification.prompt_calibration import log_shares

if TYPE_CHECKING:
    from transformers import PreTrainedModel

WEIGHTS, BASE = "weights.safetensors", "base.json"


@dataclass(frozen=True)
class Demonstrations:
    """Training rows with their answers filled in, of which one of each label is read behind a
    text.
    """

    tokens: tuple[tuple[tuple[int, ...], ...], ...]  # for every template, of every row
    gold: np.ndarray  # (m,) each row's label
    # (m, d) unit embeddings, by which rows are chosen that are like a text; (m, 0) where any will
    # do
    vectors: np.ndarray

    @property
    def room(self) -> int:
        """Tokens that the longest of them take."""
        return max(
            sum(max(len(of[j]) for j in same) for same in self._of_labels()) for of in self.tokens
        )

    def draw(
        self, random: np.random.Generator, vector: np.ndarray, without: int | None = None
    ) -> list[int]:
        """A row of each label.

        Args:
            vector: the text's own unit embedding: the half of a label's rows that are most like it
                are drawn from.
            without: the row that is the text itself.
        """
        drawn = []
        for same in self._of_labels():
            rows = same[same != without]
            if vector.size:
                rows = rows[
                    np.argsort(-(self.vectors[rows] @ vector), kind="stable")[
                        : (len(rows) + 1) // 2
                    ]
                ]
            drawn.append(int(random.choice(rows)))
        return drawn

    def _of_labels(self) -> list[np.ndarray]:
        return [np.flatnonzero(self.gold == label) for label in np.unique(self.gold)]


class _Beside(Masked):
    """A masked language model that has less room for a text, since something is read behind it."""

    taken = 0  # tokens

    @property
    def room(self) -> int:
        return super().room - self.taken


class TunedPrompts(Prompts):
    """Prompts to a copy of the language model, to be trained. Nothing of the shared model
    changes.
    """

    adapter: Any = None  # what peft put into the body

    def __init__(self, problem: Problem, params: Any, encoder: Encoder, seed: int = 0):
        super().__init__(problem, params.forms(problem.inputs), encoder)
        shared = cast("Masked", language_model_of(encoder)).model  # the strategy refuses others
        self.lm = replace(shared, network=layers.copied(shared.network))
        self.beside = self.model = _Beside(self.lm)
        self.params, self.seed = params, seed
        self.demonstrations: Demonstrations | None = None
        for vocabulary in (
            self.lm.network.get_input_embeddings(),
            self.lm.network.get_output_embeddings(),
        ):
            vocabulary.weight.requires_grad_(False)  # of most words no row says anything
        if params.train == "lora":
            self._put_lora(params)

    @property
    def body(self) -> PreTrainedModel:
        """The network without its head: where adapters go."""
        return self.lm.network.base_model

    def _put_lora(self, params: Any) -> None:
        """Put LoRA on every linear map of the upper half of the layers; the head stays as it is."""
        from peft import LoraConfig

        self.lm.network.requires_grad_(False)
        first = 0 if self.encoder.parts is None else self.encoder.first_of_upper(0)
        with seeded(self.seed):
            inject(
                self,
                LoraConfig(
                    r=params.rank,
                    lora_alpha=2 * params.rank,
                    target_modules=linear_maps(self, first),
                    lora_dropout=0.0,
                ),
            )

    # --- scores -----------------------------------------------------------------------------------

    def logits(self, rows: Sequence[Blanked]) -> torch.Tensor:
        """(B, C): of every label, up to a number for each row."""
        places = _by_what_stands_before(rows)
        found = torch.cat(
            [self._of_words([rows[i] for i in same]) for same in places]
        )  # (B, words)
        found = found[np.argsort(np.concatenate(places))]
        labels = found.split([len(words) for words in self.words], dim=1)
        return torch.stack(
            [of_label.logsumexp(1) - np.log(of_label.shape[1]) for of_label in labels], dim=1
        )

    def _of_words(self, rows: Sequence[Blanked]) -> torch.Tensor:
        """(B, words): log-probability of every label's words, whose blank is behind the same
        character in all rows.
        """
        cut = self.tokens(rows[0].follows[0])
        lengths = sorted({len(word) for word in cut})
        found, order = [], []
        for n in lengths:
            some = [w for w, word in enumerate(cut) if len(word) == n]
            told = self._at_blanks(rows, n)  # (B, n, V)
            if (
                len(lengths) > 1
                # else what makes them sum to 1 is the same for every word, and only its rounding
                # would be learned
            ):
                told = told.log_softmax(-1)
            of_tokens = told[
                :, torch.arange(n), torch.tensor([cut[w] for w in some])
            ]  # (B, words of n tokens, n)
            found.append(of_tokens.mean(-1) if len(lengths) > 1 else of_tokens.sum(-1))
            order += some
        return torch.cat(found, dim=1)[:, np.argsort(order)]

    def _at_blanks(self, rows: Sequence[Blanked], count: int) -> torch.Tensor:
        """(B, count, V): what the head says where the blank is, with so many hidden places in
        it.
        """
        device, hide = self.encoder.device, [self.lm.tokenizer.mask_token_id] * count
        parts = [row.parts() for row in rows]
        whole = [
            [*self.beside.before, *before, *hide, *after, *self.beside.after]
            for before, after in parts
        ]
        with self.encoder.products(training=True):
            hidden = self.lm.hidden(
                **padded(whole, self.lm.tokenizer.pad_token_id or 0, device)
            ).float()
        first = torch.tensor(
            [len(self.beside.before) + len(before) for before, _ in parts], device=device
        )
        at = first[:, None] + torch.arange(count, device=device)  # (B, count)
        return (
            self.lm.head(hidden[torch.arange(len(rows), device=device)[:, None], at].flatten(0, 1))
            .float()
            .unflatten(0, at.shape)
        )

    def scores(self, examples: Sequence[Example]) -> Steps[tuple[np.ndarray, int]]:
        """((T, n, C) log-shares by template, mean over sets of demonstrations; texts that were cut
        short).
        """
        read, short = yield from self.read(examples)
        vectors = yield from self.like(examples)
        sets = self.params.demonstrations or 1
        found = np.zeros((len(read), len(examples), len(self.words)))
        for t, s in np.ndindex(len(read), sets):
            dice = (
                np.random.default_rng([self.seed, s, int.from_bytes(e.content)]) for e in examples
            )
            rows = [
                self.shown(prompt, t, random, vector)
                for prompt, random, vector in zip(read[t], dice, vectors, strict=True)
            ]
            done = (t * sets + s) * len(rows)
            for positions in _alike(rows):
                with torch.inference_mode():
                    told = self.logits([rows[i] for i in positions]).double().cpu().numpy()
                found[t, positions] += log_shares(told) / sets
                done += len(positions)
                yield Step(done, sets * len(read) * len(rows), phase="predict")
        return found, short

    def read(self, examples: Sequence[Example]) -> Steps[tuple[list[list[Blanked]], int]]:
        """(for every template, every text in it; texts that were cut short under any of them)."""
        found: list[list[Blanked]] = []
        short: set[int] = set()
        for template in self.templates:
            found.append([])
            for i, example in enumerate(examples):
                prompt, cut = self.prompt(template, example)
                found[-1].append(prompt)
                short |= {i} if cut else set()
                if i % 50 == 0:
                    yield Step(i, len(examples), phase="read")
        return found, len(short)

    # --- demonstrations ---------------------------------------------------------------------------

    def demonstrate(self, train: Sequence[Example]) -> Steps[None]:
        """Take training rows as demonstrations from now on.

        Raises:
            UserError: a label has a single row, which could not be shown to itself, or they leave
                no room for a text.
        """
        labels = self.problem.labels
        gold = _gold(self.problem, train)
        if alone := [
            labels[c].name
            for c, count in enumerate(np.bincount(gold, minlength=len(labels)))
            if count == 1
        ]:
            names = listed((f"“{name}”" for name in alone), 5)
            raise UserError(
                say(
                    "demonstrations show each row another row of every label, and {names} has"
                    " only one. Choose 2 or more shots, or demonstrations=0.",
                    names=names,
                )
            )
        room = self.model.room // (len(np.unique(gold)) + 1)
        tokens = tuple(
            tuple(
                self._demonstration(template, e, int(c), room)
                for e, c in zip(train, gold, strict=True)
            )
            for template in self.templates
        )
        vectors = yield from self.like(train)
        shown = Demonstrations(tokens, gold, np.stack(vectors))
        if shown.room > min(
            self._read(template, Example(0, "", ""), 0)[1] for template in self.templates
        ):
            raise UserError(
                say(
                    "demonstrations of {labels} labels take {room} of the {max_tokens} tokens"
                    " {model} reads, which leaves too few for the template. Choose"
                    " demonstrations=0, or fewer labels.",
                    labels=len(labels),
                    room=shown.room,
                    max_tokens=self.model.max_tokens,
                    model=self.model.ref.name,
                )
            )
        self.show(shown)

    def show(self, demonstrations: Demonstrations) -> None:
        """Read these behind every text; they take room from it."""
        self.demonstrations = demonstrations
        self.beside.taken = demonstrations.room

    def shown(
        self,
        prompt: Blanked,
        template: int,
        random: np.random.Generator,
        vector: np.ndarray,
        without: int | None = None,
    ) -> Blanked:
        """The prompt with a demonstration of each label behind it, where there are any."""
        if self.demonstrations is None:
            return prompt
        drawn = self.demonstrations.draw(random, vector, without)
        return Blanked(
            (
                *prompt.ids,
                *(token for j in drawn for token in self.demonstrations.tokens[template][j]),
            ),
            prompt.follows,
            prompt.left_out,
        )

    def _demonstration(
        self, template: str, example: Example, label: int, room: int
    ) -> tuple[int, ...]:
        """Return the end of a text, then the template with text and answer in it; the text is cut
        to fit.
        """
        most = max(len(example.text), len(example.text_b or ""))
        while True:
            answered = self.words[label][0].join(split_at_blanks(filled(template, example, most)))
            ids = (
                *self.beside.after,
                *tokens_of(plain(answered, self.lm.tokenizer), self.lm.tokenizer),
            )
            if len(ids) <= room or not most:
                return ids
            most = min(most - 1, most * room // len(ids))

    def like(self, examples: Sequence[Example]) -> Steps[list[np.ndarray]]:
        """A unit embedding of each text by which demonstrations are chosen; of no width where any
        will do.
        """
        if not (self.params.demonstrations and self.params.similar):
            return [np.zeros(0)] * len(examples)
        vectors = yield from self.encoder.embed(
            [f"{e.text} {e.text_b or ''}".strip() for e in examples]
        )
        return list(vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-12))

    # --- saved ------------------------------------------------------------------------------------

    def trainable(self) -> dict[str, torch.Tensor]:
        """Names and tensors of what training may change."""
        return {name: p for name, p in self.lm.network.named_parameters() if p.requires_grad}

    def save(self, folder: Path) -> None:
        """Write the changed weights, the demonstrations, and what model they belong to."""
        from safetensors.torch import save_file

        save_file(
            {name: p.detach().cpu().contiguous() for name, p in self.trainable().items()},
            str(folder / WEIGHTS),
        )
        (folder / BASE).write_text(
            json.dumps({"base": self.lm.ref.digest, "seed": self.seed}), encoding="utf-8"
        )
        if shown := self.demonstrations:
            flat = [row for of_template in shown.tokens for row in of_template]
            ends, tokens = np.cumsum([len(row) for row in flat]), np.concatenate(flat)
            write_arrays(folder, tokens=tokens, ends=ends, gold=shown.gold, vectors=shown.vectors)

    def restore(self, folder: Path) -> None:
        """Put saved weights and demonstrations back.

        Raises:
            UserError: they were trained on another model.
            ValueError: the file does not hold exactly the weights that are trained here.
        """
        from safetensors.torch import load_file

        about = json.loads((folder / BASE).read_text(encoding="utf-8"))
        if about["base"] != self.lm.ref.digest:
            raise UserError(
                say(
                    "These weights were trained on another model than {lm} is now. Run the study"
                    " again.",
                    lm=self.lm.ref.name,
                )
            )
        saved, own = load_file(str(folder / WEIGHTS)), self.trainable()
        if saved.keys() != own.keys():
            raise ValueError(f"saved weights do not fit: {sorted(saved.keys() ^ own.keys())[:3]}")
        with torch.no_grad():
            for name, tensor in own.items():
                tensor.copy_(saved[name])
        self.seed = about["seed"]
        if self.params.demonstrations:
            arrays = read_arrays(folder)
            flat = [tuple(row.tolist()) for row in np.split(arrays["tokens"], arrays["ends"][:-1])]
            count = len(arrays["gold"])
            self.show(
                Demonstrations(
                    tuple(tuple(flat[t : t + count]) for t in range(0, len(flat), count)),
                    arrays["gold"],
                    arrays["vectors"],
                )
            )


class TunedPredictor(PromptPredictor):
    """softmax of the mean over templates of what the trained language model says of the labels'
    words.
    """

    prompts: TunedPrompts

    def __init__(self, prompts: TunedPrompts, params: Any):
        super().__init__(prompts, np.zeros((len(prompts.templates), len(prompts.words))), params)

    def save(self, folder: Path) -> None:
        """Settings and what was trained."""
        write_settings(folder, self.params)
        self.prompts.save(folder)


def fit_prompt_tuning(job: Job) -> Steps[Fitted]:
    """Train on every row in every template.

    Raises:
        UserError: see `Prompts.check` and `TunedPrompts.demonstrate`.
    """
    p = job.params
    yield Step(0, 1)
    prompts = TunedPrompts(job.problem, p, job.encoder, job.seed)
    prompts.check()
    if p.demonstrations:
        yield from prompts.demonstrate(job.train)
    read, _ = yield from prompts.read(job.train)
    vectors = yield from prompts.like(job.train)
    rows = [(t, j) for t in range(len(read)) for j in range(len(job.train))]
    gold = torch.as_tensor(_gold(job.problem, job.train), device=job.encoder.device)
    random = np.random.default_rng(job.seed)

    def loss_of(batch: list[int]) -> torch.Tensor:
        some = [rows[i] for i in batch]
        shown = [prompts.shown(read[t][j], t, random, vectors[j], without=j) for t, j in some]
        return nn.functional.cross_entropy(prompts.logits(shown), gold[[j for _, j in some]])

    steps = p.steps(len(job.train))
    groups = _groups(prompts, p)
    prompts.lm.network.train()
    with seeded(job.seed):
        try:
            curve = yield from fit(
                groups,
                loss_of,
                shuffled([len(read[t][j].ids) for t, j in rows], p.batch, job.seed),
                steps=steps,
            )
        finally:
            prompts.lm.network.eval()
    count = sum(tensor.numel() for tensor in prompts.trainable().values())
    uneven = say(
        "The labels' words are cut into different numbers of tokens, so they are compared by the"
        " mean over their tokens."
    )
    return Fitted(
        TunedPredictor(prompts, p), steps, count, curve, notes=(uneven,) if prompts.uneven() else ()
    )


def load_prompt_tuning(
    folder: Path, problem: Problem, encoder: Encoder, settings: type
) -> TunedPredictor:
    """Load what was trained as saved, on the same model."""
    params = settings(**read_settings(folder))
    prompts = TunedPrompts(problem, params, encoder)
    prompts.restore(folder)
    return TunedPredictor(prompts, params)


def _groups(prompts: TunedPrompts, p: Any) -> list[dict]:
    """Biases and norms are not pulled to zero, nor are adapters."""
    pull = 0.01 if p.train == "all" else 0.0
    of = [
        [tensor for tensor in prompts.trainable().values() if (tensor.ndim > 1) == wide]
        for wide in (True, False)
    ]
    return [
        {"params": tensors, "lr": p.rate, "weight_decay": decay}
        for tensors, decay in zip(of, (pull, 0.0), strict=True)
        if tensors
    ]


def _gold(problem: Problem, train: Sequence[Example]) -> np.ndarray:
    return np.array([problem.label_index[e.labels[0]] for e in train])


def _by_what_stands_before(rows: Sequence[Blanked]) -> list[list[int]]:
    """Positions of rows whose blank is behind the same character: there, words are cut
    alike.
    """
    return [
        [i for i, row in enumerate(rows) if row.follows == before]
        for before in dict.fromkeys(row.follows for row in rows)
    ]


def _alike(rows: Sequence[Blanked]) -> Iterator[list[int]]:
    """Positions of rows that go through the network together: of one length, so that nothing is
    computed alongside padding.
    """
    for same in _by_what_stands_before(rows):
        yield from (
            [same[k] for k in part] for part in of_one_length([len(rows[i].ids) for i in same])
        )
