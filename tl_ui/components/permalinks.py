"""A view as it is, as a link: the address holds what was asked, and the page opened there asks
it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import gradio as gr

from tl_ui.components.html import escaped, safe
from tl_ui.words import t

VIEW = "look"  # names the view in an address
MOST_CHARACTERS = (
    6_000  # of an address; a proxy between a browser and this page may refuse longer ones
)


def link_html(view: str, asked: Mapping[str, Any], lang: str, *, study: str = "") -> str:
    """A link that opens the page at this view with these values.

    Args:
        asked: by name, what `linked` gives back; what is empty is left out.
        study: the open study, where what is shown comes from it.
    """
    told = {VIEW: view, "study": study, **asked}
    address = "?" + urlencode(
        {name: safe(value) for name, value in told.items() if value not in ("", None)}
    )
    if len(address) > MOST_CHARACTERS:
        return f"<p class='tl-fine'>{escaped(t(lang, 'link_too_long'))}</p>"
    return (
        f"<p class='tl-fine'><a href='{escaped(address)}' target='_blank'"
        f" rel='noopener'>{escaped(t(lang, 'link'))}</a></p>"
    )


def link_of(
    view: str, named: Mapping[str, Any], values: Mapping[Any, Any], lang: str, *, study: str = ""
) -> str:
    """The link to what a form says.

    Args:
        named: components by their name in the address.
        values: by component.
    """
    return link_html(
        view, {name: values[component] for name, component in named.items()}, lang, study=study
    )


def view_of(request: gr.Request) -> str:
    """The view that the address of the page asks for; "" for none."""
    return str(request.query_params.get(VIEW) or "")


def linked(request: gr.Request, view: str, form: Mapping[str, Any]) -> dict[Any, str]:
    """Return the form's values in the address, by component; nothing when it is about another view.

    Args:
        form: components by their name in the address.
    """
    if view_of(request) != view:
        return {}
    given = {component: request.query_params.get(name) for name, component in form.items()}
    return {component: str(value) for component, value in given.items() if value}
