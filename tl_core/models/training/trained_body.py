"""The trained body of a run, as a model of its own: others can begin from it (intermediate-task
training, Phang et al. 2018).
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.models import layers
from tl_core.models.catalog import ABOUT, Source
from tl_core.models.loading import copy_pooling
from tl_core.models.training.classifier import TextClassifier
from tl_core.models.training.weight_shift import merged, weights_by_name

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def save_body(
    classifier: TextClassifier, base: Source, folder: Path, about: dict[str, Any]
) -> None:
    """Write the trained body, with what was alongside its weights merged into them: a folder any
    command takes as a model.

    Args:
        about: kept alongside it, as `ABOUT`; `supervised` says what labelled rows the body has
            seen.

    Raises:
        UserError: what was trained is no change of the body's own weights.
    """
    plain = trained_network(classifier)
    folder.mkdir(parents=True, exist_ok=True)
    plain.save_pretrained(folder)
    classifier.encoder.model.tokenizer.save_pretrained(folder)
    copy_pooling(base, folder)
    (folder / ABOUT).write_text(json.dumps(about, ensure_ascii=False, indent=1), encoding="utf-8")


def trained_network(classifier: TextClassifier) -> PreTrainedModel:
    """The whole body as an ordinary network of its own, with what was trained merged in.

    Raises:
        UserError: what was trained is no change of the body's own weights.
    """
    network, body = classifier.encoder.model.network, classifier.body
    if classifier.start:
        body = layers.whole(network, body, classifier.encoder.stack, classifier.start)
    trained = weights_by_name(_unwrapped(merged(body)))
    plain = copy.deepcopy(network)
    own = dict(plain.named_parameters())
    if added := sorted(trained.keys() - own.keys()):
        raise UserError(
            say(
                "What this run trained is kept separate from the model's weights ({added}) and is"
                " not a model by itself. Choose a run of lora, dora, ia3, bitfit, contrastive or"
                " full.",
                added=added[0],
            )
        )
    with torch.no_grad():
        for name, tensor in trained.items():
            own[name].copy_(tensor)
    return plain


def _unwrapped(body: torch.nn.Module) -> torch.nn.Module:
    """Return the body without peft's layers around layers, whose updates are merged already."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    for name, module in list(body.named_modules()):
        if isinstance(module, BaseTunerLayer):
            parent, _, last = name.rpartition(".")
            setattr(body.get_submodule(parent), last, module.get_base_layer())
    return body
