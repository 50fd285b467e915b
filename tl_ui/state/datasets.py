"""Visitors' files, kept on this machine under unguessable names; a visitor's state holds the name
only.

    uploads/FILES/data.csv, test.csv    as they were uploaded
    uploads/FILES/CHOICE.json           how they are read, and the label table
    uploads/FILES/names.json            what the files were called

A dataset's id is "FILES/CHOICE"; every change makes a new choice. FILES may also be "sample:NAME".
"""

from __future__ import annotations

import dataclasses
import json
import re
import secrets
import shutil
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from spaces_config import Profile
from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.api.types import Label, Split
from tl_core.data.alike import with_joined
from tl_core.data.audit import Audit, audit
from tl_core.data.duplicates import Duplicates, find_duplicates
from tl_core.data.labels import are_named, read_labels
from tl_core.data.load import to_dataset
from tl_core.data.loaded import Loaded
from tl_core.data.samples import SAMPLES, sample
from tl_core.data.split import Pool, default_test_size
from tl_core.data.tables import GUESS_ALL, READABLE, ReadOptions, Table, read_table
from tl_core.data.tokens_read import TokenReport, read_texts
from tl_core.models.embedded import model_for
from tl_core.running.quotas import Room, whole
from tl_core.running.reading_process import Bounded
from tl_core.running.turns import Visitor
from tl_core.studies.plan import make_split

FIRST = "sample:support_tickets/as-is"
FIRST_IN = {"ko": "sample:korean_tickets/as-is"}  # for who reads another language
IN_MEMORY = 12
MOST_LABELS = 1_000  # rows of a label table, of which those that no row has are left out
ID = re.compile(r"(?P<files>sample:[a-z_]+|[\w-]{16,})/(?P<choice>as-is|[\w-]{8,})")
SAMPLE = "sample:"


@dataclass(frozen=True)
class Held:
    """A dataset in memory."""

    id: str
    name: str
    options: ReadOptions
    table: Table
    loaded: Loaded
    test: Loaded | None
    most_test_rows: int

    @cached_property
    def model(self) -> str:
        """The model that comes with the project and reads these texts best."""
        return model_for(self.texts)

    @cached_property
    def duplicates(self) -> Duplicates:
        """Return the rows that repeat others."""
        return find_duplicates(self.loaded.dataset.examples)

    @cached_property
    def audit(self) -> Audit:
        """Audit the rows without what models read, which the worker measures."""
        return self.audit_with(())

    def audit_with(self, tokens: Iterable[TokenReport]) -> Audit:
        """The audit, with what models read."""
        return audit(
            self.loaded.dataset,
            duplicates=self.duplicates,
            test=self.test.dataset.examples if self.test else None,
            tokens=tuple(tokens),
            unlabelled=self.loaded.unlabelled,
            named_labels=are_named(self.loaded.dataset.problem.labels),
            hints=self.loaded.hints,
            most_shots=self._most_shots(),
        )

    def _most_shots(self) -> int | None:
        try:
            return self.least_rows
        except UserError:
            return None  # the summary says why the rows cannot be split

    @cached_property
    def usual_split(self) -> tuple[Split, tuple[str, ...]]:
        """Return the split of the usual size, and notes on it."""
        return self.split(None)

    def split(self, size: int | None) -> tuple[Split, tuple[str, ...]]:
        """Test rows and pool, as `make_split`, within what this place allows.

        Raises:
            UserError: more test rows than are allowed here, or too few to do so.
        """
        if size is None and self.test is None:
            size = min(default_test_size(int(self.duplicates.keep.sum())), self.most_test_rows)
        if size is not None and size > self.most_test_rows and self.test is None:
            raise UserError(
                say(
                    "{size:,} test rows are more than the {most_test_rows:,} allowed here. Choose"
                    " fewer.",
                    size=size,
                    most_test_rows=self.most_test_rows,
                )
            )
        made, notes = make_split(
            self.loaded,
            test=self.test,
            size=None if self.test else size,
            most=self.most_test_rows,
            duplicates=self.duplicates,
        )
        if len(made.test) > self.most_test_rows:
            raise UserError(
                say(
                    "{test:,} test rows are more than the {most_test_rows:,} allowed here. Choose"
                    " fewer.",
                    test=len(made.test),
                    most_test_rows=self.most_test_rows,
                )
            )
        return made, notes

    @cached_property
    def least_rows(self) -> int:
        """Rows of the smallest label in the pool: how many shots there can be."""
        return min(Pool(self.usual_split[0].pool, self.loaded.dataset.problem).counts().values())

    @cached_property
    def texts(self) -> list[str]:
        """Return what a model reads of each row."""
        return read_texts(self.loaded.dataset.examples)


class Datasets:
    """The visitors' files, read and kept. Every method may be called from any thread."""

    def __init__(
        self,
        home: Path,
        profile: Profile,
        ask_tokens: Callable[[list[str], list[str]], list[TokenReport]],
        *,
        room: Room | None = None,
        who: Callable[[], Visitor] = Visitor,
    ):
        self.folder = home / "uploads"
        self.profile = profile
        self.bounded = Bounded(
            profile.max_read_seconds, profile.max_read_mb
        )  # where every file of a visitor is read
        self._ask_tokens, self._room, self._who = ask_tokens, room or Room(home), who
        self._held: OrderedDict[str, Held] = OrderedDict()
        self._tokens: OrderedDict[tuple[str, str], Future[TokenReport]] = OrderedDict()
        self._lock = threading.Lock()

    # --- files come in ----------------------------------------------------------------------------

    def add(self, data: str | Path, test: str | Path | None = None) -> str:
        """Keep uploaded files; returns the name under which `choose` finds them.

        Raises:
            UserError: too large for this place, or there is no room for them.
        """
        paths = {"data": Path(data), **({"test": Path(test)} if test else {})}
        limit = self.profile.max_upload_mb
        over = [p.name for p in paths.values() if p.stat().st_size > limit * 2**20]
        if over:
            raise UserError(
                say(
                    "{over} is larger than the {limit} MB a file may have here. Upload a part of"
                    " its rows.",
                    over=" and ".join(over),
                    limit=limit,
                )
            )
        files, visitor = secrets.token_urlsafe(16), self._who().name
        self._room.take(visitor, sum(path.stat().st_size for path in paths.values()))
        with whole(self.folder / files) as folder:
            folder.mkdir(parents=True, mode=0o700)
            for part, path in paths.items():
                shutil.copyfile(path, folder / f"{part}{_suffix(path)}")
            names = {part: path.name for part, path in paths.items()}
            (folder / "names.json").write_text(
                json.dumps({**names, "visitor": visitor}), encoding="utf-8"
            )
        return files

    def columns(self, files: str, options: ReadOptions) -> Mapping[str, Sequence[Any]]:
        """The columns of an uploaded file, with their cells."""
        return self._table(files, "data", options, self._names(files)["data"]).columns

    def choose(
        self, files: str, options: ReadOptions = GUESS_ALL, labels: tuple[Label, ...] | None = None
    ) -> str:
        """Read files so; returns the id of the dataset.

        Raises:
            UserError: they cannot be read so; nothing is kept then.
        """
        choice = {
            "options": dataclasses.asdict(options),
            "labels": None if labels is None else [dataclasses.asdict(x) for x in labels],
        }
        held = self._read(f"{files}/{secrets.token_urlsafe(9)}", files, options, labels)
        folder = self._folder(files)
        choices = folder / f"{held.id.split('/')[1]}.json"
        try:
            folder.mkdir(parents=True, mode=0o700, exist_ok=True)
            choices.write_text(json.dumps(choice, ensure_ascii=False), encoding="utf-8")
        except OSError as fault:
            choices.unlink(missing_ok=True)
            raise UserError(
                say(
                    "The disk of this place is full, so it cannot be kept how the file is read. Try"
                    " again later."
                )
            ) from fault
        self._keep(held)
        return held.id

    # --- and are used -----------------------------------------------------------------------------

    def get(self, id: str) -> Held:
        """A dataset.

        Raises:
            UserError: it is no longer here.
        """
        with self._lock:
            if id in self._held:
                self._held.move_to_end(id)
                return self._held[id]
        found = ID.fullmatch(id or "")
        if not found:
            raise UserError(
                say("This dataset is no longer here. Upload the file again, or choose a sample.")
            )
        files, choice = found["files"], found["choice"]
        if choice == "as-is":
            held = self._read(id, files, ReadOptions(), None)
        else:
            try:
                given = json.loads(
                    (self._folder(files) / f"{choice}.json").read_text(encoding="utf-8")
                )
            except (OSError, ValueError):
                raise UserError(
                    say(
                        "This dataset is no longer here. Upload the file again, or choose a sample."
                    )
                ) from None
            labels = given["labels"] and tuple(
                Label(x["id"], x["name"], tuple(x["descriptions"]), tuple(x["words"]))
                for x in given["labels"]
            )
            held = self._read(id, files, ReadOptions(**given["options"]), labels)
        self._keep(held)
        return held

    def here(self, id: str) -> bool:
        """Whether a dataset is available."""
        try:
            self.get(id)
        except UserError:
            return False
        return True

    def tokens(self, held: Held, model: str) -> TokenReport:
        """Return how a model's tokenizer takes the texts; asked of a worker once."""
        key = (held.loaded.dataset.id, model)
        with self._lock:
            asking = self._tokens.get(key)
            mine = asking is None
            if asking is None:  # who asks the same meanwhile waits for this answer
                asking = self._tokens[key] = Future()
                while len(self._tokens) > 64:
                    self._tokens.popitem(last=False)
        if mine:
            try:
                (report,) = self._ask_tokens([model], held.texts)
            except BaseException as fault:
                with self._lock:
                    self._tokens.pop(key, None)
                asking.set_exception(fault)
                raise
            asking.set_result(report)
        return asking.result()

    def forget(self, id: str) -> None:
        """Remove the uploaded files of a dataset; a bundled sample's file stays."""
        files = id.partition("/")[0]
        with self._lock:
            for known in [
                i for i in self._held if i.startswith(f"{files}/") and not files.startswith(SAMPLE)
            ]:
                del self._held[known]
        if ID.fullmatch(id) and not files.startswith(SAMPLE):
            shutil.rmtree(self._folder(files), ignore_errors=True)

    def sweep(self, days: float) -> None:
        """Remove uploads no one has touched for so many days."""
        for folder in self.folder.iterdir() if self.folder.is_dir() else ():
            if time.time() - folder.stat().st_mtime > days * 86400:
                shutil.rmtree(folder, ignore_errors=True)

    # --- inside -----------------------------------------------------------------------------------

    def _read(
        self, id: str, files: str, options: ReadOptions, labels: tuple[Label, ...] | None
    ) -> Held:
        names = self._names(files)
        if labels is None and files.startswith(SAMPLE):
            labels = read_labels(sample(files.removeprefix(SAMPLE)).labels_path)
        table = self._table(files, "data", options, names["data"])
        loaded = to_dataset(table, options, labels)
        test = None
        if "test" in names:
            same = dataclasses.replace(options, sheet=None, encoding=None, delimiter=None)
            named: dict[str, Any] = {
                role: column
                for role, column in loaded.columns.items()
                if role != "group" or options.group
            }
            test_table = self._table(files, "test", same, names["test"])
            test = to_dataset(
                test_table,
                dataclasses.replace(same, **named),
                with_joined(loaded.dataset.problem.labels, loaded.joined),
                check_classes=False,
            )
        return Held(id, names["data"], options, table, loaded, test, self.profile.max_test_rows)

    def labels_of(self, path: Path) -> tuple[Label, ...]:
        """An uploaded label table.

        Raises:
            UserError: every fault of it, or it is more than may be read.
        """
        return self.bounded.call(
            read_labels, path, dataclasses.replace(self.profile.reading, rows=MOST_LABELS)
        )

    def _table(self, files: str, part: str, options: ReadOptions, name: str) -> Table:
        path = self._file(files, part)
        if files.startswith(SAMPLE):  # it comes with the program
            return dataclasses.replace(read_table(path, options), name=name)
        try:
            return dataclasses.replace(
                self.bounded.call(read_table, path, options, self.profile.reading), name=name
            )
        except UserError as fault:
            raise UserError(str(fault).replace(str(path), name).replace(path.name, name)) from None

    def _keep(self, held: Held) -> None:
        with self._lock:
            self._held[held.id] = held
            while len(self._held) > IN_MEMORY:
                self._held.popitem(last=False)

    def _folder(self, files: str) -> Path:
        return self.folder / files.replace(":", "-")

    def _file(self, files: str, part: str) -> Path:
        if files.startswith(SAMPLE):
            return sample(files.removeprefix(SAMPLE)).path
        return next(self._folder(files).glob(f"{part}.*"))

    def _names(self, files: str) -> dict[str, Any]:
        if files.startswith(SAMPLE):
            return {"data": sample(files.removeprefix(SAMPLE)).path.name}
        try:
            return json.loads((self._folder(files) / "names.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise UserError(say("This file is no longer here. Upload it again.")) from None


def sample_ids() -> dict[str, str]:
    """The dataset id of each bundled sample, as it is."""
    return {name: f"{SAMPLE}{name}/as-is" for name in SAMPLES}


def _suffix(path: Path) -> str:
    """The suffix, if it is one that means something; a name made up by a visitor goes into no
    path.
    """
    return path.suffix.lower() if path.suffix.lower() in READABLE else ".upload"
