"""Whose clock differs from the database's, and by how much."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.utils import timezone

from tests.deploy import deploy
from tests.workers.monitoring.clock import generated, ticked
from tests.workers.monitoring.incidents import told
from tests.workers.scheduled import NOW, later
from workers import tick
from workers.models import Clock, Incident, WorkerProcess
from workers.monitoring import alarms
from workers.monitoring.health import scheduler_status

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("on_call")]


@pytest.fixture(autouse=True)
def _settings(settings: Any) -> None:
    settings.RUN_HEARTBEAT_SECONDS = 8
    deploy(NOW)


def process(host: str, ahead: float, beat_at: Any = NOW) -> None:
    WorkerProcess.objects.create(host=host, started_at=NOW, beat_at=beat_at, ahead=timedelta(seconds=ahead))


def test_a_worker_whose_clock_is_more_than_five_seconds_off_is_told_once_by_its_host_until_it_is_right() -> None:
    for _ in range(2):
        process("web-1", 36_000)
    process("web-2", -5)

    tick.tick(NOW)
    tick.tick(later(10))

    assert told() == ["The clock of the worker on web-1 is 36000 s ahead of the database's."]
    WorkerProcess.objects.update(ahead=timedelta(seconds=1))
    tick.tick(later(20))
    assert Incident.objects.get().closed_at == later(20)


def test_where_no_worker_may_tick_their_watch_tells(settings: Any) -> None:
    process("web-1", -25)

    alarms.tell_clock_troubles(NOW)

    assert told() == ["The clock of the worker on web-1 is 25 s behind the database's."]


def test_a_process_that_is_gone_has_no_clock() -> None:
    process("web-1", 36_000, beat_at=later(-25))

    tick.tick(NOW)

    assert told() == []


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (36_000, ["The clock of the scheduler is 36000 s ahead of the database's."]),
        (6, ["The clock of the scheduler is 6 s ahead of the database's."]),
        (5, []),
        (-5, []),
        (
            -3_600,
            ["The clock of the scheduler is 3600 s behind the database's, or its messages wait so long for a worker."],
        ),
    ],
)
def test_the_schedulers_clock_is_judged_by_what_it_sends(seconds: int, said: list[str]) -> None:
    for minute in range(3):
        tick.tick(later(60 * minute), later(60 * minute + seconds))

    assert told() == said
    for minute in range(3, 5):
        tick.tick(later(60 * minute), later(60 * minute))
    assert not Incident.objects.filter(closed_at=None).exists()


def test_one_message_that_comes_late_says_nothing_of_the_schedulers_clock() -> None:
    tick.tick(NOW, later(-600))
    tick.tick(later(30), later(30))

    assert told() == []


def test_a_last_tick_of_tomorrow_is_no_sign_that_the_clock_ticks() -> None:
    ticked(later(86_400))
    generated()

    status = scheduler_status(NOW)

    assert status["status"] == "overdue"
    assert status["reasons"] == ["no tick now: the last one believed a time 86400 s ahead"]
    alarms.tell_clock_troubles(NOW)
    assert [message.subject for message in mail.outbox] == [
        "[poker] The clock has stopped: no tick now: the last one believed a time 86400 s ahead."
    ]


def test_health_says_whose_clock_is_wrong() -> None:
    ticked()
    generated()
    process("web-1", 36_000)
    Clock.objects.update(scheduler_ahead=timedelta(hours=10))

    assert scheduler_status(NOW, timedelta(seconds=7))["reasons"] == [
        "the clock of the worker on web-1 is 36000 s ahead of the database's",
        "the clock of the scheduler is 36000 s ahead of the database's",
        "the clock of this web process is 7 s ahead of the database's",
    ]


@pytest.mark.parametrize("hours", [10, -1])
def test_the_web_process_compares_its_own_clock(client: Client, hours: int) -> None:
    now = timezone.now()
    Clock.objects.create(pk=1, last_tick=now)
    with time_machine.travel(now + timedelta(hours=hours)):
        response = client.get("/healthz/scheduler")

    assert response.status_code == 503
    (reason,) = [each for each in response.json()["reasons"] if "web" in each]
    assert reason.startswith("the clock of this web process is ")
    assert not [each for each in response.json()["reasons"] if "tick" in each]
