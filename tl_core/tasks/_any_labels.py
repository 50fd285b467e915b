"""Base of tasks in which a row may carry any number of labels: there is no one answer to tabulate,
or to scale the confidence of.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tl_core.api.task import Task


class AnyLabels(Task):
    exclusive = False
    confusion = False
    scalable = False
    trust = False

    def allows(self, labels: Sequence[str]) -> bool:
        """Any number."""
        return True

    def as_json(self, labels: Sequence[str]) -> dict[str, Any]:
        """`labels`: a list of ids."""
        return {"labels": list(labels)}

    def cell(self, labels: Sequence[str]) -> Any:
        """A list of ids."""
        return list(labels)
