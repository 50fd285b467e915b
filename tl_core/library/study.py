"""A study as a notebook holds it: what it says in words, as a table and as a picture."""

from __future__ import annotations

import sys
import textwrap
import weakref
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tl_core.api.errors import UserError
from tl_core.api.sentences import listed, say
from tl_core.api.types import Example
from tl_core.library.asking import again_request
from tl_core.library.columns import texts_of

if TYPE_CHECKING:
    import numpy as np

    from tl_core.analysis.compare import Cell, Comparison
    from tl_core.analysis.decision import Decision
    from tl_core.analysis.read_study import Stored
    from tl_core.running.predict import Answer
    from tl_core.running.worker import Worker
    from tl_core.studies.plan import Plan
    from tl_core.words.verdict import Verdict

WIDTH = 100


class Study:
    """A comparison and what it says. `compare`, `run` and `load` give one.

    In a notebook it shows the answer in words, the leaderboard and the learning curve.

    Examples:
        >>> import tl_core as tl
        >>> study = tl.compare(
        ...     "sample:support_tickets", strategies=["majority", "tfidf"], seeds=1, shots=["all"],
        ...     test_size=60, progress=False,
        ... )
        >>> study.finished, [line["arm"] for line in study.leaderboard()]
        (True, ['tfidf', 'majority'])
        >>> study.predict(["I was charged twice this month"])
        ['billing']
    """

    def __init__(self, stored: Stored, source: Path):
        self._stored, self.source = stored, source
        self._worker: Worker | None = None

    # --- what it says -----------------------------------------------------------------------------

    @property
    def comparison(self) -> Comparison:
        """The leaderboard with intervals, as `tl_core.analysis.compare` makes it."""
        return self._stored.comparison

    @property
    def plan(self) -> Plan:
        """Return what was asked: problem, split, arms, and all runs."""
        return self._stored.plan

    @cached_property
    def decision(self) -> Decision:
        """Return what to do and why, as data."""
        from tl_core.analysis.decision import decide

        return decide(self.plan, self._stored.results, self.comparison)

    @cached_property
    def verdict(self) -> Verdict:
        """Return the answer for a reader who knows no statistics: a sentence, how sure it is, what
        no labels, a few and all of them reach, and a few lines of why.
        """
        from tl_core.words.verdict import verdict

        return verdict(self.decision)

    @property
    def headline(self) -> str:
        """The answer in one line, with what the three ways reach."""
        return self.verdict.line

    @property
    def advice(self) -> str:
        """The answer in words, never stronger than the statistics: which arm, why, the runner-up,
        and what would settle it.
        """
        from tl_core.words.advice import advice

        return " ".join(advice(self.decision))

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return what to know before trusting the answer."""
        from tl_core.words.advice import warnings

        return tuple(warnings(self.decision))

    @property
    def finished(self) -> bool:
        """Whether every run that can be done is done."""
        return not self.missing

    @property
    def missing(self) -> tuple[str, ...]:
        """Ids of the runs that have no result yet."""
        return tuple(s.id for s in self.plan.specs if s.id not in self._stored.results)

    @property
    def run_ids(self) -> tuple[str, ...]:
        """Ids of all runs; the same run has the same id wherever it is asked for."""
        return tuple(s.id for s in self.plan.specs)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels, in the order of every column of probabilities."""
        return self.plan.study.problem.label_ids

    def leaderboard(self) -> list[dict[str, Any]]:
        """A line for each arm at each number of labels, best first; shares are 0 to 1, intervals
        95%.
        """
        return [
            {
                "arm": cell.arm,
                "strategy": cell.strategy,
                "shots": cell.shots_name,
                "labels": cell.labels,
                **_measured(self.comparison, cell),
                "seeds": len(cell.seeds),
                "failed": cell.failed,
                "fit_seconds": cell.fit_seconds,
                "predict_seconds": cell.predict_seconds,
                "text_seconds": cell.text_seconds,
                "alone_seconds": cell.alone_seconds,
                "could_be_best": cell.could_be_best,
            }
            for cell in self.comparison.cells
        ]

    def to_frame(self) -> Any:
        """`leaderboard` as a pandas DataFrame.

        Raises:
            UserError: pandas is not installed.
        """
        try:
            import pandas as pd
        except ModuleNotFoundError:
            raise UserError(
                say(
                    "to_frame needs pandas, which is not installed. Install it, or use"
                    " leaderboard(), a list of dicts."
                )
            ) from None
        return pd.DataFrame(self.leaderboard())

    def figure(self) -> Any:
        """The learning curves, an interactive figure of plotly."""
        from tl_core.figures.results import learning_curves

        return learning_curves(self.comparison, self.comparison.metric)

    def report(
        self, path: str | Path | None = None, *, language: str = "en", **prices: float
    ) -> Path:
        """Write the report, one HTML file that opens offline; returns where it is.

        Args:
            path: where; None: report.html in the folder of the study.
            language: "en" or "ko".
            prices: `label` (of one label), `hour` (of the machine) and `texts` (a month), to have
                the costs in money.

        Raises:
            UserError: it cannot be written there.
        """
        from tl_core.analysis.decision import Prices, decide
        from tl_core.report.html import report_html
        from tl_core.studies.store import file_errors_as_user_errors

        known = {"label", "hour", "texts"}
        if unknown := sorted(prices.keys() - known):
            raise UserError(
                say(
                    "The report takes no {unknown}. It takes label, hour and texts as prices.",
                    unknown=listed(unknown),
                )
            )
        decision = self.decision
        if prices:
            wanted = Prices(prices.get("label"), prices.get("hour"), prices.get("texts"))
            decision = decide(self.plan, self._stored.results, self.comparison, wanted)
        page = report_html(
            self.plan,
            self._stored.results,
            self.comparison,
            context=self._stored.context,
            language=language,
            decision=decision,
            parts=self._stored.parts,
            topics=self._stored.topics,
        )
        target = Path(path).expanduser() if path is not None else self.folder / "report.html"
        with file_errors_as_user_errors(target):
            target.write_bytes(page.encode("utf-8"))
        return target

    # --- what it can do ---------------------------------------------------------------------------

    @property
    def folder(self) -> Path:
        """Return the study's folder.

        Raises:
            UserError: it was read from an archive, and has no folder.
        """
        if self.source.is_file():
            raise UserError(
                say(
                    "{source} is an archive, without trained weights and nothing to write to. Make"
                    " the study again from it: transfer-lab again {name} --out FOLDER.",
                    source=self.source,
                    name=self.source.name,
                )
            )
        return self.source

    def predict(
        self, texts: Iterable[Any], *, arm: str | None = None, send_texts: bool = False
    ) -> list[Any]:
        """A label for each text (where a text may have several labels, a tuple of them; where its
        spans are tagged, a tuple of (start, end, label)).

        Args:
            texts: a list of texts, or of pairs where the study has two texts a row.
            arm: an arm or a run whose weights were kept; None: the best of them.
            send_texts: allow an arm that asks an endpoint to send these texts there.

        Raises:
            UserError: no weights were kept, or the texts cannot be read.
        """
        answer = self._answer(texts, arm, send_texts)
        return [found for found, _ in answer.found()]

    def predict_proba(
        self, texts: Iterable[Any], *, arm: str | None = None, send_texts: bool = False
    ) -> np.ndarray:
        """(n, C) probabilities; columns in the order of `labels`. Arguments as for `predict`. Of
        tagged spans (n, W, K), see `tl_core.tasks.tagging`.

        Raises:
            UserError: texts are written, which have none.
        """
        answer = self._answer(texts, arm, send_texts)
        if answer.in_texts:
            raise UserError(
                say("A text that is written has no probability. Use {predict}.", predict="predict")
            )
        return answer.scores

    def export(
        self,
        out: str | Path,
        *,
        run: str | None = None,
        format: str | None = None,
        refit: bool = False,
        with_rows: bool = False,
        int8: bool = False,
    ) -> Path:
        """Write what a run trained as a folder that other libraries load; returns the folder.

        Args:
            out: a new folder.
            run: a run or an arm; None: the best whose weights were kept.
            format: "transformers", "sentence-transformers", "sklearn", "peft", "onnx" or "recipe";
                None: the first of them that can hold the run exactly.
            refit: train the run again where its weights were not kept.
            with_rows: an arm that needs its training rows to answer may take them along.
            int8: with "onnx", round the weights to eight bits too; `export.json` then says what
                that costs on the locked test rows.

        Raises:
            UserError: the format cannot hold the run, nothing was kept, or it cannot be written.
        """
        from tl_core.exports.write import export

        return export(
            self.folder,
            Path(out).expanduser(),
            run=run,
            format=format,
            refit=refit,
            with_rows=with_rows,
            int8=int8,
        ).folder

    def push(self, repository: str, *, public: bool = False, yes: bool = False) -> str:
        """Put the study on the Hugging Face hub as a dataset, private unless you say otherwise:
        rows, what every run predicted, report and record; no weights. Returns its address.

        What would be sent, and who may see it, is asked first where somebody can answer: in a
        notebook or at Python's prompt. The token is the one that `hf auth login` or HF_TOKEN gave.

        Args:
            repository: what it is called on the hub, as "owner/name".
            public: let everybody see it.
            yes: send it without a question.

        Raises:
            UserError: there was no yes, there is no token, it may not write there, or the hub
                cannot be reached.
        """
        from tl_core.registry.push import parcel_of_study, push

        with parcel_of_study(self.folder) as ready:
            question = ready.question(repository, private=not public)
            if not yes and not _agreed(question):
                raise UserError(
                    say(
                        "{question} Nothing was sent. Say yes=True to send it without a question.",
                        question=question,
                    )
                )
            return push(ready, repository, private=not public).url

    def go_on(self, *, progress: bool = True) -> Study:
        """Run what is missing; returns the study with it."""
        from tl_core.running.session import open_unfinished

        if self.finished:
            return self
        return run_opened(open_unfinished(self.folder), progress=progress)

    def again(
        self,
        out: str | Path,
        *,
        strategies: Iterable[Any] | None = None,
        shots: Iterable[int | str | None] | int | None = None,
        seeds: int | Iterable[int] | None = None,
        keep: str = "best",
        device: str | None = None,
        send_texts: bool = False,
        progress: bool = True,
    ) -> Study:
        """Make the study once more, on its own rows and locked test rows, in a folder of its own.

        Args:
            out: the new folder; what is finished there already is not done again.
            strategies: as `compare` takes them; None: those of this study.
            shots: labelled rows per label; None: as in this study.
            seeds: how many draws, or which; None: those of this study.
            keep: whose trained weights are kept: "best" of each arm, "all" or "none".
            device: "cpu", "cuda", "mps"; None: the fastest there is.
            send_texts: allow `chat` to send texts to the endpoint in TL_CHAT_URL.
            progress: show how far it is.

        Raises:
            UserError: with what can be fixed.
        """
        from tl_core.running.session import open_again

        asked = again_request(strategies, shots, seeds, send_texts)
        session = open_again(self.source, Path(out).expanduser(), device=device, keep=keep, **asked)
        return run_opened(session, progress=progress)

    def _answer(self, texts: Iterable[Any], arm: str | None, send_texts: bool) -> Answer:
        from tl_core.running.predict import answer, chosen, empty
        from tl_core.running.worker import Worker

        pair = self.plan.study.problem.inputs == "two texts"
        read = texts_of(texts)
        odd = [i for i, (_, second) in enumerate(read, 1) if (second is None) == pair]
        if odd:
            raise UserError(
                say("This study has two texts a row: give pairs (a, b).")
                if pair
                else say("This study has one text a row, and pairs were given.")
            )
        examples = [Example(i, a, b) for i, (a, b) in enumerate(read, 1)]
        if all(map(empty, examples)):
            raise UserError(say("There is no text to label."))
        spec = chosen(self._stored_folder(), self.plan, arm)
        if self._worker is None:  # kept, so that the next question does not wait for the model
            self._worker = Worker()
            weakref.finalize(self, self._worker.end)
        return answer(
            self.folder, self.plan, spec, examples, self._worker, may_send=lambda _: send_texts
        )

    def _stored_folder(self) -> Any:
        from tl_core.studies.store import Store

        return Store(self.folder)

    # --- how it is shown --------------------------------------------------------------------------

    def __repr__(self) -> str:
        from tl_core.library.notebook import as_text

        found = self.verdict
        said = [f"[{found.said}] {found.sentence}", found.reach, *(f"- {x}" for x in found.why)]
        head = "\n".join(textwrap.fill(line, WIDTH) for line in said if line)
        return "\n\n".join(filter(None, (head, as_text(self.comparison), self._unfinished())))

    def _repr_html_(self) -> str:
        from tl_core.library.notebook import as_html

        return as_html(
            self.comparison, self.verdict, self.advice, self.warnings, self._unfinished()
        )

    def _unfinished(self) -> str:
        n = len(self.missing)
        return f"{n:,} of {len(self.plan.specs):,} runs are not finished." if n else ""


def _measured(comparison: Comparison, cell: Cell) -> dict[str, float]:
    """Each measure with its limits: shares from 0 to 1, errors in points."""
    out: dict[str, float] = {}
    for measure in comparison.measures:
        found = cell.measures[measure.id]
        low, high = sorted(measure.plain(comparison.problem, x) for x in (found.low, found.high))
        value = measure.plain(comparison.problem, found.value)
        out |= {measure.id: value, f"{measure.id}_low": low, f"{measure.id}_high": high}
    return out


def read_from(source: Path) -> Study:
    """A study from its folder, or from its archive; no model is loaded.

    Raises:
        UserError: there is none, it is damaged, or a newer program wrote it.
    """
    from tl_core.analysis.read_study import read_study

    return Study(read_study(source), source)


def run_opened(session: Any, *, progress: bool) -> Study:
    """Run a session to its end, or until it is stopped."""
    from tl_core.running.display import display_here
    from tl_core.running.session import run_session

    try:
        run_session(session, display=display_here() if progress else None)
    except KeyboardInterrupt:
        if not _is_interactive():
            print(
                f"Stopped. What is finished is kept in {session.store.folder}; the same call goes"
                " on from there.",
                file=sys.stderr,
            )
            raise
        print("Stopped. What is finished is kept; the same call, or run(study), continues.")
    return read_from(session.store.folder)


def _agreed(question: str) -> bool:
    """Whether the person who is asked says yes; where there is none to ask, the answer is no."""
    if not _is_interactive():
        return False
    try:
        answer = input(f"{question} {say('Go on? [y/N]')} ")
    except (EOFError, RuntimeError):  # a notebook that is run without a person before it
        return False
    return answer.strip().lower() in ("y", "yes")


def _is_interactive() -> bool:
    """Whether the session is interactive: a notebook, or Python's prompt."""
    return hasattr(sys, "ps1") or bool(sys.flags.interactive)
