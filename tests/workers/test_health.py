"""Health, as a platform's probes see it: over plain HTTP, without a login."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from tests.deploy import deploy
from tests.factories import make_game
from workers import tick
from workers.health import scheduler_status
from workers.models import Clock, Generation, Run, ScheduledJob

NOW = datetime(2026, 3, 10, 2, tzinfo=UTC)  # 13:00 in Sydney
SLOT = datetime(2026, 3, 9, 18, tzinfo=UTC)  # 05:00 in Sydney


@pytest.fixture
def no_redis(settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1"


@pytest.fixture
def no_database(transactional_db: None) -> Iterator[None]:
    connection.close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(connection.settings_dict, "HOST", "127.0.0.1")
        patch.setitem(connection.settings_dict, "PORT", "1")
        yield
        connection.close()


def ticked(now: datetime = NOW) -> None:
    Clock.objects.create(pk=1, last_tick=now)


def generated(at: datetime = SLOT) -> None:
    Generation.objects.create(at=at, slot=at, days=28, moved_at=at)
    deploy(at)


# --- Alive and ready --------------------------------------------------------------------------------------


def test_alive_asks_nobody(client: Client, no_redis: None, django_assert_num_queries: Any, db: None) -> None:
    with django_assert_num_queries(0):
        response = client.get("/healthz")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_ready_when_both_services_answer(client: Client, db: None) -> None:
    response = client.get("/readyz")

    assert (response.status_code, response.json()) == (200, {"database": True, "redis": True})


def test_not_ready_without_redis(client: Client, db: None, no_redis: None) -> None:
    response = client.get("/readyz")

    assert (response.status_code, response.json()) == (503, {"database": True, "redis": False})


def test_not_ready_without_the_database(client: Client, no_database: None) -> None:
    response = client.get("/readyz")

    assert (response.status_code, response.json()) == (503, {"database": False, "redis": True})


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/healthz/scheduler"])
def test_no_answer_is_kept_by_a_cache(client: Client, db: None, path: str) -> None:
    assert "no-store" in client.get(path).headers["Cache-Control"]


# --- The clock --------------------------------------------------------------------------------------------


def test_the_clock_starts_with_nothing_to_show(client: Client, db: None, settings: Any) -> None:
    settings.TICK_OVERDUE_SECONDS = 3600  # the tables were made when these tests began
    response = client.get("/healthz/scheduler")

    assert response.status_code == 200
    assert response.json() == {"status": "starting", "last_tick": None, "last_generation": None, "reasons": []}


@pytest.mark.parametrize("what", [ticked, generated])
def test_the_clock_is_still_starting_with_only_a_tick_or_only_a_generation(db: None, what: Any) -> None:
    what()

    assert scheduler_status(NOW)["status"] == "starting"


def test_the_clock_is_fine_when_it_ticks_and_the_calendar_was_filled(db: None) -> None:
    ticked()
    generated()

    assert scheduler_status(NOW) == {"status": "ok", "last_tick": NOW, "last_generation": SLOT, "reasons": []}


def test_the_clock_is_overdue_when_it_has_not_ticked_for_a_while(db: None, settings: Any) -> None:
    settings.TICK_OVERDUE_SECONDS = 150
    ticked()
    generated()

    assert scheduler_status(NOW + timedelta(seconds=150))["status"] == "ok"
    status = scheduler_status(NOW + timedelta(seconds=151))
    assert (status["status"], status["reasons"]) == ("overdue", ["no tick for 151 s"])


def test_the_clock_is_overdue_when_last_nights_generation_did_not_begin(db: None, settings: Any) -> None:
    settings.TICK_OVERDUE_SECONDS = 150
    generated(SLOT - timedelta(days=1))
    Clock.objects.create(pk=1, last_tick=SLOT + timedelta(seconds=120))

    assert scheduler_status(SLOT + timedelta(seconds=149))["status"] == "ok"
    status = scheduler_status(SLOT + timedelta(seconds=151))
    assert status["status"] == "overdue"
    assert status["reasons"] == ["the generation of 2026-03-09 18:00 UTC has not begun"]


@pytest.mark.parametrize("pause", [{"enabled": False}, {"paused_until": NOW + timedelta(days=30)}])
def test_a_paused_generation_is_overdue_when_a_night_went_by_and_nobody_filled_the_calendar(
    db: None, pause: Any
) -> None:
    night = SLOT + timedelta(hours=25)  # from one 05:00 to the next, when the clocks go back
    generated()
    Clock.objects.create(pk=1, last_tick=night)
    ScheduledJob.objects.update(**pause)

    assert scheduler_status(night)["status"] == "ok"
    status = scheduler_status(night + timedelta(seconds=1))
    assert (status["status"], status["reasons"]) == ("overdue", ["the nightly generation is paused"])

    Generation.objects.create(at=night, days=28, moved_at=night)
    assert scheduler_status(night + timedelta(seconds=1))["status"] == "ok"


def test_a_generation_paused_before_the_first_one_is_overdue_a_night_after_the_deploy(db: None) -> None:
    tomorrow = timezone.now() + timedelta(hours=26)
    ticked(tomorrow)
    ScheduledJob.objects.update(enabled=False)

    assert scheduler_status(tomorrow - timedelta(hours=24))["status"] == "starting"
    assert scheduler_status(tomorrow)["reasons"] == ["the nightly generation is paused"]


def test_both_reasons_are_given(db: None) -> None:
    ticked(NOW - timedelta(days=3))
    generated(SLOT - timedelta(days=3))

    assert len(scheduler_status(NOW)["reasons"]) == 2


def test_a_generation_made_up_for_later_counts(db: None) -> None:
    generated(SLOT - timedelta(days=1))
    assert scheduler_status(NOW)["status"] == "overdue"

    tick.tick(NOW)

    assert scheduler_status(NOW)["status"] == "ok"


def test_an_overdue_clock_answers_503(client: Client, db: None) -> None:
    ticked(NOW - timedelta(days=10_000))
    generated(SLOT - timedelta(days=10_000))

    response = client.get("/healthz/scheduler")

    assert response.status_code == 503
    assert response.json()["status"] == "overdue"
    assert response.json()["last_tick"] == (NOW - timedelta(days=10_000)).isoformat().replace("+00:00", "Z")


def test_without_the_database_the_clock_counts_as_overdue(client: Client, no_database: None) -> None:
    response = client.get("/healthz/scheduler")

    assert (response.status_code, response.json()["reasons"]) == (503, ["no database"])


def test_the_answer_costs_the_same_however_many_games_there_are(db: None, django_assert_num_queries: Any) -> None:
    ticked()
    generated()
    make_game()

    with django_assert_num_queries(4):
        scheduler_status(NOW)


def test_a_clock_that_never_ticked_since_the_deploy_is_overdue(db: None) -> None:
    status = scheduler_status(timezone.now() + timedelta(hours=2))

    assert status["status"] == "overdue"
    assert "no tick since the deploy" in status["reasons"][0]


@pytest.mark.parametrize(
    ("state", "age", "since", "expected"),
    [
        ("queued", 60, None, "ok"),
        ("queued", 600, None, "overdue"),
        ("running", 600, None, "overdue"),
        ("succeeded", 600, None, "ok"),
        ("failed", 600, None, "overdue"),
        ("failed", 600, 300, "ok"),  # one asked for by hand since has filled the calendar
    ],
)
def test_a_generation_that_failed_or_does_not_end_is_overdue(
    db: None, state: str, age: int, since: int | None, expected: str
) -> None:
    ticked()
    generated(SLOT)
    began = NOW - timedelta(seconds=age)
    over = state in ("succeeded", "failed")
    Run.objects.create(
        job_id="generate_upcoming_game_sessions",
        actor="generate_upcoming_game_sessions",
        slot=SLOT,
        state=state,
        attempts=1,
        created_at=began,
        due_at=began,
        started_at=began,
        finished_at=began if over else None,
    )
    if since is not None:
        at = NOW - timedelta(seconds=since)
        Generation.objects.create(at=at, days=28, moved_at=at)

    assert scheduler_status(NOW)["status"] == expected
