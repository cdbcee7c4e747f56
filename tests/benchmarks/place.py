"""A database and a Redis database that belong to one run alone."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg
import redis

from server.embedded import until

#: The project's folder, from which every process is started.
TOP = Path(__file__).resolve().parents[2]

#: Seconds that processes have to start or to end, and their connections to come or go.
PATIENCE = 30.0


class Spoilt(Exception):
    """A figure that would not count; the message says why."""


@contextmanager
def place() -> Iterator[None]:
    """Make both databases on the servers that the environment names, name them there instead, and remove them.

    Raises:
        Spoilt: the server has no empty Redis database to give.
    """
    server = os.environ["DATABASE_URL"]
    name = f"bench_{token_hex(4)}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        try:
            os.environ["DATABASE_URL"] = urlsplit(server)._replace(path=f"/{name}").geturl()
            os.environ["REDIS_URL"] = _empty_redis(os.environ["REDIS_URL"])
            yield
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _empty_redis(server: str) -> str:
    for number in range(15, 0, -1):
        url = urlsplit(server)._replace(path=f"/{number}").geturl()
        with redis.Redis.from_url(url) as client:
            if not client.dbsize() and not _clients(client):
                return url
    raise Spoilt(f"{urlsplit(server).hostname} has no Redis database that is empty and unused.")


def flush_redis() -> None:
    """Empty the run's Redis database."""
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        client.flushdb()


def require_solitude() -> None:
    """Wait until nobody else is attached to either database; a forgotten worker would quietly share the work.

    Raises:
        Spoilt: somebody stays.
    """
    if not until(lambda: not strangers(), PATIENCE):
        raise Spoilt(f"Others are attached: {', '.join(strangers())}.")


def strangers() -> list[str]:
    """The clients attached to the run's databases, this process excepted."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
        pids = {pid for (pid,) in cursor.fetchall()} - {connection.connection.info.backend_pid}
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        return [
            *(f"PostgreSQL's process {pid}" for pid in pids),
            *(f"Redis' client {addr}" for addr in _clients(client)),
        ]


def _clients(client: redis.Redis) -> list[str]:
    """The addresses of those that use the same Redis database from another process."""
    number = str(client.connection_pool.connection_kwargs.get("db", 0))
    listed: Any = client.client_list()
    mine = {f"{end.laddr.ip}:{end.laddr.port}" for end in psutil.Process().net_connections() if end.laddr}
    return [each["addr"] for each in listed if each["db"] == number and each["addr"] not in mine]
