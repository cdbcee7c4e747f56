"""Moments of runs that lie further ahead than they can."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q

from workers.database_time import TOO_FAR
from workers.models import Run

#: How far ahead a run may be due that nobody planned, or that is tried again or waits for a place.
UNPLANNED_AHEAD = timedelta(minutes=2)

#: How far ahead a planned one may be due: its slot is some seconds ahead, and its jitter at most an hour.
PLANNED_AHEAD = timedelta(hours=1, minutes=4)


def repair(now: datetime) -> list[str]:
    """Set to `now` what lies ahead of it. Returns what it was, in words.

    A heartbeat is not taken for a death at once: who is alive beats again before the next tick.
    """
    ahead = now + TOO_FAR
    at_work, queued = Run.objects.filter(state=Run.State.RUNNING), Run.objects.filter(state=Run.State.QUEUED)
    unplanned = Q(slot=None) | Q(attempts__gt=0)
    due = Q(unplanned, due_at__gt=now + UNPLANNED_AHEAD) | Q(due_at__gt=now + PLANNED_AHEAD)
    mended = {
        "the heartbeats of {} runs": at_work.filter(heartbeat_at__gt=ahead).update(heartbeat_at=now),
        "the starts of {} runs at work": at_work.filter(started_at__gt=ahead).update(started_at=now),
        "the times at which {} runs are due": queued.filter(due).update(due_at=now, enqueued_at=None),
        "the times at which {} runs were sent": queued.filter(enqueued_at__gt=ahead).update(enqueued_at=None),
    }
    return [words.format(number) for words, number in mended.items() if number]
