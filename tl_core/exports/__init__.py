"""Trained runs in the formats of other libraries: folders that load without Transfer Lab, exact to
the rounding of float32, or a refusal that says why and what can hold the run instead.
"""
