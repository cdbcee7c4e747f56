"""What every trigger shares: bounds, zone and jitter, and the questions it answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import takewhile
from typing import Any, ClassVar, Self

from workers.triggers.values import Moment, TriggerError, in_utc, instant_of, whole_number, zone_of
from workers.triggers.walls import localised

FOREVER = datetime.max.replace(tzinfo=UTC)


class Trigger(ABC):
    """When a job fires. Every moment is passed in, aware, and every fire comes back in UTC.

    Attributes:
        kind: what the type is called in JSON.
        label: what people choose it by.
        field_names: its own fields in JSON; the constructor takes them by these names.
        examples: what may be written into a field; those without an example are whole numbers.
        timezone: the zone that walls are read in.
        start_at, end_at: inclusive bounds, UTC, or None.
        jitter: the most seconds a run may start after its slot; fires themselves are nominal (see `jitter_of`).
    """

    kind: ClassVar[str]
    label: ClassVar[str]
    field_names: ClassVar[tuple[str, ...]]
    examples: ClassVar[Mapping[str, str]] = {}

    def __init__(
        self,
        start_date: Moment | None = None,
        end_date: Moment | None = None,
        timezone: tzinfo | str | None = None,
        jitter: int | None = None,
    ) -> None:
        self.timezone = zone_of(timezone)
        self.start_at = None if start_date is None else instant_of(start_date, self.timezone, "start_at")
        self.end_at = None if end_date is None else instant_of(end_date, self.timezone, "end_at")
        self.jitter = whole_number(0 if jitter is None else jitter, "jitter", 30)
        if self.start_at and self.end_at and self.end_at < self.start_at:
            raise TriggerError("end_at", "end_at lies before start_at; give a later one")

    @classmethod
    def from_json(cls, fields: dict[str, Any], *, anchor: datetime | None, **common: Any) -> Self:
        """The trigger with its own `fields`, and in `common` what the job says of any trigger.

        `anchor` is for the types that count from the job's creation.
        """
        return cls(**fields, **common)

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The trigger as stored: its type and its own fields. Bounds, zone and jitter are the job's."""

    def next_fire(self, after: datetime) -> datetime | None:
        """The first fire strictly after `after` (aware), in UTC; None when there is none."""
        return next((fire for fire in self.fires(after, FOREVER) if fire > after), None)

    def fires(self, first: datetime, last: datetime) -> Iterator[datetime]:
        """Every fire with first <= fire <= last (both aware), lazily, ascending, in UTC, each instant once."""
        first, last = in_utc(first), in_utc(last)
        first, last = max(first, self.start_at or first), min(last, self.end_at or last)
        return takewhile(lambda fire: fire <= last, self._fires_from(first))

    @abstractmethod
    def _fires_from(self, first: datetime) -> Iterator[datetime]:
        """Every fire at or after `first` (UTC), ascending, without regard to `end_at`."""

    @abstractmethod
    def describe(self) -> str:
        """A plain English sentence, in the wall clock of the job's zone."""

    @abstractmethod
    def smallest_gap(self) -> timedelta | None:
        """The finest spacing of two fires on an ordinary day; None when there are never two."""

    def note(self, fire: datetime) -> str | None:
        """What daylight saving did to `fire`, one of this trigger's fires; None when nothing."""
        return None

    def wall_of(self, fire: datetime) -> datetime | None:
        """The wall that `fire`, one of this trigger's fires, stands for, whatever daylight saving made of it.

        None when it stands for none: the instant itself was named, or elapsed time.
        """
        return None

    def wall_text(self, fire: datetime) -> str:
        """`wall_of` as rows keep it: in ISO format, empty for None."""
        wall = self.wall_of(fire)
        return wall.isoformat() if wall else ""

    def instant_at(self, wall: datetime) -> datetime:
        """When it fires, in UTC, for a wall that it names, by the zone data of this process."""
        return localised(wall, self.timezone)

    def _why_spent(self, now: datetime) -> TriggerError:
        """Why nothing fires after `now`."""
        return TriggerError("end_at", "nothing is left to fire by end_at; give a later end_at, or none")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.to_json()} in {self.timezone}>"


def ensure_fires(trigger: Trigger, now: datetime) -> None:
    """Refuse a trigger with nothing left to fire after `now` (aware).

    Raises TriggerError.
    """
    if trigger.next_fire(now) is None:
        raise trigger._why_spent(now)
