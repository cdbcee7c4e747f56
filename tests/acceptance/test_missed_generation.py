"""A scheduler that slept through 05:00 costs minutes, never a day."""

from datetime import datetime, timedelta

from events.models import GameSession
from tests.acceptance.conftest import Start
from tests.acceptance.league import create_league, expect_calendar, fill_calendar
from tests.processes import Clock
from tests.waiting import eventually
from workers.models import Generation


def test_a_scheduler_started_after_five_makes_the_horizon_whole_within_two_minutes(start: Start) -> None:
    # Given a calendar filled last night, a worker, and no scheduler at 05:00
    last_night = datetime.fromisoformat("2026-09-24T05:00:00+10:00")
    league = create_league(200)
    fill_calendar(last_night)
    missed = last_night + timedelta(days=1)
    expected = league.expected(last_night) | league.expected(missed)
    assert GameSession.objects.count() < len(expected)
    clock = Clock(missed - timedelta(seconds=40), rate=10)
    processes = start("worker", clock=clock)
    started = missed + timedelta(seconds=130)
    eventually(lambda: clock.now() >= started, within=60)
    assert not Generation.objects.filter(slot=missed).exists()

    # When it starts
    processes.start("scheduler")

    # Then the night is made up for
    eventually(lambda: GameSession.objects.count() >= len(expected), within=30)
    assert clock.now() - started < timedelta(minutes=2)
    expect_calendar(expected)
    assert Generation.objects.latest().slot == missed
