"""Which ways of using labels: choose arms, shots and seeds, start, watch, stop."""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Sequence
from typing import Any

import gradio as gr

from tl_core.data.labels import are_named
from tl_core.errors import UserError, raise_all
from tl_core.experiments.allowed import faults_of
from tl_core.experiments.consent import destination, question
from tl_core.experiments.decision.doubts import expected
from tl_core.experiments.estimate import Estimate, estimate
from tl_core.experiments.plan import ArmRequest, Plan, Study, make_study, plan
from tl_core.experiments.queue import OPEN
from tl_core.models.catalog import EMBEDDED, describe
from tl_core.report import figures
from tl_core.report.advice import power
from tl_core.strategies import strategies
from tl_core.types import Facts
from tl_ui import borrowing, own_arm
from tl_ui.chooser import FIRST_STRATEGIES, Chooser, cannot, chooser
from tl_ui.datasets import Held
from tl_ui.lab import Lab, key_of
from tl_ui.own_arm import OwnArm
from tl_ui.pieces import bar, duration, escaped, how_html, interval_text, shots_text, strategy_title, table_html
from tl_ui.place import MAX_DRAWS, allowed_at
from tl_ui.plotly_view import drawing, plotly_view
from tl_ui.shown import notice_html, on_page
from tl_ui.studies import Opened
from tl_ui.words import t, word

SHOTS = ("0", "1", "2", "4", "8", "16", "32", "all")
FIRST_SHOTS = (0, 1, 2, 4, 8)
FIRST_SEEDS = 3
COSTS_SHOWN = 6  # arms whose time is told one by one


@dataclasses.dataclass(frozen=True)
class Tab:
    """The compare tab."""

    id: str = "compare"
    order: int = 20
    title: str = "tab_compare"

    def build(self, lab: Lab) -> None:
        """Draw the tab and wire it."""
        first, intro = _first(lab)
        notice = gr.HTML(elem_classes="tl-notices", elem_id="compare-notice")
        with gr.Row():
            with gr.Column(scale=5, min_width=320, elem_classes="tl-card"):
                drawn = _form(lab)
            with gr.Column(scale=6, min_width=320, elem_classes="tl-card tl-sticky"):
                form = _go(drawn)
                live = _live()
        _wire_form(lab, form, notice)
        _wire_running(lab, form, live, first, notice)
        _wire_live(lab, form, live, first, intro)


@dataclasses.dataclass(frozen=True)
class ArmsForm:
    model: gr.Dropdown
    chooser: Chooser
    own: OwnArm
    shots: gr.CheckboxGroup
    more_shots: gr.Textbox
    seeds: gr.Slider
    test_size: gr.Number
    fitted: gr.State  # changes once the form fits a dataset: until then it may hold numbers of labels that are no choices any more
    advice: gr.HTML | None = None
    reading: gr.HTML | None = None
    send: gr.Checkbox | None = None  # whether texts may leave this machine; seen only where they would
    run: gr.Button | None = None

    @property
    def asked(self) -> list[Any]:
        """The components that say what is compared."""
        return [*self.chooser.boxes.values(), self.own.arms, self.shots, self.more_shots, self.seeds, self.test_size, self.model]


@dataclasses.dataclass(frozen=True)
class Live:
    status: gr.HTML
    stop: gr.Button
    go_on: gr.Button
    without: gr.Button  # goes on without the GPU that is lent here
    results: gr.Button
    chart: gr.HTML
    table: gr.HTML
    lead: gr.State  # the study after which the page goes to the results by itself
    drawn: gr.State  # what the chart shows: "study version language"


# --- drawing -------------------------------------------------------------------------------------------


def _first(lab: Lab) -> tuple[gr.Button, gr.HTML]:
    with gr.Row(elem_classes="tl-hero", equal_height=True):
        with gr.Column(scale=5, min_width=280):
            intro = gr.HTML(_intro(lab.datasets.get(lab.dataset_id.value), "en"), elem_id="intro")
        with gr.Column(scale=2, min_width=240, elem_classes="tl-hero-act"):
            first = gr.Button(word("first_comparison"), variant="primary", size="lg", elem_id="first")
            gr.Markdown(word("first_info"), elem_classes="tl-fine")
    return first, intro


def _intro(held: Held, lang: str) -> str:
    n = len(held.loaded.dataset.problem.labels)
    about = t(lang, "intro_about", name=held.name, rows=f"{len(held.loaded.dataset):,}", labels=n)
    return f"<h2>{escaped(t(lang, 'intro_head'))}</h2><p>{escaped(about)}</p>"


def _form(lab: Lab) -> ArmsForm:
    gr.Markdown(word("arms_head"))
    models = [(f"{m['title']} ({m['id']})", m["id"]) for m in describe()]
    free = lab.profile.allow_hub_models
    model = gr.Dropdown(models, value=EMBEDDED.name, label=word("model"), info=word("model_info_free" if free else "model_info"), allow_custom_value=free, elem_id="model")
    boxes = chooser(lab)
    own = own_arm.own_arm(lab)
    gr.Markdown(word("labels_head_compare"))
    shots = gr.CheckboxGroup(**_shot_choices(lab.datasets.get(lab.dataset_id.value), "en"), value=["0", "1", "2", "4", "8", "16"], label=word("shots"), elem_id="shots")
    with gr.Row():
        seeds = gr.Slider(1, MAX_DRAWS, value=3, step=1, label=word("seeds"), info=word("seeds_info"), min_width=200, elem_id="seeds")
    with gr.Accordion(word("more_settings"), open=False):
        more_shots = gr.Textbox(label=word("more_shots"), info=word("more_shots_info"), max_lines=1, elem_id="more-shots")
        test_size = gr.Number(None, label=word("test_size"), info=word("test_size_info"), placeholder=word("as_usual"), precision=0, elem_id="test-size")
    return ArmsForm(model, boxes, own, shots, more_shots, seeds, test_size, gr.State(""))


def _go(form: ArmsForm) -> ArmsForm:
    """Beside the form, so that it stays in sight: how long it takes, what speaks against it, the button."""
    gr.Markdown(word("go_head"))
    advice = gr.HTML(elem_id="advice")
    reading = gr.HTML(elem_id="model-reads")
    send = gr.Checkbox(False, visible=False, label=word("send_texts"), elem_id="send-texts")
    run = gr.Button(word("run"), variant="primary", elem_id="run")
    return dataclasses.replace(form, advice=advice, reading=reading, send=send, run=run)


def _live() -> Live:
    status = gr.HTML(status_html(None, None, "en"), elem_id="status")
    with gr.Row(elem_classes="tl-actions"):
        stop = gr.Button(word("stop"), variant="stop", visible=False, elem_id="stop", min_width=120)
        go_on = gr.Button(word("go_on"), variant="secondary", visible=False, elem_id="go-on", min_width=120)
        without = gr.Button(word("without_gpu"), variant="secondary", visible=False, elem_id="without-gpu", min_width=160)
        results = gr.Button(word("see_results"), variant="primary", visible=False, elem_id="see-results", min_width=160)
    chart = plotly_view(label="Leaderboard so far", elem_id="live-chart")
    table = gr.HTML(elem_id="live-table")
    return Live(status, stop, go_on, without, results, chart, table, gr.State(""), gr.State(""))


def _shot_choices(held: Held, lang: str) -> dict[str, Any]:
    """The numbers of labels that the rows allow, and why there are no more."""
    least = held.least_rows
    choices = [(t(lang, "all_rows") if s == "all" else s, s) for s in SHOTS if s == "all" or int(s) <= least]
    return {"choices": choices, "info": t(lang, "shots_info", n=f"{least:,}")}


# --- the form ------------------------------------------------------------------------------------------


def _wire_form(lab: Lab, form: ArmsForm, notice: gr.HTML) -> None:
    def able(values: dict) -> dict:
        """What cannot run on these data with this model says so before anybody chooses it."""
        held = lab.datasets.get(values[lab.dataset_id])
        reasons = cannot(held.loaded.dataset.problem, _model(form, values), hub=lab.profile.allow_hub_models)
        ticked = {id: values[box] for id, box in form.chooser.boxes.items()}
        return form.chooser.drawn(values[form.chooser.stands], ticked, {id: on_page(reason, values[lab.lang]) for id, reason in reasons.items()}, values[lab.lang])

    def advise(values: dict) -> dict:
        return {form.advice: advice_html(lab, form, values), form.send: _send_box(lab, form, values)}

    def read(values: dict) -> dict:
        """Whether the models can read the texts: asked of a worker, which may still be starting."""
        return {form.reading: notice_html("\n".join(_unread(lab, form, values)), kind="note")}

    def fit_to_data(values: dict) -> dict:
        """The numbers of labels that the rows allow; with the rows of a study comes what it asked of them."""
        offered, asked = _shot_choices(lab.datasets.get(values[lab.dataset_id]), values[lab.lang]), values[lab.wishes]
        keys = [key for _, key in offered["choices"]]
        shots = values[form.shots] if asked is None else asked.shots
        fitted = {form.shots: gr.CheckboxGroup(**offered, value=[s for s in shots if s in keys]), form.fitted: f"{values[lab.dataset_id]} {values[lab.lang]}"}
        if asked is None:
            return fitted
        return {
            **fitted, form.more_shots: " ".join(s for s in shots if s not in keys), form.seeds: min(asked.draws, MAX_DRAWS), form.test_size: None, form.model: asked.model,
            **{box: id in asked.ticked for id, box in form.chooser.boxes.items()}, **form.own.kept(list(asked.own), values[lab.lang]), lab.wishes: None,
        }  # fmt: skip

    boxes = form.chooser.boxes.values()
    own_arm.wire(lab, form.own, form.model, notice)
    here = [form.model.input, lab.dataset_id.change, lab.wishes.change, lab.lang.change, lab.arrived.change]
    lab.on(here, able, [lab.dataset_id, form.model, form.chooser.stands, *boxes], form.chooser.shown, trigger_mode="always_last")
    lab.on([lab.arrived.change, lab.dataset_id.change, lab.lang.change], fit_to_data, [lab.dataset_id, lab.wishes, form.shots], [*form.asked, *form.own.kept_in, form.fitted, lab.wishes])
    said = [box.input for box in boxes] + [form.shots.input, form.more_shots.blur, form.seeds.release, form.test_size.blur, form.model.input]
    again = [*said, form.own.arms.change, form.fitted.change]
    lab.on(again, advise, [lab.dataset_id, *form.asked], [form.advice, form.send], trigger_mode="always_last")
    lab.on(again, read, [lab.dataset_id, *form.asked], [form.reading], trigger_mode="always_last")


def _asked(form: ArmsForm, values: dict) -> tuple[list[ArmRequest], list[int | None]]:
    arms = [ArmRequest(id) for id, box in form.chooser.boxes.items() if values[box]]
    shots = [*values[form.shots], *re.findall(r"[^\s,;]+", values[form.more_shots] or "")]
    bad = [s for s in shots if not re.fullmatch(r"\d{1,7}|all", s)]
    if bad:
        raise UserError(f"{', '.join(bad)} is no number of labels per class. Write whole numbers such as 3, 64, or all.")
    return arms + [own_arm.request(a) for a in values[form.own.arms]], [None if s == "all" else int(s) for s in shots]


def _study(lab: Lab, form: ArmsForm, values: dict) -> Study:
    """What the form asks for, every fault of it told at once.

    Raises:
        UserError: as `make_study`, or what this place does not allow.
    """
    held, model = lab.datasets.get(values[lab.dataset_id]), _model(form, values)
    arms, shots = _asked(form, values)
    faults = faults_of(arms, model, allowed_at(lab.profile))
    if not arms:
        faults.append("Choose at least one strategy.")
    if not shots:
        faults.append("Choose at least one number of labels per class.")
    if not 1 <= int(values[form.seeds] or 0) <= MAX_DRAWS:
        faults.append(f"Draws must be from 1 to {MAX_DRAWS}.")
    raise_all(faults)
    size = values[form.test_size]
    split, _ = held.usual_split if not size else held.split(int(size))
    return make_study(held.name, held.loaded.dataset.problem, split, arms=arms, shots=shots, seeds=int(values[form.seeds]), model=model, hub=lab.profile.allow_hub_models)


def _model(form: ArmsForm, values: dict) -> str:
    return (values[form.model] or EMBEDDED.name).strip()


def advice_html(lab: Lab, form: ArmsForm, values: dict) -> str:
    """How long it will take and what speaks against it, before anybody starts."""
    lang = values[lab.lang]
    try:
        made = plan(_study(lab, form, values))
    except UserError as fault:
        return notice_html(on_page(str(fault), lang), kind="note")
    asked = borrowing.asked(lab, made)
    about = estimate(made, done=[run for call in asked for run in call.runs], where=lab.queue.folder.parent)
    seconds = about.seconds + sum(call.seconds for call in asked)
    said = f"<p class='tl-estimate'>{escaped(t(lang, 'estimate', runs=len(made.specs), time=duration(seconds, lang)))}</p>"
    finds = "" if len(made.study.arms) < 2 else f"<p class='tl-fine' id='finds'>{escaped(power(expected(made), lang))}</p>{how_html(lang, 'power')}"
    limit = lab.profile.max_study_seconds
    warnings = [t(lang, "too_long", limit=duration(limit, lang))] if about.seconds > limit else []
    warnings += _left_out(made, lang)
    return said + finds + costs_html(about, lang) + borrowing.asked_html(asked, lang) + notice_html(on_page("\n".join(warnings), lang), kind="note")


def _left_out(made: Plan, lang: str) -> list[str]:
    """A sentence for every reason why runs cannot be, with the arms and numbers of labels it holds for."""
    cells: dict[str, dict[str, None]] = {}
    for spec in made.specs:
        if reason := made.refused.get(spec.id):
            cells.setdefault(reason, {})[f"{_title(spec.arm.id, lang)} · {shots_text(spec.shots, lang)}"] = None
    return [t(lang, "left_out", cells=", ".join(named), reason=reason) for reason, named in cells.items()]


def _title(arm: str, lang: str) -> str:
    """What the form calls an arm."""
    return strategy_title(strategies()[arm], lang) if arm in strategies() else arm


def costs_html(about: Estimate, lang: str) -> str:
    """The seconds of each arm, the dearest first; the cheap ones together."""
    dear = sorted(((_title(name, lang), seconds) for name, seconds in about.by_arm.items() if seconds), key=lambda item: -item[1])
    if len(dear) < 2:
        return ""
    shown, rest = (dear, []) if len(dear) <= COSTS_SHOWN + 1 else (dear[:COSTS_SHOWN], dear[COSTS_SHOWN:])
    others = [(t(lang, "cost_others", n=len(rest)), sum(seconds for _, seconds in rest))] if rest else []
    lines = [*shown, *others, (t(lang, "cost_shared"), about.seconds - sum(about.by_arm.values()))]
    most = max(seconds for _, seconds in lines)
    rows = "".join(
        f"<li><i style='width:{max(1, round(100 * seconds / most))}%'></i><span>{escaped(name)}</span><b>{escaped(duration(seconds, lang))}</b></li>" for name, seconds in lines
    )
    return f"<ul class='tl-costs' aria-label='{escaped(t(lang, 'cost_by_arm'))}'>{rows}</ul>"


def _send_box(lab: Lab, form: ArmsForm, values: dict) -> gr.Checkbox:
    """Asks where texts would leave this machine; never ticked beforehand."""
    try:
        study = _study(lab, form, values)
        said, _ = question(plan(study)) if destination(study.arms) else ("", "")
    except UserError:
        said = ""  # `advise` says what is wrong
    return gr.Checkbox(value=False, visible=bool(said), info=said)


def _unread(lab: Lab, form: ArmsForm, values: dict) -> list[str]:
    """The sentence for each model that cannot read the texts, or spells them out."""
    held = lab.datasets.get(values[lab.dataset_id])
    try:
        arms = _study(lab, form, values).arms
    except UserError:
        return []  # `advise` says what is wrong
    reports = (lab.datasets.tokens(held, name) for name in sorted({arm.model.name for arm in arms if arm.model}))
    return [report.sentence for report in reports if not report.readable or report.spelled]


# --- starting and stopping -----------------------------------------------------------------------------


def _wire_running(lab: Lab, form: ArmsForm, live: Live, first: gr.Button, notice: gr.HTML) -> None:
    def run(values: dict) -> dict:
        study = _study(lab, form, values)
        said, consent = question(plan(study)) if destination(study.arms) else ("", "")
        if said and not values[form.send]:
            raise UserError(f"{said} {t(values[lab.lang], 'send_first', box=t(values[lab.lang], 'send_texts'))}")
        return submit(values, study, consent)

    def run_first(values: dict) -> dict:
        study = first_study(lab.datasets.get(values[lab.dataset_id]))
        started = submit(values, study)
        return {**started, live.lead: started[lab.study_id]}

    def submit(values: dict, study: Study, consent: str = "") -> dict:
        name, opened = lab.submit(values, study, consent)
        return {**opened, **_started(lab, name), **borrowing.wanted(lab, study, name, key_of(opened[lab.saved], name))}

    def stop(values: dict) -> dict:
        lab.stop(values)
        return _started(lab, values[lab.study_id])

    def go_on(values: dict) -> dict:
        name = values[lab.study_id]
        key = key_of(values[lab.saved], name)
        lab.queue.again(name, key)
        return {**_started(lab, name), **borrowing.wanted(lab, lab.studies.open(name).plan.study, name, key)}

    def without(values: dict) -> dict:
        name = values[lab.study_id]
        lab.queue.again(name, key_of(values[lab.saved], name), without_gpu=True)
        return _started(lab, name)

    signals = [lab.study_id, lab.saved, lab.selection, lab.status, lab.beat, lab.borrow]
    lab.on(form.run.click, run, [lab.dataset_id, lab.saved, form.send, *form.asked], signals, notice)
    lab.on(first.click, run_first, [lab.dataset_id, lab.saved], [*signals, live.lead], notice)
    lab.on(live.stop.click, stop, [lab.study_id, lab.saved], [lab.status, lab.beat], notice)
    lab.on(live.go_on.click, go_on, [lab.study_id, lab.saved], [lab.status, lab.beat, lab.borrow], notice)
    lab.on(live.without.click, without, [lab.study_id, lab.saved], [lab.status, lab.beat], notice)


def _started(lab: Lab, name: str) -> dict:
    return {lab.status: {"name": name, **lab.queue.status(name)}, lab.beat: gr.Timer(active=True)}


def first_study(held: Held) -> Study:
    """A first look: the arms that take seconds, on as many shots as the rows allow.

    Raises:
        UserError: none of them can run on these data.
    """
    problem = held.loaded.dataset.problem
    split, _ = held.usual_split
    shots = [s for s in FIRST_SHOTS if s <= held.least_rows]
    named = are_named(problem.labels)
    able = [i for i in FIRST_STRATEGIES if i in strategies() and _can(strategies()[i], Facts(problem, max(shots), None, named))]
    return make_study(held.name, problem, split, arms=[ArmRequest(i) for i in able], shots=shots, seeds=FIRST_SEEDS, hub=False)


def _can(strategy: Any, facts: Facts) -> bool:
    return not strategy.refuses(facts)


# --- watching ------------------------------------------------------------------------------------------


def _wire_live(lab: Lab, form: ArmsForm, live: Live, first: gr.Button, intro: gr.HTML) -> None:
    def show(values: dict) -> dict:
        """How far it is; the chart only when something new is finished."""
        status, lang = values[lab.status], values[lab.lang]
        if not status:
            return {live.status: status_html(None, None, lang)}
        going, mine = status["status"] in OPEN, bool(key_of(values[lab.saved], status["name"]))
        opened = lab.studies.open(status["name"])
        out = {
            live.status: status_html(status, opened, lang),
            live.stop: gr.Button(visible=going and mine),
            live.go_on: gr.Button(visible=mine and not going and not status["only_read"] and (status["status"] != "done" or status["failed"] > 0)),
            live.without: gr.Button(visible=mine and not going and not status["only_read"] and bool(status["lent"])),
            live.results: gr.Button(visible=status["done"] > 0 and not going),
            form.run: gr.Button(interactive=not going),
            first: gr.Button(interactive=not going),
        }
        drawn = f"{status['name']} {opened.version} {going} {lang}"
        if drawn != values[live.drawn]:
            out |= {live.drawn: drawn, live.chart: _chart(opened, lang, going), live.table: _best_table(opened, lang)}
        if values[live.lead] == status["name"] and status["status"] == "done":
            out |= {live.lead: "", lab.tabs: gr.Tabs(selected="results")}
        return out

    def introduce(values: dict) -> dict:
        return {intro: _intro(lab.datasets.get(values[lab.dataset_id]), values[lab.lang])}

    def to_results(_values: dict) -> dict:
        return {lab.tabs: gr.Tabs(selected="results")}

    shown = [live.status, live.stop, live.go_on, live.without, live.results, form.run, first, live.drawn, live.chart, live.table, live.lead, lab.tabs]
    lab.on([lab.status.change, lab.fresh.change, lab.lang.change], show, [lab.status, lab.saved, live.drawn, live.lead], shown)
    lab.on([lab.dataset_id.change, lab.lang.change], introduce, [lab.dataset_id], [intro])
    lab.on(live.results.click, to_results, outputs=[lab.tabs])


def status_html(status: dict | None, opened: Opened | None, lang: str) -> str:
    """Where the study is, in words that a screen reader announces."""
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
    return f"{bar(done / max(1, total), head)}<div class='tl-status' role='status' aria-live='polite'><p><b>{escaped(head)}</b></p>{lines}</div>"


def _now(status: dict, opened: Opened | None, lang: str) -> str:
    """What is being computed this moment, and how long the rest may take."""
    progress, parts = status.get("progress"), []
    spec = next((s for s in opened.plan.specs if s.id == progress["run"]), None) if opened and progress else None
    if spec:
        parts.append(t(lang, "now", arm=spec.arm.id, shots=shots_text(spec.shots, lang), seed=spec.seed + 1))
        parts.append(t(lang, "step", step=progress["step"], steps=progress["steps"]))
        if progress.get("loss") is not None:
            parts.append(t(lang, "loss", loss=f"{progress['loss']:.3f}"))
    if status.get("began") and status["done"]:
        left = (time.time() - status["began"]) / status["done"] * (status["total"] - status["done"])
        parts.append(t(lang, "left", time=duration(left, lang)))
    return " · ".join(parts) or t(lang, "warming")


def _chart(opened: Opened, lang: str, going: bool) -> str | None:
    if not opened.comparison or not opened.comparison.cells:
        return None
    label = t(lang, "chart_leaderboard") + (f" ({t(lang, 'provisional')})" if going else "")
    return drawing(figures.leaderboard(opened.comparison, opened.comparison.metric, language=lang), label)


def _best_table(opened: Opened, lang: str) -> str:
    """The best of each arm so far, as words and numbers."""
    if not opened.comparison or not opened.comparison.cells:
        return ""
    best: dict[str, Any] = {}
    for cell in opened.comparison.cells:
        best.setdefault(cell.arm, cell)
    metric = opened.comparison.metric
    rows: Sequence[Any] = [(escaped(c.arm), escaped(shots_text(c.shots, lang)), escaped(interval_text(getattr(c, metric))), f"{len(c.seeds)}") for c in best.values()]
    return table_html(t(lang, "best_so_far", metric=t(lang, metric)), [t(lang, "arm"), t(lang, "labels_per_class"), t(lang, metric), t(lang, "draws")], rows)


TAB = Tab()
