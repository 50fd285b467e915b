"""Prior of a language model over labels before it has read a text, removed of what it says after.

Every way ends in one number a label that is subtracted from its log-score: `calibrated =
softmax(scores - offset)`. Scores are log-probabilities, (n, C); softmax over labels makes shares of
them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import logsumexp

ROUNDS = (
    500  # five come close where texts are doubtful; where the model is sure of most, it takes more
)
CLOSE = 1e-6


def label_scores(word_scores: np.ndarray, owner: Sequence[int]) -> np.ndarray:
    """(n, C) log of the mean probability of each label's words (Hu et al. 2022); word_scores: (n,
    W).

    Args:
        owner: for each word, the position of its label; every label has one at least.
    """
    owners = np.asarray(owner)
    return np.stack(
        [
            logsumexp(word_scores[:, owners == c], axis=1) - math.log((owners == c).sum())
            for c in range(owners.max() + 1)
        ],
        axis=1,
    )


def log_shares(scores: np.ndarray) -> np.ndarray:
    """(n, C) log-softmax over labels."""
    return scores - logsumexp(scores, axis=1, keepdims=True)


def without_text(scores: np.ndarray) -> np.ndarray:
    """(C,) log of the labels' shares over texts that say nothing: q = p / p_cf, made to sum to 1
    again.

    `p_cf` is the mean of the probabilities over those texts, then scaled to sum to 1 (contextual
    calibration, Zhao et al. 2021; over bags of words of the task, Fei et al. 2023). With one empty
    text it is PMI (Holtzman et al. 2021).

    Args:
        scores: (m, C) of the m texts that say nothing.
    """
    return log_shares(logsumexp(scores, axis=0)[None])[0]


def with_shares(scores: np.ndarray, prior: np.ndarray | None = None) -> np.ndarray:
    """(C,) such that over these texts each label's mean probability is its prior (batch
    calibration, Zhou et al. 2024).

    The paper takes one step, `log mean p`; that leaves the means short of the prior, so it is taken
    again until they meet.

    Args:
        scores: (n, C) of unlabelled texts. prior: (C,) shares that sum to 1; None: all the same.
    """
    log_prior = (
        np.full(scores.shape[1], -math.log(scores.shape[1])) if prior is None else np.log(prior)
    )
    offset = np.zeros(scores.shape[1])
    for _ in range(ROUNDS):
        means = logsumexp(log_shares(scores - offset), axis=0) - math.log(len(scores))
        offset += means - log_prior
        if np.abs(np.exp(means) - np.exp(log_prior)).max() < CLOSE:
            break
    return offset - logsumexp(offset)


def bags_of_words(texts: Sequence[str], bags: int, seed: int) -> list[str]:
    """Texts of words drawn at random, with replacement, from all the words of these texts, each as
    long as they are in the
    mean: their words without their sense (Fei et al. 2023)."""
    words = [text.lower().split() for text in texts]
    pool = [word for text in words for word in text]
    if not pool:
        return [""] * bags
    length = math.ceil(len(pool) / len(words))
    drawn = np.random.default_rng(seed).integers(len(pool), size=(bags, length))
    return [" ".join(pool[i] for i in bag) for bag in drawn]
