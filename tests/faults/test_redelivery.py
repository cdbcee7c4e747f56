"""Every message comes five times, in any order, to sixteen threads."""

from collections import Counter
from datetime import datetime, timedelta
from random import Random
from time import monotonic
from typing import Any

import pytest
import redis
from dramatiq import Message

from tests.acceptance.watching import grid, make_job, notes, settled
from tests.acceptance.work.actors import work
from tests.deploy import deploy
from tests.faults import calendar, slots
from tests.faults.calendar import Difference
from tests.faults.conftest import Start, Trial
from tests.faults.duties.actors import BY_PERIODIQ, WORK
from tests.faults.edges import declare
from tests.processes import Clock
from tests.waiting import eventually
from workers import dispatch, generation
from workers.broker import broker
from workers.models import Run

TIMES = 5
CALLS, BY_HAND = 20, "by-hand"


@pytest.mark.fault("each message delivered five times, shuffled, sixteen threads", passes="rows equal slots")
def test_messages_that_come_five_times(
    trial: Trial, start: Start, queues: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given the messages of a generation, of jobs that are due, of periodiq's, and of calls by hand
    clock = Clock(datetime.fromisoformat("2026-09-25T06:05:00+10:00"))
    now = clock.starts_at
    monkeypatch.setattr(broker(), "client", queues)
    declare({"every_minute": BY_PERIODIQ["every_minute"]}, "Australia/Sydney", monkeypatch)
    deploy(now - timedelta(minutes=3))
    games = calendar.make_games(300)
    nights = calendar.expected(games, now)
    due = past_slots(now)
    generation.generate(now, days=calendar.AHEAD)
    dispatch.dispatch_due(now)
    minutes = [now - timedelta(minutes=n) for n in range(3)]
    actor = broker().get_actor("every_minute")
    broker().enqueue_all(actor.message_with_options(scheduled_at=minute.isoformat()) for minute in minutes)
    broker().enqueue_all(work.message(BY_HAND) for _ in range(CALLS))

    # When each comes five times
    messages = taken(queues)
    deliveries = messages * TIMES
    Random(5).shuffle(deliveries)
    broker().enqueue_all(deliveries)
    since = monotonic()
    start("worker", clock=clock, deployed=now, WORKER_PROCESSES="1", WORKER_THREADS="16", **WORK)
    eventually(lambda: settled(queues), within=120)
    seconds = monotonic() - since

    # Then there is a row for each slot, and what it stands for was done once
    by_hand = Run.objects.filter(actor="work", job=None, state="succeeded").count()
    begun = Counter(note.run for name in (*due, BY_HAND) for note in notes(queues, name, "began"))
    found = slots.total(
        calendar.compare(nights),
        slots.compare(due | {"every_minute": minutes}, now - timedelta(hours=1), now),
        Difference(lost=CALLS - by_hand, duplicated=begun.total() - len(begun), unexpected=0),
    )
    trial.found(
        trials=len(messages),
        lost=found.lost,
        duplicated=found.duplicated,
        unexpected=found.unexpected,
        recovered=len(messages) if found.none() else 0,
        seconds=seconds,
        note=f"{len(deliveries):,} deliveries, for {len(nights):,} sessions and {Run.objects.count()} runs",
    )
    assert len(messages) == len(games) + sum(map(len, due.values())) + len(minutes) + CALLS
    assert found.none()
    assert set(Run.objects.values_list("state", "attempts", "covers")) == {("succeeded", 1, 1)}


def past_slots(now: datetime) -> dict[str, list[datetime]]:
    """Ten jobs with ten slots each that are due at `now`, and those slots."""
    first, last = now - timedelta(seconds=100), now - timedelta(seconds=10)
    for n in range(10):
        make_job(
            f"job-{n}",
            {"type": "interval", "seconds": 10},
            first - timedelta(minutes=5),
            start_at=first,
            end_at=last,
            misfire_grace=86_400,
            max_instances=100,
        )
    return {f"job-{n}": grid(first, last, 10) for n in range(10)}


def taken(queues: Any) -> list[Message[Any]]:
    """The messages that wait, taken off their queues."""
    found = []
    for queue in ("clock", "default", "games"):
        found += [Message.decode(data) for data in queues.hvals(f"dramatiq:{queue}.msgs")]
        queues.delete(f"dramatiq:{queue}", f"dramatiq:{queue}.msgs")
    return found
