"""Measures and choices that only make sense for labels and their probabilities."""
