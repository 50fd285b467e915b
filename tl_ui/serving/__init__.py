"""Serving strangers: limits, sessions, endpoints, lent GPUs."""
