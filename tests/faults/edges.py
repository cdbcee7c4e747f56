"""The nights on which clocks change, and what must fire in them, worked out by dateutil and zoneinfo alone."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from dateutil.tz import resolve_imaginary

from workers import jobs
from workers.jobs import Declared
from workers.models import ScheduledJob
from workers.triggers import CronTrigger

MINUTE = timedelta(minutes=1)

#: Sundays of 2026 on which the clocks go forward, and back. On Lord Howe Island they do so by half an hour.
CHANGES = {
    "Australia/Sydney": {"forward": date(2026, 10, 4), "back": date(2026, 4, 5)},
    "America/New_York": {"forward": date(2026, 3, 8), "back": date(2026, 11, 1)},
    "Australia/Lord_Howe": {"forward": date(2026, 10, 4), "back": date(2026, 4, 5)},
}

#: Somewhere one of these falls into the gap, and one comes twice.
FIXED = {"quarter_to_two": time(1, 45), "quarter_past_two": time(2, 15), "half_past_two": time(2, 30)}
HOURLY, QUARTERLY, INTERVAL = "hourly", "quarterly", "interval"


@dataclass(frozen=True)
class Night:
    """The instants (UTC) from `first` to `last`, of which every whole minute is looked at."""

    first: datetime
    last: datetime

    def minutes(self) -> list[datetime]:
        return [self.first + n * MINUTE for n in range((self.last - self.first) // MINUTE + 1)]

    def fixed(self, at: time, zone: str) -> list[datetime]:
        """When a job fires that is set to `at`: once a date, moved by the gap if that time is left out."""
        day = self.first.astimezone(ZoneInfo(zone)).date() - timedelta(1)
        fires = [instant(day + timedelta(n), at, zone) for n in range(5)]
        return [fire for fire in fires if self.first <= fire <= self.last]

    def each(self, minutes: int, zone: str) -> list[datetime]:
        """When a job fires that is set to every hour's minutes that `minutes` divides: whenever the wall shows one."""
        return [minute for minute in self.minutes() if minute.astimezone(ZoneInfo(zone)).minute % minutes == 0]

    def after(self, step: timedelta) -> list[datetime]:
        """When a job fires whose interval counts from the night's beginning."""
        steps = (self.last - self.first) // step
        return [self.first + n * step for n in range(steps + 1)]


def instant(day: date, at: time, zone: str) -> datetime:
    """A wall-clock time in UTC: of two the first, and one that does not exist moved by the gap."""
    wall: datetime = resolve_imaginary(datetime.combine(day, at, ZoneInfo(zone)))
    return wall.astimezone(UTC)


def make_jobs(zone: str, night: Night) -> dict[str, list[datetime]]:
    """Staff's jobs on the clock of `zone`, saved a while before the night, and the slots that each must have in it."""
    prefix = zone.rpartition("/")[2].lower()
    triggers: dict[str, tuple[dict[str, object], list[datetime]]] = {
        name: ({"type": "cron", "hour": at.hour, "minute": at.minute}, night.fixed(at, zone))
        for name, at in FIXED.items()
    }
    triggers[HOURLY] = {"type": "cron", "minute": 0}, night.each(60, zone)
    triggers[QUARTERLY] = {"type": "cron", "minute": "*/15"}, night.each(15, zone)
    triggers[INTERVAL] = {"type": "interval", "minutes": 20}, night.after(timedelta(minutes=20))
    for name, (trigger, _) in triggers.items():
        starts = {"start_at": night.first} if name == INTERVAL else {}
        row = ScheduledJob(
            id=f"{prefix}-{name}", actor="scheduled_job", trigger=trigger, timezone=zone, **POLICY, **starts
        )
        row.save(now=night.first - 5 * MINUTE)
    return {f"{prefix}-{name}": slots for name, (_, slots) in triggers.items()}


#: Nothing is left out for being late or for overlap: what is missing or there twice is a fault.
POLICY = {"catch_up": "all", "misfire_grace": 300, "max_instances": 100}


def declare(specs: dict[str, str], zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the code of a system on the clock of `zone` declare jobs that periodiq fires by these crontabs."""
    for name, spec in specs.items():
        trigger = CronTrigger.from_crontab(spec, zone)
        monkeypatch.setitem(jobs.declared, name, Declared(name, name, trigger, by_periodiq=True, options=POLICY))
