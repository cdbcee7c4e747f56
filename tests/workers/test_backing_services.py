"""A service that cannot be reached at the start: one line with its address and what to do. Real processes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.db import OperationalError
from redis.exceptions import ConnectionError

from workers.backing_services import address, explain_unreachable, require_services

TOP = Path(__file__).resolve().parents[2]
DEAD_DATABASE = "postgres://someone:hidden@127.0.0.1:1/poker"
DEAD_REDIS = "redis://someone:hidden@127.0.0.1:1/0"
WORKER = [sys.executable, "manage.py", "rundramatiq", "--processes", "1", "--threads", "1"]
SCHEDULER = [str(Path(sys.executable).with_name("periodiq")), "server.preflight", "workers.actors"]
GREETING = re.compile("Starting Periodiq")  # its own, before it loads anything of ours
MIGRATE = [sys.executable, "manage.py", "migrate", "--no-input"]


def start(command: list[str], **environment: str) -> tuple[int, str]:
    ended = subprocess.run(
        command,
        env={**os.environ, **environment},
        cwd=TOP,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=30,
    )
    return ended.returncode, "\n".join(line for line in ended.stdout.splitlines() if not GREETING.search(line))


@pytest.mark.parametrize("command", [WORKER, SCHEDULER, MIGRATE], ids=["worker", "scheduler", "migrate"])
def test_a_start_without_postgresql_ends_with_one_line(command: list[str]) -> None:
    status, said = start(command, DATABASE_URL=DEAD_DATABASE)

    assert status == 1
    (line,) = said.splitlines()
    assert line.startswith("PostgreSQL at postgres://127.0.0.1:1/poker cannot be used (")
    assert line.endswith(" Start it, or set DATABASE_URL to one that runs.")
    assert "hidden" not in line


@pytest.mark.parametrize("command", [WORKER, SCHEDULER], ids=["worker", "scheduler"])
def test_a_start_without_redis_ends_with_one_line(command: list[str]) -> None:
    status, said = start(command, REDIS_URL=DEAD_REDIS)

    assert status == 1
    (line,) = said.splitlines()
    assert line.startswith("Redis at redis://127.0.0.1:1/0 cannot be used (")
    assert line.endswith(" Start it, or set REDIS_URL to one that runs.")
    assert "hidden" not in line


def test_a_command_that_needs_redis_ends_with_one_line_too() -> None:
    status, said = start([sys.executable, "manage.py", "generate_sessions"], REDIS_URL=DEAD_REDIS)

    assert status == 1
    (line,) = said.splitlines()
    assert line.startswith("Redis at redis://127.0.0.1:1/0 cannot be used (")


@pytest.mark.django_db(transaction=True)  # it closes its connection
def test_services_that_answer_are_no_reason_to_end() -> None:
    require_services()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://user:hidden@db.example.com:5432/poker", "postgresql://db.example.com:5432/poker"),
        ("postgresql://user:hid@den@db.example.com/poker", "postgresql://db.example.com/poker"),
        ("redis://:hidden@h:6379/0", "redis://h:6379/0"),
        ("redis://h:6379/0?password=hidden", "redis://h:6379/0"),
        ("unix://:hidden@/run/redis.sock", "unix:///run/redis.sock"),
    ],
)
def test_an_address_is_shown_without_who_may_use_it(url: str, shown: str) -> None:
    assert address(url) == shown


def test_an_explanation_is_one_line_whatever_the_error_says() -> None:
    several = OperationalError("\n connection refused\n\tIs the server running?\n")

    assert "(connection refused)" in explain_unreachable(several)
    assert "(ConnectionError)" in explain_unreachable(ConnectionError())
    assert address(settings.REDIS_URL) in explain_unreachable(ConnectionError())
