"""python -m benchmarks.shipped_study [--folder STUDY]: makes the study that comes with the page.

The page opens on a finished study of the bundled support tickets: what no labels, a few labels and
all labels come to, and where the same texts lie before and after training. This command computes it
and writes `tl_ui/state/shipped_study.json` and `tl_ui/state/shipped_models`; about fifteen minutes
on two cores. Run it again when a test says that its runs are no longer those of today's strategies.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import ended

SAMPLE = "support_tickets"
STRATEGIES = ("majority", "similarity", "probe", "lora", "full")
SHOTS = (0, 1, 2, 4, 8, 16, "all")
SEEDS = 3
TEXTS = 150  # on the map
SIDES: tuple[tuple[str, int | str], ...] = (
    ("", ""),
    ("lora", 8),
    ("full", "all"),
)  # arm and shots; "" is the model as it comes
DIGITS = 4  # of shares and places
# arms that answer a visitor's own text on the first screen: LoRA and full fine-tuning are too large
# to come along
KEPT: tuple[tuple[str, str, int | str], ...] = (
    ("none", "similarity", 0),
    ("few", "probe", 8),
    ("all", "probe", "all"),
)


def planned(
    strategies: tuple[str, ...] = STRATEGIES,
    shots: tuple[int | str, ...] = SHOTS,
    out: Path | None = None,
) -> Any:
    """The study as it is asked for, or a part of it: the same runs in either."""
    import tl_core as tl

    return tl.plan(
        f"sample:{SAMPLE}", strategies=strategies, shots=shots, seeds=SEEDS, keep="all", out=out
    )


def points(study: Any) -> list[dict[str, Any]]:
    """Accuracy with its 95% interval of every arm at every number of labels."""
    return [
        {
            "strategy": cell.strategy,
            "shots": cell.shots_name,
            "labels": round(cell.labels),
            "draws": len(cell.seeds),
            **{
                name: round(getattr(cell.measures["accuracy"], name), DIGITS)
                for name in ("value", "low", "high")
            },
        }
        for cell in sorted(
            study.comparison.cells, key=lambda c: (STRATEGIES.index(c.strategy), c.labels)
        )
    ]


def texts_of(plan: Any) -> list[Any]:
    """The test rows on the map."""
    from tl_core.views.embedding_map import drawn

    test = plan.study.split.test
    return [test[i] for i in drawn(test, TEXTS)]


def moved(study: Any, folder: Path) -> dict[str, Any]:
    """Where the texts lie in the model as it comes, after LoRA, and after full fine-tuning."""
    import numpy as np

    from tl_core.api.view import Checkpoint
    from tl_core.running.warm_models import WarmModels
    from tl_core.views.embedding_map import layout
    from tl_core.views.nearest import apart

    models, plan = WarmModels("cpu"), study.plan
    texts, problem = texts_of(plan), plan.study.problem
    gold = np.array([problem.label_index[e.labels[0]] for e in texts])
    vectors = []
    for arm, shots in SIDES:
        run = next(s for s in plan.specs if (s.arm.id, s.shots_name) == (arm or "lora", shots or 8))
        deep = models.deep(Checkpoint(folder=str(folder), run=run.id, untrained=not arm))
        vectors.append(ended(deep.vectors(texts, [None]))[0])
    places = ended(layout(vectors, "umap")).places
    middle = np.concatenate(places)
    low, high = middle.min(0), middle.max(0)
    return {
        "rows": [e.row for e in texts],
        "sides": [
            {
                "strategy": arm,
                "shots": shots,
                "near": round(apart(v, gold).accuracy, DIGITS),
                "places": np.round((p - low) / (high - low), DIGITS).tolist(),
            }
            for (arm, shots), v, p in zip(SIDES, vectors, places, strict=True)
        ],
    }


def kept(plan: Any) -> list[dict[str, Any]]:
    """The first run of each of the arms that come along."""
    found = []
    for way, arm, shots in KEPT:
        run = next(s for s in plan.specs if (s.arm.id, s.shots_name) == (arm, shots))
        found.append({"way": way, "strategy": arm, "labels": len(run.train), "run": run.id})
    return found


def take_along(folder: Path, plan: Any, runs: list[str]) -> None:
    """Copy what the page needs of the study to answer with these runs."""
    from tl_ui.state.shipped_study import MODELS

    shutil.rmtree(MODELS, ignore_errors=True)
    MODELS.mkdir()
    shutil.copyfile(folder / "rows.parquet", MODELS / "rows.parquet")
    planned = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    # by their names: their folders are others on every machine
    planned["model_folders"] = {m.digest: m.name for s in plan.specs if (m := s.arm.model)}
    written = json.dumps(planned, ensure_ascii=False, indent=1)
    (MODELS / "plan.json").write_text(written, encoding="utf-8")
    for run in runs:
        shutil.copytree(folder / "models" / run, MODELS / "models" / run)


def main(arguments: list[str]) -> int:
    """Compute the study and write what the page shows of it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.shipped_study")
    parser.add_argument("--folder", type=Path, help="where the study is kept, to go on with it")
    folder = parser.parse_args(arguments).folder
    os.environ.setdefault("TL_NUMBERS", "float32")
    with tempfile.TemporaryDirectory() as temporary:
        import tl_core as tl
        from tl_ui.state.shipped_study import PATH

        folder = folder or Path(temporary) / "study"
        plan = planned(out=folder)
        study = tl.run(plan)
        along = kept(study.plan)
        made = {
            "sample": SAMPLE,
            "version": tl.__version__,
            "test_rows": len(study.plan.study.split.test),
            "seeds": SEEDS,
            "runs": sorted(plan.run_ids),
            "points": points(study),
            "map": moved(study, folder),
            "kept": along,
        }
        take_along(folder, study.plan, [one["run"] for one in along])
        PATH.write_text(json.dumps(made, separators=(",", ":")) + "\n", encoding="utf-8")
        print(f"{PATH} written: {PATH.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
