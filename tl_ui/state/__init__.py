"""State of a visit: data sets, open studies, checkpoints."""
