"""Datasets of the Hugging Face hub, by name: `hf://owner/name`, `hf://owner/name:split` or
`hf://owner/name:config:split`, each with `@revision` after the name if wanted.

Files are found by what the repository's card says of its configurations, else by their names, and
read as any file of a user's is: Parquet, CSV, TSV or JSON. No code of a repository is run; where
there is only code, the hub's own conversion to Parquet is taken. A token is found by
`huggingface_hub` alone, and nothing here sees, keeps or says it.
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from tl_core.api.errors import UserError, unknown
from tl_core.api.sentences import listed, say
from tl_core.data.limits import Limits
from tl_core.data.table import Guess, ReadOptions, Table

PREFIX = re.compile(r"hf:/{1,2}")  # a path may have lost one of the two
REFERENCE = re.compile(
    r"(?P<repository>[\w.-]+(?:/[\w.-]+)?)(?:@(?P<revision>[\w./-]+))?"
    r"(?::(?P<first>[\w .-]+))?(?::(?P<second>[\w .-]+))?",
    re.ASCII,
)
KINDS = (".parquet", ".csv", ".tsv", ".jsonl", ".json")  # the one with the fewest guesses first
# what file names say of a split, as `datasets` has it
SPLITS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing", "eval", "evaluation"),
}
CONVERTED = "refs/convert/parquet"  # the hub's own conversion of a repository
DEFAULT = "default"
MOST_BYTES = 4_000_000_000  # downloaded for one split
SECONDS = 30  # for an answer of the hub

Layout = dict[str, dict[str, list[str]]]  # files by configuration and split


@dataclass(frozen=True)
class Reference:
    """What was asked for."""

    repository: str
    revision: str | None = None
    first: str | None = None  # a split, or a configuration where there is a second
    second: str | None = None

    @property
    def stem(self) -> str:
        """A name for what is made of it, which a folder can have."""
        parts = (self.repository.rpartition("/")[2], self.first, self.second)
        return "-".join(filter(None, parts)).replace(" ", "-")


def is_reference(source: str | Path) -> bool:
    """Whether a dataset of the hub is meant."""
    return PREFIX.match(str(source)) is not None


def reference(source: str | Path) -> Reference:
    """What is meant.

    Raises:
        UserError: it cannot be read.
    """
    found = REFERENCE.fullmatch(PREFIX.sub("", str(source), count=1))
    if found is None:
        raise UserError(
            say(
                "{source} names no dataset of the hub. Write hf://owner/name, hf://owner/name:split"
                " or hf://owner/name:config:split.",
                source=str(source),
            )
        )
    return Reference(**found.groupdict())


def read_hub(source: str | Path, options: ReadOptions, limits: Limits) -> Table:
    """One split of a dataset, with the names of its labels where files hold only their numbers.

    Raises:
        UserError: there is none, it is private or gated, the hub cannot be reached, or its files
            cannot be read.
    """
    from tl_core.data.tables import read_table

    asked = reference(source)
    offline = say(
        "The hub could not be reached, so {name} cannot be read. Go online, or give a file.",
        name=asked.repository,
    )
    with told(asked.repository, partial(_read, asked.repository), offline):
        info, layout = _found(asked)
        config, split = _chosen(asked, layout)
        files = layout[config][split]
        _check_size(asked, info, files)
        paths = [_downloaded(asked.repository, file, info.sha) for file in files]
    tables = [read_table(path, options, limits) for path in paths]
    table = _together(asked, files, tables)
    named = _named(table, paths[0], _features(info, config))
    guess = Guess(
        say("split"),
        f"{config}/{split}",
        say("of {n} in {dataset}", n=sum(map(len, layout.values())), dataset=asked.repository),
        f"hf://{asked.repository}:CONFIG:SPLIT",
    )
    return replace(named, name=asked.stem, guesses=(guess, *named.guesses))


# --- which files ----------------------------------------------------------------------------------


def _found(asked: Reference) -> tuple[Any, Layout]:
    """What the hub says of the repository, and its files by configuration and split."""
    info = _info(asked.repository, asked.revision)
    layout = layout_of(_names(info), _card(info).get("configs"))
    if not layout and asked.revision is None:
        from huggingface_hub.errors import RevisionNotFoundError

        try:
            converted = _info(asked.repository, CONVERTED)
        except RevisionNotFoundError:
            converted = None
        if converted is not None:
            info, layout = converted, layout_of(_names(converted), None)
    if not layout:
        raise UserError(
            say(
                "{dataset} holds no file that is read here ({kinds}), and no code of a repository"
                " is run. There are: {files}.",
                dataset=asked.repository,
                kinds=listed(KINDS),
                files=listed(_names(info), 10),
            )
        )
    return info, layout


def layout_of(files: Sequence[str], configs: Any) -> Layout:
    """Files by configuration and split.

    Args:
        configs: of the card, as the hub documents it; None: from the names of the files.
    """
    data = [f for f in files if PurePosixPath(f).suffix.lower() in KINDS and not _beside(f)]
    if isinstance(configs, list):
        said = {
            str(entry.get("config_name") or DEFAULT): _of_entry(entry, data)
            for entry in configs
            if isinstance(entry, dict)
        }
        said = {name: splits for name, splits in said.items() if splits}
        if said:
            return said
    kind = next((k for k in KINDS if any(f.lower().endswith(k) for f in data)), None)
    layout: Layout = {}
    for file in sorted(f for f in data if kind and f.lower().endswith(kind)):
        layout.setdefault(_config_of(file), {}).setdefault(_split_of(file), []).append(file)
    return layout


def _of_entry(entry: Mapping[str, Any], data: Sequence[str]) -> dict[str, list[str]]:
    """One configuration of a card: a pattern, some, or each with its split."""
    base = f"{entry['data_dir']}/" if isinstance(entry.get("data_dir"), str) else ""
    given = entry.get("data_files", "**" if base else None)
    if isinstance(given, dict):
        given = [{"split": split, "path": path} for split, path in given.items()]
    splits: dict[str, list[str]] = {}
    for one in given if isinstance(given, list) else [given]:
        if isinstance(one, dict):
            split, patterns = str(one.get("split") or "train"), one.get("path")
        else:
            split, patterns = None, one
        for pattern in patterns if isinstance(patterns, list) else [patterns]:
            for file in sorted(data):
                if isinstance(pattern, str) and _matches(file, base + pattern):
                    splits.setdefault(split or _split_of(file), []).append(file)
    return splits


def _matches(file: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(file, pattern.removeprefix("./").replace("**/", "*"))


def _beside(file: str) -> bool:
    """Whether it is a file of the repository rather than of its data."""
    path = PurePosixPath(file)
    return path.name in ("dataset_infos.json", "dataset_info.json") or file.startswith(".")


def _split_of(file: str) -> str:
    for split, words in SPLITS.items():
        if re.search(rf"(?:^|[/_. -])(?:{'|'.join(words)})(?:[/_. -]|\d|$)", file.lower()):
            return split
    return "train"


def _config_of(file: str) -> str:
    """The folder that files lie in, unless it is one that says nothing or a split."""
    first, *rest = PurePosixPath(file).parts
    said = rest and first.lower() not in ("data", *(w for words in SPLITS.values() for w in words))
    return first if said else DEFAULT


def _chosen(asked: Reference, layout: Layout) -> tuple[str, str]:
    """(configuration, split) that were asked for; where none were, the usual ones.

    Raises:
        UserError: there is no such one, or it must be chosen.
    """
    config, split = (asked.first, asked.second) if asked.second else (None, asked.first)
    if split in layout and not any(split in splits for splits in layout.values()):
        config, split = split, None
    if config is None:
        config = next(iter(layout)) if len(layout) == 1 else DEFAULT
        if config not in layout:
            raise UserError(
                say(
                    "{dataset} has several configurations: {configs}. Choose one:"
                    " hf://{dataset}:CONFIG:SPLIT.",
                    dataset=asked.repository,
                    configs=listed(layout, 20),
                )
            )
    if config not in layout:
        raise UserError(unknown(say("configuration"), config, layout))
    splits = layout[config]
    if split is None:
        split = next(iter(splits)) if len(splits) == 1 else "train"
    if split not in splits:
        raise UserError(unknown(say("split"), split, splits))
    return config, split


def _together(asked: Reference, files: Sequence[str], tables: Sequence[Table]) -> Table:
    """The files of a split, one after the other."""
    first = tables[0]
    for file, table in zip(files, tables, strict=True):
        if table.columns.keys() != first.columns.keys():
            raise UserError(
                say(
                    "The files of {dataset} have different columns: {one} and {other}.",
                    dataset=asked.repository,
                    one=files[0],
                    other=file,
                )
            )
    columns: dict[str, list] = {
        name: [cell for table in tables for cell in table.columns[name]] for name in first.columns
    }
    return replace(first, columns=columns)


# --- names of labels ------------------------------------------------------------------------------


def _features(info: Any, config: str) -> Any:
    """The columns as the card describes them."""
    said = _card(info).get("dataset_info")
    entries = said if isinstance(said, list) else [said]
    for entry in entries:
        if isinstance(entry, dict) and entry.get("config_name", config) == config:
            return entry.get("features")
    return None


def _named(table: Table, path: Path, features: Any) -> Table:
    """The table with names where a column holds numbers of labels that have names."""
    columns = dict(table.columns)
    for name, names in {**_of_card(features), **_of_parquet(path)}.items():
        cells = columns.get(name, [])
        known = [c for c in cells if c is not None and c not in (-1, "-1")]  # -1: without a label
        if known and all(str(c).isdecimal() and int(c) < len(names) for c in known):
            columns[name] = [None if c in (None, -1, "-1") else names[int(c)] for c in cells]
    return replace(table, columns=columns)


def _of_card(features: Any) -> dict[str, list[str]]:
    found = {}
    for entry in features if isinstance(features, list) else ():
        kind = entry.get("dtype") if isinstance(entry, dict) else None
        names = kind.get("class_label", {}).get("names") if isinstance(kind, dict) else None
        if isinstance(names, dict):
            names = [names[key] for key in sorted(names, key=int)]
        if isinstance(names, list):
            found[str(entry.get("name"))] = [str(n) for n in names]
    return found


def _of_parquet(path: Path) -> dict[str, list[str]]:
    """Names of labels that `datasets` wrote into a Parquet file."""
    if path.suffix.lower() != ".parquet":
        return {}
    import pyarrow.parquet as pq

    said = (pq.read_schema(path).metadata or {}).get(b"huggingface", b"{}")
    try:
        features = json.loads(said)["info"]["features"]
        return {
            name: [str(n) for n in kind["names"]]
            for name, kind in features.items()
            if isinstance(kind, dict) and kind.get("_type") == "ClassLabel"
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


# --- the hub --------------------------------------------------------------------------------------


def endpoint() -> str | None:
    """Another hub than the public one, as HF_ENDPOINT says."""
    return os.environ.get("HF_ENDPOINT") or None


def _info(repository: str, revision: str | None) -> Any:
    from huggingface_hub import HfApi

    return HfApi(endpoint=endpoint()).dataset_info(
        repository, revision=revision, files_metadata=True, timeout=SECONDS
    )


def _downloaded(repository: str, file: str, revision: str) -> Path:
    from huggingface_hub import hf_hub_download

    return Path(
        hf_hub_download(
            repository,
            file,
            repo_type="dataset",
            revision=revision,
            endpoint=endpoint(),
            cache_dir=os.environ.get("HF_HUB_CACHE"),
        )
    )


def _names(info: Any) -> list[str]:
    return [f.rfilename for f in info.siblings or []]


def _card(info: Any) -> dict[str, Any]:
    card = getattr(info, "card_data", None)
    return card.to_dict() if card is not None else {}


def _check_size(asked: Reference, info: Any, files: Sequence[str]) -> None:
    sizes = {f.rfilename: f.size or 0 for f in info.siblings or []}
    size = sum(sizes[file] for file in files)
    if size > MOST_BYTES:
        raise UserError(
            say(
                "This split of {dataset} has {size:.1f} GB, and at most {most:.0f} GB are"
                " downloaded. Take a smaller one, or a part of it as a file.",
                dataset=asked.repository,
                size=size / 1e9,
                most=MOST_BYTES / 1e9,
            )
        )


@contextmanager
def told(repository: str, answered: Callable[[BaseException], str], offline: str) -> Iterator[None]:
    """Say in a sentence what the hub, or its client, says.

    Args:
        answered: the sentence on what the hub answered; "" for any other fault.
        offline: the sentence where no answer came.
    """
    from huggingface_hub import errors

    try:
        yield
    except UserError:
        raise
    except errors.HFValidationError as fault:
        raise UserError(
            say("{name} can be no name on the hub. Write owner/name.", name=repository)
        ) from fault
    except Exception as fault:
        if said := answered(fault):
            raise UserError(said) from None
        if not is_of_the_network(fault):
            raise
        raise UserError(offline) from None


def status_of(fault: BaseException) -> int | None:
    """The status that the hub answered with; None where it told none."""
    return getattr(getattr(fault, "response", None), "status_code", None)


def _read(repository: str, fault: BaseException) -> str:
    """The sentence on why the hub gives no dataset; "" for what is no answer of it."""
    from huggingface_hub import errors

    if isinstance(fault, errors.GatedRepoError):
        return say(
            "{name} is gated: its owner gives access on request. Ask for it on the dataset's"
            " page, then log in with `hf auth login` or set HF_TOKEN.",
            name=repository,
        )
    if isinstance(fault, errors.RepositoryNotFoundError):
        return say(
            "There is no dataset {name} on the hub, or it is private. For a private one, log"
            " in with `hf auth login` or set HF_TOKEN.",
            name=repository,
        )
    if isinstance(fault, errors.RevisionNotFoundError):
        return say("{name} has no such revision.", name=repository)
    if isinstance(fault, errors.HfHubHTTPError):
        return say(
            "The hub answered {status} when {name} was asked for. Try again later.",
            status=status_of(fault),
            name=repository,
        )
    return ""


def is_of_the_network(fault: BaseException) -> bool:
    """Whether no answer came. The client raises what its HTTP library raises, which is another one
    from version to version.
    """
    library = type(fault).__module__.partition(".")[0]
    return isinstance(fault, OSError) or library.startswith(("http", "requests", "urllib3"))
