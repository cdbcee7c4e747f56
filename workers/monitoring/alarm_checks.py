"""What is wrong: a check for each kind of trouble, which puts it into words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

from django.conf import settings
from django.db.models import Max, Q, Sum
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.utils import timezone

from events.models import Game
from workers.models import Incident, Run, ScheduledJob
from workers.monitoring import clocks, failures, overdue

#: A job that misses slots again within this time still has the same trouble.
MISSES_ARE_ONE = timedelta(hours=2)

#: A run overruns when it takes this many times what its job usually takes, and at least this long.
OVERRUN_FACTOR, OVERRUN_AT_LEAST = 3, timedelta(minutes=5)

#: How many past runs of a job say what is usual.
USUAL_OVER = 20


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something wrong: what it is about (within its kind), and a sentence that names it."""

    subject: str
    said: str


Check = Callable[[datetime], list[Trouble]]


def wrong_clocks(now: datetime) -> list[Trouble]:
    """A trouble for each clock that differs from the database's."""
    return [
        Trouble(whose, f"{said[0].upper()}{said[1:]}.\n{_SET_IT}\n{_address('index')}")
        for whose, said in clocks.wrong_clocks(now, overdue.clock()).items()
    ]


_SET_IT = "Set it right, by NTP for instance: a worker whose clock is off by more than a minute takes no tick."


def stopped_clock(now: datetime) -> list[Trouble]:
    silent = overdue.silence(overdue.clock().last_tick, now)
    if not silent:
        return []
    said = (
        f"The clock has stopped: {silent}."
        "\nDo the scheduler process and Redis run? Until they do nothing is generated and no job starts."
        f"\n{_address('index')}"
    )
    return [Trouble("", said)]


def _failing_jobs(now: datetime) -> list[Trouble]:
    failing = {row["name"]: row["failed_at"] for row in failures.failing_jobs(now)}
    if not failing:
        return []
    last = Run.objects.filter(state=Run.State.FAILED, finished_at__in=failing.values())
    runs = {run.job_id or run.actor: run for run in last if failing.get(run.job_id or run.actor) == run.finished_at}
    return [
        Trouble(name, f"Job {name} failed for good{_tries(run)}.\n{run.why}\n{_run(run)}") for name, run in runs.items()
    ]


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
    """A trouble for each job some of whose slots were found missed a short while ago."""
    # Some are found missed when they are planned, others when their turn comes too late.
    since = now - MISSES_ARE_ONE
    found = Q(created_at__gte=since) | Q(started_at__gte=since) | Q(finished_at__gte=since)
    slots = Run.objects.filter(
        failures.MISSED, found, created_at__gte=now - failures.DAY, job__isnull=False, slot__isnull=False
    )
    missed = list(slots.order_by().values("job_id").annotate(slots=Sum("covers"), last=Max("slot")))
    jobs, last = [row["job_id"] for row in missed], [row["last"] for row in missed]
    runs = Run.objects.filter(job__in=jobs, slot__in=last).select_related("job")
    of_slot = {(run.job_id, run.slot): run for run in runs}
    return [
        Trouble(row["job_id"], _missed(run, **row))
        for row in missed
        if (run := of_slot.get((row["job_id"], row["last"])))
    ]


def _missed(run: Run, job_id: str, slots: int, last: datetime) -> str:
    times = "its time" if slots == 1 else f"{slots} of its times, the last"
    return f"Job {job_id} missed {times} {on_both_clocks(last)}.\n{_made_good(run)}\n{_run(run)}"


def _made_good(run: Run) -> str:
    if run.state == Run.State.SUCCEEDED and run.finished_at:
        return f"Made good at {on_both_clocks(run.finished_at)}."
    if run.state in (Run.State.QUEUED, Run.State.RUNNING):
        return "A run is to make it good:"
    if run.job and run.job.catch_up == ScheduledJob.CatchUp.SKIP:
        return "Not made good: its catch_up is skip."
    return f"Not made good: {run.why}"


def _overruns(now: datetime) -> list[Trouble]:
    """A trouble for each run that takes far longer than its job usually does. A job's first run has no usual time."""
    found = []
    # A query for each: few runs take so long, and each of them holds a worker's thread.
    for run in Run.objects.filter(state=Run.State.RUNNING, started_at__lt=now - OVERRUN_AT_LEAST):
        usual = _usual(run)
        if run.started_at and usual is not None and now - run.started_at > OVERRUN_FACTOR * usual:
            said = (
                f"Job {run.job_id or run.actor} has been at work since {on_both_clocks(run.started_at)}:"
                f" it usually takes {usual.total_seconds():.0f} s.\n{_run(run)}"
            )
            found.append(Trouble(str(run.pk), said))
    return found


def _usual(run: Run) -> timedelta | None:
    past = Run.objects.filter(job_id=run.job_id, actor=run.actor, state=Run.State.SUCCEEDED).order_by("-created_at")
    took = [each.duration for each in past[:USUAL_OVER] if each.duration]
    return median(took) if took else None  # type: ignore[type-var]  # timedeltas can be ordered and halved


#: Everything that a tick checks. That a tick comes says that the clock runs.
CHECKS: dict[Incident.Kind, Check] = {
    Incident.Kind.CLOCK: wrong_clocks,
    Incident.Kind.JOB: _failing_jobs,
    Incident.Kind.GAME: _failing_games,
    Incident.Kind.SLOT: _missed_slots,
    Incident.Kind.OVERRUN: _overruns,
}

#: The name under which a line of the log carries the subject, by kind.
IDS: dict[str, str] = {
    Incident.Kind.JOB: "job_id",
    Incident.Kind.SLOT: "job_id",
    Incident.Kind.GAME: "game_id",
    Incident.Kind.OVERRUN: "run_id",
}


# --- Words ------------------------------------------------------------------------------------------------


def on_both_clocks(at: datetime) -> str:
    """An instant in UTC, as the logs have it, and on the clock of who reads this."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC ({timezone.localtime(at):%a %H:%M:%S %Z})"


def _run(run: Run) -> str:
    return _address("workers_run_change", run.pk)


def _address(view: str, *args: Any) -> str:
    """The address of a page of the admin; its path where no host is known: under a wildcard, or in development."""
    host, path = settings.ALLOWED_HOSTS[0], reverse(f"admin:{view}", args=args)
    return path if settings.DEBUG or host.startswith((".", "*")) else f"https://{host}{path}"
