"""The messages of queued runs, sent before their time so that each arrives when it is due."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from redis.exceptions import RedisError

from workers.allow_list import registry
from workers.broker import broker
from workers.models import Run

log = logging.getLogger(__name__)

#: How far ahead of its time a run is sent: a minute, until the next tick, and what that may be late.
AHEAD = timedelta(seconds=90)


def send(queued: Iterable[Run], now: datetime) -> bool:
    """Send the messages of queued runs, each to arrive when it is due.

    False when Redis did not take them: a tick will send them. A run whose actor has vanished is left to the tick as
    well, which says so.
    """
    known = [run for run in queued if run.actor in registry]
    messages = [broker().delayed(registry[run.actor].message(run), (run.due_at - now).total_seconds()) for run in known]
    try:
        broker().enqueue_all(messages)
    except RedisError as error:
        log.warning("Redis did not take %d runs, a tick will send them: %s", len(known), error)
        Run.objects.filter(pk__in=[run.pk for run in known], state=Run.State.QUEUED).update(enqueued_at=None)
        return False
    return True
