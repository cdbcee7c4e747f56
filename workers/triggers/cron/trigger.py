"""The cron trigger: the walls that cron fields name, as instants of a zone.

Daylight saving is settled here, because APScheduler 3.11 returns times that do not exist, skips days whose
midnight is missing, and repeats itself in a fold.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from heapq import merge
from itertools import groupby, islice, pairwise
from typing import Any, Self

from workers.triggers.base import Trigger
from workers.triggers.cron.crontab import read_crontab
from workers.triggers.cron.fields import CRON_FIELDS, EXAMPLES, CronFields
from workers.triggers.cron.words import spoken_fields
from workers.triggers.values import Moment, TriggerError, in_utc
from workers.triggers.walls import DAY, SECOND, clock_change, readings_from, wall_at
from workers.triggers.words import listed

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A day or an offset added to a later moment may be more than datetime can hold.
LAST_DAY = datetime(9999, 12, 29, tzinfo=UTC)


class CronTrigger(Trigger):
    """Fires at every wall that all fields name, like cron with seconds, ISO weeks and years.

    Parameters:
        year, month, day, week, day_of_week, hour, minute, second: APScheduler's fields in its syntax. Fields finer
            than the finest one given are at their minimum, coarser ones `*`. In day_of_week 0 is Monday.
        start_date, end_date, timezone, jitter: see `Trigger`.
        expression: a crontab line in place of the fields; see `from_crontab`.

    An hour that begins with `*` follows elapsed time: every instant whose wall matches is a fire. Any other names
    fixed walls, each one fire: shifted forward by the gap when the clocks skip it (RFC 5545 §3.3.5), the first
    when they show it twice. Years run from 1970.
    """

    kind = "cron"
    label = "At set times"
    field_names = (*CRON_FIELDS, "expression")
    examples = {**EXAMPLES, "expression": "0 5 * * mon-fri"}

    def __init__(
        self,
        year: int | str | None = None,
        month: int | str | None = None,
        day: int | str | None = None,
        week: int | str | None = None,
        day_of_week: int | str | None = None,
        hour: int | str | None = None,
        minute: int | str | None = None,
        second: int | str | None = None,
        start_date: Moment | None = None,
        end_date: Moment | None = None,
        timezone: tzinfo | str | None = None,
        jitter: int | None = None,
        *,
        expression: str | None = None,
    ) -> None:
        super().__init__(start_date, end_date, timezone, jitter)
        values = zip(CRON_FIELDS, (year, month, day, week, day_of_week, hour, minute, second), strict=True)
        given = {name: value for name, value in values if value is not None}
        self._expression: str | None = None
        if expression is None:
            self._fields = CronFields(given)
        elif given:
            raise TriggerError("trigger.expression", "give an expression or cron fields, not both")
        else:
            self._expression, self._fields = read_crontab(expression)

    @classmethod
    def from_crontab(
        cls,
        expression: str,
        timezone: tzinfo | str | None = None,
        *,
        start_date: Moment | None = None,
        end_date: Moment | None = None,
        jitter: int | None = None,
    ) -> Self:
        """A trigger from a five-field crontab line: minute, hour, day of month, month, day of week.

        0 and 7 are Sunday. When neither of the two day fields begins with `*`, a date that matches either is taken,
        as in crontab(5). Aliases such as `@daily` are understood.

        Raises TriggerError for "trigger.expression".
        """
        return cls(expression=expression, timezone=timezone, start_date=start_date, end_date=end_date, jitter=jitter)

    def to_json(self) -> dict[str, Any]:
        return {"type": self.kind, **({"expression": self._expression} if self._expression else self._fields.given)}

    def describe(self) -> str:
        return spoken_fields(self._fields)

    def smallest_gap(self) -> timedelta | None:
        fields = self._fields
        gaps: list[int] = []
        extent = 0  # seconds from the first to the last time named inside the coarser unit
        for values, unit in ((fields.seconds, 1), (fields.minutes, 60), (fields.hours, 3600)):
            gaps += [(later - earlier) * unit - extent for earlier, later in pairwise(values)]
            extent += (values[-1] - values[0]) * unit
        # A hundred dates show every distance that a calendar pattern has.
        dates = islice(fields.dates(EPOCH.date()), 100)
        gaps += [(later - earlier).days * 86_400 - extent for earlier, later in pairwise(dates)]
        return timedelta(seconds=min(gaps)) if gaps else None

    def note(self, fire: datetime) -> str | None:
        return next(filter(None, (clock_change(wall, self.timezone) for wall in self._walls_of(fire))), None)

    def wall_of(self, fire: datetime) -> datetime | None:
        # Of two that meet in one fire the earlier: by other data they may be two.
        return min(self._walls_of(fire), default=None)

    def _walls_of(self, fire: datetime) -> Iterator[datetime]:
        """The walls that `fire` stands for: two where one that is shifted out of a gap meets another."""
        if self._fields.follows_elapsed_time:
            return
        fire = in_utc(fire)
        for reading in readings_from(self.timezone, fire)[0]:
            wall = wall_at(fire, reading)
            if next(self._fields.walls(wall), None) == wall:
                yield wall

    def _fires_from(self, first: datetime) -> Iterator[datetime]:
        moment = self._leap(first)
        while moment:
            readings, end = readings_from(self.timezone, moment, follows_elapsed_time=self._fields.follows_elapsed_time)
            streams = [self._instants(moment, end, reading) for reading in readings]
            yield from (instant for instant, _ in groupby(merge(*streams)))
            moment = self._leap(end)

    def _instants(self, first: datetime, end: datetime, reading: timedelta) -> Iterator[datetime]:
        """The instants, first <= instant < end, at which a clock read by `reading` shows a matching wall."""
        for wall in self._fields.walls(wall_at(first, reading)):
            instant = (wall - reading).replace(tzinfo=UTC)
            if instant >= end:
                return
            yield instant

    def _leap(self, moment: datetime) -> datetime | None:
        """`moment` to the full second, or a later one before which nothing fires; None when nothing will.

        It skips empty years. Readings stay below a day, and so does the distance from a wall to its instant.
        """
        moment = max(moment, EPOCH)
        if moment > LAST_DAY:
            return None
        if moment.microsecond:
            moment = moment.replace(microsecond=0) + SECOND
        wall = next(self._fields.walls(wall_at(moment, -DAY)), None)
        if wall is None or wall.replace(tzinfo=UTC) > LAST_DAY:
            return None
        return max(moment, wall.replace(tzinfo=UTC) - DAY)

    def _why_spent(self, now: datetime) -> TriggerError:
        upcoming = self._fires_from(max(now, self.start_at or now))
        if any(fire > now for fire in islice(upcoming, 2)):
            return super()._why_spent(now)
        fields = self._fields
        if next(fields.dates(EPOCH.date()), None):
            name = "year"
            wrong = f"it can never fire again: year {fields.text('year')} is over; give a later one"
        else:
            name = next(name for name in ("day", "week", "day_of_week") if name in fields.given)
            words = [f"{name} {text}" for name, text in fields.given.items() if name in CRON_FIELDS[:5]]
            dates = repr(self._expression) if self._expression else listed(words)
            wrong = f"it can never fire: no date matches {dates}; name one that exists"
        return TriggerError("trigger.expression" if self._expression else f"trigger.{name}", wrong)
