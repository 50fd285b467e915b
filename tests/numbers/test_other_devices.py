"""What would go wrong or slowly on a GPU, found without one: a tensor that stays on the processor,
a number in float64, a step that waits for a number to come back.
"""

from __future__ import annotations

import copy
from collections import Counter
from contextlib import contextmanager, nullcontext

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from tests.tiny_models import drain
from tl_core.api.types import Job
from tl_core.strategies import strategies
from tl_core.testing import Bench
from tl_core.testing.strategies import problem_of, rows_of, settings_of

pytestmark = pytest.mark.usefixtures("quick")
TRAINED = sorted(
    id for id, s in strategies().items() if s.trains and not s.takes_base and s.can_do(problem_of())
)
CLASSIFIERS = sorted(set(TRAINED) - {"contrastive", "prompt-tune", "word-rnn"})
WAITS = "aten::_local_scalar_dense"  # a number is asked back: a GPU is waited for
GIVEN = "aten::lift_fresh"  # a tensor is made of Python's or numpy's numbers: nothing is computed
STEPS = 12


class Watch(TorchDispatchMode):
    """Counts what is asked back, what is computed in float64, and what is computed of tensors in
    different places; numbers alone may come from anywhere.
    """

    def __init__(self) -> None:
        super().__init__()
        self.waits, self.double, self.mixed = 0, Counter(), Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.name()
        self.waits += name == WAITS
        if name == WAITS and args[0].device.type == "meta":
            return args[0].dtype.is_floating_point and 0.0  # nothing is known: false
        out = function(*args, **(kwargs or {}))
        given = [x for x in tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)]
        if len({x.device.type for x in given if x.dim()}) > 1 and "copy" not in name:
            self.mixed[name] += 1
        for leaf in tree_leaves(out):
            if isinstance(leaf, torch.Tensor) and leaf.dtype == torch.float64 and name != GIVEN:
                self.double[name] += 1
        return out


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return Bench(tmp_path_factory.mktemp("bench"))


def trained(id: str, bench: Bench, steps: int):
    strategy = strategies()[id]
    params = settings_of(strategy, steps)
    job = Job(problem_of(), rows_of(shots=8), params, 0, bench.encoder(strategy))
    return drain(strategy.fit(job))


@pytest.mark.parametrize("id", TRAINED)
def test_a_step_waits_for_one_number_and_computes_in_no_float64(id, bench):
    """The loss, which is shown; transformers itself looks once a pass whether a mask hides
    anything.
    """
    watched = []
    for steps in (STEPS, 3 * STEPS):
        with Watch() as watch:
            fitted = trained(id, bench, steps)
        watched.append((len(fitted.curve), watch.waits))
        assert not watch.double, watch.double
    (few, some), (more, many) = watched
    if id != "contrastive":  # which takes as many steps as there are pairs
        assert more == 3 * few
        most = 4 if id == "word-rnn" else 3  # packing asks lengths, which stay on the processor
        assert (many - some) / (more - few) <= most, "a step asks for more than its loss"


def test_what_is_watched_for_is_seen():
    with Watch() as watch:
        torch.ones(2).sum().item()
        torch.as_tensor(np.ones(2))
        torch.ones(2, dtype=torch.float64) + 1
    assert watch.waits == 1 and sum(watch.double.values()) >= 1
    there = torch.ones(4, 3, device="meta")
    with Watch() as watch:
        torch.nn.functional.linear(torch.ones(2, 3).to("meta"), there) * torch.tensor(2.0)
    assert not watch.mixed
    with Watch() as watch:
        torch.nn.functional.linear(torch.ones(2, 3), there)
    assert watch.mixed


@contextmanager
def elsewhere(model):
    """A classifier, and what it asks of its encoder, on a device of which only shapes are known."""
    before = model.encoder
    model.encoder = copy.copy(before)
    model.encoder.device = "meta"
    model.encoder.products = lambda **_: nullcontext()  # a place without a format of its own
    model.to("meta").train()
    yield
    model.encoder = before


@pytest.mark.parametrize("id", CLASSIFIERS)
def test_a_step_leaves_nothing_on_the_processor(id, bench):
    model, rows = trained(id, bench, 1).predictor.model, rows_of(shots=3)
    tokens, inputs = model.tokens(rows), drain(model.inputs(rows))
    gold = torch.as_tensor(model.together(model.gold(rows)), device="meta")
    with elsewhere(model), Watch() as watch:
        logits = model.logits(inputs, tokens)
        assert logits.device.type == "meta" and logits.dtype == torch.float32
        model.loss(logits, gold).backward()
        learns = [p for p in model.parameters() if p.grad is not None]
        assert learns and {(p.grad.device.type, p.grad.dtype) for p in learns} == {
            ("meta", torch.float32)
        }
        torch.nn.utils.clip_grad_norm_(learns, 1.0)
        torch.optim.AdamW(learns).step()
    assert not watch.mixed and not watch.double
