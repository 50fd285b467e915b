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
from tl_core.experiments.consent import destination, question
from tl_core.experiments.estimate import estimate
from tl_core.experiments.plan import ArmRequest, Study, make_study, plan
from tl_core.models.catalog import EMBEDDED, describe
from tl_core.report import figures
from tl_core.strategies import strategies
from tl_core.types import Facts
from tl_ui.datasets import Held
from tl_ui.forms import Form, changed, settings_form
from tl_ui.lab import Lab, key_of, with_key
from tl_ui.pieces import bar, clip, duration, escaped, interval_text, shots_text, strategy_about, strategy_title, table_html
from tl_ui.plotly_view import drawing, plotly_view
from tl_ui.shown import notice_html, on_page
from tl_ui.studies import Opened
from tl_ui.words import t, word

SHOTS = ("0", "1", "2", "4", "8", "16", "32", "all")
FIRST_STRATEGIES = ("majority", "tfidf", "similarity", "probe", "prior-probe")
FIRST_SHOTS = (0, 1, 2, 4, 8)
FIRST_SEEDS = 3
NEEDS = ("no labels", "a few labels", "all labels")
MAX_SEEDS = 20
GOING = ("queued", "running")


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
    strategies: dict[str, gr.Checkbox]
    own: gr.State  # arms with their own settings: [{"name", "strategy", "settings"}]
    own_table: gr.Dataframe
    own_row: gr.Row
    gone: gr.Dropdown
    remove: gr.Button
    name: gr.Textbox
    strategy: gr.Dropdown
    settings: dict[str, Form]
    add: gr.Button
    shots: gr.CheckboxGroup
    more_shots: gr.Textbox
    seeds: gr.Slider
    test_size: gr.Number
    model: gr.Dropdown
    advice: gr.HTML | None = None
    reading: gr.HTML | None = None
    send: gr.Checkbox | None = None  # whether texts may leave this machine; seen only where they would
    run: gr.Button | None = None

    @property
    def asked(self) -> list[Any]:
        """The components that say what is compared."""
        return [*self.strategies.values(), self.own, self.shots, self.more_shots, self.seeds, self.test_size, self.model]


@dataclasses.dataclass(frozen=True)
class Live:
    status: gr.HTML
    stop: gr.Button
    go_on: gr.Button
    results: gr.Button
    chart: gr.HTML
    table: gr.HTML
    lead: gr.State  # the study after which the page goes to the results by itself
    drawn: gr.State  # what the chart shows: "study done language"


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
    boxes = _strategy_boxes(lab)
    own = gr.State([])
    with gr.Accordion(word("own_head"), open=False, elem_id="own"):
        name, strategy, settings, add = _own_form(lab)
        table = gr.Dataframe(headers=["name", "strategy", "settings"], datatype="str", interactive=False, wrap=True, visible=False, label=word("own_table"), elem_id="own-table")
        with gr.Row(visible=False, equal_height=True) as own_row:
            gone = gr.Dropdown([], label=word("own_gone"), min_width=160, interactive=True)
            remove = gr.Button(word("own_remove"), min_width=120, scale=0)
    gr.Markdown(word("labels_head_compare"))
    choices = _shot_choices(lab.datasets.get(lab.dataset_id.value), "en")
    shots = gr.CheckboxGroup(choices, value=[s for s in ("0", "1", "2", "4", "8", "16")], label=word("shots"), info=word("shots_info"), elem_id="shots")
    with gr.Row():
        seeds = gr.Slider(1, MAX_SEEDS, value=3, step=1, label=word("seeds"), info=word("seeds_info"), min_width=200, elem_id="seeds")
    with gr.Accordion(word("more_settings"), open=False):
        more_shots = gr.Textbox(label=word("more_shots"), info=word("more_shots_info"), max_lines=1, elem_id="more-shots")
        test_size = gr.Number(None, label=word("test_size"), info=word("test_size_info"), precision=0, elem_id="test-size")
        models = [(f"{m['title']} ({m['id']})", m["id"]) for m in describe()]
        free = lab.profile.allow_hub_models
        model = gr.Dropdown(models, value=EMBEDDED.name, label=word("model"), info=word("model_info_free" if free else "model_info"), allow_custom_value=free, elem_id="model")
    return ArmsForm(boxes, own, table, own_row, gone, remove, name, strategy, settings, add, shots, more_shots, seeds, test_size, model)


def _go(form: ArmsForm) -> ArmsForm:
    """Beside the form, so that it stays in sight: how long it takes, what speaks against it, the button."""
    gr.Markdown(word("go_head"))
    advice = gr.HTML(elem_id="advice")
    reading = gr.HTML(elem_id="model-reads")
    send = gr.Checkbox(False, visible=False, label=word("send_texts"), elem_id="send-texts")
    run = gr.Button(word("run"), variant="primary", elem_id="run")
    return dataclasses.replace(form, advice=advice, reading=reading, send=send, run=run)


def _strategy_boxes(lab: Lab) -> dict[str, gr.Checkbox]:
    """A box for each strategy with its one sentence, grouped by how many labels it wants."""
    boxes: dict[str, gr.Checkbox] = {}
    for needs in NEEDS:
        with gr.Column(elem_classes="tl-arms"):
            _boxes_of(lab, needs, boxes)
    return boxes


def _boxes_of(lab: Lab, needs: str, boxes: dict[str, gr.Checkbox]) -> None:
    lab.in_language(gr.HTML(_group_head(needs, "en")), lambda lang, needs=needs: _group_head(needs, lang))
    for id, strategy in strategies().items():
        if strategy.needs == needs:
            box = gr.Checkbox(id in FIRST_STRATEGIES, label=strategy.title, info=strategy.about, elem_id=f"arm-{id}", elem_classes="tl-arm", container=False)
            boxes[id] = lab.in_language(box, lambda lang, s=strategy: gr.Checkbox(label=strategy_title(s, lang), info=strategy_about(s, lang)))


def _group_head(needs: str, lang: str) -> str:
    return f"<h4 class='tl-group'>{escaped(t(lang, 'needs_' + needs.replace(' ', '_')))}</h4>"


def _own_form(lab: Lab) -> tuple[gr.Textbox, gr.Dropdown, dict[str, Form], gr.Button]:
    choices = lambda lang: [(strategy_title(s, lang), id) for id, s in strategies().items()]  # noqa: E731
    chosen = "lora" if "lora" in strategies() else next(iter(strategies()))
    with gr.Row():
        strategy = gr.Dropdown(choices("en"), value=chosen, label=word("own_strategy"), min_width=180, elem_id="own-strategy")
        name = gr.Textbox(label=word("own_name"), info=word("own_name_info"), max_lines=1, min_width=180, elem_id="own-name")
    lab.in_language(strategy, lambda lang: gr.Dropdown(choices=choices(lang)))
    settings = {id: settings_form(id, visible=id == chosen) for id in strategies()}
    add = gr.Button(word("own_add"), variant="secondary", elem_id="own-add")
    return name, strategy, settings, add


def _live() -> Live:
    status = gr.HTML(status_html(None, None, "en"), elem_id="status")
    with gr.Row(elem_classes="tl-actions"):
        stop = gr.Button(word("stop"), variant="stop", visible=False, elem_id="stop", min_width=120)
        go_on = gr.Button(word("go_on"), variant="secondary", visible=False, elem_id="go-on", min_width=120)
        results = gr.Button(word("see_results"), variant="primary", visible=False, elem_id="see-results", min_width=160)
    chart = plotly_view(label="Leaderboard so far", elem_id="live-chart")
    table = gr.HTML(elem_id="live-table")
    return Live(status, stop, go_on, results, chart, table, gr.State(""), gr.State(""))


def _shot_choices(held: Held, lang: str) -> list[tuple[str, str]]:
    least = held.least_rows
    return [(t(lang, "all_rows") if s == "all" else s, s) for s in SHOTS if s == "all" or int(s) <= least]


# --- the form ------------------------------------------------------------------------------------------


def _wire_form(lab: Lab, form: ArmsForm, notice: gr.HTML) -> None:
    fields = [field for f in form.settings.values() for field in f.fields.values()]

    def show_settings(values: dict) -> dict:
        return {f.group: gr.Group(visible=id == values[form.strategy]) for id, f in form.settings.items()}

    def add(values: dict) -> dict:
        """One more arm, checked at once."""
        id = values[form.strategy]
        settings = changed(form.settings[id], values)
        arm = {"name": _arm_name(values[form.name], id, settings, values[form.own]), "strategy": id, "settings": settings}
        held = lab.datasets.get(values[lab.dataset_id])
        split, _ = held.usual_split
        make_study("", held.loaded.dataset.problem, split, arms=[_request(arm)], shots=[1], seeds=1, model=EMBEDDED.name, hub=lab.profile.allow_hub_models)
        return {form.name: "", **_own_shown(form, [*values[form.own], arm], values[lab.lang])}

    def remove(values: dict) -> dict:
        return _own_shown(form, [a for a in values[form.own] if a["name"] != values[form.gone]], values[lab.lang])

    def advise(values: dict) -> dict:
        return {form.advice: advice_html(lab, form, values), form.send: _send_box(lab, form, values)}

    def read(values: dict) -> dict:
        """Whether the models can read the texts: asked of a worker, which may still be starting."""
        return {form.reading: notice_html("\n".join(_unread(lab, form, values)), kind="note")}

    def fit_to_data(values: dict) -> dict:
        choices = _shot_choices(lab.datasets.get(values[lab.dataset_id]), values[lab.lang])
        offered = [key for _, key in choices]
        return {form.shots: gr.CheckboxGroup(choices=choices, value=[s for s in values[form.shots] if s in offered])}

    own = [form.own, form.own_table, form.own_row, form.gone]
    lab.on(form.strategy.input, show_settings, [form.strategy], [f.group for f in form.settings.values()])
    lab.on(form.add.click, add, [form.strategy, form.name, form.own, lab.dataset_id, *fields], [form.name, *own], notice)
    lab.on(form.remove.click, remove, [form.own, form.gone], own, notice)
    lab.on([lab.dataset_id.change, lab.lang.change], fit_to_data, [lab.dataset_id, form.shots], [form.shots])
    said = [box.input for box in form.strategies.values()] + [form.shots.input, form.more_shots.blur, form.seeds.release, form.test_size.blur, form.model.input]
    again = [*said, form.own.change, lab.dataset_id.change, lab.lang.change, lab.arrived.change]
    lab.on(again, advise, [lab.dataset_id, *form.asked], [form.advice, form.send], trigger_mode="always_last")
    lab.on(again, read, [lab.dataset_id, *form.asked], [form.reading], trigger_mode="always_last")


def _arm_name(given: str, strategy: str, settings: dict, own: list[dict]) -> str:
    """As given; else made of what is different about it."""
    given = re.sub(r"\s+", " ", given or "").strip()[:60]
    taken = {arm["name"] for arm in own} | set(strategies())
    if given:
        if given in taken:
            raise UserError(f"There is an arm called {given!r} already. Give this one another name.")
        return given
    made = "-".join([strategy, *(f"{k.replace('_', '-')}-{clip(str(v), 12)}" for k, v in settings.items())])[:60]
    made = made if settings else f"{strategy}-2"
    return made if made not in taken else next(f"{made}-{i}" for i in range(2, 100) if f"{made}-{i}" not in taken)


def _own_shown(form: ArmsForm, own: list[dict], lang: str) -> dict:
    rows = [[a["name"], strategy_title(strategies()[a["strategy"]], lang), ", ".join(f"{k} = {v}" for k, v in a["settings"].items()) or "–"] for a in own]
    names = [a["name"] for a in own]
    return {
        form.own: own,
        form.own_table: gr.Dataframe(value=rows, visible=bool(own)),
        form.own_row: gr.Row(visible=bool(own)),
        form.gone: gr.Dropdown(choices=names, value=names[-1] if names else None),
    }


def _request(arm: dict) -> ArmRequest:
    return ArmRequest(arm["strategy"], arm["settings"], arm["name"])


def _asked(form: ArmsForm, values: dict) -> tuple[list[ArmRequest], list[int | None]]:
    arms = [ArmRequest(id) for id, box in form.strategies.items() if values[box]]
    shots = [*values[form.shots], *re.findall(r"[^\s,;]+", values[form.more_shots] or "")]
    bad = [s for s in shots if not re.fullmatch(r"\d{1,7}|all", s)]
    if bad:
        raise UserError(f"{', '.join(bad)} is no number of labels per class. Write whole numbers such as 3, 64, or all.")
    return arms + [_request(a) for a in values[form.own]], [None if s == "all" else int(s) for s in shots]


def _study(lab: Lab, form: ArmsForm, values: dict) -> Study:
    """What the form asks for, every fault of it told at once.

    Raises:
        UserError: as `make_study`, or what this place does not allow.
    """
    held, model = lab.datasets.get(values[lab.dataset_id]), (values[form.model] or EMBEDDED.name).strip()
    arms, shots = _asked(form, values)
    faults = []
    if not lab.profile.allow_hub_models and model not in {m["id"] for m in describe()}:
        faults.append(f"Only the models of the list can be used here, and {clip(model, 80)!r} is none of them.")
    if lab.profile.public and any(a.settings.get("endpoint_model") for a in arms):
        faults.append("Only the chat model that this place offers can be asked here. Leave endpoint_model empty.")
    if not arms:
        faults.append("Choose at least one strategy.")
    if not shots:
        faults.append("Choose at least one number of labels per class.")
    if not 1 <= int(values[form.seeds] or 0) <= MAX_SEEDS:
        faults.append(f"Draws must be from 1 to {MAX_SEEDS}.")
    raise_all(faults)
    size = values[form.test_size]
    split, _ = held.usual_split if not size else held.split(int(size))
    return make_study(held.name, held.loaded.dataset.problem, split, arms=arms, shots=shots, seeds=int(values[form.seeds]), model=model, hub=lab.profile.allow_hub_models)


def advice_html(lab: Lab, form: ArmsForm, values: dict) -> str:
    """How long it will take and what speaks against it, before anybody starts."""
    lang = values[lab.lang]
    try:
        made = plan(_study(lab, form, values))
    except UserError as fault:
        return notice_html(on_page(str(fault), lang), kind="note")
    seconds = estimate(made, where=lab.queue.folder.parent).seconds
    said = [f"<p class='tl-estimate'>{escaped(t(lang, 'estimate', runs=len(made.specs), time=duration(seconds, lang)))}</p>"]
    limit = lab.profile.max_study_seconds
    warnings = [t(lang, "too_long", limit=duration(limit, lang))] if seconds > limit else []
    warnings += sorted(set(made.refused.values()))
    return "".join(said) + notice_html(on_page("\n".join(warnings), lang), kind="note")


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
        held = lab.datasets.get(values[lab.dataset_id])
        guesses = [dataclasses.asdict(g) for g in held.loaded.guesses]
        context = {"dataset": {"source": held.name, "guesses": guesses, "notes": list(held.loaded.notes)}}
        name, key = lab.queue.submit(study, context=context, consent=consent)
        return {lab.study_id: name, lab.saved: with_key(values[lab.saved], name, key), lab.selection: None, **_started(lab, name)}

    def stop(values: dict) -> dict:
        name = values[lab.study_id]
        lab.queue.stop(name, key_of(values[lab.saved], name))
        deadline = time.monotonic() + 3
        while lab.queue.status(name)["status"] in GOING and time.monotonic() < deadline:
            time.sleep(0.05)
        return _started(lab, name)

    def go_on(values: dict) -> dict:
        name = values[lab.study_id]
        lab.queue.again(name, key_of(values[lab.saved], name))
        return _started(lab, name)

    signals = [lab.study_id, lab.saved, lab.selection, lab.status, lab.beat]
    lab.on(form.run.click, run, [lab.dataset_id, lab.saved, form.send, *form.asked], signals, notice)
    lab.on(first.click, run_first, [lab.dataset_id, lab.saved], [*signals, live.lead], notice)
    lab.on(live.stop.click, stop, [lab.study_id, lab.saved], [lab.status, lab.beat], notice)
    lab.on(live.go_on.click, go_on, [lab.study_id, lab.saved], [lab.status, lab.beat], notice)


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
        going, mine = status["status"] in GOING, bool(key_of(values[lab.saved], status["name"]))
        opened = lab.studies.open(status["name"])
        out = {
            live.status: status_html(status, opened, lang),
            live.stop: gr.Button(visible=going and mine),
            live.go_on: gr.Button(visible=mine and status["status"] in ("stopped", "failed")),
            live.results: gr.Button(visible=status["done"] > 0 and not going),
            form.run: gr.Button(interactive=not going),
            first: gr.Button(interactive=not going),
        }
        drawn = f"{status['name']} {status['done']} {going} {lang}"
        if drawn != values[live.drawn]:
            out |= {live.drawn: drawn, live.chart: _chart(opened, lang, going), live.table: _best_table(opened, lang)}
        if values[live.lead] == status["name"] and status["status"] == "done":
            out |= {live.lead: "", lab.tabs: gr.Tabs(selected="results")}
        return out

    def introduce(values: dict) -> dict:
        return {intro: _intro(lab.datasets.get(values[lab.dataset_id]), values[lab.lang])}

    def to_results(_values: dict) -> dict:
        return {lab.tabs: gr.Tabs(selected="results")}

    shown = [live.status, live.stop, live.go_on, live.results, form.run, first, live.drawn, live.chart, live.table, live.lead, lab.tabs]
    lab.on([lab.status.change, lab.lang.change], show, [lab.status, lab.saved, live.drawn, live.lead], shown)
    lab.on([lab.dataset_id.change, lab.lang.change], introduce, [lab.dataset_id], [intro])
    lab.on(live.results.click, to_results, outputs=[lab.tabs])


def status_html(status: dict | None, opened: Opened | None, lang: str) -> str:
    """Where the study is, in words that a screen reader announces."""
    if status is None:
        return f"<p class='tl-status' role='status'>{escaped(t(lang, 'nothing_yet'))}</p>"
    state, done, total = status["status"], status["done"], status["total"]
    head = t(lang, f"state_{state}", done=done, total=total, ahead=status["ahead"])
    more = [_now(status, opened, lang)] if state == "running" else []
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
    if not opened.comparison.cells:
        return None
    label = t(lang, "chart_leaderboard") + (f" ({t(lang, 'provisional')})" if going else "")
    return drawing(figures.leaderboard(opened.comparison, opened.comparison.metric, language=lang), label)


def _best_table(opened: Opened, lang: str) -> str:
    """The best of each arm so far, as words and numbers."""
    best: dict[str, Any] = {}
    for cell in opened.comparison.cells:
        best.setdefault(cell.arm, cell)
    metric = opened.comparison.metric
    rows: Sequence[Any] = [(escaped(c.arm), escaped(shots_text(c.shots, lang)), escaped(interval_text(getattr(c, metric))), f"{len(c.seeds)}") for c in best.values()]
    if not rows:
        return ""
    return table_html(t(lang, "best_so_far", metric=t(lang, metric)), [t(lang, "arm"), t(lang, "labels_per_class"), t(lang, metric), t(lang, "draws")], rows)


TAB = Tab()
