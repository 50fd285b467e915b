"""A file, a bundled sample or a dataset of the hub as a dataset of the task it holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tl_core.api.types import Label
from tl_core.data import hub, samples
from tl_core.data.as_labels import to_labelled
from tl_core.data.as_questions import is_asked, to_questions
from tl_core.data.as_tagged import is_tagged, to_tagged
from tl_core.data.as_written import is_written, to_written
from tl_core.data.labels import read_labels
from tl_core.data.limits import USUAL
from tl_core.data.loaded import Loaded
from tl_core.data.tables import GUESS_ALL, ReadOptions, Table, read_table
from tl_core.tasks import ASKS, TAGS, WRITTEN, task_to_read


def load(
    source: str | Path,
    options: ReadOptions = GUESS_ALL,
    labels_file: Path | None = None,
    *,
    labels: tuple[Label, ...] | None = None,
    check_classes: bool = True,
) -> Loaded:
    """Read a file, a bundled sample as "sample:NAME", or a dataset of the hub as "hf://owner/name",
    with the label table alongside it where one is given.

    Raises:
        UserError: see `read_table`, `read_hub`, `read_labels` and `to_dataset`.
    """
    if str(source).startswith("sample:"):
        sample = samples.sample(str(source).removeprefix("sample:"))
        source, labels_file = sample.path, labels_file or (None if labels else sample.labels_path)
    if hub.is_reference(source):
        table = hub.read_hub(source, options, USUAL)
    else:
        table = read_table(Path(source), options)
    if labels_file is not None:
        labels = read_labels(Path(labels_file))
    return to_dataset(table, options, labels, check_classes=check_classes)


def to_dataset(
    table: Table,
    options: ReadOptions,
    labels: tuple[Label, ...] | None = None,
    *,
    check_classes: bool = True,
) -> Loaded:
    """Rows that have a label, as a dataset of the task that was asked for, or else of the one the
    cells tell. `Example.row` keeps the number of the row in the file.

    Args:
        labels: the label table; its order becomes the order of the score axis. None infers it from
            the rows.
        check_classes: False for a separate test file: it may lack labels of the training file,
            whose `labels` it must be given, and they are kept as they are.

    Raises:
        UserError: every fault of columns, cells and labels.
    """
    if options.task is None:
        known_by = {TAGS: is_tagged, ASKS: is_asked, WRITTEN: is_written}
        seen = next((id for id, holds in known_by.items() if holds(table, options)), None)
        options = replace(options, task=seen)
    read = to_labelled
    if options.task is not None:
        asked = task_to_read(options.task)
        if asked.alternatives:
            read = to_questions
        elif asked.by_word:
            read = to_tagged
        elif asked.writes:
            read = to_written
    return read(table, options, labels, check_classes=check_classes)
