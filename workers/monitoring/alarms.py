"""Telling people, once per incident, what they would want to be woken for.

What is wrong is read from rows each minute and compared with the incidents that are open: a new one is opened and
told, one that is over is closed. So no alarm depends on the process that failed. An incident counts as told when
the mail has been taken: one that mail would not take is told a minute later, though it may be over by then. Should
a process die between the two, it is told twice rather than never.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.mail import mail_admins
from django.db import transaction
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.utils import timezone

from events.models import Game
from workers.models import Incident, Run, ScheduledJob
from workers.monitoring import board, overdue

log = logging.getLogger(__name__)

#: A job that misses slots again within this time still has the same trouble.
MISSES_ARE_ONE = timedelta(hours=2)

#: So many incidents are told by name in one mail and in the log; of others the number.
NAMED = 50

#: In what order they are told: that many games fail hides no slot and no job.
ORDER = ("opened_at", "-kind", "subject")


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something wrong: what it is about (within its kind), and a sentence that names it."""

    subject: str
    said: str


Check = Callable[[datetime], list[Trouble]]


def look(now: datetime) -> None:
    """Tell what has gone wrong by `now`. Called by a tick: so the clock runs."""
    _compare({**CHECKS, Incident.Kind.CLOCK: lambda now: []}, now)
    _tell(now)


def look_at_clock(now: datetime) -> None:
    """Tell when the clock has stopped, which it cannot say of itself. That it runs again the next tick finds."""
    silent = overdue.silence(overdue.last_tick(), now)
    if silent:
        said = (
            f"The clock has stopped: no tick for {silent.total_seconds():.0f} s."
            "\nDo the scheduler process and Redis run? Until they do nothing is generated and no job starts."
            f"\n{_address('index')}"
        )
        _compare({Incident.Kind.CLOCK: lambda now: [Trouble("", said)]}, now)
        _tell(now)


def _compare(checks: dict[Incident.Kind, Check], now: datetime) -> None:
    """Open and close the incidents of the kinds that are checked. A check that fails keeps no other from its turn."""
    known = list(Incident.objects.filter(closed_at=None, kind__in=checks))
    opened, over = [], []
    for kind, check in checks.items():
        try:
            wrong = {trouble.subject: trouble for trouble in check(now)}
        except Exception:
            log.exception("Nobody can say whether there is trouble of the kind %s", kind)
            continue
        mine = {incident.subject: incident for incident in known if incident.kind == kind}
        over += [incident.pk for subject, incident in mine.items() if subject not in wrong]
        opened += [
            Incident(kind=kind, subject=subject, said=trouble.said, opened_at=now)
            for subject, trouble in wrong.items()
            if subject not in mine
        ]
    if over:
        Incident.objects.filter(pk__in=over).update(closed_at=now)
    Incident.objects.bulk_create(opened, ignore_conflicts=True)  # another process may have been first


def _tell(now: datetime) -> None:
    """Mail what has not been told. Its rows are locked meanwhile, so that no other process tells it too."""
    try:
        with transaction.atomic():
            untold = list(Incident.objects.filter(told_at=None).order_by(*ORDER).select_for_update(skip_locked=True))
            if untold:
                _mail(untold)
                Incident.objects.filter(pk__in=[incident.pk for incident in untold]).update(told_at=now)
    except Exception as error:  # whatever a mail server does, the tick goes on
        log.error("Alarms could not be sent, the next minute tries again: %s", error)


def _mail(incidents: list[Incident]) -> None:
    for incident in incidents[:NAMED]:
        log.error("%s", incident, extra=_about(incident))
    texts = [_text(incident) for incident in incidents[:NAMED]]
    if len(incidents) > NAMED:
        texts.append(f"And {len(incidents) - NAMED} more.")
    others = f" (and {len(incidents) - 1} more)" if len(incidents) > 1 else ""
    subject = " ".join(str(incidents[0]).split())[:120]  # a header holds no line breaks
    mail_admins(subject + others, "\n\n".join(texts) + "\n")


def _text(incident: Incident) -> str:
    over = f"\nIt is over since {_both(incident.closed_at)}." if incident.closed_at else ""
    return f"{incident.said}\nNoticed {_both(incident.opened_at)}.{over}"


def _both(at: datetime) -> str:
    """On the clock of the logs, and on that of who reads this."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC ({timezone.localtime(at):%a %H:%M:%S %Z})"


def _about(incident: Incident) -> dict[str, str]:
    """The ids that a line of the log carries."""
    names = {"job": "job_id", "slot": "job_id", "game": "game_id", "overrun": "run_id"}
    name = names.get(incident.kind)
    return {name: incident.subject} if name else {}


def _address(view: str, *args: Any) -> str:
    """Where to look, in the admin. Under a wildcard, or at home, nobody knows its host: the path must do."""
    host, path = settings.ALLOWED_HOSTS[0], reverse(f"admin:{view}", args=args)
    return path if settings.DEBUG or host.startswith((".", "*")) else f"https://{host}{path}"


# --- What is wrong ----------------------------------------------------------------------------------------


def _failing_jobs(now: datetime) -> list[Trouble]:
    failing = {row["name"]: row["failed_at"] for row in board.failing_jobs(now)}
    if not failing:
        return []
    last = Run.objects.filter(state=Run.State.FAILED, finished_at__in=failing.values())
    runs = {run.job_id or run.actor: run for run in last if failing.get(run.job_id or run.actor) == run.finished_at}
    return [
        Trouble(name, f"Job {name} failed for good{_tries(run)}.\n{run.why}\n{_run(run)}") for name, run in runs.items()
    ]


def _run(run: Run) -> str:
    return _address("workers_run_change", run.pk)


def _tries(run: Run) -> str:
    if not run.attempts:
        return ", and was never started"
    return f" after {run.attempts} attempt{pluralize(run.attempts)}"


def _failing_games(now: datetime) -> list[Trouble]:
    return [
        Trouble(
            str(game.pk),
            f"Game {game.pk} ({game.name}) cannot be generated.\n{game.generation_error}"
            f"\n{_address('events_game_change', game.pk)}",
        )
        for game in Game.objects.failing().only("name", "generation_error")
    ]


def _missed_slots(now: datetime) -> list[Trouble]:
    missed = board.jobs_that_missed(now, since=now - MISSES_ARE_ONE)
    jobs, slots = [row["job_id"] for row in missed], [row["last"] for row in missed]
    runs = Run.objects.filter(job__in=jobs, slot__in=slots).select_related("job")
    last = {(run.job_id, run.slot): run for run in runs}
    return [
        Trouble(row["job_id"], _missed(run, **row)) for row in missed if (run := last.get((row["job_id"], row["last"])))
    ]


def _missed(run: Run, job_id: str, slots: int, last: datetime) -> str:
    times = "its time" if slots == 1 else f"{slots} of its times, the last"
    return f"Job {job_id} missed {times} {_both(last)}.\n{_made_good(run)}\n{_run(run)}"


def _made_good(run: Run) -> str:
    if run.state == Run.State.SUCCEEDED and run.finished_at:
        return f"Made good at {_both(run.finished_at)}."
    if run.state in (Run.State.QUEUED, Run.State.RUNNING):
        return "A run is to make it good:"
    if run.job and run.job.catch_up == ScheduledJob.CatchUp.SKIP:
        return "Not made good: its catch_up is skip."
    return f"Not made good: {run.why}"


def _overruns(now: datetime) -> list[Trouble]:
    return [
        Trouble(
            str(overrun.run.pk),
            f"Job {overrun.run.job_id or overrun.run.actor} has been at work since {_both(overrun.since)}:"
            f" it usually takes {overrun.usual.total_seconds():.0f} s.\n{_run(overrun.run)}",
        )
        for overrun in board.overruns(now)
    ]


CHECKS: dict[Incident.Kind, Check] = {
    Incident.Kind.JOB: _failing_jobs,
    Incident.Kind.GAME: _failing_games,
    Incident.Kind.SLOT: _missed_slots,
    Incident.Kind.OVERRUN: _overruns,
}
