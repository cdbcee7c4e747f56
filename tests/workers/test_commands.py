"""`manage.py generate_sessions`, as operators type it."""

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.core.management import CommandError, call_command

from events.models import Closure, GameDate, GameSession
from tests.factories import make_game, make_venue
from tests.processes import Clock, environment
from tests.workers.conftest import Queues
from workers import generation
from workers.models import Generation

pytestmark = pytest.mark.django_db(transaction=True)

#: 12:00 in Sydney. The clocks go forward on 4 October; 5 October is Labour Day in New South Wales.
NOW = datetime(2026, 10, 1, 2, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _settings(settings: Any, queues: Queues) -> None:
    settings.LOOKAHEAD_DAYS = 28


@pytest.fixture
def at_noon() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def generate(*arguments: str) -> str:
    output = io.StringIO()
    call_command("generate_sessions", *arguments, stdout=output)
    return output.getvalue()


def rows() -> list[Any]:
    return [list(model.objects.values()) for model in (GameSession, Generation)]


# --- Dry run ----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("at_noon")
def test_a_dry_run_lists_the_slots_with_reasons_and_notes_and_writes_nothing(queues: Queues) -> None:
    venue = make_venue(name="The Star", holiday_region="AU-NSW")
    game = make_game(venue, name="Late", start_time=time(2, 30), holiday_policy="skip")
    Closure.objects.bulk_create(
        [Closure(venue=venue, first_date=date(2026, 10, 2), last_date=date(2026, 10, 2), reason="floor works")]
    )
    GameDate.objects.bulk_create([GameDate(game=game, date=date(2026, 10, 3), kind="exclude", reason="final")])
    game.sessions.create(
        slot_date=date(2026, 10, 6),
        starts_at=datetime(2026, 10, 5, 15, 30, tzinfo=UTC),
        ends_at=datetime(2026, 10, 5, 19, 30, tzinfo=UTC),
        timezone="Australia/Sydney",
    )
    before = rows()

    said = generate("--dry-run", "--days", "6")

    assert said.splitlines() == [
        f"The Star: Late (game {game.pk})",
        "  2026-10-01 02:30 new",
        "  2026-10-02 skipped: closed: floor works",
        "  2026-10-03 skipped: excluded: final",
        "  2026-10-04 03:30 new (02:30 does not exist; moved to 03:30)",
        "  2026-10-05 skipped: Labour Day",
        "  2026-10-06 02:30",
        "  2026-10-07 02:30 new",
    ]
    assert rows() == before
    assert queues.windows() == {}
    assert queues.messages("clock") == []
    game.refresh_from_db()
    assert game.generated_through is None


@pytest.mark.usefixtures("at_noon")
def test_a_dry_run_is_about_active_recurring_games_on_each_venues_own_clock() -> None:
    make_game(status="paused", name="Paused")
    make_game(recurrence="once", start_date=date(2026, 10, 2), name="Once")
    game = make_game(make_venue("America/New_York", name="Empire"), name="Nightly")

    assert generate("--dry-run", "--days", "1").splitlines() == [
        f"Empire: Nightly (game {game.pk})",
        "  2026-09-30 19:00 new",
        "  2026-10-01 19:00 new",
    ]


@pytest.mark.usefixtures("at_noon")
def test_a_dry_run_of_one_game_is_about_no_other() -> None:
    game, _ = make_game(), make_game()

    assert generate("--dry-run", "--days", "0", "--game", str(game.pk)).count("(game ") == 1


#: Games and venues at rest, and what is said of them.
AT_REST: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"status": "paused"}, {}, "Paused: no session will be written."),
    ({"status": "archived"}, {}, "Archived: no session will be written."),
    ({}, {"active": False}, "The Star is switched off: no session will be written."),
]


@pytest.mark.usefixtures("at_noon")
@pytest.mark.parametrize(("fields", "place", "why"), AT_REST)
def test_a_game_at_rest_is_said_to_be(fields: dict[str, Any], place: dict[str, Any], why: str) -> None:
    game = make_game(make_venue(name="The Star", **place), name="Late", **fields)

    assert generate("--dry-run", "--days", "1", "--game", str(game.pk)).splitlines() == [
        f"The Star: Late (game {game.pk})",
        f"  {why}",
        "  2026-10-01 19:00",
        "  2026-10-02 19:00",
    ]
    assert generate("--game", str(game.pk)).splitlines() == [
        why,
        "1 game: 0 sessions before, 0 after, 0 games failed.",
    ]


def test_a_dry_run_that_nobody_reads_to_its_end_says_nothing_more() -> None:
    make_game()
    read, write = os.pipe()
    os.close(read)  # as `| head` does once it has its lines

    command = [sys.executable, "manage.py", "generate_sessions", "--dry-run"]
    ended = subprocess.run(
        command, env=environment(Clock(NOW), settings.REDIS_URL), stdout=write, stderr=subprocess.PIPE, text=True
    )
    os.close(write)

    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.usefixtures("at_noon")
@pytest.mark.parametrize("zone", ["Nowhere/Land", ""])
def test_a_dry_run_says_which_game_cannot_be_generated_and_goes_on(zone: str) -> None:
    make_game(make_venue(zone, name="A"))
    make_game(make_venue(name="B"))

    said = generate("--dry-run", "--days", "0")

    assert "  cannot be generated: " in said
    assert "  2026-10-01 19:00 new" in said


# --- One game ---------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("at_noon")
def test_one_game_is_generated_here_and_now(queues: Queues) -> None:
    game, other = make_game(), make_game()
    generation.create_sessions(
        other.pk, None, date(2026, 10, 1), now=NOW, last_try=False, apart=True
    )  # which is not counted

    assert generate("--game", str(game.pk)) == "1 game: 0 sessions before, 29 after, 0 games failed.\n"
    assert generate("--game", str(game.pk), "--days", "30").endswith("29 sessions before, 31 after, 0 games failed.\n")

    assert (game.sessions.count(), other.sessions.count()) == (31, 1)
    assert queues.messages("clock") == []


@pytest.mark.parametrize("zone", ["Nowhere/Land", ""])
def test_one_game_that_cannot_be_generated_is_an_error_in_one_line(zone: str) -> None:
    game = make_game(make_venue(zone))

    with pytest.raises(CommandError, match=f"game {game.pk} cannot be generated: ") as error:
        generate("--game", str(game.pk))
    assert "\n" not in str(error.value)


@pytest.mark.usefixtures("at_noon")
def test_one_game_is_looked_ahead_for_as_far_as_its_venue_unless_told_otherwise(settings: Any) -> None:
    settings.LOOKAHEAD_DAYS = 3
    game = make_game()

    assert generate("--dry-run", "--game", str(game.pk)).count(" new") == 4
    assert generate("--game", str(game.pk)).endswith("0 sessions before, 4 after, 0 games failed.\n")


# --- All of them ------------------------------------------------------------------------------------------


def test_without_wait_the_workers_are_asked_and_nobody_waits(queues: Queues) -> None:
    make_game()

    assert "Asked for a generation" in generate("--days", "3")

    (message,) = queues.messages("clock")
    assert (message.actor_name, message.kwargs) == ("generate_upcoming_game_sessions", {"days": 3})
    assert not GameSession.objects.exists()


def test_with_wait_the_workers_are_done_when_the_command_ends(
    queues: Queues, capsys: pytest.CaptureFixture[str]
) -> None:
    games = [make_game(), make_game(make_venue("Pacific/Kiritimati"))]
    make_game(status="paused")
    with queues.worker("clock", "games"):
        assert generate("--wait", "--days", "4") == "2 games: 0 sessions before, 10 after, 0 games failed.\n"
        assert generate("--wait", "--days", "6") == "2 games: 10 sessions before, 14 after, 0 games failed.\n"
        assert generate("--wait", "--days", "2") == "2 games: 14 sessions before, 14 after, 0 games failed.\n"

    assert [game.sessions.count() for game in games] == [7, 7]
    assert " games" in capsys.readouterr().err  # the bar


def test_with_wait_a_game_that_fails_is_counted_and_not_waited_for_for_ever(
    queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workers.actors import create_sessions_for_game

    monkeypatch.setitem(create_sessions_for_game.options, "min_backoff", 1)
    monkeypatch.setitem(create_sessions_for_game.options, "max_backoff", 1)
    make_game()
    make_game(make_venue("Nowhere/Land"))
    with queues.worker("clock", "games"):
        assert generate("--wait", "--days", "4") == "2 games: 0 sessions before, 5 after, 1 game failed.\n"


def test_with_wait_an_empty_league_is_done_at_once(queues: Queues) -> None:
    with queues.worker("clock", "games"):
        assert generate("--wait") == "0 games: 0 sessions before, 0 after, 0 games failed.\n"


# --- Bad input --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", ["-1", "400", "1000000000000", "soon"])
@pytest.mark.parametrize("rest", [[], ["--dry-run"], ["--game", "1"], ["--wait"]])
def test_days_that_no_window_can_have_are_refused(queues: Queues, days: str, rest: list[str]) -> None:
    before = rows()

    with pytest.raises(CommandError, match="--days"):
        generate(f"--days={days}", *rest)

    assert (rows(), queues.messages("clock")) == (before, [])


@pytest.mark.parametrize("game", ["0", "-1", "4711"])
@pytest.mark.parametrize("rest", [[], ["--dry-run"], ["--wait"]])
def test_a_game_that_does_not_exist_is_refused(queues: Queues, game: str, rest: list[str]) -> None:
    make_game()

    with pytest.raises(CommandError, match=f"--game: there is no game {game}"):
        generate(f"--game={game}", *rest)

    assert not GameSession.objects.exists()
    assert queues.messages("clock") == []


def test_every_option_has_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        generate("--help")

    said = capsys.readouterr().out
    assert all(option in said for option in ("--game ID", "--days N", "--dry-run", "--wait"))
