"""Rules for what a visitor may run at the place that the page runs in, by the form or by an
archive.
"""

from __future__ import annotations

from spaces_config import Profile
from tl_core.studies.allowed import Allowed

MAX_DRAWS = 20


def allowed_at(profile: Profile) -> Allowed:
    """The same for every way to ask."""
    return Allowed(
        profile.allow_hub_models,
        not profile.public,
        profile.max_rows,
        profile.max_test_rows,
        MAX_DRAWS,
    )
