"""Whatever serves pages or runs a command starts no clock and writes nothing: only the scheduler is a clock.

A clock would need a thread or a process of its own, a message to Redis, or a row. None may be there, in real
processes whose Redis is a socket that counts who comes.
"""

import http.client
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from operator import le
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection

from server.embedded import search_path
from server.supervisor import procfile
from tests.waiting import eventually

TOP = Path(__file__).resolve().parents[2]
PROCFILE = procfile(TOP / "Procfile")

pytestmark = pytest.mark.django_db(transaction=True)


class Visitors:
    """A socket that stands for Redis and counts who connects."""

    def __init__(self) -> None:
        self.count = 0
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                self.server.accept()[0].close()
                self.count += 1


@pytest.fixture
def redis() -> Iterator[Visitors]:
    visitors = Visitors()
    yield visitors
    visitors.server.shutdown(socket.SHUT_RDWR)
    visitors.server.close()


@pytest.fixture
def environment(redis: Visitors) -> dict[str, str]:
    database = urlsplit(settings.DATABASE_URL)._replace(path=f"/{connection.settings_dict['NAME']}")
    return {
        **os.environ,
        "DATABASE_URL": database.geturl(),
        "REDIS_URL": f"redis://127.0.0.1:{redis.port}/0",
        "DJANGO_SETTINGS_MODULE": "server.settings",
        "PATH": search_path(),
        "DEBUG": "1",
        "TICK_OVERDUE_SECONDS": "3600",  # the tables were made when these tests began, and nothing has ticked since
        "HOST": "127.0.0.1",
        "WEB_CONCURRENCY": "1",
    }


def rows_written() -> int:
    """Rows that were ever inserted, updated or deleted in the test's database, by whatever process."""
    with connection.cursor() as cursor:
        ask = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        eventually(lambda: not cursor.execute(ask).fetchone()[0], within=10)  # each tells when it ends
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables")
        return int(cursor.fetchone()[0])


@contextmanager
def running(command: str, environment: dict[str, str]) -> Iterator[psutil.Process]:
    """A command of a shell, and at the end nothing of it."""
    process = psutil.Popen(["sh", "-c", f"exec {command}"], env=environment, cwd=TOP, start_new_session=True)
    try:
        yield process
    finally:
        tree = [process, *process.children(recursive=True)]
        process.terminate()
        _, alive = psutil.wait_procs(tree, timeout=5)
        for each in alive:
            each.kill()
        process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def status(port: int, path: str) -> int | None:
    with suppress(OSError), closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as client:
        client.request("GET", path)
        return client.getresponse().status
    return None


def tree(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


@pytest.mark.parametrize(
    ("command", "threads"),
    [
        # The reloader that watches; below it the server, with the thread that watches the files.
        ("python manage.py runserver 127.0.0.1:$PORT", [1, 2]),
        # The arbiter; below it the worker, with as many threads as the Procfile gives it for requests.
        (PROCFILE["web"], [1, 5]),
    ],
    ids=["runserver", "web"],
)
def test_serving_pages_starts_no_clock_and_writes_nothing(
    command: str, threads: list[int], environment: dict[str, str], redis: Visitors
) -> None:
    port = free_port()
    before = rows_written()
    with running(command, {**environment, "PORT": str(port)}) as process:
        eventually(lambda: status(port, "/healthz") == 200, within=20)
        assert status(port, "/") == 200
        assert status(port, "/healthz/scheduler") == 200

        seen = tree(process)
        assert len(seen) == len(threads), [each.cmdline() for each in seen]
        # A thread that served a request takes a moment to go.
        eventually(lambda: all(map(le, [each.num_threads() for each in seen], threads)), within=5)

    assert rows_written() == before
    assert redis.count == 0


LIST_THREADS = "; import threading; print([thread.name for thread in threading.enumerate()])"


@pytest.mark.parametrize(
    "what",
    [
        "import server.wsgi",
        "import server.wsgi; from django.test import Client;"
        " [Client(SERVER_NAME='localhost').get(path) for path in ('/', '/healthz', '/healthz/scheduler', '/admin/')]",
        "import django; django.setup(); import workers.actors, workers.monitoring.health, server.urls",
        "import os; os.environ['RUN_MAIN'] = 'true'; import server.wsgi",  # as runserver's reloader has it
        "import django; django.setup(); from django.core.management import call_command;"
        " [call_command(*words.split()) for words in"
        " ('check', 'showmigrations', 'makemigrations --check --dry-run', 'generate_sessions --dry-run')]",
    ],
    ids=["web process", "requests", "every module", "reloader", "commands"],
)
def test_loading_the_system_or_running_a_command_leaves_no_thread_and_writes_nothing(
    what: str, environment: dict[str, str], redis: Visitors
) -> None:
    before = rows_written()

    ended = subprocess.run(
        [sys.executable, "-c", what + LIST_THREADS],
        env=environment,
        cwd=TOP,
        capture_output=True,
        text=True,
        timeout=30,
    )

    assert ended.stdout.splitlines()[-1] == "['MainThread']", ended.stderr
    assert rows_written() == before
    assert redis.count == 0


@pytest.mark.parametrize("label", ["events", "workers"])
def test_an_app_that_is_ready_has_asked_the_database_nothing(label: str, django_assert_num_queries: Any) -> None:
    threads = threading.active_count()

    with django_assert_num_queries(0):
        apps.get_app_config(label).ready()

    assert threading.active_count() == threads


def test_the_scheduler_alone_is_a_clock() -> None:
    clocks = [name for name, command in PROCFILE.items() if "periodiq" in command]

    assert clocks == ["scheduler"]
    assert PROCFILE.keys() == {"release", "web", "worker", "scheduler"}
