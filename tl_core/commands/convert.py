"""Make a model of something that is none yet: older weights, or what a run trained."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class _Command:
    id: str = "convert"
    order: int = 55
    help: str = "make a model folder of older weights, or of what a study trained"

    def add(self, command: argparse.ArgumentParser) -> None:
        """Its options."""
        command.add_argument("source", type=Path, metavar="DIR", help="a model's folder with weights as .bin, .pt, .pth or .ckpt; or the folder of a study")
        command.add_argument("--out", type=Path, required=True, metavar="DIR", help="new folder for the model; compare takes it with --model")
        command.add_argument("--run", metavar="ID", dest="run_id", help="of a study: run or arm whose trained model is meant (default: the best one whose weights are kept)")

    def run(self, a: argparse.Namespace) -> None:
        """Convert, then load what was written to see that it is a model."""
        from tl_core.experiments.as_model import export_model, is_study
        from tl_core.models.catalog import find
        from tl_core.models.loading import load_model
        from tl_core.models.older_weights import to_safetensors

        if is_study(a.source):
            said = export_model(a.source, a.run_id, a.out)
        else:
            said = f"{to_safetensors(a.source, a.out)} tensors as safetensors"
        model = load_model(find(str(a.out)))
        print(f"{said}. Model: {a.out} ({model.ref.kind}, {sum(p.numel() for p in model.network.parameters()) / 1e6:.1f} million parameters)")


COMMAND = _Command()
