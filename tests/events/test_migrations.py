"""Migrations that derive what an older release did not store."""

from datetime import time
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps

from events.models import GameSession
from tests.events.league import rows
from tests.factories import make_game, make_venue
from tests.nights import make_session
from tests.zone_data import lie_about

pytestmark = pytest.mark.django_db

moved_nights: Any = import_module("events.migrations.0008_moved_nights_keep_their_hour")


@pytest.fixture(autouse=True)
def _fresh() -> None:
    moved_nights.host_zone.cache_clear()


def test_a_night_moved_by_hand_gets_the_hour_that_its_own_zone_showed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moved_nights, "BATCH", 2)
    game = make_game(make_venue("Australia/Perth"))  # corrected since
    moved = [make_session(game, f"2030-03-{n} 17:00", edited=True, timezone="Australia/Sydney") for n in range(10, 15)]
    untouched = make_session(game, "2030-03-20 19:00")
    nowhere = make_session(game, "2030-03-21 19:00", edited=True, timezone="Nowhere/Land")

    moved_nights.derive(apps, None)

    noted = GameSession.objects.order_by("slot_date").values_list("pk", "moved_date", "moved_time")
    assert list(noted) == [
        *((night.pk, night.slot_date, time(20)) for night in moved),
        (untouched.pk, None, None),
        (nowhere.pk, None, None),
    ]


def test_a_night_that_the_hosts_zone_data_has_at_another_hour_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lie_about(tmp_path, "America/Vancouver")
    monkeypatch.setattr(moved_nights, "HOST", tmp_path)
    vancouver, sydney = make_game(make_venue("America/Vancouver")), make_game()
    night = make_session(vancouver, "2030-07-05 19:00", edited=True)
    make_session(vancouver, "2020-07-05 19:00", edited=True)  # is over
    make_session(sydney, "2030-07-05 19:00", edited=True)  # the host knows nothing of it

    moved_nights.derive(apps, None)

    (told,) = caplog.messages
    assert f"Session {night.pk} of game {vancouver.pk}" in told
    assert "that is 2030-07-05 19:00:00 in America/Vancouver, and 2030-07-05 18:00:00 by this host's" in told


def test_a_second_time_it_writes_nothing() -> None:
    make_session(make_game(), "2030-07-05 19:00", edited=True)
    moved_nights.derive(apps, None)
    before = rows(GameSession)

    moved_nights.derive(apps, None)

    assert rows(GameSession) == before
