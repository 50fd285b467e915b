"""Kinds of target, one file each: what is correct, what a score means, which loss trains for it."""

from __future__ import annotations

from tl_core.api.errors import UserError, unknown
from tl_core.api.plugins import found
from tl_core.api.sentences import Setting, say
from tl_core.api.task import Task
from tl_core.api.types import Problem

RATINGS = "ordinal"  # id of the task that is proposed where labels look like ratings
TAGS = "tagging"  # id of the task of a file whose rows have spans
WRITTEN = "text-to-text"  # id of the task of a file whose rows have a text to be written
ASKS = "extractive-qa"  # id of the task of a file of texts with questions and answers
ANSWER, NO_ANSWER = "answer", "no answer"  # its labels; the second where some have none
MOST_ANSWER = 64  # words of an answer, at most; in Korean, characters


def tasks() -> dict[str, Task]:
    """Every task by id."""
    return found("tl_core.tasks", "TASK")


def task_of(problem: Problem) -> Task:
    """The task of a problem, by its target.

    Raises:
        KeyError: no task has this target; code that reads a file checks `targets` first.
    """
    return with_target(problem.target)


def with_target(target: str) -> Task:
    """The task with this `Problem.target`.

    Raises:
        KeyError: as of `task_of`.
    """
    for task in tasks().values():
        if task.target == target:
            return task
    raise KeyError(f"No task has the target {target!r}.")


def task_to_read(id: str | None = None, *, several: bool = False) -> Task:
    """As what the labels of a file are read.

    Args:
        id: of a task, as a person asked for it.
        several: a row may have any number of labels, where no task was asked for.

    Raises:
        UserError: there is no such task.
    """
    id = id or ("many-labels" if several else "single-label")
    if id not in tasks():
        raise UserError(unknown("task", id, tasks()))
    task = tasks()[id]
    if several and task.exclusive:
        raise UserError(
            say(
                "A row has one answer where the task is {id}, and {multi_label} says that it may"
                " have several. Leave one of the two out.",
                id=id,
                multi_label=Setting("multi_label"),
            )
        )
    return task


def about_probabilities(problem: Problem, what: str) -> None:
    """See that answers have probabilities, for something that looks at them.

    Raises:
        UserError: answers are texts.
    """
    if task_of(problem).writes:
        raise UserError(
            say(
                "{what}: it looks at how likely each label is, and here a text is written, so it"
                " has nothing to show.",
                what=what,
            )
        )


def about_whole_texts(problem: Problem, what: str) -> None:
    """See that answers are about whole texts, for something that can look at no others.

    Raises:
        UserError: answers are spans of a text, or texts.
    """
    about_probabilities(problem, what)
    if task_of(problem).by_word:
        raise UserError(
            say(
                "{what}: it looks at one label for a whole text, and here answers are stretches of"
                " a text, so it has nothing to show.",
                what=what,
            )
        )


def targets() -> tuple[str, ...]:
    """Return the values that `Problem.target` can take."""
    return tuple(task.target for task in tasks().values())
