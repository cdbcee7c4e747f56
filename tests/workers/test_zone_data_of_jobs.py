"""Jobs at wall-clock times after a deploy that brings other data on their zone: another zone's file in its place."""

import zoneinfo
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest

from events import zones
from tests.deploy import deploy
from tests.workers.conftest import Queues
from tests.workers.scheduled import FIVE, make_run, save_job
from tests.zone_data import exchange
from workers import dispatch, runs, tick
from workers.allow_list import registry
from workers.generation import NIGHTLY
from workers.jobs import calls
from workers.models import Run, ScheduledJob

pytestmark = pytest.mark.django_db

SYDNEY, NEW_YORK = "Australia/Sydney", "America/New_York"
DAY = timedelta(days=1)
WALL = "2026-03-11T05:00:00"
MINUTE = timedelta(minutes=1)

#: For each zone others by whose files its clocks are two hours ahead of what they were in March, and two hours behind.
EARLIER = {SYDNEY: "Pacific/Auckland", NEW_YORK: "America/Noronha"}
LATER = {SYDNEY: "Asia/Tokyo", NEW_YORK: "America/Regina"}
#: 05:00 on Wednesday 11 March 2026 on the clock of each.
AT_FIVE = {SYDNEY: datetime(2026, 3, 10, 18, tzinfo=UTC), NEW_YORK: datetime(2026, 3, 11, 9, tzinfo=UTC)}
TWO_HOURS = timedelta(hours=2)


@contextmanager
def deployed(folder: Path, zone: str, other: str) -> Iterator[None]:
    """While the block runs, this process goes by a package in which the file of `zone` is that of another."""
    found = exchange(folder, **{zone.replace("/", "__"): other})
    with patch.object(zones, "ZONE_FILES", found):
        _read_anew(str(found))
        yield
    _read_anew()


def _read_anew(*path: str) -> None:
    zoneinfo.reset_tzpath(to=path)
    ZoneInfo.clear_cache()
    zones.fingerprints.cache_clear()
    zones.todays.cache_clear()


@pytest.fixture(autouse=True)
def _settings(settings: Any, queues: Queues) -> Iterator[None]:
    settings.RESEND_AFTER_SECONDS = 120
    yield
    _read_anew()  # also after a test that failed


def live(job: ScheduledJob, since: datetime, until: datetime) -> None:
    """Let the clock tick each minute in which there is something to do, and workers start what is due."""
    now = since
    while now < until:
        dispatch.follow_zones(now)
        dispatch.repair(now)
        dispatch.dispatch_due(now)
        for run in Run.objects.filter(job=job, state="queued", due_at__lt=now + MINUTE):
            Run.objects.filter(pk=run.pk).update(state="succeeded", started_at=run.due_at, finished_at=run.due_at)
        at = ScheduledJob.objects.with_next_start().get(pk=job.pk).next_start(now) or until
        now = max(now + MINUTE, at - MINUTE)


def started(job: ScheduledJob) -> list[datetime]:
    return list(job.runs.filter(state="succeeded").order_by("due_at").values_list("due_at", flat=True))


def make(zone: str, now: datetime | None = None, **given: Any) -> ScheduledJob:
    return save_job(now or AT_FIVE[zone] - DAY, **{"timezone": zone, "trigger": FIVE, **given})


ZONES = pytest.mark.parametrize("zone", [SYDNEY, NEW_YORK])


# --- Once -------------------------------------------------------------------------------------------------


@ZONES
@pytest.mark.parametrize("hours", [3, 1, -1])
def test_a_date_that_other_data_makes_earlier_runs_at_its_new_instant_even_if_that_has_just_passed(
    tmp_path: Path, zone: str, hours: int
) -> None:
    job = make(zone, trigger={"type": "date", "run_date": "2026-03-11T05:00"})
    new = AT_FIVE[zone] - TWO_HOURS
    deployed_at = new - timedelta(hours=hours)
    live(job, deployed_at - 3 * MINUTE, deployed_at)

    with deployed(tmp_path, zone, EARLIER[zone]):
        live(job, deployed_at, AT_FIVE[zone] + timedelta(hours=1))

    assert started(job) == [max(new, deployed_at)]
    assert job.runs.get().slot == new


@ZONES
def test_a_date_that_other_data_makes_later_waits_though_it_was_planned_already(tmp_path: Path, zone: str) -> None:
    job = make(zone, trigger={"type": "date", "run_date": "2026-03-11T05:00"}, max_runs=1)
    tick.tick(AT_FIVE[zone] - MINUTE)
    assert job.runs.get().slot == AT_FIVE[zone]

    with deployed(tmp_path, zone, LATER[zone]):
        live(job, AT_FIVE[zone] - MINUTE / 2, AT_FIVE[zone] + 2 * TWO_HOURS)

    assert started(job) == [AT_FIVE[zone] + TWO_HOURS]
    job.refresh_from_db()
    assert (job.runs_begun, job.next_run_at) == (1, None)


@pytest.mark.parametrize("trigger", [
    {"type": "date", "run_date": "2026-03-10T18:00:00+00:00"},
    {"type": "interval", "hours": 24},
], ids=str)  # fmt: skip
def test_what_is_meant_as_an_instant_stays(tmp_path: Path, trigger: dict[str, Any]) -> None:
    job = make(SYDNEY, trigger=trigger)

    with deployed(tmp_path, SYDNEY, EARLIER[SYDNEY]):
        live(job, AT_FIVE[SYDNEY] - TWO_HOURS, AT_FIVE[SYDNEY] + TWO_HOURS)
        assert ScheduledJob.objects.get(pk=job.pk).zone_data == zones.fingerprint(SYDNEY)

    assert started(job) == [AT_FIVE[SYDNEY]]


def test_by_its_policy_a_date_that_has_just_passed_is_not_made_good(tmp_path: Path) -> None:
    job = make(SYDNEY, trigger={"type": "date", "run_date": "2026-03-11T05:00"}, catch_up="skip")

    with deployed(tmp_path, SYDNEY, EARLIER[SYDNEY]):
        live(job, AT_FIVE[SYDNEY] - timedelta(hours=1), AT_FIVE[SYDNEY])

    run = job.runs.get()
    assert (run.state, run.slot) == ("misfired", AT_FIVE[SYDNEY] - TWO_HOURS)


# --- Daily ------------------------------------------------------------------------------------------------


@ZONES
@pytest.mark.parametrize("others", [EARLIER, LATER], ids=["earlier", "later"])
@pytest.mark.parametrize("before", [-3, -1, -0.01, 0.01, 1, 3], ids=str)
def test_a_daily_job_runs_each_day_once(tmp_path: Path, zone: str, others: dict[str, str], before: float) -> None:
    """Whenever between its old time and its new one the data comes."""
    five = AT_FIVE[zone]
    job = make(zone, five - DAY - TWO_HOURS)
    deployed_at = five + timedelta(hours=before)
    live(job, five - DAY - 5 * MINUTE, deployed_at)

    with deployed(tmp_path, zone, others[zone]):
        live(job, deployed_at, five + DAY + timedelta(hours=4))

    new = five - TWO_HOURS if others is EARLIER else five + TWO_HOURS
    today = five if deployed_at > five else max(new, deployed_at)
    assert started(job) == [five - DAY, today, new + DAY]
    assert job.runs.count() == 3
    assert set(job.runs.values_list("state", "covers")) == {("succeeded", 1)}


@pytest.mark.parametrize(
    ("day", "other", "new"),
    [
        # Sydney's clocks go forward at 02:00 on 4 October and back at 03:00 on 5 April; Tokyo's and Auckland's do not.
        ("2026-10-04", "Asia/Tokyo", "2026-10-03T17:30:00Z"),  # 02:30, a gap before, is a time of its own
        ("2026-04-05", "Asia/Tokyo", "2026-04-04T17:30:00Z"),  # 02:30, a fold before
        ("2026-04-05", "Pacific/Auckland", "2026-04-04T13:30:00Z"),  # a fold in both: the first of each
        ("2026-03-08", "America/New_York", "2026-03-08T07:30:00Z"),  # a gap now
    ],
)
def test_at_the_edges_of_daylight_saving_the_time_that_was_named_is_kept(
    tmp_path: Path, day: str, other: str, new: str
) -> None:
    start = datetime.fromisoformat(f"{day}T00:00Z") - DAY
    job = save_job(start, timezone=SYDNEY, trigger={"type": "date", "run_date": f"{day}T02:30"})

    with deployed(tmp_path, SYDNEY, other):
        tick.tick(start)

    job.refresh_from_db()
    assert (job.next_wall, job.next_run_at) == (f"{day}T02:30:00", datetime.fromisoformat(new))


def test_what_runs_often_in_some_hours_goes_on_where_it_was(tmp_path: Path) -> None:
    five = AT_FIVE[SYDNEY]
    job = make(SYDNEY, five - timedelta(minutes=65), trigger={"type": "cron", "hour": "4-6", "minute": "*/5"})
    live(job, five - timedelta(hours=1), five)

    with deployed(tmp_path, SYDNEY, LATER[SYDNEY]):
        live(job, five - MINUTE / 2, five + timedelta(hours=5))

    # Those from 04:00 to 04:59 by the old data, and from 05:00 on by the new: two hours of silence lie between.
    times = [five + n * MINUTE for n in range(-60, 240, 5)]
    assert started(job) == [at for at in times if not five <= at < five + TWO_HOURS]


# --- Which jobs -------------------------------------------------------------------------------------------


def test_jobs_of_other_zones_are_left_alone(tmp_path: Path) -> None:
    perth = make(SYDNEY, id="perth", timezone="Australia/Perth")
    dispatch.dispatch_due(AT_FIVE[SYDNEY] + 3 * timedelta(hours=1) - MINUTE)
    (planned,) = perth.runs.filter(cause="schedule")
    before = ScheduledJob.objects.filter(pk="perth").values().get()

    with deployed(tmp_path, SYDNEY, EARLIER[SYDNEY]):
        dispatch.follow_zones(AT_FIVE[SYDNEY] + 3 * timedelta(hours=1) - MINUTE / 2)

    assert ScheduledJob.objects.filter(pk="perth").values().get() == before
    assert perth.runs.get(cause="schedule") == planned


def test_a_process_of_other_data_plans_nothing_by_it(tmp_path: Path) -> None:
    """Until the tick of a process that may settle has planned it anew."""
    job = make(SYDNEY)

    with deployed(tmp_path, SYDNEY, LATER[SYDNEY]), patch.object(dispatch, "follow_zones", lambda now: None):
        tick.tick(AT_FIVE[SYDNEY])

    assert job.runs.count() == 0
    tick.tick(AT_FIVE[SYDNEY] + MINUTE / 2)
    assert job.runs.get().slot == AT_FIVE[SYDNEY]


def test_a_run_that_has_started_goes_on(tmp_path: Path) -> None:
    job = make(SYDNEY)
    tick.tick(AT_FIVE[SYDNEY] - MINUTE)
    run = job.runs.get()
    Run.objects.filter(pk=run.pk).update(due_at=AT_FIVE[SYDNEY] - 2 * MINUTE)
    assert runs.claim(run.pk, 0, "message", AT_FIVE[SYDNEY] - 2 * MINUTE)

    with deployed(tmp_path, SYDNEY, LATER[SYDNEY]):
        dispatch.follow_zones(AT_FIVE[SYDNEY] - 2 * MINUTE)

    job.refresh_from_db()
    assert job.runs.get().state == "running"
    assert job.next_wall == "2026-03-12T05:00:00"


def test_a_row_from_before_the_zone_data_was_noted_is_noted(tmp_path: Path) -> None:
    job = make(SYDNEY)
    ScheduledJob.objects.filter(pk=job.pk).update(next_wall="", zone_data="")

    tick.tick(AT_FIVE[SYDNEY] - TWO_HOURS)

    job.refresh_from_db()
    assert (job.next_run_at, job.next_wall) == (AT_FIVE[SYDNEY], "2026-03-11T05:00:00")
    assert job.zone_data == zones.fingerprint(SYDNEY) != ""


def test_a_save_after_the_deploy_hides_no_time_that_has_just_passed(tmp_path: Path) -> None:
    job = make(SYDNEY)
    now = AT_FIVE[SYDNEY] - timedelta(hours=1)

    with deployed(tmp_path, SYDNEY, EARLIER[SYDNEY]):
        job.max_instances = 2
        job.save(now=now)
        live(job, now, AT_FIVE[SYDNEY] + timedelta(hours=1))

    assert started(job) == [now]


def test_a_job_whose_trigger_is_broken_keeps_no_other_from_its_turn(tmp_path: Path) -> None:
    job = make(SYDNEY)
    broken = make(SYDNEY, id="broken")
    ScheduledJob.objects.filter(pk="broken").update(trigger={"type": "lunar"})

    with deployed(tmp_path, SYDNEY, EARLIER[SYDNEY]):
        tick.tick(AT_FIVE[SYDNEY] - 2 * TWO_HOURS)
        assert ScheduledJob.objects.get(pk=job.pk).next_run_at == AT_FIVE[SYDNEY] - TWO_HOURS
        tick.tick(AT_FIVE[SYDNEY])

    broken.refresh_from_db()
    assert "'lunar' is not a type of trigger" in broken.paused_because


# --- periodiq's -------------------------------------------------------------------------------------------


def from_periodiq(at: datetime) -> Run | None:
    actor: Any = registry[NIGHTLY].actor
    return calls.start(actor.message_with_options(scheduled_at=at.isoformat()), at)


@pytest.mark.parametrize("ticked", [True, False])
def test_the_night_that_has_been_does_not_come_again_when_other_data_makes_it_later(
    tmp_path: Path, ticked: bool
) -> None:
    five = AT_FIVE[SYDNEY]
    deploy(five - DAY / 2)
    make_run(ScheduledJob.objects.get(pk=NIGHTLY), "succeeded", actor=NIGHTLY, slot=five, created_at=five, wall=WALL)
    if ticked:
        tick.tick(five + 2 * MINUTE)

    with deployed(tmp_path, SYDNEY, LATER[SYDNEY]):
        tick.tick(five + 3 * MINUTE)
        assert from_periodiq(five + TWO_HOURS) is None
        assert from_periodiq(five + TWO_HOURS + DAY)

    assert Run.objects.filter(job=NIGHTLY).count() == 2


def test_the_night_that_other_data_has_moved_into_the_past_is_made_good(tmp_path: Path) -> None:
    five = AT_FIVE[SYDNEY]
    deploy(five - DAY / 2)

    with deployed(tmp_path, SYDNEY, EARLIER[SYDNEY]):
        tick.tick(five - timedelta(hours=1))

    run = Run.objects.get(job=NIGHTLY)
    assert (run.slot, run.cause) == (five - TWO_HOURS, "catch_up")
