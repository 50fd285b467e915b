"""`example.py` of an export that answers with stretches of a text: lines that say what each token's
scores are, and then which spans or which answer they make.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tl_core.exports.formats._base import EACH_TIME

START = '''"""{what}

    python example.py {usage}
"""

import json
import sys
from pathlib import Path

import numpy as np

here = Path(__file__).resolve().parent
about = json.loads((here / "export.json").read_text(encoding="utf-8"))
{texts}
'''
TEXTS = 'texts = sys.argv[1:] or ["a text to look at"]\nsecond = None'
ASKED = (
    'given = sys.argv[1:] or ["How long is it?", "It is two metres long."]\n'
    "texts, second = given[::2], given[1::2]  # questions, and the text of each"
)
# `batch`, `places` (of each token its characters), `z` (B, T, K) are there
TAGS = """\
names = ["O", *(f"{side}-{x['id']}" for x in about["labels"] for side in "BI")]
for i, text in enumerate(texts):
    p = np.exp(z[i] - z[i].max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    words = {}  # number: its first token, which decides it, and its characters
    for t, word in enumerate(batch.word_ids(i)):
        if word is not None:
            first, start, _ = words.get(word, (t, int(places[i][t][0]), 0))
            words[word] = first, start, int(places[i][t][1])
    spans, before = [], ""
    for t, start, end in words.values():
        side, _, kind = names[int(p[t].argmax())].partition("-")
        if kind and side == "I" and kind == before:
            spans[-1]["end"] = end
            spans[-1]["score"].append(float(p[t].max()))
        elif kind:
            span = {"entity_group": kind, "score": [float(p[t].max())], "start": start, "end": end}
            spans.append(span)
        before = kind
    for span in spans:
        span["score"] = sum(span["score"]) / len(span["score"])
        span["word"] = text[span["start"] : span["end"]]
    print(json.dumps({"text": text, "spans": spans}, ensure_ascii=False))
"""
ANSWERS = """\
for i, (question, text) in enumerate(zip(texts, second)):
    inside = [t for t, of in enumerate(batch.sequence_ids(i)) if of == 1]
    keep = np.array([0, *inside])
    p = np.exp(z[i][keep] - z[i][keep].max(0))
    p[0] *= np.exp(about["no_answer_shift"] / 2) if about["no_answer"] else 0
    p /= p.sum(0)
    best, answer = p[0, 0] * p[0, 1], {"answer": "", "start": 0, "end": 0}
    for a in range(1, len(keep)):
        for b in range(a, min(a + 64, len(keep))):
            if p[a, 0] * p[b, 1] > best:
                start, end = int(places[i][keep[a]][0]), int(places[i][keep[b]][1])
                best = p[a, 0] * p[b, 1]
                answer = {"answer": text[start:end], "start": start, "end": end}
    print(json.dumps({"question": question, **answer, "score": float(best)}, ensure_ascii=False))
"""


def script(about: Mapping[str, Any], load: str, each: str) -> str:
    """`example.py`.

    Args:
        load: lines that load `tokenizer` and the model.
        each: lines that make `z`, (B, T, K) logits, of `batch`.
    """
    asks = about["no_answer"] is not None
    start = START.format(
        what=(
            "Answer questions from texts with this model."
            if asks
            else "Tag spans of texts with this model."
        ),
        usage='"a question" "the text that answers it"' if asks else '"a text" "another"',
        texts=ASKED if asks else TEXTS,
    )
    return f"""{start}
{load}
{EACH_TIME}
batch = tokenizer(
    texts,
    second,
    truncation=True,
    padding=True,
    return_offsets_mapping=True,
    return_tensors="np",
)
places = batch.pop("offset_mapping")
{each}
{ANSWERS if asks else TAGS}"""


def parts(script: str) -> tuple[str, str]:
    """Of `script`: (lines that load the model, lines that append to `said` what is found in each of
    `texts`, with `second`), for a page that has both.
    """
    before, _, each = script.partition(f"{EACH_TIME}\n")
    load = next(load for texts in (TEXTS, ASKED) for _, of, load in [before.partition(texts)] if of)
    printed = "print(json.dumps(", ", ensure_ascii=False))"
    return load.strip("\n"), each.replace(printed[0], "said.append(").replace(printed[1], ")")
