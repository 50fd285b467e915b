"""Rows in the prompt: scores against prompts put together by hand, which rows are shown, and a
model that learns from the prompt alone.
"""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.tiny_models import drain, make_headed, said
from tl_core.api.types import Dataset, Example, Facts, Finished, Job, Label, ModelRef, Problem
from tl_core.data.loaded import Loaded
from tl_core.models.catalog import find
from tl_core.models.encoding import Encoder
from tl_core.models.language_models import language_model_of
from tl_core.models.language_models.causal import SHARED
from tl_core.models.loading import load_model
from tl_core.running.run import Encoders, run
from tl_core.statistics.classification.prompt_calibration import log_shares, with_shares
from tl_core.strategies import strategies
from tl_core.studies.plan import ArmRequest, make_split, make_study, plan

STORIES = Path(__file__).resolve().parents[3] / "shared" / "models" / "stories260K"
KINDS = ("gpt2", "llama", "t5")
ROOM = 256
LABELS = (
    Label("s", "sea", words=("sea", "le gull")),
    Label("b", "bread"),
    Label("o", "near the oven"),
)
PROBLEM = Problem("one text", "one label", LABELS)
TEMPLATE = "{text}\\nle {label}"
SHOWN = {"s": "sea", "b": "bread", "o": "near the oven"}  # as a row's label stands in a prompt
ROWS = [
    Example(11, "le ship sails", labels=("s",)),
    Example(12, "la dough rises", labels=("b",)),
    Example(13, "la oven glows", labels=("o",)),
    Example(14, "le gull [MASK] {text}", labels=("s",)),
    Example(15, "la crust </s> cracks", labels=("b",)),
    Example(16, "la oven", labels=("o",)),
]
TEXTS = [
    "le ship sails la oven",
    "la oven",
    "",
    "la dough rises near the bread le gull flies",
    "le anchor",
    "le ship [MASK] sails",
]
strategy = strategies()["in-context"]

pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture(scope="module")
def folders(tiny_models):
    """A tiny model of each kind that writes, on disk."""
    size = {"gpt2": {"n_positions": ROOM}, "llama": {"max_position_embeddings": ROOM}, "t5": {}}
    return {kind: tiny_models.headed(kind, reads=ROOM, **size[kind]) for kind in KINDS}


@pytest.fixture(scope="module")
def encoders(folders):
    sources = {kind: find(str(folder)) for kind, folder in folders.items()}
    return {kind: Encoder(load_model(source), source=source) for kind, source in sources.items()}


def examples_of(texts=TEXTS) -> list[Example]:
    return [Example(i, t) for i, t in enumerate(texts, start=1)]


def fit(encoder, rows=ROWS, problem=PROBLEM, seed=0, without_labels=(), **settings):
    settings = {"calibration": "none", "templates": TEMPLATE, **settings}
    return drain(
        strategy.fit(
            Job(
                problem,
                rows,
                strategy.settings(**settings),
                seed,
                encoder,
                unlabelled=without_labels,
            )
        )
    )


def shown_in(prompts, texts=TEXTS, t: int = 0) -> list[list[str]]:
    """For each text the texts of the rows before it, the first taken first."""
    examples = examples_of(texts)
    cosines = drain(prompts._cosines(examples))
    return [
        [prompts.rows[j].text for j in prompts._prompts(t, e, c)[0]]
        for e, c in zip(examples, cosines, strict=True)
    ]


# --- scores against prompts put together by hand --------------------------------------------------


@torch.inference_mode()
def written_by_hand(model, string: str, word: tuple[int, ...]) -> float:
    """Log-probability of a word's tokens (and, T5, of the end) after a prompt, which is read again
    for every word.
    """
    network, ids = model.network, model.tokenizer(string, add_special_tokens=False)["input_ids"]
    if model.family == "sentinel":
        end = model.tokenizer.eos_token_id
        written = [network.config.decoder_start_token_id, *word, end]
        told = (
            network(
                input_ids=torch.tensor([[*ids, end]]), decoder_input_ids=torch.tensor([written])
            )
            .logits[0]
            .double()
            .log_softmax(-1)
        )
        return sum(float(told[t, token]) for t, token in enumerate([*word, end]))
    row = [0, *ids, *word]
    told = network(torch.tensor([row])).logits[0].double().log_softmax(-1)
    return sum(float(told[len(row) - len(word) + t - 1, token]) for t, token in enumerate(word))


def as_data(text: str) -> str:
    return text.replace("[MASK]", "[ MASK ]").replace("</s>", "< /s >")


def scores_by_hand(model, order: list[Example], text: str) -> list[float]:
    """One label at a time, no cache, no batch; the prompt's strings written out here."""
    before = "".join(f"{as_data(row.text)}\nle {SHOWN[row.labels[0]]}\n\n" for row in order)
    found = []
    for label in LABELS:
        of_words = []
        for word in label.words or (label.name,):
            whole = model.tokenizer(f"le {word}", add_special_tokens=False)["input_ids"]
            cut = tuple(whole[len(model.tokenizer("le", add_special_tokens=False)["input_ids"]) :])
            of_words.append(math.exp(written_by_hand(model, f"{before}{as_data(text)}\nle", cut)))
        found.append(math.log(np.mean(of_words)))
    return found


@pytest.mark.parametrize("pick", ["random", "nearest"])
@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_those_of_prompts_put_together_by_hand(kind, pick, encoders):
    prompts = fit(encoders[kind], pick=pick, orders=3).predictor.prompts
    scores, short = drain(prompts.scores(examples_of()))
    assert scores.shape == (3, len(TEXTS), 3) and short == 0
    for i, (example, shown) in enumerate(zip(examples_of(), shown_in(prompts), strict=True)):
        assert len(shown) == 6
        for order in range(3):
            rows = [prompts.rows[j] for j in prompts.ordered(range(6), order)]
            assert np.allclose(
                scores[order, i], scores_by_hand(prompts.model, rows, example.text), atol=1e-4
            )
    assert scores.std(axis=0).min() > 1e-4 and scores.std(axis=1).min() > 1e-4, (
        "orders and texts make a difference"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_without_room_for_rows_it_is_label_score(kind, encoders):
    prompts = fit(encoders[kind]).predictor.prompts
    plain = strategies()["label-score"]
    alone = drain(
        plain.fit(
            Job(
                PROBLEM,
                [],
                plain.settings(templates=TEMPLATE, calibration="none"),
                0,
                encoders[kind],
            )
        )
    ).predictor.prompts
    long = ["la oven glows near " * 90]
    assert shown_in(prompts, long) == [[]]
    (scores, short), (expected, cut) = (
        drain(prompts.scores(examples_of(long))),
        drain(alone.scores(examples_of(long))),
    )
    assert short == cut == 1 and np.allclose(scores, expected, atol=1e-6)


def test_probabilities_are_the_mean_over_templates_and_orders(encoders):
    templates, pool = f"{TEMPLATE}|la {{text}}: {{label}}", examples_of(TEXTS[:5])
    for calibration in ("none", "batch"):
        predictor = fit(
            encoders["gpt2"],
            templates=templates,
            orders=3,
            calibration=calibration,
            without_labels=pool,
        ).predictor
        scores, _ = drain(predictor.prompts.scores(examples_of()))
        taken = np.zeros((6, 1, 3))
        if calibration == "batch":
            taken = np.stack(
                [with_shares(of_way) for of_way in drain(predictor.prompts.scores(pool))[0]]
            )[:, None]
        calibrated = np.stack([log_shares(s) for s in scores - taken])
        found = drain(predictor.predict(examples_of()))
        assert scores.shape == (6, 6, 3) and np.allclose(
            found, np.exp(log_shares(calibrated.mean(0))), atol=1e-5
        )
        apart = 100 * (calibrated.argmax(2) != calibrated.argmax(2)[0]).any(0).mean()
        assert (
            "The 2 templates, each in 3 orders of the demonstrations, give different predictions"
            f" for {apart:.0f}% of the texts." in predictor.notes
        )


def test_what_is_shown_before_all_texts_is_read_once(encoders):
    """And an order that comes twice is asked once: two rows have two orders."""
    rows = [
        ROWS[0],
        Example(
            2,
            "la oven glows near the bread and the gull flies near the sea near the oven near the"
            " bread",
            labels=("b",),
        ),
    ]
    prompts = fit(
        encoders["gpt2"], rows, orders=8, templates="{text} near the {label}"
    ).predictor.prompts
    widths = []
    handle = prompts.model.network.register_forward_pre_hook(
        lambda _, __, named: widths.append(tuple(named["input_ids"].shape)), with_kwargs=True
    )
    before = len(prompts.model.read(prompts._before(prompts.templates[0], [0, 1]) + "[MASK]").ids)
    together, _ = drain(prompts.scores(examples_of(["le ship", "le gull"] * 3)))
    handle.remove()
    assert before > SHARED and sum(rows == 1 and width > SHARED for rows, width in widths) == 2, (
        "once an order"
    )
    assert all(width < SHARED for rows, width in widths if rows > 1)
    alone = np.concatenate(
        [drain(prompts.scores([e]))[0] for e in examples_of(["le ship", "le gull"] * 3)], axis=1
    )
    assert (
        np.allclose(together, alone, atol=1e-5)
        and len({tuple(o.round(4)) for o in together[:, 0]}) == 2
    )


# --- which rows are shown -------------------------------------------------------------------------


def many_rows(per_label: int = 8) -> list[Example]:
    nouns = ["ship", "gull", "anchor", "oven", "dough", "crust", "sea", "bread"]
    return [
        Example(100 + 3 * n + c, f"le {nouns[n % 8]} {'near ' * (n % 3)}{n}", labels=(label.id,))
        for n in range(per_label)
        for c, label in enumerate(LABELS)
    ]


def test_the_nearest_rows_are_those_cosine_says(encoders):
    rows = many_rows()
    prompts = fit(encoders["gpt2"], rows, pick="nearest", demonstrations=2).predictor.prompts
    embedded = {
        e.text: drain(encoders["gpt2"].embed([e.text]))[0].astype(float)
        for e in [*rows, *examples_of()]
    }
    unit = {text: vector / max(np.linalg.norm(vector), 1e-12) for text, vector in embedded.items()}
    for text, shown in zip(TEXTS, shown_in(prompts), strict=True):
        if not text:
            continue  # no token, no direction: chance chooses
        distinct = sorted({e.text for e in rows}, key=lambda other: -(unit[text] @ unit[other]))
        assert len(shown) == 6 and set(shown) == set(distinct[:2]), (
            "three rows, one of each label, have the same text"
        )
    diverse = fit(encoders["gpt2"], rows, pick="diverse", demonstrations=2).predictor.prompts
    for text, shown, nearest in zip(TEXTS, shown_in(diverse), shown_in(prompts), strict=True):
        assert (
            not text
            or shown == [of_round for of_round in shown[::3] for _ in range(3)]
            and set(shown) == set(nearest)
        )


def test_labels_stay_balanced_when_rows_do_not_fit(encoders):
    rows = [*many_rows(20), Example(999, "ship " * 400, labels=("s",))]
    for pick in ("random", "diverse"):
        predictor = fit(encoders["gpt2"], rows, pick=pick).predictor
        counts = []
        for example, cosines in zip(
            examples_of(), drain(predictor.prompts._cosines(examples_of())), strict=True
        ):
            shown, read, _ = predictor.prompts._prompts(0, example, cosines)
            each = np.bincount([predictor.prompts.gold[j] for j in shown], minlength=3)
            assert each.max() - each.min() <= 1 and len(read) == 4
            assert all(0 <= predictor.prompts.left(prompt) for _, prompt in read)
            assert predictor.prompts.left(read[0][1]) < 2 * max(
                predictor.prompts.lengths[0][:60]
            ), "as many as fit"
            counts.append(len(shown))
        drain(predictor.predict(examples_of()))
        assert max(counts) < 60 and len(set(counts)) > 1
        assert any(
            n.startswith(
                f"{min(counts)} to {max(counts)} of 61 demonstrations fit in front of a text"
            )
            for n in predictor.notes
        )


def test_labels_that_cannot_be_shown_are_told(encoders):
    problem = Problem("one text", "one label", tuple(Label(f"{n}", f"sea {n}") for n in range(77)))
    rows = [Example(n, f"le gull {n}", labels=(f"{n}",)) for n in range(77)]
    predictor = fit(encoders["gpt2"], rows, problem).predictor
    scores = drain(predictor.predict(examples_of()))
    assert scores.shape == (6, 77) and np.allclose(scores.sum(1), 1, atol=1e-5)
    shown = np.mean([len(x) for x in shown_in(predictor.prompts)])
    assert 5 < shown < 40 and any(
        f"a text sees {shown:.0f} of 77 labels demonstrated" in n and "pick=nearest" in n
        for n in predictor.notes
    )
    fitting = fit(encoders["gpt2"]).predictor
    drain(fitting.predict(examples_of()))
    assert not any("demonstrat" in n and "orders" not in n for n in fitting.notes), (
        "where all fit there is nothing to tell"
    )


def test_no_row_that_fits_is_told_before_anyone_waits(encoders):
    fault = said(
        fit,
        encoders["gpt2"],
        [Example(1, "ship " * 300, labels=("s",)), Example(2, "oven " * 300, labels=("b",))],
    )
    assert "No labelled row fits" in fault and "label-score" in fault
    kept = fit(encoders["gpt2"], [Example(1, "ship " * 300, labels=("s",)), ROWS[1]]).predictor
    assert shown_in(kept.prompts)[0] == [ROWS[1].text], (
        "a row that is too long is no hindrance to others"
    )


def test_neither_the_order_of_the_file_nor_of_the_labels_matters(encoders):
    for pick in ("random", "nearest", "diverse"):
        settings = {"pick": pick, "demonstrations": 2}
        first = drain(
            fit(encoders["gpt2"], many_rows(), **settings).predictor.predict(examples_of())
        )
        moved = [dataclasses.replace(e, row=1000 - e.row) for e in many_rows()[::-1]]
        assert np.allclose(
            first,
            drain(fit(encoders["gpt2"], moved, **settings).predictor.predict(examples_of())),
            atol=1e-5,
        )
        turned = dataclasses.replace(PROBLEM, labels=LABELS[::-1])
        assert np.allclose(
            first,
            drain(
                fit(encoders["gpt2"], many_rows(), turned, **settings).predictor.predict(
                    examples_of()
                )
            )[:, ::-1],
            atol=1e-5,
        )
    other = drain(
        fit(encoders["gpt2"], many_rows(), seed=1, demonstrations=2).predictor.predict(
            examples_of()
        )
    )
    assert not np.allclose(
        other,
        drain(
            fit(encoders["gpt2"], many_rows(), seed=0, demonstrations=2).predictor.predict(
                examples_of()
            )
        ),
        atol=1e-3,
    )


def test_both_texts_of_a_pair_are_shown(encoders):
    problem = dataclasses.replace(PROBLEM, inputs="two texts")
    rows = [dataclasses.replace(e, text_b="la crust") for e in ROWS]
    for pick in ("random", "nearest"):
        predictor = fit(
            encoders["gpt2"],
            rows,
            problem,
            pair_templates="{text_b} near {text} {label}",
            pick=pick,
        ).predictor
        before = predictor.prompts._before(predictor.prompts.templates[0], [0, 1])
        assert before.count("la crust near ") == 2 and before.count("\n\n") == 2
        assert drain(predictor.predict([Example(1, "le ship", "la oven")])).shape == (1, 3)


# --- what it refuses ------------------------------------------------------------------------------


def test_refusals():
    for speaks in ("", "masked", "permutation", "causal", "sentinel"):
        reason = strategy.refuses(Facts(PROBLEM, 4, ModelRef("tiny", "0", "", speaks), True))
        assert (reason == "") == (speaks in ("causal", "sentinel"))
        assert reason == "" or reason.endswith(".") and "tiny" in reason
    model = ModelRef("tiny", "0", "", "causal")
    assert "1 or more shots" in strategy.refuses(Facts(PROBLEM, 0, model, True))
    assert "one label" in strategy.why_not(
        Facts(dataclasses.replace(PROBLEM, target="many labels"), 4, model, True)
    )
    assert "bare numbers" in strategy.why_not(
        Facts(
            dataclasses.replace(PROBLEM, labels=(Label("0", "0"), Label("1", "1"))), 4, model, True
        )
    )
    assert "this arm" in strategy.refuses(Facts(PROBLEM, None, None, True))
    assert "between" in said(strategy.settings, between=" [MASK] ")
    assert "must end with {label}" in said(strategy.settings, templates="{label}: {text}")


# --- a made-up language ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """A tiny model that has read lines in each of which ship is of the sea and oven of bread, or
    the other way round.
    """
    folder = make_headed(
        tmp_path_factory.mktemp("taught") / "gpt2", "gpt2", worn=False, initializer_range=0.25
    )
    model = language_model_of(Encoder(None, source=find(str(folder))))
    random, network = np.random.default_rng(0), model.network
    answers = torch.tensor(
        [
            model.tokenizer(f" {place}", add_special_tokens=False)["input_ids"][0]
            for place in ("sea", "bread")
        ]
    )
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    for _ in range(200):
        lines = []
        for _ in range(32):
            places = dict(zip(("ship", "oven"), random.permutation(["sea", "bread"]), strict=True))
            lines.append(
                ", ".join(
                    f"near {noun} {places[noun]}" for noun in random.choice(["ship", "oven"], 10)
                )
            )
        ids = torch.tensor(
            [
                [*model.before, *row]
                for row in model.tokenizer(lines, add_special_tokens=False)["input_ids"]
            ]
        )
        loss = network(input_ids=ids, labels=torch.where(torch.isin(ids, answers), ids, -100)).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("turned", [False, True])
def test_what_only_the_rows_can_tell_is_learnt_from_them(taught, turned):
    """The same model, the same texts: the rows alone say which label is whose."""
    problem = Problem("one text", "one label", (Label("sea", "sea"), Label("bread", "bread")))
    of = {"ship": "bread", "oven": "sea"} if turned else {"ship": "sea", "oven": "bread"}
    rows = [Example(i, noun, labels=(of[noun],)) for i, noun in enumerate(["ship", "oven"] * 3)]
    encoder = Encoder(None, source=find(str(taught)))
    texts = ["ship", "oven"] * 5
    settings = {"templates": "near {text} {label}", "without_labels": examples_of(texts)}
    for calibration in ("none", "batch"):
        scores = drain(
            fit(
                encoder, rows, problem, between=", ", calibration=calibration, **settings
            ).predictor.predict(examples_of(texts))
        )
        assert [problem.label_ids[i] for i in scores.argmax(1)] == [
            of[t] for t in texts
        ] and scores.max(1).min() > 0.8
    plain = strategies()["label-score"]
    params = plain.settings(templates="near {text} {label}", calibration="none")
    alone = drain(
        drain(plain.fit(Job(problem, [], params, 0, encoder))).predictor.predict(examples_of(texts))
    )
    assert alone.max() < 0.75, "without rows it cannot know"


# --- as a predictor and in a study ----------------------------------------------------------------


@pytest.mark.parametrize("pick", ["random", "nearest", "diverse"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_saved_and_loaded_gives_the_same_scores(kind, pick, encoders, folders, tmp_path):
    predictor = fit(
        encoders[kind], many_rows(), pick=pick, calibration="contextual", orders=2, seed=7
    ).predictor
    before = drain(predictor.predict(examples_of()))
    predictor.save(tmp_path)
    assert {f.suffix for f in tmp_path.iterdir()} == {".json", ".safetensors"}
    dice, source = torch.get_rng_state(), find(str(folders[kind]))
    again = strategy.load(tmp_path, PROBLEM, Encoder(load_model(source), source=source))
    assert np.allclose(before, drain(again.predict(examples_of())), atol=1e-6) and torch.equal(
        dice, torch.get_rng_state()
    )
    assert before.dtype == np.float32 and np.allclose(before.sum(1), 1, atol=1e-5)
    alone = np.concatenate([drain(predictor.predict([e])) for e in examples_of()])
    assert np.allclose(before, alone, atol=1e-5), "company does not matter"
    assert drain(predictor.predict([])).shape == (0, 3)


def study_results(model, cache, problem, rows, **settings):
    split, _ = make_split(Loaded(Dataset("made", problem, tuple(rows)), {}, (), (), 0), size=10)
    made = plan(
        make_study(
            "made",
            problem,
            split,
            arms=[ArmRequest("in-context", settings)],
            shots=(0, 1, 2),
            seeds=2,
            model=str(model),
        )
    )
    assert not made.refused and [(s.shots, s.seed) for s in made.specs] == [
        (1, 0),
        (1, 1),
        (2, 0),
        (2, 1),
    ]
    return [e.result for e in run(made, encoders=Encoders("cpu", cache)) if isinstance(e, Finished)]


@pytest.mark.parametrize("kind", ["gpt2", "t5"])
def test_a_study_runs(kind, folders, tmp_path):
    rows = [Example(i, f"le gull {i} near", labels=(LABELS[i % 3].id,)) for i in range(40)]
    results = study_results(folders[kind], tmp_path, PROBLEM, rows, templates=TEMPLATE)
    assert [r.status for r in results] == ["done"] * 4, [r.error for r in results]
    assert [r.budget["train"] for r in results] == [3, 3, 6, 6] and results[0].budget[
        "unlabelled"
    ] == 30
    assert any(
        "orders of the demonstrations give different predictions" in n for n in results[0].notes
    )


@pytest.mark.skipif(not STORIES.is_dir(), reason="That model is not here.")
def test_a_real_model_runs(tmp_path):
    happy = ["smiled", "laughed and played", "was glad", "hugged her mom"]
    sad = ["cried", "was lost and scared", "fell and was hurt", "had no friends"]
    rows = [
        Example(i, f"{name} {did}.", labels=(label,))
        for label, of in (("happy", happy), ("sad", sad))
        for i, (name, did) in enumerate(
            ((n, d) for n in ("Tom", "Lily", "The cat", "Ben", "The bird") for d in of),
            start=1 if label == "happy" else 101,
        )
    ]
    problem = Problem("one text", "one label", (Label("happy", "happy"), Label("sad", "sad")))
    results = study_results(
        STORIES, tmp_path, problem, rows, templates="{text}\\nFeeling: {label}", pick="diverse"
    )
    assert [r.status for r in results] == ["done"] * 4, [r.error for r in results]
    assert all(np.isfinite(r.scores).all() and r.scores.std(axis=0).min() > 1e-4 for r in results)
