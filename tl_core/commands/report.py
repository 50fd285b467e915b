"""Write the report of a stored study again, with other prices or in another language."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.commands import language, note, shown


@dataclass(frozen=True)
class _Command:
    id: str = "report"
    order: int = 32
    help: str = say("write the report of a study again and say what it advises")

    def add(self, command: argparse.ArgumentParser) -> None:
        """Add its options."""
        command.add_argument("folder", type=Path, metavar="DIR", help=say("folder of a study"))
        command.add_argument(
            "--out",
            type=Path,
            metavar="FILE",
            help=say("where to write it (default: report.html in DIR)"),
        )
        command.add_argument(
            "--label-price",
            type=float,
            metavar="X",
            help=say("what one label costs; without it cost is given in labels and seconds"),
        )
        command.add_argument(
            "--hour-price",
            type=float,
            metavar="X",
            help=say("what one machine hour costs, in the same currency"),
        )
        command.add_argument(
            "--machine",
            metavar="NAME",
            help=say("a machine of `list machines`, for the price of its hour"),
        )
        command.add_argument(
            "--texts", type=float, metavar="N", help=say("texts to predict per month")
        )
        command.add_argument(
            "--margin",
            type=_share,
            metavar="POINTS",
            help=say(
                "margin in points: a cheaper arm shown to lose less than this is recommended, and"
                " fewer labels that lose less are called enough (default: 3)"
            ),
        )
        command.add_argument(
            "--json", action="store_true", help=say("print the decision as JSON, as in study.json")
        )

    def run(self, a: argparse.Namespace) -> None:
        """Read the folder, write the page, print the advice. No model is loaded."""
        from tl_core.analysis.decision import Prices, decide
        from tl_core.analysis.decision.as_json import plain
        from tl_core.analysis.decision.machines import machine_named
        from tl_core.analysis.read_study import read_study
        from tl_core.commands._advice import print_advice
        from tl_core.models.prompting.chat_endpoint import token_price
        from tl_core.report.html import report_html
        from tl_core.studies.store import file_errors_as_user_errors

        hour = a.hour_price
        if a.machine:
            if hour is not None:
                raise UserError(say("Give the price of an hour or a machine, and not both."))
            hour = machine_named(a.machine).price_hour
        prices = Prices(a.label_price, hour, a.texts, token_price())
        stored = read_study(a.folder)
        if stored.note:
            print(note(stored.note), file=sys.stderr)
        decision = decide(stored.plan, stored.results, stored.comparison, prices, margin=a.margin)
        page = report_html(
            stored.plan,
            stored.results,
            stored.comparison,
            context=stored.context,
            language=language.get(),
            decision=decision,
            parts=stored.parts,
            topics=stored.topics,
        )
        if a.out:
            with file_errors_as_user_errors(a.out):
                a.out.write_bytes(page.encode("utf-8"))
        else:
            stored.store.write_bytes("report.html", page.encode("utf-8"))
        if a.json:
            print(json.dumps(plain(decision), ensure_ascii=False, allow_nan=False, indent=1))
        else:
            print_advice(decision)
            print()
            print(shown(say("Report: {file}", file=a.out or a.folder / "report.html")))


def _share(points: str) -> float:
    """A margin in points as a share."""
    try:
        share = float(points.replace(",", ".")) / 100
    except ValueError:
        share = 0.0
    if not 0 < share <= 0.5:
        raise argparse.ArgumentTypeError(
            shown(say("{points!r} is no number of points above 0, and at most 50", points=points))
        )
    return share


COMMAND = _Command()
