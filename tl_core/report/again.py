"""How to make a study again: a command, and a Python script to begin changing it from."""

from __future__ import annotations

from tl_core.experiments.plan import ArmRequest, Study, request_of

ARCHIVE, FOLDER = "study.zip", "again"
COMMAND = f"python -m tl_core again {ARCHIVE} --out {FOLDER}"

_SCRIPT = '''"""Makes a study again on its own rows and locked test rows. Change arms, shots or seeds to go on from it.

Save it beside {archive}, and start it in the folder of Transfer Lab (the one that holds tl_core), or anywhere with that folder on PYTHONPATH.
"""

import sys
from pathlib import Path

sys.path += [str(folder) for folder in (Path.cwd(), *Path(__file__).resolve().parents) if (folder / "tl_core" / "session.py").is_file()]
try:
    from tl_core.experiments.plan import ArmRequest
    from tl_core.session import open_again, run_session
except ModuleNotFoundError as missing:
    if missing.name != "tl_core":
        raise
    sys.exit("Transfer Lab is not found. Start this script in its folder (the one that holds tl_core), or set PYTHONPATH to that folder.")

if __name__ == "__main__":
    session = open_again(
        Path(__file__).with_name({archive!r}),
        Path(__file__).with_name({folder!r}),
        arms=[
{arms}
        ],
        shots={shots!r},  # labels per class; None: all there are
        seeds={seeds!r},
    )
    run_session(session, quiet=False)
    print(session.store.folder / "report.html")
'''


def script(study: Study) -> str:
    """Python that makes the study again from its archive; every setting that is not a default is in it."""
    arms = "\n".join(f"            {_request(request_of(arm, study.problem))}," for arm in study.arms)
    return _SCRIPT.format(archive=ARCHIVE, folder=FOLDER, arms=arms, shots=list(study.shots), seeds=list(study.seeds))


def _request(request: ArmRequest) -> str:
    """As it is written in Python: what a person wrote is a literal, never code."""
    given = [repr(request.strategy), *([repr(request.settings)] if request.settings else [])]
    given += [f"{name}={value!r}" for name, value in (("name", request.name), ("model", request.model)) if value is not None]
    return f"ArmRequest({', '.join(given)})"
