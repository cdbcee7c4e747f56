"""What happens each minute, and at 05:00."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.factories import make_game
from tests.workers.conftest import Queues
from workers import dispatch, generation
from workers.models import Clock, Generation

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 10, 2, tzinfo=UTC)  # 13:00 in Sydney
SLOT = datetime(2026, 3, 9, 18, tzinfo=UTC)  # 05:00 in Sydney


@pytest.fixture(autouse=True)
def _settings(settings: Any, queues: Queues) -> None:
    settings.LOOKAHEAD_DAYS = 28
    settings.RESEND_AFTER_SECONDS = 120


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


# --- tick -------------------------------------------------------------------------------------------------


def test_a_tick_keeps_the_heartbeat() -> None:
    dispatch.tick(NOW)
    dispatch.tick(later(60))

    clock = Clock.objects.get()
    assert (clock.last_tick, clock.busy_until) == (later(60), None)


def test_a_tick_returns_at_once_while_another_is_at_work(queues: Queues) -> None:
    Clock.objects.create(pk=1, last_tick=NOW, busy_until=later(50))

    dispatch.tick(later(49))

    assert Clock.objects.get().last_tick == NOW
    assert queues.messages("clock") == []


def test_a_tick_that_died_is_no_longer_waited_for_when_its_lease_has_run_out(queues: Queues) -> None:
    Clock.objects.create(pk=1, last_tick=NOW, busy_until=later(50))

    dispatch.tick(later(50))

    assert Clock.objects.get().last_tick == later(50)
    assert len(queues.messages("clock")) == 1


def test_a_tick_holds_the_lease_while_it_works_and_for_less_than_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def reconcile(now: datetime) -> None:
        seen.append(Clock.objects.get().busy_until)
        dispatch.tick(now + timedelta(seconds=1))  # one that comes meanwhile

    monkeypatch.setattr(generation, "reconcile", reconcile)
    dispatch.tick(NOW)

    assert len(seen) == 1
    assert NOW < seen[0] < later(60)


@pytest.mark.django_db(transaction=True)  # as in a worker, where no transaction surrounds the parts
def test_an_error_in_one_part_keeps_no_other_from_its_turn(
    monkeypatch: pytest.MonkeyPatch, queues: Queues, caplog: pytest.LogCaptureFixture
) -> None:
    def catch_up(now: datetime) -> None:
        Generation.objects.create()  # the database refuses it

    make_game()
    generation.begin(NOW, days=None, slot=SLOT)
    monkeypatch.setattr(dispatch, "catch_up", catch_up)

    for seconds in (0, 60, 120):
        dispatch.tick(later(seconds))

    assert len(queues.messages("games")) == 1
    assert "catch_up" in caplog.text
    assert Clock.objects.get().busy_until is None


def test_an_error_in_the_last_part_frees_the_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    def reconcile(now: datetime) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(generation, "reconcile", reconcile)
    dispatch.tick(NOW)

    assert Clock.objects.get().busy_until is None


# --- catch_up ---------------------------------------------------------------------------------------------


def test_a_generation_that_was_missed_is_made_up_for(queues: Queues) -> None:
    dispatch.tick(NOW)

    (message,) = queues.messages("clock")
    assert message.actor_name == "generate_upcoming_game_sessions"
    assert datetime.fromisoformat(message.options["scheduled_at"]) == SLOT
    assert (message.args, message.kwargs) == ((), {})


def test_a_generation_that_began_is_not_made_up_for(queues: Queues) -> None:
    generation.begin(SLOT, days=None, slot=SLOT)

    dispatch.tick(NOW)

    assert queues.messages("clock") == []


def test_one_asked_for_by_hand_does_not_stand_for_the_nightly_one(queues: Queues) -> None:
    generation.begin(SLOT, days=None, slot=None)

    dispatch.tick(NOW)

    assert len(queues.messages("clock")) == 1


def test_the_clock_is_given_a_minute_before_its_generation_counts_as_missed(queues: Queues) -> None:
    generation.begin(SLOT - timedelta(days=1), days=None, slot=SLOT - timedelta(days=1))

    dispatch.catch_up(SLOT - timedelta(seconds=1))
    dispatch.catch_up(SLOT + timedelta(seconds=59))
    assert queues.messages("clock") == []

    dispatch.catch_up(SLOT + timedelta(seconds=60))
    assert len(queues.messages("clock")) == 1


def test_of_several_missed_generations_the_latest_is_made_up_for(queues: Queues) -> None:
    generation.begin(SLOT - timedelta(days=5), days=None, slot=SLOT - timedelta(days=5))

    dispatch.catch_up(NOW)

    (message,) = queues.messages("clock")
    assert datetime.fromisoformat(message.options["scheduled_at"]) == SLOT


# --- generate ---------------------------------------------------------------------------------------------


def test_the_slot_is_the_minute_in_which_the_clock_sent_the_message(queues: Queues) -> None:
    game = make_game()
    sent_at = SLOT + timedelta(seconds=40, microseconds=5)

    dispatch.generate(sent_at, days=None, scheduled_at=sent_at)

    assert Generation.objects.get().slot == SLOT
    assert queues.windows().keys() == {game.pk}


@pytest.mark.parametrize("minutes", [-1, 1, 60, -60])
def test_a_minute_that_is_none_of_the_clocks_is_refused(
    queues: Queues, caplog: pytest.LogCaptureFixture, minutes: int
) -> None:
    make_game()

    with caplog.at_level(logging.WARNING, logger="workers.dispatch"):
        dispatch.generate(NOW, days=None, scheduled_at=SLOT + timedelta(minutes=minutes))

    assert not Generation.objects.exists()
    assert queues.windows() == {}
    assert "no time of the nightly generation" in caplog.text


def test_twice_the_same_slot_is_one_generation(queues: Queues) -> None:
    game = make_game()

    for seconds in (1, 40):
        dispatch.generate(NOW, days=None, scheduled_at=SLOT + timedelta(seconds=seconds))

    assert Generation.objects.count() == 1
    assert queues.windows().keys() == {game.pk}


def test_by_hand_there_is_no_slot_and_no_limit(queues: Queues) -> None:
    make_game()

    for _ in range(2):
        dispatch.generate(NOW, days=60, scheduled_at=None)

    assert list(Generation.objects.values_list("slot", "days")) == [(None, 60)] * 2
    assert len(queues.messages("games")) == 2


# --- last_slot --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "slot"),
    [
        # Clocks go back on 5 April 2026 at 03:00: 05:00 is 18:00 UTC the day before, then 19:00.
        ("2026-04-04T18:59:59", "2026-04-03T18:00"),
        ("2026-04-04T19:00:00", "2026-04-04T19:00"),
        ("2026-04-05T18:59:59", "2026-04-04T19:00"),
        ("2026-04-05T19:00:00", "2026-04-05T19:00"),
        # They go forward on 4 October 2026 at 02:00: 05:00 is 19:00 UTC the day before, then 18:00.
        ("2026-10-03T17:59:59", "2026-10-02T19:00"),
        ("2026-10-03T18:00:00", "2026-10-03T18:00"),
        ("2026-10-04T17:59:59", "2026-10-03T18:00"),
        ("2026-10-04T18:00:00", "2026-10-04T18:00"),
    ],
)
def test_the_nightly_generation_is_due_at_five_in_sydney_on_either_side_of_a_clock_change(now: str, slot: str) -> None:
    assert dispatch.last_slot(datetime.fromisoformat(now + "Z")) == datetime.fromisoformat(slot + "Z")


@pytest.mark.parametrize("month", [4, 10])
def test_around_a_clock_change_each_day_has_one_slot(month: int) -> None:
    start = datetime(2026, month, 1, tzinfo=UTC)
    slots = {dispatch.last_slot(start + timedelta(minutes=n)) for n in range(7 * 24 * 60)}

    assert len(slots) == 8  # the one before, and seven
    assert {slot.hour for slot in slots} == {5}
