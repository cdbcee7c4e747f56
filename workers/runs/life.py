"""Which runs are alive. The database's clock alone decides: the hosts of two workers may differ by half a minute."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet, Subquery
from django.db.models.functions import Coalesce, Greatest

from workers.models import Clock, Run, WorkerProcess

#: A worker process that has not been heard of for so many heartbeats is dead.
MISSED_BEATS = 3


def patience() -> timedelta:
    """How long a worker process may be silent before it is dead."""
    return timedelta(seconds=settings.RUN_HEARTBEAT_SECONDS) * MISSED_BEATS


def note_silence(now: datetime) -> None:
    """Note at `now`, the database's, if no process was heard of for so long that each would be dead.

    PostgreSQL was away then, or all were stopped: from now on each has the time to be heard of again.
    """
    newest = Subquery(WorkerProcess.objects.order_by("-beat_at").values("beat_at")[:1])
    Clock.objects.alias(newest=newest).filter(pk=1, newest__lt=now - patience()).update(silent_until=now)


def dead_runs(now: datetime) -> QuerySet[Run]:
    """The runs at work whose process has not been heard of in time, at `now` of the database's clock.

    A run without a process is one of an older release, or one that its process has given up.
    """
    # A note further ahead is no note: the clock was wrong.
    silence = Clock.objects.filter(pk=1, silent_until__lte=now + patience()).values("silent_until")
    # PostgreSQL's GREATEST passes over what is empty.
    heard = Greatest(Coalesce("process__beat_at", "heartbeat_at"), Subquery(silence))
    return Run.objects.filter(state=Run.State.RUNNING).alias(heard=heard).filter(heard__lt=now - patience())
