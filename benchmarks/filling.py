"""How well and how fast the embedded masked language model fills blanks.

    python -m benchmarks.filling HELD_OUT.txt[.xz]

Masked accuracy on the first 256 packed sequences of 96 tokens with fixed masks, in float32, and the
time of a fill once the model is loaded. `--model` measures another one.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks import ended
from tl_core.models.catalog import find
from tl_core.models.corpus import first_rows, read_corpus
from tl_core.models.language_models import open_language_model
from tl_core.models.masked_lm import load_masked_lm
from tl_core.models.pretraining.pretrain import Recipe, mask, masked_accuracy
from tl_core.views.fill_mask import fill

LENGTH = 96
SENTENCES = (
    "The cat is on the [MASK].",
    "She put the [MASK] in the [MASK] before dinner.",
    "After a long day at [MASK], he went home and fell asleep in front of the television.",
)
REPEATS = 20


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("held_out", type=Path)
    parser.add_argument("--model", default="minilm-masked")
    a = parser.parse_args()
    source = find(a.model)
    model = load_masked_lm(source)
    with tempfile.TemporaryDirectory() as folder:
        held_out = first_rows(
            ended(read_corpus([a.held_out], model.tokenizer, LENGTH, Path(folder)))
        )
        asked = mask(
            held_out.sequences(range(len(held_out))),
            model,
            Recipe().masked,
            np.random.default_rng(0),
        )
        began = time.perf_counter()
        accuracy = masked_accuracy(model, *asked, "cpu", exact=True)
        print(
            f"masked accuracy {accuracy:.4f} on {len(held_out)} sequences of {LENGTH} tokens,"
            f" {time.perf_counter() - began:.1f} s, {torch.get_num_threads()} threads"
        )
    language_model = open_language_model(source)
    for sentence in SENTENCES:
        fill(language_model, sentence)
        seconds = []
        for _ in range(REPEATS):
            began = time.perf_counter()
            fill(language_model, sentence, together=True)
            seconds.append(time.perf_counter() - began)
        print(
            f"{1000 * statistics.median(seconds):6.1f} ms (slowest of {REPEATS}:"
            f" {1000 * max(seconds):.1f})  {sentence}"
        )


if __name__ == "__main__":
    main()
