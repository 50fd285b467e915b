"""For scripts that a report of an earlier version wrote."""

from tl_core.studies.plan import ArmRequest

__all__ = ["ArmRequest"]
