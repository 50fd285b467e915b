"""Forms made from the lines in which settings are declared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from tl_core.params import declared


@dataclass(frozen=True)
class Form:
    """Declared settings: a group to show or hide, and a field by the setting's name."""

    params: type
    group: gr.Group
    fields: dict[str, Any]


def settings_form(params: type, *, visible: bool, own: Mapping[str, Any] | None = None, elem_id: str | None = None) -> Form:
    """Draw a field for each declared setting, its default filled in.

    Args:
        own: what the fields of some settings are drawn with instead of what is declared: a label, choices.
    """
    with gr.Group(visible=visible, elem_classes="tl-settings", elem_id=elem_id) as group:
        fields = {s["name"]: _field(s, (own or {}).get(s["name"], {})) for s in declared(params)}
    return Form(params, group, fields)


def changed(form: Form, values: dict) -> dict[str, Any]:
    """The settings that differ from their defaults; `tl_core.params.build` checks them."""
    defaults = {s["name"]: s["default"] for s in declared(form.params)}
    given = {name: values[field] for name, field in form.fields.items()}
    return {name: value for name, value in given.items() if value is not None and value != defaults[name]}


def _field(setting: dict[str, Any], own: Mapping[str, Any]) -> Any:
    name, default, kind = setting["name"], setting["default"], setting["type"]
    said = {"label": name.replace("_", " "), "info": setting["help"] + _bounds(setting), "interactive": True, **own}
    if kind == "bool":
        return gr.Checkbox(default, **said)
    if "choices" in own or setting["choices"]:
        return gr.Dropdown(value=default, **{"choices": list(setting["choices"]), **said})
    if kind in ("int", "float"):
        return gr.Number(default, precision=0 if kind == "int" else None, **said)
    return gr.Textbox(str(default), lines=1, **said)


def _bounds(setting: dict[str, Any]) -> str:
    low, high = setting["low"], setting["high"]
    if low is None and high is None:
        return ""
    return f" ({_number(low)} – {_number(high)})" if None not in (low, high) else f" (≥ {_number(low)})" if high is None else f" (≤ {_number(high)})"


def _number(value: float) -> str:
    return f"{int(value):,}" if float(value).is_integer() else f"{value:g}"
