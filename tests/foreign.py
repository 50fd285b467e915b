"""Opens exports without Transfer Lab: a process that is given folders and texts, a line of JSON
each time, loads each folder with the library it is for and prints probabilities as a line of JSON;
or runs the example beside an export.
"""

import contextlib
import io
import json
import os
import runpy
import sys
import warnings
from pathlib import Path

import numpy as np

warnings.filterwarnings("ignore")


def softmax(z):
    p = np.exp(z - z.max(1, keepdims=True))
    return p / p.sum(1, keepdims=True)


def ended(z, ending):
    """Logits to probabilities as export.json says."""
    if ending["activation"] == "sigmoid":
        return 1 / (1 + np.exp(-z))
    p = softmax(z)
    even, temperature = ending["even"], ending["temperature"]
    if even or temperature != 1:
        p = np.maximum((1 - even) * p + even / p.shape[1], 1e-15) ** (1 / temperature)
        p /= p.sum(1, keepdims=True)
    return p


def of_sentence_transformers(folder, about, texts, base):
    from safetensors.numpy import load_file
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu")
    if about["reads"] != "pairs apart":
        z = model.encode(texts).astype(float)
        return softmax(z) if about["ending"]["activation"] == "softmax" else 1 / (1 + np.exp(-z))
    head = load_file(folder / "head.safetensors")
    u, v = (model.encode([pair[i] for pair in texts]).astype(float) for i in (0, 1))
    x = np.hstack([abs(u - v), u * v])
    if about["unit"]:
        x /= np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
    return ended(x @ head["weight"].T + head["bias"], about["ending"])


def of_transformers(folder, about, texts, base):
    from transformers import pipeline

    classify = pipeline("text-classification", model=str(folder), top_k=None, device="cpu")
    if about["inputs"] == "two texts":
        texts = [{"text": a, "text_pair": b} for a, b in texts]
    rows = classify(texts, truncation=True, batch_size=3)
    names = [label["id"] for label in about["labels"]]
    assert [classify.model.config.id2label[i] for i in range(len(names))] == names
    return np.array([[{x["label"]: x["score"] for x in row}[n] for n in names] for row in rows])


def of_peft(folder, about, texts, base):
    import torch
    from peft import PeftModel
    from safetensors.numpy import load_file
    from transformers import AutoModel, AutoTokenizer

    model = PeftModel.from_pretrained(AutoModel.from_pretrained(base), str(folder)).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    head = load_file(folder / "head.safetensors")
    batch = tokenizer(texts, truncation=True, padding=True, return_tensors="pt")
    if not about["segments"]:
        batch.pop("token_type_ids", None)
    with torch.inference_mode():
        hidden = model(**batch).last_hidden_state[:, -batch["input_ids"].shape[1] :]
    mask = batch["attention_mask"][..., None]
    x = (hidden * mask).sum(1) / mask.sum(1) if about["pooling"] == "mean" else hidden[:, 0]
    if about["normalized"] or about["unit"]:
        x = torch.nn.functional.normalize(x, dim=1)
    return ended(x.double().numpy() @ head["weight"].T + head["bias"], about["ending"])


def of_sklearn(folder, about, texts, base):
    from skops.io import load

    model = load(folder / "model.skops")
    order = [label["id"] for label in about["labels"]]
    if hasattr(model, "classes_") and about["task"] != "many-labels":
        return model.predict_proba(texts)[:, [list(model.classes_).index(x) for x in order]]
    return model.predict_proba(texts)


def of_onnx(folder, about, texts, file):
    import onnxruntime
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(about["max_tokens"])
    tokenizer.enable_padding(pad_id=about["pad"][0], pad_token=about["pad"][1])
    rows = tokenizer.encode_batch(texts)
    values = {
        "input_ids": [row.ids for row in rows],
        "attention_mask": [row.attention_mask for row in rows],
        "token_type_ids": [row.type_ids for row in rows],
    }
    graph = onnxruntime.InferenceSession(str(folder / file))
    asked = {i.name: np.array(values[i.name], np.int64) for i in graph.get_inputs()}
    z = graph.run(["logits"], asked)[0].astype(float)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    several = config["problem_type"] == "multi_label_classification"
    return 1 / (1 + np.exp(-z)) if several else softmax(z)


def spans_of_transformers(folder, about, texts, questions, base):
    """(start, end, type) of each span; of questions of the answer."""
    import torch
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer, pipeline

    if not questions:
        find = pipeline(
            "token-classification", model=str(folder), aggregation_strategy="first", device="cpu"
        )
        return [[(x["start"], x["end"], x["entity_group"]) for x in find(t)] for t in texts]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForQuestionAnswering.from_pretrained(folder).eval()
    found = []
    for text, question in zip(texts, questions):
        batch = tokenizer(question, text, return_offsets_mapping=True, return_tensors="pt")
        places = batch.pop("offset_mapping")[0].tolist()
        with torch.inference_mode():
            read = model(**batch)
        start, end = read.start_logits[0].tolist(), read.end_logits[0].tolist()
        inside = [t for t, of in enumerate(batch.sequence_ids(0)) if of == 1]
        best = (start[0] + end[0] + about["no_answer_shift"], None)
        pairs = [(start[a] + end[b], (a, b)) for a in inside for b in inside if b >= a]
        at = max([best, *pairs], key=lambda pair: pair[0])[1]
        found.append([] if at is None else [(places[at[0]][0], places[at[1]][1], "answer")])
    return found


def spans(folders, texts, questions):
    """What the foreign library itself finds: of each folder, given with its base."""
    found = {}
    for folder, base in folders.items():
        about = json.loads((Path(folder) / "export.json").read_text(encoding="utf-8"))
        found[folder] = spans_of_transformers(Path(folder), about, texts, questions, base)
    return found


OF = {
    "onnx": of_onnx,
    "sentence-transformers": of_sentence_transformers,
    "transformers": of_transformers,
    "peft": of_peft,
    "sklearn": of_sklearn,
}


def probabilities(folders, texts, pairs):
    found = {}
    for folder, base in folders.items():
        about = json.loads((Path(folder) / "export.json").read_text(encoding="utf-8"))
        given = pairs if about["inputs"] == "two texts" else texts
        found[folder] = OF[about["format"]](Path(folder), about, given, base).tolist()
    return found


def example(script, base, texts):
    """What the example beside an export prints."""
    os.environ["BASE"], sys.argv[1:] = base, texts
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        runpy.run_path(script, run_name="__main__")
    return said.getvalue()


def page(script, given):
    """What the page of a Space answers to each text, or pair of texts."""
    made = runpy.run_path(script, run_name="page")
    asked = made.get("label") or made["find"]
    return [asked(*one) for one in given]


if __name__ == "__main__":
    answer = {"probabilities": probabilities, "spans": spans, "example": example, "page": page}
    for line in sys.stdin:
        asked = json.loads(line)
        said = answer[asked.pop("what")](**asked)
        loaded = sorted({name.split(".")[0] for name in sys.modules})
        print(json.dumps({"said": said, "loaded": loaded}), flush=True)
