"""onnx: the whole way from token ids to logits as one graph, which ONNX Runtime and transformers.js
run without Python's torch. The folder is laid out as they look for it: `onnx/model.onnx` beside the
tokenizer and a configuration with the labels.

On request its weights are also rounded to eight bits (`onnx/model_quantized.onnx`). What that costs
is measured on the locked test rows, against the exact graph, before anybody is given the file.
"""

from __future__ import annotations

import contextlib
import copy
import importlib.util
import json
import logging
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tl_core.api.errors import UserError
from tl_core.api.sentences import Sentence, say
from tl_core.api.types import Example
from tl_core.exports.ending import Ending, as_layers
from tl_core.exports.formats._base import (
    EACH_TIME,
    Format,
    Probabilities,
    no_transformer,
    not_merged,
    not_portable,
    shared_probability,
)
from tl_core.exports.formats.sentence_transformers import to_probabilities
from tl_core.models.training.portable import Encoded
from tl_core.tasks import task_of
from tl_core.words.phrases import EN

if TYPE_CHECKING:
    from tl_core.exports.kept import Kept

FILE, SMALL = "onnx/model.onnx", "onnx/model_quantized.onnx"
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
MOST_BYTES = 1_900_000_000  # in one file; beyond it the format itself ends at 2 GiB
BATCH = 32


class Onnx(Format):
    id = "onnx"
    library = "transformers.js"
    packages = ("onnxruntime", "tokenizers", "numpy")

    def missing(self, *, reads: bool = False) -> str:
        """See `Format.missing`; to read, ONNX Runtime is enough."""
        wanted = ("onnxruntime",) if reads else ("onnx", "onnxruntime", "onnxscript")
        if all(importlib.util.find_spec(name) is not None for name in wanted):
            return ""
        return say(
            "The format {id} needs {package}. Run: pip install {package}",
            id=self.id,
            package=" ".join(wanted),
        )

    def refuses(self, kept: Kept) -> str:
        """It must read by a transformer, a row in one go, with a tokenizer that other programs
        have.
        """
        portable = kept.portable
        if portable is None:
            return not_portable(kept, self.id)
        reads = portable.reads
        if not isinstance(reads, Encoded):
            return no_transformer(kept, self.id)
        if portable.pair and reads.apart:
            return say(
                "onnx cannot hold {arm}: it reads the two texts of a row apart, and"
                " text classification of other programs reads them together.",
                arm=kept.arm.id,
            )
        if refused := shared_probability(kept, self.id):
            return refused
        return cannot_be_run(kept, reads.encoder.model) or not_merged(reads, kept, self.id)

    def write(self, kept: Kept, folder: Path) -> dict[str, Any]:
        """The graph, the tokenizer, and the configuration with the labels."""
        portable = kept.portable
        assert portable is not None and isinstance(portable.reads, Encoded)  # else it was refused
        reads = portable.reads
        model = reads.encoder.model
        body = reads.network()
        most = (reads.classifier and reads.classifier.most_tokens) or model.max_tokens
        module = _whole(body, model, portable, kept.ending)
        texts = (["one text", "and a longer one"],)
        said = write_graph(kept, module, model.tokenizer, texts, ["logits"], folder)
        config = body.config.to_dict()
        ids = kept.problem.label_ids
        several = not task_of(kept.problem).exclusive
        config |= {
            "id2label": {str(i): id for i, id in enumerate(ids)},
            "label2id": {id: i for i, id in enumerate(ids)},
            "problem_type": (
                "multi_label_classification" if several else "single_label_classification"
            ),
        }
        write_beside_graph(
            kept, model.tokenizer, most, config, body, "SequenceClassification", folder
        )
        return said | {"max_tokens": most}

    def smaller(self, kept: Kept, about: dict[str, Any], folder: Path) -> dict[str, Any]:
        """Write the weights in eight bits too, and measure what that costs on the locked test
        rows; returns what to put into `export.json`.
        """
        from onnxruntime.quantization import QuantType, quantize_dynamic

        with _silence():
            quantize_dynamic(
                folder / FILE, folder / SMALL, weight_type=QuantType.QInt8, per_channel=True
            )
        exact, rounded = (
            kept.ending.scores(
                self.open(folder, about | {"file": file})(kept.made.study.split.test)
            )
            for file in (FILE, SMALL)
        )
        return {"file": SMALL, "int8": _cost(kept, exact, rounded)}

    def open(self, folder: Path, about: dict[str, Any]) -> Probabilities:
        """Run it with ONNX Runtime and tokenizers."""
        from tokenizers import Tokenizer

        graph = graph_of(folder / about["file"])
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.enable_truncation(about["max_tokens"])
        pad, token = about["pad"]
        tokenizer.enable_padding(pad_id=pad, pad_token=token)
        plain = Ending(about["ending"]["activation"])  # a temperature is in the graph

        def probabilities(examples: Sequence[Example]) -> np.ndarray:
            given = [e.text if e.text_b is None else (e.text, e.text_b) for e in examples]
            order = sorted(range(len(given)), key=lambda i: len(str(given[i])))
            out: list[Any] = [None] * len(given)
            for start in range(0, len(given), BATCH):  # of like lengths
                some = order[start : start + BATCH]
                rows = tokenizer.encode_batch([given[i] for i in some])
                values = {
                    "input_ids": [row.ids for row in rows],
                    "attention_mask": [row.attention_mask for row in rows],
                    "token_type_ids": [row.type_ids for row in rows],
                }
                asked = {n: np.array(values[n], np.int64) for n in about["inputs_of_graph"]}
                for i, row in zip(some, graph.run(["logits"], asked)[0], strict=True):
                    out[i] = row
            return plain.probabilities(np.array(out, np.float64))

        return probabilities

    def example(self, about: dict[str, Any]) -> str:
        """ONNX Runtime and tokenizers, nothing else."""
        return f"""\
import onnxruntime
from tokenizers import Tokenizer

tokenizer = Tokenizer.from_file(str(here / "tokenizer.json"))
tokenizer.enable_truncation(about["max_tokens"])
tokenizer.enable_padding(pad_id=about["pad"][0], pad_token=about["pad"][1])
graph = onnxruntime.InferenceSession(str(here / about["file"]))
{EACH_TIME}
rows = tokenizer.encode_batch(texts)
values = {{
    "input_ids": [row.ids for row in rows],
    "attention_mask": [row.attention_mask for row in rows],
    "token_type_ids": [row.type_ids for row in rows],
}}
asked = {{name: np.array(values[name], np.int64) for name in about["inputs_of_graph"]}}
z = graph.run(["logits"], asked)[0].astype(float)
{to_probabilities(about, scaled=False)}"""


def _whole(body: Any, model: Any, portable: Any, ending: Ending) -> Any:
    """(input ids, mask, ...) to logits, as one module."""
    import torch
    from torch import nn

    class Whole(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = body.eval()
            self.pooling = nn.ModuleList(model.pooling)
            layers: list[nn.Module] = []
            for layer in as_layers(portable.head, ending):
                rows, columns = layer.weight.shape
                linear = nn.Linear(columns, rows)
                with torch.no_grad():
                    linear.weight.copy_(torch.as_tensor(layer.weight))
                    linear.bias.copy_(torch.as_tensor(layer.bias))
                after = {"LogSoftmax": {"dim": 1}}.get(layer.activation, {})
                layers += [linear, getattr(nn, layer.activation)(**after)]
            self.head = nn.Sequential(*layers)

        def forward(self, given: tuple[torch.Tensor, ...]) -> torch.Tensor:
            batch = dict(zip(self.names, given, strict=True))
            hidden = self.body(**batch).last_hidden_state
            features = {"token_embeddings": hidden, "attention_mask": batch["attention_mask"]}
            for module in self.pooling:
                features = module(features)
            pooled = features["sentence_embedding"]
            if portable.unit:
                pooled = nn.functional.normalize(pooled, dim=1)
            return self.head(pooled)

        names = tuple(n for n in INPUTS if n in model.tokenizer.model_input_names)

    return Whole().eval()


def cannot_be_run(kept: Kept, model: Any) -> str:
    """The refusal of a run whose tokenizer or size other programs cannot take; "" for others."""
    if not hasattr(model.tokenizer, "backend_tokenizer"):
        return say(
            "onnx cannot hold {arm}: the tokenizer of {model} is Python code, which no other"
            " program runs.",
            arm=kept.arm.id,
            model=model.ref.name,
        )
    size = sum(p.numel() * 4 for p in model.network.parameters())
    if size > MOST_BYTES:
        return say(
            "onnx cannot hold {arm}: its model has more than {most} GB in float32, more than"
            " one ONNX file takes.",
            arm=kept.arm.id,
            most=f"{MOST_BYTES / 1e9:.1f}",
        )
    return ""


def inputs_of(tokenizer: Any) -> list[str]:
    """Names of what a graph is given, in their order."""
    return [name for name in INPUTS if name in tokenizer.model_input_names]


def write_graph(
    kept: Kept,
    module: Any,
    tokenizer: Any,
    texts: tuple[list[str], ...],
    outputs: Sequence[str],
    folder: Path,
) -> dict[str, Any]:
    """Write a module as a graph; returns what `Onnx.open` needs to know of it.

    Args:
        module: takes a tuple of token ids, mask and whatever else `inputs_of` names.
        texts: to run it once: two texts, and perhaps what each is paired with.

    Raises:
        UserError: torch cannot express it.
    """
    import torch

    names = inputs_of(tokenizer)
    batch = tokenizer(*texts, padding=True, return_tensors="pt")
    dynamic = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    (folder / "onnx").mkdir()
    try:
        with _silence():
            torch.onnx.export(
                module,
                (tuple(batch[name] for name in names),),
                str(folder / FILE),
                input_names=list(names),
                output_names=list(outputs),
                dynamic_shapes=[tuple(dynamic for _ in names)],
                dynamo=True,
                external_data=False,
                verbose=False,
            )
    except Exception as fault:  # whatever of the architecture torch cannot express
        raise UserError(
            say(
                "torch could not write {arm} as an ONNX graph ({fault}).",
                arm=kept.arm.id,
                fault=(str(fault).strip().splitlines() or [type(fault).__name__])[0][:200],
            )
        ) from fault
    return {
        "file": FILE,
        "inputs_of_graph": names,
        "pad": [tokenizer.pad_token_id, tokenizer.pad_token],
    }


def write_beside_graph(
    kept: Kept,
    tokenizer: Any,
    most: int,
    config: dict[str, Any],
    body: Any,
    what: str,
    folder: Path,
) -> None:
    """Write tokenizer and configuration, as transformers.js looks for them.

    Args:
        most: tokens that are read at once. config: with the labels. what: the end of the name of
            the architecture.
    """
    mine = copy.deepcopy(tokenizer)
    mine.model_max_length = most
    mine.save_pretrained(folder)
    config["architectures"] = [f"{type(body).__name__.removesuffix('Model')}For{what}"]
    (folder / "config.json").write_text(
        json.dumps(config, ensure_ascii=False, indent=1), encoding="utf-8"
    )


def graph_of(file: Path) -> Any:
    """A session of ONNX Runtime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def _cost(kept: Kept, exact: np.ndarray, rounded: np.ndarray) -> dict[str, Any]:
    """The measure that sorts the study, of exact and of rounded weights, and their difference with
    its 95% interval: pairs of the locked test rows.
    """
    from tl_core.analysis.compare import grouping
    from tl_core.statistics.crossed import difference_interval

    problem, task = kept.problem, task_of(kept.problem)
    gold = task.gold(problem, kept.made.study.split.test)
    metric, _ = task.sorts(gold, len(problem.labels))
    measure = task.measure(metric)
    sides = [measure.rows(problem, gold, task.decide(x)[None]) for x in (exact, rounded)]
    found = difference_interval(
        *sides, a_deterministic=True, b_deterministic=True, design=grouping(kept.made)
    )
    scale = measure.plain(problem, 1.0) - measure.plain(problem, 0.0)
    low, high = sorted(scale * x for x in (found.low, found.high))
    others = task.decide(exact) != task.decide(rounded)
    values = [measure.plain(problem, float(side.mean())) for side in sides]
    return {
        "measure": metric,
        "exact": values[0],
        "int8": values[1],
        "difference": scale * found.value,
        "low": low,
        "high": high,
        "test_rows": len(gold),
        "other_answers": int(others.reshape(len(gold), -1).any(1).sum()),
    }


def int8_cost(measured: dict[str, Any]) -> Sentence:
    """What rounding the weights costs, in a sentence; of what `Onnx.smaller` measured."""
    return say(
        "In eight bits: {measure} {int8:.3f} instead of {exact:.3f} on the {rows:,} locked test"
        " rows, a difference of {difference:+.3f} (95% interval {low:+.3f} to {high:+.3f}); {other}"
        " of them get another answer.",
        measure=EN[measured["measure"]],
        int8=measured["int8"],
        exact=measured["exact"],
        rows=measured["test_rows"],
        difference=measured["difference"],
        low=measured["low"],
        high=measured["high"],
        other=measured["other_answers"],
    )


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Exporters say much about what they leave out; whatever is wrong is found by comparison."""
    loud = [logging.getLogger(name) for name in ("torch", "onnxscript", "onnx_ir", "root")]
    before = [log.level for log in loud]
    try:
        for log in loud:
            log.setLevel(logging.ERROR)
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        for log, level in zip(loud, before, strict=True):
            log.setLevel(level)


FORMAT = Onnx()
