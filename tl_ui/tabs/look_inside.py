"""Tab Look inside: one view of a model at a time, each in a file of `tl_ui.views`."""

from __future__ import annotations

import dataclasses

import gradio as gr

from tl_core.api.plugins import found
from tl_ui.components.outside import built, words_of
from tl_ui.components.permalinks import view_of
from tl_ui.lab import Lab
from tl_ui.views import Choose
from tl_ui.words import word


@dataclasses.dataclass(frozen=True)
class Tab:
    """The look-inside tab."""

    id: str = "look"
    order: int = 50
    title: str = "tab_look"

    def build(self, lab: Lab) -> None:
        """Draw the tab and wire it."""
        views = found("tl_ui.views", "VIEW")
        first = next(iter(views))
        choose = gr.Radio(
            [(words_of(view.title), id) for id, view in views.items()],
            value=first,
            label=word("look_choose"),
            show_label=False,
            container=False,
            elem_id="look-view",
        )
        here = next(tab for tab in lab.tabs.children if tab.id == self.id)
        events, groups, drawn_before = [here.select, choose.input], {}, len(lab.drawn)
        for id, view in views.items():
            with gr.Column(visible=id == first, elem_id=f"view-{id}") as groups[id]:
                with gr.Accordion(word("look_what"), open=False, elem_classes="tl-what"):
                    gr.Markdown(words_of(view.about))
                with built(lab, "VIEW", id):
                    view.build(lab, Choose(choose, events))

        drawn = lab.drawn[drawn_before:]

        def show(values: dict) -> dict:
            return {group: gr.Column(visible=id == values[choose]) for id, group in groups.items()}

        def say_again(values: dict) -> dict:
            """Draw again what was drawn in another language while its view was not there yet."""
            return {component: draw(values[lab.lang]) for component, draw in drawn}

        def arrive(_values: dict, request: gr.Request) -> dict:
            """A link to a view opens it; the view itself reads what the link says."""
            view = view_of(request)
            return (
                {lab.tabs: gr.Tabs(selected=self.id), choose: view, **show({choose: view})}
                if view in views
                else {}
            )

        lab.on(choose.input, show, [choose], list(groups.values()))
        lab.on(events, say_again, outputs=[component for component, _ in drawn])
        lab.on(lab.linked.change, arrive, outputs=[lab.tabs, choose, *groups.values()])


TAB = Tab()
