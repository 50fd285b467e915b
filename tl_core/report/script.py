"""Reproduce a study: a command, and a Python script to begin changing it from."""

from __future__ import annotations

from tl_core.studies.plan import ArmRequest, Study, request_of

ARCHIVE, FOLDER = "study.zip", "again"
COMMAND = f"python -m tl_core again {ARCHIVE} --out {FOLDER}"

_SCRIPT = '''"""Makes a study again on its own rows and locked test rows.

Change strategies, shots or seeds to build on it.

Save it next to {archive}. It needs Transfer Lab, installed or in the folder it is run in.
"""

import sys
from pathlib import Path

folders = (Path.cwd(), *Path(__file__).resolve().parents)
sys.path += [str(folder) for folder in folders if (folder / "tl_core" / "__init__.py").is_file()]
try:
    import tl_core as tl
except ModuleNotFoundError as missing:
    if missing.name != "tl_core":
        raise
    sys.exit(
        "Transfer Lab is not found. Install it, start this script in its folder (the one that holds"
        " tl_core), or set PYTHONPATH to that folder."
    )

if __name__ == "__main__":
    study = tl.load(Path(__file__).with_name({archive!r})).again(
        Path(__file__).with_name({folder!r}),
        strategies=[
{arms}
        ],
        shots={shots!r},  # labels per class; None: all there are
        seeds={seeds!r},
    )
    print(study)
    print(study.report())
'''


def script(study: Study) -> str:
    """Python that makes the study again from its archive; every setting that is not a default is in
    it.
    """
    arms = "\n".join(
        f"            {_request(request_of(arm, study.problem))}," for arm in study.arms
    )
    return _SCRIPT.format(
        archive=ARCHIVE, folder=FOLDER, arms=arms, shots=list(study.shots), seeds=list(study.seeds)
    )


def _request(request: ArmRequest) -> str:
    """As it is written in Python: what a person wrote is a literal, never code."""
    given = [repr(request.strategy), *([repr(request.settings)] if request.settings else [])]
    given += [
        f"{name}={value!r}"
        for name, value in (("name", request.name), ("model", request.model))
        if value is not None
    ]
    return f"tl.arm({', '.join(given)})"
