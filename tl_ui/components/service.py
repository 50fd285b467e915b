"""A service on this machine, asked about the text on Try, and the lines that ask it elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

import gradio as gr

from tl_core.api.amounts import number, percent
from tl_core.serving.client import Address, Heard, address, ask_service, inputs_of
from tl_core.serving.lines import lines
from tl_ui.components.html import clip, escaped, lines_html
from tl_ui.errors import on_page
from tl_ui.lab import Lab
from tl_ui.words import t, word

USUAL = "http://127.0.0.1:8080"
LABELS_SHOWN = 8


class Service:
    """The part of Try that asks a service: components are attributes, handlers are methods."""

    def __init__(self, lab: Lab, text: gr.Textbox, text_b: gr.Textbox):
        self.lab, self.text, self.text_b = lab, text, text_b
        with gr.Accordion(word("service_head"), open=False, elem_id="service"):
            gr.Markdown(word("service_about"), elem_classes="tl-fine")
            with gr.Row(elem_classes="tl-actions"):
                self.address = gr.Textbox(
                    USUAL,
                    label=word("service_address"),
                    max_length=200,
                    min_width=240,
                    elem_id="service-address",
                )
                self.token = gr.Textbox(
                    type="password",
                    label=word("service_token"),
                    info=word("service_token_info"),
                    max_length=4096,
                    min_width=240,
                    elem_id="service-token",
                )
                self.ask = gr.Button(word("service_ask"), min_width=160, elem_id="service-ask")
            self.notice = gr.HTML(elem_classes="tl-notices", elem_id="service-notice")
            self.answers = gr.HTML(elem_id="service-answers")

    def wire(self) -> None:
        """Wire every event."""
        self.lab.on(
            [self.ask.click, self.address.submit, self.token.submit],
            self.answer,
            [self.text, self.text_b, self.address, self.token],
            [self.answers],
            self.notice,
            show_progress="minimal",
            show_progress_on=self.answers,
            trigger_mode="once",
            concurrency_limit=2,
        )

    def answer(self, values: dict) -> dict:
        """What the service says about the text, and the lines that ask the same."""
        where = address(values[self.address] or "")
        text, text_b, token = values[self.text], values[self.text_b], values[self.token] or ""
        heard = ask_service(where, text or "", text_b, token=token)
        return {
            self.answers: heard_html(heard, values[self.lab.lang])
            + asking_html(where, heard, (text, text_b), values[self.lab.lang], token=bool(token))
        }


def heard_html(heard: Sequence[Heard], lang: str) -> str:
    """What each model says, side by side."""
    cards = "".join(_card(one, lang) for one in heard)
    return f"<div class='tl-answers' role='status'>{cards}</div>"


def asking_html(
    where: Address,
    heard: Sequence[Heard],
    texts: tuple[str, str | None],
    lang: str,
    *,
    token: bool,
) -> str:
    """The lines that ask the first model that answered; where none did, the first of all."""
    first = next((one for one in heard if not one.why_not), heard[0])
    inputs = inputs_of(first.about, *texts)
    asked = lines(where.url, inputs, model=first.model if len(heard) > 1 else None, token=token)
    return f"<p><b>{escaped(t(lang, 'service_lines'))}</b></p>{lines_html(asked)}"


def _card(heard: Heard, lang: str) -> str:
    about = [str(heard.about[x]) for x in ("arm", "version") if heard.about.get(x) is not None]
    if heard.why_not:
        body = f"<p>{escaped(on_page(heard.why_not, lang))}</p>"
    else:
        about.append(t(lang, "service_took", ms=number(1000 * heard.seconds, 0)))
        rows = "".join(_bar(heard, label, score) for label, score in heard.ranked[:LABELS_SHOWN])
        body = f"<table class='tl-balance'><tbody>{rows}</tbody></table>" if rows else "<p>–</p>"
    return (
        f"<section class='tl-card'><h3>{escaped(clip(heard.model, 80))}</h3>"
        f"<p class='tl-fine'>{escaped(' · '.join(about))}</p>{body}</section>"
    )


def _bar(heard: Heard, label: str, score: float) -> str:
    share = min(1.0, max(0.0, score)) if score == score else 0.0
    mark = " class='tl-given'" if label in heard.given else ""
    return (
        f"<tr{mark}><th scope='row'>{escaped(clip(label, 80))}</th><td class='tl-wide'><div"
        f" class='tl-bar' aria-hidden='true'><i style='width:{100 * share:.1f}%'></i></div></td><td"
        f" class='tl-num'>{percent(share, 0)}</td></tr>"
    )
