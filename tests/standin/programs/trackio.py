"""A stand-in for Trackio: runs in memory."""

from __future__ import annotations

RUNS: list[dict] = []
BROKEN: list[str] = []


def init(project, *, name, config, private, embed, auto_log_cpu, auto_log_gpu):
    """Begin a run."""
    if BROKEN:
        raise ValueError(BROKEN[0])
    print("* Trackio project initialized")  # as it does
    assert embed is auto_log_cpu is auto_log_gpu is False
    made = {"project": project, "name": name, "config": config, "private": private, "metrics": []}
    RUNS.append(made)


def log(metrics):
    RUNS[-1]["metrics"].append(metrics)


def finish():
    RUNS[-1]["finished"] = True
