"""A model that has read a study's own texts before anything learns on it (Gururangan et al. 2020,
task-adaptive pre-training): made once for a model, its texts and settings, and shared by every seed
and number of shots.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.api.types import Example, Step, Steps, digest
from tl_core.models.catalog import ABOUT, find
from tl_core.models.embedding_cache import home
from tl_core.models.encoding import Encoder

MOST_KEPT = 6  # such models in the home folder; what was used longest ago goes first


def further(
    encoder: Encoder,
    examples: Sequence[Example],
    *,
    steps: int,
    rate: float,
    length: int,
    seed: int,
) -> Steps[tuple[Encoder, Path]]:
    """(an encoder whose model was trained on to guess hidden words of these texts, its folder).

    Where it is there already, the run is charged the seconds it took.

    Raises:
        UserError: the model is no masked language model, or there is too little text.
    """
    length = min(length, encoder.model.max_tokens)
    texts = [text for e in examples for text in (e.text, e.text_b) if text and text.strip()]
    folder = (
        home() / "further" / digest([encoder.model.ref.digest, texts, steps, rate, length, seed])
    )
    if (folder / ABOUT).is_file():
        encoder.borrowed_seconds += json.loads((folder / ABOUT).read_text(encoding="utf-8"))[
            "seconds"
        ]
        os.utime(folder)
    else:
        yield from _make(encoder, texts, folder, steps, rate, length, seed)
    return opened(encoder, folder), folder


def opened(encoder: Encoder, folder: Path) -> Encoder:
    """An encoder on such a model, alongside the one it was made from."""
    from tl_core.models.loading import load_model

    source = find(str(folder))
    source = replace(
        source, ref=replace(source.ref, name=f"{encoder.model.ref.name}, trained further")
    )
    return encoder.on(load_model(source), source)


def _make(
    encoder: Encoder,
    texts: Sequence[str],
    folder: Path,
    steps: int,
    rate: float,
    length: int,
    seed: int,
) -> Steps[None]:
    """Appears whole or not at all."""
    from tl_core.models.corpus import held_apart, read_corpus
    from tl_core.models.masked_lm import load_masked_lm
    from tl_core.models.pretraining.pretrain import Recipe, pretrain, save_model
    from tl_core.models.training.classifier import seeded

    beside = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        began = time.perf_counter()
        plain = beside / "texts.txt"
        plain.write_text(
            "\n\n".join(" ".join(t.split()) for t in texts), encoding="utf-8", errors="replace"
        )
        source = encoder.source
        assert source is not None  # an arm with a model has its files
        with seeded(seed):
            model = load_masked_lm(source, fresh_head=True)
        corpus, held_out = held_apart(
            (yield from read_corpus([plain], model.tokenizer, length, beside / "tokens"))
        )
        recipe = Recipe(
            length=length,
            batch=min(32, len(corpus)),
            rate=rate,
            head_rate=max(rate, 1e-3) if model.fresh_head else rate,
            seed=seed,
        )
        for mark in pretrain(
            model,
            corpus,
            held_out,
            recipe,
            beside / "run",
            steps=steps,
            checks=1,
            device=encoder.device,
        ):
            yield Step(mark.steps, steps, mark.loss)
        save_model(model, source, beside / "model", changed_only=False)
        made = {
            "seconds": time.perf_counter() - began,
            "base": encoder.model.ref.name,
            "texts": len(texts),
            "steps": steps,
            "accuracy": mark.accuracy,
            "supervised": encoder.model.ref.supervised,
        }
        (beside / "model" / ABOUT).write_text(json.dumps(made), encoding="utf-8")
        if not folder.is_dir():  # another process may have been quicker
            os.replace(beside / "model", folder)
    except OSError as fault:
        raise UserError(
            say(
                "The model that was trained further could not be kept: {strerror}. Free some"
                " space, or set TL_HOME to another folder.",
                strerror=fault.strerror or fault,
            )
        ) from fault
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    for old in sorted(folder.parent.glob("[!.]*"), key=lambda p: p.stat().st_mtime)[:-MOST_KEPT]:
        shutil.rmtree(old, ignore_errors=True)


def about(folder: Path) -> dict[str, Any]:
    """Read what went into such a model."""
    return json.loads((folder / ABOUT).read_text(encoding="utf-8"))
