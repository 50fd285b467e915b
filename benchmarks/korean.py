"""What the model that reads Korean reaches, and what English it has lost.

    python -m benchmarks.korean DATA [--model NAME] [--quick]

DATA holds tatoeba_en_ko, nsmc_rebuilt, kobest_sentineg, songys_question_pair, klue_nli_dev, agnews
and sst2, each as JSON lines. Prints a table; accuracies are means over five seeds.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import tl_core as tl
from benchmarks import ended
from tl_core.api.types import Label
from tl_core.models.catalog import find
from tl_core.models.encoding import Encoder
from tl_core.models.loading import load_model

SEEDS = 5
TEST_ROWS = 1_000
NAMES = {
    "positive": ("긍정", "재미있고 마음에 들어서 추천한다."),
    "negative": ("부정", "재미없고 실망스러워서 후회한다."),
}
PAIRS = 1_000  # of English sentences, whose order by likeness is compared


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="minilm-korean")
    parser.add_argument("--quick", action="store_true", help="only what takes seconds")
    a = parser.parse_args()
    show("retrieval", retrieval(a.data / "tatoeba_en_ko", a.model))
    if a.quick:
        return
    for name, found in studies(a.data, a.model):
        show(name, found)


def show(name: str, found: dict[str, Any]) -> None:
    """Print one line."""
    values = "  ".join(f"{k} {v:.3f}" for k, v in found.items())
    print(f"{name:<28} {values}", flush=True)


def rows_of(file: Path, most: int | None = None) -> list[dict]:
    """The JSON lines of a file."""
    with open(file, encoding="utf-8") as lines:
        return [json.loads(line) for line in itertools.islice(lines, most)]


def vectors(model: str, texts: list[str]) -> np.ndarray:
    """(n, d) of unit length."""
    return ended(Encoder(load_model(find(model))).embed(texts))


def retrieval(folder: Path, model: str) -> dict[str, float]:
    """Share of sentences whose translation is the nearest, both ways; and how alike English is read
    to before."""
    pairs = rows_of(folder / "test.jsonl")
    english, korean = (vectors(model, [p[side] for p in pairs]) for side in ("src", "tgt"))
    before = vectors("minilm", [p["src"] for p in pairs])
    alike, right = english @ korean.T, np.arange(len(pairs))
    first, second = np.random.default_rng(0).integers(0, len(pairs), (2, PAIRS))
    ours, theirs = ((v[first] * v[second]).sum(1) for v in (english, before))
    ranks = [np.argsort(np.argsort(x)) for x in (ours, theirs)]
    return {
        "en-ko": float((alike.argmax(1) == right).mean()),
        "ko-en": float((alike.argmax(0) == right).mean()),
        "spearman": float(np.corrcoef(*ranks)[0, 1]),
    }


def studies(data: Path, model: str):
    """(name, accuracies) of each set."""
    film = data / "nsmc_rebuilt"
    test = rows_of(film / "test.jsonl", TEST_ROWS)
    labels = tuple(Label(id, *NAMES[id][:1], NAMES[id][1:]) for id in NAMES)
    some = rows_of(film / "train.jsonl", 10_000)
    yield (
        "film reviews, few labels",
        compared(some, test, model, ["similarity", "tfidf", "probe"], [0, 32], labels=labels),
    )
    yield "film reviews, 10,000 rows", compared(some, test, model, ["tfidf", "probe"], ["all"])
    negated = data / "kobest_sentineg"
    train = rows_of(negated / "train.jsonl")
    for part in ("dev", "test"):
        rows = rows_of(negated / f"{part}.jsonl")
        found = compared(train, rows, model, ["tfidf", "probe"], ["all"])
        yield f"product reviews, {'negated' if part == 'test' else 'as they are'}", found
    questions = data / "songys_question_pair"
    yield (
        "question pairs",
        compared(
            rows_of(questions / "train.jsonl"),
            rows_of(questions / "test.jsonl"),
            model,
            ["tfidf", "probe"],
            ["all"],
        ),
    )
    follows = rows_of(data / "klue_nli_dev" / "dev.jsonl")
    yield (
        "what follows from a text",
        compared(follows[:2_000], follows[2_000:], model, ["tfidf", "probe"], ["all"]),
    )
    for name in ("agnews", "sst2"):
        folder = data / name
        held = next(f for f in ("test.jsonl", "dev.jsonl") if (folder / f).is_file())
        for reader in ("minilm", model):
            found = compared(
                rows_of(folder / "train.jsonl", 4_000),
                rows_of(folder / held, TEST_ROWS),
                reader,
                ["similarity", "probe"],
                [0, 8],
            )
            yield f"{name}, {reader}", found


def compared(
    train: list[dict],
    test: list[dict],
    model: str,
    strategies: list[str],
    shots: list[int | str],
    labels: tuple[Label, ...] | None = None,
) -> dict[str, float]:
    """Accuracy by strategy and shots."""
    with tempfile.TemporaryDirectory() as folder:
        texts = ("text_a", "text_b") if "text_a" in train[0] else ("text",)
        kept = (*texts, "label")
        study = tl.compare(
            {k: [row[k] for row in train] for k in kept},
            text=texts[0],
            text_b=texts[1] if len(texts) > 1 else None,
            label="label",
            descriptions=labels,
            test={k: [row[k] for row in test] for k in kept},
            strategies=strategies,
            shots=shots,
            seeds=SEEDS,
            model=model,
            keep="none",
            out=Path(folder) / "study",
        )
        board = study.leaderboard()
    return {f"{line['strategy']}@{line['shots']}": line["accuracy"] for line in board}


if __name__ == "__main__":
    main()
