"""Attention, layers and words that mattered, of models and of what studies trained; and the
commands.
"""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import torch

from tests.tiny_models import KINDS, TOPICS, drain, make, text
from tl_core import cli
from tl_core.api.errors import UserError
from tl_core.api.types import Example, Finished, Label, Problem, Split, Step
from tl_core.api.view import Checkpoint
from tl_core.models.catalog import find
from tl_core.models.embedding_cache import EmbeddingCache
from tl_core.models.encoding import Encoder
from tl_core.models.loading import load_model
from tl_core.models.training.depths import Deep
from tl_core.running.jobs import answer
from tl_core.running.run import Encoders, run
from tl_core.running.warm_models import WarmModels
from tl_core.studies.plan import ArmRequest, examples_by_row, make_study, plan
from tl_core.studies.store import Store
from tl_core.views.attention import attention as look
from tl_core.views.layers import layers
from tl_core.views.occlusion import MOST_PIECES, hanging_on
from tl_core.views.occlusion import occlude as without

PROBLEM = Problem("one text", "one label", (Label("sea", "sea"), Label("bread", "bread")))
TRAINED = (
    "lora",
    "dora",
    "ia3",
    "bitfit",
    "bottleneck",
    "soft-prompt",
    "prefix",
    "contrastive",
    "full",
)
IN_LAYERS = (
    "lora",
    "dora",
    "ia3",
    "bitfit",
    "contrastive",
    "full",
)  # those that change what a layer computes with
ODD = [
    "🙂 👩‍👩‍👧",
    "שלום ship",
    "<script>alert(1)</script>",
    "wave " * 20_000,
    "\ud83d ship",
    "a\x00b",
]
pytestmark = pytest.mark.usefixtures("quick")


def opened(folder) -> Deep:
    return Deep.of(Encoder(load_model(find(str(folder)))), EmbeddingCache(None))


def last(events):
    *_, found = events
    return found


def asked(models, job, checkpoint, **arguments):
    """The answer of a view's job."""
    return last(answer(models, job, checkpoint=checkpoint, **arguments))


@pytest.fixture(scope="module")
def deep(tiny_models):
    return opened(tiny_models.body())


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """(folder, run id by arm) of a study whose every run was kept."""
    root = tmp_path_factory.mktemp("inside")
    make(root / "model")
    random = np.random.default_rng(0)
    examples = [
        Example(i, text(t, random), labels=(t,))
        for i, t in enumerate(("sea", "bread") * 16, start=1)
    ]
    arms = [
        ArmRequest(id, {"min_steps": 8, "max_steps": 8} if id in TRAINED else {})
        for id in (*TRAINED, "probe", "tfidf", "majority")
    ]
    asked = make_study(
        "look",
        PROBLEM,
        Split(tuple(examples[:16]), tuple(examples[16:])),
        arms=arms,
        shots=(4,),
        seeds=1,
        model=str(root / "model"),
    )
    store = Store(root / "study")
    store.prepare()
    store.save_study(asked)
    made = plan(store.load_study())
    ended = [
        e
        for e in run(made, encoders=Encoders("cpu"), model_folder=store.model_folder, keep="all")
        if isinstance(e, Finished)
    ]
    for event in ended:
        store.save_result(event.result)
    assert len(ended) == 12 and all(e.result.status == "done" for e in ended), [
        e.result.error for e in ended
    ]
    return root / "study", {spec.arm.id: spec.id for spec in made.specs}


@pytest.fixture(scope="module")
def state():
    return WarmModels("cpu")


def reader(study, arm: str, **more) -> Checkpoint:
    return Checkpoint(folder=str(study[0]), run=study[1][arm], **more)


# --- attention ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_attention_is_the_librarys(kind, tiny_models):
    from transformers import AutoModel

    folder = tiny_models.body(kind)
    deep = opened(folder)
    for pair in (None, "old oven"):
        made = look(deep, "the ship near a wave", pair)
        (tokens,) = deep.encoder.tokens([Example(0, "the ship near a wave", pair)])
        theirs = AutoModel.from_pretrained(folder, attn_implementation="eager").eval()
        with torch.inference_mode():
            wanted = np.stack(
                [
                    a[0].numpy()
                    for a in theirs(
                        **deep.encoder.batch([tokens]), output_attentions=True
                    ).attentions
                ]
            )
        assert (
            made.weights.shape == (deep.layers, 4, len(tokens), len(tokens))
            and np.abs(made.weights - wanted).max() < 1e-5
        )
        assert np.allclose(made.weights.sum(-1), 1, atol=1e-5)
        assert [
            t.text for t in made.tokens if not t.special and not t.segment
        ] == "the ship near a wave".split()
        assert [t.text for t in made.tokens if not t.special and t.segment] == (pair or "").split()


def test_looking_leaves_no_trace_in_the_model(deep):
    """transformers leaves hooks where it was asked for states; copies made for training would then
    answer twice.
    """
    before = deep.encoder.model.network.config._attn_implementation
    look(deep, "ship")
    assert deep.encoder.model.network.config._attn_implementation == before
    again = Deep.of(deep.encoder, EmbeddingCache(None))
    assert len(again.states(deep.encoder.tokens([Example(0, "ship")]))) == deep.layers + 1
    assert not any(m._forward_hooks for m in deep.encoder.model.network.modules())


def test_attention_of_long_and_odd_texts(deep):
    made = look(deep, "wave " * 20_000)
    assert len(made.tokens) == 64 and made.notes == (
        "The text has 20,002 tokens; only 64 are read and shown.",
    )
    assert len(look(deep, "wave " * 100, "oven " * 100, most=10).tokens) == 10
    for odd in ODD[:3]:
        made = look(deep, odd)
        assert np.allclose(made.weights.sum(-1), 1, atol=1e-5) and not made.notes
    with pytest.raises(UserError, match="Write a text"):
        look(deep, " ")


def test_a_model_without_attention(tiny_models):
    with pytest.raises(UserError, match="shows no attention"):
        look(opened(tiny_models.headed("fnet")), "ship")


@pytest.mark.parametrize("arm", TRAINED)
def test_a_trained_arm_looks_with_what_training_left(arm, study, state):
    made = asked(state, "attention", reader(study, arm), text="the ship near a wave")
    plain = asked(
        state, "attention", reader(study, arm, untrained=True), text="the ship near a wave"
    )
    assert made.model == arm and np.allclose(made.weights.sum(-1), 1, atol=1e-5)
    assert made.trained == (10 if arm in ("soft-prompt", "prefix") else 0)
    assert made.weights.shape == (*plain.weights.shape[:3], plain.weights.shape[3] + made.trained)
    assert np.abs(made.weights[..., made.trained :] - plain.weights).max() > 1e-5


def test_arms_that_leave_their_model_as_it_is(study, state):
    made = asked(state, "attention", reader(study, "probe"), text="ship")
    assert np.array_equal(
        made.weights,
        asked(state, "attention", reader(study, "probe", untrained=True), text="ship").weights,
    )
    with pytest.raises(UserError, match="tfidf reads with no model"):
        asked(state, "attention", reader(study, "tfidf"), text="ship")
    with pytest.raises(UserError, match="has no checkpoint"):
        asked(state, "attention", Checkpoint(folder=str(study[0]), run="0" * 16), text="ship")


# --- layers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("arm", TRAINED)
def test_layers_before_and_after(arm, study, state):
    made = asked(state, "layer_changes", reader(study, arm))
    assert [x.depth for x in made.layers] == [0, 1, 2, 3, 4] and made.train == 8 and made.test == 16
    assert all(0 <= x.before <= 1 and 0 <= x.after <= 1 for x in made.layers)
    changed = [x.depth for x in made.layers if x.moved]
    start = 1 if arm == "full" else 3
    assert [d for d in changed if d] == (list(range(start, 5)) if arm in IN_LAYERS else []), (
        "LoRA and its relatives are merged"
    )
    assert made.layers[4].turned > 1e-6 and (
        arm in ("full", "soft-prompt", "prefix") or abs(made.layers[2].turned) < 1e-6
    )
    assert any(x.added for x in made.layers) == (arm not in ("bitfit", "contrastive", "full"))


def test_how_far_lora_moved_by_hand(study, state):
    from safetensors.torch import load_file

    made = asked(state, "layer_changes", reader(study, "lora"))
    kept = load_file(study[0] / "models" / study[1]["lora"] / "weights.safetensors")
    network = opened(study[0].parent / "model").network
    layer = network.encoder.layer[3]
    change = sum(
        (16 / 8 * kept[n.replace("lora_A", "lora_B")] @ t).square().sum()
        for n, t in kept.items()
        if ".layer.3." in n and "lora_A" in n
    )
    wanted = (change / sum(p.detach().square().sum() for p in layer.parameters())).sqrt()
    assert made.layers[4].moved == pytest.approx(float(wanted), rel=1e-4)


def test_probes_are_fitted_on_training_rows_only(deep):
    """Test rows decide nothing: with their labels exchanged, every accuracy is turned round."""
    random = np.random.default_rng(3)
    train = [Example(i, text(t, random), labels=(t,)) for i, t in enumerate(("sea", "bread") * 6)]
    test = [Example(i, text(t, random), labels=(t,)) for i, t in enumerate(("sea", "bread") * 10)]
    other = [
        Example(e.row, e.text, labels=("bread" if e.labels == ("sea",) else "sea",)) for e in test
    ]
    made, turned = (
        drain(layers(deep, deep, PROBLEM, train, test)),
        drain(layers(deep, deep, PROBLEM, train, other)),
    )
    assert all(
        a.before == pytest.approx(1 - b.before)
        for a, b in zip(made.layers, turned.layers, strict=True)
    )
    assert all(
        x.before == x.after and abs(x.turned) < 1e-6 and x.moved == 0 for x in made.layers
    ), "a model against itself"
    assert made.layers[-1].before > 0.8
    with pytest.raises(UserError, match="trained on no rows"):
        drain(layers(deep, deep, PROBLEM, [], test))


def test_a_probe_on_the_last_layer_is_the_probe_arm(study, state):
    """On vectors of length 1 the two are one; the arm's here are not, so it is put on them by
    hand.
    """
    from tl_core.models.training.heads import fit_head

    made = asked(state, "layer_changes", reader(study, "full"))
    made_study = Store(study[0]).load_study()
    pool = examples_by_row(made_study.split.pool)
    rows = next(
        [pool[r] for r in s.train] for s in plan(made_study).specs if s.id == study[1]["full"]
    )
    encoder = opened(study[0].parent / "model").encoder
    features, further = (
        drain(encoder.embed([e.text for e in part])) for part in (rows, made_study.split.test)
    )
    gold, wanted = (
        [PROBLEM.label_index[e.labels[0]] for e in part] for part in (rows, made_study.split.test)
    )
    features, further = (f / np.linalg.norm(f, axis=1, keepdims=True) for f in (features, further))
    scores = fit_head(features, np.array(gold), 2).logits(further)
    assert made.layers[-1].before == pytest.approx((scores.argmax(1) == wanted).mean())


def test_a_run_that_moves_nothing_has_no_layers(study, state):
    with pytest.raises(UserError, match="probe changes nothing"):
        asked(state, "layer_changes", reader(study, "probe"))


# --- words that mattered --------------------------------------------------------------------------


class Counting:
    """A predictor that can be followed by hand: the share of sea words among words of a topic."""

    def __init__(self):
        self.asked: list[str] = []

    def predict(self, examples):
        """(n, 2)."""
        rows = []
        for e in examples:
            said = f"{e.text} {e.text_b or ''}"
            sea, bread = (1 + sum(w in TOPICS[t] for w in said.split()) for t in ("sea", "bread"))
            self.asked.append(e.text)
            rows.append([sea / (sea + bread), bread / (sea + bread)])
        yield Step(1, 1)
        return np.array(rows, np.float32)


def test_occlusion_by_hand():
    counting = Counting()
    made = drain(without("hand", counting, PROBLEM, Example(1, "the ship, wave oven")))
    assert counting.asked == [
        "the ship, wave oven",
        "ship, wave oven",
        "the , wave oven",
        "the ship wave oven",
        "the ship, oven",
        "the ship, wave ",
    ]
    assert [p.text for p in made.pieces] == [
        "the",
        "ship",
        ",",
        "wave",
        "oven",
    ] and made.label == "sea"
    assert made.probability == pytest.approx(2 / 4) and [
        round(p.change, 4) for p in made.pieces
    ] == [0, 0, -0.1, 0.1667, -0.1667]
    other = drain(without("hand", Counting(), PROBLEM, Example(1, "ship wave oven"), label="bread"))
    assert (
        other.label == "bread"
        and hanging_on(other, 1)[0].text == "oven"
        and hanging_on(other, 1)[0].change > 0
    )
    hidden = Counting()
    drain(without("hand", hidden, PROBLEM, Example(1, "ship wave"), way="mask", hide="[MASK]"))
    assert hidden.asked[1:] == ["[MASK] wave", "ship [MASK]"]


def test_occlusion_of_pairs_scripts_and_long_texts():
    made = drain(without("hand", Counting(), PROBLEM, Example(1, "ship don't", "oven")))
    assert [(p.side, p.text) for p in made.pieces] == [(0, "ship"), (0, "don't"), (1, "oven")]
    made = drain(without("hand", Counting(), PROBLEM, Example(1, "배가 떠났다 船出す 🙂!")))
    assert [p.text for p in made.pieces] == ["배가", "떠났다", "船", "出", "す", "🙂!"]
    made = drain(without("hand", Counting(), PROBLEM, Example(1, "wave " * 1001)))
    assert len(made.pieces) <= MOST_PIECES and "1,001 words, so runs of 6" in made.notes[0]
    assert "".join(p.text for p in made.pieces).count("wave") == 1001
    for wrong, words in (
        ({"label": "sky"}, "no label"),
        ({"way": "burn"}, "no way"),
        ({"way": "mask"}, "no mask token"),
    ):
        with pytest.raises(UserError, match=words):
            drain(without("hand", Counting(), PROBLEM, Example(1, "ship"), **wrong))
    for long, words in (("", "Write a text"), ("wave " * 20_000, "has 100,000 characters")):
        with pytest.raises(UserError, match=words):
            drain(without("hand", Counting(), PROBLEM, Example(1, long)))


def test_occlusion_of_every_arm(study, state):
    folder, runs = study
    store = Store(folder)
    example = store.load_study().split.test[0]
    found = {
        id: asked(state, "occlude", reader(study, arm), example=example) for arm, id in runs.items()
    }
    for arm, id in runs.items():
        scores = store.result(id).scores[0]
        assert list(found[id].scores.values()) == pytest.approx(scores.tolist(), abs=1e-5) and len(
            found[id].pieces
        ) == len(example.text.split())
        assert any(abs(p.change) > 1e-6 for p in found[id].pieces) == (arm != "majority")
        whole = found[id].pieces[0]
        alone = last(
            answer(
                state,
                "predict",
                folder=str(folder),
                runs=[id],
                examples=[Example(1, example.text[whole.end + 1 :])],
            )
        )[1]
        assert whole.probability == pytest.approx(
            float(alone[0, PROBLEM.label_index[found[id].label]]), abs=1e-5
        )
    hidden = {"example": example, "way": "mask"}
    assert asked(state, "occlude", reader(study, "lora"), label="sea", **hidden).label == "sea"
    with pytest.raises(UserError, match="tfidf has no mask token"):
        asked(state, "occlude", reader(study, "tfidf"), **hidden)


# --- through the worker's functions, and the commands ---------------------------------------------


@pytest.mark.parametrize("arm", TRAINED)
def test_maps_before_and_after(arm, study, state):
    examples = Store(study[0]).load_study().split.test
    sides = [reader(study, arm, untrained=True), reader(study, arm)]
    wanted = {"examples": examples, "problem": PROBLEM, "by_layer": True}
    made = last(answer(state, "map_texts", checkpoints=sides, **wanted))
    still = last(answer(state, "map_texts", checkpoints=sides[1:] * 2, **wanted))
    assert np.allclose(*[s.places for s in still.sides], atol=1e-5), "a run against itself"
    assert (
        np.abs(made.sides[0].places - made.sides[1].places).max() > 1e-4
        and [s.model for s in made.sides][1] == arm
    )
    assert [len(s.by_layer) for s in made.sides] == [5, 5]
    placed = last(
        answer(state, "place_texts", checkpoints=sides, examples=examples, new=[examples[2]])
    )
    assert all(
        np.allclose(p.places, s.places[2], atol=1e-4)
        for p, s in zip(placed, made.sides, strict=True)
    )


def test_odd_texts_through_the_service(study, state):
    rows = [Example(i, t) for i, t in enumerate(ODD)]
    side = reader(study, "lora")
    made = last(answer(state, "map_texts", checkpoints=[side], examples=rows))
    assert np.isfinite(made.sides[0].places).all()
    assert (
        asked(state, "word_senses", side, word="ship", examples=rows, senses_of=()).model == "lora"
    )
    for odd in ODD:
        assert asked(state, "attention", side, text=odd).tokens
        if len(odd) < 1000:
            arm = next(iter(study[1]))
            assert asked(state, "occlude", reader(study, arm), example=Example(1, odd)).pieces


@pytest.fixture
def here(study, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TL_HOME", str(tmp_path / "home"))
    random = np.random.default_rng(5)
    with open("rows.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(
            [
                ("text", "label"),
                *((f"{text(t, random)} =ship {i}", t) for i, t in enumerate(("sea", "bread") * 10)),
            ]
        )
    (tmp_path / "plain.csv").write_text(
        "text\n" + "\n".join(f"ship {w}" for w in TOPICS["sea"]), encoding="utf-8"
    )
    (tmp_path / "empty.csv").write_text("text,label\n", encoding="utf-8")
    return ["--model", str(study[0].parent / "model")]


def said(capfd, *arguments: str, code: int = 0) -> str:
    capfd.readouterr()
    assert cli.main(list(arguments)) == code
    out, err = capfd.readouterr()
    faults = [
        line for line in err.splitlines() if line.startswith("transfer-lab: ")
    ]  # beside them stands how the file was read
    assert "Traceback" not in err and (
        code == 0 or (not out and faults and all(line.endswith((".", "?", "!")) for line in faults))
    ), err
    return out if code == 0 else err


def test_the_embed_command(study, here, capfd):
    assert "nearest-neighbour accuracy" in said(capfd, "embed", "rows.csv", "--by-layer", *here)
    made = json.loads(said(capfd, "embed", "rows.csv", "--json", "--layer", "2", *here))
    assert (
        len(made["points"]) == 20
        and made["layer"] == 2
        and len(made["points"][0]["nearest"][0]) == 10
    )
    said(capfd, "embed", "rows.csv", "--study", str(study[0]), "--run", "full", "--out", "map.csv")
    with open("map.csv", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 20 and {"x_before", "y_before", "x_after", "y_after"} <= rows[0].keys()
    assert (
        json.loads(said(capfd, "embed", "plain.csv", "--json", *here))["sides"][0]["apart"] is None
    )
    for wrong, words in (
        (["embed", "empty.csv", *here], "no"),
        (["embed", "rows.csv", "--layer", "9", *here], "has 4 layers"),
        (["embed", "gone.csv"], "gone.csv"),
        (["embed", "rows.csv", "--run", "lora"], "--study"),
        (["embed", "rows.csv", "--study", str(study[0]), "--run", "lara"], "lora"),
    ):
        assert words in said(capfd, *wrong, code=cli.PUT_RIGHT)


def test_the_senses_command(here, capfd):
    out = said(capfd, "senses", "rows.csv", "--word", "ship", "--sense", "label", *here)
    assert "one vector per word" in out and "layer 4" in out and "best" in out
    made = json.loads(
        said(
            capfd,
            "senses",
            "rows.csv",
            "--word",
            "ship",
            "--sense",
            "label",
            "--test",
            "rows.csv",
            "--where",
            "label=sea",
            "--json",
            *here,
        )
    )
    assert {m["sense"] for m in made["mentions"]} == {"sea"} and len(made["layers"]) == 5
    for wrong, words in (
        (["--word", "nowhere"], "whole word"),
        (["--word", "ship", "--sense", "lable"], "label"),
        (["--word", "ship", "--where", "label"], "--where"),
        (["--word", "ship", "--test", "rows.csv"], "--sense"),
        (["--word", "ship", "--text", "txet"], "text"),
    ):
        assert words in said(capfd, "senses", "rows.csv", *wrong, *here, code=cli.PUT_RIGHT)


def test_the_attention_command(study, here, capfd):
    assert "layer 4 of 4, mean of its 4 heads" in said(capfd, "attention", "the ship", *here)
    made = json.loads(
        said(
            capfd,
            "attention",
            "the ship",
            "--text-b",
            "oven",
            "--study",
            str(study[0]),
            "--run",
            "soft-prompt",
            "--json",
        )
    )
    weights = np.array(made["weights"])
    assert (
        weights.shape == (4, 4, 6, 16)
        and made["trained"] == 10
        and np.allclose(weights.sum(-1), 1, atol=1e-5)
    )
    for wrong, words in (
        (["--layer", "5"], "layers 1 to 4"),
        (["--head", "0"], "heads 1 to 4"),
        (["--study", "gone"], "no study"),
    ):
        assert words in said(capfd, "attention", "the ship", *wrong, *here, code=cli.PUT_RIGHT)
    assert "Write a text" in said(capfd, "attention", " ", *here, code=cli.PUT_RIGHT)
