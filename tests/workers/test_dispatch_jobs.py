"""What a tick makes of jobs that are due, that were missed, and of runs that were lost."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection, transaction
from periodiq import cron
from redis.exceptions import ConnectionError as RedisConnectionError

from tests.waiting import eventually
from tests.workers.conftest import Queues
from tests.workers.scheduled import NOW, at_once, fields, later, make_job, make_run
from workers import dispatch, generation, jobs
from workers.broker import broker
from workers.models import Clock, Run, ScheduledJob
from workers.triggers import jitter_of

pytestmark = pytest.mark.django_db

IN_THREADS = pytest.mark.django_db(transaction=True)

EVERY_TEN_SECONDS = {"type": "interval", "seconds": 10}
HOURLY = {"type": "cron", "minute": 0}


@pytest.fixture(autouse=True)
def _settings(settings: Any, queues: Queues) -> None:
    settings.RESEND_AFTER_SECONDS = 120


def due_job(first: float = 0, **given: Any) -> ScheduledJob:
    """A job every ten seconds whose next slot is `first` seconds from NOW."""
    values = {"trigger": EVERY_TEN_SECONDS, "anchor": later(-86_400), "next_run_at": later(first), **given}
    return make_job(**values)


def slots(job: ScheduledJob, **given: Any) -> list[datetime | None]:
    return list(job.runs.filter(**given).order_by("slot").values_list("slot", flat=True))


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


def test_nor_does_one_whose_planning_throws_what_nobody_thought_of(monkeypatch: pytest.MonkeyPatch) -> None:
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

SLOT = datetime(2026, 3, 9, 18, tzinfo=UTC)  # 05:00 in Sydney
DAY = timedelta(days=1)


def nightly(at: datetime = SLOT, **given: Any) -> ScheduledJob:
    daily = {"type": "cron", "expression": "0 5 * * *"}
    return make_job(**{"trigger": daily, "by_periodiq": True, "next_run_at": at, **given})


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


def test_what_the_tick_made_up_for_is_not_run_again_when_periodiqs_messages_come_late(
    queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    def backlog() -> None: ...

    monkeypatch.setattr(jobs, "registry", dict(jobs.registry))
    monkeypatch.setattr(jobs, "declared", dict(jobs.declared))
    monkeypatch.setattr(broker(), "actors", dict(broker().actors))
    actor = jobs.job(periodic=cron("0 5 * * *"))(backlog)
    job = nightly(id="backlog", actor="backlog")
    now = later(100, SLOT + 2 * DAY)
    messages = [actor.message_with_options(scheduled_at=(SLOT + n * DAY).isoformat()) for n in range(3)]

    assert jobs._begin(messages[0], now) is None
    dispatch.dispatch_missed(now)
    assert [jobs._begin(message, now) for message in messages] == [None] * 3

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


# --- Sending again ----------------------------------------------------------------------------------------


def sent_again(queues: Queues, *names: str) -> set[str]:
    return {m.options["run_id"] for name in names or ("default", "default.DQ") for m in queues.messages(name)}


def wait_in_line(since: float, **options: Any) -> None:
    """Let a message wait for a worker; `since` is in seconds from NOW."""
    message = jobs.registry["work"].actor.message_with_options(**options)
    broker().enqueue_all([message.copy(message_timestamp=round(later(since).timestamp() * 1000))])


def test_runs_that_were_not_sent_are_sent(queues: Queues) -> None:
    unsent = make_run(due_at=later(80), enqueued_at=None)
    make_run(due_at=later(91), enqueued_at=None)  # a later tick's
    for state in ("running", "succeeded", "failed", "skipped", "misfired"):
        make_run(state=state, enqueued_at=None)

    dispatch.resend(NOW)

    assert sent_again(queues, "default.DQ") == {str(unsent.pk)}
    assert sent_again(queues, "default") == set()
    assert fields(unsent, "enqueued_at") == NOW


@pytest.mark.parametrize(
    ("due", "enqueued", "lost"),
    [(-121, -121, True), (-121, -300, True), (-120, -121, False), (-121, -120, False), (60, -300, False)],
)
def test_a_run_whose_time_came_and_went_must_have_been_lost(
    queues: Queues, due: float, enqueued: float, lost: bool
) -> None:
    run = make_run(due_at=later(due), enqueued_at=later(enqueued))

    dispatch.resend(NOW)

    assert sent_again(queues) == ({str(run.pk)} if lost else set())


def test_while_messages_wait_on_its_queue_a_run_is_late_and_not_lost(queues: Queues) -> None:
    late = make_run(due_at=later(-300), enqueued_at=later(-300))
    other = make_run(due_at=later(-300), enqueued_at=later(-300), actor="generate_upcoming_game_sessions")
    wait_in_line(since=-121)

    dispatch.resend(NOW)

    assert sent_again(queues, "clock") == {str(other.pk)}
    assert fields(late, "enqueued_at") == later(-300)


@pytest.mark.parametrize("options", [{}, {"eta": later(-119).timestamp() * 1000}])
def test_a_message_that_has_only_just_come_hides_no_loss(queues: Queues, options: dict[str, float]) -> None:
    """Periodiq's of the same minute come together with the tick."""
    lost = make_run(due_at=later(-300), enqueued_at=later(-300))
    wait_in_line(since=-200 if options else -119, **options)

    dispatch.resend(NOW)

    assert str(lost.pk) in {message.options.get("run_id") for message in queues.messages("default")}


def test_many_that_are_late_do_not_keep_back_one_that_was_not_sent(
    queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "BATCH", 3)
    for n in range(4):
        make_run(due_at=later(-300 - n), enqueued_at=later(-300))
    unsent = make_run(enqueued_at=None)
    wait_in_line(since=-121)

    dispatch.resend(NOW)

    assert str(unsent.pk) in {message.options.get("run_id") for message in queues.messages("default")}


def test_a_run_whose_actor_vanished_fails_with_the_reason(queues: Queues) -> None:
    gone = make_run(actor="gone", enqueued_at=None)
    sound = make_run(enqueued_at=None)

    dispatch.resend(NOW)
    waits = fields(gone, "state")
    queues.clear()
    dispatch.resend(later(3_700))

    assert waits == "queued"  # a worker that knows it may be on its way
    assert fields(gone, "state", "finished_at") == ("failed", later(3_700))
    assert fields(gone, "reason").startswith("the code has no actor gone any more")
    assert sent_again(queues) == {str(sound.pk)}


def test_after_redis_was_wiped_every_queued_run_is_sent_again(queues: Queues) -> None:
    job = due_job(0)
    dispatch.dispatch_due(NOW)
    queues.clear()

    dispatch.resend(later(300))

    assert sent_again(queues) == {str(pk) for pk in job.runs.values_list("pk", flat=True)}


# --- The tick ---------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("part", ["dispatch_due", "dispatch_missed", "resend"])
def test_a_part_that_throws_keeps_no_other_from_its_turn(
    part: str, queues: Queues, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def throws(now: datetime) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0")

    throws.__name__ = part
    due, missed, dead = due_job(), nightly(), make_run(state="running", heartbeat_at=later(-100))
    unsent = make_run(enqueued_at=None)
    monkeypatch.setattr(dispatch, part, throws)

    dispatch.tick(NOW)

    assert bool(slots(due)) == (part != "dispatch_due")
    assert bool(slots(missed)) == (part != "dispatch_missed")
    assert (fields(unsent, "enqueued_at") == NOW) == (part != "resend")
    assert fields(dead, "state") == "queued"
    assert f"The tick went on without {part}" in caplog.text
    assert Clock.objects.get().busy_until is None


@pytest.mark.django_db(transaction=True)
def test_while_redis_is_away_a_tick_still_writes_what_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*args: Any) -> int:
        raise RedisConnectionError("away")

    job = due_job(0)
    with monkeypatch.context() as patch:
        patch.setattr(broker(), "enqueue_all", away)
        patch.setattr(broker(), "is_behind", away)
        dispatch.tick(NOW)
    assert set(job.runs.values_list("state", "enqueued_at")) == {("queued", None)}

    dispatch.tick(later(60))
    assert not job.runs.filter(enqueued_at=None).exists()


def test_a_tick_that_took_too_long_does_not_end_the_turn_of_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(now: datetime) -> None:
        assert dispatch._take_turn(now + dispatch.LEASE)

    monkeypatch.setattr(generation, "reconcile", slow)
    dispatch.tick(NOW)

    assert Clock.objects.get().busy_until == NOW + 2 * dispatch.LEASE


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


def test_a_run_of_newer_code_is_left_to_newer_workers(queues: Queues) -> None:
    job = make_job(actor="of_tomorrow", origin="code", next_run_at=None)
    run = make_run(job=job, actor="of_tomorrow", due_at=NOW, enqueued_at=None)

    dispatch.resend(NOW)

    run.refresh_from_db()
    assert (run.state, run.enqueued_at) == ("queued", None)


@pytest.mark.django_db(transaction=True)
def test_what_staff_saved_does_not_wait_for_the_next_tick(queues: Queues) -> None:
    job = make_job(trigger={"type": "interval", "seconds": 30}, next_run_at=None)

    jobs.save(job, NOW)

    slots = list(Run.objects.filter(job=job).order_by("slot").values_list("slot", flat=True))
    assert slots == [NOW + timedelta(seconds=after) for after in (30, 60, 90)]
