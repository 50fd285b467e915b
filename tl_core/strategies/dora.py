"""Weight-decomposed low-rank adapters (DoRA): LoRA learns the direction of a weight, a vector its
size. Liu et al. 2024.
"""

from __future__ import annotations

from tl_core.api.sentences import say
from tl_core.models.training.recipes import LowRank


class Dora(LowRank):
    id = "dora"
    order = 71
    title = say("DoRA adapter")
    about = say(
        "LoRA that also learns how large each output is; a little slower, sometimes a little"
        " better at low rank."
    )
    direction_alone = True


STRATEGY = Dora()
