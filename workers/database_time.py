"""The database's clock, the one that every process agrees on, and how far this process's own is from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import DateTimeField, Func
from django.utils import timezone

#: By how much a clock may differ from the database's before somebody is told.
TOLERATED = timedelta(seconds=5)

#: By how much a worker's clock may differ before it takes no tick. A moment that lies further ahead than it can, and by
#: more than this, came from such a clock.
TOO_FAR = timedelta(minutes=1)


class DatabaseNow(Func):
    """The database's time in the moment when a statement asks for it, for a statement to write or to compare.

    The function stands without its schema on purpose: a clock for tests can come before pg_catalog on the search path.
    """

    function = "clock_timestamp"
    output_field = DateTimeField()


def database_now() -> datetime:
    """The database's time (aware, UTC). Raises django.db.OperationalError while it is away."""
    return _ask()


def _ask() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")  # see DatabaseNow
        (now,) = cursor.fetchone()
        return now  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Reading:
    """The database's time, and by how much this process's clock is ahead of it (negative: behind) at the very least."""

    now: datetime
    ahead: timedelta

    def is_too_far_off(self) -> bool:
        return abs(self.ahead) > TOO_FAR


def read_clocks() -> Reading:
    """Read both clocks. Time that the answer takes is nobody's error: only what it cannot explain counts."""
    connection.ensure_connection()  # waiting for a connection would widen what cannot be told
    before = timezone.now()
    now = database_now()
    least, most = before - now, timezone.now() - now
    return Reading(now, max(least, min(most, timedelta(0))))


def off(ahead: timedelta) -> str:
    """How far a clock is off, for people: `36000 s ahead of the database's`."""
    return f"{abs(ahead).total_seconds():.0f} s {'ahead of' if ahead > timedelta(0) else 'behind'} the database's"
