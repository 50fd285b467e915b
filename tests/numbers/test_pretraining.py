"""Masked-language training: text to sequences, masks, the loss, runs that stop and go on, and the
model that is written.

The made-up language of the runs has one rule, that a line says one word over and over, so what a
blank holds can be known and a tiny model finds it out within a second.
"""

from __future__ import annotations

import gzip
import json
import lzma
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from tests.tiny_models import CUT, TOPICS, drain, make, make_headed
from tl_core.api.errors import UserError
from tl_core.models import catalog
from tl_core.models.catalog import find
from tl_core.models.corpus import HELD_OUT_ROWS, Corpus, first_rows, held_apart, read_corpus
from tl_core.models.delta_weights import FILE
from tl_core.models.loading import load_model
from tl_core.models.masked_lm import MaskedLM, load_masked_lm
from tl_core.models.pretraining.pretrain import (
    NOT_ASKED,
    Recipe,
    mask,
    masked_accuracy,
    masked_loss,
    pretrain,
    restore,
    save_model,
)

LENGTH = 12
RECIPE = Recipe(length=LENGTH, batch=16, rate=5e-3, head_rate=5e-3)
STEADY = Recipe(length=LENGTH, batch=16, warmup=0.0)
# seconds, beside which those of a test are nothing: the learning rates stay what they are at first
FOREVER = 1e18
KINDS = (*CUT, "albert")
ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    """Models that are put together here stay here."""
    monkeypatch.setenv("TL_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="module")
def base(tiny_models) -> Path:
    """A tiny body without a head."""
    return tiny_models.body("bert")


@pytest.fixture(scope="module")
def texts(tmp_path_factory) -> tuple[Path, Path]:
    """(to train on, held out): lines that say one word ten times."""
    folder, words, random = (
        tmp_path_factory.mktemp("texts"),
        [w for topic in TOPICS.values() for w in topic],
        np.random.default_rng(0),
    )
    for name, lines in (("train.txt", 400), ("held_out.txt", 100)):
        folder.joinpath(name).write_text(
            "\n".join(" ".join([word] * (LENGTH - 2)) for word in random.choice(words, lines)),
            encoding="utf-8",
        )
    return folder / "train.txt", folder / "held_out.txt"


@pytest.fixture(scope="module")
def read(base, texts, tmp_path_factory) -> tuple[Corpus, Corpus]:
    tokenizer, folder = fresh(base).tokenizer, tmp_path_factory.mktemp("tokens")
    corpus, held_out = (drain(read_corpus([file], tokenizer, LENGTH, folder)) for file in texts)
    return corpus, held_out


def fresh(folder: Path) -> MaskedLM:
    """The model with the same random head every time."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return load_masked_lm(find(str(folder)), fresh_head=True)


def weights(model: MaskedLM) -> dict[str, torch.Tensor]:
    return {name: p.detach().clone() for name, p in model.network.named_parameters()}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def until(marks, steps: int):
    """Run until this many optimizer steps, then stop; the last mark."""
    for mark in marks:
        if mark.steps == steps:
            marks.close()
            return mark
    raise AssertionError(f"The run ended before step {steps}.")


@torch.inference_mode()
def logits(model: MaskedLM) -> torch.Tensor:
    """Of twenty made sequences."""
    random = torch.Generator().manual_seed(0)
    return model.network(input_ids=torch.randint(5, 60, (20, LENGTH), generator=random)).logits


def moved(model: MaskedLM, by: float = 0.02) -> MaskedLM:
    """As after training: everything but the embeddings is different."""
    random, vocabulary = (
        torch.Generator().manual_seed(0),
        model.network.get_input_embeddings().weight,
    )
    for name, parameter in model.network.named_parameters():
        if ".embeddings." not in name and parameter is not vocabulary:
            parameter.data += by * torch.randn(parameter.shape, generator=random)
    return model


# --- text to sequences ----------------------------------------------------------------------------


def test_sequences_are_full_and_give_back_every_token_in_order(base, tmp_path):
    tokenizer, file = fresh(base).tokenizer, tmp_path / "text.txt"
    lines = [
        "ship wave harbour",
        "",
        "oven",
        "the old drum.",
        "",
        *["flute and choir with a violin"] * 30,
    ]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    corpus = drain(read_corpus([file], tokenizer, LENGTH, tmp_path / "tokens"))
    rows = corpus.sequences(range(len(corpus)))
    separator = [tokenizer.sep_token_id]
    expected = [
        t
        for line in [*lines, ""]
        for t in tokenizer(line, add_special_tokens=False)["input_ids"] or separator
    ]
    assert rows.shape == (len(expected) // (LENGTH - 2), LENGTH) and rows.dtype == np.int64
    assert (rows[:, 0] == tokenizer.cls_token_id).all() and (
        rows[:, -1] == tokenizer.sep_token_id
    ).all()
    assert rows[:, 1:-1].ravel().tolist() == expected[: len(rows) * (LENGTH - 2)]
    assert expected.count(*separator) == 3 and len(rows) == 19
    assert corpus.sequences([4, 1]).tolist() == rows[[4, 1]].tolist()


def test_files_follow_each_other_as_documents_of_their_own(base, tmp_path):
    tokenizer = fresh(base).tokenizer
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("ship " * 15, encoding="utf-8")
    corpus = drain(
        read_corpus(
            [tmp_path / "a.txt", tmp_path / "b.txt"], tokenizer, LENGTH, tmp_path / "tokens"
        )
    )
    assert np.flatnonzero(np.asarray(corpus.tokens) == tokenizer.sep_token_id).tolist() == [15, 31]


@pytest.mark.parametrize(
    "ending, packed", [(".txt", bytes), (".xz", lzma.compress), (".gz", gzip.compress)]
)
def test_packed_files_and_byte_order_marks_are_read(base, tmp_path, ending, packed):
    file = tmp_path / f"text{ending}"
    file.write_bytes(packed(b"\xef\xbb\xbf" + b"ship wave tide\r\n" * 5_000))
    tokenizer = fresh(base).tokenizer
    corpus = drain(read_corpus([file], tokenizer, LENGTH, tmp_path / "tokens"))
    assert tokenizer.decode(corpus.tokens[:3]) == "ship wave tide" and len(corpus.tokens) == 15_001


def test_tokens_are_kept_until_a_file_changes(base, tmp_path):
    tokenizer, file, folder = fresh(base).tokenizer, tmp_path / "text.txt", tmp_path / "tokens"
    file.write_text("ship wave tide\n" * 5_000, encoding="utf-8")

    def steps() -> list:
        return list(read_corpus([file], tokenizer, LENGTH, folder))

    first = steps()
    assert len(first) == 3 and all(
        s.phase == "read" and s.total == file.stat().st_size for s in first
    )
    assert [s.done for s in first] == sorted(s.done for s in first) and first[-1].done == first[
        -1
    ].total
    assert steps() == []
    os.utime(file, (1, 1))
    assert steps() == []
    file.write_text("ship wave gull\n" * 5_000, encoding="utf-8")
    assert len(steps()) == 3
    assert (
        tokenizer.decode(drain(read_corpus([file], tokenizer, LENGTH, folder)).tokens[:3])
        == "ship wave gull"
    )


@pytest.mark.parametrize("fate", ["stopped", "tokens cut", "tokens gone", "note cut"])
def test_tokens_that_are_not_whole_are_read_again(base, tmp_path, fate):
    tokenizer, file, folder = fresh(base).tokenizer, tmp_path / "text.txt", tmp_path / "tokens"
    file.write_text("ship wave tide\n" * 5_000, encoding="utf-8")
    reading = read_corpus([file], tokenizer, LENGTH, folder)
    next(reading)
    if fate == "stopped":
        reading.close()
    else:
        drain(reading)
        (stored,), (note,) = folder.glob("*.tokens"), folder.glob("*.json")
        if fate == "tokens cut":
            os.truncate(stored, stored.stat().st_size // 2)
        elif fate == "tokens gone":
            stored.unlink()
        else:
            os.truncate(note, note.stat().st_size // 2)
    assert len(list(read_corpus([file], tokenizer, LENGTH, folder))) == 3
    assert len(drain(read_corpus([file], tokenizer, LENGTH, folder)).tokens) == 15_001


def spoilt(packed: bytes) -> bytes:
    return packed[:40] + bytes(b ^ 0xFF for b in packed[40:60]) + packed[60:]


LONG = b"".join(b"ship %d wave\n" % i for i in range(3_000))
FAULTS = {
    "missing.txt": (None, r"There is no file .*missing\.txt"),
    "folder": (Path, "is a folder; give its text files"),
    "empty.txt": (b"", "is empty"),
    "latin.txt": (
        b"ship\n" * 6 + "café\n".encode("latin-1"),
        r"not UTF-8 text \(byte 0xe9 in line 7\)\. Save it as UTF-8",
    ),
    "wide.txt": ("ship\n".encode("utf-16"), r"not UTF-8 text \(byte 0xff in line 1\)"),
    "cut.xz": (lzma.compress(LONG)[:-50], "could not be read: Compressed file ended"),
    "cut.gz": (gzip.compress(LONG)[:-50], "could not be read: Compressed file ended"),
    "plain.xz": (LONG, "could not be read: Input format not supported"),
    "plain.gz": (LONG, "could not be read: Not a gzipped file"),
    "spoilt.xz": (spoilt(lzma.compress(LONG)), r"could not be read: .*Download or make it again\."),
    "spoilt.gz": (spoilt(gzip.compress(LONG)), r"could not be read: .*Download or make it again\."),
    "short.txt": (
        b"ship wave",
        r"short\.txt holds 3 tokens; a sequence takes 12, and two are needed at least",
    ),
    "blank.txt": (b" \n\n", "holds 3 tokens"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_cannot_be_read_is_told_in_a_sentence(base, tmp_path, name):
    content, sentence = FAULTS[name]
    file = tmp_path / name
    if content is Path:
        file.mkdir()
    elif content is not None:
        file.write_bytes(content)
    with pytest.raises(UserError, match=sentence) as told:
        drain(read_corpus([file], fresh(base).tokenizer, LENGTH, tmp_path / "tokens"))
    assert name in str(told.value) and str(told.value).endswith(".")


def test_every_file_that_is_not_there_is_told_at_once(base, tmp_path):
    (tmp_path / "empty.txt").touch()
    with pytest.raises(UserError) as told:
        drain(
            read_corpus(
                [tmp_path / "a.txt", tmp_path, tmp_path / "empty.txt"],
                fresh(base).tokenizer,
                LENGTH,
                tmp_path / "tokens",
            )
        )
    assert len(str(told.value).splitlines()) == 3


def test_what_is_measured_on_is_never_trained_on():
    counts = [*range(2, 700), 10_000, 200_000]
    for count in counts:
        corpus = Corpus(np.zeros(0), (), (), LENGTH, np.arange(count))
        rest, apart = held_apart(corpus)
        assert sorted([*rest.rows, *apart.rows]) == list(range(count)), count
        assert len(rest) and 1 <= len(apart) <= HELD_OUT_ROWS
    assert len(counts) == 700 and len(apart) == HELD_OUT_ROWS
    assert first_rows(corpus, 3).rows.tolist() == [0, 1, 2]


# --- masks ----------------------------------------------------------------------------------------


def test_masks_are_asked_for_and_shown_in_bert_s_shares(base):
    model, random = fresh(base), np.random.default_rng(1)
    ids = random.integers(0, len(model.tokenizer), (800, 64))
    shown, gold = (t.numpy() for t in mask(ids, model, 0.15, random))
    asked, special = gold != NOT_ASKED, np.isin(ids, model.tokenizer.all_special_ids)
    assert 1_000 < special.sum() < 5_000 and not asked[special].any()
    assert (gold[asked] == ids[asked]).all() and (shown[~asked] == ids[~asked]).all()
    assert asked[~special].mean() == pytest.approx(
        0.15, abs=0.006
    )  # 4 standard errors, here and below
    hidden, kept = shown[asked] == model.tokenizer.mask_token_id, shown[asked] == ids[asked]
    assert asked.sum() > 6_000
    assert hidden.mean() == pytest.approx(0.8, abs=0.021)
    assert kept.mean() == pytest.approx(0.1, abs=0.016)
    others = shown[asked][~hidden & ~kept]
    assert len(others) / asked.sum() == pytest.approx(0.1, abs=0.016) and len(
        np.unique(others)
    ) > 0.9 * len(model.tokenizer)


def test_the_same_seed_draws_the_same_masks(base, read):
    model, ids = fresh(base), read[0].sequences(range(20))
    drawn = [mask(ids, model, 0.15, np.random.default_rng(seed)) for seed in (3, 3, 4)]
    assert all(torch.equal(a, b) for a, b in zip(drawn[0], drawn[1], strict=True))
    assert not torch.equal(drawn[0][1], drawn[2][1])


def test_something_is_always_asked_for(base, read):
    model, ids = fresh(base), read[0].sequences([0])
    special = np.isin(ids, model.tokenizer.all_special_ids)
    counts = []
    for seed in range(50):
        _, gold = mask(ids, model, 0.01, np.random.default_rng(seed))
        counts.append(int((gold != NOT_ASKED).sum()))
        assert not (gold.numpy() != NOT_ASKED)[special].any()
    assert len(counts) == 50 and min(counts) == 1


# --- the loss and what learns ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_is_that_of_transformers(kind, tiny_models):
    model = fresh(tiny_models.body(kind))
    random = np.random.default_rng(0)
    shown, gold = mask(random.integers(5, 60, (16, LENGTH)), model, 0.15, random)
    asked = gold != NOT_ASKED
    assert asked.sum() > 10
    ours = torch.nn.functional.cross_entropy(
        model.head(model.hidden(input_ids=shown)[asked]), gold[asked]
    )
    theirs = model.network(input_ids=shown, labels=gold).loss
    assert abs(ours - theirs) < 1e-5
    gradients = [
        torch.autograd.grad(loss, model.network.get_input_embeddings().weight)[0]
        for loss in (ours, theirs)
    ]
    assert torch.allclose(*gradients, atol=1e-5)
    # in half precision, where this machine multiplies in it: 8 bits of mantissa, averaged over what
    # is asked for
    assert masked_loss(model, shown, gold).item() == pytest.approx(theirs.item(), abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_everything_learns_but_the_vocabulary_s_vectors(kind, read, tiny_models, tmp_path):
    model = fresh(tiny_models.body(kind))
    before, vectors = weights(model), model.network.get_input_embeddings().weight
    until(pretrain(model, *read, STEADY, tmp_path / "out", seconds=FOREVER, device="cpu"), 3)
    kept = {n for n, p in model.network.named_parameters() if ".embeddings." in n or p is vectors}
    changed = {n for n, p in weights(model).items() if not torch.equal(p, before[n])}
    idle = before.keys() - kept - changed
    assert kept and not kept & changed
    assert len(changed) > 15 and not idle, idle
    assert model.network.get_output_embeddings().weight is vectors


def test_accuracy_is_the_share_of_the_right_tokens(base, read):
    model = fresh(base)
    shown, gold = mask(read[1].sequences(range(100)), model, 0.15, np.random.default_rng(0))
    best = model.network(input_ids=shown).logits.argmax(-1)
    expected = float((best == gold)[gold != NOT_ASKED].float().mean())
    assert masked_accuracy(model, shown, gold, "cpu") == pytest.approx(
        expected, abs=0.03
    )  # half precision may turn a near tie
    assert (
        masked_accuracy(model, shown, torch.where(gold != NOT_ASKED, best, NOT_ASKED), "cpu") > 0.95
    )


# --- runs -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def finished(base, read, tmp_path_factory):
    """(model, folder, marks, accuracy before, times the seconds given) of a run of eight seconds;
    of more where the machine is too busy for the language to be learnt in eight.
    """
    for given in (8, 16, 32, 64):
        model, folder = fresh(base), tmp_path_factory.mktemp("finished")
        asked = mask(read[1].sequences(range(len(read[1]))), model, 0.15, np.random.default_rng(0))
        before, start = masked_accuracy(model, *asked, "cpu"), time.monotonic()
        marks = list(pretrain(model, *read, RECIPE, folder, seconds=given, device="cpu"))
        took = (time.monotonic() - start) / given
        if (marks[-1].accuracy or 0) > 0.9:
            break
    return model, folder, marks, before, took


def test_a_language_is_learnt_in_the_time_given(finished):
    _, _, marks, before, took = finished
    assert 1 <= took < 2
    assert before < 0.2 and marks[-1].accuracy > 0.9
    assert marks[-1].loss < marks[0].loss / 2
    measured = [m for m in marks if m.accuracy is not None]
    assert 10 <= len(measured) <= 24


def test_marks_say_where_a_run_stands(finished, read):
    marks = finished[2]
    shares, steps = [m.share for m in marks], [m.steps for m in marks]
    assert shares == sorted(shares) and 0 <= shares[0] < 0.2 and shares[-1] == 1
    assert steps == [
        *range(1, len(marks)),
        len(marks) - 1,
    ]  # the last tells of the end, not of a step
    assert all(m.tokens == m.steps * 16 * LENGTH for m in marks)
    assert all(0 < a.seconds <= b.seconds for a, b in zip(marks, marks[1:], strict=False))


def test_a_text_shorter_than_a_batch_counts_what_it_read(base, read, tmp_path):
    corpus, held_out = read
    mark = until(
        pretrain(
            fresh(base),
            first_rows(corpus, 5),
            held_out,
            STEADY,
            tmp_path,
            seconds=FOREVER,
            device="cpu",
        ),
        4,
    )
    assert mark.tokens == 4 * 5 * LENGTH


def test_a_finished_run_leaves_its_weights(finished, base):
    model, folder = finished[:2]
    other = fresh(base)
    assert not same(weights(other), weights(model))
    restore(other, folder)
    assert same(weights(other), weights(model))


def test_the_same_seed_learns_the_same(base, read, tmp_path):
    ways = []
    for i, seed in enumerate((1, 1, 2)):
        model = fresh(base)
        recipe = Recipe(length=LENGTH, batch=16, warmup=0.0, seed=seed)
        until(pretrain(model, *read, recipe, tmp_path / str(i), seconds=FOREVER, device="cpu"), 5)
        ways.append(weights(model))
    assert same(ways[0], ways[1]) and not same(ways[0], ways[2])


def test_a_run_that_goes_on_ends_where_it_would_have_ended(base, read, tmp_path):
    """In the second epoch too: 25 batches make one."""
    whole, first, second = fresh(base), fresh(base), fresh(base)
    until(pretrain(whole, *read, STEADY, tmp_path / "whole", seconds=FOREVER, device="cpu"), 40)
    until(pretrain(first, *read, STEADY, tmp_path / "parts", seconds=FOREVER, device="cpu"), 30)
    restore(second, tmp_path / "parts")
    assert same(weights(second), weights(first)) and not same(weights(second), weights(whole))
    marks = pretrain(
        fresh_one := fresh(base),
        *read,
        STEADY,
        tmp_path / "parts",
        seconds=FOREVER,
        device="cpu",
        resume=True,
    )
    assert next(marks).steps == 31
    until(marks, 40)
    assert same(weights(fresh_one), weights(whole))


def test_stopping_keeps_where_it_stands(base, read, tmp_path):
    model = fresh(base)
    until(pretrain(model, *read, RECIPE, tmp_path, seconds=600, device="cpu"), 7)
    kept = json.loads((tmp_path / "training" / "state.json").read_text(encoding="utf-8"))
    assert kept["steps"] == 7 and not kept["finished"] and len(kept["marks"]) == 1
    assert all(p.grad is None for p in model.network.parameters())


def test_after_a_finished_run_another_schedule_begins(base, read, tmp_path):
    def run(resume: bool) -> list:
        return list(
            pretrain(fresh(base), *read, RECIPE, tmp_path, seconds=0.6, device="cpu", resume=resume)
        )

    first, second = run(False), run(True)
    assert second[0].steps == first[-1].steps + 1 and second[0].share < 0.5 < second[-1].share == 1
    assert 1.2 <= second[-1].seconds < 5
    state = json.loads((tmp_path / "training" / "state.json").read_text(encoding="utf-8"))
    assert state["began"] == pytest.approx(first[-1].seconds, abs=0.1) and state["finished"]


def test_nothing_to_go_on_with_is_told(base, read, tmp_path):
    with pytest.raises(UserError, match="holds no run to resume. Leave out resume=…"):
        next(pretrain(fresh(base), *read, RECIPE, tmp_path, seconds=5, device="cpu", resume=True))
    with pytest.raises(UserError, match="holds no run"):
        restore(fresh(base), tmp_path)


def test_a_time_that_is_over_already_is_told(base, read, tmp_path):
    """The time given is that of the whole schedule: going on with 50 of 60 minutes and 10 more is
    60.
    """
    until(pretrain(fresh(base), *read, RECIPE, tmp_path, seconds=600, device="cpu"), 3)
    with pytest.raises(
        UserError,
        match=(
            r"has trained for 0\.\d\d minutes already, and 0\.00 were given for all of it\. Give"
            r" more\."
        ),
    ):
        next(
            pretrain(fresh(base), *read, RECIPE, tmp_path, seconds=0.001, device="cpu", resume=True)
        )


@pytest.mark.parametrize(
    "other",
    [
        {"kind": "distilbert"},
        {"kind": "bert", "intermediate_size": 32},
        {"kind": "bert", "worn": False},
    ],
)
def test_a_run_of_another_model_is_told(base, read, finished, tiny_models, other):
    """Of another architecture, another size, and of the same size with other weights."""
    model = fresh(tiny_models.body(**other))
    with pytest.raises(
        UserError, match="trained another model. Give the same base=…, or another out=…"
    ):
        next(pretrain(model, *read, RECIPE, finished[1], seconds=5, device="cpu", resume=True))


def test_sequences_longer_than_the_model_reads_are_told(base, texts, tmp_path):
    model = fresh(base)
    corpus = drain(read_corpus([texts[0]], model.tokenizer, 65, tmp_path / "tokens"))
    with pytest.raises(
        UserError,
        match="reads 64 tokens, so it cannot learn from sequences of 65. Set length to 64 or less.",
    ):
        next(
            pretrain(
                model, corpus, corpus, Recipe(length=65), tmp_path / "out", seconds=5, device="cpu"
            )
        )


# --- killed ---------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from pathlib import Path
import torch
from tl_core.models.catalog import find
from tl_core.models.masked_lm import load_masked_lm
from tl_core.models.pretraining.pretrain import _State, _checkpoint, _choose_trained

torch.set_num_threads(1)
out, base = map(Path, sys.argv[1:])
model = load_masked_lm(find(str(base)), fresh_head=True)
_choose_trained(model.network)
trained = [p for p in model.network.parameters() if p.requires_grad]
optimizer = torch.optim.AdamW(trained)

def keep(steps, folder):
    for p in trained:
        p.data.fill_(steps)
    _checkpoint(folder, model.network, optimizer, _State(steps=steps, base=model.ref.digest))

for fatal in range(100):
    folder = out / str(fatal)
    child = os.fork()
    if child == 0:
        keep(1, folder)
        keep(2, folder)
        left = fatal
        def watch(event, args):
            global left
            if event in ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "shutil.rmtree"):
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                left -= 1
        sys.addaudithook(watch)
        keep(3, folder)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        break
print(fatal)
"""


def test_a_run_killed_anywhere_in_a_checkpoint_goes_on(base, read, tmp_path):
    """Killed before each thing a third checkpoint does to the disk: the second or the third is
    there, whole.
    """
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), str(base)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
        check=True,
    )
    kills, found = int(done.stdout), []
    for i in range(kills):
        model = fresh(base)
        restore(model, tmp_path / str(i))
        (value,) = {p.flatten()[0].item() for p in model.network.parameters() if p.requires_grad}
        found.append(value)
        marks = pretrain(
            model, *read, STEADY, tmp_path / str(i), seconds=FOREVER, device="cpu", resume=True
        )
        assert until(marks, int(value) + 1).steps == value + 1
        assert sorted(p.name for p in (tmp_path / str(i)).iterdir()) == ["training"]
    assert kills >= 8 and set(found) == {2.0, 3.0} and found == sorted(found)


# --- the finished model ---------------------------------------------------------------------------


def test_a_whole_model_is_an_ordinary_folder(base, tmp_path):
    model = moved(fresh(base))
    save_model(model, find(str(base)), tmp_path / "out", changed_only=False)
    again = load_masked_lm(find(str(tmp_path / "out")))
    assert not again.fresh_head and torch.equal(logits(again), logits(model))
    ids = torch.arange(5, 5 + LENGTH)[None]
    body = load_model(find(str(tmp_path / "out"))).network
    assert torch.equal(body(input_ids=ids).last_hidden_state, model.hidden(input_ids=ids))


@pytest.mark.parametrize("from_whole", [False, True])
def test_only_what_changed_is_enough(base, tmp_path, from_whole):
    """From a body alone, and from a model that has a head already."""
    if from_whole:
        save_model(moved(fresh(base)), find(str(base)), tmp_path / "whole", changed_only=False)
        base = tmp_path / "whole"
    model = moved(fresh(base))
    save_model(model, find(str(base)), tmp_path / "out", changed_only=True)
    assert [p.name for p in (tmp_path / "out").iterdir()] == [FILE]
    (tmp_path / "ordinary").touch()
    assert (tmp_path / "out" / FILE).stat().st_mode == (
        tmp_path / "ordinary"
    ).stat().st_mode  # others may read it too
    written = load_file(tmp_path / "out" / FILE)
    assert {str(t.dtype) for t in written.values()} == {"float16"} and not any(
        ".embeddings." in name for name in written
    )
    assert (
        len(written)
        == sum(
            p.requires_grad and ".embeddings." not in n for n, p in model.network.named_parameters()
        )
        > 20
    )
    again = load_masked_lm(find(str(tmp_path / "out")))
    assert not again.fresh_head
    close = (logits(again) - logits(model)).abs().max() / logits(model).abs().max()
    assert 0 < close < 0.01
    assert torch.equal(
        again.network.get_input_embeddings().weight, model.network.get_input_embeddings().weight
    )
    ids = torch.arange(5, 5 + LENGTH)[None]
    body = load_model(find(str(tmp_path / "out"))).network
    assert torch.equal(body(input_ids=ids).last_hidden_state, again.hidden(input_ids=ids))


def test_what_was_saved_last_is_what_is_loaded(base, tmp_path):
    """In either form, and when both lie in one folder."""
    for by, changed_only in ((0.01, True), (0.02, False), (0.03, True)):
        model = moved(fresh(base), by)
        save_model(model, find(str(base)), tmp_path / "out", changed_only=changed_only)
        assert (
            logits(load_masked_lm(find(str(tmp_path / "out")))) - logits(model)
        ).abs().max() < 0.005


def test_what_changed_in_minilm_is_small(tmp_path):
    model = moved(load_masked_lm(find("minilm"), fresh_head=True), 0.002)
    save_model(model, find("minilm"), tmp_path, changed_only=True)
    shipped = catalog.SHIPPED / "minilm-masked" / FILE
    assert 15e6 < (tmp_path / FILE).stat().st_size < 30e6 and 15e6 < shipped.stat().st_size < 30e6
    again = load_masked_lm(find(str(tmp_path)))
    assert (logits(again) - logits(model)).abs().max() / logits(model).abs().max() < 0.01
    encoder, original = load_model(find(str(tmp_path))), load_model(find("minilm"))
    assert [type(m) for m in encoder.pooling] == [
        type(m) for m in original.pooling
    ] and encoder.max_tokens == original.max_tokens


@pytest.mark.parametrize("fault", ["cut", "no safetensors", "nothing said of the base"])
def test_a_damaged_file_is_told(base, tmp_path, fault):
    save_model(moved(fresh(base)), find(str(base)), tmp_path, changed_only=True)
    file = tmp_path / FILE
    if fault == "cut":
        os.truncate(file, file.stat().st_size - 100)
    elif fault == "no safetensors":
        file.write_bytes(b"<html>not found</html>")
    else:
        save_file(load_file(file), file)
    with pytest.raises(
        UserError, match=r"changed\.safetensors is damaged \(.+\)\. Install or make it again\."
    ):
        find(str(tmp_path))
    assert not list((tmp_path / "home" / "models").glob("*"))


def test_another_base_is_told(base, tmp_path):
    own = make(tmp_path / "own")
    save_model(moved(fresh(own)), find(str(own)), tmp_path / "out", changed_only=True)
    make(own, worn=False)
    with pytest.raises(
        UserError, match="was trained on another .* than there is here. .* pretrain this one again"
    ):
        find(str(tmp_path / "out"))


def test_a_home_that_cannot_be_written_to_is_told(base, tmp_path, monkeypatch):
    save_model(moved(fresh(base)), find(str(base)), tmp_path, changed_only=True)
    (tmp_path / "file").touch()
    monkeypatch.setenv("TL_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(
        UserError, match=r"could not be written \(Not a directory\)\. Set TL_HOME to a folder"
    ):
        find(str(tmp_path))


def test_threads_put_together_at_the_same_time(base, tmp_path):
    save_model(moved(fresh(base)), find(str(base)), tmp_path, changed_only=True)
    count, found = 8, []
    start = threading.Barrier(count)

    def one() -> None:
        start.wait()
        found.append(find(str(tmp_path)).ref.digest)

    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == count and len(set(found)) == 1
    assert len(list((tmp_path / "home" / "models").iterdir())) == 1


TOGETHER = """
import sys, time
from pathlib import Path
from tl_core.models.catalog import find
find("minilm")
print("ready", flush=True)
while not Path(sys.argv[1]).exists():
    time.sleep(0.001)
print(find("minilm-masked").ref.digest)
"""


def test_processes_put_together_at_the_same_time(tmp_path):
    go = tmp_path / "go"
    both = [
        subprocess.Popen(
            [sys.executable, "-c", TOGETHER, str(go)], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        for _ in range(2)
    ]
    assert [p.stdout.readline() for p in both] == ["ready\n"] * 2
    go.touch()
    said = [p.communicate(timeout=60)[0] for p in both]
    assert [p.returncode for p in both] == [0, 0]
    assert said[0] == said[1] == find("minilm-masked").ref.digest + "\n"
    assert len(list((tmp_path / "home" / "models").iterdir())) == 1


# --- the command ----------------------------------------------------------------------------------

ONE_THREAD = {"OMP_NUM_THREADS": "1"}


def command(base: Path, texts: tuple[Path, Path], out: Path, *more: str) -> list[str]:
    settings = [
        part
        for s in ("length=12", "batch=16", "rate=5e-3", "head_rate=5e-3")
        for part in ("--set", s)
    ]
    return [
        sys.executable,
        "-m",
        "tl_core",
        "pretrain",
        str(texts[0]),
        "--base",
        str(base),
        "--out",
        str(out),
        "--held-out",
        str(texts[1]),
        *settings,
        *more,
    ]


def test_the_command_trains_and_writes_a_model(base, texts, tmp_path):
    done = subprocess.run(
        command(base, texts, tmp_path / "out", "--minutes", "0.15"),
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | ONE_THREAD,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    told = re.findall(
        r"loss (\d+\.\d+) +held-out accuracy (\d\.\d+) +(\d+\.\d+) min left", done.stderr
    )
    assert (
        len(told) > 3
        and float(told[-1][0]) < float(told[0][0])
        and float(told[-1][1]) > 0.4
        and float(told[-1][2]) == 0
    )
    assert float(re.search(r"held-out masked accuracy (\d\.\d+)", done.stdout)[1]) == float(
        told[-1][1]
    )
    assert not load_masked_lm(find(str(tmp_path / "out"))).fresh_head


def test_ctrl_c_keeps_a_run_that_resume_goes_on_with(base, texts, tmp_path):
    out = tmp_path / "out"
    running = subprocess.Popen(
        command(base, texts, out, "--minutes", "0.4"),
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | ONE_THREAD,
    )
    for line in running.stderr:
        if "min left" in line:
            break
    time.sleep(0.3)
    running.send_signal(signal.SIGINT)
    said = running.communicate(timeout=60)[1]
    assert running.returncode == 130 and "--resume continues" in said and "Traceback" not in said
    kept = json.loads((out / "training" / "state.json").read_text(encoding="utf-8"))
    assert kept["steps"] > 5 and not kept["finished"] and kept["steps"] > kept["marks"][0]["steps"]
    again = command(
        base,
        texts,
        out,
        "--minutes",
        str(kept["seconds"] / 60 + 0.03),
        "--resume",
        "--changed-only",
    )
    done = subprocess.run(
        again, capture_output=True, text=True, cwd=ROOT, env=os.environ | ONE_THREAD, timeout=120
    )
    assert done.returncode == 0, done.stderr
    state = json.loads((out / "training" / "state.json").read_text(encoding="utf-8"))
    assert state["steps"] > kept["steps"] and state["finished"] and state["began"] == 0
    assert state["marks"][: len(kept["marks"])] == kept["marks"]
    assert (out / FILE).is_file() and not load_masked_lm(find(str(out))).fresh_head


def test_a_model_that_reads_one_way_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(
        UserError,
        match="is a gpt2, which cannot learn to guess hidden words: it reads from left to right",
    ) as fault:
        load_masked_lm(find(str(make_headed(tmp_path / "causal", "gpt2"))), fresh_head=True)
    assert "Unrecognized" not in str(fault.value) and "such as minilm" in str(fault.value)
