"""The places the app runs, their limits, and the folder that is pushed to each.

`current_profile()` says where this process is; `python -m spaces_config build` makes the folder for
a Space.
"""

from spaces_config.profiles import Profile, current_profile

__all__ = ["Profile", "current_profile"]
