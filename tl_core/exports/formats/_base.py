"""What every format of an export shares."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tl_core.api.errors import UserError
from tl_core.api.sentences import Sentence, say
from tl_core.api.types import Example
from tl_core.tasks import task_of

if TYPE_CHECKING:
    from tl_core.exports.kept import Kept
    from tl_core.models.training.portable import EachToken, Encoded

Probabilities = Callable[[Sequence[Example]], np.ndarray]  # (n, C), before any thresholds
# between the lines of an example that load and those that answer
EACH_TIME = "# with every batch of texts"
ONE_TEXT, PAIRS_TOGETHER, PAIRS_APART = "one text", "pairs together", "pairs apart"


class Format:
    """A file in this folder subclasses it; its top imports nothing heavy."""

    id: str
    library: str  # as the hub names it: `library_name` of a card
    packages: tuple[str, ...]  # what whoever loads it installs, most particular first
    extra: tuple[str, str] | None = None  # (module, package) beyond what this program needs
    close = 1e-5  # how near its probabilities, in float32, must be to those of the run
    decides = False  # what `open` gives has been through the thresholds of several labels

    def missing(self, *, reads: bool = False) -> str:
        """What to install before it can be written, or only read, as a sentence; "" where all is
        there.
        """
        if self.extra is None or importlib.util.find_spec(self.extra[0]) is not None:
            return ""
        return say(
            "The format {id} needs {package}. Run: pip install {package}",
            id=self.id,
            package=self.extra[1],
        )

    def refuses(self, kept: Kept) -> str:
        """Why it cannot hold the run exactly, as a sentence; "" where it can."""
        raise NotImplementedError

    def write(self, kept: Kept, folder: Path) -> dict[str, Any]:
        """Write the run into the folder; returns what `open` and the example need beside the files
        of the library, as JSON.
        """
        raise NotImplementedError

    def open(self, folder: Path, about: dict[str, Any]) -> Probabilities:
        """Load what was written, with the foreign library."""
        raise NotImplementedError

    def example(self, about: dict[str, Any]) -> str:
        """The lines of `example.py` that make `p`, the (n, C) probabilities of `texts`; `here` and
        `about` (`export.json`) are there already.
        """
        raise NotImplementedError


def not_portable(kept: Kept, format: str) -> Sentence:
    """The refusal of a run that no other library can hold."""
    return say(
        "{format} cannot hold {arm}: what {strategy} computes has no form that another library"
        " has.",
        format=format,
        arm=kept.arm.id,
        strategy=kept.arm.strategy,
    )


def no_transformer(kept: Kept, format: str) -> Sentence:
    """The refusal of a run that reads texts in another way."""
    return say(
        "{format} cannot hold {arm}: it does not read with a transformer.",
        format=format,
        arm=kept.arm.id,
    )


def shared_probability(kept: Kept, format: str) -> str:
    """The refusal of a run whose labels compete though a text may have several; "" for others."""
    portable = kept.portable
    if portable is None or not portable.shared or task_of(kept.problem).exclusive:
        return ""
    return say(
        "{format} cannot hold {arm}: its labels share the probability though several may apply.",
        format=format,
        arm=kept.arm.id,
    )


def not_merged(reads: Encoded | EachToken, kept: Kept, format: str) -> str:
    """The refusal of a run whose trained parts lie beside the network; "" where they are weights of
    it, or can be merged into them.
    """
    try:
        reads.network()
    except UserError:
        return say(
            "{format} cannot hold {arm}: what {strategy} trains lies beside the weights of the"
            " network and cannot be merged into them.",
            format=format,
            arm=kept.arm.id,
            strategy=kept.arm.strategy,
        )
    return ""


def pooling_of(reads: Encoded) -> list[str]:
    """What makes a sentence embedding of the last layer, module by module: how a pooling pools, the
    names of others.
    """
    return [_way_of(module) for module in reads.encoder.model.pooling]


def _way_of(module: Any) -> str:
    mode = getattr(module, "pooling_mode", None)
    if mode is None:
        name = type(module).__name__
        return OWN_POOLING.get(name, name)
    return mode if isinstance(mode, str) else " and ".join(mode)


# what `tl_core.models.loading` has instead of the modules of sentence-transformers
OWN_POOLING = {"MeanOfStates": "mean", "UnitLength": "Normalize"}
