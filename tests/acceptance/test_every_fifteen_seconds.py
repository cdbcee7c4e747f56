"""A tick a minute is enough for schedules of seconds. On a real clock, because it is the seconds that count."""

from datetime import datetime, timedelta

import redis

from tests.acceptance.conftest import Start
from tests.acceptance.watching import WORK, grid, make_job, notes, rows
from tests.processes import Clock
from tests.waiting import eventually


def test_four_slots_a_minute_each_once_and_begun_within_a_second(start: Start, queues: redis.Redis) -> None:
    # Given a job on every fifteenth second, and one every ten seconds
    clock = Clock(datetime.fromisoformat("2026-09-25T13:00:48+10:00"))
    minute = datetime.fromisoformat("2026-09-25T13:01:00+10:00")
    make_job("fifteens", {"type": "cron", "second": "*/15"}, clock.starts_at)
    make_job("tens", {"type": "interval", "seconds": 10}, clock.starts_at, start_at=minute)

    # When the clock ticks at 13:01 and again at 13:02
    start("worker", "scheduler", clock=clock, **WORK)
    end = minute + timedelta(seconds=60)
    eventually(lambda: rows("fifteens", slot__gt=end + timedelta(seconds=30)), within=90, every=0.2)
    eventually(lambda: not rows("fifteens", slot__lte=end, finished_at=None), within=5)
    eventually(lambda: not rows("tens", slot__lte=end, finished_at=None), within=5)

    # Then each slot up to there was begun once, on time
    for job, seconds in (("fifteens", 15), ("tens", 10)):
        begun = {note.run: note.at for note in notes(queues, job, "began")}
        assert len(begun) == len(notes(queues, job, "began"))
        ran = rows(job, slot__lte=end)
        assert [run.slot for run in ran] == grid(minute, end, seconds)
        late = [(begun[str(run.pk)] - run.slot).total_seconds() for run in ran if run.slot]
        assert min(late) >= 0, late
        assert max(late) < 1, late
        assert {run.state for run in ran} == {"succeeded"}

        # And what the second tick saw ahead follows on what the first did, without a gap and without a doublet
        ahead = [run.slot for run in rows(job)]
        assert ahead == grid(minute, end + timedelta(seconds=90), seconds)
