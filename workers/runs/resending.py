"""Sending again the queued runs whose messages Redis did not take, or must have lost."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q

from workers.allow_list import registry, vanished
from workers.broker import broker
from workers.models import Run, ScheduledJob
from workers.runs.finishing import end_unstarted
from workers.runs.sending import AHEAD, send

#: How long a run waits for a worker that knows its actor.
GIVE_UP_AFTER = timedelta(hours=1)

BATCH = 500


def resend(now: datetime) -> None:
    """Send the queued runs that were not sent yet, and those whose messages must have been lost.

    While a queue has messages waiting that are as old its runs are not lost but late, and are not sent twice.
    """
    lost_before = now - timedelta(seconds=settings.RESEND_AFTER_SECONDS)
    of_tomorrow = Q(job__origin=ScheduledJob.Origin.CODE, job__retired=False) & ~Q(actor__in=list(registry))
    queued = Run.objects.filter(state=Run.State.QUEUED, due_at__lte=now + AHEAD).exclude(of_tomorrow)
    unsent = Q(enqueued_at=None)
    lost = Q(enqueued_at__lt=lost_before, due_at__lt=lost_before) & ~Q(actor__in=_late_actors(lost_before))
    while found := list(queued.filter(unsent | lost).order_by("due_at")[:BATCH]):
        Run.objects.filter(pk__in=[run.pk for run in found]).update(enqueued_at=now)
        if not send(found, now):
            return  # Redis is away, and the next tick's turn is soon enough
        for run in found:
            if run.actor not in registry and now - run.due_at > GIVE_UP_AFTER:
                end_unstarted(run, Run.State.FAILED, vanished(run.actor), now)


def _late_actors(since: datetime) -> list[str]:
    """Actors whose queue has had a message waiting since `since`."""
    queues = {known.actor.queue_name for known in registry.values()}
    late = {queue for queue in queues if broker().is_behind(queue, since)}
    return [name for name, known in registry.items() if known.actor.queue_name in late]
