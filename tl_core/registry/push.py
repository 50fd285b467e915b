"""Exports and studies, put on the Hugging Face hub: private unless somebody says otherwise, and
only after a person has said yes. The token is found by `huggingface_hub` alone; nothing here sees,
keeps or says it.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tl_core.api.errors import UserError
from tl_core.api.sentences import Sentence, Setting, say
from tl_core.api.types import Example, Problem
from tl_core.data.hub import endpoint, status_of, told

MODEL, DATASET = "model", "dataset"
STUDY_FILES = ("predictions.parquet", "study.json", "report.html")


@dataclass(frozen=True)
class Pushed:
    """What was put on the hub."""

    repository: str
    kind: str  # "model" or "dataset"
    private: bool
    url: str
    files: int

    def plain(self) -> dict[str, Any]:
        """As printed with --json."""
        return asdict(self)


@dataclass(frozen=True)
class Parcel:
    """A folder that is ready to be put on the hub."""

    folder: Path
    kind: str
    holds_texts: bool  # rows of the study are in it

    @property
    def files(self) -> list[Path]:
        """Every file."""
        return sorted(p for p in self.folder.rglob("*") if p.is_file())

    def question(self, repository: str, private: bool) -> Sentence:
        """What a person is asked before anything is sent."""
        size = sum(p.stat().st_size for p in self.files) / 2**20
        what = {
            (MODEL, False): say("a model, without any text of the study"),
            (MODEL, True): say("a model with the training rows that it answers from"),
            (DATASET, True): say("a study with the texts and labels of all its rows"),
        }[self.kind, self.holds_texts]
        return say(
            "This puts {n} files ({size:.1f} MB) on {hub} as {repository}, {access}: {what}.",
            n=len(self.files),
            size=size,
            hub=hub_name(),
            repository=repository,
            access=say("private") if private else say("for everybody to see"),
            what=what,
        )


@contextmanager
def parcel(source: str) -> Iterator[Parcel]:
    """An export, a registered version or a study, ready to be sent.

    Raises:
        UserError: it is none of them, or damaged.
    """
    from tl_core.exports.opened import check, is_export, read_about
    from tl_core.registry import Registry, is_reference

    folder = Path(source).expanduser()
    if is_reference(source):
        _, folder = Registry().opened(source)
    if is_export(folder):
        about = read_about(folder)
        check(folder, about)
        yield Parcel(folder, MODEL, bool(about.get("holds_rows")))
        return
    with parcel_of_study(folder) as ready:
        yield ready


@contextmanager
def parcel_of_study(folder: Path) -> Iterator[Parcel]:
    """A study, ready to be sent.

    Raises:
        UserError: there is none, or it is damaged.
    """
    with tempfile.TemporaryDirectory(prefix="transfer-lab-") as place:
        _lay_out(folder, Path(place))
        yield Parcel(Path(place), DATASET, True)


def _lay_out(study: Path, place: Path) -> None:
    """What of a study may leave this machine, with a card by which the hub shows its rows."""
    import io

    from tl_core.studies.archive import pack
    from tl_core.studies.store import Store

    store = Store(study)
    made = store.load_study()
    with zipfile.ZipFile(io.BytesIO(pack(store))) as archive:
        held = set(archive.namelist())
        for name in STUDY_FILES:
            if name in held:
                (place / name).write_bytes(archive.read(name))
    (place / "rows").mkdir()
    for name, rows in (("train", made.split.pool), ("test", made.split.test)):
        _write_rows(made.problem, rows, place / "rows" / f"{name}.parquet")
    card = _card(made, "predictions.parquet" in held)
    (place / "README.md").write_text(card, encoding="utf-8", errors="backslashreplace")


def _write_rows(problem: Problem, rows: Sequence[Example], path: Path) -> None:
    """Texts and labels as a hub shows them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from tl_core.data.tables import well_formed
    from tl_core.tasks import task_of

    columns = {"text": [well_formed(e.text) for e in rows]}
    if problem.inputs == "two texts":
        columns["text_b"] = [well_formed(e.text_b or "") for e in rows]
    columns["label"] = [task_of(problem).write(e.labels) for e in rows]
    pq.write_table(pa.table(columns), path)


def _card(study: Any, has_predictions: bool) -> str:
    from tl_core.exports.card import code, plain

    splits = [{"split": name, "path": f"rows/{name}.parquet"} for name in ("train", "test")]
    configs: list[dict[str, Any]] = [{"config_name": "rows", "data_files": splits, "default": True}]
    if has_predictions:
        configs.append({"config_name": "predictions", "data_files": "predictions.parquet"})
    head = {
        "pretty_name": plain(study.name),
        "tags": ["transfer-lab"],
        "task_categories": ["text-classification"],
        "configs": configs,
    }
    labels = ", ".join(code(label.id) for label in study.problem.labels[:100])
    return "\n".join(
        [
            "---",
            json.dumps(head, ensure_ascii=False, indent=1),  # which is YAML as well
            "---",
            "",
            f"# {plain(study.name)}",
            "",
            f"A study by Transfer Lab: {len(study.split.pool):,} rows to train on,"
            f" {len(study.split.test):,} locked test rows, {len(study.arms):,} arms. Labels:"
            f" {labels}.",
            "",
            "`rows` has the rows, `predictions.parquet` what every run said of each test"
            " row, `report.html` the report, `study.json` the record with every setting.",
            "",
        ]
    )


def push(parcel: Parcel, repository: str, *, private: bool = True) -> Pushed:
    """Send it.

    Raises:
        UserError: there is no token, it has no right to write, the repository is there
            and public though a private one was wanted, or the hub cannot be reached.
    """
    from huggingface_hub import HfApi

    api = HfApi(endpoint=endpoint())
    offline = say("The hub could not be reached, so nothing was sent. Try again online.")
    with told(repository, partial(_refused, repository), offline):
        url = api.create_repo(repository, repo_type=parcel.kind, private=private, exist_ok=True)
        info = api.repo_info(repository, repo_type=parcel.kind)
        if private and not info.private:
            raise UserError(
                say(
                    "{repository} is there already, and everybody can see it. Say {public} if this"
                    " may be seen too, or choose another name.",
                    repository=repository,
                    public=Setting("public"),
                )
            )
        api.upload_folder(
            folder_path=parcel.folder,
            repo_id=repository,
            repo_type=parcel.kind,
            commit_message="Transfer Lab",
        )
    return Pushed(repository, parcel.kind, bool(info.private), str(url), len(parcel.files))


def hub_name() -> str:
    """The hub, by its address."""
    return endpoint() or "https://huggingface.co"


def _refused(repository: str, fault: BaseException) -> str:
    """The sentence on why the hub takes nothing; "" for what is no answer of it."""
    from huggingface_hub import errors

    if isinstance(fault, errors.LocalTokenNotFoundError):
        return _no_token()
    if not isinstance(fault, errors.HfHubHTTPError):
        return ""
    status = status_of(fault)
    if status == 401:
        return _no_token()
    if status == 403:
        return say(
            "The token has no right to write {repository}. Make one with write access, or"
            " choose a name of your own.",
            repository=repository,
        )
    return say(
        "The hub answered {status} when {name} was to be written. Try again later.",
        status=status,
        name=repository,
    )


def _no_token() -> Sentence:
    return say(
        "The hub takes nothing from somebody it does not know. Log in with `hf auth login`, or set"
        " HF_TOKEN to a token that may write."
    )
