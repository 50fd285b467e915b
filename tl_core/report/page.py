"""The HTML around the sections: policy, style, script, and the figures with what draws them."""

from __future__ import annotations

import base64
import gzip
import hashlib
import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tl_core.report.html_helpers import SAVING
from tl_core.report.study_report import Report
from tl_core.report.verdict import STYLE as VERDICT_STYLE

_STYLE = VERDICT_STYLE + Path(__file__).with_suffix(".css").read_text(encoding="utf-8")
_SCRIPT = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")


def page(r: Report, body: str, figures: Mapping[str, Any]) -> str:
    """The whole file."""
    script, library = _SCRIPT.strip(), plotly()
    scripts = f"'{_digest(script)}' '{_digest(SAVING)}' '{library.digest}'"
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:;"
        f" script-src {scripts}; base-uri 'none'; form-action 'none'"
    )
    drawn = json.dumps(
        {key: _plain(figure) for key, figure in figures.items()}, ensure_ascii=True, allow_nan=False
    ).replace("<", "\\u003c")
    data = (
        f"<script type='application/json' id='figures'>{drawn}</script><script"
        f" type='application/gzip' id='plotly'>{library.packed}</script>"
        if figures
        else ""
    )
    name = r.say("title", name=r.name)
    return (
        f"<!doctype html>\n<html lang='{r.language}'>\n<head>\n<meta charset='utf-8'>\n"
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        "<meta name='viewport' content='width=device-width, initial-scale=1'>\n<meta"
        " name='color-scheme' content='light dark'>\n"
        "<meta name='generator' content='Transfer"
        f" Lab'>\n<title>{name}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        "<header><p"
        f" class='kicker'>{r.say('kicker')}</p><h1>{name}</h1></header>\n"
        f"<main>\n{body}\n</main>\n{data}\n"
        + (f"<script>{script}</script>\n" if figures else "")
        + f"<script>{SAVING}</script>\n"
        + "</body>\n</html>\n"
    )


def _plain(figure: Any) -> dict[str, Any]:
    """Data and layout as JSON values; what is not finite is null."""
    made = json.loads(figure.to_json(engine="json"))
    return {"data": made["data"], "layout": made["layout"]}


@dataclass(frozen=True)
class _Packed:
    """plotly.js as it is in the page, and the digest by which it may run."""

    packed: str
    digest: str


@cache
def plotly() -> _Packed:
    """The plotly.js of the installed package, so that figures and script agree. 4.8 MB become 2."""
    found = importlib.util.find_spec("plotly")
    assert found is not None and found.submodule_search_locations  # it is required
    script = (
        Path(found.submodule_search_locations[0]) / "package_data" / "plotly.min.js"
    ).read_bytes()
    return _Packed(
        base64.b64encode(gzip.compress(script, mtime=0)).decode(), _digest(script.decode("utf-8"))
    )


def _digest(script: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode()
