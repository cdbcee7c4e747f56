"""Runs are sent up to ninety seconds ahead. What staff do to their job meanwhile still counts."""

from datetime import datetime, timedelta

import redis

from tests.acceptance.conftest import Start
from tests.acceptance.watching import WORK, make_job, notes, rows
from tests.acceptance.work import actors  # noqa: F401 - what is resumed must be on the list here too
from tests.processes import Clock
from tests.waiting import eventually
from workers import jobs
from workers.models import ScheduledJob


def test_a_job_paused_or_edited_inside_the_look_ahead_does_not_run_as_it_was(start: Start, queues: redis.Redis) -> None:
    # Given four jobs on the same minute, whose runs are on their way
    clock = Clock(datetime.fromisoformat("2026-09-25T13:00:10+10:00"), rate=10)
    slot = datetime.fromisoformat("2026-09-25T13:02:00+10:00")
    at_two_past = {"type": "cron", "hour": 13, "minute": "2-59"}
    paused, switched_off, edited, _ = (
        make_job(id, at_two_past, clock.starts_at) for id in ("paused", "switched-off", "edited", "left-alone")
    )
    start("worker", "scheduler", clock=clock, **WORK)
    eventually(lambda: all(rows(id) for id in ("paused", "switched-off", "edited", "left-alone")), within=20)
    eventually(lambda: queues.hlen("dramatiq:default.DQ.msgs") >= 4, within=5)
    assert clock.now() < slot

    # When staff pause one, switch one off past everything that would tidy up, and have one do something else
    jobs.pause(paused, clock.now())
    ScheduledJob.objects.filter(pk=switched_off.pk).update(enabled=False)
    edited.refresh_from_db()
    edited.kwargs = {"name": "changed"}
    edited.save(now=clock.now())
    assert clock.now() < slot, "the machine was too slow for this story"

    # Then only the one left alone runs as it was
    eventually(lambda: rows("left-alone", state="succeeded"), within=25)
    eventually(lambda: notes(queues, "changed", "ended"), within=20)
    eventually(lambda: clock.now() > slot + timedelta(seconds=80), within=20)
    assert [note.what for note in notes(queues, "left-alone")][:2] == ["began", "ended"]
    assert notes(queues, "paused") == notes(queues, "switched-off") == notes(queues, "edited") == []
    assert rows("paused") == []
    (refused,) = rows("switched-off", slot=slot)
    assert (refused.state, refused.reason) == ("skipped", "the job was paused")
    (changed,) = rows("edited", slot=slot)
    assert [note.run for note in notes(queues, "changed", "began")].count(str(changed.pk)) == 1

    # When the paused one is resumed
    jobs.resume(paused, clock.now())

    # Then it runs again, and nothing of the meantime is made up for
    (again,) = eventually(lambda: rows("paused", state="succeeded")[:1], within=30)
    assert again.slot
    assert again.slot > slot + timedelta(seconds=60)
