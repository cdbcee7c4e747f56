"""Rows that alarms are about, and what they told."""

from datetime import datetime
from typing import Any

from django.core import mail

from tests.workers.scheduled import later, make_job, make_run
from workers.models import Run, ScheduledJob
from workers.monitoring import alarms


def told() -> list[str]:
    """The subjects of the mails since this was last asked."""
    subjects = [each.subject.removeprefix("[poker] ") for each in mail.outbox]
    mail.outbox.clear()
    return subjects


def told_at(now: datetime) -> list[str]:
    alarms.tell_troubles(now)
    return told()


def failed(name: str, at: datetime, **values: Any) -> Run:
    """A run of the job `name`, made if need be, that failed for good."""
    return ended(name, "failed", at, **{"error": "Traceback …\nValueError: no luck\n", "attempts": 3, **values})


def ended(name: str, state: str, at: datetime, **values: Any) -> Run:
    job = ScheduledJob.objects.filter(pk=name).first() or make_job(id=name)
    return make_run(job, state, **{"created_at": at, "started_at": at, "finished_at": at, **values})


def usually(seconds: float, job: Any) -> None:
    for n in range(3):
        make_run(job, "succeeded", started_at=later(-90_000 - n), finished_at=later(-90_000 - n + seconds))
