"""What clients see while a machine of a Ray cluster dies: two nodes here, copies of an arm on both,
clients that ask all the time, and one node killed.

    python -m benchmarks.on_ray EXPORT          (pip install "transfer-lab[ray]")

Prints requests, failures by what they were, and how long after the kill the last one failed.
"""

from __future__ import annotations

import argparse
import collections
import http.client
import json
import socket
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from tl_core.serving.asking import Limits
from tl_core.serving.on_ray import Cluster, application, running

TEXT = "I was charged twice this month"
CLIENTS = 24  # three copies' worth, see `WANTED`
GROWS, BEFORE, AFTER = 90.0, 10.0, 30.0  # seconds at most until all copies are there, and further


@dataclass
class Seen:
    """What clients met: (seconds since the start, "" or what went wrong, seconds it took)."""

    began: float = field(default_factory=time.perf_counter)
    met: list[tuple[float, str, float]] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def ask(self, port: int) -> None:
        """Ask until the end."""
        body = json.dumps({"inputs": TEXT}).encode()
        while not self.ended.is_set():
            started, wrong = time.perf_counter(), ""
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            try:
                connection.request("POST", "/", body)
                answer = connection.getresponse()
                said = answer.read()
                if answer.status != 200:
                    wrong = f"{answer.status}"
                elif "label" not in said.decode():
                    wrong = "another answer"
            except (OSError, http.client.HTTPException) as fault:
                wrong = type(fault).__name__
            finally:
                connection.close()
            now = time.perf_counter()
            self.met.append((now - self.began, wrong, now - started))


def nodes_with_copies() -> dict[str, int]:
    """How many copies each node has, by the beginning of its id."""
    from ray.util.state import list_actors

    there = list_actors(filters=[("state", "=", "ALIVE")])
    found = [a.node_id[:8] for a in there if a.class_name and "transfer-lab" in a.class_name]
    return dict(collections.Counter(found))


def wait_for_copies(count: int) -> float:
    """Seconds until there are so many copies, or until that took too long."""
    began = time.perf_counter()
    while time.perf_counter() - began < GROWS and sum(nodes_with_copies().values()) < count:
        time.sleep(1.0)
    return time.perf_counter() - began


def report(seen: Seen, killed: float) -> None:
    """Print what clients met before and after."""
    for name, met in (
        ("before", [m for m in seen.met if m[0] < killed]),
        ("after", [m for m in seen.met if m[0] >= killed]),
    ):
        wrong = collections.Counter(why for _, why, _ in met if why)
        took = sorted(seconds for _, why, seconds in met if not why)
        p95 = 1000 * took[int(0.95 * (len(took) - 1))] if took else float("nan")
        print(f"{name}: {len(met):,} requests, p95 {p95:.0f} ms, failed {dict(wrong) or 0}")
    late = [at - killed for at, why, _ in seen.met if why and at >= killed]
    if late:
        print(f"the last failure came {max(late):.1f} s after the kill")


def main() -> None:
    """Two nodes, one of which is killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("export", type=Path)
    given = parser.parse_args()
    import ray
    from ray.cluster_utils import Cluster as Nodes

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    nodes = Nodes(initialize_head=True, head_node_args={"num_cpus": 2})
    second = nodes.add_node(num_cpus=2)
    nodes.wait_for_nodes()
    where = Cluster(nodes.address, most=3)
    made = application(
        [str(given.export)],
        where,
        limits=Limits(),
        token=None,
        device="cpu",
        sends_texts=False,
    )
    with running(made, where, "127.0.0.1", port):
        print("copies by node, nothing asked yet:", nodes_with_copies(), flush=True)
        seen = Seen()
        clients = [threading.Thread(target=seen.ask, args=(port,)) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        grown = wait_for_copies(3)
        print(f"copies by node, {grown:.0f} s later:", nodes_with_copies(), flush=True)
        time.sleep(BEFORE)
        killed = time.perf_counter() - seen.began
        nodes.remove_node(second, allow_graceful=False)
        time.sleep(AFTER)
        seen.ended.set()
        for client in clients:
            client.join()
        print("copies by node, at the end:", nodes_with_copies())
        report(seen, killed)
    ray.shutdown()
    nodes.shutdown()


if __name__ == "__main__":
    main()
