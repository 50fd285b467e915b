"""Write the report of a stored study again, with other prices or in another language."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from tl_core.commands import shown


@dataclass(frozen=True)
class _Command:
    id: str = "report"
    order: int = 32
    help: str = "write the report of a study again and say what it advises"

    def add(self, command: argparse.ArgumentParser) -> None:
        """Its options."""
        command.add_argument("folder", type=Path, metavar="DIR", help="folder of a study")
        command.add_argument("--out", type=Path, metavar="FILE", help="where to write it (default: report.html in DIR)")
        command.add_argument("--language", choices=("en", "ko"), default="en", help="of the report and the advice (default: en)")
        command.add_argument("--label-price", type=float, metavar="X", help="what one label costs; without it cost is told in labels and seconds")
        command.add_argument("--hour-price", type=float, metavar="X", help="what an hour of the machine costs, in the same currency")
        command.add_argument("--texts", type=float, metavar="N", help="texts to label in a month")
        command.add_argument("--margin", type=_share, metavar="POINTS", help="how many points less are as good: a cheaper arm shown to lose less is advised, and fewer labels that lose less are called enough (3)")
        command.add_argument("--json", action="store_true", help="print the decision as JSON, as in study.json")

    def run(self, a: argparse.Namespace) -> None:
        """Read the folder, write the page, print the advice. No model is loaded."""
        from tl_core.commands._advice import print_advice
        from tl_core.experiments.decision import Prices, decide
        from tl_core.experiments.decision.plain import plain
        from tl_core.experiments.store import told
        from tl_core.experiments.stored import read_study
        from tl_core.models.chat_endpoint import token_price
        from tl_core.report.html import report_html

        prices = Prices(a.label_price, a.hour_price, a.texts, token_price())
        stored = read_study(a.folder)
        if stored.note:
            print(f"note     {shown(stored.note)}", file=sys.stderr)
        decision = decide(stored.plan, stored.results, stored.comparison, prices, margin=a.margin)
        page = report_html(stored.plan, stored.results, stored.comparison, context=stored.context, language=a.language, decision=decision, parts=stored.parts, topics=stored.topics)
        if a.out:
            with told(a.out):
                a.out.write_bytes(page.encode("utf-8"))
        else:
            stored.store.write_bytes("report.html", page.encode("utf-8"))
        if a.json:
            print(json.dumps(plain(decision), ensure_ascii=False, allow_nan=False, indent=1))
        else:
            print_advice(decision, a.language)
            print(f"\n{REPORT[a.language]}: {a.out or a.folder / 'report.html'}")


REPORT = {"en": "Report", "ko": "보고서"}


def _share(points: str) -> float:
    """A margin in points as a share."""
    try:
        share = float(points.replace(",", ".")) / 100
    except ValueError:
        share = 0.0
    if not 0 < share <= 0.5:
        raise argparse.ArgumentTypeError(f"{points!r} is no number of points above 0, and at most 50")
    return share


COMMAND = _Command()
