"""The real processes of the Procfile, on a clock that a test sets."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

import psutil
import psycopg
from django.conf import settings
from django.db import connection

from server.embedded import search_path
from server.supervisor import Stop, Stopped, Supervisor, procfile

TESTS = Path(__file__).resolve().parent
COMMANDS = procfile(TESTS.parent / "Procfile")

#: PostgreSQL's own time for whoever has this schema before pg_catalog on the search path and says what time it is.
DATABASE_CLOCK = """
CREATE SCHEMA IF NOT EXISTS testclock;
CREATE OR REPLACE FUNCTION testclock.clock_timestamp() RETURNS timestamptz VOLATILE LANGUAGE sql AS $$
    SELECT current_setting('testclock.starts_at')::timestamptz
        + (pg_catalog.clock_timestamp() - to_timestamp(current_setting('testclock.epoch')::float8))
        * current_setting('testclock.rate')::float8
$$;
"""


@dataclass(frozen=True)
class Clock:
    """Shows `starts_at` (aware) when it is made, and runs `rate` times as fast as a real one.

    A minute then takes a tick of periodiq's 60 / `rate` seconds, while the work takes as long as it takes: what
    keeps its time on a fast clock does so all the more on a real one.
    """

    starts_at: datetime
    rate: float = 1
    epoch: float = field(default_factory=time.time)

    def now(self) -> datetime:
        return self.starts_at.astimezone(UTC) + timedelta(seconds=(time.time() - self.epoch) * self.rate)

    def environment(self) -> dict[str, str]:
        return {
            "PYTHONPATH": str(TESTS / "clock"),
            "CLOCK_STARTS_AT": self.starts_at.isoformat(),
            "CLOCK_EPOCH": repr(self.epoch),
            "CLOCK_RATE": repr(self.rate),
            # A quick pulse on a fast clock would leave no time to work.
            **({"RUN_HEARTBEAT_SECONDS": "60"} if self.rate > 2 else {}),
        }

    def of_database(self) -> str:
        """The options of a connection on which PostgreSQL shows this clock's time."""
        options = {
            "search_path": "public,testclock,pg_catalog",
            "testclock.starts_at": self.starts_at.isoformat(),
            "testclock.epoch": repr(self.epoch),
            "testclock.rate": repr(self.rate),
        }
        return " ".join(f"-c {name}={value}" for name, value in options.items())


def environment(clock: Clock, redis_url: str, **variables: str) -> dict[str, str]:
    """What processes need in order to work on the test's database by `clock`, which is their database's too."""
    database = urlsplit(settings.DATABASE_URL)._replace(path=f"/{connection.settings_dict['NAME']}")
    addresses = {"DATABASE_URL": on_clock(database.geturl(), clock), "REDIS_URL": redis_url, "PATH": search_path()}
    return {**os.environ, "PYTHONUNBUFFERED": "1", **addresses, **clock.environment(), **variables}


def on_clock(database: str, clock: Clock) -> str:
    """The address of a database that shows the time of `clock` to whoever comes by this address."""
    with psycopg.connect(database, autocommit=True) as harness:
        harness.execute(DATABASE_CLOCK)
    return urlsplit(database)._replace(query=urlencode({"options": clock.of_database()}, quote_via=quote)).geturl()


class Processes:
    """Processes of the Procfile, each in a session of its own and started again when it ends, as a platform does.

    What they print is captured with the test's own output, and shown when it fails.
    """

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor = supervisor

    def start(self, *names: str) -> None:
        """Start one more process of each name."""
        for name in names:
            self.supervisor.keep(name, COMMANDS[name])

    def stop(self, name: str) -> None:
        """End the process called `name`, for good."""
        (kept,) = [kept for kept in self.supervisor.kept if kept.name == name]
        self.supervisor.kept.remove(kept)
        assert kept.process
        kept.process.child.terminate()
        kept.process.child.wait(timeout=10)

    def children(self, name: str) -> list[psutil.Process]:
        """The processes that the one called `name` has forked; none while it is down."""
        leaders = [kept.process for kept in self.supervisor.kept if kept.name == name]
        with suppress(psutil.NoSuchProcess):
            return [child for leader in leaders if leader for child in psutil.Process(leader.child.pid).children()]
        return []

    def forget_crashes(self) -> None:
        """Let what ends next start again at once: to the platform it is the first crash of the day."""
        for kept in self.supervisor.kept:
            kept.delay = 0.0

    def manage(self, *arguments: str) -> str:
        """Run a command of manage.py in the same surroundings; what it printed."""
        command = [sys.executable, str(TESTS.parent / "manage.py"), *arguments]
        done = subprocess.run(command, env=self.supervisor.environment, capture_output=True, text=True, timeout=120)
        print(done.stdout, done.stderr)
        done.check_returncode()
        return done.stdout


@contextmanager
def running(*names: str, env: dict[str, str], data: Path) -> Iterator[Processes]:
    """Processes of the Procfile until the block ends; then none of them is left, nor what they started.

    `data` marks them: no other supervisor may use it.
    """
    stop = Stop()
    supervisor = Supervisor(env, data, stop)
    processes = Processes(supervisor)
    tending = threading.Thread(target=_tend, args=[supervisor])
    try:
        processes.start(*names)
        tending.start()
        yield processes
    finally:
        stop.set()
        tending.join()
        supervisor.end()


def _tend(supervisor: Supervisor) -> None:
    with suppress(Stopped):
        supervisor.wait_for(lambda: False)
