"""A scheduler that was down for six hours: every slot has a row or is counted in one."""

from collections import Counter
from datetime import datetime, timedelta

import redis

from tests.acceptance.conftest import Start
from tests.acceptance.watching import WORK, grid, make_job, notes, rows
from tests.processes import Clock
from tests.waiting import eventually
from workers.models import Generation, Run

EVERY_FIVE_MINUTES = {"type": "cron", "minute": "*/5"}
EVERY_MINUTE = {"type": "cron", "minute": "*"}


def test_after_six_hours_each_policy_does_what_it_says(start: Start, queues: redis.Redis) -> None:
    # Given jobs of every policy, and nothing that runs from half past midnight on
    asleep = datetime.fromisoformat("2026-09-25T00:30:00+10:00")
    awake = asleep + timedelta(hours=6)
    make_job("skip", EVERY_FIVE_MINUTES, asleep, catch_up="skip")
    make_job("latest", EVERY_FIVE_MINUTES, asleep, catch_up="latest")
    make_job("all", EVERY_FIVE_MINUTES, asleep, catch_up="all", max_instances=10)
    make_job("too-many", EVERY_MINUTE, asleep, catch_up="all", max_instances=10)

    # When the scheduler and the worker start at half past six
    clock = Clock(awake, rate=10)
    start("worker", "scheduler", clock=clock, deployed=asleep, **WORK)
    next_slot = awake + timedelta(minutes=5)
    eventually(lambda: rows("skip", slot__gte=next_slot, state="succeeded"), within=60)
    eventually(lambda: not Run.objects.filter(slot__lte=next_slot, finished_at=None), within=60)
    later = clock.now() + timedelta(seconds=70)
    eventually(lambda: clock.now() > later, within=20)  # and what was missed is not made good a second time

    # Then skip leaves out what was missed, in one row that counts it
    (skipped,) = rows("skip", state="misfired")
    assert covered("skip", skipped) == grid(asleep + timedelta(minutes=5), skipped.slot or asleep, 300)
    assert "missed from 2026-09-24 14:35:00 UTC" in skipped.reason

    # And latest runs once for all of it
    (caught_up,) = rows("latest", cause="catch_up")
    assert (caught_up.state, caught_up.covers) == ("succeeded", skipped.covers)

    # And all runs each, the hundred last ones at most
    assert [run.covers for run in rows("all", cause="catch_up")] == [1] * skipped.covers
    (dropped,) = rows("too-many", state="misfired")
    assert len(rows("too-many", cause="catch_up", state="succeeded")) == 100
    assert dropped.covers > 250

    # And every slot is there or counted, once, and what did run ran once
    for job, seconds in (("skip", 300), ("latest", 300), ("all", 300), ("too-many", 60)):
        ended = [run for run in rows(job) if run.finished_at]
        slots = [slot for run in ended for slot in covered(job, run)]
        assert slots == grid(asleep + timedelta(seconds=seconds), slots[-1], seconds), job
        assert slots[-1] >= next_slot
        # While what was missed takes all places, a slot on time finds none.
        assert {run.state for run in ended} <= {"succeeded", "misfired", "skipped"}
        begun = Counter(note.run for note in notes(queues, job, "began"))
        assert max(begun.values()) == 1
        assert {str(run.pk) for run in ended if run.state == "succeeded"} <= set(begun)

    # And the calendar was filled for the 05:00 that nobody saw
    assert Generation.objects.get().slot == datetime.fromisoformat("2026-09-25T05:00:00+10:00")


def covered(job: str, run: Run) -> list[datetime]:
    """The slots that a run stands for, by the job's own rhythm."""
    assert run.slot
    seconds = 60 if job == "too-many" else 300
    return grid(run.slot - timedelta(seconds=(run.covers - 1) * seconds), run.slot, seconds)
