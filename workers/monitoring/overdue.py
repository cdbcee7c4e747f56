"""Whether the clock or its nightly generation is overdue, and why: for health, the dashboard and the metrics."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from workers.database_time import TOO_FAR
from workers.generation import NIGHTLY
from workers.models import Clock, Generation, Run, ScheduledJob
from workers.monitoring import clocks

#: The longest time from one night to the next: the clocks go back between them.
NIGHT = timedelta(hours=25)

PAUSED = "the nightly generation is paused"


@dataclass(frozen=True, slots=True)
class Scheduler:
    """The clock and the nightly generation at one moment. `no_tick` and `no_generation` say why it is overdue."""

    last_tick: datetime | None
    last_generation: datetime | None
    next_generation: datetime | None
    paused: bool
    no_tick: str
    no_generation: str
    wrong_clocks: list[str]

    @property
    def reasons(self) -> list[str]:
        return [reason for reason in (self.no_tick, self.no_generation, *self.wrong_clocks) if reason]


def scheduler(now: datetime) -> Scheduler:
    ticking = clock()
    generated = Generation.objects.possible_at(now).values_list("at", flat=True).first()
    nightly = ScheduledJob.objects.filter(pk=NIGHTLY).with_next_start().first()
    on = nightly is not None and nightly.is_on(now)
    return Scheduler(
        last_tick=ticking.last_tick,
        last_generation=generated,
        next_generation=nightly.next_start(now) if nightly and on else None,
        paused=nightly is not None and not on,
        no_tick=_no_tick(ticking.last_tick, now),
        no_generation=_not_begun(nightly, generated, now) or _not_done(generated, now),
        wrong_clocks=list(clocks.wrong_clocks(now, ticking).values()),
    )


def clock() -> Clock:
    """The clock's row; on a fresh system one that says nothing."""
    return Clock.objects.first() or Clock()


def silence(last: datetime | None, now: datetime) -> str:
    """For how long the clock has been silent, once that is too long; empty while it ticks or never has."""
    silent = now - last if last else timedelta(0)
    if silent < -TOO_FAR:  # whoever ticked then believed another time, and nobody has since
        return f"no tick now: the last one believed a time {-silent.total_seconds():.0f} s ahead"
    return f"no tick for {silent.total_seconds():.0f} s" if silent > _patience() else ""


def _no_tick(last: datetime | None, now: datetime) -> str:
    if silent := silence(last, now):
        return silent
    if last is None and now - _deployed_at() > _patience():
        return "no tick since the deploy: is the scheduler process running, and a worker?"
    return ""


def _not_begun(nightly: ScheduledJob | None, generated: datetime | None, now: datetime) -> str:
    if nightly and not nightly.is_on(now):
        # Somebody paused it: it is overdue once a night has gone by and nobody filled the calendar by hand.
        return PAUSED if now - (generated or _deployed_at()) > NIGHT else ""
    if nightly and nightly.next_run_at and now - nightly.next_run_at > _patience():
        return f"the generation of {nightly.next_run_at:%Y-%m-%d %H:%M} UTC has not begun"
    return ""


def _not_done(generated: datetime | None, now: datetime) -> str:
    """The latest night's generation failed, and there was none since, or it has not ended though it should have."""
    run = Run.objects.filter(job=NIGHTLY, slot__isnull=False).first()
    if run is None:
        return ""
    if run.state == Run.State.FAILED:
        wrong = generated is None or run.finished_at is None or generated < run.finished_at
    else:
        wrong = run.finished_at is None and now - run.created_at > _patience()
    return f"the generation of {run.slot:%Y-%m-%d %H:%M} UTC is {run.state}" if wrong else ""


def _patience() -> timedelta:
    return timedelta(seconds=settings.TICK_OVERDUE_SECONDS)


def _deployed_at() -> datetime:
    """When this app's tables were last migrated."""
    applied: datetime = MigrationRecorder(connection).migration_qs.filter(app="workers").latest("applied").applied
    return applied
