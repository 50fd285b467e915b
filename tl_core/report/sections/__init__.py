"""Sections of the report, one per file: each takes the `Report` and returns its HTML."""
