"""Labels for new texts, from an export."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from tl_core.api.sentences import say_n
from tl_core.exports.formats import recipe
from tl_core.exports.opened import open_export, read_about
from tl_core.exports.problem import problem_in
from tl_core.running.predict import Answer, texts_asked
from tl_core.studies.consent import agreed


def predict_export(
    folder: Path,
    *,
    text: str | None,
    second: str | None,
    file: str | None,
    column: str | None,
    may_send: Callable[[str], bool],
) -> Answer:
    """Label one text, or the texts of a file.

    Args:
        may_send: asks whether the texts may leave this machine, where the arm asks somebody else.

    Raises:
        UserError: the export is damaged or was changed, there is no text, or it may not be sent.
    """
    about = read_about(folder)
    problem = problem_in(about)
    examples = texts_asked(text, second, file, column, problem)
    if about["format"] == recipe.FORMAT.id:
        arm = recipe.FORMAT.read(folder)[0]
        agreed(
            arm,
            lambda endpoint: say_n(
                "{arm} sends this text to {host}.",
                "{arm} sends these {n:,} texts to {host}.",
                len(examples),
                arm=arm.id,
                host=endpoint.host,
            ),
            may_send,
        )
    opened = open_export(folder)
    scores = np.asarray(opened.scores(examples), np.float32)
    return Answer(about["run"], about["arm"], opened.problem, tuple(examples), scores)
