"""What planning makes of jobs that are due, or that were missed."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection, transaction
from periodiq import cron

from tests.waiting import eventually
from tests.workers.conftest import Queues
from tests.workers.scheduled import NOW, SLOT, at_once, due_job, later, make_job, make_run, nightly, slots
from workers import dispatch, jobs
from workers.jobs import calls
from workers.models import Run, ScheduledJob
from workers.triggers import jitter_of

pytestmark = pytest.mark.django_db

IN_THREADS = pytest.mark.django_db(transaction=True)
HOURLY = {"type": "cron", "minute": 0}


@pytest.fixture(autouse=True)
def _settings(settings: Any, queues: Queues) -> None:
    settings.RESEND_AFTER_SECONDS = 120


def every(seconds: int, first: float, last: float) -> list[datetime]:
    return [later(n) for n in range(int(first), int(last) + 1, seconds)]


def planned(job: ScheduledJob) -> list[tuple[str, str, int]]:
    """State, cause and the number of slots covered of each run, in the order of their slots."""
    return list(job.runs.order_by("slot").values_list("state", "cause", "covers"))


# --- Looking ahead ----------------------------------------------------------------------------------------


def test_each_slot_up_to_90_seconds_ahead_gets_a_run_that_is_due_then() -> None:
    job = due_job(10)

    dispatch.dispatch_due(NOW)

    assert slots(job) == every(10, 10, 90)
    assert all(run.due_at == run.slot for run in job.runs.all())
    assert set(job.runs.values_list("state", "cause", "enqueued_at", "covers")) == {("queued", "schedule", NOW, 1)}
    job.refresh_from_db()
    assert (job.next_run_at, job.runs_begun) == (later(100), 9)


@pytest.mark.django_db(transaction=True)
def test_each_run_is_sent_to_start_at_its_time(queues: Queues) -> None:
    job = due_job(0, args=[1], kwargs={"two": 3})

    dispatch.dispatch_due(NOW)

    delayed = queues.messages("default.DQ")
    (now,) = queues.messages("default")
    sent = {message.options["run_id"] for message in (now, *delayed)}
    assert sent == {str(pk) for pk in job.runs.values_list("pk", flat=True)}
    assert (now.args, now.kwargs, now.options["attempt"]) == ((1,), {"two": 3}, 0)
    etas = sorted(message.options["eta"] for message in delayed)
    assert len(etas) == 9
    assert all(9_000 < after - before < 11_000 for before, after in pairwise(etas))


def test_a_slot_beyond_the_look_ahead_waits_for_its_tick() -> None:
    job = due_job(91, anchor=later(91))

    dispatch.dispatch_due(NOW)

    assert slots(job) == []


def test_each_slot_is_one_run_however_many_ticks_there_are() -> None:
    job = due_job(0)

    for seconds in (0, 0, 60, 61, 130):
        dispatch.dispatch_due(later(seconds))

    assert slots(job) == every(10, 0, 220)


def test_a_slot_that_has_a_run_already_gets_no_other() -> None:
    job = due_job(0)
    earlier = make_run(job, "succeeded", slot=NOW)

    dispatch.dispatch_due(NOW)

    assert job.runs.get(slot=NOW) == earlier
    assert slots(job) == every(10, 0, 90)


@pytest.mark.parametrize(
    "off",
    [{"enabled": False}, {"retired": True}, {"paused_until": later(1)}, {"by_periodiq": True}, {"next_run_at": None}],
    ids=str,
)
def test_a_job_that_is_off_or_periodiqs_is_not_dispatched(off: dict[str, Any]) -> None:
    job = due_job(**off)

    dispatch.dispatch_due(NOW)

    assert slots(job) == []


def test_more_jobs_than_one_batch_holds_are_all_dispatched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "BATCH", 2)
    several = [due_job(90, anchor=later(90), start_at=later(90)) for _ in range(5)]

    dispatch.dispatch_due(NOW)

    assert [slots(job) for job in several] == [[later(90)]] * 5


def test_jitter_delays_the_start_and_not_the_slot() -> None:
    job = due_job(10, jitter=300)

    dispatch.dispatch_due(NOW)

    assert slots(job) == every(10, 10, 90)
    late = [run.due_at - run.slot for run in job.runs.all() if run.slot]
    assert all(timedelta() <= each <= timedelta(seconds=300) for each in late)
    assert len(set(late)) > 1
    assert all(run.due_at == run.slot + jitter_of(job.pk, run.slot, 300) for run in job.runs.all() if run.slot)


def test_max_runs_ends_the_job() -> None:
    job = due_job(0, max_runs=12)

    dispatch.dispatch_due(NOW)
    dispatch.dispatch_due(later(60))

    assert slots(job) == every(10, 0, 110)
    job.refresh_from_db()
    assert (job.next_run_at, job.runs_begun) == (None, 12)


def test_nothing_fires_after_the_end() -> None:
    job = due_job(0, end_at=later(35))

    dispatch.dispatch_due(NOW)

    assert slots(job) == every(10, 0, 30)
    job.refresh_from_db()
    assert job.next_run_at is None


def test_a_date_fires_once_and_the_job_is_done() -> None:
    job = due_job(30, trigger={"type": "date", "run_date": "2026-03-10T13:00:30"})

    dispatch.dispatch_due(NOW)
    dispatch.dispatch_due(later(60))

    assert slots(job) == [later(30)]
    job.refresh_from_db()
    assert job.next_run_at is None


@pytest.mark.parametrize(
    ("zone", "before", "after"),
    [
        ("Australia/Sydney", "2026-04-03T18:00Z", "2026-04-04T19:00Z"),  # clocks go back: 25 hours
        ("Australia/Sydney", "2026-10-02T19:00Z", "2026-10-03T18:00Z"),  # clocks go forward: 23 hours
        ("America/New_York", "2026-03-07T10:00Z", "2026-03-08T09:00Z"),
        ("Asia/Kolkata", "2026-03-07T23:30Z", "2026-03-08T23:30Z"),
    ],
)
def test_a_daily_job_keeps_to_the_clock_of_its_zone(zone: str, before: str, after: str) -> None:
    slot = datetime.fromisoformat(before)
    job = due_job(trigger={"type": "cron", "hour": 5}, timezone=zone, next_run_at=slot)

    dispatch.dispatch_due(slot)

    job.refresh_from_db()
    assert job.next_run_at == datetime.fromisoformat(after)


# --- Several dispatchers ----------------------------------------------------------------------------------


@IN_THREADS
def test_dispatchers_that_work_at_once_write_each_slot_once_and_share_the_sending(
    queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "BATCH", 3)
    several = [due_job(0) for _ in range(20)]

    at_once(*[lambda: dispatch.dispatch_due(NOW)] * 4)

    assert all(slots(job) == every(10, 0, 90) for job in several)
    sent = [message.options["run_id"] for name in ("default", "default.DQ") for message in queues.messages(name)]
    assert len(sent) == len(set(sent)) == 200
    assert set(ScheduledJob.objects.filter(actor="work").values_list("runs_begun", flat=True)) == {10}


@IN_THREADS
def test_jobs_that_somebody_else_holds_are_done_last_and_not_passed_by() -> None:
    held, free = due_job(10), due_job(20)

    def dispatch_in_a_thread() -> None:
        try:
            dispatch.dispatch_due(NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():  # as a run of the job does that is just starting
            ScheduledJob.objects.select_for_update(no_key=True).get(pk=held.pk)
            dispatched = pool.submit(dispatch_in_a_thread)
            eventually(lambda: slots(free) and waits_for_a_lock(), within=10)
            assert slots(held) == []
        dispatched.result(timeout=10)

    assert slots(held) == every(10, 10, 90)


def waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone())


# --- Catching up ------------------------------------------------------------------------------------------


SIX_HOURS = 6 * 3600


def hourly(**given: Any) -> ScheduledJob:
    """An hourly job whose scheduler slept from just before NOW on, for six hours: it missed seven slots."""
    return due_job(trigger=HOURLY, next_run_at=NOW, **given)


def test_skip_makes_up_for_nothing_and_says_what_was_missed() -> None:
    job = hourly(catch_up="skip")

    dispatch.dispatch_due(later(SIX_HOURS + 100))

    assert planned(job) == [("misfired", "catch_up", 7)]
    run = job.runs.get()
    assert (run.slot, run.finished_at, run.enqueued_at) == (later(SIX_HOURS), later(SIX_HOURS + 100), None)
    assert run.reason == "7 missed from 2026-03-10 02:00:00 UTC on, while nothing ran"
    job.refresh_from_db()
    assert (job.next_run_at, job.runs_begun) == (later(SIX_HOURS + 3600), 0)


def test_latest_runs_once_for_all_that_was_missed() -> None:
    job = hourly(catch_up="latest")

    dispatch.dispatch_due(later(SIX_HOURS + 100))

    assert planned(job) == [("queued", "catch_up", 7)]
    run = job.runs.get()
    assert (run.slot, run.due_at) == (later(SIX_HOURS), later(SIX_HOURS + 100))


def test_all_runs_each_that_was_missed() -> None:
    job = hourly(catch_up="all")

    dispatch.dispatch_due(later(SIX_HOURS + 100))

    assert planned(job) == [("queued", "catch_up", 1)] * 7
    assert slots(job) == every(3600, 0, SIX_HOURS)


def test_all_is_capped_and_the_rest_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "CATCH_UP_AT_MOST", 4)
    job = hourly(catch_up="all")

    dispatch.dispatch_due(later(SIX_HOURS + 100))

    assert planned(job) == [("misfired", "catch_up", 3)] + [("queued", "catch_up", 1)] * 4
    assert slots(job) == every(3600, 2 * 3600, SIX_HOURS)


@pytest.mark.parametrize("catch_up", ["skip", "latest", "all"])
@pytest.mark.parametrize("slept", [0, 59, 61, 300, SIX_HOURS, SIX_HOURS + 7])
def test_every_slot_has_a_row_or_is_counted_in_one(catch_up: str, slept: int) -> None:
    job = due_job(0, catch_up=catch_up)

    dispatch.dispatch_due(later(slept))

    expected = (slept + 90) // 10 + 1
    assert sum(job.runs.values_list("covers", flat=True)) == expected
    on_time = slots(job, cause="schedule")
    assert on_time == every(10, max(0, -(-(slept - 60) // 10) * 10), slept + 90)
    job.refresh_from_db()
    assert job.next_run_at == later(expected * 10)


def test_a_slot_within_its_grace_is_on_time_and_starts_at_once() -> None:
    job = due_job(0, trigger=HOURLY, misfire_grace=300)

    dispatch.dispatch_due(later(300))

    assert planned(job) == [("queued", "schedule", 1)]
    assert job.runs.get().due_at == later(300)


def test_more_missed_slots_than_one_pass_counts_are_all_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "LOOK_BACK_AT_MOST", 3)
    job = hourly(catch_up="skip")

    dispatch.dispatch_due(later(SIX_HOURS + 100))

    assert [covers for _, _, covers in planned(job)] == [3, 3, 1]


def test_catching_up_goes_no_further_than_max_runs() -> None:
    job = hourly(catch_up="all", max_runs=3)

    dispatch.dispatch_due(later(SIX_HOURS + 100))

    assert slots(job) == every(3600, 0, 7200)
    job.refresh_from_db()
    assert (job.next_run_at, job.runs_begun) == (None, 3)


# --- What is broken ---------------------------------------------------------------------------------------


def broken(**given: Any) -> ScheduledJob:
    job = due_job()
    ScheduledJob.objects.filter(pk=job.pk).update(**given)
    return job


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"actor": "gone"}, "the code has no actor gone any more"),
        ({"trigger": {"type": "lunar"}}, "'lunar' is not a type of trigger"),
        ({"trigger": {"type": "cron", "hour": 25}}, "25 is not valid for hour"),
        ({"trigger": []}, "[] is not an object"),
        ({"timezone": "Nowhere/Land"}, "'Nowhere/Land' is no zone"),
    ],
    ids=str,
)
def test_a_job_that_cannot_be_planned_is_paused_with_the_reason_and_stops_no_other(
    given: dict[str, Any], reason: str
) -> None:
    first, job, last = due_job(0), broken(**given), due_job(0)

    dispatch.dispatch_due(NOW)

    job.refresh_from_db()
    assert not job.enabled
    assert job.paused_because.startswith(reason)
    assert slots(job) == []
    assert slots(first) == slots(last) == every(10, 0, 90)


def test_a_job_whose_planning_throws_something_unforeseen_is_paused_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    def throws(key: str, slot: datetime, jitter: int) -> timedelta:
        return timedelta() if key != "odd" else None.missing  # type: ignore[attr-defined]

    odd, sound = due_job(id="odd"), due_job()
    monkeypatch.setattr(dispatch, "jitter_of", throws)

    dispatch.dispatch_due(NOW)

    odd.refresh_from_db()
    assert "has no attribute 'missing'" in odd.paused_because
    assert len(slots(sound)) == 10


def test_resumed_a_job_whose_actor_is_back_runs_again() -> None:
    job = broken(actor="gone")
    dispatch.dispatch_due(NOW)

    ScheduledJob.objects.filter(pk=job.pk).update(actor="work")
    jobs.resume(job, NOW)
    dispatch.dispatch_due(NOW)

    assert slots(job) == every(10, 10, 90)
    job.refresh_from_db()
    assert job.paused_because == ""


# --- periodiq's slots -------------------------------------------------------------------------------------


DAY = timedelta(days=1)


def test_a_slot_that_periodiq_did_not_send_within_the_grace_is_made_up_for() -> None:
    job = nightly()

    dispatch.dispatch_missed(later(59, SLOT))
    assert planned(job) == []

    dispatch.dispatch_missed(later(60, SLOT))
    assert planned(job) == [("queued", "catch_up", 1)]
    assert job.runs.get().slot == SLOT
    job.refresh_from_db()
    assert job.next_run_at == SLOT + DAY


def test_a_slot_that_periodiq_may_still_send_in_time_is_left_to_it() -> None:
    job = nightly(NOW, trigger={"type": "cron", "expression": "* * * * *"})

    dispatch.dispatch_missed(later(90))

    assert slots(job) == [NOW]
    job.refresh_from_db()
    assert job.next_run_at == later(60)


def test_the_grace_is_the_jobs_own() -> None:
    patient, ordinary = nightly(misfire_grace=3600), nightly()

    dispatch.dispatch_missed(later(3599, SLOT))
    assert (slots(patient), slots(ordinary)) == ([], [SLOT])

    dispatch.dispatch_missed(later(3600, SLOT))
    assert slots(patient) == [SLOT]


@pytest.mark.parametrize("state", ["queued", "running", "succeeded", "failed", "skipped"])
def test_a_slot_that_has_a_run_was_not_missed(state: str) -> None:
    job = nightly()
    run = make_run(job, state, slot=SLOT)

    dispatch.dispatch_missed(later(60, SLOT))

    assert job.runs.get() == run
    job.refresh_from_db()
    assert job.next_run_at == SLOT + DAY


@pytest.mark.parametrize(
    ("catch_up", "expected"),
    [
        ("skip", [("misfired", 2)]),
        ("latest", [("queued", 2)]),
        ("all", [("queued", 1), ("queued", 1)]),
    ],
)
def test_of_several_the_ones_without_a_run_go_by_the_jobs_policy(
    catch_up: str, expected: list[tuple[str, int]]
) -> None:
    job = nightly(catch_up=catch_up)
    ran = make_run(job, "succeeded", slot=SLOT + DAY)

    dispatch.dispatch_missed(later(100, SLOT + 2 * DAY))

    made_up = job.runs.exclude(pk=ran.pk).order_by("slot")
    assert list(made_up.values_list("state", "covers")) == expected
    assert made_up.latest("slot").slot == SLOT + 2 * DAY


@pytest.mark.usefixtures("own_code")
def test_what_the_tick_made_up_for_is_not_run_again_when_periodiqs_messages_come_late(queues: Queues) -> None:
    def backlog() -> None: ...

    actor = jobs.job(periodic=cron("0 5 * * *"))(backlog)
    job = nightly(id="backlog", actor="backlog")
    now = later(100, SLOT + 2 * DAY)
    messages = [actor.message_with_options(scheduled_at=(SLOT + n * DAY).isoformat()) for n in range(3)]

    assert calls.start(messages[0], now) is None
    dispatch.dispatch_missed(now)
    assert [calls.start(message, now) for message in messages] == [None] * 3

    assert planned(job) == [("queued", "catch_up", 3)]


def test_on_the_day_that_skips_half_past_two_its_job_is_shifted_and_made_up_for() -> None:
    gap = datetime(2026, 10, 3, 16, 30, tzinfo=UTC)  # 02:30 does not exist in Sydney; this is 03:30
    job = nightly(gap - DAY, trigger={"type": "cron", "expression": "30 2 * * *"})
    make_run(job, "succeeded", slot=gap - DAY)

    for day in (gap - DAY, gap):
        dispatch.dispatch_missed(later(90, day))

    assert slots(job) == [gap - DAY, gap]
    job.refresh_from_db()
    assert job.next_run_at == datetime(2026, 10, 4, 15, 30, tzinfo=UTC)


def test_a_paused_job_of_periodiqs_misses_nothing() -> None:
    job = nightly(enabled=False)

    dispatch.dispatch_missed(later(3600, SLOT))

    assert slots(job) == []


# --- Newer code, and actors that are gone -----------------------------------------------------------------


def test_a_run_is_written_with_the_job_it_had_when_it_was_due() -> None:
    job = due_job(0, args=[1])
    dispatch.dispatch_due(NOW)

    ScheduledJob.objects.filter(pk=job.pk).update(args=[2])

    assert set(map(str, Run.objects.filter(job=job).values_list("args", flat=True))) == {"[1]"}


def test_a_job_paused_for_its_missing_actor_is_resumed_by_a_worker_that_has_it(queues: Queues) -> None:
    """While a deploy rolls, an old worker knows nothing of a new job's actor."""
    job = make_job(actor="of_tomorrow", next_run_at=NOW)
    dispatch.dispatch_due(NOW)
    paused = ScheduledJob.objects.get(pk=job.pk)
    ScheduledJob.objects.filter(pk=job.pk).update(actor="scheduled_job")  # as the new worker's code would have it

    dispatch.revive(NOW)

    revived = ScheduledJob.objects.get(pk=job.pk)
    assert (paused.enabled, revived.enabled, revived.paused_because) == (False, True, "")
    assert revived.next_run_at == NOW  # what it missed is for its policy to say


def test_a_job_that_staff_paused_stays_paused(queues: Queues) -> None:
    job = make_job(enabled=False)

    dispatch.revive(NOW)

    assert not ScheduledJob.objects.get(pk=job.pk).enabled


def test_a_job_of_newer_code_is_left_to_newer_workers(queues: Queues) -> None:
    make_job(id="newer", actor="of_tomorrow", origin="code", next_run_at=NOW)
    make_job(id="known", next_run_at=NOW)

    dispatch.dispatch_due(NOW)

    newer = ScheduledJob.objects.get(pk="newer")
    assert (newer.enabled, newer.next_run_at) == (True, NOW)
    assert Run.objects.filter(job="known").exists()
