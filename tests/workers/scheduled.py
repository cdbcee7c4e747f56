"""Scheduled jobs and runs as rows, and an actor of the allow-list that does what a test tells it to."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count
from threading import Barrier, Thread
from typing import Any

from django.db import connection

from workers import jobs, runs
from workers.models import Run, ScheduledJob

NOW = datetime(2026, 3, 10, 2, tzinfo=UTC)  # 13:00 in Sydney, a Tuesday
SLOT = datetime(2026, 3, 9, 18, tzinfo=UTC)  # 05:00 in Sydney
FIVE = {"type": "cron", "hour": 5}
NEXT_FIVE = datetime(2026, 3, 10, 18, tzinfo=UTC)  # 05:00 in Sydney
EVERY_MINUTE = {"type": "cron", "second": "0"}
EVERY_TEN_SECONDS = {"type": "interval", "seconds": 10}
NEVER_AGAIN = {"type": "date", "run_date": "2020-01-01"}

_numbers = count(1)
_behaviour: list[Callable[..., Any]] = []


def later(seconds: float, since: datetime = NOW) -> datetime:
    return since + timedelta(seconds=seconds)


@jobs.job()
def work(*args: Any, **kwargs: Any) -> Any:
    return _behaviour[-1](*args, **kwargs) if _behaviour else None


class Does:
    """While the block runs, `work` is `function`."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __enter__(self) -> None:
        _behaviour.append(self.function)

    def __exit__(self, *error: object) -> None:
        _behaviour.pop()


def make_job(**fields: Any) -> ScheduledJob:
    """A job whose row holds these fields: a save would plan it anew."""
    fields = {"actor": "work", "trigger": EVERY_MINUTE, "anchor": NOW, **fields}
    return ScheduledJob.objects.bulk_create([ScheduledJob(**{"id": f"job-{next(_numbers)}", **fields})])[0]


def due_job(first: float = 0, **given: Any) -> ScheduledJob:
    """A job every ten seconds whose next slot is `first` seconds from NOW."""
    values = {"trigger": EVERY_TEN_SECONDS, "anchor": later(-86_400), "next_run_at": later(first), **given}
    return make_job(**values)


def nightly(at: datetime = SLOT, **given: Any) -> ScheduledJob:
    daily = {"type": "cron", "expression": "0 5 * * *"}
    return make_job(**{"trigger": daily, "by_periodiq": True, "next_run_at": at, **given})


def save_job(now: datetime = NOW, **given: Any) -> ScheduledJob:
    """A job checked and saved at `now`, as its row holds it then."""
    mine = ScheduledJob(**{"id": "mine", "actor": "work", "trigger": FIVE, **given})
    jobs.check(mine, now)
    mine.save(now=now)
    return ScheduledJob.objects.get(pk=mine.pk)


def make_run(job: ScheduledJob | None = None, state: str = "queued", **fields: Any) -> Run:
    """A run that was written and due a moment ago, and whatever its state needs."""
    at = later(-1)
    values: dict[str, Any] = {"created_at": at, "due_at": at, "enqueued_at": at, "actor": "work"}
    if state == "running":
        values |= {"attempts": 1, "started_at": at, "heartbeat_at": at}
    elif state != "queued":
        values |= {"finished_at": at}
    return Run.objects.create(**{**values, "job": job, "state": state, **fields})


def claim(run: Run) -> Run | None:
    """Start a run, as a worker does that has its message."""
    return runs.claim(run.pk, run.attempts, "message", NOW)


def slots(job: ScheduledJob, **given: Any) -> list[datetime | None]:
    return list(job.runs.filter(**given).order_by("slot").values_list("slot", flat=True))


def fields(run: Run, *names: str) -> Any:
    """What a run's row holds now: one value, or a tuple of several."""
    values = Run.objects.values_list(*names).get(pk=run.pk)
    return values if len(names) > 1 else values[0]


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """What each call returns, in threads that start together."""
    ready = Barrier(len(calls), timeout=10)

    def in_thread(call: Callable[[], Any]) -> Any:
        try:
            connection.ensure_connection()
            ready.wait()
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(in_thread, calls))


def break_the_connection() -> None:
    """As a restart of PostgreSQL does, or an operator who ends sessions."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()

    def end() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
        connection.close()

    thread = Thread(target=end)
    thread.start()
    thread.join()
