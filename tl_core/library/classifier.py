"""A strategy as a classifier of scikit-learn: for a Pipeline, `cross_val_score`, a grid search."""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from tl_core.api.errors import UserError, raise_all
from tl_core.api.sentences import listed, say
from tl_core.api.steps import ended
from tl_core.api.task import Task
from tl_core.api.types import Arm, Example, Facts, Job, Label, Problem
from tl_core.data.tokens_read import read_texts
from tl_core.library.columns import texts_of
from tl_core.models.embedded import model_for
from tl_core.tasks import task_of, task_to_read

RECORD, STATE = "classifier.json", "state"
SCHEMA = 1
ENCODERS = 4  # devices whose models stay in memory


class BadInput(UserError, ValueError):
    """Something the person can fix; scikit-learn looks for a ValueError."""


class TransferClassifier(ClassifierMixin, BaseEstimator):
    """One strategy, trained on all the labelled texts it is given.

    Args:
        strategy: its id, as `transfer-lab list strategies` shows it.
        settings: of the strategy, by name; what is not named is as `compare` has it.
        model: `minilm`, `minilm-korean`, a local folder, or a name on the hub; None: whichever of
            the first two reads the texts better.
        descriptions: {label: sentence or list of sentences} for strategies that read what a label
            means.
        random_state: the seed: equal seeds, texts and labels give equal answers.
        device: "cpu", "cuda", "mps"; None: the fastest there is.
        task: what the labels are: "ordinal" for ratings, whose order counts; None: classes.

    Attributes:
        classes_: the labels, sorted; columns of `predict_proba`.
        n_iter_: optimizer steps taken.

    Texts are a list of texts (or an array or a column of them), or pairs of texts. Without labels
    of yours (`similarity`, `nli` ...), only the names and descriptions of the labels are read.

    Examples:
        >>> import tl_core as tl
        >>> texts = ["money back please", "refund my card", "forgot my password", "cannot log in"]
        >>> clf = tl.TransferClassifier("probe").fit(texts, ["refund", "refund", "login", "login"])
        >>> clf.predict(["the password is wrong"]).tolist()
        ['login']
    """

    def __init__(
        self,
        strategy: str = "probe",
        *,
        settings: Mapping[str, Any] | None = None,
        model: str | None = None,
        descriptions: Mapping[Any, str | Sequence[str]] | None = None,
        random_state: int | None = 0,
        device: str | None = None,
        task: str | None = None,
    ):
        self.strategy = strategy
        self.settings = settings
        self.model = model
        self.descriptions = descriptions
        self.random_state = random_state
        self.device = device
        self.task = task

    # --- scikit-learn -----------------------------------------------------------------------------

    def fit(self, X: Any, y: Any) -> TransferClassifier:
        """Learn from all of them.

        Args:
            X: (n,) texts, or (n, 2) pairs of texts.
            y: (n,) labels: texts, whole numbers or booleans.

        Raises:
            UserError, ValueError: with what can be fixed.
        """
        try:
            return self._fit(X, y)
        except UserError as fault:
            raise BadInput(str(fault)) from None

    def predict(self, X: Any) -> np.ndarray:
        """(n,) labels; of ratings the median of each distribution.

        Raises:
            NotFittedError: `fit` comes first.
            UserError, ValueError: these are no texts.
        """
        scores = self.predict_proba(X)
        return self.classes_[task_of(self.problem_).decide(scores)]

    def predict_proba(self, X: Any) -> np.ndarray:
        """(n, C) probabilities; columns in the order of `classes_`, rows sum to 1.

        Raises:
            NotFittedError: `fit` comes first.
            UserError, ValueError: these are no texts.
        """
        check_is_fitted(self)
        try:
            examples = self._examples(X)
        except UserError as fault:
            raise BadInput(str(fault)) from None
        if not examples:
            return np.zeros((0, len(self.classes_)), np.float32)
        return ended(self.predictor_.predict(examples))[:, self._order]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = False
        tags.classifier_tags.multi_label = False
        return tags

    # --- keeping it -------------------------------------------------------------------------------

    def save(self, folder: str | Path) -> Path:
        """Write it into a folder: weights as safetensors, everything else as JSON; nothing in it
        can run code when it is loaded.

        Raises:
            NotFittedError: `fit` comes first.
            UserError: the folder holds something else, or cannot be written to.
        """
        from tl_core.studies.store import file_errors_as_user_errors

        check_is_fitted(self)
        folder = Path(folder).expanduser()
        with file_errors_as_user_errors(folder):
            if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
                if not (folder / RECORD).is_file():
                    raise BadInput(
                        say("{folder} holds something else. Choose another folder.", folder=folder)
                    )
            (folder / STATE).mkdir(parents=True, exist_ok=True)
            self.predictor_.save(folder / STATE)
            (folder / RECORD).write_text(
                json.dumps(self._record(), ensure_ascii=False, indent=1), encoding="utf-8"
            )
        return folder

    @classmethod
    def load(cls, folder: str | Path, *, device: str | None = None) -> TransferClassifier:
        """Load what `save` wrote, ready to predict.

        Raises:
            UserError: there is none, it is damaged, or its model is another one here.
        """
        from tl_core.json_text import parsed

        folder = Path(folder).expanduser()
        try:
            record = parsed((folder / RECORD).read_bytes())
        except FileNotFoundError:
            raise BadInput(
                say("{folder} holds no classifier. Give the folder that save wrote.", folder=folder)
            ) from None
        except (OSError, ValueError) as fault:
            raise BadInput(
                say(
                    "The classifier in {folder} cannot be read ({fault}).",
                    folder=folder,
                    fault=fault,
                )
            ) from None
        try:
            return cls._restored(record, folder / STATE, device)
        except (KeyError, TypeError, AttributeError, OSError) as fault:
            raise BadInput(
                say(
                    "The classifier in {folder} is damaged ({kind}: {fault}).",
                    folder=folder,
                    kind=type(fault).__name__,
                    fault=str(fault),
                )
            ) from None

    def __getstate__(self) -> dict[str, Any]:
        """Return the state for pickle and copies: a trained classifier as the files that `save`
        writes, so that no weight is ever pickled.
        """
        state = {name: getattr(self, name) for name in self.get_params(deep=False)}
        if not hasattr(self, "predictor_"):
            return state
        with tempfile.TemporaryDirectory(prefix="transfer-lab-") as folder:
            self.predictor_.save(Path(folder))
            packed = io.BytesIO()
            with zipfile.ZipFile(packed, "w") as archive:
                for file in sorted(p for p in Path(folder).rglob("*") if p.is_file()):
                    archive.write(file, file.relative_to(folder).as_posix())
        return {**state, "_kept": (self._record(), packed.getvalue())}

    def __setstate__(self, state: dict[str, Any]) -> None:
        kept = state.pop("_kept", None)
        self.__dict__.update(state)
        if kept is None:
            return
        record, packed = kept
        with tempfile.TemporaryDirectory(prefix="transfer-lab-") as folder:
            zipfile.ZipFile(io.BytesIO(packed)).extractall(folder)
            other = self._restored(record, Path(folder), self.device)
        self.__dict__.update({k: v for k, v in other.__dict__.items() if k not in state})

    # --- inside -----------------------------------------------------------------------------------

    def _fit(self, X: Any, y: Any) -> TransferClassifier:
        from tl_core.data.labels import are_named
        from tl_core.studies import arms as of_arm

        examples, labels = self._examples(X), _labels(y)
        task = task_to_read(self.task)
        faults: list[str] = []
        if not task.exclusive:
            faults.append(
                say(
                    "A classifier gives each text one label, and the task is {task}. Use"
                    " compare(..., multi_label=True).",
                    task=task.id,
                )
            )
        if len(examples) != len(labels):
            faults.append(
                say(
                    "There are {texts:,} texts and {labels:,} labels. Each text needs a label.",
                    texts=len(examples),
                    labels=len(labels),
                )
            )
        classes = np.unique(labels) if len(labels) else labels
        if len(classes) < 2:
            faults.append(say("At least two different labels are needed to tell them apart."))
        if fault := task.fault({_id(c) for c in classes.tolist()}, "y"):
            faults.append(fault)
        raise_all(faults)
        if task.on_request:  # numbers are sorted by value, also where they are texts
            classes = np.array(sorted(classes.tolist(), key=lambda c: int(_id(c))))
        problem, order = _problem(classes, self.descriptions, examples[0].text_b is not None, task)
        self._model_name = self.model or model_for(read_texts(examples))
        arm, folders = self._arm(problem)
        shots = 0 if of_arm.without_labels(arm) else None
        facts = Facts(problem, shots, arm.model, are_named(problem.labels))
        if reason := of_arm.refuses(arm, facts):
            raise UserError(reason)
        self._refuse_senders(arm)
        ids = dict(zip(classes.tolist(), (_id(c) for c in classes), strict=True))
        train = [
            Example(e.row, e.text, e.text_b, (ids[label],))
            for e, label in zip(examples, labels.tolist(), strict=True)
        ]
        self._set(problem, classes, order, arm)
        self._train(train if shots is None else [], train, folders)
        return self

    def _train(self, train: list[Example], texts: list[Example], folders: dict[str, str]) -> None:
        from tl_core.api.types import Split
        from tl_core.running import fit_arm
        from tl_core.studies.plan import labels_a_text, texts_for

        arm, problem, encoders = self.arm_, self.problem_, _encoders(self.device)
        split = Split((), tuple(texts))
        job = Job(
            problem,
            train,
            None,
            self._seed(),
            encoders.get(arm.model.digest if arm.model else None, folders),
            encoders.device,
            texts_for(split, arm, problem),
            labels_a_text=labels_a_text(split, arm, problem),
        )
        fitted = ended(fit_arm.fit(arm, job))
        self.predictor_, self.n_iter_ = fitted.predictor, fitted.optimizer_steps
        self.notes_ = fitted.notes

    def _arm(self, problem: Problem) -> tuple[Arm, dict[str, str]]:
        from tl_core.studies.plan import ArmRequest, check_arms

        if not isinstance(self.strategy, str):
            raise UserError(
                say(
                    "strategy must be the id of one, such as 'lora', not {given}.",
                    given=repr(self.strategy),
                )
            )
        request = ArmRequest(self.strategy, dict(self.settings or {}))
        made, folders, faults = check_arms([request], self._model_name, True, problem)
        raise_all(faults)
        return made[0], folders

    def _seed(self) -> int:
        if self.random_state is None:
            return int(np.random.default_rng().integers(2**31))
        if isinstance(self.random_state, (int, np.integer)):
            return int(self.random_state)
        raise UserError(
            say(
                "random_state must be a whole number or None, not {given}.",
                given=repr(self.random_state),
            )
        )

    def _set(self, problem: Problem, classes: np.ndarray, order: list[int], arm: Arm) -> None:
        self.problem_, self.classes_, self._order, self.arm_ = problem, classes, order, arm

    def _examples(self, X: Any) -> list[Example]:
        if hasattr(X, "columns") and hasattr(X, "to_numpy"):
            X = X.to_numpy()  # a DataFrame of one column, or of two
        if getattr(X, "ndim", 1) == 2:
            if X.shape[1] not in (1, 2):
                raise UserError(
                    say("X has {n} columns. Texts have one; pairs of texts have two.", n=X.shape[1])
                )
            X = X[:, 0] if X.shape[1] == 1 else [tuple(row) for row in X.tolist()]
        read = texts_of(X)
        pairs = {second is not None for _, second in read}
        if len(pairs) > 1:
            raise UserError(say("Texts must be all alone or all in pairs (a, b)."))
        if hasattr(self, "problem_") and read and hasattr(self, "predictor_"):
            wanted = self.problem_.inputs == "two texts"
            if pairs != {wanted}:
                raise UserError(
                    say("It was trained on pairs of texts: give pairs (a, b).")
                    if wanted
                    else say("It was trained on single texts, and pairs were given.")
                )
        return [Example(i, a, b) for i, (a, b) in enumerate(read, 1)]

    def _refuse_senders(self, arm: Arm) -> None:
        from tl_core.studies.consent import destination

        if endpoint := destination([arm]):
            raise UserError(
                say(
                    "{strategy} sends texts to {host}, which a classifier does not ask for. Use"
                    " compare(..., send_texts=True).",
                    strategy=arm.strategy,
                    host=endpoint.host,
                )
            )

    def _record(self) -> dict[str, Any]:
        """All but the weights."""
        import dataclasses

        kinds = {bool: "bool", int: "int", float: "float", str: "str"}
        return {
            "schema": SCHEMA,
            "strategy": self.strategy,
            "settings": dict(self.settings or {}),
            "model": self.model,
            "reader": self._model_name,
            "random_state": None if self.random_state is None else int(self.random_state),
            "descriptions": None
            if self.descriptions is None
            else [
                [_plain(k), v if isinstance(v, str) else list(v)]
                for k, v in self.descriptions.items()
            ],
            "classes": [_plain(c) for c in self.classes_],
            "kind": kinds[type(_plain(self.classes_[0]))],
            "inputs": self.problem_.inputs,
            **({} if self.task is None else {"task": self.task}),
            "labels": [dataclasses.asdict(label) for label in self.problem_.labels],
            "model_digest": self.arm_.model.digest if self.arm_.model else None,
            "strategy_version": self.arm_.strategy_version,
            "n_iter": self.n_iter_,
            "notes": list(self.notes_),
        }

    @classmethod
    def _restored(
        cls, record: dict[str, Any], state: Path, device: str | None
    ) -> TransferClassifier:
        from tl_core.running import fit_arm

        if record["schema"] > SCHEMA:
            raise BadInput(
                say("It was written by a newer version of this program. Update, then load.")
            )
        said = record["descriptions"]
        made = cls(
            record["strategy"],
            settings=record["settings"] or None,
            model=record["model"],
            descriptions=None if said is None else {k: v for k, v in said},
            random_state=record["random_state"],
            device=device,
            task=record.get("task"),
        )
        labels = tuple(
            Label(x["id"], x["name"], tuple(x["descriptions"]), tuple(x["words"]))
            for x in record["labels"]
        )
        classes = np.array(record["classes"])
        problem = Problem(record["inputs"], task_to_read(record.get("task")).target, labels)
        made._model_name = record.get("reader", record["model"])
        arm, folders = made._arm(problem)
        if arm.strategy_version != record["strategy_version"]:
            raise BadInput(
                say(
                    "It was trained with version {then} of {strategy}; here is version {now}. Train"
                    " it again.",
                    then=record["strategy_version"],
                    strategy=arm.strategy,
                    now=arm.strategy_version,
                )
            )
        digest = arm.model.digest if arm.model else None
        if digest != record["model_digest"]:
            raise BadInput(
                say(
                    "The model {model!r} is another one here than it was trained with.",
                    model=made._model_name,
                )
            )
        made._set(problem, classes, [problem.label_index[_id(c)] for c in classes], arm)
        encoder = _encoders(device).get(digest, folders)
        made.predictor_ = fit_arm.load(arm, state, problem, encoder)
        made.n_iter_, made.notes_ = record["n_iter"], tuple(record["notes"])
        return made


def _problem(
    classes: np.ndarray, descriptions: Mapping[Any, Any] | None, pairs: bool, task: Task
) -> tuple[Problem, list[int]]:
    """The problem as `compare` would have it, and the position of each class in it."""
    from tl_core.data.labels import infer_labels

    ids = [_id(c) for c in classes]
    if len(set(ids)) < len(ids):
        raise UserError(say("Two labels are written alike, such as 1 and '1'. Give each its own."))
    said = {
        _id(k): (v,) if isinstance(v, str) else tuple(v) for k, v in (descriptions or {}).items()
    }
    if unknown := [id for id in said if id not in ids]:
        raise UserError(say("No row has the label {label!r} of descriptions.", label=unknown[0]))
    labels = task.ordered(
        Label(label.id, label.name, said.get(label.id, ())) for label in infer_labels(ids)
    )
    problem = Problem("two texts" if pairs else "one text", task.target, labels)
    return problem, [problem.label_index[id] for id in ids]


def _labels(y: Any) -> np.ndarray:
    """(n,) texts, whole numbers or booleans.

    Raises:
        UserError: they are something else.
    """
    if y is None or isinstance(y, (str, bytes)):
        raise UserError(say("y must be a list of labels, one for each text."))
    cells = np.asarray(y if hasattr(y, "__len__") else list(y))
    if cells.ndim == 2 and cells.shape[1] == 1:
        cells = cells[:, 0]
    if cells.ndim != 1:
        raise UserError(
            say(
                "y must hold one label for each text. For several labels a text, use"
                " compare(..., multi_label=True)."
            )
        )
    if cells.dtype.kind == "O":
        wrong = [
            i for i, c in enumerate(cells, 1) if not isinstance(c, (str, int, np.integer, bool))
        ]
        if wrong:
            raise UserError(
                say(
                    "Labels must be texts, whole numbers or booleans; they are not in row {rows}.",
                    rows=listed(wrong, 1),
                )
            )
        kinds = {str if isinstance(c, str) else int for c in cells}
        if len(kinds) > 1:
            raise UserError(say("Labels must be all texts or all numbers."))
        cells = np.array(cells.tolist())
    if cells.dtype.kind == "f" and len(cells):
        if not np.isfinite(cells).all() or (cells != cells.round()).any():
            raise UserError(
                say(
                    "Unknown label type: continuous. Labels must be texts, whole numbers or"
                    " booleans."
                )
            )
    if cells.dtype.kind not in "USbiuf" and len(cells):
        raise UserError(say("Labels must be texts, whole numbers or booleans."))
    return cells


def _id(label: Any) -> str:
    from tl_core.data.labels import written

    return written(_plain(label))


def _plain(value: Any) -> Any:
    """As JSON can hold it."""
    return value.item() if isinstance(value, np.generic) else value


@lru_cache(ENCODERS)
def _encoders(device: str | None) -> Any:
    """The models in memory, each loaded once for a process."""
    from tl_core.running.run import Encoders

    return Encoders(device)
