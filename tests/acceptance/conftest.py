"""What a story is given: an empty database, a Valkey of its own, and the processes it starts."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis

from server.embedded import services
from tests.processes import Clock, Processes, environment, running

#: Starts processes of the Procfile on a clock, with settings by their names.
Start = Callable[..., Processes]


@pytest.fixture
def queues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[redis.Redis]:
    """A Valkey that nothing but this story uses: its counters count this story's messages alone."""
    monkeypatch.delenv("REDIS_URL", raising=False)
    with services(tmp_path / "services") as urls, redis.Redis.from_url(urls["REDIS_URL"]) as client:
        yield client


@pytest.fixture
def start(transactional_db: None, queues: redis.Redis, tmp_path: Path) -> Iterator[Start]:
    port = queues.connection_pool.connection_kwargs["port"]
    with ExitStack() as started:

        def start(*names: str, clock: Clock, **variables: str) -> Processes:
            env = environment(clock, f"redis://127.0.0.1:{port}/0", **variables)
            return started.enter_context(running(*names, env=env, data=tmp_path))

        yield start
