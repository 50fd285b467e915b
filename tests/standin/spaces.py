"""A stand-in for the package `spaces` on a Space with a ZeroGPU, which needs a GPU, its driver and
a lender to be imported.

Like the original it forks the process for a call, pickles the arguments and everything that is
yielded, runs the task in a thread of the child, asks for the seconds that `duration` says, counts
them against a quota (times 1.5), ends the child that takes longer, passes a closed generator on at
the child's next yield, reports anything but a gr.Error by the name of its class alone, and lends
nothing to a caller without a visitor's request. Unlike it, it never serves two calls with one
child.

There is no GPU: in the child, and only there, "cuda" is the processor. Anywhere else it is not
there at all.

Set by the environment:
    STANDIN_LOG: file that gets a line of JSON for every call.
    STANDIN_RULES: file with JSON: `left`, seconds of the quota; `most`, that one call may count;
        `refuse`, titles of errors for the next calls, or null; `patience`, how many times longer
        than asked a child may take, for machines that are busy; `kill`, how many calls are ended
        after their first event that is a result. Read and written at every call.
"""

from __future__ import annotations

import contextlib
import functools
import json
import multiprocessing
import os
import pickle
import threading
import time
import traceback
from pathlib import Path

FACTOR = 1.5
forks = multiprocessing.get_context("fork")


def GPU(task=None, *, duration=None, size=None):
    """The decorator, for generators."""
    if task is None:
        return functools.partial(GPU, duration=duration, size=size)

    @functools.wraps(task)
    def lent(*arguments):
        seconds = duration(*arguments) if callable(duration) else duration or 60
        call = {
            "arguments": [str(a) for a in arguments],
            "seconds": seconds,
            "thread": threading.current_thread().name,
            "visitor": _visitor(),
        }
        rules = _rules()
        refused = _refusal(rules, call)
        _log({**call, "refused": refused and refused.title})
        if refused:
            raise refused
        began = time.monotonic()
        try:
            yield from _call(
                task,
                pickle.dumps(arguments),
                seconds * FACTOR * rules.get("patience", 1),
                rules.get("kill", 0) > 0,
            )
        finally:
            rules = _rules()
            used = (time.monotonic() - began) * FACTOR
            _rewrite(
                {
                    **rules,
                    "left": rules.get("left", 1e9) - used,
                    "kill": max(0, rules.get("kill", 0) - 1),
                }
            )
            _log({"ended": True, "used": used})

    return lent


def _refusal(rules, call):
    counted = round(call["seconds"] * FACTOR)
    if rules.get("refuse"):
        title, *rest = rules["refuse"]
        _rewrite({**rules, "refuse": rest})
        if title:
            return _error(title, "No GPU was available")
    if counted > rules.get("most", 120):
        return _error(
            "ZeroGPU illegal duration",
            f"The requested GPU duration ({counted}s) is larger than the maximum allowed",
        )
    if not call["visitor"]:
        return _error(
            "ZeroGPU quota exceeded",
            "Space app has reached its GPU limit. Try re-running outside of examples if it happened"
            " after clicking one",
        )
    if counted > rules.get("left", 1e9):
        return _error(
            "ZeroGPU quota exceeded",
            f"You have exceeded your ZeroGPU quota ({counted}s requested vs."
            f" {round(rules['left'])}s left). Try again in 23:00:00. ",
        )
    return None


def _call(task, arguments, seconds, kill):
    ours, theirs = forks.Pipe(duplex=False)
    stop = forks.Event()
    child = forks.Process(target=_work, args=(task, arguments, theirs, stop), daemon=True)
    child.start()
    theirs.close()
    deadline = time.monotonic() + seconds
    try:
        while True:
            if not ours.poll(max(0.0, deadline - time.monotonic())):
                raise _error("ZeroGPU worker error", "GPU task aborted")
            try:
                kind, said = pickle.loads(ours.recv_bytes())
            except EOFError:
                raise _error("ZeroGPU worker error", "GPU task aborted") from None
            if kind == "end":
                return
            if kind == "error":
                raise (
                    said
                    if isinstance(said, _gradio().Error)
                    else _error("ZeroGPU worker error", said)
                )
            yield said
            if kill and said[0] == "event" and hasattr(said[1], "result"):
                child.kill()
    except GeneratorExit:
        stop.set()
        with contextlib.suppress(EOFError):
            while pickle.loads(ours.recv_bytes())[0] != "end":
                pass  # it closes its generator after the next yield
        raise
    finally:
        child.kill() if child.is_alive() and not stop.is_set() else None
        child.join()
        ours.close()


def _work(task, arguments, pipe, stop):
    def iterate():
        steps = task(*pickle.loads(arguments))
        with _processor_as_cuda():
            try:
                for said in steps:
                    if stop.is_set():
                        steps.close()
                        break
                    pipe.send_bytes(pickle.dumps(("yield", said)))
            except _gradio().Error as fault:
                return pipe.send_bytes(pickle.dumps(("error", fault)))
            except Exception as fault:  # noqa: BLE001  as the original: the name of its class, and the rest in the log
                traceback.print_exc()
                return pipe.send_bytes(pickle.dumps(("error", type(fault).__name__)))
        pipe.send_bytes(pickle.dumps(("end", None)))

    thread = threading.Thread(
        target=iterate
    )  # a fresh one, or torch would wait for threads that were not forked
    thread.start()
    thread.join()


@contextlib.contextmanager
def _processor_as_cuda():
    """Here "cuda" is there, and is the processor."""
    import torch
    from torch.overrides import TorchFunctionMode

    def moved(value):
        return (
            torch.device("cpu")
            if isinstance(value, str | torch.device) and str(value).startswith("cuda")
            else value
        )

    class ToProcessor(TorchFunctionMode):
        def __torch_function__(self, function, types, arguments=(), named=None):
            return function(
                *map(moved, arguments),
                **{name: moved(value) for name, value in (named or {}).items()},
            )

    torch.cuda.is_available = lambda: True
    torch.cuda.is_bf16_supported = lambda *_, **__: False
    for name in ("reset_peak_memory_stats", "empty_cache", "synchronize"):
        setattr(torch.cuda, name, lambda *_: None)
    for name in ("memory_allocated", "max_memory_allocated"):
        setattr(torch.cuda, name, lambda *_: 0)
    torch.nn.Module.to = _module_to(torch.nn.Module.to, moved)
    with ToProcessor():
        yield


def _module_to(real, moved):
    return lambda self, *arguments, **named: real(
        self, *map(moved, arguments), **{name: moved(value) for name, value in named.items()}
    )


# --- rules and what happened ----------------------------------------------------------------------


def _visitor():
    from gradio.context import LocalContext

    return LocalContext.request.get(None) is not None


def _error(title, message):
    return _gradio().Error(message, title=title, print_exception=False)


def _gradio():
    import gradio

    return gradio


def _rules():
    path = os.environ.get("STANDIN_RULES")
    return json.loads(Path(path).read_text()) if path and Path(path).exists() else {}


def _rewrite(rules):
    if path := os.environ.get("STANDIN_RULES"):
        Path(path).write_text(json.dumps(rules))


def _log(call):
    if path := os.environ.get("STANDIN_LOG"):
        with open(path, "a") as file:
            file.write(json.dumps(call) + "\n")
