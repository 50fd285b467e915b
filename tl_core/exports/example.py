"""`example.py` of an export: some lines that label texts with the foreign library alone."""

from __future__ import annotations

from typing import Any

from tl_core.exports.formats import Format

START = '''"""Label texts with this model.

    python example.py {usage}
"""

import json
import sys
from pathlib import Path

import numpy as np

here = Path(__file__).resolve().parent
about = json.loads((here / "export.json").read_text(encoding="utf-8"))
labels = [label["id"] for label in about["labels"]]
{texts}
'''
END = """
for text, row in zip(texts, p):
    {decide}
    scores = dict(zip(labels, row.tolist()))
    print(json.dumps({{"text": text, "label": {answer}, "scores": scores}}))
"""


def example(format: Format, about: dict[str, Any]) -> str:
    """The script."""
    if format.id == "recipe":
        return RECIPE
    if about["decision"] == "spans":
        return format.example(about)
    pairs = about["inputs"] == "two texts"
    usage = '"a first text" "and its second"' if pairs else '"a text" "another"'
    texts = (
        'given = sys.argv[1:] or ["a first text", "and its second"]\n'
        "texts = [(a, b) for a, b in zip(given[::2], given[1::2])]"
        if pairs
        else 'texts = sys.argv[1:] or ["a text to label"]'
    )
    decide, answer = decision(about)
    return (
        START.format(usage=usage, texts=texts)
        + format.example(about)
        + END.format(decide=decide, answer=answer)
    )


def decision(about: dict[str, Any]) -> tuple[str, str]:
    """(lines that decide, expression of the answer) for a row of probabilities."""
    if about["decision"] == "median":
        return "at = int((row.cumsum() < 0.5 - 1e-7).sum())  # the median rating", "labels[at]"
    if about["decision"] == "largest":
        return "at = int(row.argmax())", "labels[at]"
    thresholds = about["ending"]["thresholds"]
    if not thresholds:
        return "given = row >= 0.5", "[x for x, yes in zip(labels, given) if yes]"
    lines = (
        'cuts = np.clip([about["ending"]["thresholds"][x] for x in labels], 1e-6, 1 - 1e-6)\n'
        "    q = np.clip(row, 1e-6, 1 - 1e-6)\n"
        "    above = np.log(q / (1 - q)) - np.log(cuts / (1 - cuts))\n"
        "    given = above >= 0"
    )
    if about["ending"]["one_at_least"]:
        lines += "\n    given[above.argmax()] = True  # every text has a label"
    return lines, "[x for x, yes in zip(labels, given) if yes]"


RECIPE = '''"""Label texts with this recipe: python example.py "a text" (it takes Transfer Lab)."""

import subprocess
import sys
from pathlib import Path

here = Path(__file__).resolve().parent
texts = sys.argv[1:] or ["a text to label"]
for text in texts:
    command = ["predict", str(here), "--text", text, "--json"]
    subprocess.run([sys.executable, "-m", "tl_core", *command], check=True)
'''
