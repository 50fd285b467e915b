"""For scripts that a report of an earlier version wrote: they import from here."""

from __future__ import annotations

from tl_core.analysis.decision import Decision
from tl_core.running.display import TerminalDisplay
from tl_core.running.session import Session, open_again
from tl_core.running.session import run_session as run

__all__ = ["open_again", "run_session"]


def run_session(session: Session, *, quiet: bool) -> Decision:
    """As `tl_core.running.session.run_session`, with a live display unless it is to be quiet."""
    return run(session, display=None if quiet else TerminalDisplay)
