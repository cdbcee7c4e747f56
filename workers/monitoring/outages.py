"""The log while a service is away: one line a minute of a process, not one for each attempt."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator

import psycopg
import psycopg_pool
from django.db import InterfaceError, OperationalError
from dramatiq.errors import BrokerConnectionError
from redis.exceptions import ConnectionError as RedisAway
from redis.exceptions import TimeoutError as RedisSilent

#: Seconds between two lines about one service.
EVERY = 60.0

REDIS = (RedisAway, RedisSilent, BrokerConnectionError)
DRIVER = (psycopg.OperationalError, psycopg.InterfaceError, psycopg_pool.PoolTimeout)
POSTGRESQL = (OperationalError, InterfaceError, *DRIVER)

#: Of an answer of 503 Django does not say which service was away.
SOME = "A service"

#: What dramatiq's consumers say after each line about their connection. (2.2)
ECHOES = "Restarting consumer in"


class Console(logging.StreamHandler):
    """Writes to standard error. Of the lines that an outage of a service causes, it writes one a minute."""

    def __init__(self) -> None:
        super().__init__()
        self.told: dict[str, float] = {}  # by service: when there was a line last
        self.untold: dict[str, int] = {}

    def emit(self, record: logging.LogRecord) -> None:
        service = away(record)
        if not service:
            return super().emit(record)
        told = max(self.told.values(), default=0.0) if service == SOME else self.told.get(service, 0.0)
        if str(record.msg).startswith(ECHOES) or abs(record.created - told) < EVERY:
            self.untold[service] = self.untold.get(service, 0) + 1
            return None
        self.told[service] = record.created
        super().emit(_in_short(record, service, self.untold.pop(service, 0)))


def away(record: logging.LogRecord) -> str:
    """The service whose absence a line is about; "" for none.

    A statement that took too long, or waited too long for a lock, is no absence: PostgreSQL says why, in a SQLSTATE.
    """
    if str(record.msg).startswith(ECHOES):
        return "Redis"
    if record.name == "django.request" and getattr(record, "status_code", None) == 503:
        return SOME
    for error in _errors(record):
        if isinstance(error, REDIS):
            return "Redis"
        if isinstance(error, POSTGRESQL) and _sqlstate(error) in (None, "57P01", "57P02", "57P03"):
            return "PostgreSQL"
    return ""


def _errors(record: logging.LogRecord) -> Iterator[object]:
    """The errors that a line tells of: among its arguments, with its traceback, or as `extra={"error": …}`."""
    if isinstance(record.args, tuple):
        yield from record.args
    if record.exc_info:
        yield record.exc_info[1]
    yield getattr(record, "error", None)


def _sqlstate(error: object) -> str | None:
    for each in (error, getattr(error, "__cause__", None)):
        if isinstance(each, psycopg.Error):
            return each.sqlstate
    return None


def _in_short(record: logging.LogRecord, service: str, untold: int) -> logging.LogRecord:
    """The line without a traceback, which every attempt would repeat, and with the number of those left out."""
    short = copy.copy(record)
    error = "" if record.args or not record.exc_info else f" ({record.exc_info[1]})"
    before = f" {untold} lines like this one were left out." if untold else ""
    short.msg = f"{record.getMessage()}{error} [{service} is away; this is said once a minute.{before}]"
    short.args, short.exc_info, short.exc_text = (), None, None
    return short
