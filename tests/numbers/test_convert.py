"""Older weights become safetensors, and a trained run becomes a model: with the same outputs."""

from __future__ import annotations

import json
import os
import pickle
import shutil

import numpy as np
import pytest
import torch

from tests.numbers.test_arms import QUICK, rows_of, study_of
from tests.tiny_models import drain
from tl_core.api.types import Finished
from tl_core.cli import main
from tl_core.models.catalog import find
from tl_core.models.encoding import Encoder
from tl_core.models.loading import load_model
from tl_core.running.run import Encoders
from tl_core.running.run_as_model import export_model
from tl_core.running.runner import StudyRunner
from tl_core.running.worker import Worker
from tl_core.studies.plan import ArmRequest, plan
from tl_core.studies.store import Store

pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture(scope="module")
def tiny(tiny_models):
    return tiny_models.body()


def state_of(folder):
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")


def older(tiny, to, wrap=lambda state: state, name="pytorch_model.bin"):
    shutil.copytree(tiny, to)
    torch.save(wrap(state_of(tiny)), to / name)
    (to / "model.safetensors").unlink()
    return to


def vector(folder) -> np.ndarray:
    source = find(str(folder))
    return drain(Encoder(load_model(source), source=source).embed(["a ship near the harbour"]))


@pytest.mark.parametrize(
    "wrap,name",
    [
        (dict, "pytorch_model.bin"),
        (lambda s: {"state_dict": s, "epoch": 3}, "last.ckpt"),
        (lambda s: {"model": dict(s)}, "weights.pt"),
    ],
)
def test_older_weights_give_the_same_vectors(wrap, name, tiny, tmp_path, capsys):
    folder = older(tiny, tmp_path / "older", wrap, name)
    torch.save({"not": torch.ones(1)}, folder / "optimizer.pt")
    assert main(["convert", str(folder), "--out", str(tmp_path / "new")]) == 0
    assert (
        np.array_equal(vector(tmp_path / "new"), vector(tiny)) and "bert" in capsys.readouterr().out
    )
    assert not list((tmp_path / "new").glob("*.bin")) and not list((tmp_path / "new").glob("*.pt"))


def test_parts_and_shared_tensors_are_put_together(tiny, tmp_path):
    folder = older(tiny, tmp_path / "older")
    state = state_of(tiny)
    names = sorted(state)
    halves = {
        "a.bin": {n: state[n] for n in names[:20]},
        "b.bin": {n: state[n] for n in names[20:]},
    }
    halves["b.bin"]["cls.decoder.weight"] = state["embeddings.word_embeddings.weight"]
    (folder / "pytorch_model.bin").unlink()
    for name, part in halves.items():
        torch.save(part, folder / name)
    index = folder / "pytorch_model.bin.index.json"
    index.write_text(
        json.dumps({"weight_map": {n: name for name, part in halves.items() for n in part}})
    )
    assert main(["convert", str(folder), "--out", str(tmp_path / "new")]) == 0
    assert np.array_equal(vector(tmp_path / "new"), vector(tiny))
    (folder / "b.bin").unlink()
    assert main(["convert", str(folder), "--out", str(tmp_path / "other")]) == 2


class Runs:
    def __reduce__(self):
        return os.mkdir, ("ran",)


def test_code_in_a_file_is_never_run(tiny, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    folder = older(tiny, tmp_path / "older")
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"weight": Runs()}))
    assert main(["convert", str(folder), "--out", "new"]) == 2
    said = capsys.readouterr().err
    assert "was not opened" in said and "Traceback" not in said
    assert not (tmp_path / "ran").exists() and not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "spoil,said",
    [
        (lambda f: (f / "config.json").unlink(), "holds no config.json"),
        (lambda f: (f / "pytorch_model.bin").write_bytes(b"\0\1\2"), "pytorch_model.bin"),
        (lambda f: (f / "pytorch_model.bin").unlink(), "no weights that can be converted"),
        (
            lambda f: shutil.copy(f / "pytorch_model.bin", f / "second.pt"),
            "several files of weights",
        ),
        (lambda f: torch.save([1, 2], f / "pytorch_model.bin"), "holds no weights by name"),
        (lambda f: torch.save({"strange": torch.ones(2)}, f / "pytorch_model.bin"), "lacks"),
        (
            lambda f: ((f / "pytorch_model.bin").unlink(), (f / "tf_model.h5").write_bytes(b"x")),
            "only tf_model.h5",
        ),
    ],
)
def test_what_cannot_be_converted_is_told_in_a_sentence(spoil, said, tiny, tmp_path, capsys):
    folder = older(tiny, tmp_path / "older")
    spoil(folder)
    assert main(["convert", str(folder), "--out", str(tmp_path / "new")]) == 2
    err = capsys.readouterr().err
    assert said in err and "Traceback" not in err


def test_a_folder_that_holds_something_is_not_written_to(tiny, tmp_path, capsys):
    folder = older(tiny, tmp_path / "older")
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "precious").write_text("mine")
    assert main(["convert", str(folder), "--out", str(tmp_path / "new")]) == 2
    assert (
        tmp_path / "new" / "precious"
    ).read_text() == "mine" and "is there already" in capsys.readouterr().err


# --- a trained run --------------------------------------------------------------------------------

TRAINED = ("lora", "dora", "ia3", "bitfit", "full", "contrastive")


@pytest.fixture(scope="module")
def study(tiny, tmp_path_factory):
    """A study whose weights are kept, run by a worker process as any is."""
    folder = tmp_path_factory.mktemp("study") / "study"
    requests = [
        *(ArmRequest(id, {**QUICK, "learning_rate": 1e-2}) for id in TRAINED),
        ArmRequest("bottleneck", QUICK),
        ArmRequest("soft-prompt", QUICK),
        ArmRequest("probe"),
        ArmRequest("tfidf"),
    ]
    made = plan(study_of(tiny, *requests, rows=rows_of(40), shots=(4,)))
    store = Store(folder)
    store.prepare()
    store.save_study(made.study)
    worker = Worker("cpu")
    try:
        for event in StudyRunner(store, made, worker).events():
            assert not isinstance(event, Finished) or event.result.status == "done", (
                event.result.error
            )
    finally:
        worker.end()
    return folder, made


@pytest.mark.parametrize("id", TRAINED)
def test_a_trained_run_becomes_a_model_that_reads_as_the_run_did(id, study, tiny, tmp_path):
    from tl_core.running import fit_arm

    folder, made = study
    spec = next(s for s in made.specs if s.arm.id == id)
    export_model(folder, id, tmp_path / "model")
    encoder = Encoders("cpu", tmp_path / "cache").get(
        spec.arm.model.digest, made.study.model_folders
    )
    trained = fit_arm.load(spec.arm, folder / "models" / spec.id, made.study.problem, encoder).model
    examples = made.study.split.test[:5]
    wanted = drain(trained._each(examples, trained.pooled))
    source = find(str(tmp_path / "model"))
    found = drain(Encoder(load_model(source), source=source).embed([e.text for e in examples]))
    before = drain(encoder.embed([e.text for e in examples]))
    assert np.allclose(found, wanted, atol=1e-4) and not np.allclose(found, before, atol=1e-3)
    assert source.ref.supervised == f"8 labelled rows of made ({id})"


def test_another_study_begins_from_it_and_says_what_it_has_seen(study, tmp_path):
    folder, _ = study
    export_model(folder, "lora", tmp_path / "model")
    made = plan(study_of(tmp_path / "model", ArmRequest("probe"), shots=(4,)))
    assert made.study.arms[0].model.supervised.endswith("(lora)")
    with (tmp_path / "model" / "transfer-lab.json").open("a") as about:
        about.write(" ")
    assert find(str(tmp_path / "model")).ref.digest == made.study.arms[0].model.digest, (
        "a note about a model is no part of it"
    )


@pytest.mark.parametrize(
    "id,said",
    [
        ("bottleneck", "kept separate from the model's weights"),
        ("soft-prompt", "kept separate from the model's weights"),
        ("probe", "changed nothing inside"),
        ("tfidf", "trained no model"),
        ("nobody", "nobody"),
    ],
)
def test_what_is_no_model_by_itself_is_told(id, said, study, tmp_path, capsys):
    assert main(["convert", str(study[0]), "--run", id, "--out", str(tmp_path / "model")]) == 2
    assert said in capsys.readouterr().err
