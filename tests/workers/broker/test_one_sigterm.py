"""A SIGTERM that follows another at once does not count."""

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from workers.broker import OneSigterm


@pytest.fixture
def counted() -> Iterator[list[int]]:
    """The signals that reach the handler that a worker process had before."""
    found: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: found.append(number))
    yield found
    signal.signal(signal.SIGTERM, before)


def test_of_two_at_once_one_counts_and_a_later_one_again(counted: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    OneSigterm().after_worker_boot(None, None)

    for seconds, count in ((0, 1), (4, 1), (6, 2)):
        now[0] = 100.0 + seconds
        os.kill(os.getpid(), signal.SIGTERM)
        assert len(counted) == count


def test_one_that_comes_while_the_first_is_handled_does_not_count(
    counted: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python runs a handler between two steps of another."""
    OneSigterm().after_worker_boot(None, None)
    looks: list[float] = []

    def monotonic() -> float:
        look = 100.0 + len(looks)
        looks.append(look)
        if len(looks) == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return look

    monkeypatch.setattr("time.monotonic", monotonic)
    os.kill(os.getpid(), signal.SIGTERM)

    assert len(counted) == 1


def test_a_process_without_a_handler_keeps_its_default() -> None:
    before: Any = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        OneSigterm().after_worker_boot(None, None)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGTERM, before)
