"""Measurements, as commands that take paths as arguments. Tests assert no times; these print
them.
"""

from tl_core.api.steps import ended

__all__ = ["ended"]
