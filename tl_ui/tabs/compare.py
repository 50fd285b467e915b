"""Tab Compare: choose arms, shots and seeds, start, watch, stop."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import time
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import gradio as gr

from tl_core.analysis.decision.caveats import expected
from tl_core.api.errors import UserError, raise_all
from tl_core.api.sentences import say, together
from tl_core.figures import results as figures
from tl_core.models.embedded import EMBEDDED, describe
from tl_core.running.study_records import OPEN
from tl_core.strategies import strategies
from tl_core.studies.allowed import faults_of
from tl_core.studies.consent import destination, question
from tl_core.studies.estimate import Estimate, estimate, known
from tl_core.studies.plan import ArmRequest, Plan, Study, make_study, plan, suiting
from tl_core.tasks import task_of
from tl_core.words.advice import power
from tl_core.words.units import sorting_unit, usual_unit
from tl_core.words.verdict import method_name
from tl_ui.components import arm_editor as own_arm
from tl_ui.components.arm_editor import OwnArm
from tl_ui.components.html import (
    bar,
    duration,
    escaped,
    how_html,
    in_both,
    interval_text,
    shots_text,
    strategy_title,
    table_html,
)
from tl_ui.components.plotly_view import drawing, plotly_view
from tl_ui.components.strategy_chooser import Chooser, cannot, chooser
from tl_ui.errors import Overtaken, notice_html, on_page
from tl_ui.lab import Lab, key_of
from tl_ui.serving import borrowing
from tl_ui.serving.place import MAX_DRAWS, allowed_at
from tl_ui.state.datasets import Held
from tl_ui.state.first_study import FIRST_PRESET, PRESETS, SHOTS_OFFERED
from tl_ui.state.studies import Opened
from tl_ui.words import t, word

SHOTS = (*map(str, SHOTS_OFFERED), "all")
LEAST_LEFT = 3.0  # seconds that a study which still runs is said to take
COSTS_SHOWN = 6  # arms whose time is given one by one


@dataclasses.dataclass(frozen=True)
class Tab:
    """The compare tab."""

    id: str = "compare"
    order: int = 20
    title: str = "tab_compare"

    def build(self, lab: Lab) -> None:
        """Draw the tab and wire it."""
        notice = gr.HTML(elem_classes="tl-notices", elem_id="compare-notice")
        with gr.Row(elem_classes="tl-compare"):
            with gr.Column(scale=7, min_width=320):
                chart = plotly_view(label="", elem_id="live-chart", elem_classes="tl-drawn")
                table = gr.HTML(elem_id="live-table")
                intro = gr.HTML(
                    _intro(lab.datasets.get(lab.dataset_id.value), "en"), elem_id="intro"
                )
                drawn = _form(lab)
            with gr.Column(scale=3, min_width=300, elem_classes="tl-card tl-sticky"):
                form = _go(drawn)
                live = _live(chart, table)
        _wire_form(lab, form, notice)
        _wire_running(lab, form, live, notice)
        _wire_live(lab, form, live, intro)


@dataclasses.dataclass(frozen=True)
class ArmsForm:
    preset: gr.Radio  # which of `PRESETS` the form holds; None where it holds something else
    model: gr.Dropdown
    model_chosen: gr.State  # how often a visitor has; until then it follows the texts
    chooser: Chooser
    own: OwnArm
    shots: gr.CheckboxGroup
    more_shots: gr.Textbox
    seeds: gr.Slider
    test_size: gr.Number
    # changes once the form offers what a dataset allows; the preset is filled in after that
    offered: gr.State
    # changes once the form fits a dataset: until then it may hold numbers of labels that are no
    # choices any more
    fitted: gr.State
    pressed: gr.State  # how often a visitor has changed the form
    read: gr.State  # which texts and models the lines on what models read are about
    advice: gr.HTML | None = None
    reading: gr.HTML | None = None
    send: gr.Checkbox | None = (
        None  # whether texts may leave this machine; seen only where they would
    )
    run: gr.Button | None = None

    @property
    def asked(self) -> list[Any]:
        """The components that say what is compared."""
        return [
            *self.chooser.boxes.values(),
            self.own.arms,
            self.shots,
            self.more_shots,
            self.seeds,
            self.test_size,
            self.model,
            self.model_chosen,
        ]


@dataclasses.dataclass(frozen=True)
class Live:
    status: gr.HTML
    stop: gr.Button
    go_on: gr.Button
    without: gr.Button  # continues without the GPU that is lent here
    results: gr.Button
    chart: gr.HTML
    table: gr.HTML
    drawn: gr.State  # what the chart shows: "study version language"


# --- drawing --------------------------------------------------------------------------------------


def _intro(held: Held, lang: str) -> str:
    n = len(held.loaded.dataset.problem.labels)
    about = t(lang, "intro_about", name=held.name, rows=f"{len(held.loaded.dataset):,}", labels=n)
    return f"<h2>{escaped(t(lang, 'intro_head'))}</h2><p>{escaped(about)}</p>"


def _form(lab: Lab) -> ArmsForm:
    held = lab.datasets.get(lab.dataset_id.value)
    preset = gr.Radio(
        [(word(f"preset_{id}"), id) for id in PRESETS],
        value=FIRST_PRESET.id,
        label=word("preset"),
        elem_id="preset",
    )
    boxes = chooser(lab)
    with gr.Column(elem_classes="tl-card"):
        shots = gr.CheckboxGroup(
            **_shot_choices(held, "en"),
            value=FIRST_PRESET.fitting(held.least_rows),
            label=word("shots"),
            elem_id="shots",
        )
        with gr.Accordion(word("more_settings"), open=False, elem_id="drawer"):
            with gr.Row():
                seeds = gr.Slider(
                    1,
                    MAX_DRAWS,
                    value=FIRST_PRESET.seeds,
                    step=1,
                    label=word("seeds"),
                    info=word("seeds_info"),
                    min_width=200,
                    elem_id="seeds",
                )
            model = _model_box(lab)
            more_shots = gr.Textbox(
                label=word("more_shots"),
                info=word("more_shots_info"),
                max_lines=1,
                elem_id="more-shots",
            )
            test_size = gr.Number(
                None,
                label=word("test_size"),
                info=word("test_size_info"),
                placeholder=word("as_usual"),
                precision=0,
                elem_id="test-size",
            )
            own = own_arm.own_arm(lab)
    return ArmsForm(
        preset,
        model,
        gr.State(0),
        boxes,
        own,
        shots,
        more_shots,
        seeds,
        test_size,
        gr.State(""),
        gr.State(""),
        gr.State(0),
        gr.State(""),
    )


def _model_box(lab: Lab) -> gr.Dropdown:
    free = lab.profile.allow_hub_models
    return gr.Dropdown(
        [(f"{m['title']} ({m['id']})", m["id"]) for m in describe()],
        value=EMBEDDED.name,
        label=word("model"),
        info=word("model_info_free" if free else "model_info"),
        allow_custom_value=free,
        elem_id="model",
    )


def _go(form: ArmsForm) -> ArmsForm:
    """Draw, beside the form, so that it stays in sight: the button, how long it takes, what speaks
    against it.
    """
    gr.HTML(in_both(lambda lang: f"<h3>{escaped(t(lang, 'go_head'))}</h3>"))
    advice = gr.HTML(elem_id="advice")
    reading = gr.HTML(elem_id="model-reads")
    send = gr.Checkbox(False, visible=False, label=word("send_texts"), elem_id="send-texts")
    run = gr.Button(word("run"), variant="primary", size="lg", elem_id="run")
    return dataclasses.replace(form, advice=advice, reading=reading, send=send, run=run)


def _live(chart: gr.HTML, table: gr.HTML) -> Live:
    status = gr.HTML(status_html(None, None, "en"), elem_id="status")
    with gr.Row(elem_classes="tl-actions"):
        stop = gr.Button(word("stop"), variant="stop", visible=False, elem_id="stop", min_width=120)
        go_on = gr.Button(
            word("go_on"), variant="secondary", visible=False, elem_id="go-on", min_width=120
        )
        without = gr.Button(
            word("without_gpu"),
            variant="secondary",
            visible=False,
            elem_id="without-gpu",
            min_width=160,
        )
        results = gr.Button(
            word("see_results"),
            variant="primary",
            visible=False,
            elem_id="see-results",
            min_width=160,
        )
    return Live(status, stop, go_on, without, results, chart, table, gr.State(""))


def _shot_choices(held: Held, lang: str) -> dict[str, Any]:
    """The numbers of labels that the rows allow, and why there are no more."""
    least = held.least_rows
    choices = [
        (t(lang, "all_rows") if s == "all" else s, s)
        for s in SHOTS
        if s == "all" or int(s) <= least
    ]
    return {"choices": choices, "info": t(lang, "shots_info", n=f"{least:,}")}


# --- the form -------------------------------------------------------------------------------------


def _wire_form(lab: Lab, form: ArmsForm, notice: gr.HTML) -> None:
    def able(values: dict) -> dict:
        """Show what cannot run on these data with this model before anybody chooses it."""
        held = lab.datasets.get(values[lab.dataset_id])
        model = _model(form, values, held)
        reasons = cannot(held.loaded.dataset.problem, model, hub=lab.profile.allow_hub_models)
        ticked = {id: values[box] for id, box in form.chooser.boxes.items()}
        return form.chooser.drawn(
            values[form.chooser.stands],
            ticked,
            {id: on_page(reason, values[lab.lang]) for id, reason in reasons.items()},
            values[lab.lang],
            held.loaded.dataset.problem.task,
        )

    def advise(values: dict) -> dict:
        return {
            form.advice: advice_html(lab, form, values),
            form.send: _send_box(lab, form, values),
        }

    def press(values: dict) -> dict:
        """Advise on the form as a visitor changed it, and mark the preset that it now holds, unless
        one was pressed meanwhile.
        """
        still_asked = values[lab.turns].take("preset")
        changed = {**advise(values), form.pressed: values[form.pressed] + 1}
        found = _preset_of(lab, form, values)
        with contextlib.suppress(Overtaken):
            still_asked()
            changed[form.preset] = found
        return changed

    def unmark(values: dict) -> dict:
        """With an arm of one's own it is no preset."""
        return {form.preset: None} if values[form.own.arms] else {}

    def prepare(values: dict) -> dict:
        """Fill the form with the preset that is marked, as far as the data allow."""
        values[lab.turns].take("preset")
        filled: dict = {form.fitted: f"{values[form.offered]} {values[form.preset]}"}
        preset = PRESETS.get(values[form.preset] or "")
        if preset is None:
            return filled
        held = lab.datasets.get(values[lab.dataset_id])
        wanted = suiting(preset.strategies, held.loaded.dataset.problem)
        return filled | {
            **{box: id in wanted for id, box in form.chooser.boxes.items()},
            form.shots: preset.fitting(held.least_rows),
            form.more_shots: "",
            form.seeds: preset.seeds,
        }

    def read(values: dict) -> Iterator[dict]:
        """Show whether the models can read the texts: asked of a worker, which may take a while.
        Until it has answered, nothing is said of other texts or models.
        """
        still_asked = values[lab.turns].take("model-reads")
        models = _models(lab, form, values)
        about = f"{values[lab.dataset_id]} {models}"
        if about != values[form.read]:
            yield {form.reading: "", form.read: about}
        said = notice_html("\n".join(_unread(lab, values, models)), kind="note")
        still_asked()
        yield {form.reading: said}

    def fit_to_data(values: dict) -> dict:
        """The numbers of labels that the rows allow; with the rows of a study comes what it asked
        of them.
        """
        offered, asked = (
            _shot_choices(lab.datasets.get(values[lab.dataset_id]), values[lab.lang]),
            values[lab.wishes],
        )
        keys = [key for _, key in offered["choices"]]
        shots = values[form.shots] if asked is None else asked.shots
        held = lab.datasets.get(values[lab.dataset_id])
        fitted = {
            form.model: _model(form, values, held),
            form.shots: gr.CheckboxGroup(**offered, value=[s for s in shots if s in keys]),
            form.offered: f"{values[lab.dataset_id]} {values[lab.lang]}",
        }
        if asked is None:
            return fitted
        values[lab.turns].take("preset")
        return {
            **fitted,
            form.preset: None
            if asked.own
            else preset_of(held, asked.ticked, asked.shots, min(asked.draws, MAX_DRAWS)),
            form.offered: f"{fitted[form.offered]} {asked}",
            form.more_shots: " ".join(s for s in shots if s not in keys),
            form.seeds: min(asked.draws, MAX_DRAWS),
            form.test_size: None,
            form.model: asked.model,
            form.model_chosen: int(asked.model != held.model),
            **{box: id in asked.ticked for id, box in form.chooser.boxes.items()},
            **form.own.kept(list(asked.own), values[lab.lang]),
            lab.wishes: None,
        }

    boxes = form.chooser.boxes.values()

    def choose(values: dict) -> dict:
        return {form.model_chosen: values[form.model_chosen] + 1}

    lab.on(form.model.input, choose, [form.model_chosen], [form.model_chosen])
    own_arm.wire(lab, form.own, form.model, form.model_chosen, notice)
    here = [
        form.model_chosen.change,
        lab.dataset_id.change,
        lab.wishes.change,
        lab.spoken.change,
        lab.arrived.change,
    ]
    lab.on(
        here,
        able,
        [lab.dataset_id, form.model, form.model_chosen, form.chooser.stands, *boxes],
        form.chooser.shown,
        trigger_mode="always_last",
    )
    lab.on(
        [lab.arrived.change, lab.dataset_id.change, lab.spoken.change],
        fit_to_data,
        [lab.dataset_id, lab.wishes, form.shots, form.model, form.model_chosen, lab.turns],
        [*form.asked, *form.own.kept_in, form.preset, form.offered, lab.wishes],
        trigger_mode="always_last",
    )
    lab.on(
        [form.preset.input, form.offered.change],
        prepare,
        [lab.dataset_id, form.preset, form.offered, lab.turns],
        [*boxes, form.shots, form.more_shots, form.seeds, form.fitted],
        trigger_mode="always_last",
    )
    pressed = [box.input for box in boxes] + [
        form.shots.input,
        form.more_shots.blur,
        form.seeds.release,
        form.test_size.blur,
    ]
    asked = [lab.dataset_id, *form.asked]
    # only what a visitor does: when the form is filled, what was marked meanwhile would be lost
    lab.on(
        pressed,
        press,
        [*asked, form.pressed, lab.turns],
        [form.advice, form.send, form.preset, form.pressed],
        trigger_mode="always_last",
    )
    lab.on(form.own.arms.change, unmark, [form.own.arms], [form.preset])
    again = [form.model_chosen.change, form.own.arms.change, form.fitted.change]
    lab.on(
        [*again, lab.timed.change],
        advise,
        asked,
        [form.advice, form.send],
        trigger_mode="always_last",
    )
    lab.on(
        [form.pressed.change, *again],
        read,
        [*asked, form.read, lab.turns],
        [form.reading, form.read],
        trigger_mode="multiple",  # an answer on other texts is not waited for
    )


def _asked(form: ArmsForm, values: dict) -> tuple[list[ArmRequest], list[int | None]]:
    arms = [ArmRequest(id) for id, box in form.chooser.boxes.items() if values[box]]
    shots = [*values[form.shots], *re.findall(r"[^\s,;]+", values[form.more_shots] or "")]
    bad = [s for s in shots if not re.fullmatch(r"\d{1,7}|all", s)]
    if bad:
        raise UserError(
            say(
                "{bad} is no number of shots. Write whole numbers such as 3, 64, or all.",
                bad=", ".join(bad),
            )
        )
    return arms + [own_arm.request(a) for a in values[form.own.arms]], [
        None if s == "all" else int(s) for s in shots
    ]


def _study(lab: Lab, form: ArmsForm, values: dict) -> Study:
    """Build the study that the form asks for; all its faults are reported at once.

    Raises:
        UserError: as `make_study`, or what this place does not allow.
    """
    held = lab.datasets.get(values[lab.dataset_id])
    model = _model(form, values, held)
    arms, shots = _asked(form, values)
    faults = faults_of(arms, model, allowed_at(lab.profile))
    if not arms:
        faults.append(say("Choose at least one strategy."))
    if not shots:
        faults.append(say("Choose at least one number of shots."))
    if not 1 <= int(values[form.seeds] or 0) <= MAX_DRAWS:
        faults.append(say("Seeds must be from 1 to {max_draws}.", max_draws=MAX_DRAWS))
    raise_all(faults)
    size = values[form.test_size]
    split, _ = held.usual_split if not size else held.split(int(size))
    return make_study(
        held.name,
        held.loaded.dataset.problem,
        split,
        arms=arms,
        shots=shots,
        seeds=int(values[form.seeds]),
        model=model,
        hub=lab.profile.allow_hub_models,
    )


def _preset_of(lab: Lab, form: ArmsForm, values: dict) -> str | None:
    """The preset that the form holds, if it holds one and nothing else."""
    if values[form.own.arms] or values[form.more_shots] or values[form.test_size]:
        return None
    ticked = {id for id, box in form.chooser.boxes.items() if values[box]}
    held = lab.datasets.get(values[lab.dataset_id])
    return preset_of(held, ticked, values[form.shots], int(values[form.seeds] or 0))


def preset_of(
    held: Held, strategies: Collection[str], shots: Collection[str], seeds: int
) -> str | None:
    """The preset that asks just this of a dataset; None where there is none."""
    for preset in PRESETS.values():
        if (set(strategies), set(shots), seeds) == (
            set(suiting(preset.strategies, held.loaded.dataset.problem)),
            set(preset.fitting(held.least_rows)),
            preset.seeds,
        ):
            return preset.id
    return None


def _model(form: ArmsForm, values: dict, held: Held) -> str:
    """The model a visitor chose, or the one that reads the texts."""
    return (values[form.model] or held.model).strip() if values[form.model_chosen] else held.model


def advice_html(lab: Lab, form: ArmsForm, values: dict) -> str:
    """Say how long it will take and what speaks against it, before anybody starts."""
    lang = values[lab.lang]
    try:
        made = plan(_study(lab, form, values))
    except UserError as fault:
        return notice_html(on_page(str(fault), lang), kind="note")
    asked = borrowing.asked(lab, made)
    about = estimate(
        made, done=[run for call in asked for run in call.runs], where=lab.queue.folder.parent
    )
    seconds = about.seconds + sum(call.seconds for call in asked)
    said = (
        "<p class='tl-estimate'>"
        f"{escaped(t(lang, 'estimate', runs=len(made.specs), time=duration(seconds, lang)))}</p>"
    )
    finds = (
        ""
        if len(made.study.arms) < 2
        else (
            "<p class='tl-fine'"
            f" id='finds'>{escaped(power(expected(made), lang, usual_unit(made)))}</p>"
            f"{how_html(lang, 'power')}"
        )
    )
    if not known(lab.queue.folder.parent):
        said += f"<p class='tl-fine'>{escaped(t(lang, 'estimate_untimed'))}</p>"
    limit = lab.profile.max_study_seconds
    warnings = [t(lang, "too_long", limit=duration(limit, lang))] if about.seconds > limit else []
    warnings += _left_out(made, lang)
    inside = finds + costs_html(about, lang)
    more = (
        f"<details><summary>{escaped(t(lang, 'estimate_more'))}</summary>{inside}</details>"
        if inside
        else ""
    )
    return (
        said
        + more
        + borrowing.asked_html(asked, lang)
        + notice_html(on_page(together(warnings, "\n"), lang), kind="note")
    )


def _left_out(made: Plan, lang: str) -> list[str]:
    """A sentence for every reason why runs cannot be, with the arms and numbers of labels it holds
    for.
    """
    cells: dict[str, dict[str, None]] = {}
    per = task_of(made.study.problem).shots_per
    for spec in made.specs:
        if reason := made.refused.get(spec.id):
            cells.setdefault(reason, {})[
                f"{_title(spec.arm.id, lang)} · {shots_text(spec.shots, lang, per)}"
            ] = None
    return [
        t(lang, "left_out", cells=", ".join(named), reason=reason)
        for reason, named in cells.items()
    ]


def _title(arm: str, lang: str) -> str:
    """Return the form's name of an arm."""
    return strategy_title(strategies()[arm], lang) if arm in strategies() else arm


def costs_html(about: Estimate, lang: str) -> str:
    """The seconds of each arm, the dearest first; the cheap ones together."""
    dear = sorted(
        ((_title(name, lang), seconds) for name, seconds in about.by_arm.items() if seconds),
        key=lambda item: -item[1],
    )
    if len(dear) < 2:
        return ""
    shown, rest = (
        (dear, []) if len(dear) <= COSTS_SHOWN + 1 else (dear[:COSTS_SHOWN], dear[COSTS_SHOWN:])
    )
    others = (
        [(t(lang, "cost_others", n=len(rest)), sum(seconds for _, seconds in rest))] if rest else []
    )
    lines = [*shown, *others, (t(lang, "cost_shared"), about.seconds - sum(about.by_arm.values()))]
    most = max(seconds for _, seconds in lines)
    rows = "".join(
        "<li><i"
        f" style='width:{max(1, round(100 * seconds / most))}%'></i><span>{escaped(name)}"
        f"</span><b>{escaped(duration(seconds, lang))}</b></li>"
        for name, seconds in lines
    )
    return f"<ul class='tl-costs' aria-label='{escaped(t(lang, 'cost_by_arm'))}'>{rows}</ul>"


def _send_box(lab: Lab, form: ArmsForm, values: dict) -> gr.Checkbox:
    """Return the checkbox that asks where texts would leave this machine; never ticked
    beforehand.
    """
    try:
        study = _study(lab, form, values)
        said, _ = question(plan(study)) if destination(study.arms) else ("", "")
    except UserError:
        said = ""  # `advise` says what is wrong
    return gr.Checkbox(value=False, visible=bool(said), info=said)


def _models(lab: Lab, form: ArmsForm, values: dict) -> list[str]:
    """The models that the study asked for would use."""
    try:
        arms = _study(lab, form, values).arms
    except UserError:
        return []  # `advise` says what is wrong
    return sorted({arm.model.name for arm in arms if arm.model})


def _unread(lab: Lab, values: dict, models: Sequence[str]) -> list[str]:
    """The sentence for each model that cannot read the texts, or spells them out."""
    held = lab.datasets.get(values[lab.dataset_id])
    reports = (lab.datasets.tokens(held, name) for name in models)
    return [report.sentence for report in reports if not report.readable or report.spelled]


# --- starting and stopping ------------------------------------------------------------------------


def _wire_running(lab: Lab, form: ArmsForm, live: Live, notice: gr.HTML) -> None:
    def run(values: dict) -> dict:
        study = _study(lab, form, values)
        said, consent = question(plan(study)) if destination(study.arms) else ("", "")
        if said and not values[form.send]:
            raise UserError(
                f"{said} {t(values[lab.lang], 'send_first', box=t(values[lab.lang], 'send_texts'))}"
            )
        started = submit(values, study, consent)
        # soon done: the page goes to its answer by itself
        quick = _preset_of(lab, form, values) == "quick"
        return {**started, lab.lead: started[lab.study_id] if quick else ""}

    def submit(values: dict, study: Study, consent: str = "") -> dict:
        name, opened = lab.submit(values, study, consent)
        return {
            **opened,
            **_started(lab, name),
            **borrowing.wanted(lab, study, name, key_of(opened[lab.saved], name)),
        }

    def stop(values: dict) -> dict:
        lab.stop(values)
        return _started(lab, values[lab.study_id])

    def go_on(values: dict) -> dict:
        name = values[lab.study_id]
        key = key_of(values[lab.saved], name)
        lab.queue.again(name, key)
        return {
            **_started(lab, name),
            **borrowing.wanted(lab, lab.studies.open(name).plan.study, name, key),
        }

    def without(values: dict) -> dict:
        name = values[lab.study_id]
        lab.queue.again(name, key_of(values[lab.saved], name), without_gpu=True)
        return _started(lab, name)

    signals = [lab.study_id, lab.saved, lab.selection, lab.status, lab.beat, lab.borrow]
    assert form.run is not None  # this form has a button of its own
    lab.on(
        form.run.click,
        run,
        [lab.dataset_id, lab.saved, form.send, *form.asked],
        [*signals, lab.lead],
        notice,
    )
    lab.on(live.stop.click, stop, [lab.study_id, lab.saved], [lab.status, lab.beat], notice)
    lab.on(
        live.go_on.click,
        go_on,
        [lab.study_id, lab.saved],
        [lab.status, lab.beat, lab.borrow],
        notice,
    )
    lab.on(live.without.click, without, [lab.study_id, lab.saved], [lab.status, lab.beat], notice)


def _started(lab: Lab, name: str) -> dict:
    return {lab.status: {"name": name, **lab.queue.status(name)}, lab.beat: gr.Timer(active=True)}


# --- watching -------------------------------------------------------------------------------------


def _wire_live(lab: Lab, form: ArmsForm, live: Live, intro: gr.HTML) -> None:
    def show(values: dict) -> dict:
        """Show the progress of the study; the chart only when something new is finished."""
        status, lang = values[lab.status], values[lab.lang]
        if not status:
            return {live.status: status_html(None, None, lang)}
        going, mine = status["status"] in OPEN, bool(key_of(values[lab.saved], status["name"]))
        opened = lab.studies.open(status["name"])
        out = {
            live.status: status_html(status, opened, lang),
            live.stop: gr.Button(visible=going and mine),
            live.go_on: gr.Button(
                visible=mine
                and not going
                and not status["only_read"]
                and (status["status"] != "done" or status["failed"] > 0)
            ),
            live.without: gr.Button(
                visible=mine and not going and not status["only_read"] and bool(status["lent"])
            ),
            live.results: gr.Button(visible=status["done"] > 0 and not going),
            form.run: gr.Button(interactive=not going),
        }
        drawn = f"{status['name']} {opened.version} {going} {lang}"
        if drawn != values[live.drawn]:
            out |= {
                live.drawn: drawn,
                # in front of the form only until the answer has it all
                live.chart: _chart(opened, lang, going) if status["status"] != "done" else None,
                live.table: _best_table(opened, lang) if status["status"] != "done" else "",
            }
        if values[lab.lead] == status["name"] and status["status"] == "done":
            out |= {lab.lead: "", lab.tabs: gr.Tabs(selected="results")}
        return out

    def introduce(values: dict) -> dict:
        return {intro: _intro(lab.datasets.get(values[lab.dataset_id]), values[lab.lang])}

    def to_results(_values: dict) -> dict:
        return {lab.tabs: gr.Tabs(selected="results")}

    shown = [
        live.status,
        live.stop,
        live.go_on,
        live.without,
        live.results,
        form.run,
        live.drawn,
        live.chart,
        live.table,
        lab.lead,
        lab.tabs,
    ]
    lab.on(
        [lab.status.change, lab.fresh.change, lab.spoken.change],
        show,
        [lab.status, lab.saved, live.drawn, lab.lead],
        shown,
    )
    lab.on([lab.dataset_id.change, lab.spoken.change], introduce, [lab.dataset_id], [intro])
    lab.on(live.results.click, to_results, outputs=[lab.tabs])


def status_html(status: dict | None, opened: Opened | None, lang: str) -> str:
    """Say where the study is, in words that a screen reader announces."""
    if status is None:
        return f"<p class='tl-status' role='status'>{escaped(t(lang, 'nothing_yet'))}</p>"
    state, done, total = status["status"], status["done"], status["total"]
    head = t(lang, f"state_{state}", done=done, total=total, ahead=status["ahead"])
    more = [_now(status, opened, lang)] if state == "running" else []
    if state in ("stopped", "failed"):
        more.append(borrowing.left_text(status["lent"], lang))
    if status.get("error"):
        more.append(on_page(status["error"], lang))
    lines = "".join(f"<p class='tl-fine'>{escaped(line)}</p>" for line in more if line)
    return (
        f"{bar(done / max(1, total), head)}<div class='tl-status' role='status'"
        f" aria-live='polite'><p><b>{escaped(head)}</b></p>{lines}</div>"
    )


def _now(status: dict, opened: Opened | None, lang: str) -> str:
    """Say what is being computed this moment, and how long the rest may take."""
    progress, parts = status.get("progress"), []
    spec = (
        next((s for s in opened.plan.specs if s.id == progress["run"]), None)
        if opened and progress
        else None
    )
    if opened and spec and progress:
        shots = shots_text(spec.shots, lang, task_of(opened.plan.study.problem).shots_per)
        parts.append(
            t(
                lang,
                "now",
                arm=method_name(spec.arm.id, spec.arm.strategy, lang, opened.plan.study.problem),
                shots=shots,
                seed=spec.seed + 1,
            )
        )
        parts.append(t(lang, "step", step=progress["step"], steps=progress["steps"]))
        if progress.get("loss") is not None:
            parts.append(t(lang, "loss", loss=f"{progress['loss']:.3f}"))
    if progress and progress.get("seconds_left") is not None:
        left = progress["seconds_left"] - (time.time() - progress["at"])  # it may be silent since
        parts.append(t(lang, "left", time=duration(max(LEAST_LEFT, left), lang)))
    return " · ".join(parts) or t(lang, "warming")


def _chart(opened: Opened, lang: str, going: bool) -> str | None:
    if not opened.comparison or not opened.comparison.cells:
        return None
    label = t(lang, "chart_leaderboard") + (f" ({t(lang, 'provisional')})" if going else "")
    return drawing(
        figures.leaderboard(opened.comparison, opened.comparison.metric, language=lang), label
    )


def _best_table(opened: Opened, lang: str) -> str:
    """The best of each arm so far, as words and numbers."""
    if not opened.comparison or not opened.comparison.cells:
        return ""
    best: dict[str, Any] = {}
    for cell in opened.comparison.cells:
        best.setdefault(cell.arm, cell)
    metric = opened.comparison.metric
    rows: Sequence[Any] = [
        (
            escaped(method_name(c.arm, c.strategy, lang, opened.comparison.problem)),
            escaped(shots_text(c.shots, lang, c.per)),
            escaped(interval_text(c.measures[metric], sorting_unit(opened.comparison), lang)),
            f"{len(c.seeds)}",
        )
        for c in best.values()
    ]
    return table_html(
        t(lang, "best_so_far", metric=t(lang, metric)),
        [t(lang, "arm"), t(lang, "labels_per_class"), t(lang, metric), t(lang, "draws")],
        rows,
    )


TAB = Tab()
