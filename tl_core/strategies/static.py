"""A linear probe on static vectors: the mean of one vector a token, distilled from the model.

The model itself reads no text, so that hundreds of thousands of texts take minutes on a processor.
Distilled as in model2vec (Tulkens & van Dongen 2024): see `tl_core.models.static_vectors`.
"""

from __future__ import annotations

from typing import Any

from tl_core.api.sentences import say
from tl_core.api.strategy import LABELS_AND_RATINGS
from tl_core.api.types import Problem
from tl_core.models.training.frozen import Features, LinearProbe


class Static(LinearProbe):
    id = "static"
    order = 58
    title = say("Static embeddings + linear probe")
    about = say(
        "Gives every token one fixed vector distilled from the model, and draws straight lines"
        " between the labels in their mean. Reads thousands of texts per second."
    )

    tasks = LABELS_AND_RATINGS  # a token's one vector says nothing of the words around it

    def features_of(self, encoder: Any) -> Features:
        """The weighted mean of a text's token vectors."""
        from tl_core.models.encoding import features_by
        from tl_core.models.static_vectors import StaticVectors

        return lambda examples: features_by(encoder.once(StaticVectors).vectors, examples)

    def portable(self, predictor: Any, problem: Problem, encoder: Any) -> Any:
        """The table of vectors and the head on them."""
        from tl_core.models.static_vectors import StaticVectors
        from tl_core.models.training.portable import Portable, TokenVectors

        table = encoder.once(StaticVectors).distilled()
        pair = problem.inputs == "two texts"
        return Portable(TokenVectors(encoder, table), predictor.head, pair)


STRATEGY = Static()
