"""Statistics: intervals, tests and the best set. Pure functions of arrays of per-item scores."""
