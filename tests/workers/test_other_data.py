"""A deploy brings other data on a zone: its games are settled anew, within minutes, and no others are touched."""

import os
import subprocess
import sys
import zoneinfo
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management import call_command
from django.db.models import Q

from events import sessions, zones
from events.models import DataVersion, Game, GameSession, Venue
from events.public_holidays import HOLIDAYS
from events.sessions.filling import _settle_outdated
from events.sessions.settling import plans_to_settle
from events.zones import ZONE_FILES, fingerprint, pin
from tests.factories import make_game, make_venue
from tests.workers.conftest import Queues
from tests.zone_data import exchange
from workers import generation
from workers.models import Generation

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)  # 20:00 in Sydney, where clocks go back on 5 April
TODAY, HORIZON = date(2026, 3, 10), date(2026, 4, 7)

Deploy = Callable[[], None]


def forget() -> None:
    """As a process that has just started."""
    ZoneInfo.clear_cache()
    zones.fingerprints.cache_clear()
    zones.todays.cache_clear()


@pytest.fixture
def deploy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deploy]:
    """From now on Sydney is on Brisbane's time, and New York on Panama's: neither changes its clocks."""

    def deploy() -> None:
        files = exchange(tmp_path, Australia__Sydney="Australia/Brisbane", America__New_York="America/Panama")
        monkeypatch.setattr(zones, "ZONE_FILES", files)
        zoneinfo.reset_tzpath(to=[files])
        forget()

    yield deploy
    monkeypatch.undo()
    pin()
    forget()


@pytest.fixture(autouse=True)
def generated(settings: Any, queues: Queues) -> Generation:
    settings.LOOKAHEAD_DAYS = 28
    begun = generation.begin(NOW, days=None, slot=NOW)
    Generation.objects.update(sent=0)
    return begun


def full(zone: str = "Australia/Sydney", **fields: Any) -> Game:
    """A game at 19:00 whose calendar was filled two hours ago."""
    game = make_game(make_venue(zone, **fields.pop("venue", {})), **fields)
    sessions.settle(Q(pk=game.pk), now=NOW - timedelta(hours=2))
    return game


def hours(game: Game) -> set[time]:
    """What the venue's clock shows at the starts of the nights that have not begun."""
    starts = game.sessions.filter(starts_at__gt=NOW).values_list("starts_at", flat=True)
    return {start.astimezone(game.venue.zone).time() for start in starts}


def rows(game: Game) -> list[Any]:
    return [Game.objects.values().get(pk=game.pk), *game.sessions.order_by("pk").values()]


def work_off(queues: Queues, *, apart: bool = True) -> None:
    for message in queues.messages("games"):
        game_id, *window = message.args
        days = [date.fromisoformat(day) for day in window]
        generation.create_sessions(game_id, *days, now=NOW, last_try=True, apart=apart)
    queues.clear()


def lagging() -> set[int]:
    return set(generation.lagging(Generation.objects.latest(), NOW).values_list("pk", flat=True))


@pytest.mark.parametrize("zone", ["Australia/Sydney", "America/New_York"])
def test_the_tick_settles_the_games_of_the_zone_and_no_others(zone: str, deploy: Deploy, queues: Queues) -> None:
    game, other = full(zone), full("Europe/London")
    once = full(zone, recurrence="once", start_date=date(2026, 3, 20))
    far = full(zone, recurrence="once", start_date=date(2026, 8, 20))
    untouched, before = rows(other), {row["id"]: row for row in game.sessions.values()}
    assert lagging() == set()

    deploy()
    assert hours(game) != {time(19)}
    generation.reconcile(NOW)

    assert queues.windows().keys() == {game.pk, once.pk, far.pk}
    work_off(queues)
    assert hours(game) == hours(once) == hours(far) == {time(19)}
    assert rows(other) == untouched
    assert lagging() == set()
    for row in game.sessions.values():
        moved = row["starts_at"] != before[row["id"]]["starts_at"]
        assert row["sequence"] == before[row["id"]]["sequence"] + moved
        assert moved or row == before[row["id"]]  # what is right already is not written
    slots = sessions.preview(game, 28, now=NOW)
    assert {slot.starts_at for slot in slots if slot.starts_at and slot.starts_at > NOW} == set(
        game.sessions.filter(starts_at__gt=NOW).values_list("starts_at", flat=True)
    )
    generation.reconcile(NOW + timedelta(minutes=1))
    assert queues.messages("games") == []


def test_nights_that_have_begun_or_are_over_stay(deploy: Deploy, queues: Queues) -> None:
    game = full(start_date=date(2026, 3, 10))
    over = GameSession.objects.create(
        game=game,
        slot_date=date(2026, 3, 9),
        starts_at=NOW - timedelta(days=1, hours=1),
        ends_at=NOW - timedelta(hours=21),
        timezone="Australia/Sydney",
    )
    before = [GameSession.objects.values().get(pk=pk) for pk in (over.pk, game.sessions.get(slot_date=TODAY).pk)]

    deploy()
    generation.reconcile(NOW)
    work_off(queues)

    assert [GameSession.objects.values().get(pk=row["id"]) for row in before] == before
    assert hours(game) == {time(19)}


def test_the_nightly_generation_settles_them_too(deploy: Deploy, queues: Queues) -> None:
    game, other = full(), full("Europe/London")
    deploy()
    tomorrow = NOW + timedelta(days=1)

    generation.fan_out(generation.begin(tomorrow, days=None, slot=tomorrow), now=tomorrow)

    assert queues.windows()[game.pk] == ("2026-03-11", "2026-04-08")
    assert queues.windows()[other.pk] == ("2026-04-08", "2026-04-08")
    work_off(queues)
    assert hours(game) == {time(19)}
    assert game.sessions.filter(slot_date="2026-04-08").exists()


def test_a_night_moved_by_hand_keeps_its_hour(deploy: Deploy, queues: Queues) -> None:
    game = full()
    moved = game.sessions.get(slot_date="2026-03-12")
    sessions.move(moved.pk, datetime(2026, 3, 12, 20, tzinfo=game.venue.zone), now=NOW)

    deploy()
    generation.reconcile(NOW)
    work_off(queues)

    moved.refresh_from_db()
    assert moved.starts_at.astimezone(game.venue.zone).time() == time(20)


@pytest.mark.parametrize("fields", [{"status": "paused"}, {"venue": {"active": False}}], ids=str)
def test_nights_of_games_that_are_not_kept_full_follow_and_none_is_added(
    fields: dict[str, Any], deploy: Deploy, queues: Queues
) -> None:
    game = full()
    Game.objects.filter(pk=game.pk).update(status=fields.get("status", "active"))
    Venue.objects.filter(pk=game.venue_id).update(**fields.get("venue", {}))
    game.sessions.filter(slot_date="2026-03-14").delete()

    deploy()
    generation.reconcile(NOW)
    work_off(queues)

    assert hours(game) == {time(19)}
    assert not game.sessions.filter(slot_date="2026-03-14").exists()
    assert lagging() == set()


def test_games_of_an_older_release_are_looked_at_once_and_no_session_is_written(queues: Queues) -> None:
    game = full()
    Game.objects.update(zone_data="")
    before = rows(game)

    generation.reconcile(NOW)
    work_off(queues, apart=False)

    before[0]["zone_data"] = fingerprint("Australia/Sydney")
    assert rows(game) == before
    assert lagging() == set()


def test_a_deploy_that_changes_nothing_for_a_zone_touches_none_of_its_games(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, queues: Queues
) -> None:
    """A newer release, by its name, with the same file."""
    game = full()
    before = rows(game)

    monkeypatch.setattr(zones, "ZONE_DATA", "2099z")
    monkeypatch.setattr(zones, "ZONE_FILES", exchange(tmp_path))
    forget()

    assert generation.reconcile(NOW) == 0
    assert rows(game) == before


def test_whatever_was_never_settled_is_generated_as_ever_and_noted(queues: Queues) -> None:
    game = make_game()

    assert generation.create_sessions(game.pk, TODAY, TODAY + timedelta(2), now=NOW, last_try=False, apart=True) == 3

    game.refresh_from_db()
    assert game.zone_data == fingerprint("Australia/Sydney")


def test_nights_of_a_window_beyond_what_is_settled_are_noted_too(deploy: Deploy) -> None:
    """Their game is settled up to no date, and yet they can be wrong."""
    game = make_game()
    generation.create_sessions(game.pk, date(2026, 5, 1), date(2026, 5, 3), now=NOW, last_try=False, apart=True)
    game.refresh_from_db()
    assert (game.generated_through, game.sessions.count()) == (None, 3)

    deploy()

    assert lagging() == {game.pk}


def test_nights_of_unknown_data_are_not_taken_for_todays() -> None:
    """Written without a note, by an older process."""
    game = make_game()
    generation.create_sessions(game.pk, TODAY, TODAY, now=NOW, last_try=False, apart=True)
    Game.objects.update(generated_through=None, zone_data="")

    generation.create_sessions(game.pk, TODAY, HORIZON, now=NOW, last_try=False, apart=True)

    game.refresh_from_db()
    assert (game.generated_through, game.zone_data) == (HORIZON, "")
    assert lagging() == {game.pk}


def test_a_game_that_could_not_follow_the_edit_of_its_zone_is_settled_anew_once_it_can(queues: Queues) -> None:
    game = full(venue={"holiday_region": "AU-NSW"}, holiday_policy="skip")
    venue = game.venue
    venue.timezone, venue.holiday_region = "Australia/Perth", "XX-YY"
    venue.save(now=NOW)
    game.refresh_from_db()
    assert "XX" in game.generation_error

    Venue.objects.update(holiday_region="AU-WA")
    generation.create_sessions(game.pk, TODAY, HORIZON, now=NOW, last_try=True, apart=True)

    game = Game.objects.get(pk=game.pk)
    assert hours(game) == {time(19)}
    assert lagging() == set()


# --- The fingerprint --------------------------------------------------------------------------------------

ASK = """
import django
django.setup()
from events.zones import fingerprints
for zone, value in fingerprints().items():
    print(zone, value)
"""


def test_a_process_with_another_package_has_another_fingerprint_for_what_differs_alone(tmp_path: Path) -> None:
    def ask(**env: str) -> set[str]:
        env = {**os.environ, "DJANGO_SETTINGS_MODULE": "server.settings", **env}
        done = subprocess.run([sys.executable, "-c", ASK], env=env, capture_output=True, text=True, check=True)
        return set(done.stdout.splitlines())

    exchange(tmp_path, Australia__Sydney="Australia/Brisbane")

    differing = ask() ^ ask(PYTHONPATH=str(tmp_path))

    assert [each.split()[0] for each in differing] == ["Australia/Sydney"] * 2


def test_no_two_zones_share_a_fingerprint() -> None:
    """Links of one file may part in the next release."""
    assert (ZONE_FILES / "Australia" / "ACT").read_bytes() == (ZONE_FILES / "Australia" / "Sydney").read_bytes()
    assert len(zones.todays()) == len(zones.fingerprints()) > 500


@pytest.mark.parametrize("name", ["", "Nowhere/Land", "Australia", "../../etc/passwd", str(ZONE_FILES / "UTC")])
def test_what_is_no_zone_has_no_fingerprint(name: str) -> None:
    assert fingerprint(name) == ""


# --- While a deploy rolls -----------------------------------------------------------------------------------


@pytest.fixture(params=["zone_data", "holidays"])
def older(request: pytest.FixtureRequest) -> None:
    """`release` has noted another version of the data than this process has."""
    DataVersion.objects.update(**{request.param: "2099z"})


def test_release_notes_the_version_that_counts() -> None:
    DataVersion.objects.update(zone_data="2020a", holidays="0.1")
    assert not DataVersion.is_ours()

    call_command("migrate", verbosity=0)

    assert DataVersion.objects.values_list("zone_data", "holidays").get() == (zones.ZONE_DATA, HOLIDAYS)
    assert DataVersion.is_ours()


@pytest.mark.usefixtures("older")
def test_a_process_of_another_version_leaves_alone_what_looks_outdated_to_it(deploy: Deploy, queues: Queues) -> None:
    game = full()
    Game.objects.update(zone_data=fingerprint("Australia/Sydney"))
    before = rows(game)

    deploy()  # its own data, which are not those that count
    assert lagging() == set()
    assert generation.reconcile(NOW) == 0
    assert generation.create_sessions(game.pk, TODAY, HORIZON, now=NOW, last_try=False, apart=False) == 0
    assert generation.create_sessions(game.pk, TODAY, HORIZON, now=NOW, last_try=False, apart=True) == 0

    assert rows(game) == before


@pytest.mark.usefixtures("older")
def test_a_process_of_another_version_does_an_edit_and_leaves_the_game_to_be_settled_anew(queues: Queues) -> None:
    game = full()
    game.start_time = time(20)
    game.save(now=NOW)
    assert hours(game) == {time(20)}

    DataVersion.note()  # as a process to which it belongs

    assert lagging() == {game.pk}
    generation.reconcile(NOW)
    work_off(queues)
    assert lagging() == set()


@pytest.mark.usefixtures("older")
def test_a_process_of_another_version_fills_a_new_game_and_leaves_it_to_be_settled_anew() -> None:
    game = make_game()

    assert generation.create_sessions(game.pk, TODAY, HORIZON, now=NOW, last_try=False, apart=True) == 29

    DataVersion.note()
    assert lagging() == {game.pk}


# --- The reason ---------------------------------------------------------------------------------------------


def test_a_plan_says_what_it_is_made_for(deploy: Deploy) -> None:
    observing = full("Europe/London", holiday_policy="skip", venue={"holiday_region": "GB-ENG"})
    sydney = full()
    (edited,), _ = plans_to_settle([sydney], NOW)
    assert edited.reason == "edit"

    deploy()
    Game.objects.filter(pk=observing.pk).update(holidays="0.1")

    reasons = {each.game_id: each.reason for each in _settle_outdated(list(Game.objects.all()), NOW)}
    assert reasons == {sydney.pk: "zone data", observing.pk: "holiday data"}
