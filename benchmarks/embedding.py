"""How near embedding comes to what the machine can do.

    python -m benchmarks.embedding FILE [--rows 1000] [--repeat 5]

Prints the share of the float32 matrix-product rate (median of 2048^3 products, measured between the
repetitions) that goes into the operations of real tokens, padding not counted.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch

from tl_core.api.types import Example
from tl_core.data.load import load
from tl_core.models.catalog import find
from tl_core.running.run import Encoders


def main() -> None:
    """Print one line a repetition, and the median."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file")
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--model", default="minilm")
    asked = parser.parse_args()
    texts = [e.text for e in load(asked.file, check_classes=False).dataset.examples[: asked.rows]]
    source = find(asked.model)
    shares = []
    for _ in range(asked.repeat):
        encoders = Encoders("cpu")
        encoders._cache._db = None  # the point is to compute
        encoder = encoders.get(source.ref.digest, {source.ref.digest: str(source.folder)})
        tokens = [len(t) for t in encoder.tokens([Example(0, t) for t in texts])]
        operations = network_operations(encoder.model.network.config, tokens)
        before = product_rate()
        started = time.perf_counter()
        for _step in encoder.embed(texts):
            pass
        seconds = time.perf_counter() - started
        rate = statistics.median([before, product_rate()])
        shares.append(operations / seconds / rate)
        print(
            f"{len(texts)} texts, {sum(tokens)} tokens: {seconds:.2f} s, {len(texts) / seconds:.0f}"
            f" texts/s; matrix products {rate / 1e9:.0f} GFLOP/s; share {shares[-1]:.2f}"
        )
    print(f"median share of the matrix-product rate: {statistics.median(shares):.2f}")


def product_rate() -> float:
    """Operations a second of a 2048 x 2048 x 2048 float32 product, median of nine."""
    a, b = torch.randn(2048, 2048), torch.randn(2048, 2048)
    seconds = []
    for _ in range(9):
        started = time.perf_counter()
        a @ b
        seconds.append(time.perf_counter() - started)
    return 2 * 2048**3 / statistics.median(seconds)


def network_operations(config, lengths: list[int]) -> float:
    """Multiplications and additions of a BERT-like body for texts of these lengths."""
    d, wide, layers = config.hidden_size, config.intermediate_size, config.num_hidden_layers
    dense = 2 * (4 * d * d + 2 * d * wide)
    return float(sum(layers * (n * dense + 4 * n * n * d) for n in lengths))


if __name__ == "__main__":
    main()
