"""An arm with settings of its own: its strategy, model, settings, what chooses its step size and
what copies its rows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from tl_core.api.errors import UserError
from tl_core.api.params import declared
from tl_core.api.sentences import say
from tl_core.api.types import Problem
from tl_core.models.catalog import find
from tl_core.models.embedded import EMBEDDED, describe
from tl_core.strategies import strategies
from tl_core.studies.arms import around
from tl_core.studies.plan import ArmRequest, make_study
from tl_ui.components.forms import Section, changed, form, form_view
from tl_ui.components.html import clip, escaped, strategy_title, table_html
from tl_ui.components.strategy_chooser import why_not
from tl_ui.errors import notice_html, on_page
from tl_ui.lab import Lab
from tl_ui.words import t, word

FIRST = "lora"
SAME_MODEL = ""  # the one that is chosen for all


@dataclass(frozen=True)
class OwnArm:
    """The form of one arm, and the arms it has made."""

    arms: gr.State  # [{"name", "strategy", "settings", "model"}]
    strategy: gr.Dropdown
    name: gr.Textbox
    model: gr.Dropdown
    base: (
        gr.Dropdown
    )  # strategy that learns afterwards, where the chosen one leaves that to another
    settings: gr.HTML
    note: gr.HTML
    add: gr.Button
    table: gr.HTML
    row: gr.Row
    gone: gr.Dropdown
    remove: gr.Button

    @property
    def fields(self) -> list[Any]:
        """The components that describe an arm."""
        return [self.strategy, self.name, self.model, self.base, self.settings]

    @property
    def kept_in(self) -> list[Any]:
        """Return the components that `kept` changes."""
        return [self.arms, self.table, self.row, self.gone]

    def kept(self, arms: list[dict], lang: str) -> dict:
        """Return the changes that show the arms that were made."""
        names = [a["name"] for a in arms]
        return {
            self.arms: arms,
            self.table: _table(arms, lang),
            self.row: gr.Row(visible=bool(arms)),
            self.gone: gr.Dropdown(choices=names, value=names[-1] if names else None),
        }

    def chosen(self, values: dict) -> tuple[str, str]:
        """The strategy, and the one that learns on the model that it changes; "" where it learns
        itself.
        """
        id = values[self.strategy]
        return id, values[self.base] if takes_base(id) else ""

    def asked(self, values: dict) -> dict[str, Any]:
        """Return the fields' values that differ from the defaults, as `ArmRequest` takes them."""
        id, base = self.chosen(values)
        settings = {"base": base} if base and base != strategies()[id].settings().base else {}
        settings |= changed(_sections(id, base), values[self.settings])
        model = (
            (values[self.model] or SAME_MODEL).strip()
            if strategies()[id].uses_model
            else SAME_MODEL
        )
        return {"strategy": id, "settings": settings, "model": model}


def own_arm(lab: Lab) -> OwnArm:
    """Draw the form; `wire` makes it work."""
    chosen = FIRST if FIRST in strategies() else next(iter(strategies()))
    arms = gr.State([])
    with gr.Accordion(word("own_head"), open=False, elem_id="own"):
        gr.Markdown(word("own_about"), elem_classes="tl-fine")
        with gr.Row(elem_classes="tl-settings"):
            strategy = gr.Dropdown(
                _titles(list(strategies()), "en"),
                value=chosen,
                label=word("own_strategy"),
                min_width=180,
                elem_id="own-strategy",
            )
            lab.in_language(
                strategy, lambda lang: gr.Dropdown(choices=_titles(list(strategies()), lang))
            )
            name = gr.Textbox(
                label=word("own_name"),
                info=word("own_name_info"),
                max_lines=1,
                min_width=180,
                elem_id="own-name",
            )
        models = [
            (word("own_model_same"), SAME_MODEL),
            *((f"{m['title']} ({m['id']})", m["id"]) for m in describe()),
        ]
        free = lab.profile.allow_hub_models
        model = gr.Dropdown(
            models,
            value=SAME_MODEL,
            label=word("own_model"),
            info=word("model_info_free") if free else None,
            allow_custom_value=free,
            elem_id="own-model",
            visible=strategies()[chosen].uses_model,
        )
        note = gr.HTML(elem_id="own-note", elem_classes="tl-notices")
        base = gr.Dropdown(
            _titles(_bases(), "en"),
            value=FIRST if FIRST in _bases() else _bases()[0],
            label=word("own_base"),
            visible=takes_base(chosen),
            elem_id="own-base",
        )
        lab.in_language(base, lambda lang: gr.Dropdown(choices=_titles(_bases(), lang)))
        settings = form_view(_sections(chosen, ""), elem_id="own-settings")
        add = gr.Button(word("own_add"), variant="secondary", elem_id="own-add")
        table = gr.HTML(elem_id="own-table")
        with gr.Row(visible=False, elem_classes="tl-bottom") as row:
            gone = gr.Dropdown([], label=word("own_gone"), min_width=160, interactive=True)
            remove = gr.Button(word("own_remove"), min_width=120, scale=0)
    return OwnArm(arms, strategy, name, model, base, settings, note, add, table, row, gone, remove)


def wire(
    lab: Lab, own: OwnArm, model: gr.Dropdown, model_chosen: gr.State, notice: gr.HTML
) -> None:
    """Make the form follow what is chosen in it, and make arms.

    Args:
        model: the one that is chosen for all arms.
        model_chosen: changes when a visitor has chosen it.
    """

    def show(values: dict) -> dict:
        """The settings of what is chosen, and why it cannot run."""
        id, base = own.chosen(values)
        return {
            own.model: gr.Dropdown(visible=strategies()[id].uses_model),
            own.base: gr.Dropdown(visible=bool(base)),
            **redraw(values),
            **judge(values),
        }

    def redraw(values: dict) -> dict:
        return {own.settings: form(_sections(*own.chosen(values), values[lab.lang]))}

    def judge(values: dict) -> dict:
        problem = lab.datasets.get(values[lab.dataset_id]).loaded.dataset.problem
        wanted = values[own.model] or values[model] or EMBEDDED.name
        said = _why_not(own.chosen(values), problem, wanted, lab.profile.allow_hub_models)
        return {own.note: notice_html(on_page(said, values[lab.lang]), kind="note")}

    def add(values: dict) -> dict:
        """One more arm, checked at once."""
        arm = own.asked(values)
        arm["name"] = _name(values[own.name], arm, values[own.arms])
        held = lab.datasets.get(values[lab.dataset_id])
        split, _ = held.usual_split
        make_study(
            "",
            held.loaded.dataset.problem,
            split,
            arms=[request(arm)],
            shots=[1],
            seeds=1,
            model=EMBEDDED.name,
            hub=lab.profile.allow_hub_models,
        )
        return {own.name: "", **own.kept([*values[own.arms], arm], values[lab.lang])}

    def remove(values: dict) -> dict:
        return own.kept(
            [a for a in values[own.arms] if a["name"] != values[own.gone]], values[lab.lang]
        )

    chosen = [own.strategy, own.base]
    judged = [lab.dataset_id, model, own.model, *chosen]
    lab.on(
        [c.input for c in chosen],
        show,
        judged,
        [own.model, own.base, own.settings, own.note],
        trigger_mode="always_last",
    )
    lab.draw_on(("spoken",), redraw, chosen, [own.settings])
    lab.on(
        [own.model.input, model_chosen.change, lab.dataset_id.change],
        judge,
        judged,
        [own.note],
        trigger_mode="always_last",
    )
    lab.draw_on(
        ("spoken",),
        lambda values: {own.table: _table(values[own.arms], values[lab.lang])},
        [own.arms],
        [own.table],
    )
    lab.on(
        own.add.click,
        add,
        [own.arms, lab.dataset_id, *own.fields],
        [own.name, *own.kept_in],
        notice,
    )
    lab.on(own.remove.click, remove, [own.arms, own.gone], own.kept_in, notice)


def request(arm: dict[str, Any]) -> ArmRequest:
    """An arm that the form has made, as the engine takes it."""
    return ArmRequest(arm["strategy"], arm["settings"], arm["name"], arm.get("model") or None)


def takes_base(id: str) -> bool:
    """Whether a strategy leaves the learning to another one."""
    return strategies()[id].takes_base


def _bases() -> list[str]:
    """Strategies that can learn on a changed model."""
    return [
        id for id, strategy in strategies().items() if strategy.uses_model and not takes_base(id)
    ]


def _titles(ids: list[str], lang: str) -> list[tuple[str, str]]:
    """Choices of strategies."""
    return [(strategy_title(strategies()[id], lang), id) for id in ids]


def _sections(id: str, base: str, lang: str = "en") -> list[Section]:
    """The settings of a strategy, of what learns afterwards, and of every arm that trains."""
    before = "base." if base else ""
    sections = [
        Section(
            strategies()[id].settings,
            f"own-settings-{id}",
            without=("base",) if base else (),
            lang=lang,
        )
    ]
    if base:
        sections.append(
            Section(
                strategies()[base].settings,
                f"own-settings-{base}",
                t(lang, "own_of_base"),
                before,
                lang=lang,
            )
        )
    if asked := around(strategies()[base or id]):
        said = {
            s["name"]: (t(lang, f"recipe_{s['name']}"), t(lang, f"recipe_{s['name']}_info"))
            for s in declared(asked)
        }
        sections.append(Section(asked, f"own-{asked.__name__.lower()}", before=before, said=said))
    return sections


def _why_not(ids: Sequence[str], problem: Problem, model: str, hub: bool) -> str:
    """The first reason why an arm of these strategies, one on the other, cannot run; "" when it
    can.
    """
    try:
        ref = (
            find(model.strip(), hub=hub).ref
            if any(strategies()[id].uses_model for id in ids if id)
            else None
        )
    except UserError as fault:
        return fault.sentence
    return next((reason for id in ids if id and (reason := why_not(id, problem, ref))), "")


def _name(given: str, arm: dict[str, Any], own: list[dict]) -> str:
    """As given; else made of what is different about it."""
    given = re.sub(r"\s+", " ", given or "").strip()[:60]
    taken = {arm["name"] for arm in own} | set(strategies())
    if given:
        if given in taken:
            raise UserError(
                say(
                    "There is an arm called {given!r} already. Give this one another name.",
                    given=given,
                )
            )
        return given
    parts = [f"{k.replace('_', '-')}-{clip(str(v), 12)}" for k, v in arm["settings"].items()] + (
        [clip(arm["model"], 24)] if arm["model"] else []
    )
    made = "-".join([arm["strategy"], *parts])[:60] if parts else f"{arm['strategy']}-2"
    return (
        made
        if made not in taken
        else next(f"{made}-{i}" for i in range(2, 100) if f"{made}-{i}" not in taken)
    )


def _table(arms: list[dict], lang: str) -> str:
    rows = [
        [
            escaped(a["name"]),
            escaped(strategy_title(strategies()[a["strategy"]], lang)),
            escaped(_said(a)),
        ]
        for a in arms
    ]
    return (
        table_html(
            t(lang, "own_table"),
            [t(lang, "own_gone"), t(lang, "own_strategy"), t(lang, "own_settings")],
            rows,
        )
        if rows
        else ""
    )


def _said(arm: dict[str, Any]) -> str:
    """Describe what is different about an arm, for the table."""
    different = {**arm["settings"], **({"model": arm["model"]} if arm.get("model") else {})}
    return ", ".join(f"{name} = {value}" for name, value in different.items()) or "–"
