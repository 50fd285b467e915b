"""The same application as a deployment of Ray Serve, for more than one machine: as many copies of
it as the requests that wait call for, on whatever machines the cluster has.

Every machine needs this program installed, and the arms under the same paths (a shared disk).
"""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tl_core.api.errors import UserError, raise_all
from tl_core.api.sentences import Setting
from tl_core.api.sentences import say as sentence
from tl_core.serving.arms import Bases
from tl_core.serving.asking import Limits
from tl_core.serving.run import announce, asked, log_to_stderr, open_all, service_of, token_of

NAME = "transfer-lab"
LOCAL = "local"  # no cluster is there: one is started here
# requests that one copy answers at a time before another one is started, and that it takes at most
WANTED, MOST = 8, 64
SECONDS = 5.0  # until the address of a cluster answers
QUEUED = 512  # requests that wait at a machine's door; further ones get 503
PATIENCE_UP, PATIENCE_DOWN = 5.0, 60.0  # seconds of too much, or too little, before that changes


@dataclass(frozen=True)
class Cluster:
    """Where copies run, and how many."""

    address: str = LOCAL
    most: int = 4  # copies
    least: int = 1


def serve_on_ray(
    arms: Sequence[str],
    cluster: Cluster,
    *,
    host: str,
    port: int,
    limits: Limits,
    token_file: str | None,
    device: str | None,
    may_send: Callable[[str], bool],
    say: Callable[[str], None],
) -> None:
    """Answer until the process is told to end; then the copies go.

    Raises:
        UserError: an arm cannot be loaded, Ray is not installed, or there is no such cluster.
    """
    token, sends, names = token_of(token_file), False, []
    for arm in open_all(arms, Bases(device), may_send):  # every fault is said before a copy starts
        names.append(arm.name)
        sends |= arm.sends_texts
    made = application(arms, cluster, limits=limits, token=token, device=device, sends_texts=sends)
    ended = threading.Event()
    with running(made, cluster, host, port):
        # only now: Ray has just set a handler of its own, which aborts the process
        for told in (signal.SIGTERM, signal.SIGINT):
            signal.signal(told, lambda *_: ended.set())
        announce(names, host, port, token, say)
        ended.wait()


def application(
    arms: Sequence[str],
    cluster: Cluster,
    *,
    limits: Limits,
    token: str | None,
    device: str | None,
    sends_texts: bool,
) -> Any:
    """What Ray Serve runs: the application, which every copy makes for itself.

    Args:
        sends_texts: whether it was agreed that texts may leave the machine.

    Raises:
        UserError: Ray is not installed, or no copy is allowed.
    """
    raise_all(_faults(cluster))
    from ray import serve

    everywhere = [_absolute(given) for given in arms]

    def built() -> Any:
        from tl_core.serving.app import make_app

        log_to_stderr()
        return make_app(
            service_of(
                everywhere,
                limits=limits,
                token=token,
                device=device,
                may_send=lambda question: sends_texts,
            )
        )

    deployment = serve.deployment(
        serve.ingress(built)(),
        name=NAME,
        max_ongoing_requests=MOST,
        max_queued_requests=QUEUED,
        autoscaling_config={
            "min_replicas": cluster.least,
            "max_replicas": cluster.most,
            "target_ongoing_requests": WANTED,
            "upscale_delay_s": PATIENCE_UP,
            "downscale_delay_s": PATIENCE_DOWN,
        },
        ray_actor_options={"num_cpus": 1, "num_gpus": 1 if device == "cuda" else 0},
    )
    return deployment.bind()


@contextmanager
def running(made: Any, cluster: Cluster, host: str, port: int) -> Iterator[None]:
    """While it is entered, the application answers at every machine of the cluster.

    Raises:
        UserError: there is no such cluster.
    """
    import ray
    from ray import serve

    own = cluster.address == LOCAL
    _see_that_it_listens(cluster.address)
    try:
        ray.init(
            address=None if own else cluster.address,
            ignore_reinit_error=True,
            log_to_driver=False,
            runtime_env={"env_vars": _environment()},
        )
    except (ConnectionError, ValueError, RuntimeError) as fault:
        raise _no_cluster(cluster.address, fault) from fault
    try:
        serve.start(proxy_location="EveryNode", http_options={"host": host, "port": port})
        serve.run(made, name=NAME, route_prefix="/")
        yield
    finally:
        serve.delete(NAME)
        if own:
            serve.shutdown()
        ray.shutdown()


def _see_that_it_listens(address: str) -> None:
    """Ray itself looks for minutes."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit() or "/" in host:
        return  # auto, local, or a client's address
    try:
        socket.create_connection((host.strip("[]"), int(port)), SECONDS).close()
    except (OSError, OverflowError) as fault:
        raise _no_cluster(address, fault) from fault


def _no_cluster(address: str, fault: Exception) -> UserError:
    return UserError(
        sentence(
            "There is no Ray cluster at {address} ({fault}). Start one with ray start --head, or"
            " give {local} as the address.",
            address=address,
            fault=str(fault).split("\n")[0].rstrip("."),
            local=LOCAL,
        )
    )


def _faults(cluster: Cluster) -> list[str]:
    import importlib.util

    faults: list[str] = []
    if cluster.most < cluster.least:
        faults.append(
            sentence("{option} must be {n} or more.", option=Setting("replicas"), n=cluster.least)
        )
    if importlib.util.find_spec("ray") is None:
        faults.append(
            sentence(
                "More than one machine needs Ray, which is not installed. Run: pip install"
                " {package}",
                package='"transfer-lab[ray]"',
            )
        )
    return faults


def _environment() -> dict[str, str]:
    """What copies need of the environment: where the registry and the caches are."""
    from tl_core.models.embedding_cache import home

    return {"TL_HOME": str(home().absolute())} | {
        name: os.environ[name] for name in ("HF_HOME", "HF_HUB_OFFLINE") if name in os.environ
    }


def _absolute(given: str) -> str:
    """An arm as it is named on the command line, from wherever a copy looks at it."""
    wanted = asked(given)
    if wanted.registered:
        return given
    before = f"{wanted.name}=" if wanted.name else ""
    run = f":{wanted.run}" if wanted.run is not None else ""
    return f"{before}{Path(wanted.place).absolute()}{run}"
