"""Tab About: what the strategies are, how the numbers are computed, what is stored where and how to
delete it.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import platform
from typing import Any

import gradio as gr

import tl_core
from tl_core.strategies import strategies
from tl_ui.components.html import duration, escaped, strategy_about, strategy_title, table_html
from tl_ui.lab import Lab
from tl_ui.state.datasets import FIRST, FIRST_IN, SAMPLE
from tl_ui.words import ABOUT, t, word

PACKAGES = ("gradio", "torch", "transformers", "sentence-transformers", "scikit-learn", "numpy")


@dataclasses.dataclass(frozen=True)
class Tab:
    """The about tab."""

    id: str = "about"
    order: int = 60
    title: str = "tab_about"

    def build(self, lab: Lab) -> None:
        """Draw the tab and wire it."""
        notice = gr.HTML(elem_classes="tl-notices", elem_id="about-notice")
        for draw in (strategies_html, numbers_html, lambda lang: kept_html(lab, lang)):
            lab.in_language(gr.HTML(draw("en"), elem_classes="tl-prose"), draw)
        with gr.Row(elem_classes="tl-actions"):
            upload = gr.Button(
                word("delete_upload"), variant="stop", elem_id="delete-upload", min_width=200
            )
        lab.in_language(
            gr.HTML(versions_html(lab, "en"), elem_classes="tl-prose"),
            lambda lang: versions_html(lab, lang),
        )
        _wire(lab, upload, notice)


def _wire(lab: Lab, upload: gr.Button, notice: gr.HTML) -> None:
    def delete_upload(values: dict) -> dict:
        if values[lab.dataset_id].startswith(SAMPLE):
            gr.Info(t(values[lab.lang], "nothing_to_delete"))
            return {}
        lab.datasets.forget(values[lab.dataset_id])
        gr.Info(t(values[lab.lang], "deleted_upload"))
        return {lab.dataset_id: FIRST_IN.get(values[lab.lang], FIRST)}

    lab.on(upload.click, delete_upload, [lab.dataset_id], [lab.dataset_id], notice)


def strategies_html(lang: str) -> str:
    """Every strategy with its sentence."""
    rows = [
        (
            f"<b>{escaped(strategy_title(s, lang))}</b><br><code>{escaped(s.id)}</code>",
            escaped(strategy_about(s, lang)),
            escaped(_needs(s, lang)),
        )
        for s in strategies().values()
    ]
    head = [t(lang, "strategy"), t(lang, "what_it_does"), t(lang, "what_it_needs")]
    return (
        f"<h2>{escaped(t(lang, 'about_strategies'))}</h2><p>"
        f"{escaped(t(lang, 'about_strategies_text'))}</p>"
        + table_html(t(lang, "about_strategies"), head, rows)
    )


def _needs(strategy: Any, lang: str) -> str:
    return t(lang, "needs_" + strategy.needs.replace(" ", "_"))


def numbers_html(lang: str) -> str:
    """Explain how every number on the page is made, with sources."""
    items = "".join(
        f"<dt>{escaped(term.to(lang))}</dt><dd>{escaped(text.to(lang))}</dd>"
        for term, text in ABOUT
    )
    return f"<h2>{escaped(t(lang, 'about_numbers'))}</h2><dl class='tl-terms'>{items}</dl>"


def kept_html(lab: Lab, lang: str) -> str:
    """Explain what is stored, for how long, who can see it."""
    profile = lab.profile
    lines = [
        t(lang, "kept_where"),
        t(lang, "kept_link"),
        t(lang, "kept_days", days=f"{profile.keep_studies_days:,}"),
        t(lang, "kept_browser"),
        t(lang, "kept_delete"),
    ]
    limits = t(
        lang,
        "limits_here",
        place=t(lang, f"place_{profile.name}"),
        mb=profile.max_upload_mb,
        rows=f"{profile.max_rows:,}",
        test=f"{profile.max_test_rows:,}",
        time=duration(profile.max_study_seconds, lang),
        queue=profile.max_queue,
    )
    listed = "".join(f"<li>{escaped(x)}</li>" for x in lines)
    return (
        f"<h2>{escaped(t(lang, 'about_kept'))}</h2><ul>{listed}</ul><h2>"
        f"{escaped(t(lang, 'about_limits'))}</h2><p>{escaped(limits)}</p>"
    )


def versions_html(lab: Lab, lang: str) -> str:
    """List the versions of what runs here."""
    found = [
        ("Transfer Lab", tl_core.__version__),
        ("Python", platform.python_version()),
        *((p, _version(p)) for p in PACKAGES),
    ]
    return (
        f"<h2>{escaped(t(lang, 'about_versions'))}</h2><p"
        " class='tl-fine'>"
        f"{escaped(' · '.join(f'{name} {version}' for name, version in found if version))}</p>"
    )


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


TAB = Tab()
