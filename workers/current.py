"""The run that code is called in. No model is loaded for it: the logs are set up before there are any."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workers.models import Run

_current: ContextVar[Run | None] = ContextVar("run", default=None)


def current_run() -> Run | None:
    """The run that this code is called in, if any."""
    return _current.get()


@contextmanager
def as_current(run: Run) -> Iterator[None]:
    """While the block runs, `run` is the current one."""
    token = _current.set(run)
    try:
        yield
    finally:
        _current.reset(token)
