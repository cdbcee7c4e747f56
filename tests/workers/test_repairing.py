"""What a clock wrote that was ahead: it is right again within two ticks, and told."""

from datetime import datetime
from typing import Any

import pytest
from django.core import mail

from tests.deploy import deploy
from tests.workers.conftest import Queues
from tests.workers.scheduled import NOW, claim, due_job, fields, later, make_job, make_run, slots
from workers import tick
from workers.models import Clock, Incident, Run, ScheduledJob, WorkerProcess

pytestmark = pytest.mark.django_db

TEN_HOURS = 36_000
EVERY_TWENTY_SECONDS = {"type": "interval", "seconds": 20}


@pytest.fixture(autouse=True)
def _settings(settings: Any, queues: Queues) -> None:
    settings.ADMINS = [("On call", "oncall@example.com")]
    settings.RUN_HEARTBEAT_SECONDS = 8
    deploy(NOW)


def two_ticks() -> None:
    tick.tick(NOW)
    tick.tick(later(60))


def told() -> str:
    return "\n".join(str(message.body) for message in mail.outbox)


def of(job: ScheduledJob) -> ScheduledJob:
    return ScheduledJob.objects.get(pk=job.pk)


# --- The clock --------------------------------------------------------------------------------------------


def test_a_worker_that_died_in_a_tick_of_tomorrow_keeps_no_tick_from_its_turn(caplog: pytest.LogCaptureFixture) -> None:
    Clock.objects.create(pk=1, last_tick=later(86_400), busy_until=later(86_450), silent_until=later(86_400))

    tick.tick(NOW)

    clock = Clock.objects.get()
    assert (clock.last_tick, clock.busy_until, clock.silent_until) == (NOW, None, None)
    assert "the last tick, 2026-03-11 02:00:00 UTC" in caplog.text
    assert "A clock was wrong, and what it wrote is mended: the last tick, 2026-03-11 02:00:00 UTC." in told()


def test_a_lease_as_long_as_a_lease_can_be_is_kept() -> None:
    Clock.objects.create(pk=1, last_tick=later(1), busy_until=later(1) + tick.LEASE)

    tick.tick(NOW)

    assert Clock.objects.get().last_tick == later(1)


def test_what_is_right_is_left_alone_and_nothing_is_told() -> None:
    make_run(None, "running", heartbeat_at=later(3))  # a worker's clock is some seconds ahead
    due_job(0)
    make_job(
        id="yearly",
        trigger={"type": "cron", "month": 1, "day": 1},
        next_run_at=datetime.fromisoformat("2027-01-01T00:00+11:00"),
    )

    two_ticks()

    assert told() == ""
    assert not Incident.objects.exists()


def test_what_happens_every_minute_is_told_once_an_hour() -> None:
    Clock.objects.create(pk=1)
    for minute in range(61):
        Clock.objects.update(last_tick=later(86_400))
        tick.tick(later(60 * minute))

    assert len(mail.outbox) == 2
    assert not Incident.objects.filter(closed_at=None).exists()


def test_the_heartbeat_of_a_process_that_is_gone_does_not_stay_ahead() -> None:
    at = later(TEN_HOURS)
    gone = WorkerProcess.objects.create(host="here", started_at=at, beat_at=at)
    run = make_run(None, "running", process=gone)
    WorkerProcess.objects.create(host="here", started_at=NOW, beat_at=later(59))

    two_ticks()

    assert fields(run, "state") == "queued"


# --- Jobs -------------------------------------------------------------------------------------------------


def test_an_interval_job_that_was_planned_ten_hours_on_runs_at_its_next_slot() -> None:
    job = make_job(trigger=EVERY_TWENTY_SECONDS, anchor=later(-3600), next_run_at=later(TEN_HOURS))

    tick.tick(NOW)

    assert slots(job) == [later(20), later(40), later(60), later(80)]
    assert f"the next time of {job} 2026-03-10 12:00:00 UTC" in told()


def test_one_that_was_made_ten_hours_ahead_counts_from_now() -> None:
    job = make_job(trigger=EVERY_TWENTY_SECONDS, anchor=later(TEN_HOURS), next_run_at=later(TEN_HOURS + 20))

    tick.tick(NOW)

    assert of(job).anchor == NOW
    assert slots(job)[0] == later(20)


def test_runs_that_were_planned_ten_hours_ahead_are_dropped_and_planned_anew() -> None:
    job = make_job(
        trigger=EVERY_TWENTY_SECONDS, anchor=later(-3600), next_run_at=later(TEN_HOURS + 100), runs_begun=6, max_runs=8
    )
    done = make_run(job, "succeeded", slot=later(TEN_HOURS))
    for seconds in (20, 40, 60, 80):
        make_run(job, slot=later(TEN_HOURS + seconds), due_at=later(TEN_HOURS + seconds))

    two_ticks()

    assert slots(job, state="succeeded") == [done.slot]
    assert slots(job, state="queued") == [later(20), later(40), later(60), later(80), later(100), later(120)]
    assert of(job).runs_begun == 8


@pytest.mark.parametrize(
    ("zone", "night", "right"),
    [
        ("Australia/Sydney", "2026-10-03T00:00Z", "2026-10-03T18:00Z"),  # the clocks go forward
        ("Australia/Sydney", "2026-04-04T00:00Z", "2026-04-04T19:00Z"),  # the clocks go back
        ("America/New_York", "2026-03-08T00:00Z", "2026-03-08T09:00Z"),
        ("America/New_York", "2026-11-01T00:00Z", "2026-11-01T10:00Z"),
    ],
)
def test_a_daily_job_that_was_planned_a_day_late_is_not_left_out(zone: str, night: str, right: str) -> None:
    now, five = datetime.fromisoformat(night), datetime.fromisoformat(right)
    job = make_job(trigger={"type": "cron", "hour": 5}, timezone=zone)
    believed = job.parsed_trigger().next_fire(five)
    ScheduledJob.objects.filter(pk=job.pk).update(next_run_at=believed)

    tick.tick(now)

    assert of(job).next_run_at == five


def test_a_time_that_the_jobs_trigger_does_not_name_is_no_slot() -> None:
    job = make_job(trigger={"type": "cron", "hour": 5}, next_run_at=later(TEN_HOURS + 7))

    tick.tick(NOW)

    assert of(job).next_run_at == datetime.fromisoformat("2026-03-10T18:00Z")


@pytest.mark.parametrize("paused", [{"paused_until": later(86_400)}, {"enabled": False}, {"retired": True}])
def test_what_is_paused_is_left_alone(paused: dict[str, Any]) -> None:
    job = make_job(trigger=EVERY_TWENTY_SECONDS, anchor=later(-3600), next_run_at=later(90_000), **paused)

    two_ticks()

    assert of(job).next_run_at == later(90_000)
    assert told() == ""


def test_a_job_saved_while_a_tick_is_at_work_is_planned_and_not_repaired() -> None:
    job = make_job(trigger=EVERY_TWENTY_SECONDS, next_run_at=later(100))
    for seconds in (20, 40, 60, 80):
        make_run(job, slot=later(seconds), due_at=later(seconds))

    tick.tick(later(-15))  # it has read the clock a while ago

    assert of(job).next_run_at == later(100)
    assert told() == ""


def test_a_clock_that_is_stepped_back_an_hour_comes_to_each_slot_once_and_loses_none() -> None:
    job, limited = due_job(0), due_job(0, max_runs=400)
    for minute in range(60):
        tick.tick(later(60 * minute))
    assert len(slots(job)) == 364
    Run.objects.update(state="succeeded", attempts=1, started_at=NOW, finished_at=NOW)

    for minute in range(61):  # each of these minutes once more
        tick.tick(later(60 * minute + 7))

    expected = [later(10 * n) for n in range(360 + 10)]
    assert slots(job) == expected
    assert slots(limited) == expected
    assert of(limited).runs_begun == 370
    assert "the last tick, 2026-03-10 02:59:00 UTC" in told()


# --- Runs -------------------------------------------------------------------------------------------------


def test_a_heartbeat_in_the_future_holds_no_place() -> None:
    job = make_job()
    dead = make_run(job, "running", started_at=later(TEN_HOURS), heartbeat_at=later(TEN_HOURS))

    two_ticks()

    assert fields(dead, "state") == "queued"
    assert claim(make_run(job))
    assert "the heartbeats of 1 runs" in told()


def test_a_worker_of_an_older_release_whose_clock_is_ahead_keeps_its_run() -> None:
    run = make_run(None, "running", heartbeat_at=later(TEN_HOURS))

    for minute in range(5):
        Run.objects.update(heartbeat_at=later(TEN_HOURS + 60 * minute))
        tick.tick(later(60 * minute))

    assert fields(run, "state") == "running"


@pytest.mark.parametrize("values", [{}, {"attempts": 1, "slot": later(-30)}, {"cause": "catch_up", "slot": later(-30)}])
def test_a_run_that_is_to_start_ten_hours_on_starts_now(values: dict[str, Any]) -> None:
    run = make_run(make_job(), due_at=later(TEN_HOURS), enqueued_at=later(TEN_HOURS), **values)

    tick.tick(NOW)

    assert fields(run, "due_at", "enqueued_at") == (NOW, NOW)


def test_a_run_that_waits_for_its_jitter_is_left_alone() -> None:
    run = make_run(make_job(jitter=3600), slot=later(60), due_at=later(3600))

    tick.tick(NOW)

    assert fields(run, "due_at") == later(3600)
