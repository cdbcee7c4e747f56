"""Group commit: many games in one transaction, on the real database and the real Redis."""

import sys
import threading
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from dramatiq.common import current_millis
from dramatiq.middleware import TimeLimitExceeded
from dramatiq.threading import raise_thread_exception

from events import sessions
from events.models import Game, GameSession, Venue
from tests.factories import make_game, make_games, make_venue
from tests.waiting import eventually
from tests.workers.conftest import Queues
from workers import committer, generation
from workers.actors import create_sessions_for_game
from workers.broker import broker
from workers.committer import DEATHS, Committer, Request

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 3, 10, 2, tzinfo=UTC)
TODAY = date(2026, 3, 10)
WINDOW = [TODAY + timedelta(n) for n in range(29)]


@pytest.fixture(autouse=True)
def _namespace(queues: Queues) -> None:
    """Each test keeps an account of its own."""


def fresh(count: int) -> list[int]:
    """Games in play, none of whose sessions is written."""
    return [game.pk for game in make_games(count, make_venue())]


def serve(games: Iterable[int]) -> dict[int, Any]:
    """What comes of handing in games at the same moment: a number, None, or an error."""
    batch = [Request(game, WINDOW, NOW) for game in games]
    committer._serve(batch)
    return {request.game_id: request.outcome.exception() or request.outcome.result() for request in batch}


def in_hand() -> dict[int, list[str]]:
    """Who has each game in hand, and who died with it."""
    client: Any = broker().client
    return {int(game): ids.decode().split(",") for game, ids in client.hgetall(committer._hands()).items()}


def has_died_with(game: int, times: int) -> None:
    """Let so many processes that nobody hears of have the game in hand."""
    client: Any = broker().client
    client.hset(committer._hands(), game, ",".join(f"dead-{n}" for n in range(times)))


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
        sessions.lock_game(held)
        assert lock_and_serve() == {one: 29, held: None, two: 29}

    assert serve([held]) == {held: 29}


def test_a_game_that_cannot_be_worked_out_holds_up_no_other() -> None:
    one, broken, two = fresh(3)
    venue = make_venue()
    type(venue).objects.filter(pk=venue.pk).update(timezone="Mars/Olympus")
    Game.objects.filter(pk=broken).update(venue=venue)

    assert serve([one, broken, two]) == {one: 29, broken: None, two: 29}
    with pytest.raises(sessions.GenerationError):
        generation.create_sessions(broken, WINDOW[0], WINDOW[-1], now=NOW, last_try=False, together=True)


def test_a_game_that_has_its_sessions_and_loses_its_zone_is_marked_and_left_alone(queues: Queues) -> None:
    (game,) = fresh(1)
    serve([game])
    begun = generation.begin(NOW, days=28, slot=None)
    Venue.objects.update(timezone="Mars/Olympus")

    generation.fan_out(begun, now=NOW)
    ((args, _),) = [(message.args, message.kwargs) for message in queues.messages("games")]
    assert args == (game,)
    generation.create_sessions(game, None, None, now=NOW, last_try=True, together=True)

    assert "Mars/Olympus" in Game.objects.get().generation_error
    assert not generation.lagging(begun)


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
        answers = list(threads.map(lambda game: ours.create(game, WINDOW, NOW), twice))

    assert Counter(answers) == {29: 30, 0: 1}  # the same game again lacks nothing
    assert GameSession.objects.count() == 30 * 29


# --- Who has what in hand ---------------------------------------------------------------------------------


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


def test_a_game_that_is_done_is_in_nobodys_hand() -> None:
    assert serve(games := fresh(3)) == dict.fromkeys(games, 29)
    assert in_hand() == {}


def test_a_game_that_a_process_died_with_is_left_to_its_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[dict[int, list[str]]] = []
    write = sessions.create_sessions_for_games

    def look(windows: Any, *, now: datetime) -> dict[int, int]:
        held.append(in_hand())
        return write(windows, now=now)

    monkeypatch.setattr(sessions, "create_sessions_for_games", look)
    me = broker().broker_id
    one, suspect, two = fresh(3)
    has_died_with(suspect, 1)

    assert serve([one, suspect, two]) == {one: 29, suspect: None, two: 29}
    assert held == [{one: [me], two: [me], suspect: ["dead-0"]}]

    # Alone, so that the next death is nobody else's
    with Committer().alone(suspect):
        assert in_hand() == {suspect: ["dead-0", me]}
    assert in_hand() == {}


def test_a_process_that_lives_has_not_died(queues: Queues) -> None:
    game, *_ = fresh(1)
    client: Any = broker().client
    client.hset(committer._hands(), game, "alive,silent,gone")
    client.zadd(
        f"{broker().namespace}:__heartbeats__", {"alive": current_millis(), "silent": current_millis() - 11_000}
    )

    assert committer._take([game]) == {game: 2}
    assert in_hand() == {game: ["alive", "silent", "gone", broker().broker_id]}
    assert committer._take([game]) == {game: 2}  # nor is one's own hand another's


@pytest.mark.parametrize("together", [True, False])
def test_a_game_that_three_processes_died_with_is_marked_and_left(together: bool) -> None:
    deadly, sound = fresh(2)
    begun = generation.begin(NOW, days=28, slot=None)
    has_died_with(deadly, DEATHS)

    for game in (deadly, sound):
        generation.create_sessions(game, WINDOW[0], WINDOW[-1], now=NOW, last_try=False, together=together)

    assert "3 worker processes died with it in hand" in Game.objects.get(pk=deadly).generation_error
    assert list(generation.failed()) == [Game.objects.get(pk=deadly)]
    assert not generation.lagging(begun).exists()

    # Who retries it by hand begins anew
    assert in_hand() == {}
    assert generation.create_sessions(deadly, WINDOW[0], WINDOW[-1], now=NOW, last_try=True) == 29


def test_a_deadly_game_that_cannot_be_marked_stays_known(monkeypatch: pytest.MonkeyPatch) -> None:
    (deadly,) = fresh(1)
    has_died_with(deadly, DEATHS)

    def away(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr(sessions, "mark_failed", away)
    with pytest.raises(OperationalError):
        generation.create_sessions(deadly, WINDOW[0], WINDOW[-1], now=NOW, last_try=False, together=True)

    assert len(in_hand()[deadly]) > DEATHS


def test_without_redis_nobody_notes_anything_and_the_work_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    from workers.broker import connect

    monkeypatch.setattr(broker(), "client", connect("redis://127.0.0.1:1", patience=1, retries=0))

    assert serve(games := fresh(2)) == dict.fromkeys(games, 29)


# --- What is tried again ----------------------------------------------------------------------------------


def test_a_game_that_the_database_failed_is_told_and_goes_on_being_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    (game,) = fresh(1)
    begun = generation.begin(NOW, days=28, slot=None)

    def cancelled(game: Game, days: Any, *, now: datetime) -> int:
        raise OperationalError("canceling statement due to statement timeout")

    with monkeypatch.context() as slow:
        slow.setattr(sessions, "create_sessions_for_game", cancelled)
        generation.create_sessions(game, WINDOW[0], WINDOW[-1], now=NOW, last_try=True)

    (failed,) = generation.failed()
    assert (
        failed.generation_error
        == "It will be tried again. OperationalError: canceling statement due to statement timeout"
    )
    assert generation.lagging(begun).exists()

    assert serve([game]) == {game: 29}
    assert not generation.failed().exists()


def test_a_worker_writes_what_is_on_its_queue_together(queues: Queues) -> None:
    games = fresh(50)
    for game in games:
        create_sessions_for_game.send(game, WINDOW[0].isoformat(), WINDOW[-1].isoformat())

    queues.work_off("games")

    eventually(lambda: GameSession.objects.count() == 50 * 29, within=10)
    assert in_hand() == {}
