"""Test rows first, then k-shot samples: both decided by what rows say, never by strategy, shots or
run.

A row's place in every order is a hash of its content, so the order of the file does not matter.
Rows that belong together (a group, a cluster of near duplicates) are on one side. A lock, taken
from an earlier study, keeps its test rows when rows are appended.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np

from tl_core.api.errors import UserError
from tl_core.api.sentences import both, say
from tl_core.api.types import Example, Problem, Split
from tl_core.data.duplicates import Duplicates


def default_test_size(rows: int) -> int:
    """A fifth of the rows, at least 200 and at most 1,000, and never more than half of them."""
    return min(1000, max(200, rows // 5), rows // 2)


def lock_key(example: Example) -> str:
    """16 hexadecimal digits by which a test row is known again, wherever it is in the file."""
    return example.content.hex()[:16]


def split(
    examples: Sequence[Example],
    problem: Problem,
    duplicates: Duplicates,
    *,
    size: int | None = None,
    lock: Iterable[str] = (),
    most: int | None = None,
) -> Split:
    """Lock the test rows: stratified by label, groups and near duplicates on one side.

    Args:
        size: test rows wanted; None for the default. Groups may move it by part of a group.
        lock: keys of an earlier lock. Those rows are the test rows, and everything else is the
            pool.
        most: test rows that there may be, whatever the groups; a group that would go beyond is left
            in the pool.

    Raises:
        UserError: so many test rows would leave too few to train on.
    """
    kept = [i for i in range(len(examples)) if duplicates.keep[i]]
    dropped = len(examples) - len(kept)
    units = _units(examples, kept, duplicates.cluster)
    locked = set(lock)
    if locked:
        chosen = {i for i in kept if lock_key(examples[i]) in locked}
        beside = {i for unit in units if any(i in chosen for i in unit) for i in unit} - chosen
        pool = [
            i for i in kept if i not in chosen and i not in beside
        ]  # a near copy of a test row is not for training
        return Split(_take(examples, chosen), _take(examples, pool), dropped + len(beside))
    size = default_test_size(len(kept)) if size is None else size
    if size < 1 or size > len(kept) - len(problem.labels):
        raise UserError(
            say(
                "{size} test rows asked for, but there are {kept} rows to use and each of the"
                " {labels} labels needs one to train on. Choose from 1 to {most}, or add rows.",
                size=size,
                kept=len(kept),
                labels=len(problem.labels),
                most=max(1, len(kept) - len(problem.labels)),
            )
        )
    chosen = _stratified(examples, units, problem, size, len(kept) if most is None else most)
    return Split(
        _take(examples, chosen), _take(examples, [i for i in kept if i not in chosen]), dropped
    )


def separate_test(
    pool: Sequence[Example],
    test: Sequence[Example],
    duplicates: Duplicates,
    repeated: Iterable[int],
) -> Split:
    """A test file given by the person is used as it is; pool rows that repeat one of its texts are
    left out.
    """
    left_out = set(repeated)
    kept = [i for i in range(len(pool)) if duplicates.keep[i] and i not in left_out]
    usable = tuple(e for e in test if e.text.strip())
    return Split(usable, _take(pool, kept), len(pool) - len(kept) + len(test) - len(usable))


class Pool:
    """The rows to train on, ready to be sampled: hashes and labels as arrays, computed once."""

    def __init__(self, examples: Sequence[Example], problem: Problem, *, greedy: bool = False):
        """
        Args:
            greedy: rows are drawn one after another until each label is seen so many times in
                their answers.
        """
        self.greedy = greedy
        self.examples = examples
        self.problem = problem
        self._keys = np.array(
            [int.from_bytes(e.content[:8], "big") for e in examples], dtype=np.uint64
        )
        members: list[list[int]] = [[] for _ in problem.labels]
        for i, example in enumerate(examples):
            for label in example.labels:
                members[problem.label_index[label]].append(i)
        self.members = [
            np.array(m, dtype=np.int64) for m in members
        ]  # by label: positions in `examples`

    def counts(self) -> dict[str, int]:
        """Rows by label id."""
        return {
            label.id: len(m) for label, m in zip(self.problem.labels, self.members, strict=True)
        }

    def k_shot(self, shots: int | None, *, seed: int) -> list[int]:
        """Positions of `shots` rows per label, or of rows in which each label is seen so often; the
        same seed draws the same rows and 4 are among the 8. None keeps all.

        With several labels per row a row may stand for more than one of them, so labels can have
        more than `shots`.
        """
        order = _mixed(self._keys, seed)
        if shots is None:
            chosen = np.arange(len(self.examples))
        elif self.greedy:
            chosen = self._seen_so_often(shots, order)
        else:
            chosen = np.unique(
                np.concatenate(
                    [_first(m, order[m], shots) for m in self.members] or [np.array([], int)]
                )
            )
        return chosen[np.argsort(order[chosen], kind="stable")].tolist()

    @cached_property
    def _holds(self) -> np.ndarray:
        """(n, C) how often each label is in the answer of each row."""
        index = self.problem.label_index
        holds = np.zeros((len(self.examples), len(index)), np.int64)
        for row, example in zip(holds, self.examples, strict=True):
            for *_, label in example.answer:
                row[index[label]] += 1
        return holds

    def _seen_so_often(self, shots: int, order: np.ndarray) -> np.ndarray:
        """Greedy draws (Yang & Katiyar 2020, Algorithm 1), for 1 shot, then on to 2 and so on, so
        that few are among more: of each label, the rarest first, the next rows in the order, until
        the rows that were drawn hold it so many times.
        """
        holds = self._holds
        queues = [m[np.argsort(order[m], kind="stable")].tolist() for m in self.members]
        rarest = np.argsort(holds.sum(0), kind="stable")
        seen, drawn = np.zeros(len(queues), np.int64), set[int]()
        for wanted in range(1, shots + 1):
            for label in rarest:
                for row in queues[label]:
                    if seen[label] >= wanted:
                        break
                    if row not in drawn:
                        drawn.add(row)
                        seen += holds[row]
        return np.array(sorted(drawn), dtype=np.int64)


def too_many_shots(pool: Pool, shots: Iterable[int | None]) -> str:
    """The sentence for shots that some label cannot give; empty when all can."""
    counts = pool.counts()
    least = min(counts.values())
    over = sorted({s for s in shots if s is not None and s > least})
    if not over:
        return ""
    short = {
        label: n for label, n in sorted(counts.items(), key=lambda item: item[1]) if n < over[-1]
    }
    shown = dict(list(short.items())[:8])
    values = {"over": both(over), "there": str(shown), "least": least}
    if len(short) > len(shown):
        return say(
            "{over} shots asked for, but {there} and {more} more labels are all there are in the"
            " training part. Choose at most {least} shots, or add rows.",
            more=len(short) - len(shown),
            **values,
        )
    return say(
        "{over} shots asked for, but {there} are all there are in the training part. Choose at most"
        " {least} shots, or add rows.",
        **values,
    )


def _take(examples: Sequence[Example], positions: Iterable[int]) -> tuple[Example, ...]:
    return tuple(examples[i] for i in sorted(positions))


def _first(members: np.ndarray, order: np.ndarray, count: int) -> np.ndarray:
    if count < len(members):
        members = members[np.argpartition(order, count - 1)[:count]] if count else members[:0]
    return members


def _mixed(keys: np.ndarray, seed: int) -> np.ndarray:
    """SplitMix64 (Steele, Lea & Flood 2014) of key and seed: an order that is new for each seed."""
    with np.errstate(over="ignore"):
        start = (
            seed * 0x9E3779B97F4A7C15 + 0xD1B54A32D192ED03
        ) % 2**64  # in Python: numpy warns on scalar overflow
        z = keys + np.uint64(start)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def _units(
    examples: Sequence[Example], kept: Sequence[int], cluster: np.ndarray
) -> list[list[int]]:
    """Rows that must stay together: joined through equal groups and through near-duplicate
    clusters.
    """
    parent: dict[object, object] = {}

    def root(node: object) -> object:
        while parent.setdefault(node, node) != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for i in kept:
        a = root(("cluster", int(cluster[i])))
        if examples[i].group is not None:
            parent[a] = root(("group", examples[i].group))
    units: dict[object, list[int]] = {}
    for i in kept:
        units.setdefault(root(("cluster", int(cluster[i]))), []).append(i)
    return list(units.values())


def _stratified(
    examples: Sequence[Example], units: list[list[int]], problem: Problem, size: int, most: int
) -> set[int]:
    """Whole units, in hash order, rarest label first, until each label has its share (Sechidis et
    al. 2011).
    """
    by_hash = sorted(units, key=lambda unit: min(examples[i].content for i in unit))
    counts = [
        Counter(label for i in unit for label in examples[i].labels or ("",)) for unit in by_hash
    ]
    total: Counter[str] = Counter()
    for c in counts:
        total.update(c)
    want = _quotas(total, size / sum(len(u) for u in units))
    have: Counter[str] = Counter()
    chosen: set[int] = set()
    taken = [False] * len(by_hash)
    having: dict[str, list[int]] = {}
    for u, c in enumerate(counts):
        for label in c:
            having.setdefault(label, []).append(u)
    for label in sorted(total, key=lambda name: (total[name], name)):
        for u in having[label]:
            if have[label] >= want[label]:
                break
            over = any(
                have[other] + n / 2 > want[other] and have[other] + n > total[other] - 1
                for other, n in counts[u].items()
            )
            if (
                taken[u]
                or over
                or len(chosen) + len(by_hash[u]) > most
                or have[label] + counts[u][label] / 2 > want[label]
            ):
                continue
            taken[u] = True
            have.update(counts[u])
            chosen.update(by_hash[u])
    return chosen


def _quotas(total: Counter[str], share: float) -> dict[str, int]:
    """Test rows per label by largest remainder; one at least, and one at least left to train on."""
    exact = {label: n * share for label, n in total.items()}
    quota = {label: int(x) for label, x in exact.items()}
    spare = round(sum(exact.values())) - sum(quota.values())
    for label in sorted(exact, key=lambda name: (quota[name] - exact[name], name))[: max(0, spare)]:
        quota[label] += 1
    return {label: min(max(1, q), max(0, total[label] - 1)) for label, q in quota.items()}
