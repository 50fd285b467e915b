"""Theme of the page: system fonts (with Korean ones), one accent colour, light and dark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from tl_core.report.html_helpers import SAVING
from tl_core.report.verdict import STYLE

CSS = Path(__file__).with_suffix(".css").read_text(encoding="utf-8") + STYLE
FONTS = [
    "system-ui",
    "-apple-system",
    "Segoe UI",
    "Apple SD Gothic Neo",
    "Malgun Gothic",
    "Noto Sans KR",
    "Noto Sans CJK KR",
    "NanumGothic",
    "sans-serif",
]
MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]

ICON = (
    "%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E"
    "%3Crect width='32' height='32' rx='7' fill='%230f766e'/%3E"
    "%3Cpath d='M7 23 L13 14 L18 18 L25 8' stroke='white' stroke-width='3.2'"
    " fill='none' stroke-linecap='round' stroke-linejoin='round'/%3E%3C/svg%3E"
)
HEAD = (
    f"""
<link rel="icon" href="data:image/svg+xml,{ICON}">
<meta name="viewport" content="width=device-width, initial-scale=1">
"""
    # where a browser keeps nothing, what is kept lasts as long as the page: Gradio itself would
    # otherwise not start
    + "<script>try { localStorage.length; } catch (e) { const kept = new Map(), storage = {"
    " get length() { return kept.size; }, key: i => [...kept.keys()][i] ?? null,"
    " getItem: k => kept.get(String(k)) ?? null,"
    " setItem: (k, v) => { kept.set(String(k), String(v)); },"
    " removeItem: k => { kept.delete(String(k)); }, clear: () => kept.clear() };"
    " Object.defineProperty(window, 'localStorage', {value: storage, configurable: true});"
    " }</script>"
    + f"<script>{SAVING}</script>"
    # what is there in every language shows one of them before anything was asked
    + "<script>{ let kept = null; try { kept = localStorage.getItem('tl-lang'); } catch (e) {}"
    " document.documentElement.lang = kept || (navigator.languages.find(l => /^(ko|en)/i.test(l))"
    " || 'en').slice(0, 2).toLowerCase(); }</script>"
)


def theme() -> Any:
    """Gradio's default theme in slate and teal, with darker small print than it comes with."""
    made = gr.themes.Default(
        primary_hue="teal",
        secondary_hue="teal",
        neutral_hue="slate",
        font=FONTS,
        font_mono=MONO,
        radius_size="lg",
        text_size="md",
    )
    return made.set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        body_text_color="*neutral_800",
        body_text_color_dark="*neutral_100",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        block_background_fill="white",
        block_background_fill_dark="*neutral_900",
        block_label_text_color="*neutral_700",
        block_label_text_color_dark="*neutral_200",
        block_title_text_color="*neutral_800",
        block_title_text_color_dark="*neutral_100",
        block_title_text_weight="600",
        block_info_text_size="14px",
        block_label_text_size="14px",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_300",
        block_border_width="1px",
        block_shadow="none",
        border_color_primary="*neutral_200",
        border_color_primary_dark="*neutral_700",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_800",
        button_primary_text_color="white",
        button_primary_text_color_dark="white",
        button_secondary_background_fill="white",
        button_secondary_background_fill_hover="*neutral_100",
        button_secondary_background_fill_dark="*neutral_800",
        button_secondary_background_fill_hover_dark="*neutral_700",
        button_secondary_border_color="*neutral_300",
        button_secondary_border_color_dark="*neutral_600",
        button_cancel_background_fill="white",
        button_cancel_background_fill_hover="*neutral_100",
        button_cancel_background_fill_dark="*neutral_800",
        button_cancel_background_fill_hover_dark="*neutral_700",
        button_cancel_text_color="#b91c1c",
        button_cancel_text_color_dark="#fca5a5",
        button_cancel_border_color="#b91c1c",
        button_cancel_border_color_dark="#fca5a5",
        button_border_width="1px",
        button_large_radius="10px",
        checkbox_background_color_selected="*primary_700",
        checkbox_background_color_selected_dark="*primary_500",
        checkbox_border_color="*neutral_500",
        checkbox_border_color_dark="*neutral_400",
        checkbox_border_color_selected="*primary_700",
        checkbox_label_background_fill="white",
        checkbox_label_background_fill_dark="*neutral_800",
        checkbox_label_background_fill_selected="*primary_50",
        checkbox_label_background_fill_selected_dark="*primary_900",
        checkbox_label_text_color_selected="*neutral_900",
        checkbox_label_text_color_selected_dark="white",
        slider_color="*primary_700",
        slider_color_dark="*primary_500",
        link_text_color="*primary_700",
        link_text_color_dark="*primary_300",
    )
