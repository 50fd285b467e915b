"""The engine of Transfer Lab: which way of using labels suits these texts, and how sure is that?

    import tl_core as tl

    study = tl.compare(df, text="message", label="topic", strategies=["similarity", "lora"])
    study.advice

Every public name is loaded when it is first used: `import tl_core` takes some milliseconds.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tl_core.api.errors import UserError
    from tl_core.api.params import param
    from tl_core.api.strategy import Strategy
    from tl_core.api.types import Example, Label, Problem, Step
    from tl_core.library.classifier import TransferClassifier
    from tl_core.library.studies import Planned, arm, compare, load, plan, run
    from tl_core.library.study import Study

__version__ = "0.1.0"

__all__ = [
    "Example",
    "Label",
    "Planned",
    "Problem",
    "Step",
    "Strategy",
    "Study",
    "TransferClassifier",
    "UserError",
    "__version__",
    "arm",
    "compare",
    "load",
    "param",
    "plan",
    "run",
]

_HOME = {  # where each public name comes from
    "Example": "tl_core.api.types",
    "Label": "tl_core.api.types",
    "Planned": "tl_core.library.studies",
    "Problem": "tl_core.api.types",
    "Step": "tl_core.api.types",
    "Strategy": "tl_core.api.strategy",
    "Study": "tl_core.library.study",
    "TransferClassifier": "tl_core.library.classifier",
    "UserError": "tl_core.api.errors",
    "arm": "tl_core.library.studies",
    "compare": "tl_core.library.studies",
    "load": "tl_core.library.studies",
    "param": "tl_core.api.params",
    "plan": "tl_core.library.studies",
    "run": "tl_core.library.studies",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value  # the next time it is simply there
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
