"""What is read for a stranger is read in a process of its own: whatever becomes of it, the one that
asked goes on.
"""

from __future__ import annotations

import os
import pickle
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from tl_core.api.errors import Faults, UserError
from tl_core.data.tables import GUESS_ALL, Limits, Table, read_table
from tl_core.running import reading_process as of_bounded
from tl_core.running.reading_process import SPLITS, Bounded

LINUX = pytest.mark.skipif(
    not SPLITS, reason="memory has a limit only where processes can be split off"
)


@pytest.fixture(scope="module")
def bounded():
    made = Bounded(seconds=3, megabytes=60)
    yield made
    made.close()


# What is called there must be of a module that the other process can import: the standard library
# will do.


def test_what_a_function_gives_comes_back_and_nothing_of_it_stays(bounded, tmp_path):
    (tmp_path / "a.csv").write_text("text,label\none,a\ntwo,b\n")
    table = bounded.call(read_table, tmp_path / "a.csv", GUESS_ALL, Limits())
    assert isinstance(table, Table) and table == read_table(tmp_path / "a.csv")
    assert len({bounded.call(os.getpid) for _ in range(3)} | {os.getpid()}) == 4


def test_a_file_name_as_the_page_has_it_is_a_plain_string_there(bounded):
    """Gradio names files by a string of its own, for which that process would have to load
    Gradio.
    """
    from gradio.utils import NamedString

    assert (
        bounded.call(len, NamedString("a.csv")) == 5
        and bounded.call(os.fspath, NamedString("a.csv")) == "a.csv"
    )


def test_faults_come_back_as_they_were(bounded, tmp_path):
    (tmp_path / "a.csv").write_text("text,label,text\none,a\n")
    with pytest.raises(Faults) as there:
        bounded.call(read_table, tmp_path / "a.csv")
    with pytest.raises(Faults) as here:
        read_table(tmp_path / "a.csv")
    assert there.value.faults == here.value.faults
    with pytest.raises(UserError, match="Did you mean") as one:
        bounded.call(read_table, tmp_path / "b.csv")
    assert not isinstance(one.value, Faults)
    with pytest.raises(RuntimeError, match=r"(?s)Traceback.*ZeroDivisionError"):
        bounded.call(divmod, 1, 0)


@LINUX
@pytest.mark.parametrize(
    ("function", "arguments"),
    [(bytearray, (100 * 2**20,)), (list, (range(10**7),)), ("x".__mul__, (10**9,))],
)
def test_too_much_memory_is_a_sentence(bounded, function, arguments):
    with pytest.raises(UserError, match="more than the 60 MB of memory"):
        bounded.call(function, *arguments)
    assert bounded.call(len, "abc") == 3


@LINUX
@pytest.mark.parametrize(
    ("function", "arguments"),
    [(time.sleep, (60,)), (sum, (range(10**12),))],
    ids=["waiting", "in the middle of C"],
)
def test_too_much_time_is_a_sentence(function, arguments):
    short = Bounded(seconds=0.2, megabytes=60)
    try:
        with pytest.raises(UserError, match=r"more than the 0.2 seconds"):
            short.call(function, *arguments)
        _, left = psutil.wait_procs(psutil.Process(short._server.pid).children(), timeout=10)
        assert not left
    finally:
        short.close()


def test_a_process_that_dies_is_a_sentence(bounded):
    with pytest.raises(UserError, match="or it is damaged"):
        bounded.call(os.abort)
    if SPLITS:  # the server itself, ended by somebody
        psutil.Process(bounded._server.pid).kill()
        bounded._server.wait()
    assert bounded.call(len, "abc") == 3


def test_only_records_are_taken_from_there(bounded):
    """A parser that a file has taken over could answer anything: nothing that it answers is run
    here.
    """
    with pytest.raises(UserError, match="or it is damaged"):
        bounded.call(Path, "/")  # comes back as a class that is no record
    with pytest.raises(pickle.UnpicklingError, match="is no record"):
        of_bounded._Plain(open_bytes(pickle.dumps(os.system))).load()


def open_bytes(data: bytes):
    import io

    return io.BytesIO(data)


@LINUX
def test_many_wait_for_their_turn():
    few = Bounded(seconds=20, megabytes=60, at_once=2)
    try:
        with ThreadPoolExecutor(6) as threads:
            pids = list(threads.map(lambda _: few.call(os.getpid), range(6)))
        assert len(set(pids)) == 6
    finally:
        few.close()


@LINUX
def test_the_server_ends_with_whoever_started_it():
    made = Bounded(seconds=3, megabytes=60)
    made.call(os.getpid)
    server = psutil.Process(made._server.pid)
    made.close()
    assert not server.is_running()
