"""How well the senses of a word stand apart in context, layer by layer, against one vector a word.

    python -m benchmarks.senses TRAIN.jsonl TEST.jsonl [--model minilm]

Rows hold `text`, `word`, `word_index` (position after a split at spaces) and `label` (the sense),
as CoarseWSD-20 does (Loureiro et al. 2021). Every test mention is classified by its nearest among
the training mentions of its word.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path

import numpy as np

from benchmarks import ended
from tl_core.models.catalog import find
from tl_core.models.embedding_cache import EmbeddingCache
from tl_core.models.encoding import Encoder
from tl_core.models.loading import load_model
from tl_core.models.training.depths import Deep
from tl_core.views.senses import Mention, senses


def main() -> None:
    """Measure and print: mean over words of the accuracy, and the silhouette."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("train", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("--model", default="minilm")
    a = parser.parse_args()
    train, test = mentions_of(a.train), mentions_of(a.test)
    deep = Deep.of(Encoder(load_model(find(a.model))), EmbeddingCache(None))
    found = [ended(senses(deep, word, train[word], test[word])) for word in sorted(test)]
    count = sum(len(f.mentions) for f in found)
    print(f"{a.model}: {len(found)} words, {count} test mentions; means over words")
    print(
        f"{'always the commonest sense':<28}"
        f" {100 * np.mean([f.static.apart.commonest for f in found]):6.1f}%"
    )
    for name, of_word in [("one vector a word", [f.static for f in found])] + [
        (f"layer {i}", [f.depths[i] for f in found]) for i in range(len(found[0].depths))
    ]:
        accuracy = 100 * np.mean([d.apart.accuracy for d in of_word])
        micro = 100 * sum(d.apart.accuracy * d.apart.points for d in of_word) / count
        print(
            f"{name:<28} {accuracy:6.1f}%  (of all mentions {micro:.1f}%)  silhouette"
            f" {np.mean([d.apart.silhouette for d in of_word]):.3f}"
        )


def mentions_of(file: Path) -> dict[str, list[Mention]]:
    """The mention that each row is about, by word."""
    found = defaultdict(list)
    for i, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        row = json.loads(line)
        start = sum(len(w) + 1 for w in row["text"].split(" ")[: row["word_index"]])
        found[row["word"]].append(
            Mention(i, row["text"], start, start + len(row["word"]), row["label"])
        )
    return found


if __name__ == "__main__":
    main()
