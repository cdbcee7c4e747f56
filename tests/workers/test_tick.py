"""The tick of each minute: its heartbeat, its turn, and what an error in one of its parts may not do."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from redis.exceptions import ConnectionError as RedisConnectionError

from tests.deploy import deploy
from tests.factories import make_game
from tests.workers.conftest import Queues
from tests.workers.scheduled import (
    NOW,
    SLOT,
    break_the_connection,
    due_job,
    fields,
    later,
    make_run,
    nightly,
    slots,
)
from workers import dispatch, generation, runs, tick
from workers.broker import broker
from workers.models import Clock, Generation, Run

pytestmark = pytest.mark.django_db


#: Parts of a tick, and the rooms that it finds them in.
PARTS = [(dispatch, "dispatch_due"), (dispatch, "dispatch_missed"), (runs, "resend")]


@pytest.fixture(autouse=True)
def _settings(settings: Any, queues: Queues) -> None:
    settings.LOOKAHEAD_DAYS = 28
    settings.RESEND_AFTER_SECONDS = 120


def test_a_tick_keeps_the_heartbeat() -> None:
    tick.tick(NOW)
    tick.tick(later(60))

    clock = Clock.objects.get()
    assert (clock.last_tick, clock.busy_until) == (later(60), None)


def test_a_tick_returns_at_once_while_another_is_at_work() -> None:
    deploy(SLOT - timedelta(hours=1))
    Clock.objects.create(pk=1, last_tick=NOW, busy_until=later(50))

    tick.tick(later(49))

    assert Clock.objects.get().last_tick == NOW
    assert not Run.objects.exists()


def test_a_tick_that_died_is_no_longer_waited_for_when_its_lease_has_run_out() -> None:
    deploy(SLOT - timedelta(hours=1))
    Clock.objects.create(pk=1, last_tick=NOW, busy_until=later(50))

    tick.tick(later(50))

    assert Clock.objects.get().last_tick == later(50)
    assert Run.objects.filter(slot=SLOT).exists()


def test_a_tick_holds_the_lease_while_it_works_and_for_less_than_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def reconcile(now: datetime) -> None:
        seen.append(Clock.objects.get().busy_until)
        tick.tick(now + timedelta(seconds=1))  # one that comes meanwhile

    monkeypatch.setattr(generation, "reconcile", reconcile)
    tick.tick(NOW)

    assert len(seen) == 1
    assert NOW < seen[0] < later(60)


@pytest.mark.django_db(transaction=True)  # as in a worker, where no transaction surrounds the parts
@pytest.mark.parametrize(("room", "part"), PARTS)
def test_an_error_in_one_part_keeps_no_other_from_its_turn(
    monkeypatch: pytest.MonkeyPatch, queues: Queues, caplog: pytest.LogCaptureFixture, room: Any, part: str
) -> None:
    def fails(now: datetime) -> None:
        Generation.objects.create()  # the database refuses it

    fails.__name__ = part
    deploy(NOW)
    make_game()
    generation.begin(NOW, days=None, slot=SLOT)
    monkeypatch.setattr(room, part, fails)

    for seconds in (0, 60, 120):
        tick.tick(later(seconds))

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
        tick.tick(later(seconds))

    assert len(queues.messages("games")) == 1
    assert Clock.objects.get().busy_until is None


@pytest.mark.django_db(transaction=True)
def test_an_error_in_the_last_part_frees_the_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    def reconcile(now: datetime) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(generation, "reconcile", reconcile)
    tick.tick(NOW)

    assert Clock.objects.get().busy_until is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("room", "part"), PARTS)
def test_a_part_that_throws_keeps_no_other_from_its_turn(
    room: Any, part: str, queues: Queues, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def throws(now: datetime) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0")

    throws.__name__ = part
    due, missed, dead = due_job(), nightly(), make_run(state="running", heartbeat_at=later(-100))
    unsent = make_run(enqueued_at=None)
    monkeypatch.setattr(room, part, throws)

    tick.tick(NOW)

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
        tick.tick(NOW)
    assert set(job.runs.values_list("state", "enqueued_at")) == {("queued", None)}

    tick.tick(later(60))
    assert not job.runs.filter(enqueued_at=None).exists()


def test_a_tick_that_took_too_long_does_not_end_the_turn_of_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(now: datetime) -> None:
        assert tick._take_turn(now + tick.LEASE)

    monkeypatch.setattr(generation, "reconcile", slow)
    tick.tick(NOW)

    assert Clock.objects.get().busy_until == NOW + 2 * tick.LEASE
