"""The database as the trials see it from outside: who is connected, who waits, and a server that can be stopped."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import dj_database_url
import psutil
import psycopg
from django.conf import settings
from django.db import connection, connections
from django.db.utils import load_backend

from server.development import postgres, processes

#: What the processes of a trial call themselves, so that they can be told from the test that watches them.
NAMED = {"PGAPPNAME": "procfile"}
THEIRS = "datname = current_database() AND application_name = 'procfile'"


def connect(url: str = "") -> psycopg.Connection[Any]:
    """A session of one's own beside Django's, on the test's database unless told otherwise."""
    if url:
        return psycopg.connect(url, autocommit=True)
    return psycopg.connect(settings.DATABASE_URL, dbname=connection.settings_dict["NAME"], autocommit=True)


class Watch:
    """Counts, ten times a second, the connections that the processes have, and how long one waits for a lock."""

    def __init__(self, url: str = "") -> None:
        self.url = url
        self.connections = 0  # the most at one time
        self.waited = 0.0  # seconds, the longest
        self.waits: set[Any] = set()
        self.looks = 0
        self.stopping = threading.Event()

    def __enter__(self) -> "Watch":
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stopping.set()
        self.thread.join()

    def _watch(self) -> None:
        while not self.stopping.is_set():
            with suppress(psycopg.OperationalError), connect(self.url) as session:  # stopped, it is asked again
                while not self.stopping.wait(0.1):
                    self._look(session)
            self.stopping.wait(0.1)

    def _look(self, session: psycopg.Connection[Any]) -> None:
        waiting = "wait_event_type = 'Lock'"
        rows = session.execute(
            f"SELECT pid, query_start, {waiting}, extract(epoch FROM clock_timestamp() - query_start)::float"
            f" FROM pg_stat_activity WHERE {THEIRS}"
        ).fetchall()
        self.looks += 1
        self.connections = max(self.connections, len(rows))
        for pid, since, waits, seconds in rows:
            if waits:
                self.waits.add((pid, since))
                self.waited = max(self.waited, seconds)


class Postgres:
    """A server of a trial's own, with a migrated database. What is stopped starts again as it was."""

    def __init__(self, url: str, data: Path) -> None:
        self.url, self.folder, self.log = url, data / "postgres", data / "postgres.log"

    def stop(self, how: signal.Signals) -> None:
        """SIGINT ends sessions and shuts down, SIGQUIT drops everything at once; it recovers at its next start."""
        server = psutil.Process(int((self.folder / "postmaster.pid").read_text().split()[0]))
        self.command = server.cmdline()
        server.send_signal(how)
        assert processes.until(lambda: processes.ended(server), seconds=10)

    def start(self) -> None:
        server = processes.start(self.command, self.log, **postgres.account(self.folder))
        processes.wait_for("PostgreSQL", server, self.log, lambda: postgres.answers(self.url.rpartition("/")[0]))
        connection.close()  # its other end is gone


@contextmanager
def own_postgres(data: Path) -> Iterator[Postgres]:
    """The test's Django talks to a server of its own as long as the block runs."""
    data.mkdir()
    with postgres.postgres(data) as url:
        own = Postgres(url, data)
        try:
            with _django_on(url):
                yield own
        finally:
            with suppress(FileNotFoundError, AssertionError):
                own.stop(signal.SIGINT)


@contextmanager
def _django_on(url: str) -> Iterator[None]:
    usual: Any = connections["default"]
    there = {**usual.settings_dict, **dj_database_url.parse(url)}
    there["OPTIONS"] = {name: value for name, value in usual.settings_dict["OPTIONS"].items() if name != "pool"}
    connections["default"] = load_backend(there["ENGINE"]).DatabaseWrapper(there, "default")
    try:
        yield
    finally:
        connections["default"].close()
        connections["default"] = usual


@contextmanager
def locked(statement: str, *parameters: Any) -> Iterator[None]:
    """Somebody else's transaction, which holds the locks of `statement` until the block ends."""
    with connect() as session, session.transaction():
        assert session.execute(statement, parameters).fetchall()
        yield


@contextmanager
def terminating(every: float) -> Iterator[list[int]]:
    """End all sessions of the processes, again and again; how many each time."""
    stopping = threading.Event()
    ended: list[int] = []

    def terminate() -> None:
        with connect() as session:
            while not stopping.wait(every):
                rows = session.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {THEIRS}")
                ended.append(len(rows.fetchall()))

    thread = threading.Thread(target=terminate)
    thread.start()
    try:
        yield ended
    finally:
        stopping.set()
        thread.join()


def seconds_until(condition: Any, within: float) -> float:
    """How long it takes until `condition` holds; `within` and no longer when it does not."""
    since = time.monotonic()
    processes.until(condition, within)
    return time.monotonic() - since
