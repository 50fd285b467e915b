"""The questions every plug-in is asked, for anybody's test suite.

    from tl_core.testing import check_strategy

    def test_my_strategy():
        check_strategy(MyStrategy())

No network and no model of yours is needed: tiny ones with random weights are made on the spot. It
takes some ten seconds for a strategy on frozen embeddings and a minute or so for one that trains.
"""

from __future__ import annotations

from tl_core.testing.strategies import QUESTIONS, Bench, NotAsked, check_strategy

__all__ = ["QUESTIONS", "Bench", "NotAsked", "check_strategy"]
