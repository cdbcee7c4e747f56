"""Telling people, once per incident, what they would want to be woken for.

What is wrong is read from rows each minute and compared with the incidents that are open: a new one is told and
opened, one that is over is closed. So no alarm depends on the process that failed, and none is told twice.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.mail import mail_admins

from workers import facts
from workers.models import Incident, Run

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something wrong: its kind, what it is about, and a sentence that names it."""

    kind: str
    subject: str
    said: str


def look(now: datetime) -> None:
    """Compare what is wrong at `now` with the open incidents, tell the new ones, close those that are over."""
    _compare([*_failing_jobs(), *_failing_games(), *_missed_slots(now), *_overruns(now)], now, clock=False)
    _compare([], now, clock=True)  # whoever calls this is a tick


def look_at_clock(now: datetime) -> None:
    """The same for the clock itself, which cannot say of itself that it has stopped."""
    silent = facts.clock_silent_for(now)
    if silent:
        said = f"The clock has stopped: no tick for {silent.total_seconds():.0f} s. Is the scheduler process running?"
        _compare([Trouble(Incident.Kind.CLOCK, "", said)], now, clock=True)


def _compare(troubles: list[Trouble], now: datetime, *, clock: bool) -> None:
    mine = Incident.objects.filter(closed_at=None)
    mine = mine.filter(kind=Incident.Kind.CLOCK) if clock else mine.exclude(kind=Incident.Kind.CLOCK)
    known = {(incident.kind, incident.subject): incident for incident in mine}
    wrong = {(trouble.kind, trouble.subject): trouble for trouble in troubles}
    over = [incident.pk for key, incident in known.items() if key not in wrong]
    Incident.objects.filter(pk__in=over).update(closed_at=now)
    told = [trouble for key, trouble in wrong.items() if key not in known and _open(trouble, now)]
    if told:
        _tell(told)


def _open(trouble: Trouble, now: datetime) -> bool:
    """False when another process was first to open the same incident."""
    incident = Incident(kind=trouble.kind, subject=trouble.subject, said=trouble.said, opened_at=now)
    Incident.objects.bulk_create([incident], ignore_conflicts=True)
    return Incident.objects.filter(pk=incident.pk).exists()


def _tell(troubles: list[Trouble]) -> None:
    first, *others = [trouble.said for trouble in troubles]
    subject = first.split("\n")[0][:120] + (f" (and {len(others)} more)" if others else "")
    log.error("%s", " | ".join(trouble.said.split("\n")[0] for trouble in troubles))
    try:
        mail_admins(subject, "\n\n".join([first, *others]))
    except OSError as error:  # every error of a mail server is one
        log.error("The alarm was not sent: %s", error)


def _failing_jobs() -> list[Trouble]:
    return [
        Trouble(Incident.Kind.JOB, job.pk, f"Job {job.pk} failed for good.\n{_last_line(job.last_run)}")
        for job in facts.failing_jobs()
    ]


def _last_line(run_id: Any) -> str:
    error = Run.objects.values_list("error", flat=True).get(pk=run_id)
    return error.strip().splitlines()[-1] if error.strip() else ""


def _failing_games() -> list[Trouble]:
    return [
        Trouble(
            Incident.Kind.GAME,
            str(game.pk),
            f"Game {game.pk} ({game.name}) cannot be generated.\n{game.generation_error}",
        )
        for game in facts.failing_games()
    ]


def _missed_slots(now: datetime) -> list[Trouble]:
    """One incident a missed slot: it is over when a day has passed."""
    missed = Run.objects.filter(created_at__gte=now - facts.DAY, slot__isnull=False, job__isnull=False)
    missed = missed.filter(state=Run.State.MISFIRED) | missed.filter(cause=Run.Cause.CATCH_UP)
    return [
        Trouble(
            Incident.Kind.SLOT,
            f"{run.job_id} {run.slot:%Y-%m-%dT%H:%M:%SZ}",
            f"Job {run.job_id} missed {run.covers} of its times, the last {run.slot:%Y-%m-%d %H:%M:%S} UTC.",
        )
        for run in missed
    ]


def _overruns(now: datetime) -> list[Trouble]:
    return [
        Trouble(Incident.Kind.OVERRUN, str(run.pk), f"{run} is still at work, since {run.started_at:%H:%M:%S} UTC.")
        for run in facts.overruns(now)
    ]
