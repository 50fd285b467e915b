"""Presentation of a study: figures (used by the page too) and the report that opens without a
network.
"""
