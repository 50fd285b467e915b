"""Help and faults of options in the reader's language: sentences are ours, or argparse's own.

argparse says its words through `gettext`, so it finds ours where `gettext` is pointed at them.
"""

from __future__ import annotations

import argparse
import contextlib
import gettext
import os
from collections.abc import Iterator

from tl_core.api.sentences import DOMAIN, LOCALE, in_language, say, say_n
from tl_core.commands import language
from tl_core.words.columns import wrapped

# what argparse says, in all versions of Python that we support, as it is in its own code
OF_ARGPARSE = (
    say("usage: "),
    say("positional arguments"),
    say("options"),
    say("show this help message and exit"),
    say("show program's version number and exit"),
    say("%(prog)s: error: %(message)s\n"),
    say("argument %(argument_name)s: %(message)s"),
    say("the following arguments are required: %s"),
    say("one of the arguments %s is required"),
    say("not allowed with argument %s"),
    say("unrecognized arguments: %s"),
    say("expected one argument"),
    say("expected at most one argument"),
    say("expected at least one argument"),
    say_n("expected %s argument", "expected %s arguments", 2),
    say("ignored explicit argument %r"),
    say("ambiguous option: %(option)s could match %(matches)s"),
    say("invalid %(type)s value: %(value)r"),
    say("invalid choice: %(value)r (choose from %(choices)s)"),
)
LANGUAGE = "LANGUAGE"  # the variable that `gettext` reads first


@contextlib.contextmanager
def argparse_speaks(chosen: str) -> Iterator[None]:
    """Let argparse find its words in a language, and leave `gettext` as it was."""
    domain, folder = gettext.textdomain(), gettext.bindtextdomain(DOMAIN)
    before = os.environ.get(LANGUAGE)
    gettext.bindtextdomain(DOMAIN, str(LOCALE))
    gettext.textdomain(DOMAIN)
    os.environ[LANGUAGE] = chosen
    try:
        yield
    finally:
        gettext.bindtextdomain(DOMAIN, folder)
        gettext.textdomain(domain)
        if before is None:
            del os.environ[LANGUAGE]
        else:
            os.environ[LANGUAGE] = before


class Help(argparse.HelpFormatter):
    """Help whose sentences are in the reader's language, in columns of a terminal: a Korean
    syllable takes two.
    """

    def start_section(self, heading: str | None) -> None:
        """Begin a group of options."""
        super().start_section(heading and in_language(heading, language.get()))

    def add_text(self, text: str | None) -> None:
        """Add a description."""
        super().add_text(text and in_language(text, language.get()))

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help and in_language(action.help, language.get())

    def _split_lines(self, text: str, width: int) -> list[str]:
        return wrapped(" ".join(text.split()), width)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        lines = wrapped(" ".join(text.split()), width - len(indent))
        return "\n".join(indent + line for line in lines)
