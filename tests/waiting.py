"""Waiting for something to become true, instead of sleeping for as long as it might take."""

import inspect
import os
import time
from collections.abc import Callable
from typing import TypeVar

import pytest

T = TypeVar("T")

#: How much longer than on a developer's machine things may take on one whose neighbours nobody knows.
PATIENCE = 3 if os.environ.get("CI") else 1


def eventually(probe: Callable[[], T], within: float, every: float = 0.05) -> T:
    """The first truthy value of `probe`, asked again and again; the test fails after `within` seconds, in CI thrice."""
    deadline = time.monotonic() + within * PATIENCE
    while not (found := probe()):
        if time.monotonic() > deadline:
            pytest.fail(f"still {found!r} after {within * PATIENCE:g} s: {_named(probe)}")
        time.sleep(every)
    return found


def _named(probe: Callable[[], object]) -> str:
    """What was waited for: the line that says it, or the name of a function."""
    name = getattr(probe, "__qualname__", repr(probe))
    return " ".join(inspect.getsource(probe).split()) if name.endswith("<lambda>") else name
