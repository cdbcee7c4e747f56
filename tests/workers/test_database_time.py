"""The clock that all processes agree on."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.utils import timezone

from tests.processes import Clock, environment
from workers.database_time import database_now, read_clocks

pytestmark = pytest.mark.django_db

ASK = """
import django; django.setup()
from django.utils import timezone
from workers.database_time import database_now, read_clocks
print(timezone.now().isoformat(), database_now().isoformat(), read_clocks().ahead.total_seconds())
"""


def test_it_is_aware_in_utc_and_goes_on_inside_a_transaction() -> None:
    first, second = database_now(), database_now()

    assert first.utcoffset() == timedelta(0)
    assert first < second < first + timedelta(seconds=5)


@pytest.mark.parametrize("hours", [10, -1])
def test_it_does_not_follow_the_clock_of_the_process_which_knows_how_far_off_it_is(hours: int) -> None:
    true = timezone.now()
    with time_machine.travel(true + timedelta(hours=hours)):
        now, reading = database_now(), read_clocks()

    assert abs(now - true) < timedelta(seconds=5)
    assert abs(reading.now - true) < timedelta(seconds=5)
    assert abs(reading.ahead - timedelta(hours=hours)) < timedelta(seconds=5)


def test_the_time_that_an_answer_takes_is_no_difference() -> None:
    assert read_clocks().ahead == timedelta(0)


def asked(clock: Clock, **variables: str) -> tuple[datetime, datetime, float]:
    """What a process on the test's clock says of its own time, the database's and the difference."""
    env = environment(clock, settings.REDIS_URL, DJANGO_SETTINGS_MODULE="server.settings", **variables)
    said: Any = subprocess.run([sys.executable, "-c", ASK], env=env, capture_output=True, text=True, check=True)
    own, database, ahead = said.stdout.split()
    return datetime.fromisoformat(own), datetime.fromisoformat(database), float(ahead)


def test_for_processes_on_a_clock_for_tests_the_database_keeps_its_time() -> None:
    clock = Clock(datetime(2026, 3, 10, 2, tzinfo=UTC), rate=10)

    own, database, ahead = asked(clock)

    assert clock.starts_at < own <= database < clock.now()
    assert ahead == 0


def test_such_a_process_can_be_wrong_by_itself(tmp_path: Path) -> None:
    (tmp_path / "ahead").write_text("36000")

    _, _, ahead = asked(Clock(datetime(2026, 3, 10, 2, tzinfo=UTC)), CLOCK_AHEAD=str(tmp_path / "ahead"))

    assert ahead == pytest.approx(36_000, abs=1)
