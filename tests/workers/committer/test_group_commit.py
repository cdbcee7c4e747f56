"""Group commit: many games in one transaction, on the real database and the real Redis."""

import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
import time_machine
from django.db import InterfaceError, OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from dramatiq.middleware import TimeLimitExceeded
from dramatiq.threading import raise_thread_exception

from events import sessions
from events.models import Game, GameSession, Venue
from tests.factories import make_game, make_venue
from tests.waiting import eventually
from tests.workers.committer.conftest import NOW, TODAY, WINDOW, fresh, holders, serve
from tests.workers.conftest import Queues
from workers import generation
from workers.actors import create_sessions_for_game
from workers.committer.group_commit import Committer

pytestmark = pytest.mark.django_db(transaction=True)


def test_many_games_are_written_in_one_transaction_of_as_many_queries_as_one() -> None:
    counts = []
    for number in (1, 40):
        games = fresh(number)
        with CaptureQueriesContext(connection) as queries:
            assert sessions.create_sessions_for_games(dict.fromkeys(games, WINDOW), now=NOW) == dict.fromkeys(games, 29)
        counts.append([query["sql"].split()[0] for query in queries])

    assert counts[0] == counts[1]
    assert counts[0].count("COMMIT") == 1
    assert GameSession.objects.count() == 41 * 29
    assert set(Game.objects.values_list("generated_through", flat=True)) == {WINDOW[-1]}


def test_of_games_that_lack_nothing_no_more_is_read() -> None:
    games = fresh(40)
    serve(games)

    with CaptureQueriesContext(connection) as queries:
        assert sessions.create_sessions_for_games(dict.fromkeys(games, WINDOW), now=NOW) == dict.fromkeys(games, 0)

    assert [query["sql"].split()[0] for query in queries] == ["BEGIN", "SELECT", "SELECT", "COMMIT"]


def test_among_games_that_lack_nothing_one_gets_what_it_lacks() -> None:
    games = hollow, unnoted, marked, _ = fresh(4)
    serve(games)
    GameSession.objects.filter(game=hollow, slot_date=WINDOW[14]).delete()
    Game.objects.filter(pk=unnoted).update(generated_through=WINDOW[-2])
    Game.objects.filter(pk=marked).update(generation_error="It will be tried again.")

    assert serve(games) == {**dict.fromkeys(games, 0), hollow: 1}

    assert GameSession.objects.count() == 4 * 29
    assert set(Game.objects.values_list("generated_through", "generation_error")) == {(WINDOW[-1], "")}


def test_together_games_get_just_what_they_get_alone() -> None:
    venue = make_venue("Pacific/Auckland")
    rules: list[dict[str, Any]] = [
        {"recurrence": "daily"},
        {"recurrence": "weekly", "weekdays": ["tue", "fri"], "interval": 2, "start_date": date(1990, 1, 2)},
        {"recurrence": "monthly", "month_day": 31},
        {"recurrence": "daily", "status": "paused"},
        {"recurrence": "daily", "end_date": TODAY + timedelta(3)},
    ]
    windows: list[list[date]] = [WINDOW, WINDOW[5:9], WINDOW, WINDOW, WINDOW[:20]]

    def written() -> list[Any]:
        return [
            (
                list(game.sessions.order_by("slot_date").values_list("slot_date", "starts_at", "ends_at", "timezone")),
                game.generated_through,
            )
            for game in Game.objects.order_by("pk")
        ]

    def clear() -> None:
        GameSession.objects.all().delete()
        Game.objects.update(generated_through=None)

    games = [make_game(venue, **{"start_date": date(2026, 1, 1), **rule}) for rule in rules]
    clear()
    lacked = sessions.create_sessions_for_games({g.pk: w for g, w in zip(games, windows, strict=True)}, now=NOW)
    together = written()
    clear()
    alone = [sessions.create_sessions_for_game(g, w, now=NOW) for g, w in zip(games, windows, strict=True)]

    assert written() == together
    assert list(lacked.values()) == alone
    assert alone == [29, 0, 1, 0, 4]


def test_a_game_that_somebody_else_has_locked_holds_up_no_other() -> None:
    one, held, two = fresh(3)

    def lock_and_serve() -> dict[int, Any]:
        with ThreadPoolExecutor(1) as other:
            return other.submit(serve, [one, held, two]).result(timeout=20)

    with transaction.atomic():
        Game.objects.lock(held)
        assert lock_and_serve() == {one: 29, held: None, two: 29}

    assert serve([held]) == {held: 29}


def test_a_game_that_cannot_be_worked_out_holds_up_no_other() -> None:
    one, broken, two = fresh(3)
    venue = make_venue()
    type(venue).objects.filter(pk=venue.pk).update(timezone="Mars/Olympus")
    Game.objects.filter(pk=broken).update(venue=venue)

    assert serve([one, broken, two]) == {one: 29, broken: None, two: 29}
    with pytest.raises(sessions.GenerationError):
        generation.create_sessions(broken, WINDOW[0], WINDOW[-1], now=NOW, last_try=False, apart=False)


def test_a_game_that_has_its_sessions_and_loses_its_zone_is_marked_and_left_alone(queues: Queues) -> None:
    (game,) = fresh(1)
    serve([game])
    begun = generation.begin(NOW, days=28, slot=None)
    Venue.objects.update(timezone="Mars/Olympus")

    generation.fan_out(begun, now=NOW)
    ((args, _),) = [(message.args, message.kwargs) for message in queues.messages("games")]
    assert args == (game,)
    generation.create_sessions(game, None, None, now=NOW, last_try=True, apart=False)

    assert "Mars/Olympus" in Game.objects.get().generation_error
    assert not generation.lagging(begun, NOW)


def test_without_a_database_each_game_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    games = fresh(2)

    with ThreadPoolExecutor(1) as other, monkeypatch.context() as away:
        away.setitem(connection.settings_dict, "PORT", "1")  # what is connected stays so
        outcomes = other.submit(serve, games).result(timeout=30)

    assert {type(error) for error in outcomes.values()} == {OperationalError}
    assert serve(games) == dict.fromkeys(games, 29)


def test_games_whose_connection_is_closed_meanwhile_are_tried_again_and_not_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def closed(*args: Any, **kwargs: Any) -> None:
        raise InterfaceError("connection already closed")

    monkeypatch.setattr(sessions, "create_sessions_for_games", closed)

    assert {type(error) for error in serve(fresh(2)).values()} == {InterfaceError}


def test_games_that_come_at_once_are_committed_together_and_each_thread_has_its_answer() -> None:
    games = fresh(30)
    ours = Committer()

    with ThreadPoolExecutor(31) as threads, CaptureQueriesContext(connection):
        twice = [*games, games[0]]
        answers = list(threads.map(lambda game: ours.create(game, WINDOW, NOW, apart=False), twice))

    assert Counter(answers) == {29: 30, 0: 1}  # the same game again lacks nothing
    assert GameSession.objects.count() == 30 * 29


def test_a_time_limit_that_strikes_while_one_waits_leaves_the_place_free() -> None:
    committer_, struck = Committer(), []

    def wait() -> None:
        try:
            with committer_.alone(1):
                pass
        except TimeLimitExceeded as error:
            struck.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=wait)
    with committer_.apart:
        thread.start()
        eventually(lambda: sys._current_frames()[thread.ident or 0].f_code.co_name == "alone", within=5)  # it waits
        raise_thread_exception(thread.ident, TimeLimitExceeded)
    thread.join(10)

    assert len(struck) == 1
    assert not committer_.apart.locked()


# --- What is tried again ----------------------------------------------------------------------------------


def test_a_game_that_the_database_failed_is_told_and_goes_on_being_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    (game,) = fresh(1)
    begun = generation.begin(NOW, days=28, slot=None)

    def cancelled(windows: Any, *, now: datetime, wait: bool = False) -> int:
        raise OperationalError("canceling statement due to statement timeout")

    with monkeypatch.context() as slow:
        slow.setattr(sessions, "create_sessions_for_games", cancelled)
        generation.create_sessions(game, WINDOW[0], WINDOW[-1], now=NOW, last_try=True, apart=True)

    (failed,) = Game.objects.failing()
    assert (
        failed.generation_error
        == "It will be tried again. OperationalError: canceling statement due to statement timeout"
    )
    assert generation.lagging(begun, NOW).exists()

    assert serve([game]) == {game: 29}
    assert not Game.objects.failing().exists()


def test_a_worker_writes_what_is_on_its_queue_together(queues: Queues) -> None:
    games = fresh(50)
    for game in games:
        create_sessions_for_game.send(game, WINDOW[0].isoformat(), WINDOW[-1].isoformat())

    queues.work_off("games")

    eventually(lambda: GameSession.objects.count() == 50 * 29, within=10)
    assert holders() == {}


@pytest.mark.parametrize("apart", [True, False])
def test_a_worker_whose_clock_is_a_year_ahead_takes_no_night_to_come_for_over(apart: bool) -> None:
    """Or a game that is to be settled anew would be noted as settled, and nothing of it changed."""
    today = timezone.now().date()
    days = [today + timedelta(n) for n in range(3, 10)]
    game = make_game(start_date=today - timedelta(days=7))
    sessions.create_sessions_for_game(game, days)
    Game.objects.update(start_time=time(20), holiday_policy="skip", holidays="of another release")

    with time_machine.travel(timezone.now() + timedelta(days=365)):
        Committer().create(game.pk, days, timezone.now(), apart=apart)

    starts = GameSession.objects.filter(slot_date__in=days).values_list("starts_at", flat=True)
    assert {start.astimezone(game.venue.zone).hour for start in starts} == {20}
