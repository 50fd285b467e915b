"""Measurements, as commands that take paths as arguments. Tests assert no times; these print them."""
