"""Differences as JSON: row numbers of the file, shares of 0..1, and null for what is not finite."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from tl_core.analysis.compare import plain as interval
from tl_core.analysis.differences.disagreement import (
    Disagreement,
    RightSet,
    costliest,
    surely_wrong,
)
from tl_core.analysis.differences.label_errors import Doubts
from tl_core.analysis.differences.predictions import Consensus, StudyPredictions
from tl_core.analysis.differences.slices import Slice, Tested

WORST = 50


def plain(
    studied: StudyPredictions,
    d: Disagreement | None,
    sets: Sequence[RightSet],
    slices: Sequence[Slice],
    tested: Sequence[Tested],
    doubts: Doubts,
) -> dict[str, Any]:
    """Return the differences as data for json.dumps without NaN.

    `d`: of two arms, where there are two.
    """
    rows = lambda at: [studied.rows[i].row for i in at]  # noqa: E731
    return {
        "pair": d
        and {
            "a": _line(d.a),
            "b": _line(d.b),
            "ahead": d.ahead and interval(d.ahead),
            "rows": {part: rows(at) for part, at in d.parts.items()},
            "surest_mistakes": {
                side: rows(surely_wrong(x)[:WORST]) for side, x in (("a", d.a), ("b", d.b))
            },
            "highest_loss": {
                side: rows(costliest(x)[:WORST]) for side, x in (("a", d.a), ("b", d.b))
            },
        },
        "right_sets": [{"arms": list(x.arms), "count": len(x.rows)} for x in sets],
        "slices": [
            {
                "kind": slices[x.of].kind,
                "value": slices[x.of].value,
                "count": int(slices[x.of].inside.sum()),
                "a": x.a,
                "b": x.b or None,
                "inside": _number(x.inside),
                "outside": _number(x.outside),
                "difference": interval(x.difference),
                "p": _number(x.p),
                "found": x.found,
            }
            for x in tested
        ],
        "suspicious": {
            "asked": [_line(x) for x in doubts.asked],
            "rows": [
                {
                    "row": studied.rows[x.at].row,
                    "given": list(studied.rows[x.at].labels),
                    "instead": list(x.instead),
                    "arms": x.arms,
                    "chance_of_given": _number(x.given),
                }
                for x in doubts.rows
            ],
        },
    }


def _line(one: Consensus) -> dict[str, Any]:
    return {"arm": one.arm, "shots": one.line.cell.shots_name}


def _number(x: float) -> float | None:
    return round(float(x), 6) if math.isfinite(x) else None
