"""The form of an arm's settings, made from the lines in which a strategy declares them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from tl_core.params import declared
from tl_core.strategies import strategies


@dataclass(frozen=True)
class Form:
    """The settings of one strategy: a group to show or hide, and a field by the setting's name."""

    strategy: str
    group: gr.Group
    fields: dict[str, Any]


def settings_form(strategy: str, *, visible: bool) -> Form:
    """Draw a field for each declared setting, its default filled in."""
    with gr.Group(visible=visible) as group:
        settings = declared(strategies()[strategy].Params)
        fields = {s["name"]: _field(s) for s in settings}
    return Form(strategy, group, fields)


def changed(form: Form, values: dict) -> dict[str, Any]:
    """The settings that differ from their defaults; `tl_core.params.build` checks them."""
    defaults = {s["name"]: s["default"] for s in declared(strategies()[form.strategy].Params)}
    given = {name: values[field] for name, field in form.fields.items()}
    return {name: value for name, value in given.items() if value is not None and value != defaults[name]}


def _field(setting: dict[str, Any]) -> Any:
    name, default, kind = setting["name"], setting["default"], setting["type"]
    said = {"label": name.replace("_", " "), "info": setting["help"] + _bounds(setting), "interactive": True}
    if kind == "bool":
        return gr.Checkbox(default, **said)
    if setting["choices"]:
        return gr.Dropdown(list(setting["choices"]), value=default, **said)
    if kind in ("int", "float"):
        return gr.Number(default, precision=0 if kind == "int" else None, **said)
    return gr.Textbox(str(default), lines=1, **said)


def _bounds(setting: dict[str, Any]) -> str:
    low, high = setting["low"], setting["high"]
    if low is None and high is None:
        return ""
    return f" ({low:g} – {high:g})" if None not in (low, high) else f" (≥ {low:g})" if high is None else f" (≤ {high:g})"
