"""One profile per place the app runs: what strangers may ask of it, and the front matter of its
Space.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tl_core.api.errors import UserError, unknown
from tl_core.data.limits import Limits

SDK_VERSION = "6.31.0"  # the Gradio the page's tests run with


@dataclass(frozen=True)
class Profile:
    """One place, and its limits. Every limit is a number, so that no caller needs a branch for
    "none".
    """

    name: str
    title: str
    public: bool  # strangers visit: no paths, no hub names, no tracebacks from them or for them
    zero_gpu: bool  # a GPU is lent for seconds at a time, by decorated functions only
    max_upload_mb: int  # megabytes per uploaded file
    max_rows: int  # rows read from one file
    max_columns: int  # columns read from one file
    max_cells: int  # cells read from one file, and entries of lists in them
    max_characters: int  # characters of all cells of one file
    max_unpacked_mb: (
        int  # megabytes that a workbook, a Parquet file or the archive of a study unpacks to
    )
    # runs times test rows of the archive of a study, which are compared as soon as it is opened
    max_answers: int
    max_read_seconds: int  # seconds by the clock to read one file
    max_read_mb: int  # megabytes of memory to read one file, in a process of its own
    max_test_rows: int  # rows every arm is scored on
    max_study_seconds: int  # seconds of computing per study
    max_queue: int  # waiting events of the whole page, not of one button
    max_waiting_each: int  # studies of one visitor that wait
    max_question_seconds: int  # seconds of computing per question to a model
    max_questions_each: int  # questions of one visitor at a time
    keep_studies_days: int
    max_visitor_mb: int  # megabytes of a visitor's studies and files
    max_home_mb: int  # megabytes of everybody's
    min_free_mb: int  # megabytes of the disk that stay free
    allow_hub_models: bool  # a person may name any model of the hub
    allow_tools: bool  # other programs may use the page's endpoints as tools, where asked for
    card: dict[str, Any] | None = field(default=None, hash=False)  # front matter; None: not a Space

    @property
    def reading(self) -> Limits:
        """Return the limits on reading one file."""
        return Limits(
            self.max_rows,
            self.max_columns,
            self.max_cells,
            self.max_characters,
            self.max_unpacked_mb * 2**20,
            self.max_answers,
        )


_CARD = {
    "title": "Transfer Lab",
    "emoji": "🧪",
    "colorFrom": "indigo",
    "colorTo": "green",
    "short_description": "Prompt, adapt or fine-tune? Measured on your texts.",
    "license": "apache-2.0",
    "pinned": False,
    "disable_embedding": False,
    "models": ["sentence-transformers/all-MiniLM-L6-v2"],
    "tags": [
        "text-classification",
        "transfer-learning",
        "zero-shot",
        "few-shot",
        "lora",
        "model-comparison",
    ],
}
# Without python_version a Space runs 3.10, for which pandas 3 does not exist.
_GRADIO = {
    "sdk": "gradio",
    "sdk_version": SDK_VERSION,
    "python_version": "3.12",
    "app_file": "app.py",
}

_LOCAL = Profile(
    name="local",
    title="this computer",
    public=False,
    zero_gpu=False,
    max_upload_mb=500,
    max_rows=1_000_000,
    max_columns=4_096,
    max_cells=100_000_000,
    max_characters=4_000_000_000,
    max_unpacked_mb=4_096,
    max_answers=100_000_000,
    max_read_seconds=600,
    max_read_mb=16_000,
    max_test_rows=20_000,
    max_study_seconds=7 * 24 * 3600,
    max_queue=64,
    max_waiting_each=64,
    max_question_seconds=24 * 3600,
    max_questions_each=64,
    keep_studies_days=3650,
    max_visitor_mb=1_000_000,
    max_home_mb=1_000_000,
    min_free_mb=200,
    allow_hub_models=True,
    allow_tools=True,
)
_CPU = Profile(
    name="cpu",
    title="a Space with two CPU cores",
    public=True,
    zero_gpu=False,
    max_upload_mb=5,
    max_rows=5_000,
    max_columns=200,
    max_cells=250_000,
    max_characters=20_000_000,
    max_unpacked_mb=96,
    max_answers=1_000_000,
    max_read_seconds=8,
    max_read_mb=300,
    max_test_rows=500,
    max_study_seconds=900,
    max_queue=32,
    max_waiting_each=3,
    max_question_seconds=120,
    max_questions_each=4,
    # the disk of free hardware is emptied whenever the Space sleeps or restarts
    keep_studies_days=1,
    max_visitor_mb=1_000,
    max_home_mb=15_000,
    min_free_mb=1000,
    allow_hub_models=False,
    allow_tools=False,
    card=_CARD | _GRADIO | {"suggested_hardware": "cpu-basic"},
)
# study seconds are those on the Space's processors; GPU seconds are counted by whoever lends them
_ZEROGPU = replace(
    _CPU,
    name="zerogpu",
    title="a Space with a ZeroGPU",
    zero_gpu=True,
    card=_CARD | _GRADIO,  # no suggested_hardware: that field has no value for ZeroGPU
)
_GPU = Profile(
    name="gpu",
    title="a Space with its own GPU",
    public=True,
    zero_gpu=False,
    max_upload_mb=20,
    max_rows=50_000,
    max_columns=200,
    max_cells=2_500_000,
    max_characters=80_000_000,
    max_unpacked_mb=256,
    max_answers=5_000_000,
    max_read_seconds=20,
    max_read_mb=1_000,
    max_test_rows=2_000,
    max_study_seconds=1_800,
    max_queue=64,
    max_waiting_each=4,
    max_question_seconds=120,
    max_questions_each=6,
    keep_studies_days=7,
    max_visitor_mb=2_000,
    max_home_mb=20_000,
    min_free_mb=1000,
    allow_hub_models=False,
    allow_tools=False,
    card=_CARD | _GRADIO | {"suggested_hardware": "t4-small"},
)
_DOCKER = Profile(
    name="docker",
    title="a container, on a Space or elsewhere",
    public=True,
    zero_gpu=False,
    max_upload_mb=20,
    max_rows=20_000,
    max_columns=200,
    max_cells=1_000_000,
    max_characters=80_000_000,
    max_unpacked_mb=256,
    max_answers=5_000_000,
    max_read_seconds=15,
    max_read_mb=800,
    max_test_rows=1_000,
    max_study_seconds=1_800,
    max_queue=32,
    max_waiting_each=6,
    max_question_seconds=300,
    max_questions_each=8,
    keep_studies_days=7,
    max_visitor_mb=2_000,
    max_home_mb=20_000,
    min_free_mb=500,
    allow_hub_models=False,
    allow_tools=False,
    card=_CARD | {"sdk": "docker", "app_port": 7860},
)
PROFILES: dict[str, Profile] = {
    profile.name: profile for profile in (_LOCAL, _ZEROGPU, _CPU, _GPU, _DOCKER)
}


def profile_named(name: str) -> Profile:
    """The profile called `name`.

    Raises:
        UserError: there is none; the message names the nearest.
    """
    if name not in PROFILES:
        raise UserError(unknown("profile", name, PROFILES))
    return PROFILES[name]


def current_profile(environ: Mapping[str, str] = os.environ) -> Profile:
    """The profile of this process: TL_PROFILE if set, else what a Space says of itself, else this
    computer.

    Raises:
        UserError: TL_PROFILE names no profile. It is not replaced by a guess, which might lift the
            limits.
    """
    if name := environ.get("TL_PROFILE", "").strip():
        return profile_named(name)
    if not environ.get("SPACE_ID"):
        return _LOCAL
    if environ.get("SPACES_ZERO_GPU", "").lower() in (
        "true",
        "t",
        "1",
    ):  # the values the `spaces` package accepts
        return _ZEROGPU
    return _CPU if environ.get("ACCELERATOR", "").lower() in ("", "none") else _GPU
