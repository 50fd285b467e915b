"""Models that were taken into use: a name, versions, and which of them is in production.

The registry is a folder of TL_HOME: `registry.json`, and under it a copy of every export. Each
change is made by one process at a time and appears whole or not at all.
"""

from __future__ import annotations

import json
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from tl_core.api.errors import UserError, unknown
from tl_core.api.sentences import say
from tl_core.json_text import parsed

SCHEMA = 1
FILE = "registry.json"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
REFERENCE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]{0,63})@([A-Za-z0-9]+)")
REGISTERED, PRODUCTION, RETIRED = "registered", "production", "retired"
REMOVED = "removed"  # kept in the file, so that no number is given twice
LATEST = "latest"
PATIENCE = 20.0  # seconds that a change waits for another one


@dataclass(frozen=True)
class Version:
    """A version of a model."""

    name: str
    version: int
    stage: str
    added: str  # UTC
    format: str
    study: str
    run: str
    arm: str
    digest: str  # of the export
    metrics: dict[str, Any] = field(default_factory=dict)

    @property
    def reference(self) -> str:
        """As `serve` and `predict` take it."""
        return f"{self.name}@{self.version}"


class Registry:
    """The models registered in a folder."""

    def __init__(self, folder: Path | None = None):
        from tl_core.models.embedding_cache import home

        self.folder = folder or home() / "registry"

    # --- reading ----------------------------------------------------------------------------------

    def versions(self, name: str | None = None) -> list[Version]:
        """Every version, or those of a name, in order.

        Raises:
            UserError: the registry is damaged, or there is no such name.
        """
        found = [v for v in self._read() if v.stage != REMOVED]
        if name is None:
            return found
        own = [v for v in found if v.name == name]
        if not own:
            raise UserError(unknown(say("model"), name, sorted({v.name for v in found})))
        return own

    def find(self, reference: str) -> Version:
        """The version that `name@3`, `name@production` or `name@latest` means.

        Raises:
            UserError: there is none.
        """
        matched = REFERENCE.fullmatch(reference)
        if matched is None:
            raise UserError(
                say(
                    "{reference} names no version. Write name@3, name@production or name@latest.",
                    reference=reference,
                )
            )
        name, wanted = matched.groups()
        own = self.versions(name)
        if wanted == LATEST:
            usable = [v for v in own if v.stage != RETIRED]
            if usable:
                return usable[-1]
        found = [v for v in own if wanted in (str(v.version), v.stage)]
        if not found or wanted == RETIRED:
            raise UserError(
                say(
                    "{name} has no version {wanted}; there are {versions}.",
                    name=name,
                    wanted=wanted,
                    versions=", ".join(f"{v.version} ({v.stage})" for v in own),
                )
            )
        return found[-1]

    def folder_of(self, version: Version) -> Path:
        """Where the export of a version lies."""
        return self.folder / version.name / str(version.version)

    def opened(self, reference: str) -> tuple[Version, Path]:
        """A version to answer with, and its folder, which holds what was registered.

        Raises:
            UserError: there is none, it was retired, or its files are others now.
        """
        from tl_core.exports.opened import check, read_about
        from tl_core.exports.write import digest_of

        version = self.find(reference)
        if version.stage == RETIRED:
            raise UserError(
                say(
                    "{reference} was retired. Promote it, or choose another version.",
                    reference=version.reference,
                )
            )
        folder = self.folder_of(version)
        about = read_about(folder)
        if digest_of(folder) != version.digest:
            raise UserError(
                say(
                    "{reference} is not what was registered: its export.json was changed. Remove"
                    " it, and add the run again.",
                    reference=version.reference,
                )
            )
        check(folder, about)
        return version, folder

    # --- changing ---------------------------------------------------------------------------------

    def add(self, name: str, export: Path) -> Version:
        """Take a copy of an export in, as the next version of a name.

        Raises:
            UserError: the name cannot be one, or the export is damaged.
        """
        from tl_core.exports.opened import check, read_about
        from tl_core.exports.write import digest_of
        from tl_core.studies.store import file_errors_as_user_errors

        if not NAME.fullmatch(name):
            raise UserError(
                say(
                    "{name!r} cannot be a name: use up to 64 letters, digits, dots, dashes and"
                    " underscores.",
                    name=name,
                )
            )
        about = read_about(export)
        check(export, about)
        with self._changing() as found, file_errors_as_user_errors(self.folder):
            next_one = 1 + max((v.version for v in found if v.name == name), default=0)
            version = Version(
                name,
                next_one,
                REGISTERED,
                time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                about["format"],
                str(about.get("study", "")),
                about["run"],
                about["arm"],
                digest_of(export),
                about.get("metrics", {}),
            )
            target = self.folder_of(version)
            beside = target.with_name(f".{uuid.uuid4().hex[:12]}")
            try:
                shutil.copytree(export, beside)
                shutil.rmtree(target, ignore_errors=True)  # of an addition that was cut short
                beside.rename(target)
            finally:
                shutil.rmtree(beside, ignore_errors=True)
            found.append(version)
        return version

    def promote(self, reference: str) -> Version:
        """Put a version into production; the one that was there is registered only.

        Raises:
            UserError: there is none, or its files are others now.
        """
        self.opened_for_promotion(reference)
        return self._staged(reference, PRODUCTION)

    def opened_for_promotion(self, reference: str) -> None:
        """See that a version is what was registered, be it retired or not.

        Raises:
            UserError: it is not.
        """
        from tl_core.exports.opened import check, read_about

        folder = self.folder_of(self.find(reference))
        check(folder, read_about(folder))

    def retire(self, reference: str) -> Version:
        """Take a version out of use; it stays to be looked at.

        Raises:
            UserError: there is none.
        """
        return self._staged(reference, RETIRED)

    def remove(self, reference: str) -> Version:
        """Delete a version with its files.

        Raises:
            UserError: there is none, or it is in production.
        """
        with self._changing() as found:
            version = self.find(reference)
            if version.stage == PRODUCTION:
                raise UserError(
                    say(
                        "{reference} is in production. Promote another version or retire it first.",
                        reference=version.reference,
                    )
                )
            found[:] = [replace(v, stage=REMOVED) if v == version else v for v in found]
        shutil.rmtree(self.folder_of(version), ignore_errors=True)
        return version

    def _staged(self, reference: str, stage: str) -> Version:
        with self._changing() as found:
            chosen = self.find(reference)
            for i, version in enumerate(found):
                if version == chosen:
                    found[i] = replace(version, stage=stage)
                elif (
                    stage == PRODUCTION
                    and version.name == chosen.name
                    and version.stage == PRODUCTION
                ):
                    found[i] = replace(version, stage=REGISTERED)
        return replace(chosen, stage=stage)

    # --- the file ---------------------------------------------------------------------------------

    def _read(self) -> list[Version]:
        path = self.folder / FILE
        if not path.exists():
            return []
        try:
            kept = parsed(path.read_text(encoding="utf-8"))
            if kept["schema"] > SCHEMA:
                raise UserError(
                    say("{file} was written by a newer version of this program. Update.", file=path)
                )
            found = [Version(**given) for given in kept["versions"]]
            if any(not NAME.fullmatch(v.name) or type(v.version) is not int for v in found):
                raise ValueError("a name or a version")
            return found
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as fault:
            raise UserError(
                say(
                    "{file} is damaged ({fault}). Put a copy of it back, or move its folder away to"
                    " start over.",
                    file=path,
                    fault=fault,
                )
            ) from fault

    @contextmanager
    def _changing(self) -> Iterator[list[Version]]:
        """The versions, to be changed by this process alone; written when all went well."""
        from tl_core.studies.lock import Lock
        from tl_core.studies.store import file_errors_as_user_errors, write_whole

        with file_errors_as_user_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        lock = Lock(self.folder, say("a change to the registry"), say("try again later"))
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                lock.take()
                break
            except UserError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
        try:
            found = self._read()
            yield found
            text = json.dumps(
                {"schema": SCHEMA, "versions": [asdict(v) for v in found]},
                ensure_ascii=False,
                indent=1,
            )
            write_whole(self.folder / FILE, text.encode("utf-8", "backslashreplace"))
        finally:
            lock.release()


def is_reference(text: str) -> bool:
    """Whether it names a registered version: `name@...`, and is no folder."""
    return REFERENCE.fullmatch(text) is not None and not Path(text).exists()
