"""Studies: `plan` what to run, `run` it (here or in a worker process), keep it, `compare` it."""
