"""How sure is a number: intervals, tests and the best set. Pure functions of arrays of per-item scores."""
