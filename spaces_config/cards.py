"""Front matter: the YAML block at the top of a Space's README, written, read and checked.

The Hub refuses a push for some of these faults and runs something else than meant for others.
Source: Hugging Face Hub documentation, "Spaces Configuration Reference" (2026).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml
from packaging.version import InvalidVersion, Version

from spaces_config import requirements as reqs
from tl_core.api.errors import unknown

FIELDS: dict[str, tuple[type, ...]] = {
    "title": (str,),
    "emoji": (str,),
    "colorFrom": (str,),
    "colorTo": (str,),
    "sdk": (str,),
    "sdk_version": (str,),
    "python_version": (str,),
    "app_file": (str,),
    "app_port": (int,),
    "base_path": (str,),
    "suggested_hardware": (str,),
    "suggested_storage": (str,),
    "header": (str,),
    "fullWidth": (bool,),
    "short_description": (str,),
    "models": (list,),
    "datasets": (list,),
    "tags": (list,),
    "thumbnail": (str,),
    "pinned": (bool,),
    "hf_oauth": (bool,),
    "hf_oauth_scopes": (list,),
    "hf_oauth_expiration_minutes": (int,),
    "hf_oauth_authorized_org": (str, list),
    "disable_embedding": (bool,),
    "startup_duration_timeout": (str,),
    "custom_headers": (dict,),
    "preload_from_hub": (list,),
    "license": (str, list),
}
COLORS = ("red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray")
CHOICES: dict[str, tuple[str, ...]] = {
    "colorFrom": COLORS,
    "colorTo": COLORS,
    "sdk": ("gradio", "docker", "static"),
    "header": ("mini", "default"),
    "suggested_hardware": (
        *(
            "cpu-basic",
            "cpu-upgrade",
            "t4-small",
            "t4-medium",
            "l4x1",
            "l4x4",
            "l40sx1",
            "l40sx4",
            "l40sx8",
        ),
        *(
            "a10g-small",
            "a10g-large",
            "a10g-largex2",
            "a10g-largex4",
            "a100-large",
            "a100x4",
            "a100x8",
        ),
    ),
}
HEADERS = (
    "cross-origin-embedder-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
)
_KIND = {
    str: "a text",
    int: "a whole number",
    bool: "true or false",
    list: "a list",
    dict: "names with values",
}
_BLOCK = re.compile(r"\A---[ \t]*\r?\n(.*?)^---[ \t]*\r?\n?", re.DOTALL | re.MULTILINE)


def front_matter(card: dict[str, Any]) -> str:
    """The card as a YAML block with its two rules, fields in the order of `card`."""
    body = yaml.safe_dump(card, allow_unicode=True, sort_keys=False, width=10_000)
    return f"---\n{body}---\n"


def split(readme: str) -> tuple[dict[str, Any] | None, str]:
    """The front matter of a README and the text below it; (None, the whole text) when it has
    none.
    """
    block = _BLOCK.match(readme)
    try:
        card = yaml.safe_load(block[1]) if block else None
    except yaml.YAMLError:  # two horizontal rules, not front matter
        card = None
    if block and isinstance(card, dict):
        return card, readme[block.end() :].lstrip("\r\n")
    return None, readme


def problems(card: dict[str, Any], requirements: str | None = None) -> list[str]:
    """Return what is wrong with a card, a sentence each; empty when nothing is.

    Args:
        card: the front matter as YAML gives it.
        requirements: text of the requirements.txt pushed with it; `sdk_version` has to lie in its
            gradio range.
    """
    faults: list[str] = [
        unknown("front matter field", str(name), FIELDS) for name in card if name not in FIELDS
    ]
    faults += [
        f"{name} is missing; a Space needs it." for name in ("title", "sdk") if name not in card
    ]
    typed = {
        name: value
        for name, value in card.items()
        if name in FIELDS and type(value) in FIELDS[name]
    }
    faults += [
        _wrong_type(name, card[name]) for name in card if name in FIELDS and name not in typed
    ]
    faults += _wrong_values(typed)
    faults += _wrong_sdk(typed, card)
    if requirements is not None and card.get("sdk") == "gradio":
        faults += _outside_range(typed.get("sdk_version", ""), requirements)
    return faults


def _wrong_type(name: str, value: Any) -> str:
    kinds = " or ".join(_KIND[kind] for kind in FIELDS[name])
    if FIELDS[name] == (str,) and type(value) in (int, float):
        return (
            f"{name} is the number {value}: YAML reads 3.10 without quotes as 3.1. Write it in"
            " quotes."
        )
    return f"{name} is {value!r}, but has to be {kinds}."


def _wrong_values(card: dict[str, Any]) -> Iterator[str]:
    for name in [name for name in CHOICES if name in card]:
        if card[name] == "zero-a10g":
            yield (
                "suggested_hardware has no value for ZeroGPU. Remove it and choose ZeroGPU when the"
                " Space is created."
            )
        elif card[name] not in CHOICES[name]:
            yield f"{name} is {card[name]!r}, but has to be one of {', '.join(CHOICES[name])}."
    if (length := len(card.get("short_description", ""))) > 60:
        yield (
            f"short_description has {length} characters, but the Hub refuses more than 60."
            " Shorten it."
        )
    if card.get("emoji", "🧪").isascii():
        yield f"emoji is {card['emoji']!r}, but has to be an emoji character."
    if not card.get("base_path", "/").startswith("/"):
        yield f"base_path is {card['base_path']!r}, but has to begin with a slash."
    if not re.fullmatch(r"\d+(\.\d+)?[smhd]?", card.get("startup_duration_timeout", "30m")):
        yield (
            f"startup_duration_timeout is {card['startup_duration_timeout']!r}, but has to be a"
            " time such as 30m."
        )
    if "suggested_storage" in card:
        yield (
            "suggested_storage no longer has any effect. Remove it and attach a storage bucket to"
            " the Space."
        )
    for name in card.get("custom_headers", ()):
        if str(name).lower() not in HEADERS:
            yield f"custom_headers names {name!r}, but only {', '.join(HEADERS)} are allowed."
    for name, value in card.items():
        if isinstance(value, list) and not all(isinstance(item, str) for item in value):
            yield f"{name} is {value!r}, but every entry of it has to be a text."


def _wrong_sdk(card: dict[str, Any], given: dict[str, Any]) -> Iterator[str]:
    """Fields that need one sdk or another. `given` also holds those whose type was wrong: they are
    not missing.
    """
    sdk = card.get("sdk")
    if "app_port" in card and sdk != "docker":
        yield f"app_port is only read when sdk is docker, but sdk is {sdk}. Remove it."
    if sdk == "gradio":
        if "sdk_version" not in given:
            yield (
                "sdk_version is missing, so the Hub would choose one. Write the version of Gradio"
                " that was tested."
            )
        if "python_version" not in given:
            yield (
                "python_version is missing, and a Space without it runs Python 3.10, which is too"
                " old. Write '3.12'."
            )
    if not re.fullmatch(r"3\.\d+(\.\d+)?", card.get("python_version", "3.12")):
        yield f"python_version is {card['python_version']!r}, but has to be 3.x or 3.x.x."
    if not _version(card.get("sdk_version", "6.31.0")):
        yield f"sdk_version is {card['sdk_version']!r}, which is not a version number."


def _outside_range(sdk_version: str, requirements: str) -> list[str]:
    gradio, version = reqs.read(requirements).get("gradio"), _version(sdk_version)
    if not version or not gradio or gradio.specifier.contains(version):
        return []  # what is missing is reported elsewhere
    return [
        f"sdk_version {sdk_version} is not what requirements.txt asks for, {gradio}. Make them"
        " agree."
    ]


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None
