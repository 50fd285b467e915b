"""The terminal in Korean: help of every command, faults of options, and what commands print."""

from __future__ import annotations

import json
import re

import pytest

from tl_core import cli
from tl_core.api.plugins import found

COMMANDS = tuple(found("tl_core.commands", "COMMAND"))
HANGUL = re.compile("[가-힣]")
ENGLISH = re.compile(r"[A-Za-z][a-z’'-]+(?: [a-z][a-z’'-]*){2,}")
EXAMPLE = "The cat is on the [MASK]."  # what a person types


def said(capfd, *arguments: str, code: int = cli.DONE) -> str:
    """All that a command says in Korean."""
    try:
        ended = cli.main(["--language", "ko", *arguments])
    except SystemExit as end:  # argparse's help and faults
        ended = end.code
    out, err = capfd.readouterr()
    assert ended == code, err
    return out + err


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_is_korean(capfd, command):
    text = said(capfd, command, "--help")
    usage, description, *_ = text.split("\n\n")
    assert usage.startswith("사용법: ") and HANGUL.search(description)
    assert not ENGLISH.findall(" ".join(text.split()).replace(EXAMPLE, ""))


def test_the_list_of_commands_is_korean(capfd):
    text = said(capfd, "--help")
    assert not ENGLISH.findall(text)
    for command in COMMANDS:
        after = text.split(f"\n    {command}", 1)[1]
        assert HANGUL.search("\n".join(after.splitlines()[:2])), command


@pytest.mark.parametrize(
    "arguments",
    [
        ("compare", "--nothing"),
        ("power", "--rows", "many"),
        ("power",),
        ("list", "nothing"),
        ("page", "--port", "0"),
        ("report", "x", "--margin", "0"),
    ],
)
def test_faults_of_options_are_korean(capfd, arguments):
    text = said(capfd, *arguments, code=2)
    assert "오류: " in text and not ENGLISH.findall(text)


@pytest.mark.parametrize(
    "arguments",
    [
        ("list", "plugins"),
        ("power", "--rows", "200"),
        ("power", "--rows", "10", "--seeds", "1"),
    ],
)
def test_what_commands_print_is_korean(capfd, arguments):
    text = said(capfd, *arguments)
    assert HANGUL.search(text) and not ENGLISH.findall(text)


def test_json_is_the_same_in_every_language(capfd):
    korean = said(capfd, "list", "strategies", "--json")
    assert cli.main(["list", "strategies", "--json", "--language", "en"]) == cli.DONE
    assert json.loads(capfd.readouterr().out) == json.loads(korean)


def test_english_help_stays_english(capfd):
    with pytest.raises(SystemExit):
        cli.main(["compare", "--help", "--language", "en"])
    out = capfd.readouterr().out
    assert out.startswith("usage: ") and not HANGUL.search(out)
