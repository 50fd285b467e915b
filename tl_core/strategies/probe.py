"""Logistic regression on frozen sentence embeddings: the cheapest way to learn from a few
labels.
"""

from __future__ import annotations

from tl_core.api.sentences import say
from tl_core.api.strategy import EVERYTHING, QUESTIONS
from tl_core.models.training.frozen import LinearProbe


class Probe(LinearProbe):
    id = "probe"
    tasks = EVERYTHING | QUESTIONS
    version = 3
    order = 60
    title = say("Linear probe")
    about = say(
        "Leaves the model as it is and draws straight lines between the labels in its embedding"
        " space. Trains almost instantly: try it first."
    )


STRATEGY = Probe()
