"""Has a worker group the test rows of a study by what they are about; from then on the topics are a
part of the study.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from tl_core.analysis.differences.topics import Topics, keep
from tl_core.api.types import Step
from tl_core.running.worker import Worker
from tl_core.studies.plan import plan
from tl_core.studies.store import Store


def find_topics(folder: Path, *, device: str | None = None) -> Iterator[Step | Topics]:
    """Steps, then the topics of a study's test rows, stored in its folder.

    Raises:
        UserError: there is no study.
    """
    store = Store(folder)
    made = plan(store.load_study())
    worker = Worker(device)
    try:
        with closing(worker.call("group_rows", folder=str(folder.resolve()))) as answers:
            for answer in answers:
                if isinstance(answer, Topics):
                    keep(store, made, answer)
                yield answer
    finally:
        worker.end()
