"""Small files that ask for much memory or time: each ends in a sentence, in a process that may not
take more than it is given.

`python -m benchmarks.bombs` does the same with files as large as a public place takes them, and
measures.
"""

from __future__ import annotations

import threading

import pytest

from benchmarks.made_bombs import BOMBS, LABEL_TABLES
from spaces_config.profiles import PROFILES
from tl_core.api.errors import UserError
from tl_core.data.labels import read_labels
from tl_core.data.tables import GUESS_ALL, Limits, read_table
from tl_core.running.reading_process import SPLITS, Bounded
from tl_ui.state.datasets import Datasets

SCALE = 0.02
LIMITS = Limits(rows=1_000, columns=50, cells=8_000, characters=1_000_000, unpacked=3_000_000)
FEW = {
    "huge numbers",
    "many sheets",
    "plain quotes",
    "one huge cell",
    "many row groups",
}  # so small they are tables of a few cells


@pytest.fixture(scope="module")
def bounded():
    made = Bounded(seconds=30, megabytes=150)
    yield made
    made.close()


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_a_sentence(bounded, tmp_path, name):
    suffix, write = BOMBS[name]
    path = tmp_path / f"bomb.{suffix}"
    write(path, SCALE)
    try:
        table = bounded.call(read_table, path, GUESS_ALL, LIMITS)
    except UserError as fault:
        for sentence in str(fault).splitlines():
            assert sentence.endswith((".", "?")), sentence
            assert "seconds it may take" not in sentence and len(sentence) < 1_000, sentence
    else:
        assert name in FEW and table.rows * len(table.columns) <= LIMITS.cells
    assert bounded.call(len, "abc") == 3


@pytest.mark.parametrize("name", LABEL_TABLES)
def test_a_label_table_that_is_none(bounded, tmp_path, name):
    LABEL_TABLES[name](tmp_path / "labels.json", SCALE)
    with pytest.raises(UserError, match="more than 1,000 rows|nested|recursion"):
        bounded.call(read_labels, tmp_path / "labels.json", LIMITS)


def test_there_are_many():
    assert len(BOMBS) >= 33


@pytest.mark.skipif(not SPLITS, reason="memory has a limit only where processes can be split off")
def test_a_parser_that_takes_all_memory_or_never_ends_leaves_the_others_alone(
    tmp_path, monkeypatch
):
    """While one visitor's file is being read, and after it was given up, others have theirs
    read.
    """
    datasets = Datasets(tmp_path, PROFILES["cpu"], lambda models, texts: [])
    good = tmp_path / "good.csv"
    good.write_text(
        "text,label\n" + "".join(f"some text number {i},{'ab'[i % 2]}\n" for i in range(40))
    )
    datasets.bounded.seconds = 1.0
    datasets.bounded.start()
    datasets.bounded.call(len, "")
    told = []

    def ask(function, *arguments):
        with pytest.raises(UserError) as fault:
            datasets.bounded.call(function, *arguments)
        told.append(str(fault.value))

    for function, arguments in ((sum, (range(10**12),)), (bytearray, (10**10,))):
        bad = threading.Thread(target=ask, args=(function, *arguments))
        bad.start()
        assert datasets.get(datasets.choose(datasets.add(good))).table.rows == 40
        bad.join()
    assert "seconds" in told[0] and "MB of memory" in told[1]
    assert datasets.get(datasets.choose(datasets.add(good))).table.rows == 40
    datasets.bounded.close()
