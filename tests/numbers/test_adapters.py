"""Adapters on every architecture: they reach the output, leave the rest alone, have the weights
their formula says.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.tiny_models import KINDS, LAYERS, WIDTH, drain, text
from tl_core.api.errors import UserError
from tl_core.api.types import Example, Facts, Label, Problem
from tl_core.models.catalog import find
from tl_core.models.encoding import Encoder
from tl_core.models.loading import load_model
from tl_core.strategies import strategies

ADAPTERS = ("lora", "dora", "ia3", "bitfit", "bottleneck", "soft-prompt", "prefix")
UNCHANGED_AT_FIRST = ("lora", "dora", "ia3", "bitfit", "bottleneck")
EVERYWHERE = ("lora", "dora")
# docs/adapters.md shows this table
WORKS = {
    "bert": ADAPTERS,
    "roberta": ADAPTERS,
    "xlm-roberta": ADAPTERS,
    "electra": ADAPTERS,
    "electra-narrow": ADAPTERS,
    "mpnet": (*EVERYWHERE, "ia3", "bitfit", "bottleneck", "soft-prompt"),
    "distilbert": (*EVERYWHERE, "ia3", "bitfit", "bottleneck", "soft-prompt"),
    "deberta-v2": (*EVERYWHERE, "ia3", "bitfit", "bottleneck", "soft-prompt"),
    "modernbert": (*EVERYWHERE, "bottleneck", "soft-prompt"),
    "albert": (*EVERYWHERE, "bitfit", "soft-prompt"),
    "gpt2": (*EVERYWHERE, "bitfit", "bottleneck", "soft-prompt", "prefix"),
    "llama": (*EVERYWHERE, "ia3", "bottleneck", "soft-prompt", "prefix"),
    "t5": (*EVERYWHERE, "ia3", "bottleneck", "soft-prompt"),
    "xlnet": (*EVERYWHERE, "bitfit"),
    "bart": (*EVERYWHERE, "bitfit"),
}
PROBLEM = Problem("one text", "one label", tuple(Label(t, t) for t in ("sea", "bread")))
PAIRS = [(kind, adapter) for kind in WORKS for adapter in ADAPTERS]
pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture(scope="module")
def encoder_of(tiny_models):
    made = {}

    def encoder(kind: str) -> Encoder:
        if kind not in made:
            get = tiny_models.body if kind in KINDS else tiny_models.headed
            source = find(str(get(kind)))
            made[kind] = Encoder(load_model(source), source=source)
        return made[kind]

    return encoder


@pytest.fixture(scope="module")
def rows():
    random = np.random.default_rng(0)
    return [
        Example(i, text(topic, random), None, (topic,))
        for i, topic in enumerate(["sea", "bread"] * 4, start=1)
    ]


def fresh(encoder: Encoder, adapter: str, **settings):
    from tl_core.models.training.adapters import adapted

    strategy = strategies()[adapter]
    return adapted(
        encoder, PROBLEM, strategy.settings(**settings), strategy.put, seed=1, whole=strategy.whole
    ).eval()


def adapters_in(model) -> dict:
    return {name: p for name, p in model.trainable().items() if not name.startswith("head.")}


def test_the_table_is_whole():
    assert len(WORKS) == 15 and set(KINDS) <= set(WORKS)
    assert len(PAIRS) == 105 and sum(map(len, WORKS.values())) == 84


@pytest.mark.parametrize(("kind", "adapter"), PAIRS)
def test_it_works_or_is_refused_in_a_sentence_before_anyone_waits(kind, adapter, encoder_of, rows):
    import torch

    encoder = encoder_of(kind)
    reason = strategies()[adapter].refuses(Facts(PROBLEM, 4, encoder.model.ref, True))
    if adapter not in WORKS[kind]:
        assert reason.startswith(adapter) and reason.endswith(".") and "Choose" in reason
        return
    assert reason == ""
    model = fresh(encoder, adapter)
    before = drain(model.predict(rows))
    frozen = {
        name: p.detach().clone() for name, p in model.named_parameters() if not p.requires_grad
    }
    with torch.no_grad():
        for parameter in adapters_in(model).values():
            parameter.add_(
                torch.randn(parameter.shape, generator=torch.Generator().manual_seed(7)) * 0.3
            )
    assert abs(drain(model.predict(rows)) - before).max() > 1e-4, "nothing of it reaches the output"
    assert frozen and all(
        torch.equal(p, frozen[name]) for name, p in model.named_parameters() if name in frozen
    )


@pytest.mark.parametrize(
    ("kind", "adapter"), [(k, a) for k, a in PAIRS if a in WORKS[k] and a in UNCHANGED_AT_FIRST]
)
def test_it_changes_nothing_before_it_is_trained(kind, adapter, encoder_of, rows):
    encoder = encoder_of(kind)
    model = fresh(encoder, adapter)
    features = drain(model._each(rows, model.pooled))
    plain = np.asarray(drain(encoder.embed([e.text for e in rows])))
    assert np.allclose(features, plain, atol=1e-4)


HALF = LAYERS // 2
COUNTS = {  # of the upper half of a tiny BERT, head left out: what the papers' formulas give
    "lora": (HALF * (4 * 8 * (WIDTH + WIDTH) + 2 * 8 * (WIDTH + 64)), {}),
    "dora": (
        HALF
        * (
            4 * (8 * (WIDTH + WIDTH) + WIDTH) + (8 * (WIDTH + 64) + 64) + (8 * (WIDTH + 64) + WIDTH)
        ),
        {},
    ),
    "ia3": (HALF * (WIDTH + WIDTH + 64), {}),
    "bitfit": (HALF * (4 * WIDTH + 64 + WIDTH + 2 * WIDTH), {}),
    "bottleneck": (HALF * 2 * (2 * WIDTH * 6 + WIDTH + 6), {"size": 6}),
    "soft-prompt": (7 * WIDTH, {"tokens": 7}),
    "prefix": (2 * LAYERS * 7 * WIDTH, {"tokens": 7}),
}


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_its_weights_are_as_many_as_the_formula_says(adapter, encoder_of):
    expected, settings = COUNTS[adapter]
    assert (
        sum(p.numel() for p in adapters_in(fresh(encoder_of("bert"), adapter, **settings)).values())
        == expected
    )


def test_after_feed_forward_only_is_half_of_both(encoder_of):
    both, half = (
        sum(
            p.numel()
            for p in adapters_in(fresh(encoder_of("bert"), "bottleneck", after=after)).values()
        )
        for after in ("both", "feed-forward")
    )
    assert both == 2 * half > 0


@pytest.mark.parametrize("adapter", ["ia3", "bottleneck"])
def test_a_model_nobody_tried_is_told_what_it_lacks(adapter, encoder_of):
    """The tables of refusals know what was tried; whatever else lacks a part is told when it is
    looked for.
    """
    with pytest.raises(UserError, match="has no .* of its own in layer|not built of one stack"):
        fresh(encoder_of("xlnet"), adapter)


def test_ia3_scales_no_attention_output(encoder_of):
    """peft's own table for BERT would: `output.dense` is the end of two names."""
    names = list(adapters_in(fresh(encoder_of("bert"), "ia3")))
    assert len(names) == 3 * HALF and not any("attention.output" in name for name in names)
