"""What a story is given: an empty database, a Valkey of its own, and the processes it starts."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import pytest
import redis

from server.embedded import services
from tests.deploy import deploy
from tests.processes import Clock, Processes, environment, running
from workers import dispatch

#: Starts processes of the Procfile on a clock, with settings by their names. The first ones find the jobs as they were
#: `deployed`: when the clock starts, unless told otherwise.
Start = Callable[..., Processes]


@pytest.fixture
def queues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[redis.Redis]:
    """A Valkey that nothing but this story uses: its counters count this story's messages alone."""
    monkeypatch.delenv("REDIS_URL", raising=False)
    with services(tmp_path / "services") as urls, redis.Redis.from_url(urls["REDIS_URL"]) as client:
        yield client


@pytest.fixture
def start(
    transactional_db: None, queues: redis.Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Start]:
    # What a story saves is left to the processes that it starts: only their clock is right.
    monkeypatch.setattr(dispatch, "dispatch_at_once", lambda job_id, now: None)
    port = queues.connection_pool.connection_kwargs["port"]
    with ExitStack() as started:

        def start(*names: str, clock: Clock, deployed: datetime | None = None, **variables: str) -> Processes:
            deploy(deployed or clock.starts_at)
            env = environment(clock, f"redis://127.0.0.1:{port}/0", **variables)
            return started.enter_context(running(*names, env=env, data=tmp_path))

        yield start
