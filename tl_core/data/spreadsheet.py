"""Text for a spreadsheet that may take it for a formula."""

from __future__ import annotations

import re

AFTER_A_CUT = re.compile(
    r"""([;\t]["'\s]*)(?=[=@]|[+-][\w.(@])"""
)  # not before ;-) which begins no formula
FORMULA = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
)  # a spreadsheet takes a cell that begins so for a formula


def harmless(cell: str) -> str:
    """The cell as a spreadsheet takes it for text and never for a formula, also one that cuts lines
    at semicolons or tabs.
    """
    cell = AFTER_A_CUT.sub(r"\1'", cell)
    return f"'{cell}" if cell.startswith(FORMULA) else cell
