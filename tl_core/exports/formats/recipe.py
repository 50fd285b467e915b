"""recipe: what Transfer Lab itself runs, for every arm, and the only format of those that keep no
weights (prompts, descriptions, chat) or none that another library has. `transfer-lab predict` and
`serve` take the folder.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.api.steps import ended
from tl_core.api.types import Example
from tl_core.exports.formats._base import Format, Probabilities
from tl_core.json_text import parsed

if TYPE_CHECKING:
    from tl_core.exports.kept import Kept

FILE = "recipe.json"
STATE = "state"


class Recipe(Format):
    id = "recipe"
    library = "transfer-lab"
    packages = ("transfer-lab",)
    decides = True

    def refuses(self, kept: Kept) -> str:
        """It holds every arm."""
        return ""

    def write(self, kept: Kept, folder: Path) -> dict[str, Any]:
        """The arm, what goes in and comes out, and what it saved."""
        from tl_core.models.catalog import ENTRIES

        shutil.copytree(kept.state, folder / STATE)
        model = kept.arm.model
        name = None
        if model is not None:
            name = (
                model.name if model.name in ENTRIES else kept.made.study.model_folders[model.digest]
            )
        asked = {
            "schema": 1,
            "arm": dataclasses.asdict(kept.arm),
            "problem": dataclasses.asdict(kept.problem),
            "model": name,
        }
        (folder / FILE).write_text(
            json.dumps(asked, ensure_ascii=False, indent=1), encoding="utf-8"
        )
        return {}

    def open(self, folder: Path, about: dict[str, Any]) -> Probabilities:
        """What `predict` calls; the thresholds are in the arm."""
        predictor = self.load(folder, None)

        def probabilities(examples: Sequence[Example]) -> np.ndarray:
            return ended(predictor.predict(examples))

        return probabilities

    def load(self, folder: Path, encoder: Any) -> Any:
        """The predictor.

        Args:
            encoder: of its model; None: load it.

        Raises:
            UserError: the recipe is damaged, or its model is not here.
        """
        from tl_core.exports.kept import exact_encoder
        from tl_core.running import fit_arm

        arm, problem, name = self.read(folder)
        if encoder is None:
            folders = {} if arm.model is None else {arm.model.digest: name or ""}
            encoder = exact_encoder(arm, folders)
        return fit_arm.load(arm, folder / STATE, problem, encoder)

    def read(self, folder: Path) -> tuple[Any, Any, str | None]:
        """(arm, problem, name or folder of its model).

        Raises:
            UserError: the recipe is damaged.
        """
        from tl_core.studies.as_json import arm_of, problem_of

        try:
            asked = parsed((folder / FILE).read_text(encoding="utf-8"))
            return arm_of(asked["arm"]), problem_of(asked["problem"]), asked["model"]
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as fault:
            raise UserError(
                say(
                    "{folder} is damaged: {file} cannot be read ({fault}). Export the run again.",
                    folder=folder,
                    file=FILE,
                    fault=fault,
                )
            ) from fault

    def example(self, about: dict[str, Any]) -> str:
        """It runs by the command line."""
        raise NotImplementedError("the example of a recipe is a command")


FORMAT = Recipe()
