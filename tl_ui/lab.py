"""The context of a tab: the place it runs in, the signals tabs share, and one way to wire events.

Nothing of a visitor is kept here. A visitor's states hold ids; the data lie in stores.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from spaces_config import Profile
from tl_core.api.sentences import LANGUAGES
from tl_core.running.lent_gpu import Lend
from tl_core.running.queue import StudyQueue
from tl_core.running.session import how_it_was_read
from tl_core.running.study_records import OPEN
from tl_core.studies.plan import Study
from tl_ui.errors import shown
from tl_ui.state.datasets import Datasets
from tl_ui.state.studies import Studies

Draw = Callable[..., dict]
Handler = Callable[..., dict | Iterator[dict]]
STUDIES_REMEMBERED = 30  # keys in a visitor's browser
STOP_SECONDS = 3.0


@dataclass(frozen=True)
class Follower:
    """Draws something again when a signal changes; a failure is reported and leaves the others
    alone.
    """

    draw: Draw
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]

    def drawn(self, values: dict, request: gr.Request) -> dict:
        """Draw from the values, and from the request where `draw` takes it."""
        return (
            self.draw(values, request)
            if len(inspect.signature(self.draw).parameters) > 1
            else self.draw(values)
        )


def _together(followers: Sequence[Follower]) -> Handler:
    def redraw(values: dict, request: gr.Request) -> dict:
        return {
            component: value
            for one in followers
            for component, value in one.drawn(values, request).items()
        }

    return redraw


@dataclass(frozen=True)
class Lab:
    """Handed to every tab. Tabs listen to the signals and know no other tab."""

    profile: Profile
    queue: StudyQueue
    datasets: Datasets
    studies: Studies
    lend: Lend | None  # how this place lends visitors a GPU; None: it does not
    # signals, one value per visitor
    arrived: gr.State  # changes once, when language and dataset of the visitor are known
    # changes then to the view of the tab "Look inside" that the address asks for; most visits ask
    # for none
    linked: gr.State
    # changes once the speed of this machine is known, where it was not on arrival: estimates of
    # time are drawn again
    timed: gr.State
    lang: gr.Radio
    # changes with `lang`, once that is chosen. What follows the language listens to this: of an
    # event of a component that several follow, of which one is already running, a browser repeats
    # the whole event when that one ends, for all of them, and with two such it never ends. Changes
    # of a state go to each follower by itself.
    spoken: gr.State
    dataset_id: gr.State
    study_id: gr.State  # "" while none is open
    status: gr.State  # of the open study, as `StudyQueue.status` gives it; None while none is open
    fresh: gr.State  # changes when there are results worth drawing again
    settled: (
        gr.State
    )  # changes when another study is open, and when it begins or ends: all that lists of runs need
    selection: gr.State  # what was clicked in a plot, see tl_ui/results/rows.py
    lead: gr.State  # the study after which the page goes to the results by itself; "" for none
    # `tl_ui.state.clone_study.Wishes` that the form of the comparison is to take over; None for
    # nothing
    wishes: gr.State
    # (study, its key, moment) that the visitor wants a GPU for, see `tl_ui.serving.borrowing`; None
    # until then
    borrow: gr.State
    turns: gr.State  # `tl_ui.errors.Turns`, the same for all events of a visitor
    saved: gr.BrowserState  # what `remembered` gives, in the visitor's browser
    beat: gr.Timer  # ticks while a study runs
    tabs: gr.Tabs
    drawn: list[tuple[Any, Callable[[str], Any]]] = field(
        default_factory=list
    )  # component, what it shows in a language
    followers: dict[tuple[str, ...], list[Follower]] = field(
        default_factory=dict
    )  # by the names of the signals they follow

    def on(
        self,
        triggers: Any,
        handler: Handler,
        inputs: Collection[Any] = (),
        outputs: Collection[Any] = (),
        notice: Any | None = None,
        *,
        clears: bool = True,
        **more: Any,
    ) -> Any:
        """Wire `handler(values)`: values by component in, changes by component out, failures
        reported in `notice`, which success `clears`; see `tl_ui.errors.shown`.
        """
        everything = [*outputs, *([notice] if notice is not None else [])]
        more = {
            "api_visibility": "private",
            "show_progress": "hidden",
            "concurrency_limit": 8,
            **more,
        }
        if more["show_progress"] == "hidden":
            # Without this a browser keeps a state of progress for every output that was ever drawn,
            # and goes through all of them, each time looking through every component of the page,
            # at every step of every event.
            more["show_progress_on"] = self.lang
        return gr.on(
            triggers,
            shown(handler, self.lang, everything, notice, clears=clears),
            {self.lang, *inputs},
            everything,
            **more,
        )

    def draw_on(
        self,
        signals: tuple[str, ...],
        handler: Handler,
        inputs: Sequence[Any],
        outputs: Sequence[Any],
    ) -> None:
        """Make `handler` draw again whenever one of these signals changes: in one event with all
        others that follow the same, since every event takes a browser some hundredths of a second.
        `wire_followers` makes these events."""
        self.followers.setdefault(signals, []).append(
            Follower(shown(handler, self.lang, outputs), tuple(inputs), tuple(outputs))
        )

    def wire_followers(self) -> None:
        """Wire the followers; to be called once, when every tab is there."""
        for signals, followers in self.followers.items():
            inputs = dict.fromkeys(component for one in followers for component in one.inputs)
            outputs = dict.fromkeys(component for one in followers for component in one.outputs)
            self.on(
                [getattr(self, name).change for name in signals],
                _together(followers),
                inputs,
                outputs,
                trigger_mode="always_last",
            )

    def where(self, name: str) -> dict:
        """Return the signals of a study: its status, and whether there is something new.

        Raises:
            UserError: there is no such study.
        """
        status, opened = self.queue.status(name), self.studies.open(name)
        going = status["status"] in OPEN
        return {
            self.status: {"name": name, **status},
            self.fresh: f"{name} {opened.news(going)} {going}",
            self.settled: f"{name} {going}",
            self.beat: gr.Timer(active=going or opened.behind),
        }

    def nothing_open(self) -> dict:
        """The changes after which no study is open."""
        return {
            self.study_id: "",
            self.status: None,
            self.fresh: "",
            self.settled: "",
            self.selection: None,
            self.beat: gr.Timer(active=False),
        }

    def submit(self, values: dict, study: Study, consent: str = "") -> tuple[str, dict]:
        """Put a study of the visitor's dataset in line; returns its name, and the changes that make
        it the open one. `values` must hold `dataset_id` and `saved`.

        Raises:
            UserError: the line is full.
        """
        held = self.datasets.get(values[self.dataset_id])
        about = how_it_was_read(held.loaded, (held.name, None))
        name, key = self.queue.submit(study, context={"dataset": about}, consent=consent)
        return name, {
            self.study_id: name,
            self.saved: with_key(values[self.saved], name, key),
            self.selection: None,
        }

    def stop(self, values: dict) -> None:
        """Stop the open study, and wait a little for its end. `values` must hold `study_id` and
        `saved`.

        Raises:
            UserError: it is another browser's.
        """
        name = values[self.study_id]
        self.queue.stop(name, key_of(values[self.saved], name))
        deadline = time.monotonic() + STOP_SECONDS
        while self.queue.status(name)["status"] in OPEN and time.monotonic() < deadline:
            time.sleep(0.05)

    def in_language(self, component: Any, draw: Callable[[str], Any]) -> Any:
        """Say what a component shows in each language; the shell draws it again at a switch."""
        self.drawn.append((component, draw))
        return component


def remembered(saved: Any) -> dict[str, Any]:
    """Return what a browser remembers, whatever it sends: {"lang", "dataset", "study", "keys":
    {study: key}}. What is no such thing is forgotten.
    """
    given = saved if isinstance(saved, dict) else {}
    keys = given.get("keys")
    keys = keys if isinstance(keys, dict) else {}
    plain = {
        name: key for name, key in keys.items() if isinstance(name, str) and isinstance(key, str)
    }
    lang, dataset, study = (
        value if isinstance(value := given.get(name), str) else ""
        for name in ("lang", "dataset", "study")
    )
    return {
        "lang": lang if lang in LANGUAGES else "",
        "dataset": dataset,
        "study": study,
        "keys": dict(list(plain.items())[-STUDIES_REMEMBERED:]),
    }


def with_key(saved: Any, name: str, key: str) -> dict[str, Any]:
    """The browser's memory with the key of one more study, which is the open one now; the oldest
    go.
    """
    known = remembered(saved)
    return remembered({**known, "study": name, "keys": {**known["keys"], name: key}})


def key_of(saved: Any, name: str) -> str:
    """The key of a study, if this browser started it; else ""."""
    return remembered(saved)["keys"].get(name, "") if isinstance(name, str) else ""
