"""One piece of work, done once by us or the usual way, in a process of its own.

    python -m benchmarks.jobs WORK SIDE SEED --train FILE --test FILE [--folder FOLDER]

The last line it prints is JSON: `seconds` by part of the work, processor seconds (`cpu`), and what
came of it (`accuracy`, `cosine`, ...). Models are loaded and libraries imported before the clock
starts; what the work itself needs (tokens, embeddings) is made while it runs, and nothing is known
from before.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import ended

SHOTS = 8  # rows a label
CURVE = (1, 2, 4, 8, 16, 32)
EPOCHS, BATCH, TOKENS = 20, 16, 256
SCORED_TEXTS, SCORED_LABELS = 2, 77


class Clock:
    """Seconds of each part of the work, and processor seconds of all of it."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.cpu = 0.0

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Time what happens within."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - wall
        self.cpu += time.process_time() - cpu


class Rows:
    """The rows of a comparison: the same for both sides."""

    def __init__(self, train: str, test: str, most: int, folder: str):
        from tl_core.data.load import load

        self.folder = folder
        self.loaded = load(train)
        self.problem = self.loaded.dataset.problem
        self.train = list(self.loaded.dataset.examples)
        self.test = list(load(test).dataset.examples)[:most]
        self.labels = list(self.problem.label_ids)

    def few(self, seed: int, shots: int = SHOTS) -> list:
        """So many rows of each label."""
        random, found = np.random.default_rng(seed), []
        for label in self.labels:
            own = [e for e in self.train if e.labels == (label,)]
            found += [own[i] for i in random.permutation(len(own))[:shots]]
        return found

    def gold(self, examples: list) -> np.ndarray:
        """(n,) positions of labels."""
        return np.array([self.labels.index(e.labels[0]) for e in examples])

    def accuracy(self, scores: Any) -> float:
        """The share of test rows whose largest score is their label's."""
        return float((np.asarray(scores).argmax(1) == self.gold(self.test)).mean())


# --- ours -----------------------------------------------------------------------------------------


def our_encoder(name: str = "minilm"):
    """An encoder that knows no text yet."""
    from tl_core.models.catalog import find
    from tl_core.models.encoding import Encoder
    from tl_core.models.loading import load_model

    source = find(name)
    encoder = Encoder(load_model(source), source=source)
    ended(encoder.embed(["warm"]))
    return encoder


def ours_trained(strategy: str) -> Callable[[Rows, int, Clock], dict]:
    """Fit on a few rows, then predict the test rows."""

    def work(rows: Rows, seed: int, clock: Clock) -> dict:
        import peft  # noqa: F401  imported before the clock starts, as on the other side

        from tl_core.api.types import Job
        from tl_core.strategies import strategies

        encoder, chosen = our_encoder(), strategies()[strategy]
        with clock.part("train"):
            job = Job(rows.problem, rows.few(seed), chosen.settings(), seed, encoder)
            fitted = ended(chosen.fit(job))
        with clock.part("predict"):
            scores = ended(fitted.predictor.predict(rows.test))
        return {"accuracy": rows.accuracy(scores), "numbers": str(encoder.numbers)}

    return work


def ours_curve(rows: Rows, seed: int, clock: Clock) -> dict:
    """LoRA at every number of labels with five draws, over one encoder, as a study runs it."""
    import peft  # noqa: F401

    from tl_core.api.types import Job
    from tl_core.strategies import strategies

    encoder, chosen, reached = our_encoder(), strategies()["lora"], {}
    for shots in CURVE:
        for draw in range(5):
            with clock.part("train and predict"):
                job = Job(rows.problem, rows.few(draw, shots), chosen.settings(), draw, encoder)
                scores = ended(ended(chosen.fit(job)).predictor.predict(rows.test))
            reached.setdefault(shots, []).append(rows.accuracy(scores))
    return {"accuracy": float(np.mean([np.mean(v) for v in reached.values()]))}


def ours_embedded(rows: Rows, seed: int, clock: Clock) -> dict:
    """Embed the test texts, never seen before; then again."""
    encoder = our_encoder()
    texts = [e.text for e in rows.test]
    with clock.part("embed"):
        vectors = ended(encoder.embed(texts))
    started = time.perf_counter()
    ended(encoder.embed(texts))
    again = time.perf_counter() - started
    from sentence_transformers import SentenceTransformer

    from tl_core.models.catalog import find

    exact = SentenceTransformer(str(find("minilm").folder), device="cpu").encode(texts)
    cosine = (exact * vectors).sum(1) / np.linalg.norm(exact, axis=1)
    cosine /= np.linalg.norm(vectors, axis=1)
    return {
        "least cosine": float(cosine.min()),
        "again": again,
        "texts/s": len(texts) / clock.seconds["embed"],
    }


def ours_static(rows: Rows, seed: int, clock: Clock) -> dict:
    """Static vectors of the test texts (distilled before), and a probe on a few rows of them."""
    from tl_core.models.static_vectors import StaticVectors
    from tl_core.models.training.heads import fit_head

    made = StaticVectors(our_encoder())
    started = time.perf_counter()
    ended(made.vectors(["warm"]))
    distilled = time.perf_counter() - started
    texts = [e.text for e in rows.test]
    with clock.part("embed"):
        vectors = ended(made.vectors(texts))
    few = rows.few(seed)
    head = fit_head(ended(made.vectors([e.text for e in few])), rows.gold(few), len(rows.labels))
    return {
        "accuracy": rows.accuracy(head.logits(vectors)),
        "distilled in": distilled,
        "texts/s": len(texts) / clock.seconds["embed"],
    }


def _all_embedded(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Both sides fit on the same vectors, made once: making them is no part of this work."""
    kept = Path(rows.folder) / "vectors.npz"
    if not kept.is_file():
        encoder = our_encoder()
        known, asked = (
            ended(encoder.embed([e.text for e in part])) for part in (rows.train, rows.test)
        )
        np.savez(kept, known=known, asked=asked)
    found = np.load(kept)
    return found["known"], found["asked"]


def ours_probe(rows: Rows, seed: int, clock: Clock) -> dict:
    """A probe on all rows, its strength chosen among three over five folds."""
    from tl_core.models.training.heads import fit_head

    known, asked = _all_embedded(rows)
    with clock.part("fit"):
        head = fit_head(known, rows.gold(rows.train), len(rows.labels))
    return {"accuracy": rows.accuracy(head.logits(asked)), "rows": len(known)}


def _writer(folder: str):
    """A GPT-2-sized model from its configuration, with a vocabulary of its own: made once."""
    from tl_core.testing.tiny_models import make

    place = Path(folder) / "gpt2"
    if not (place / "config.json").is_file():
        make(
            place,
            "gpt2",
            head="LMHeadModel",
            worn=False,
            n_embd=768,
            n_layer=12,
            n_head=12,
            n_positions=1024,
        )
    return place


def _label_names() -> list[str]:
    kinds = ("card", "transfer", "top up", "exchange", "account", "cash", "refund")
    faults = (
        "late",
        "lost",
        "limit",
        "fee",
        "declined",
        "pending",
        "change",
        "status",
        "rate",
        "wrong",
        "age",
    )
    return [f"{kind} {fault}" for kind in kinds for fault in faults][:SCORED_LABELS]


def ours_scored(rows: Rows, seed: int, clock: Clock) -> dict:
    """Every label of 77 scored after each text."""
    from tl_core.api.types import Job, Label, Problem
    from tl_core.strategies import strategies

    encoder, chosen = our_encoder(str(_writer(rows.folder))), strategies()["label-score"]
    problem = Problem("one text", "one label", tuple(Label(n, n) for n in _label_names()))
    settings = chosen.settings(calibration="none", templates="{text} Topic: {label}")
    fitted = ended(chosen.fit(Job(problem, [], settings, 0, encoder)))
    texts = rows.test[:SCORED_TEXTS]
    ended(fitted.predictor.predict(rows.test[-1:]))
    with clock.part("score"):
        ended(fitted.predictor.predict(texts))
    return {"texts": len(texts), "labels": len(problem.labels)}


# --- the usual way --------------------------------------------------------------------------------


def _trainer(rows: Rows, model, few: list, rate: float, seed: int, folder: str):
    """transformers' Trainer, as its documentation shows it."""
    from datasets import Dataset
    from transformers import AutoTokenizer, DataCollatorWithPadding, Trainer, TrainingArguments

    from tl_core.models.catalog import find

    tokenizer = AutoTokenizer.from_pretrained(find("minilm").folder)

    def made(examples: list) -> Dataset:
        texts = Dataset.from_dict(
            {"text": [e.text for e in examples], "label": rows.gold(examples).tolist()}
        )
        return texts.map(
            lambda batch: tokenizer(batch["text"], truncation=True, max_length=TOKENS),
            batched=True,
            remove_columns=["text"],
        )

    arguments = TrainingArguments(
        folder,
        num_train_epochs=EPOCHS,
        per_device_train_batch_size=BATCH,
        per_device_eval_batch_size=32,
        learning_rate=rate,
        warmup_steps=0.1,
        weight_decay=0.0,
        seed=seed,
        report_to=[],
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        use_cpu=True,
    )
    trainer = Trainer(
        model,
        arguments,
        train_dataset=made(few),
        data_collator=DataCollatorWithPadding(tokenizer),
    )
    return trainer, made


def usual_trained(adapter: bool) -> Callable[[Rows, int, Clock], dict]:
    """Trainer with a classification head; with peft's LoRA on every linear map of the layers."""

    def work(rows: Rows, seed: int, clock: Clock) -> dict:
        return {"accuracy": _usual_run(rows, seed, clock, rows.few(seed), adapter)}

    return work


def _usual_run(rows: Rows, seed: int, clock: Clock, few: list, adapter: bool) -> float:
    import datasets
    from transformers import AutoModelForSequenceClassification, set_seed

    from tl_core.models.catalog import find

    datasets.disable_progress_bars()
    set_seed(seed)
    model = AutoModelForSequenceClassification.from_pretrained(
        find("minilm").folder, num_labels=len(rows.labels)
    )
    if adapter:
        from peft import LoraConfig, get_peft_model

        model = get_peft_model(
            model,
            LoraConfig(
                task_type="SEQ_CLS",
                r=8,
                lora_alpha=16,
                target_modules=["query", "key", "value", "dense"],
                exclude_modules=r".*pooler.*",
            ),
        )
    with tempfile.TemporaryDirectory() as folder:
        with clock.part("train"):
            rate = 1e-3 if adapter else 1e-4  # as ours
            trainer, made = _trainer(rows, model, few, rate, seed, folder)
            trainer.train()
        with clock.part("predict"):
            scores = trainer.predict(made(rows.test)).predictions
    return rows.accuracy(scores)


def usual_curve(rows: Rows, seed: int, clock: Clock) -> dict:
    """One of the five draws: a run for every number of labels."""
    reached = [_usual_run(rows, seed, clock, rows.few(seed, n), True) for n in CURVE]
    return {"accuracy": float(np.mean(reached)), "of draws": 5}


def usual_contrastive(rows: Rows, seed: int, clock: Clock) -> dict:
    """setfit as its documentation shows it: one epoch over all pairs."""
    from datasets import Dataset
    from setfit import SetFitModel, Trainer, TrainingArguments

    from tl_core.models.catalog import find

    few = rows.few(seed)
    model = SetFitModel.from_pretrained(str(find("minilm").folder))
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder,
            batch_size=BATCH,
            num_epochs=1,
            seed=seed,
            show_progress_bar=False,
            report_to="none",
        )
        texts = Dataset.from_dict({"text": [e.text for e in few], "label": rows.gold(few).tolist()})
        with clock.part("train"):
            Trainer(model=model, args=arguments, train_dataset=texts).train()
        with clock.part("predict"):
            scores = model.predict_proba([e.text for e in rows.test], as_numpy=True)
    return {"accuracy": rows.accuracy(scores)}


def usual_embedded(rows: Rows, seed: int, clock: Clock) -> dict:
    """sentence-transformers' encode, float32."""
    from sentence_transformers import SentenceTransformer

    from tl_core.models.catalog import find

    model = SentenceTransformer(str(find("minilm").folder), device="cpu")
    model.encode(["warm"])
    texts = [e.text for e in rows.test]
    with clock.part("embed"):
        model.encode(texts)
    return {"texts/s": len(texts) / clock.seconds["embed"]}


def usual_probe(rows: Rows, seed: int, clock: Clock) -> dict:
    """scikit-learn's LogisticRegressionCV with the same strengths and folds."""
    from sklearn.linear_model import LogisticRegressionCV

    from tl_core.models.training.heads import STRENGTHS, folds_of

    known, asked = _all_embedded(rows)
    gold = rows.gold(rows.train)
    folds = folds_of(gold)
    assert folds is not None
    parts = [(np.flatnonzero(folds != f), np.flatnonzero(folds == f)) for f in np.unique(folds)]
    with clock.part("fit"):
        model = LogisticRegressionCV(
            Cs=list(STRENGTHS), cv=parts, max_iter=300, use_legacy_attributes=False
        ).fit(known, gold)
    return {"accuracy": rows.accuracy(model.predict_proba(asked)), "rows": len(known)}


def usual_scored(rows: Rows, seed: int, clock: Clock) -> dict:
    """One forward pass for every text and label, as lm-eval's multiple choice asks for them."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    place = _writer(rows.folder)
    model, tokenizer = (
        AutoModelForCausalLM.from_pretrained(place),
        AutoTokenizer.from_pretrained(place),
    )
    texts = rows.test[:SCORED_TEXTS]
    with clock.part("score"), torch.inference_mode():
        for example in texts:
            prompt = tokenizer(f"{example.text} Topic:")["input_ids"]
            for name in _label_names():
                answer = tokenizer(f" {name}", add_special_tokens=False)["input_ids"]
                logits = model(torch.tensor([[*prompt, *answer]])).logits[0].log_softmax(-1)
                sum(logits[len(prompt) - 1 + i, token].item() for i, token in enumerate(answer))
    return {"texts": len(texts), "labels": SCORED_LABELS}


JOBS: dict[tuple[str, str], Callable[[Rows, int, Clock], dict]] = {
    ("lora", "ours"): ours_trained("lora"),
    ("lora", "usual"): usual_trained(True),
    ("contrastive", "ours"): ours_trained("contrastive"),
    ("contrastive", "usual"): usual_contrastive,
    ("full", "ours"): ours_trained("full"),
    ("full", "usual"): usual_trained(False),
    ("curve", "ours"): ours_curve,
    ("curve", "usual"): usual_curve,
    ("embedding", "ours"): ours_embedded,
    ("embedding", "usual"): usual_embedded,
    ("probe", "ours"): ours_probe,
    ("probe", "usual"): usual_probe,
    ("static", "ours"): ours_static,
    ("static", "usual"): usual_embedded,
    ("label scoring", "ours"): ours_scored,
    ("label scoring", "usual"): usual_scored,
}


def main() -> None:
    """Do one piece of work and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work")
    parser.add_argument("side", choices=("ours", "usual"))
    parser.add_argument("seed", type=int)
    parser.add_argument("--train", required=True)
    parser.add_argument("--test", required=True)
    parser.add_argument("--most", type=int, default=1000, help="test rows")
    parser.add_argument("--folder", required=True, help="where models from configuration are kept")
    a = parser.parse_args()
    rows, clock = Rows(a.train, a.test, a.most, a.folder), Clock()
    found = JOBS[a.work, a.side](rows, a.seed, clock)
    print(json.dumps({"seconds": clock.seconds, "cpu": clock.cpu, **found}), flush=True)


if __name__ == "__main__":
    main()
