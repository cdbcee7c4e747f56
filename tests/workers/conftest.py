"""The real broker on the real Redis, in a namespace of each test's own, and a worker to run its messages."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import pytest
from dramatiq import Message, Worker

from workers.broker import Broker, ClockWatch, Life, Watchdog, broker
from workers.jobs import declared, registry


class Queues:
    """What lies on the queues of one broker."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.client: Any = broker.client

    def messages(self, queue: str) -> list[Message[Any]]:
        """The messages that wait for a worker, the next first."""
        ids = self.client.lrange(f"{self.broker.namespace}:{queue}", 0, -1)
        return [Message.decode(self.client.hget(self._hash(queue), each)) for each in ids]

    def dead(self, queue: str) -> list[Message[Any]]:
        return [Message.decode(each) for each in self.client.hvals(self._hash(f"{queue}.XQ"))]

    def windows(self) -> dict[int, tuple[str, ...]]:
        """The games that are to be generated, each with its window, if any. None may be there twice."""
        args = [message.args for message in self.messages("games")]
        assert len({game for game, *_ in args}) == len(args)
        return {game: tuple(window) for game, *window in args}

    def clear(self) -> None:
        """Lose everything, as a Redis does that is wiped."""
        for key in self.client.scan_iter(f"{self.broker.namespace}:*"):
            self.client.delete(key)

    def take(self, queue: str) -> None:
        """Take all that waits, as workers do that then hang: the messages are not gone."""
        self.client.delete(f"{self.broker.namespace}:{queue}")

    @contextmanager
    def worker(self, *names: str, beats: bool = False) -> Iterator[Worker]:
        """A worker of the queues `names` while the block runs."""
        middleware = list(self.broker.middleware)  # each worker adds its own, and leaves it behind
        # The watchdog would end the process that runs the tests; a clock watch would look at a clock that is not set;
        # and what beats would write rows of a process.
        left_out = Watchdog | ClockWatch if beats else Watchdog | ClockWatch | Life
        self.broker.middleware[:] = [each for each in middleware if not isinstance(each, left_out)]
        worker = Worker(self.broker, queues=set(names), worker_timeout=20, worker_threads=2)
        worker.start()
        try:
            yield worker
        finally:
            worker.stop()
            self.broker.middleware[:] = middleware

    def work_off(self, *names: str) -> None:
        """Run what is on the queues `names`, and what is added meanwhile, retries too."""
        with self.worker(*names) as worker:
            for name in names:
                self.broker.join(name, interval=10, timeout=20_000)
            worker.join()

    def _hash(self, queue: str) -> str:
        return f"{self.broker.namespace}:{queue}.msgs"


@pytest.fixture
def queues(monkeypatch: pytest.MonkeyPatch) -> Iterator[Queues]:
    monkeypatch.setattr(broker(), "namespace", f"test-{uuid4()}")
    monkeypatch.setattr(broker(), "held", {})
    queues = Queues(broker())
    yield queues
    queues.clear()


@pytest.fixture
def own_code() -> Iterator[None]:
    """What the test declares is gone after it."""
    with patch.dict(registry), patch.dict(declared), patch.dict(broker().actors):
        yield
