"""What the log says while a service is away."""

import os
import subprocess
import sys

SAYS = """
import django; django.setup()
import logging, time
import redis, psycopg
from django.db import OperationalError, connection
from dramatiq.errors import ConnectionClosed
from redis.exceptions import ConnectionError

away = ConnectionError("Error 111 connecting to 127.0.0.1:1. Connection refused.")
consumer = logging.getLogger("dramatiq.worker.ConsumerThread(games)")
ours = logging.getLogger("workers.runs")
"""
REDIS = """
for attempt in range(70):
    consumer.critical("Consumer encountered a connection error: %s", ConnectionClosed(away))
    consumer.info("Restarting consumer in %0.2f seconds.", 3)
try:
    raise away
except ConnectionError:
    ours.exception("The tick went on without it")
ours.warning("Redis did not take %d runs: %s", 3, away)
"""
POSTGRESQL = """
for attempt in range(70):
    logging.getLogger("psycopg.pool").warning("error connecting in %r: %s", "pool", psycopg.OperationalError("refused"))
from django.conf import settings
connection.settings_dict.update(HOST="127.0.0.1", PORT="1")
for attempt in range(3):
    try:
        connection.cursor()
    except OperationalError as error:
        ours.warning("The heartbeat of %d runs was not written: %s", 3, error)
        from server.web import unavailable
        from django.test import RequestFactory
        unavailable._one_moment(RequestFactory().get("/"), error)
for attempt in range(3):
    logging.getLogger("django.request").error("Service Unavailable: /", extra={"status_code": 503})
"""
LOCKED = """
for attempt in range(3):
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 1; SELECT pg_sleep(1)")
    except OperationalError as error:
        ours.warning("Game %s: %s", attempt, error)
ours.error("Another thing")
"""


def said(*script: str) -> list[str]:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "server.settings", "JSON_LOGS": ""}
    done = subprocess.run(
        [sys.executable, "-c", "".join([SAYS, *script])], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stderr.splitlines()


def test_an_outage_of_redis_is_one_line_a_minute() -> None:
    (line,) = said(REDIS)

    assert "Consumer encountered a connection error: " in line
    assert line.endswith("[Redis is away; this is said once a minute.]")


def test_after_a_minute_there_is_another_that_counts_those_left_out() -> None:
    later = "import time_machine\nwith time_machine.travel(time.time() + 61): ours.warning('again: %s', away)\n"

    _, line = said(REDIS, later)

    assert "again: Error 111" in line
    assert line.endswith("[Redis is away; this is said once a minute. 141 lines like this one were left out.]")


def test_an_outage_of_postgresql_is_one_line_of_its_own() -> None:
    assert len(said(POSTGRESQL)) == 1
    assert len(said(REDIS, POSTGRESQL)) == 2


def test_what_is_slow_or_locked_is_told_each_time() -> None:
    lines = [line for line in said(LOCKED) if " workers.runs: " in line]

    assert len(lines) == 4
    assert not any("is away" in line for line in lines)


def test_an_error_that_says_more_is_one_line() -> None:
    lines = said("try: raise away\nexcept ConnectionError: ours.exception('Two\\\\nlines')\n")

    assert len(lines) == 1
    assert "Error 111" in lines[0]
