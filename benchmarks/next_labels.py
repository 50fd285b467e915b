"""Does choosing the texts to label next pay more than drawing them at random?

    python -m benchmarks.next_labels FILE [--shots 4] [--more 10,20,40] [--seeds 20]

A probe on frozen embeddings learns from k rows of every label, as many more rows are labelled that
it chooses by `tl_core.statistics.classification.next_labels` or that are drawn at random, and it
learns again. Prints the accuracy on the test rows of both and of choosing only by how unsure it is,
and what choosing gains over drawing, with its 95% interval.
"""

from __future__ import annotations

import argparse

import numpy as np

from benchmarks import ended
from tl_core.data.load import load
from tl_core.models.catalog import find
from tl_core.models.embedded import EMBEDDED
from tl_core.models.label_vectors import unit
from tl_core.models.training.heads import fit_head, softmax
from tl_core.running.run import Encoders
from tl_core.statistics.classification.next_labels import badge
from tl_core.statistics.crossed import difference_interval
from tl_core.studies.plan import make_split
from tl_core.tasks import task_of

STRENGTH = 10.0


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file")
    parser.add_argument("--shots", type=int, default=4)
    parser.add_argument("--more", default="10,20,40")
    parser.add_argument("--seeds", type=int, default=20)
    asked = parser.parse_args()
    loaded = load(asked.file)
    split, _ = make_split(loaded)
    problem = loaded.dataset.problem
    gold, test_gold = (task_of(problem).gold(problem, part) for part in (split.pool, split.test))
    source = find(EMBEDDED.name)
    encoder = Encoders().get(source.ref.digest, {source.ref.digest: str(source.folder)})
    pool, test = (unit(ended(encoder.features(part))) for part in (split.pool, split.test))
    labels = len(problem.labels)

    def answers(rows: np.ndarray, texts: np.ndarray) -> np.ndarray:
        return softmax(fit_head(pool[rows], gold[rows], labels, STRENGTH).logits(texts))

    print(
        f"{asked.file}: {len(pool)} rows to choose from, {len(test)} test rows, {labels} labels,"
        f" {asked.seeds} seeds, {asked.shots} of each label first"
    )
    for more in map(int, asked.more.split(",")):
        right: dict[str, list[np.ndarray]] = {"random": [], "unsure": [], "chosen": []}
        for seed in range(asked.seeds):
            order = np.random.default_rng(seed).permutation(len(pool))
            first = np.concatenate([order[gold[order] == c][: asked.shots] for c in range(labels)])
            rest = order[~np.isin(order, first)]
            p = answers(first, pool[rest])
            ways = {
                "random": np.arange(more),
                "unsure": np.argsort(p.max(1), kind="stable")[:more],
                "chosen": badge(task_of(problem).answer_errors(p), pool[rest], more, seed=seed),
            }
            for way, picked in ways.items():
                right[way].append(
                    answers(np.concatenate([first, rest[picked]]), test).argmax(1) == test_gold
                )
        told = {way: np.array(rows, float) for way, rows in right.items()}
        gain = difference_interval(
            told["random"],
            told["chosen"],
            overlap=min(0.9, (asked.shots * labels + more) / len(pool)),
        )
        means = ", ".join(f"{way} {100 * x.mean():.1f}%" for way, x in told.items())
        print(
            f"{more:4} more: {means}; chosen - random {100 * gain.value:.1f} ({100 * gain.low:.1f}"
            f" to {100 * gain.high:.1f})"
        )


if __name__ == "__main__":
    main()
