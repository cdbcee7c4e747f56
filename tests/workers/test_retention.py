"""What is deleted of the past, and when."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.factories import make_venue
from tests.workers.scheduled import NOW, make_job, make_run
from workers import generation, retention
from workers.models import Digest, Generation, Run, ScheduledJob, WorkerProcess

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _settings(settings: Any) -> None:
    settings.HISTORY_DAYS = 30
    settings.LOOKAHEAD_DAYS = 28


def days_ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def generated(at: datetime, days: int = 28, **fields: Any) -> Generation:
    return Generation.objects.create(at=at, moved_at=at, days=days, **{"finished_at": at, **fields})


@pytest.mark.parametrize("state", ["succeeded", "failed", "skipped", "misfired"])
def test_runs_that_finished_longer_ago_than_the_setting_are_deleted(state: str) -> None:
    job = make_job()
    make_run(job, state, finished_at=days_ago(30.01))
    kept = make_run(job, state, finished_at=days_ago(29.99), created_at=days_ago(40))

    assert retention.prune(NOW)["runs"] == 1

    assert Run.objects.get() == kept
    assert ScheduledJob.objects.filter(pk=job.pk).exists()


@pytest.mark.parametrize("state", ["queued", "running"])
def test_runs_that_have_not_finished_stay_however_old(state: str) -> None:
    make_run(None, state, created_at=days_ago(400), due_at=days_ago(400))

    assert retention.prune(NOW)["runs"] == 0


def test_old_generations_are_deleted() -> None:
    generated(days_ago(31))
    recent = [generated(days_ago(29)), generated(days_ago(1))]

    assert retention.prune(NOW)["generations"] == 1

    assert set(Generation.objects.all()) == set(recent)


def test_the_generations_whose_horizons_count_stay_however_old() -> None:
    generated(days_ago(50), slot=days_ago(50))
    night = generated(days_ago(40), slot=days_ago(40))
    at_work = generated(days_ago(36), days=60, finished_at=None)
    generated(days_ago(35), days=3, finished_at=days_ago(35))

    assert retention.prune(NOW)["generations"] == 2

    assert set(Generation.objects.all()) == {night, at_work}
    goal = generation.current(NOW)
    assert goal
    assert set(goal.generations) == {night, at_work}


def test_without_any_generation_there_is_nothing_to_keep() -> None:
    assert retention.prune(NOW) == {"runs": 0, "generations": 0, "incidents": 0, "digests": 0, "processes": 0}


def test_old_notes_of_digests_are_deleted() -> None:
    venue = make_venue()
    for day in (29, 30, 31):
        Digest.objects.create(venue=venue, date=days_ago(day).date())

    assert retention.prune(NOW)["digests"] == 1

    assert Digest.objects.earliest("date").date == datetime(2026, 2, 8, tzinfo=UTC).date()


def test_more_than_one_batch_is_deleted_a_batch_at_a_time(
    monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    monkeypatch.setattr(retention, "BATCH", 10)
    make_run(None, "succeeded", finished_at=days_ago(1))
    for _ in range(25):
        make_run(None, "succeeded", finished_at=days_ago(31))

    with django_assert_num_queries(2 * 3 + 1):
        assert retention._delete(Run.objects.filter(finished_at__lt=days_ago(30))) == 25

    assert Run.objects.count() == 1


def test_processes_that_beat_no_more_are_kept_for_a_day(db: None) -> None:
    for hours in (1, 23.9, 24.1, 100):
        at = NOW - timedelta(hours=hours)
        WorkerProcess.objects.create(host="here", started_at=at, beat_at=at)

    assert retention.prune(NOW)["processes"] == 2
