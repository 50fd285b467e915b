"""transformers, of arms that answer with stretches of a text: `AutoModelForTokenClassification`, so
that `pipeline("token-classification")` tags as the run does, and `AutoModelForQuestionAnswering`.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tl_core.api.sentences import say
from tl_core.exports.formats._base import Format, Probabilities
from tl_core.exports.formats._words import (
    about_words,
    beside_the_network,
    named_tags,
    not_each_token,
    of_words,
    reads_more_than_last,
    save_tokenizer,
)
from tl_core.exports.formats._words_script import script
from tl_core.models.training.portable import EachToken
from tl_core.tasks import task_of

if TYPE_CHECKING:
    from tl_core.exports.kept import Kept

LOAD = """\
import torch
from transformers import {auto}, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(here)
model = {auto}.from_pretrained(here).eval()"""
EACH = """\
with torch.inference_mode():
    read = model(**{name: torch.as_tensor(x) for name, x in batch.items()})
z = %s.double().numpy()
"""


class TransformersWords(Format):
    id = "transformers"
    library = "transformers"
    packages = ("transformers", "torch")

    def refuses(self, kept: Kept) -> str:
        """Its architecture must have a linear head on the last layer's tokens, which is what the
        run must read.
        """
        if refused := not_each_token(kept, self.id):
            return refused
        portable = kept.portable
        assert portable is not None and isinstance(portable.reads, EachToken)
        if portable.reads.first is not None or portable.unit:
            return reads_more_than_last(kept, self.id)
        config = portable.reads.encoder.model.network.config
        if not _linear(config, portable.pair):
            return say(
                "transformers cannot hold {arm}: what it has for a {kind} is no linear head on"
                " every token.",
                arm=kept.arm.id,
                kind=config.model_type,
            )
        return beside_the_network(kept, self.id)

    def write(self, kept: Kept, folder: Path) -> dict[str, Any]:
        """The network with the head, and the tokenizer."""
        import torch

        portable = kept.portable
        assert portable is not None and isinstance(portable.reads, EachToken)  # else it was refused
        body = portable.reads.network()
        config = copy.deepcopy(body.config)
        named_tags(config, kept.problem)
        model = _auto(portable.pair).from_config(config, dtype=torch.float32).eval()
        own = dict(body.state_dict())
        model.base_model.load_state_dict(
            {name: own.get(name, t) for name, t in model.base_model.state_dict().items()}
        )
        head = model.get_submodule(_head(portable.pair))
        with torch.no_grad():
            head.weight.copy_(torch.as_tensor(portable.head.weight))
            head.bias.copy_(torch.as_tensor(portable.head.bias))
        model.save_pretrained(folder)
        save_tokenizer(kept, folder)
        return about_words(kept)

    def open(self, folder: Path, about: dict[str, Any]) -> Probabilities:
        """Load it with transformers."""
        import torch

        from tl_core.exports.problem import problem_in
        from tl_core.models.loading import quiet

        quiet()
        asks = task_of(problem_in(about)).alternatives
        model = (
            _auto(asks).from_pretrained(folder, local_files_only=True, use_safetensors=True).eval()
        )

        @torch.inference_mode()
        def logits(batch: Mapping[str, np.ndarray]) -> np.ndarray:
            read = model(**{name: torch.as_tensor(x) for name, x in batch.items()})
            said = torch.stack([read.start_logits, read.end_logits], -1) if asks else read.logits
            return said.double().numpy()

        return of_words(folder, about, logits)

    def example(self, about: dict[str, Any]) -> str:
        """`pipeline` for tags; transformers has none for questions any more."""
        asks = about["no_answer"] is not None
        auto = "AutoModelForQuestionAnswering" if asks else "AutoModelForTokenClassification"
        said = "torch.stack([read.start_logits, read.end_logits], -1)" if asks else "read.logits"
        return script(about, LOAD.format(auto=auto), EACH % said)


def _auto(asks: bool) -> Any:
    from transformers import AutoModelForQuestionAnswering, AutoModelForTokenClassification

    return AutoModelForQuestionAnswering if asks else AutoModelForTokenClassification


def _head(asks: bool) -> str:
    return "qa_outputs" if asks else "classifier"


def _linear(config: Any, asks: bool) -> bool:
    """Whether transformers has a linear head, and nothing more, on the body of this kind."""
    import torch

    try:
        with torch.device("meta"):  # no weights are drawn
            model = _auto(asks).from_config(copy.deepcopy(config))
    except ValueError:  # it has none
        return False
    body = {f"{model.base_model_prefix}.{name}" for name, _ in model.base_model.named_parameters()}
    own = {name for name, _ in model.named_parameters()} - body
    return own == {f"{_head(asks)}.weight", f"{_head(asks)}.bias"}


FORMAT = TransformersWords()
