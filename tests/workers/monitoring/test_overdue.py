"""When the clock or its nightly generation is overdue, and why."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.factories import make_game
from tests.workers.monitoring.clock import NOW, SLOT, generated, ticked
from workers import tick
from workers.models import Clock, Generation, Run, ScheduledJob
from workers.monitoring.health import scheduler_status


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
    ticked(tomorrow - timedelta(hours=24))
    ScheduledJob.objects.update(enabled=False)

    assert scheduler_status(tomorrow - timedelta(hours=24))["status"] == "starting"
    Clock.objects.update(last_tick=tomorrow)
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


def test_the_answer_costs_the_same_however_many_games_there_are(db: None, django_assert_num_queries: Any) -> None:
    ticked()
    generated()
    make_game()

    with django_assert_num_queries(5):
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
