"""Kinds of target, one file each: what is right, what a score means, which loss trains for it."""

from __future__ import annotations

from tl_core.plugins import found
from tl_core.types import Problem


def tasks() -> dict:
    """Every task by id."""
    return found("tl_core.tasks", "TASK")


def task_of(problem: Problem):
    """The task of a problem, by its target."""
    return next(task for task in tasks().values() if task.target == problem.target)
