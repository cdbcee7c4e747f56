"""Work that can be watched. What the engine says of its runs is compared with what they say themselves, in Redis."""

import json
import os
import time
from typing import Any

from workers.broker import broker
from workers.jobs import current_run, job


@job()
def work(name: str, seconds: float = 0, hold: bool = False) -> str:
    """Note that it begins and that it ends, in between wait.

    seconds: how long it takes, in real time.
    hold: whether its first call lasts until the key `<name>:go` is there.
    """
    _note(name, "began")
    time.sleep(seconds)
    if hold and _redis().set(f"{name}:held", "1", nx=True):
        while not _redis().exists(f"{name}:go"):
            time.sleep(0.02)
    _note(name, "ended")
    return f"{name} of {os.getpid()}"


def _note(name: str, what: str) -> None:
    run = current_run()
    assert run
    note = {"run": str(run.pk), "attempt": run.attempts, "what": what, "at": time.time(), "pid": os.getpid()}
    _redis().rpush(f"{name}:notes", json.dumps(note))


def _redis() -> Any:
    return broker().client
