"""Ray Serve: a deployment is its builder and its options."""

from __future__ import annotations

from types import SimpleNamespace

from ray import CALLED


def ingress(builder):
    """A class decorator, as the real one."""
    return lambda: builder


def deployment(builder, **options):
    """What can be bound."""
    return SimpleNamespace(bind=lambda: SimpleNamespace(built=builder, options=options))


def start(**how):
    """Open the doors."""
    CALLED.append(("start", how))


def run(made, **how):
    """Start copies."""
    CALLED.append(("run", {"made": made, **how}))


def delete(name):
    """Stop them."""
    CALLED.append(("delete", {"name": name}))


def shutdown():
    """Close the doors."""
    CALLED.append(("serve.shutdown", {}))
