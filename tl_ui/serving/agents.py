"""Whether programs that speak the Model Context Protocol may use this page's endpoints as tools."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping

from spaces_config import Profile
from tl_core.api.errors import UserError
from tl_core.api.sentences import say

ASKED = "TL_MCP"
EXTRA = "mcp>=1.21,<2"


def offers_tools(profile: Profile, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether whoever starts the page asked for it, and this place allows it.

    Raises:
        UserError: it was asked for where it is not allowed, or its library is not here.
    """
    if environ.get(ASKED, "").lower() not in ("1", "true", "yes"):
        return False
    if not profile.allow_tools:
        raise UserError(
            say(
                "{asked} is set, and {place} offers no tools to other programs. Unset it.",
                asked=ASKED,
                place=profile.title,
            )
        )
    if importlib.util.find_spec("mcp") is None:
        raise UserError(
            say(
                "Tools for other programs need the package mcp. Run: pip install {package}",
                package=f"'{EXTRA}'",
            )
        )
    return True
