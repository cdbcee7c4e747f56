"""Interval triggers: every so many hours of elapsed time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo
from typing import Any, Self

from workers.triggers.base import Trigger
from workers.triggers.values import Moment, TriggerError, in_utc, whole_number
from workers.triggers.words import listed

INTERVAL_FIELDS = ("weeks", "days", "hours", "minutes", "seconds")


class IntervalTrigger(Trigger):
    """Fires every so many seconds of elapsed time: a day is 24 hours, whatever the clocks do.

    Parameters:
        weeks, days, hours, minutes, seconds: whole numbers, added up; more than nothing.
        start_date: the first fire, from which all others are counted.
        anchor: what fires are counted from when there is no start_date: the time of creation (aware; taken to
            the second). It is no fire itself, as in APScheduler: the first run comes one interval later.
        end_date, timezone, jitter: see `Trigger`.

    Raises TriggerError; also from `next_fire` and `fires` when there is neither start_date nor anchor, because
    an interval counted from "now" would shift at each restart.
    """

    kind = "interval"
    label = "Every so often"
    field_names = INTERVAL_FIELDS

    def __init__(
        self,
        weeks: int = 0,
        days: int = 0,
        hours: int = 0,
        minutes: int = 0,
        seconds: int = 0,
        start_date: Moment | None = None,
        end_date: Moment | None = None,
        timezone: tzinfo | str | None = None,
        jitter: int | None = None,
        *,
        anchor: datetime | None = None,
    ) -> None:
        super().__init__(start_date, end_date, timezone, jitter)
        values = zip(INTERVAL_FIELDS, (weeks, days, hours, minutes, seconds), strict=True)
        given = {name: whole_number(value, f"trigger.{name}", 12) for name, value in values}
        self._units = {name: number for name, number in given.items() if number}
        self._step = self._total()
        self._anchor = self.start_at or (anchor and in_utc(anchor).replace(microsecond=0))
        self._first_multiple = 0 if self.start_at else 1

    def _total(self) -> timedelta:
        if not self._units:
            names = ", ".join(INTERVAL_FIELDS)
            raise TriggerError("trigger", f"an interval needs one of {names} above 0, such as hours: 12")
        try:
            return timedelta(**self._units)
        except OverflowError:
            field = f"trigger.{next(iter(self._units))}"
            raise TriggerError(field, "the interval is too long; give less than 999,999,999 days") from None

    @classmethod
    def from_json(cls, fields: dict[str, Any], *, anchor: datetime | None, **common: Any) -> Self:
        return cls(**fields, **common, anchor=anchor)

    def to_json(self) -> dict[str, Any]:
        return {"type": self.kind, **self._units}

    def _fires_from(self, first: datetime) -> Iterator[datetime]:
        if self._anchor is None:
            raise TriggerError("start_at", "an interval is counted from a moment; give start_date or anchor")
        multiple = max(self._first_multiple, -((self._anchor - first) // self._step))
        while (fire := _later(self._anchor, multiple, self._step)) is not None:
            yield fire
            multiple += 1

    def describe(self) -> str:
        if list(self._units.values()) == [1]:
            return f"every {next(iter(self._units)).removesuffix('s')}"
        parts = [f"{n} {name.removesuffix('s') if n == 1 else name}" for name, n in self._units.items()]
        return f"every {listed(parts)}"

    def smallest_gap(self) -> timedelta:
        return self._step


def _later(anchor: datetime, multiple: int, step: timedelta) -> datetime | None:
    """None: beyond what a datetime can hold."""
    try:
        return anchor + multiple * step
    except OverflowError:
        return None
