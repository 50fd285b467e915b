"""Sentences about results; the report, the page and the command line use the same."""
