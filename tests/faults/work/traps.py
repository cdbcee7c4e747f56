"""Places at which a process kills itself when a test has set a trap there, and a disk as slow as a test asks for.

A trap is a file in the folder FAULTS_TRAPS, named after the place: the process that removes it is the one that
dies. The places are Django's and dramatiq's own, so that the trial knows nothing of how games are generated.

    insert    before the rows of sessions are sent to PostgreSQL
    commit    right after the transaction that wrote sessions was committed
    ack       before Redis is told that the message of a game is done with

FAULTS_SLOW is how many seconds writing the sessions of one game takes longer than it does.
"""

import os
import signal
import threading
import time
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import QuerySet
from dramatiq.brokers.redis import _RedisConsumer

#: Whether this thread's transaction has written sessions.
_wrote = threading.local()


def set_up() -> None:
    if "FAULTS_TRAPS" in os.environ or "FAULTS_SLOW" in os.environ:
        QuerySet.bulk_create = _before_insert(QuerySet.bulk_create)  # type: ignore[method-assign]
        BaseDatabaseWrapper.commit = _after_commit(BaseDatabaseWrapper.commit)  # type: ignore[method-assign]
        _RedisConsumer.ack = _before_ack(_RedisConsumer.ack)  # type: ignore[method-assign]


def _fall_in(place: str) -> None:
    with suppress(FileNotFoundError):
        Path(os.environ.get("FAULTS_TRAPS", "/nowhere"), place).unlink()
        print(f"trap: {place}", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)


def _before_insert(bulk_create: Any) -> Any:
    @wraps(bulk_create)
    def call(rows: Any, objs: Any, *args: Any, **kwargs: Any) -> Any:
        if rows.model._meta.db_table == "events_gamesession":
            objs = list(objs)
            time.sleep(float(os.environ.get("FAULTS_SLOW", 0)) * len({session.game_id for session in objs}))
            _fall_in("insert")
            _wrote.sessions = True
        return bulk_create(rows, objs, *args, **kwargs)

    return call


def _after_commit(commit: Any) -> Any:
    @wraps(commit)
    def call(connection: Any) -> None:
        commit(connection)
        if getattr(_wrote, "sessions", False):
            _wrote.sessions = False
            _fall_in("commit")

    return call


def _before_ack(ack: Any) -> Any:
    @wraps(ack)
    def call(consumer: Any, message: Any) -> None:
        if message.actor_name == "create_sessions_for_game":
            _fall_in("ack")
        ack(consumer, message)

    return call
