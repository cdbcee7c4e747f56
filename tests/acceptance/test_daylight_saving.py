"""05:00 in Sydney comes once a day, on the days its clocks change too."""

from datetime import datetime, timedelta

import pendulum
import pytest

from events.models import GameSession
from tests.acceptance.conftest import Start
from tests.acceptance.league import create_league, expect_calendar, note_generation
from tests.processes import Clock
from tests.waiting import eventually
from workers import actors
from workers.models import Generation

#: The day, the instant of its 05:00, and that of the day before.
CHANGES = [
    pytest.param("2026-10-04", "2026-10-03T18:00:00Z", "2026-10-02T19:00:00Z", id="the-clocks-go-forward"),
    pytest.param("2026-04-05", "2026-04-04T19:00:00Z", "2026-04-03T18:00:00Z", id="the-clocks-go-back"),
]


@pytest.mark.parametrize(("day", "five", "before"), CHANGES)
def test_five_o_clock_fires_once_on_a_day_when_the_clocks_change(
    start: Start, day: str, five: str, before: str
) -> None:
    # Given a calendar filled the night before
    slot = datetime.fromisoformat(five)
    league = create_league(60)
    note_generation(datetime.fromisoformat(before))
    expected = league.expected(slot)

    # When it gets 05:00, and 05:01
    clock = Clock(slot - timedelta(seconds=60), rate=10)
    start("worker", "scheduler", clock=clock)
    eventually(lambda: GameSession.objects.count() >= len(expected), within=30)
    eventually(lambda: clock.now() > slot + timedelta(seconds=70), within=15)

    # Then there was one generation, on time
    made = Generation.objects.exclude(at__lt=slot).get()
    assert made.slot == slot
    assert made.at - slot < timedelta(seconds=45)
    expect_calendar(expected)


@pytest.mark.parametrize(("day", "five", "before"), CHANGES)
def test_periodiq_walking_through_the_whole_day_names_five_o_clock_once(day: str, five: str, before: str) -> None:
    """By itself the 05:00 job would be missed when the clocks go forward (periodiq 0.14): the tick keeps it right."""
    specs = {
        actor: actor.options["periodic"] for actor in (actors.dispatch_due_jobs, actors.generate_upcoming_game_sessions)
    }
    now = pendulum.from_format(day, "YYYY-MM-DD", tz="Australia/Sydney")
    end = now.add(days=1)
    fired = []
    while now < end:
        now = min(spec.next_valid_date(now) for spec in specs.values())
        fired += [now.timestamp()] if specs[actors.generate_upcoming_game_sessions].validate(now) else []

    assert fired == [datetime.fromisoformat(five).timestamp()]
