"""The database's clock, the one that every process agrees on, and how far this process's own is from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import DateTimeField, Func
from django.utils import timezone


class DatabaseNow(Func):
    """The database's time in the moment when a statement asks for it, for a statement to write or to compare.

    The function stands without its schema on purpose: a clock for tests can come before pg_catalog on the search path.
    """

    function = "clock_timestamp"
    output_field = DateTimeField()


def database_now() -> datetime:
    """The database's time (aware, UTC). Raises django.db.OperationalError while it is away."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")  # see DatabaseNow
        (now,) = cursor.fetchone()
        return now  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Reading:
    """The database's time, and by how much this process's clock is ahead of it (negative: behind) at the very least."""

    now: datetime
    ahead: timedelta


def read_clocks() -> Reading:
    """Read both clocks. Time that the answer takes is nobody's error: only what it cannot explain counts."""
    connection.ensure_connection()  # waiting for a connection would widen what cannot be told
    before = timezone.now()
    now = database_now()
    least, most = before - now, timezone.now() - now
    return Reading(now, max(least, min(most, timedelta(0))))
