"""How the page looks: system fonts (with Korean ones), one accent colour, light and dark."""

from __future__ import annotations

from typing import Any

import gradio as gr

from tl_core.report.pieces import SAVING

FONTS = ["system-ui", "-apple-system", "Segoe UI", "Apple SD Gothic Neo", "Malgun Gothic", "Noto Sans KR", "Noto Sans CJK KR", "NanumGothic", "sans-serif"]
MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]

HEAD = """
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Crect width='32' height='32' rx='7' fill='%230f766e'/%3E%3Cpath d='M7 23 L13 14 L18 18 L25 8' stroke='white' stroke-width='3.2' fill='none' stroke-linecap='round' stroke-linejoin='round'/%3E%3C/svg%3E">
<meta name="viewport" content="width=device-width, initial-scale=1">
""" + f"<script>{SAVING}</script>"


def theme() -> Any:
    """Gradio's default theme in slate and teal, with darker small print than it comes with."""
    made = gr.themes.Default(primary_hue="teal", secondary_hue="teal", neutral_hue="slate", font=FONTS, font_mono=MONO, radius_size="lg", text_size="md")
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


CSS = """
.gradio-container { max-width: none !important; padding: 0 !important; }
.gradio-container > .main { max-width: 1240px !important; margin-inline: auto !important; padding: 20px 24px 48px !important; width: 100%; }
.gradio-container main { padding: 0 0 28px !important; }
:root { --tl-accent: #0f766e; --tl-soft: #f0fdfa; --tl-warn: #b45309; --tl-warn-soft: #fffbeb; --tl-bad: #b91c1c; --tl-bad-soft: #fef2f2; --tl-heat: #f59e0b; }
.dark { --tl-accent: #2dd4bf; --tl-soft: #0b2b2a; --tl-warn: #fbbf24; --tl-warn-soft: #2b2109; --tl-bad: #fca5a5; --tl-bad-soft: #331416; --tl-heat: #b4540a; }
:focus-visible { outline: 3px solid var(--tl-accent) !important; outline-offset: 2px; }
input:focus-visible, textarea:focus-visible { outline-offset: 0; }

.tl-head { align-items: center; gap: 12px 24px; margin-bottom: 4px; flex-wrap: wrap; }
.tl-lede h1 { font-size: 1.55rem; letter-spacing: -0.02em; margin: 0; line-height: 1.2; }
.tl-lede p { margin: 4px 0 0; color: var(--body-text-color-subdued); font-size: 1rem; }
.tl-switches { flex-wrap: nowrap; flex: 0 0 auto !important; width: auto !important; min-width: 300px; align-items: center; justify-content: flex-end; gap: 10px; }
.tl-switches > * { flex: 0 0 auto !important; width: auto !important; }
#lang .wrap { flex-wrap: nowrap; gap: 6px; }
#lang label { padding: 5px 10px; white-space: nowrap; }
.tl-hidden { display: none !important; }

.tab-container button { font-size: 1rem; padding-inline: 16px; }
.tab-container button.selected { color: var(--tl-accent) !important; font-weight: 650; }
.tab-container button.selected::after { background: var(--tl-accent) !important; }
.tabitem { border: none !important; background: transparent !important; padding: 20px 0 0 !important; }

.tl-card, .tl-hero { background: var(--block-background-fill); border: 1px solid var(--border-color-primary); border-radius: 14px; padding: 20px 22px; }
.column.tl-card { gap: 14px; align-self: flex-start; }
section.tl-card { margin: 0 0 14px; }
.block:has(> .html-container), .block:has(> .prose), .block:has(> div > .prose) { border-width: 0 !important; background: transparent; padding: 0 !important; overflow: visible !important; }
.html-container { padding: 0 !important; }
.tl-card .block, .tl-card .form { border-width: 0 !important; background: transparent; box-shadow: none; overflow: visible !important; }
.tl-card .form { gap: 14px; }
.tl-card .block { padding: 0 !important; }
.tl-card .block:has(> .label-wrap) { border-width: 1px !important; border-radius: 10px; padding: 10px 14px !important; }
.tl-card .block:has(> .label-wrap) .block { padding: 4px 0 !important; }
.tl-arms { gap: 10px; }
.tl-hero { background: var(--tl-soft); border-color: color-mix(in srgb, var(--tl-accent) 26%, transparent); margin-bottom: 4px; align-items: center; }
.tl-hero h2 { margin: 0 0 6px; font-size: 1.3rem; letter-spacing: -0.01em; }
.tl-hero p { margin: 0; max-width: 64ch; line-height: 1.55; }
.tl-hero-act { gap: 8px; }
.tl-hero .block, .tl-hero .column, .tl-hero .form { background: transparent !important; border-width: 0 !important; }
.tl-card h3, .tl-card h2 { margin: 0; letter-spacing: -0.01em; }
.tl-card .prose h3, .prose h3 { margin: 0 0 2px; font-size: 1.12rem; }
.prose p { line-height: 1.55; }
.tl-fine, .tl-fine p, .tl-fine .prose { color: var(--body-text-color-subdued); font-size: 0.9rem !important; line-height: 1.5; }
p.tl-fine { margin: 4px 0; }
.tl-empty { text-align: center; padding: 48px 24px; }
.tl-empty p { color: var(--body-text-color-subdued); max-width: 56ch; margin: 8px auto 0; }
.tl-actions { gap: 10px; flex-wrap: wrap; }
.tl-actions > * { flex: 0 1 auto !important; }
.tl-scroll { overflow-x: auto; }
.tl-code { overflow-x: auto; padding: 10px 12px; border-radius: 8px; background: var(--tl-soft); font-size: 0.82rem; line-height: 1.5; }

.tl-group { margin: 10px 0 0; font-size: 0.82rem; letter-spacing: 0.02em; color: var(--tl-accent); font-weight: 650; }
.tl-arm { padding: 2px 0 !important; }
.tl-arm label { align-items: flex-start; font-weight: 600; }
.tl-arm label input { margin-top: 2px; }
.tl-arm .info-text { margin: 0 0 0 25px; font-size: 0.88rem; line-height: 1.45; }
.tl-choice { gap: 0 !important; } .tl-rest .tl-choice .block { padding: 1px 0 !important; } .tl-arm label:has(input:disabled) { opacity: .62; }
.tl-cannot p { margin: 0 0 2px 25px; font-size: 0.88rem; line-height: 1.45; overflow-wrap: anywhere; } .tl-cannot b { color: var(--tl-warn); }
.tl-rest > .label-wrap { gap: 10px; font-size: 0.88rem; } .tl-rest > .label-wrap > span:first-child { min-width: 0; overflow: hidden; white-space: nowrap; text-overflow: ellipsis; }
.tl-settings { border: none !important; background: transparent !important; box-shadow: none !important; overflow: visible !important; }
.tl-settings > .styler > .form, .tl-settings > .form { display: grid !important; grid-template-columns: repeat(auto-fill, minmax(min(220px, 100%), 1fr)); gap: 14px 16px; background: transparent; align-items: end; } .tl-settings .styler { background: transparent; padding: 0 !important; }
.tl-fields { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(220px, 100%), 1fr)); gap: 14px 16px; align-items: end; margin: 10px 0 4px; }
.tl-field { display: grid; gap: 5px; } .tl-field label { font-weight: var(--block-title-text-weight); font-size: var(--block-title-text-size); color: var(--block-title-text-color); }
.tl-field small { font-size: var(--block-info-text-size); line-height: 1.4; color: var(--block-info-text-color); overflow-wrap: anywhere; }
.tl-field select, .tl-field input:not([type=checkbox]) { width: 100%; min-height: 42px; padding: var(--input-padding); border: var(--input-border-width) solid var(--input-border-color); border-radius: var(--input-radius); background: var(--input-background-fill); color: var(--body-text-color); font: inherit; font-size: var(--input-text-size); }
.tl-field select:focus-visible, .tl-field input:focus-visible { outline: 2px solid var(--tl-accent); outline-offset: 1px; } .tl-field input:invalid { border-color: var(--tl-warn); }
.tl-field select { appearance: auto; background-image: none; } .tl-field input[type=checkbox] { justify-self: start; width: 18px; height: 18px; accent-color: var(--tl-accent); }
#own-recipe, #own-confidence { grid-template-columns: 1fr; border-top: 1px solid var(--border-color-primary); padding-top: 14px; margin-top: 16px; }
.tl-bottom { align-items: flex-end; }
.tl-costs { list-style: none; margin: 0 0 12px; padding: 0; display: grid; gap: 3px; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
.tl-costs li { position: relative; display: flex; justify-content: space-between; gap: 12px; padding: 2px 8px; margin: 0; border-radius: 6px; overflow: hidden; }
.tl-costs i { position: absolute; inset: 0 auto 0 0; background: var(--tl-soft); border-radius: 6px; } .tl-costs span, .tl-costs b { position: relative; font-weight: 500; overflow-wrap: anywhere; } .tl-costs b { white-space: nowrap; }
.tl-stack .wrap { flex-direction: column; align-items: stretch; gap: 8px; }
.tl-stack label { width: 100%; }
.tl-examples label span { white-space: normal; text-align: left; font-weight: 400; }
.tl-sticky { position: sticky; top: 12px; }

.tl-bar { height: 10px; border-radius: 999px; background: var(--border-color-primary); overflow: hidden; }
.tl-bar i { display: block; height: 100%; background: var(--tl-accent); border-radius: inherit; transition: width .3s; }
@media (prefers-reduced-motion: reduce) { .tl-bar i { transition: none; } }
.tl-status { margin-top: 10px; } .tl-status p { margin: 2px 0; }
.tl-estimate { margin: 0 0 6px; font-weight: 600; }

.tl-notice { border-radius: 10px; padding: 12px 16px; margin: 4px 0 10px; border-left: 4px solid var(--tl-bad); background: var(--tl-bad-soft); line-height: 1.5; }
.tl-notice p, .tl-notice ul { margin: 0; } .tl-notice ul { padding-left: 18px; } .tl-notice li + li { margin-top: 4px; }
.tl-notice.tl-note { border-left-color: var(--tl-warn); background: var(--tl-warn-soft); }
.tl-notices:not(:has(.tl-notice)) { display: none; }

.tl-facts { font-size: 1.02rem; margin: 6px 0; } .tl-card > p { line-height: 1.5; }
.tl-balance, .tl-table { width: 100%; border-collapse: collapse; font-size: 0.93rem; border: none !important; border-style: hidden !important; }
button.csv { font: inherit; font-size: 0.8rem; font-weight: 400; color: var(--body-text-color-subdued); background: none; border: 0; padding: 2px 8px; text-decoration: underline; cursor: pointer; } .tl-report .csv { position: sticky; left: 0; }
.tl-balance caption, .tl-table caption { text-align: left; font-weight: 600; padding: 10px 0 6px; }
.tl-balance tr { border: none !important; }
.tl-balance th, .tl-balance td { padding: 4px 0; border: none !important; font-weight: 400; text-align: left; vertical-align: middle; background: none !important; }
.tl-balance th { width: 42%; padding-right: 12px; overflow-wrap: break-word; } .tl-balance .tl-num { width: 52px; text-align: right; font-variant-numeric: tabular-nums; }
.tl-first th, .tl-first td { font-weight: 650 !important; }
.tl-balance tr:not(.tl-first) .tl-bar i { opacity: .62; } #data-summary .tl-bar i { opacity: 1 !important; }
.tl-table th { text-align: left; font-weight: 600; border: none !important; border-bottom: 1px solid var(--border-color-primary) !important; padding: 6px 10px 6px 0; background: none !important; }
.tl-table td { border: none !important; border-bottom: 1px solid var(--border-color-primary) !important; padding: 7px 10px 7px 0; vertical-align: top; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; background: none !important; }
.tl-prose .tl-table td:first-child { min-width: 120px; } .tl-prose h2 { font-size: 1.2rem; margin: 26px 0 6px; } .tl-prose p, .tl-prose li, .tl-prose dd { line-height: 1.6; max-width: 78ch; }
.tl-terms dt { font-weight: 650; margin-top: 12px; } .tl-terms dd { margin: 2px 0 0; }
.tl-prose code { font-size: 0.85em; color: var(--body-text-color-subdued); background: none; border: none; padding: 0; }

.tl-findings { list-style: none; padding: 0; margin: 8px 0; display: grid; gap: 10px; }
.tl-findings li { background: var(--block-background-fill); border: 1px solid var(--border-color-primary); border-left: 4px solid var(--border-color-primary); border-radius: 10px; padding: 10px 14px; }
.tl-findings li.tl-warning { border-left-color: var(--tl-warn); } .tl-findings li.tl-note { border-left-color: var(--tl-accent); }
.tl-findings p { display: block !important; margin: 3px 0 0; line-height: 1.5; font-size: 0.94rem; overflow-wrap: anywhere; } .tl-findings p.tl-do { color: var(--body-text-color-subdued); }
.tl-level { font-size: 0.78rem; font-weight: 650; padding: 1px 8px; border-radius: 999px; border: 1px solid currentColor; color: var(--body-text-color-subdued); margin-right: 4px; }
.tl-warning .tl-level { color: var(--tl-warn); } .tl-note .tl-level { color: var(--tl-accent); }
details summary { cursor: pointer; padding: 6px 0; }

.tl-answer { padding: 4px 2px 8px; } .tl-answer h2 { font-size: 1.5rem; line-height: 1.35; letter-spacing: -0.015em; margin: 2px 0 8px; max-width: 50ch; text-wrap: balance; }
.tl-answer p { margin: 3px 0; line-height: 1.55; max-width: 90ch; } .tl-kicker { color: var(--tl-accent); font-weight: 600; font-size: 0.92rem; }
.tl-reasons { margin: 10px 0 8px; display: grid; gap: 8px; max-width: 100ch; } .tl-reasons > div { display: grid; grid-template-columns: 11rem minmax(0, 1fr); gap: 2px 16px; }
.tl-reasons dt { font-weight: 650; color: var(--body-text-color-subdued); } .tl-reasons dd { margin: 0; line-height: 1.55; overflow-wrap: anywhere; }
@media (max-width: 640px) { .tl-reasons > div { grid-template-columns: 1fr; } }
.tl-how { font-size: 0.92rem; margin-top: 2px; } .tl-how summary { color: var(--tl-accent); width: fit-content; } .tl-how .tl-terms { max-width: 90ch; margin: 0 0 8px; } .tl-how dd { line-height: 1.55; }
.tl-section > .label-wrap > span:first-child { font-size: 1.08rem; font-weight: 650; text-align: left; }
@media (max-width: 640px) { .tl-report .reasons tr > :nth-child(n+2):not(:last-child) { display: none; } .tl-report .reasons td:last-child { min-width: 0; } }
.tl-report .scroll { overflow-x: auto; border: 1px solid var(--border-color-primary); border-radius: 10px; margin: 8px 0; max-width: 100%; } .tl-report .fine, .tl-report small { color: var(--body-text-color-subdued); font-size: 0.88rem; line-height: 1.5; max-width: 100ch; }
.tl-report table { border: none !important; border-style: hidden !important; border-collapse: collapse; width: 100%; font-size: 0.92rem; font-variant-numeric: tabular-nums; margin: 0; } .tl-report small { display: block; white-space: nowrap; font-weight: 400; }
.tl-report th, .tl-report td { text-align: left; vertical-align: top; padding: 6px 12px !important; border: none !important; border-bottom: 1px solid var(--border-color-primary) !important; background: none; } .tl-report tbody tr:last-child > * { border-bottom: none !important; }
.tl-report thead th { word-break: keep-all; color: var(--body-text-color-subdued); font-weight: 600; vertical-align: bottom; } .tl-report tbody th { font-weight: 600; min-width: 7rem; overflow-wrap: anywhere; } .tl-report .n { text-align: right; } .tl-report .reasons td:last-child { min-width: 17rem; }
.tl-report .board td { white-space: nowrap; } .tl-report .board tbody th, .tl-report .board thead th:first-child { position: sticky; left: 0; background: var(--block-background-fill); max-width: 12rem; } .tl-report small.doubt { color: var(--tl-warn); white-space: normal; min-width: 11rem; }
.tl-list { margin: 6px 0; padding-left: 20px; max-width: 100ch; } .tl-list li { line-height: 1.55; margin: 3px 0; }
.tl-answers { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(330px, 100%), 1fr)); gap: 14px; } .tl-answers .tl-card { margin: 0; padding: 14px 16px; } .tl-answers h4 { margin: 0; }
.tl-what .prose { max-width: 84ch; } .tl-more input[role=combobox] { padding-right: 34px !important; text-overflow: ellipsis; }
.tl-look { display: grid !important; grid-template: "ask answer" auto "more answer" 1fr / minmax(0, 2fr) minmax(0, 3fr); gap: 14px 18px !important; align-items: start; }
.tl-look > .tl-ask { grid-area: ask; } .tl-look > .tl-more { grid-area: more; } .tl-look > .tl-answer-side { grid-area: answer; gap: 14px; }
.tl-look > * { min-width: 0 !important; align-self: start; }
.tl-chips { list-style: none; display: flex; flex-wrap: wrap; gap: 6px; margin: 6px 0 0; padding: 0; } .tl-chips li { max-width: 100%; margin: 0; }
.tl-example { font: inherit; font-size: 0.88rem; line-height: 1.4; text-align: left; color: var(--body-text-color); background: transparent; border: 1px solid var(--border-color-primary); border-radius: 12px; padding: 4px 10px; cursor: pointer; overflow-wrap: anywhere; }
.tl-example:hover { background: var(--tl-soft); border-color: var(--tl-accent); }
.tl-sides { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(270px, 100%), 1fr)); gap: 14px; align-items: start; } .tl-sides .tl-card { margin: 0; padding: 16px 18px; min-width: 0; }
.tl-sides h4 { margin: 0; overflow-wrap: anywhere; } .tl-sides h5 { margin: 14px 0 4px; font-size: 0.95rem; } .tl-sides details { margin-top: 8px; }
.tl-sentence { padding: 14px 18px; margin-bottom: 14px !important; } .tl-sentence .tl-fine { margin: 0; }
.tl-words { font-size: 1.3rem; line-height: 1.9; margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 14em; overflow-y: auto; }
.tl-word { font: inherit; color: inherit; background: none; border: none; border-bottom: 2px dotted var(--border-color-primary); border-radius: 4px 4px 0 0; padding: 0 2px; margin: 0 -2px; line-height: 1.35; cursor: pointer; }
.tl-word:hover { background: var(--tl-soft); border-bottom-color: var(--tl-accent); }
.tl-blank { font-family: var(--font-mono); font-size: 0.78em; color: var(--tl-accent); background: var(--tl-soft); border: 1.5px solid var(--tl-accent); border-radius: 6px; padding: 2px 7px; white-space: nowrap; } .tl-blank sub { margin-left: 3px; }
.tl-guess { display: grid; grid-template-columns: minmax(84px, 38%) minmax(40px, 1fr) 62px; gap: 10px; align-items: center; width: 100%; font: inherit; color: inherit; text-align: left; background: none; border: none; border-radius: 8px; padding: 5px 6px; margin: 0 -6px; width: calc(100% + 12px); cursor: pointer; }
.tl-guess:hover { background: var(--tl-soft); } .tl-guess b { font-weight: 500; overflow-wrap: anywhere; } .tl-guess .tl-num { text-align: right; font-variant-numeric: tabular-nums; font-size: 0.93rem; white-space: nowrap; }
.tl-guess .tl-bar { display: block; } .tl-under { margin: -4px 0 4px !important; padding-left: 1px; } .tl-over { margin: 10px 0 2px !important; }
.tl-remarks { margin: 12px 0 0; padding-left: 18px; } .tl-remarks li + li { margin-top: 3px; } .tl-remarks code { color: var(--body-text-color); }
.tl-figure { margin: 8px 0 2px; } .tl-figure b { font-size: 1.6rem; font-weight: 650; letter-spacing: -0.01em; font-variant-numeric: tabular-nums; } .tl-count { margin: 8px 0; font-weight: 600; }
.tl-tokens { margin: 12px 0 0; display: flex; flex-wrap: wrap; gap: 8px 6px; max-height: 34em; overflow-y: auto; }
.tl-token, .tl-shade { background: color-mix(in srgb, var(--tl-heat) var(--heat, 0%), var(--block-background-fill)); }
.tl-token { display: inline-flex; flex-direction: column; align-items: center; border: 1px solid var(--border-color-primary); border-radius: 7px; padding: 3px 8px; line-height: 1.3; max-width: 100%; overflow-wrap: anywhere; white-space: pre-wrap; }
.tl-token small, .tl-token i { font-size: 0.72rem; font-style: normal; font-variant-numeric: tabular-nums; white-space: nowrap; }
.tl-for { background: color-mix(in srgb, var(--tl-accent) var(--heat), var(--block-background-fill)); border-bottom: 3px solid var(--tl-accent); } .tl-against { border-bottom: 3px dashed var(--tl-heat); }
.tl-answers-of th { width: 26% !important; } .tl-answers-of td:nth-child(2) { width: 34%; padding-right: 12px; overflow-wrap: anywhere; }
.tl-press { font: inherit; color: inherit; cursor: pointer; } .tl-press:hover { border-color: var(--tl-accent); } .tl-press.tl-special { color: var(--tl-accent); } .tl-chosen { outline: 2px solid var(--tl-accent); outline-offset: -2px; } .tl-tokens + p { margin: 10px 0 0; }
.tl-joined { display: inline-flex; flex-wrap: wrap; max-width: 100%; } .tl-joined .tl-token + .tl-token { border-left-style: dashed; border-top-left-radius: 0; border-bottom-left-radius: 0; margin-left: -1px; }
.tl-joined .tl-token:not(:last-child) { border-top-right-radius: 0; border-bottom-right-radius: 0; }
.tl-cut { font-family: var(--font-mono); font-size: 0.95rem; } .tl-cut small, .tl-cut i { color: var(--body-text-color-subdued); } .tl-segment-1 { background: var(--tl-soft); }
.tl-special { border-style: dashed; border-color: var(--tl-accent); color: var(--tl-accent); }
.tl-unknown { border: 2px solid var(--tl-bad); color: var(--tl-bad); background: var(--tl-bad-soft); font-weight: 650; } .tl-unknown s { font-family: var(--font); font-weight: 400; font-size: 0.85rem; }
.tl-legend { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 10px; margin-bottom: 10px; } .tl-scale { display: inline-flex; border: 1px solid var(--border-color-primary); border-radius: 8px; overflow: hidden; } .tl-shade { padding: 1px 10px; font-size: 0.85rem; font-variant-numeric: tabular-nums; white-space: nowrap; }
.tl-guess[aria-pressed=true], .tl-slice[aria-pressed=true], .tl-example[aria-pressed=true] { background: var(--tl-soft); box-shadow: inset 0 0 0 2px var(--tl-accent); }
.tl-slices { display: grid; } .tl-slice { display: grid; grid-template-columns: minmax(0, 1.7fr) 3.2rem repeat(3, minmax(0, 1fr)); gap: 2px 12px; align-items: baseline; width: calc(100% + 12px); margin: 0 -6px; padding: 6px; font: inherit; font-size: 0.93rem; text-align: left; color: inherit; background: none; border: none; border-bottom: 1px solid var(--border-color-primary); border-radius: 0; cursor: pointer; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
.tl-slice b { font-weight: 500; } .tl-slice small { color: var(--body-text-color-subdued); white-space: nowrap; display: inline-block; } .tl-slice i { font-style: normal; color: var(--tl-accent); } .tl-slice .tl-num { text-align: right; }
.tl-slice-head { cursor: default; font-size: 0.85rem; color: var(--body-text-color-subdued); } button.tl-slice:hover { background: var(--tl-soft); }
@media (max-width: 640px) { .tl-slice { grid-template-columns: repeat(3, minmax(0, 1fr)); } .tl-slice > :first-child { grid-column: 1 / 3; } }
.tl-plot { width: 100%; min-width: 0; } .tl-drawn:has(.tl-plot:not([aria-label])), .tl-drawn:has(.tl-plot[aria-label='']) { display: none; }
.tl-answer-side:not(:has(.tl-status)) .tl-stop { display: none; } .tl-stop { align-self: flex-start; flex: 0 0 auto; width: fit-content !important; }
.tl-said { padding: 14px 18px; margin: 0 !important; } .tl-said p { margin: 0; overflow-wrap: anywhere; } .tl-said mark, .tl-table mark { background: color-mix(in srgb, var(--tl-heat) 45%, transparent); color: inherit; border-radius: 3px; padding: 0 2px; }
.tl-map { position: relative; background: var(--block-background-fill); border: 1px solid var(--border-color-primary); border-radius: 14px; padding: 10px 12px; } .tl-map[hidden], .tl-move[hidden], .tl-tip[hidden] { display: none; }
.tl-sketch { position: absolute; display: none; pointer-events: none; } .tl-moving .tl-sketch { display: block; } .tl-moving .gl-container, .tl-moving .scatterlayer { visibility: hidden; }
.tl-maptools, .tl-move { display: flex; flex-wrap: wrap; align-items: center; gap: 6px; margin-bottom: 6px; } .tl-move { margin: 8px 0 2px; gap: 8px 10px; } .tl-move input { flex: 1 1 140px; accent-color: var(--tl-accent); min-width: 90px; }
.tl-maptools button, .tl-move button { font: inherit; font-size: 0.88rem; color: var(--body-text-color); background: transparent; border: 1px solid var(--border-color-primary); border-radius: 9px; padding: 3px 10px; margin: 0; cursor: pointer; white-space: nowrap; }
.tl-maptools button:hover, .tl-move button:hover { background: var(--tl-soft); border-color: var(--tl-accent); } .tl-maptools button[aria-pressed=true], .tl-move button[aria-pressed=true] { background: var(--tl-soft); border-color: var(--tl-accent); color: var(--tl-accent); font-weight: 600; }
.tl-end { font-size: 0.88rem; color: var(--body-text-color-subdued); max-width: 12em; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.tl-tip { position: absolute; z-index: 5; pointer-events: none; max-width: min(340px, 90%); background: var(--block-background-fill); border: 1px solid var(--border-color-primary); border-radius: 10px; padding: 7px 11px; font-size: 0.9rem; line-height: 1.4; box-shadow: 0 4px 14px rgba(0,0,0,.14); overflow-wrap: anywhere; } .tl-tip b, .tl-tip span { display: block; } .tl-tip b { font-size: 0.82rem; color: var(--tl-accent); }
.tl-was { color: var(--body-text-color-subdued); }
.tl-listed { max-height: 34em; overflow-y: auto; } .tl-listed .tl-table td:first-child { min-width: 3em; }
.tl-picture, .tl-vector { font: inherit; margin-right: 12px; font-size: 0.88rem; color: var(--link-text-color); background: none; border: none; border-radius: 6px; padding: 4px 2px; cursor: pointer; text-decoration: underline; text-underline-offset: 3px; } .tl-picture[hidden], .tl-vector[hidden] { display: none; }
.table-wrap, .table-wrap * { font-family: var(--font) !important; }
.table-wrap td { font-variant-numeric: tabular-nums; }
html:lang(ko) .prose, html:lang(ko) .html-container, html:lang(ko) label, html:lang(ko) .info-text { word-break: keep-all; overflow-wrap: break-word; }
footer { opacity: .8; }
@media (max-width: 640px) {
  .gradio-container > .main { padding: 14px 14px 40px !important; }
  .tl-card, .tl-hero { padding: 16px; } .tl-sticky { position: static; }
  .tl-look { grid-template: "ask" "answer" "more" / minmax(0, 1fr); } .tl-words { font-size: 1.15rem; } .tl-shade { padding: 1px 6px; }
  .tl-switches { min-width: 0; justify-content: flex-start; } .tl-answer h2 { font-size: 1.25rem; }
  .tab-container button { padding-inline: 10px; font-size: 0.95rem; }
  .tl-prose .tl-table thead { display: none; } .tl-prose .tl-table td { display: block; border: none !important; padding: 1px 0; } .tl-prose .tl-table tr { display: block; padding: 10px 0; border-bottom: 1px solid var(--border-color-primary); }
}
"""
