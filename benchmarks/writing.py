"""How fast texts are written: many together as here, beside transformers's own `generate` one by
one, on a T5 made from its configuration (60 million weights, drawn at random).

    python -m benchmarks.writing [TEXTS] [ONE_BY_ONE]

Random weights never end a text, so each takes just as many tokens. What is written is compared too.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from tl_core.api.types import Step
from tl_core.models.writing import Writer

TOKENS = 30  # written for each text
SHAPE = {"d_model": 512, "d_kv": 64, "d_ff": 2048, "num_heads": 8, "num_layers": 6}


def writer() -> Writer:
    """A T5 of the size of t5-small with the vocabulary of this text's words."""
    import torch
    from transformers import T5Config, T5ForConditionalGeneration

    from tl_core.models.training.writer import vocabulary_of

    tokenizer = vocabulary_of([Path(__file__).read_text(encoding="utf-8")])
    config = T5Config(
        vocab_size=32128, **SHAPE, pad_token_id=0, eos_token_id=1, decoder_start_token_id=0
    )
    torch.manual_seed(0)
    network = T5ForConditionalGeneration(config).eval()
    return Writer("made", network, tokenizer, causal=False, max_tokens=512)


def texts(count: int) -> list[str]:
    """Texts of 20 to 99 words."""
    words = "the release fixes search and adds a new page for every reader who asked".split()
    return [" ".join(words[(i + j) % len(words)] for j in range(20 + i % 80)) for i in range(count)]


def drained(steps: Any) -> Any:
    """What a generator returns."""
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            return end.value
        assert isinstance(step, Step)


def main(together: int = 256, alone: int = 32) -> None:
    """Print texts a second of both ways, and how many texts are equal."""
    import torch

    made = writer()
    size = sum(p.numel() for p in made.network.parameters())
    rows = texts(together)
    started = time.perf_counter()
    found, _, full = drained(made.write(rows, TOKENS))
    batched = together / (time.perf_counter() - started)
    sources, _ = made.sources(rows[:alone], 512)
    equal = 0
    started = time.perf_counter()
    for text, ids in zip(found, sources, strict=False):
        with torch.inference_mode():
            out = made.network.generate(
                torch.tensor([ids]), max_new_tokens=TOKENS, do_sample=False, num_beams=1
            )
        equal += made._text(out[0, 1:].tolist()) == text
    single = alone / (time.perf_counter() - started)
    print(
        f"{size / 1e6:.0f} million weights, {TOKENS} tokens a text ({full} of {together} took all),"
        f" {torch.get_num_threads()} threads\n"
        f"together   {batched:6.2f} texts/s ({together} texts)\n"
        f"one by one {single:6.2f} texts/s ({alone} texts)\n"
        f"together is {batched / single:.1f} times as fast; {equal} of {alone} texts are equal"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
