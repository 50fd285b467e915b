"""Make a model of something that is none yet: older weights, or what a run trained."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from tl_core.api.sentences import say
from tl_core.commands import shown


@dataclass(frozen=True)
class _Command:
    id: str = "convert"
    order: int = 55
    help: str = say("make a model folder of older weights, or of what a study trained")

    def add(self, command: argparse.ArgumentParser) -> None:
        """Add its options."""
        command.add_argument(
            "source",
            type=Path,
            metavar="DIR",
            help=say(
                "a model's folder with weights as .bin, .pt, .pth or .ckpt; or the folder of a"
                " study"
            ),
        )
        command.add_argument(
            "--out",
            type=Path,
            required=True,
            metavar="DIR",
            help=say("new folder for the model; compare takes it with --model"),
        )
        command.add_argument(
            "--run",
            metavar="ID",
            dest="run_id",
            help=say(
                "of a study: run or arm whose trained model to use (default: the best one with a"
                " checkpoint)"
            ),
        )

    def run(self, a: argparse.Namespace) -> None:
        """Convert, then load what was written to see that it is a model."""
        from tl_core.models.catalog import find
        from tl_core.models.loading import load_model
        from tl_core.models.older_weights import to_safetensors
        from tl_core.running.run_as_model import export_model, is_study

        if is_study(a.source):
            said = export_model(a.source, a.run_id, a.out)
        else:
            said = say("{n} tensors as safetensors", n=to_safetensors(a.source, a.out))
        model = load_model(find(str(a.out)))
        made = say(
            "{said}. Model: {out} ({kind}, {millions:.1f} million parameters)",
            said=said,
            out=a.out,
            kind=model.ref.kind,
            millions=sum(p.numel() for p in model.network.parameters()) / 1e6,
        )
        print(shown(made))


COMMAND = _Command()
