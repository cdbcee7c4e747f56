"""The tick of each minute: its heartbeat, its turn, and what an error in one of its parts may not do."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.deploy import deploy
from tests.factories import make_game
from tests.workers.conftest import Queues
from tests.workers.scheduled import break_the_connection
from workers import dispatch, generation
from workers.models import Clock, Generation, Run

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 10, 2, tzinfo=UTC)  # 13:00 in Sydney
SLOT = datetime(2026, 3, 9, 18, tzinfo=UTC)  # 05:00 in Sydney


@pytest.fixture(autouse=True)
def _settings(settings: Any, queues: Queues) -> None:
    settings.LOOKAHEAD_DAYS = 28
    settings.RESEND_AFTER_SECONDS = 120


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_a_tick_keeps_the_heartbeat() -> None:
    dispatch.tick(NOW)
    dispatch.tick(later(60))

    clock = Clock.objects.get()
    assert (clock.last_tick, clock.busy_until) == (later(60), None)


def test_a_tick_returns_at_once_while_another_is_at_work() -> None:
    deploy(SLOT - timedelta(hours=1))
    Clock.objects.create(pk=1, last_tick=NOW, busy_until=later(50))

    dispatch.tick(later(49))

    assert Clock.objects.get().last_tick == NOW
    assert not Run.objects.exists()


def test_a_tick_that_died_is_no_longer_waited_for_when_its_lease_has_run_out() -> None:
    deploy(SLOT - timedelta(hours=1))
    Clock.objects.create(pk=1, last_tick=NOW, busy_until=later(50))

    dispatch.tick(later(50))

    assert Clock.objects.get().last_tick == later(50)
    assert Run.objects.filter(slot=SLOT).exists()


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
@pytest.mark.parametrize("part", ["dispatch_due", "dispatch_missed", "resend"])
def test_an_error_in_one_part_keeps_no_other_from_its_turn(
    monkeypatch: pytest.MonkeyPatch, queues: Queues, caplog: pytest.LogCaptureFixture, part: str
) -> None:
    def fails(now: datetime) -> None:
        Generation.objects.create()  # the database refuses it

    fails.__name__ = part
    deploy(NOW)
    make_game()
    generation.begin(NOW, days=None, slot=SLOT)
    monkeypatch.setattr(dispatch, part, fails)

    for seconds in (0, 60, 120):
        dispatch.tick(later(seconds))

    assert len(queues.messages("games")) == 1
    assert part in caplog.text
    assert Clock.objects.get().busy_until is None


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_breaks_in_one_part_is_another_in_the_next(
    monkeypatch: pytest.MonkeyPatch, queues: Queues
) -> None:
    def revive(now: datetime) -> None:
        break_the_connection()
        Run.objects.exists()

    deploy(NOW)
    make_game()
    generation.begin(NOW, days=None, slot=SLOT)
    monkeypatch.setattr(dispatch, "revive", revive)

    for seconds in (0, 60, 120):
        dispatch.tick(later(seconds))

    assert len(queues.messages("games")) == 1
    assert Clock.objects.get().busy_until is None


@pytest.mark.django_db(transaction=True)
def test_an_error_in_the_last_part_frees_the_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    def reconcile(now: datetime) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(generation, "reconcile", reconcile)
    dispatch.tick(NOW)

    assert Clock.objects.get().busy_until is None
