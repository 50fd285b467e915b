"""The frame: header, language, light and dark, the tabs that were found, and what happens on
arrival.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.i18n import I18nData
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from spaces_config import Profile
from tl_core.api.errors import UserError
from tl_core.api.plugins import found
from tl_core.api.sentences import LANGUAGES
from tl_core.data.load import load
from tl_core.running.lent_gpu import Lend
from tl_core.running.queue import StudyQueue
from tl_core.running.quotas import Room
from tl_core.running.study_records import OPEN, UNDO_SECONDS
from tl_core.studies.estimate import known
from tl_core.studies.store import file_errors_as_user_errors
from tl_core.tasks import task_of
from tl_ui import api
from tl_ui.components import downloads
from tl_ui.components.first_paint import first_paint
from tl_ui.components.html import clip, escaped
from tl_ui.components.outside import built, log_troubles, words_of
from tl_ui.components.path import path_view, states
from tl_ui.components.permalinks import view_of
from tl_ui.components.plotly_view import SCRIPT, SCRIPT_ROUTE, script_folder
from tl_ui.errors import Turns, on_page
from tl_ui.lab import Lab, remembered
from tl_ui.serving import borrowing
from tl_ui.serving.agents import offers_tools
from tl_ui.serving.document import Document
from tl_ui.serving.guard import Guard, allowed_hosts
from tl_ui.serving.visitors import visitors
from tl_ui.state.datasets import FIRST, FIRST_IN, Datasets
from tl_ui.state.shipped_study import shipped_study
from tl_ui.state.studies import Studies
from tl_ui.theme import CSS, HEAD, theme
from tl_ui.words import KEY, in_browser, t, word

BEAT_SECONDS = 1.5
TIMING_SECONDS, TIMING_LOOKS = 3.0, 40  # between looks whether this machine was timed, and how many
SWEEP_SECONDS = 3600.0
THREADS = 80  # most of which wait for a model
SESSIONS = 300  # visitors and programs that are remembered; whoever was here longest ago goes first
QUEUE_SECONDS = (
    0.01  # between two looks for events; left at 0.001, an idle page takes a tenth of a core
)
MARK = "__i18n__"
NOTICES = Path(__file__).with_name("notices.js")
KINDS = ("error", "warning", "info", "success")  # of notices, as Gradio has them

# The address bar and the document's language follow what the page shows; a reload or a copied link
# comes back to it.
_FOLLOW = """
const follow = () => {
  const now = JSON.parse(props.value || '{}');
  if (now.lang) {
    document.documentElement.lang = now.lang;
    try { localStorage.setItem('tl-lang', now.lang); } catch (e) {}
  }
  if (now.study === undefined) return;
  const url = new URL(location);
  if (now.study) url.searchParams.set('study', now.study); else url.searchParams.delete('study');
  if (url.href !== location.href) history.replaceState(history.state, '', url);
};
follow(); watch('value', follow);
"""
_TOGGLE = (
    "() => { const dark = document.body.classList.toggle('dark'); try {"
    " localStorage.setItem('tl-theme', dark ? 'dark' : 'light'); } catch (e) {} }"
)

# A chosen theme is kept; without one the page follows the system, and ?__theme= decides for one
# visit.
_THEME = """() => {
  let kept = null;
  try { kept = localStorage.getItem('tl-theme'); } catch (e) {}
  if (kept && !new URLSearchParams(location.search).has('__theme'))
    document.body.classList.toggle('dark', kept === 'dark');
}"""


def build(home: Path, profile: Profile, lend: Lend | None = None) -> tuple[gr.Blocks, StudyQueue]:
    """The page, and the queue that must be started for studies to run; `lend`: how this place lends
    visitors a GPU.
    """
    with file_errors_as_user_errors(home):
        for folder in (home, home / "studies", home / "uploads", home / "cache"):
            folder.mkdir(parents=True, exist_ok=True)
            if folder != home:
                folder.chmod(
                    0o700
                )  # other accounts of this machine do not read along, whatever a file in it allows
    device = "cpu" if profile.zero_gpu else None  # see zero_gpu.py
    who = visitors(home)
    room = Room(
        home,
        most=profile.max_home_mb * 2**20,
        most_each=profile.max_visitor_mb * 2**20,
        least_free=profile.min_free_mb * 2**20,
    )
    queue = StudyQueue(
        home,
        max_waiting=profile.max_queue,
        max_seconds=profile.max_study_seconds,
        device=device,
        who=who,
        max_waiting_each=profile.max_waiting_each,
        max_question_seconds=profile.max_question_seconds,
        max_questions_each=profile.max_questions_each,
        room=room,
        lends=lend is not None,
    )
    datasets = Datasets(
        home,
        profile,
        lambda models, texts: list(
            queue.ask("token_reports", models=models, texts=texts, hub=profile.allow_hub_models)
        ),
        room=room,
        who=who,
    )
    datasets.bounded.start()
    for store in (queue, datasets):
        store.sweep(profile.keep_studies_days)
        queue.keeper.every(SWEEP_SECONDS, partial(store.sweep, profile.keep_studies_days))
    queue.keeper.every(SWEEP_SECONDS, downloads.sweep)
    queue.keeper.every(UNDO_SECONDS / 10, queue.records.clear_away)
    with gr.Blocks(
        title="Transfer Lab",
        analytics_enabled=False,
        delete_cache=(1800, 6 * 3600),
        fill_width=True,
    ) as page:
        lab, theme_button, address, way = _frame(profile, queue, datasets, lend)
        api.add(lab)  # before the tabs, whose own handlers may have the same names
        with lab.tabs:
            for tab in found("tl_ui.tabs", "TAB").values():
                with gr.Tab(words_of(tab.title), id=tab.id, elem_id=f"tab-{tab.id}"):
                    with built(lab, "TAB", tab.id):
                        tab.build(lab)
        lab.wire_followers()
        borrowing.wire(lab)
        _arrive(page, lab, address)
        _await_timing(lab)
        _follow_the_way(lab, way)
        _switch_language(page, lab)
        page.load(None, None, None, js=_THEME, api_visibility="private")
        theme_button.click(None, None, None, js=_TOGGLE, api_visibility="private")
    log_troubles()
    page.queue(
        default_concurrency_limit=8, max_size=max(64, profile.max_queue), api_open=False
    )  # no one passes the line by
    page._queue.sleep_when_free = QUEUE_SECONDS
    return page, queue


def _frame(
    profile: Profile, queue: StudyQueue, datasets: Datasets, lend: Lend | None
) -> tuple[Lab, gr.Button, gr.HTML, gr.HTML]:
    with gr.Row(elem_classes="tl-head"):
        with gr.Column(scale=5, min_width=260):
            gr.Markdown(word("lede"), elem_classes="tl-lede", elem_id="lede")
        with gr.Row(elem_classes="tl-switches"):
            lang = gr.Radio(
                [("English", "en"), ("한국어", "ko")],
                value="en",
                label="Language / 언어",
                show_label=False,
                container=False,
                elem_id="lang",
            )
            theme_button = gr.Button(
                word("theme"),
                size="sm",
                variant="secondary",
                elem_id="theme",
                scale=0,
                min_width=120,
            )
    address = gr.HTML(
        "", js_on_load=_FOLLOW, html_template="<span hidden></span>", elem_classes="tl-hidden"
    )
    way = path_view({tab.id: tab.title for tab in found("tl_ui.tabs", "TAB").values()})
    lab = Lab(
        profile=profile,
        queue=queue,
        datasets=datasets,
        studies=Studies(queue),
        lend=lend,
        lang=lang,
        spoken=gr.State("en"),
        arrived=gr.State(False),
        linked=gr.State(""),
        timed=gr.State(False),
        dataset_id=gr.State(FIRST),
        study_id=gr.State(""),
        status=gr.State(None),
        fresh=gr.State(""),
        settled=gr.State(""),
        selection=gr.State(None),
        lead=gr.State(""),
        wishes=gr.State(None),
        borrow=gr.State(None),
        turns=gr.State(Turns()),
        saved=gr.BrowserState(
            remembered(None),
            storage_key="transfer-lab",
            secret="transfer-lab",
        ),
        beat=gr.Timer(BEAT_SECONDS, active=False),
        tabs=gr.Tabs(selected="start", elem_id="tabs"),
    )
    return lab, theme_button, address, way


# --- arriving, and following a study --------------------------------------------------------------


def _arrive(page: gr.Blocks, lab: Lab, address: gr.HTML) -> None:
    def arrive(values: dict, request: gr.Request) -> dict:
        """Language, dataset and study as this browser left them, or as the link says."""
        saved = remembered(values[lab.saved])
        lang = saved["lang"] or preferred_language(request.headers.get("accept-language", ""))
        changed: dict = {
            **{lab.lang: lang, lab.spoken: lang},
            lab.arrived: True,
            lab.linked: view_of(request),
        }
        if saved["dataset"] and lab.datasets.here(saved["dataset"]):
            changed[lab.dataset_id] = saved["dataset"]
        elif lang in FIRST_IN:
            changed[lab.dataset_id] = FIRST_IN[lang]
        name = request.query_params.get("study", "")
        if name:
            try:
                changed |= {lab.study_id: name, **lab.where(name)}
                # a link that names a tab or a view is gone to by itself
                if not request.query_params.get("tab") and not changed[lab.linked]:
                    status = changed[lab.status]
                    answered = status["done"] > 0 and status["status"] not in OPEN
                    changed[lab.tabs] = gr.Tabs(selected="results" if answered else "compare")
            except UserError:
                gr.Warning(t(lang, "no_such_study"))
                changed[address] = json.dumps({"study": "", "lang": lang})
        elif saved["study"]:
            with contextlib.suppress(UserError):  # removed meanwhile
                changed |= {**lab.where(saved["study"]), lab.study_id: saved["study"]}
        return changed

    def follow(values: dict) -> dict:
        """One tick: how far the open study is; one that was deleted meanwhile is told once."""
        if not values[lab.study_id]:
            return {lab.beat: gr.Timer(active=False)}
        try:
            return lab.where(values[lab.study_id])
        except UserError as fault:
            gr.Warning(escaped(on_page(str(fault), values[lab.lang])))
            return lab.nothing_open()

    def show_address(values: dict) -> dict:
        return {address: json.dumps({"study": values[lab.study_id], "lang": values[lab.lang]})}

    def remember(values: dict) -> dict:
        """Return what the next visit starts with."""
        kept = {"dataset": values[lab.dataset_id], "study": values[lab.study_id]}
        return {lab.saved: {**remembered(values[lab.saved]), **kept}}

    def speak(values: dict) -> dict:
        """The visitor has chosen a language."""
        lang = values[lab.lang]
        return {lab.spoken: lang, lab.saved: {**remembered(values[lab.saved]), "lang": lang}}

    status = [lab.status, lab.fresh, lab.settled, lab.beat]
    lab.on(
        page.load,
        arrive,
        [lab.saved],
        [
            lab.lang,
            lab.spoken,
            lab.arrived,
            lab.linked,
            lab.dataset_id,
            lab.study_id,
            address,
            lab.tabs,
            *status,
        ],
    )  # through the queue: only there do changed states tell
    lab.on(lab.beat.tick, follow, [lab.study_id], [*status, lab.study_id, lab.selection])
    lab.on([lab.study_id.change, lab.spoken.change], show_address, [lab.study_id], [address])
    lab.on(
        [lab.dataset_id.change, lab.study_id.change],
        remember,
        [lab.dataset_id, lab.study_id, lab.saved],
        [lab.saved],
        trigger_mode="always_last",
    )
    lab.on(lab.lang.input, speak, [lab.saved], [lab.spoken, lab.saved], trigger_mode="always_last")


def _await_timing(lab: Lab) -> None:
    """Tell a visitor who came before this machine was timed, once it has been; whoever comes later
    asks nothing.
    """
    looks, waits = gr.State(0), gr.Timer(TIMING_SECONDS, active=False)
    where = lab.queue.folder.parent

    def begin(_values: dict) -> dict:
        return {} if known(where) else {waits: gr.Timer(active=True)}

    def look(values: dict) -> dict:
        if known(where):
            return {lab.timed: True, waits: gr.Timer(active=False)}
        ends = values[looks] + 1 >= TIMING_LOOKS  # it could not be timed
        return {looks: values[looks] + 1, **({waits: gr.Timer(active=False)} if ends else {})}

    lab.on(lab.arrived.change, begin, outputs=[waits])
    lab.on(waits.tick, look, [looks], [looks, lab.timed, waits])


def _follow_the_way(lab: Lab, way: gr.HTML) -> None:
    def show(values: dict) -> dict:
        """How far each step of the way is."""
        held = lab.datasets.get(values[lab.dataset_id])
        problem, rows = held.loaded.dataset.problem, f"{len(held.loaded.dataset):,}"
        task = task_of(problem)
        if task.writes or task.alternatives:  # these have no labels to count
            said = {"data": in_all("rows_n", n=rows)}
        else:
            said = {"data": in_all("path_rows", rows=rows, labels=len(problem.labels))}
        if status := values[lab.status]:
            counts = {name: status[name] for name in ("done", "total", "ahead")}
            said["compare"] = in_all(f"path_{status['status']}", **counts)
            if status["done"]:
                ready = status["status"] not in OPEN
                said["results"] = in_all("path_ready" if ready else "path_coming")
                other = _other_file(lab, status["name"], held.name)
                if ready and other:
                    said["results"] = in_all("path_ready_of", name=clip(other, 24))
        return {way: states(said)}

    lab.on(
        [lab.arrived.change, lab.dataset_id.change, lab.status.change],
        show,
        [lab.dataset_id, lab.status],
        [way],
        trigger_mode="always_last",
    )


def _other_file(lab: Lab, study: str, name: str) -> str:
    """The file that a study is about; "" where it is the one of this name."""
    try:
        source = lab.studies.open(study).plan.study.name
    except UserError:  # deleted meanwhile, which is told elsewhere
        return ""
    return source if source != name else ""


def in_all(key: str, **inserted: Any) -> dict[str, str]:
    """Words in every language."""
    return {lang: t(lang, key, **inserted) for lang in LANGUAGES}


def preferred_language(header: str) -> str:
    """ "ko" when the browser prefers Korean to English, else "en"."""
    for part in header.lower().split(","):
        language = part.split(";")[0].strip()[:2]
        if language in LANGUAGES:
            return language
    return "en"


# --- languages ------------------------------------------------------------------------------------


def _switch_language(page: gr.Blocks, lab: Lab) -> None:
    """Labels first follow the browser by themselves; from the first switch on they are sent as
    chosen.
    """
    marked = [(block, props) for block in page.blocks.values() if (props := _marked(block))]
    components = [block for block, _ in marked] + [component for component, _ in lab.drawn]
    other = gr.State(
        False
        # whether labels must be sent on arrival: every output of an event costs the browser, so
        # most visits send none
    )

    def switch(values: dict) -> dict:
        lang = values[lab.lang]
        changed = {
            block: type(block)(**{prop: _said(value, lang) for prop, value in props.items()})
            for block, props in marked
        }
        return changed | {component: draw(lang) for component, draw in lab.drawn}

    def settle(values: dict, request: gr.Request) -> dict:
        """A visitor who chose English in a Korean browser: the radio does not change, but the
        labels must.
        """
        by_browser = preferred_language(request.headers.get("accept-language", ""))
        return {other: values[lab.lang] == "en" != by_browser}

    lab.on([lab.spoken.change, other.change], switch, outputs=components)
    lab.on(lab.arrived.change, settle, outputs=[other])


def _marked(block: Any) -> dict[str, Any]:
    """The properties of a component that hold keys of words."""
    names = ("label", "info", "placeholder", "choices", "value")
    return {name: value for name in names if _has_key(value := getattr(block, name, None))}


def _has_key(value: Any) -> bool:
    if isinstance(value, list):
        return any(isinstance(item, tuple) and _has_key(item[0]) for item in value)
    return isinstance(value, I18nData) or (isinstance(value, str) and value.startswith(MARK))


def _said(value: Any, lang: str) -> Any:
    """Words in place of their keys; buttons and texts hold a key as a marked string."""
    if isinstance(value, list):
        return [(_said(name, lang), key) for name, key in value]
    if not _has_key(value):
        return value
    key = value.key if isinstance(value, I18nData) else json.loads(value.removeprefix(MARK))["key"]
    return t(lang, key.removeprefix(KEY))


# --- launching ------------------------------------------------------------------------------------


class CachedFiles(StaticFiles):
    """Static files a browser may keep for a day."""

    async def get_response(self, path: str, scope: Any) -> Any:
        """As ever, with the header that says so."""
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = "public, max-age=86400"
        return response


async def robots(_request: Any) -> PlainTextResponse:
    """Search engines may know the page, and no study: its link is a secret among those who
    have it.
    """
    return PlainTextResponse("User-agent: *\nDisallow: /*study=\nDisallow: /gradio_api/\n")


def health(faults: Callable[[], list[str]]) -> Callable:
    """Return the endpoint that reports whether all that the page needs is there."""

    async def answer(_request: Any) -> JSONResponse:
        found = faults()
        return (
            JSONResponse({"status": "broken", "faults": found}, 503)
            if found
            else JSONResponse({"status": "ok"})
        )

    return answer


def _first_paint() -> str:
    study = shipped_study()
    titles = {tab.id: tab.title for tab in found("tl_ui.tabs", "TAB").values()}
    return first_paint(study, load(f"sample:{study.sample}").dataset, titles)


def _notices() -> str:
    keys = {**{kind: f"notice_{kind}" for kind in KINDS}, "wrong_kind": "wrong_kind"}
    said = {lang: {name: t(lang, key) for name, key in keys.items()} for lang in LANGUAGES}
    words = json.dumps(said, ensure_ascii=False).replace("<", "\\u003c")
    return f"<script>{NOTICES.read_text('utf-8').replace('WORDS', words, 1)}</script>"


def launch_kwargs(
    profile: Profile, faults: Callable[[], list[str]] = list, room: Room | None = None
) -> dict[str, Any]:
    """Return the arguments of `launch`.

    Args:
        faults: what of the page does not work at the moment, in sentences.
        room: of the disk, for files that are being uploaded.
    """
    return {
        "theme": theme(),
        "css": CSS,
        "head": f"{HEAD}<link rel='prefetch' as='script' href='{SCRIPT}'>{_notices()}",
        "i18n": gr.I18n(**in_browser()),
        "state_session_capacity": SESSIONS,
        "max_threads": THREADS,
        "max_file_size": profile.max_upload_mb * 2**20,
        "show_error": False,
        "run_history": False,
        "enable_monitoring": False,
        "ssr_mode": False,
        "strict_cors": True,
        "share": False,
        # else a machine too busy to answer itself within three seconds ends the page at its start
        "_frontend": False,
        "footer_links": ["api"],
        "mcp_server": offers_tools(profile),
        "app_kwargs": {
            "routes": [
                Mount(SCRIPT_ROUTE, CachedFiles(directory=script_folder())),
                Route("/healthz", health(faults)),
                Route("/robots.txt", robots),
            ],
            "middleware": [
                Middleware(Guard, profile=profile, hosts=allowed_hosts(), room=room),
                Middleware(Document, first=_first_paint()),
            ],
            "openapi_url": None,
        },
    }
