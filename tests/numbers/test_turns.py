"""Visitors take turns, whatever one of them asks for."""

from __future__ import annotations

import threading
import time

import pytest

from tl_core.api.errors import UserError
from tl_core.running.questions import Questions, is_short
from tl_core.running.turns import Gate, Line, Visitor


def taken(line: Line) -> list[str]:
    found = []
    while (thing := line.take()) is not None:
        found.append(thing)
    return found


def test_what_one_visitor_asks_comes_in_order():
    line = Line()
    for thing in "abc":
        line.add(thing)
    assert list(line) == ["a", "b", "c"] and len(line) == 3 and "b" in line
    assert line.remove("b") and not line.remove("b")
    assert taken(line) == ["a", "c"] and len(line) == 0


def test_visitors_take_turns_and_the_line_says_in_which_order():
    line = Line()
    for thing in ("m1", "m2", "m3", "m4"):
        line.add(thing, "many")
    line.add("o1", "one")
    line.add("t1", "two")
    line.add("t2", "two")
    assert line.of("many") == 4 and line.of("one") == 1 and line.of("nobody") == 0
    expected = ["m1", "o1", "t1", "m2", "t2", "m3", "m4"]
    assert list(line) == expected
    assert taken(line) == expected


def test_who_has_just_had_a_turn_is_behind_who_comes():
    line = Line()
    line.add("m1", "many")
    assert line.take() == "m1"
    line.add("m2", "many")
    line.add("n1", "new")
    assert list(line) == ["n1", "m2"] == taken(line)


def test_a_gate_lets_one_in_at_a_time_in_turn():
    gate, order, inside = Gate(), [], []

    def ask(visitor: str) -> None:
        with gate.turn(Visitor(visitor)):
            inside.append(visitor)
            assert len(inside) == 1
            order.append(visitor)
            inside.pop()

    with gate.turn(Visitor("first")):
        threads = []
        for visitor in ("many", "many", "many", "one"):
            thread = threading.Thread(target=ask, args=[visitor])
            thread.start()
            threads.append(thread)
            while sum(map(gate._line.of, ("many", "one"))) < len(threads):
                time.sleep(0.005)
        assert not gate.try_turn()
    for thread in threads:
        thread.join(10)
    assert order == ["many", "one", "many", "many"]
    assert gate.try_turn()


def test_one_visitor_asks_so_much_at_a_time_and_who_has_left_waits_no_more():
    gate = Gate(most_each=1)
    with gate.turn(Visitor("a")):
        with pytest.raises(UserError, match="1 of your questions"), gate.turn(Visitor("a")):
            pass
        with (
            pytest.raises(UserError, match="No one is waiting"),
            gate.turn(Visitor("b", gone=lambda: True)),
        ):
            pass
        assert len(gate._line) == 0
    with gate.turn(Visitor("a")):
        pass


def test_which_questions_are_short():
    assert (
        is_short("fill_blanks", {})
        and is_short("predict", {"examples": [1]})
        and is_short("token_reports", {"texts": ["a"] * 50})
    )
    assert (
        not is_short("predict", {"examples": [1] * 51})
        and not is_short("surprise", {})
        and not is_short("word_senses", {})
    )


class Slow:
    """In place of a worker: yields until it is stopped."""

    trouble = ""

    def __init__(self):
        self.closed = 0

    def call(self, name, watch=None, /, **arguments):
        try:
            while True:
                time.sleep(0.01)
                watch()
                yield name
        finally:
            self.closed += 1


def test_a_question_that_takes_too_long_is_ended_and_told():
    questions = Questions("cpu", who=Visitor, most_seconds=0.1, most_each=3)
    questions.long.worker = slow = Slow()
    with pytest.raises(UserError, match="may take 0 seconds here"):
        list(questions.ask("surprise"))
    assert slow.closed == 1 and questions.long.gate.try_turn()


def test_who_leaves_frees_the_place():
    left = threading.Event()
    questions = Questions(
        "cpu", who=lambda: Visitor("a", left.is_set), most_seconds=None, most_each=3
    )
    questions.long.worker = slow = Slow()
    asked = questions.ask("surprise")
    assert next(asked) == "surprise"
    left.set()
    with pytest.raises(UserError, match="No one is waiting"):
        list(asked)
    assert slow.closed == 1 and questions.long.gate.try_turn()


def test_short_questions_do_not_wait_for_long_ones():
    questions = Questions("cpu", who=Visitor, most_seconds=None, most_each=3)
    questions.long.worker, questions.short.worker = Slow(), Slow()
    long, short = questions.ask("surprise"), questions.ask("fill_blanks")
    assert (next(long), next(short), next(long)) == ("surprise", "fill_blanks", "surprise")
    long.close()
    short.close()
    assert questions.long.worker.closed == questions.short.worker.closed == 1
