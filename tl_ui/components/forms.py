"""Forms made from the lines in which settings are declared.

A form is one piece of HTML with the browser's own fields. Strategies have more than a hundred
settings between them; a component of Gradio's for each would be set up at every visit and gone
through at every answer, for a form few open.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from tl_core.api.params import declared
from tl_core.api.sentences import in_language
from tl_ui.components.html import escaped

# What is written into the fields is kept in the value alongside the form, so that whatever reads
# the value has it. A form that is drawn again while somebody writes leaves what they wrote; another
# form begins with its defaults.
_JS = r"""
let {of, given} = props.value;
const put = () => {
  for (const field of element.querySelectorAll('[data-setting]')) {
    const said = given[field.dataset.setting] ?? field.dataset.otherwise;
    if (field.type === 'checkbox') field.checked = said === 'true';
    else if (field.value !== said) field.value = said;
  }
};
put();
watch('value', () => {
  if (String(of) !== String(props.value.of)) ({of, given} = props.value);
  else if (props.value.given !== given) props.value = {...props.value, given};
  put();
});
element.addEventListener('input', event => {
  const field = event.target.closest('[data-setting]');
  if (!field) return;
  const now = field.type === 'checkbox' ? String(field.checked) : field.value;
  given = {...given, [field.dataset.setting]: now};
  props.value = {...props.value, given};
});
"""


@dataclass(frozen=True)
class Section:
    """The declared settings of a class, as part of a form."""

    params: type
    id: str  # of the element
    head: str = ""
    before: str = ""  # is before the names of the settings in what is given
    said: Mapping[str, tuple[str, str]] = field(
        default_factory=dict
    )  # label and help of some settings, instead of what is declared
    without: Collection[str] = ()
    lang: str = "en"

    @property
    def settings(self) -> list[dict[str, Any]]:
        """Return the declared settings, less those in `without`."""
        return [s for s in declared(self.params) if s["name"] not in self.without]


def form_view(sections: Sequence[Section], **more: Any) -> gr.HTML:
    """A place for a form, its defaults filled in."""
    return gr.HTML(form(sections), html_template="${value.form}", js_on_load=_JS, **more)


def form(sections: Sequence[Section]) -> dict[str, Any]:
    """Return the value of a `form_view`: the form, what it is of, and what was written into it,
    which is nothing yet.
    """
    return {"form": "".join(map(_section_html, sections)), "of": _of(sections), "given": {}}


def changed(sections: Sequence[Section], value: Any) -> dict[str, str]:
    """The settings in which a form differs from the defaults, as written;
    `tl_core.api.params.build` reads and checks them.
    """
    given = _given(value, _of(sections))
    asked = {
        f"{section.before}{s['name']}": s["default"]
        for section in sections
        for s in section.settings
    }
    return {
        name: given[name]
        for name, default in asked.items()
        if name in given and not _same(given[name], default)
    }


def _of(sections: Sequence[Section]) -> list[str]:
    return [section.id for section in sections]


def _given(value: Any, of: list[str]) -> dict[str, str]:
    """Return what a visitor's browser says was written; it may say anything, and nothing about
    another form counts.
    """
    given = value.get("given") if isinstance(value, dict) and value.get("of") == of else None
    return {str(name): str(said) for name, said in given.items()} if isinstance(given, dict) else {}


def _same(written: str, default: Any) -> bool:
    """An emptied number is its default; an emptied text is empty."""
    if isinstance(default, int | float) and not isinstance(default, bool):
        try:
            return not written.strip() or math.isclose(float(written), default, rel_tol=1e-12)
        except ValueError:
            return False
    return written == _text(default)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _section_html(section: Section) -> str:
    head = f"<h4 class='tl-group'>{escaped(section.head)}</h4>" if section.head else ""
    return (
        f"{head}<div class='tl-fields'"
        f" id='{section.id}'>{''.join(_field_html(section, s) for s in section.settings)}</div>"
    )


def _field_html(section: Section, setting: dict[str, Any]) -> str:
    name, default, kind = setting["name"], setting["default"], setting["type"]
    label, help = section.said.get(
        name,
        (name.replace("_", " "), in_language(setting["help"], section.lang) + _bounds(setting)),
    )
    id = f"{section.id}-{name}"
    marks = (
        f"id='{id}' data-setting='{section.before}{name}'"
        f" data-otherwise='{escaped(_text(default))}' aria-describedby='{id}-help'"
    )
    if kind == "bool":
        inside = f"<input type='checkbox' {marks}>"
    elif setting["choices"]:
        inside = (
            "<select"
            f" {marks}>"
            f"{''.join(f'<option>{escaped(choice)}</option>' for choice in setting['choices'])}"
            "</select>"
        )
    elif kind in ("int", "float"):
        ends = "".join(
            f" {end}='{setting[key]:g}'"
            for end, key in (("min", "low"), ("max", "high"))
            if setting[key] is not None
        )
        inside = (
            f"<input type='number' inputmode='decimal' step='{1 if kind == 'int' else 'any'}'{ends}"
            f" {marks}>"
        )
    else:
        inside = f"<input type='text' {marks}>"
    return (
        f"<div class='tl-field'><label for='{id}'>{escaped(label)}</label><small"
        f" id='{id}-help'>{escaped(help)}</small>{inside}</div>"
    )


def _bounds(setting: dict[str, Any]) -> str:
    low, high = setting["low"], setting["high"]
    if low is None and high is None:
        return ""
    return (
        f" ({_number(low)} – {_number(high)})"
        if None not in (low, high)
        else f" (≥ {_number(low)})"
        if high is None
        else f" (≤ {_number(high)})"
    )


def _number(value: float) -> str:
    return f"{int(value):,}" if float(value).is_integer() else f"{value:g}"
