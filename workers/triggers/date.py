"""Date triggers: once, at a given moment."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo
from typing import Any

from workers.triggers.base import Trigger
from workers.triggers.values import Moment, TriggerError, instant_of, moment_of
from workers.triggers.walls import clock_change
from workers.triggers.words import clock, spoken_date


class DateTrigger(Trigger):
    """Fires once.

    Parameters:
        run_date: with an offset it is that instant; without one, a wall of the job's zone: shifted forward when
            the clocks skip it, the first when they show it twice. A date alone is its midnight.
        timezone, start_date, end_date, jitter: see `Trigger`.
    """

    kind = "date"
    label = "Once"
    field_names = ("run_date",)
    examples = {"run_date": "2026-12-24 19:00"}

    def __init__(
        self,
        run_date: Moment | None = None,
        timezone: tzinfo | str | None = None,
        *,
        start_date: Moment | None = None,
        end_date: Moment | None = None,
        jitter: int | None = None,
    ) -> None:
        super().__init__(start_date, end_date, timezone, jitter)
        self._run_date = moment_of(run_date, "trigger.run_date")
        self._fire = instant_of(self._run_date, self.timezone, "trigger.run_date")

    def to_json(self) -> dict[str, Any]:
        return {"type": self.kind, "run_date": self._run_date.isoformat()}

    def _fires_from(self, first: datetime) -> Iterator[datetime]:
        if self._fire >= first:
            yield self._fire

    def describe(self) -> str:
        shown = self._run_date.astimezone(self.timezone) if self._run_date.tzinfo else self._run_date
        return f"once, on {spoken_date(shown)} at {clock(shown)}"

    def smallest_gap(self) -> timedelta | None:
        return None

    def note(self, fire: datetime) -> str | None:
        return None if self._run_date.tzinfo else clock_change(self._run_date, self.timezone)

    def wall_of(self, fire: datetime) -> datetime | None:
        return None if self._run_date.tzinfo else self._run_date

    def _why_spent(self, now: datetime) -> TriggerError:
        if self._fire <= now:
            return TriggerError("trigger.run_date", f"{self._run_date} has passed; give a time to come")
        if self.start_at and self._fire < self.start_at:
            return TriggerError("start_at", "start_at lies after run_date; give an earlier one, or none")
        return super()._why_spent(now)
