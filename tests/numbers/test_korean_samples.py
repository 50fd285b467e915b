"""The Korean samples keep what makes them worth trying: real Korean, no copies, no shortcuts."""

from collections import Counter

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tl_core.data.duplicates import find_duplicates
from tl_core.data.load import load

LABELS = {
    "korean_tickets": ("결제", "배송", "반품", "로그인", "오류", "사용법"),
    "korean_pairs": ("같음", "다름"),
}
ROWS_PER_LABEL = {"korean_tickets": 90, "korean_pairs": 200}


def examples(name):
    return load(f"sample:{name}").dataset.examples


def hangul_share(text: str) -> float:
    """Syllables and single letters (ㅠ, ㅋ) of all characters but spaces."""
    shown = [c for c in text if not c.isspace()]
    return sum("가" <= c <= "힣" or "ㄱ" <= c <= "ㆎ" for c in shown) / len(shown)


def texts(name) -> list[str]:
    return [x for e in examples(name) for x in (e.text, e.text_b) if x is not None]


def pieces(text: str) -> set[str]:
    """Pairs of characters beside each other, without spaces and marks."""
    kept = "".join(c for c in text if c.isalnum())
    return {kept[i : i + 2] for i in range(len(kept) - 1)}


@pytest.mark.parametrize("name", LABELS)
def test_every_label_has_as_many_rows(name):
    counts = Counter(label for e in examples(name) for label in e.labels)
    assert counts == dict.fromkeys(LABELS[name], ROWS_PER_LABEL[name])


@pytest.mark.parametrize("name", LABELS)
def test_no_row_repeats_another(name):
    found = find_duplicates(examples(name))
    assert (found.empty, found.exact, found.near, found.conflicts) == ((), (), (), ())


@pytest.mark.parametrize("name", LABELS)
def test_every_text_is_korean(name):
    assert [x for x in texts(name) if hangul_share(x) <= 0.6] == []


def test_tickets_are_short_and_long():
    lengths = np.array([len(x) for x in texts("korean_tickets")])
    assert lengths.min() >= 6 and lengths.max() <= 250
    assert np.mean(lengths < 20) > 0.1 and np.sum(lengths > 100) >= 20


@pytest.mark.parametrize("name", LABELS)
def test_labels_are_not_in_order(name):
    labels = [e.labels[0] for e in examples(name)]
    parts = [labels[i : i + 50] for i in range(0, len(labels) - 49, 50)]
    assert all(set(part) == set(LABELS[name]) for part in parts)


def test_shared_words_do_not_tell_whether_a_pair_means_the_same():
    same, shared = [], []
    for e in examples("korean_pairs"):
        a, b = pieces(e.text), pieces(e.text_b)
        same.append(e.labels == ("같음",))
        shared.append(len(a & b) / len(a | b))
    assert 0.4 < roc_auc_score(same, shared) < 0.6
