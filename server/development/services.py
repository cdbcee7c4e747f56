"""PostgreSQL and Valkey for as long as a block runs."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from server.development.postgres import postgres
from server.development.processes import ServiceError
from server.development.valkey import valkey


@contextmanager
def services(data: Path) -> Iterator[dict[str, str]]:
    """Both services' addresses, as DATABASE_URL and REDIS_URL.

    Starts a service only if the environment does not name it, with its files under `data`, and stops what it
    started. A server that an earlier owner of `data` left running, because it was killed, is stopped and replaced.

    Raises:
        ServiceError: another process owns `data`, or a service does not start.
    """
    data = data.resolve()
    data.mkdir(parents=True, exist_ok=True)
    with ExitStack() as started:
        started.enter_context(_sole_owner(data))
        yield {
            "DATABASE_URL": os.environ.get("DATABASE_URL") or started.enter_context(postgres(data)),
            "REDIS_URL": os.environ.get("REDIS_URL") or started.enter_context(valkey(data)),
        }


@contextmanager
def _sole_owner(data: Path) -> Iterator[None]:
    """Hold `data` for this process. The kernel drops the lock however the process ends."""
    with (data / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            owner = lock.read().strip()
            raise ServiceError(f"{data} is in use by process {owner}: stop that first.") from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield
