"""Whether the clock or its nightly generation is overdue, and why: for health, the dashboard and the metrics."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from workers.models import Clock, Generation, Run, ScheduledJob

#: The job that fills the calendar; its actor's module imports this one.
NIGHTLY = "generate_upcoming_game_sessions"

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

    @property
    def reasons(self) -> list[str]:
        return [reason for reason in (self.no_tick, self.no_generation) if reason]


def scheduler(now: datetime) -> Scheduler:
    last, generated = last_tick(), Generation.objects.values_list("at", flat=True).first()
    nightly = ScheduledJob.objects.filter(pk=NIGHTLY).with_next_start().first()
    on = nightly is not None and nightly.is_on(now)
    return Scheduler(
        last_tick=last,
        last_generation=generated,
        next_generation=nightly.next_start(now) if nightly and on else None,
        paused=nightly is not None and not on,
        no_tick=_no_tick(last, now),
        no_generation=_not_begun(nightly, generated, now) or _not_done(generated, now),
    )


def last_tick() -> datetime | None:
    """When a tick last began; None on a fresh system."""
    return Clock.objects.values_list("last_tick", flat=True).first()


def silence(last: datetime | None, now: datetime) -> timedelta | None:
    """How long the clock has been silent, once that is too long; None while it ticks or never has."""
    silent = now - last if last else timedelta(0)
    return silent if silent > _patience() else None


def _no_tick(last: datetime | None, now: datetime) -> str:
    silent = silence(last, now)
    if silent:
        return f"no tick for {silent.total_seconds():.0f} s"
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
