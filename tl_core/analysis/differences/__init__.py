"""Differences between the arms of a study, and the rows that deserve a second look: pure functions
of what is stored.

One question per file. All of them read `StudyPredictions`, so that what several need is computed
once.
"""

from __future__ import annotations

from tl_core.analysis.differences.predictions import Consensus, StudyPredictions

__all__ = ["Consensus", "StudyPredictions"]
