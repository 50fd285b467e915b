"""Low-rank adapters (LoRA): small trained matrices alongside the frozen weights of the upper
layers. Hu et al. 2022.
"""

from __future__ import annotations

from tl_core.api.sentences import say
from tl_core.models.training.recipes import LowRank


class Lora(LowRank):
    id = "lora"
    order = 70
    title = say("LoRA adapter")
    about = say(
        "Trains small low-rank matrices in the upper layers and a linear head; the rest of the"
        " model stays as it was. The adapter to start with."
    )


STRATEGY = Lora()
