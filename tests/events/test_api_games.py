"""REST: games written, asked first, previewed, generated and split."""

from datetime import date, time
from typing import Any

import pytest
from rest_framework.test import APIClient

from events import sessions
from events.models import Closure, Game, GameDate, GameSession, Venue
from tests.events.conftest import As, get, make_user, slot_dates
from tests.events.league import GAME, NOW, dates, full_game, march, rows, session_on, sydney
from tests.factories import make_game, make_venue

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("now")]


# --- Writing ------------------------------------------------------------------------------------------------


def test_a_created_game_has_its_sessions_at_once(manager: APIClient) -> None:
    response = manager.post("/api/v1/games/", GAME)

    assert response.status_code == 201
    game = Game.objects.get(pk=response.json()["id"])
    assert dates(game) == ["03-12", "03-19", "03-26", "04-02"]
    assert response.json()["generated_through"] == "2026-04-07"


def test_a_game_played_once_has_its_session_however_far_away(manager: APIClient) -> None:
    response = manager.post("/api/v1/games/", GAME | {"recurrence": "once", "start_date": "2029-12-31"})

    (session,) = GameSession.objects.all()
    assert session.slot_date == date(2029, 12, 31)
    assert response.json()["rrule"] == ""


def test_the_days_added_to_a_game_played_once_have_their_sessions_however_far_away(manager: APIClient) -> None:
    days = [{"date": day, "kind": "add", "reason": "Day 2"} for day in ("2030-01-01", "2026-03-12")]
    once = GAME | {"recurrence": "once", "start_date": "2029-12-31", "exceptions": days}

    game = Game.objects.get(pk=manager.post("/api/v1/games/", once).json()["id"])
    GameDate.objects.create(game=game, date=date(2031, 5, 1), kind="add")

    slots = game.sessions.order_by("slot_date").values_list("slot_date", flat=True)
    assert [str(day) for day in slots] == ["2026-03-12", "2029-12-31", "2030-01-01", "2031-05-01"]


def test_exceptions_are_created_with_the_game_and_replaced_as_a_whole(manager: APIClient) -> None:
    rows = [{"date": "2026-03-19", "kind": "exclude", "reason": "cup final"}, {"date": "2026-03-21", "kind": "add"}]
    created = manager.post("/api/v1/games/", GAME | {"exceptions": rows}).json()
    game = Game.objects.get(pk=created["id"])
    assert dates(game) == ["03-12", "03-21", "03-26", "04-02"]

    def patched(**fields: Any) -> list[str]:
        assert manager.patch(f"/api/v1/games/{game.pk}/", fields).status_code == 200
        return dates(game)

    assert patched(name="Renamed") == ["03-12", "03-21", "03-26", "04-02"]
    assert patched(exceptions=[{"date": "2026-03-28", "kind": "add"}]) == [
        "03-12",
        "03-19",
        "03-26",
        "03-28",
        "04-02",
    ]
    assert patched(exceptions=[]) == ["03-12", "03-19", "03-26", "04-02"]


def test_an_edit_that_asks_first_is_answered_with_what_it_would_do(manager: APIClient, star: Venue) -> None:
    game = full_game(star)
    sessions.cancel(session_on(game, "03-12").pk, "", now=NOW)
    sessions.move(session_on(game, "03-19").pk, sydney("03-20 12:00"), now=NOW)
    before = rows()

    response = manager.patch(f"/api/v1/games/{game.pk}/?dry_run=true", {"start_time": "20:00"})

    assert response.status_code == 200
    assert response.json() == {
        "summary": "2 sessions move, 1 edited by hand stays, 1 cancelled stays",
        "created": 0,
        "moved": 2,
        "cancelled": 0,
        "restored": 0,
        "removed": 0,
        "edited_stay": 1,
        "cancelled_stay": 1,
    }
    assert rows() == before


DRY: list[tuple[str, str, dict[str, Any], str]] = [
    ("post", "games/", GAME, "4 sessions are added"),
    ("put", "games/{game}/", GAME | {"recurrence": "daily", "weekdays": []}, "23 sessions are added"),
    ("patch", "games/{game}/", {"status": "archived"}, "4 sessions are removed"),
    ("patch", "games/{game}/", {"exceptions": [{"date": "2026-03-19", "kind": "exclude"}]}, "1 session is cancelled"),
    ("post", "games/{game}/split/", {"from_date": "2026-03-20", "start_time": "20:00"}, "2 sessions move"),
    ("patch", "venues/star/", {"timezone": "Australia/Perth"}, "4 sessions move"),
    (
        "post",
        "closures/",
        {"venue": "star", "first_date": "2026-03-12", "last_date": "2026-03-19", "reason": "flood"},
        "2 sessions are cancelled",
    ),
    ("delete", "closures/{closure}/", {}, "1 session is restored"),
    ("delete", "games/{empty}/", {}, "no session changes"),
    ("delete", "venues/empty/", {}, "no session changes"),
]


@pytest.mark.parametrize(("method", "path", "data", "summary"), DRY)
def test_every_edit_can_be_asked_first(
    method: str, path: str, data: dict[str, Any], summary: str, root: APIClient, star: Venue
) -> None:
    game, empty = full_game(star), make_game(make_venue(slug="lone"))
    make_venue(slug="empty")
    closure = Closure(venue=star, first_date=march("04-02"), last_date=march("04-02"), reason="works")
    if "closure" in path:
        closure.save(now=NOW)
    before = rows()

    address = "/api/v1/" + path.format(game=game.pk, empty=empty.pk, closure=closure.pk)
    response = getattr(root, method)(f"{address}?dry_run=true", data)

    assert response.status_code == 200, response.content
    assert response.json()["summary"] == summary
    assert rows() == before


def test_an_edit_that_asks_first_is_refused_as_it_would_be(manager: APIClient, root: APIClient, star: Venue) -> None:
    game = full_game(star)
    before = rows()

    assert manager.patch(f"/api/v1/games/{game.pk}/?dry_run=true", {"interval": 0}).status_code == 400
    for path, why in (
        (f"games/{game.pk}/", "It has sessions: set status to archived instead."),
        ("venues/star/", "It has games: set active to false instead."),
    ):
        for query in ("", "?dry_run=true"):
            response = root.delete(f"/api/v1/{path}{query}")
            assert (response.status_code, response.json()) == (400, {"non_field_errors": [why]})
    assert rows() == before


# --- Actions of a game --------------------------------------------------------------------------------------


def test_a_preview_shows_dates_notes_and_reasons(anyone: APIClient) -> None:
    venue = make_venue("Asia/Beirut", holiday_region="AU-NSW")
    game = full_game(venue, recurrence="daily", weekdays=[], start_time=time(0), holiday_policy="skip")
    Closure(venue=venue, first_date=march("03-12"), last_date=march("03-12"), reason="renovation").save(now=NOW)
    GameDate(game=game, date=march("03-13"), kind="exclude", reason="cup final").save(now=NOW)
    before = rows()

    answer = get(anyone, f"games/{game.pk}/preview/", days=30)

    assert len(answer) == 31
    by_date = {row.pop("date")[5:]: row for row in answer}
    assert by_date["03-10"] == {"starts_at": "2026-03-09T22:00:00Z", "note": None, "skipped": None}
    assert by_date["03-12"] == {"starts_at": None, "note": None, "skipped": "closed: renovation"}
    assert by_date["03-13"] == {"starts_at": None, "note": None, "skipped": "excluded: cup final"}
    assert by_date["03-29"] == {
        "starts_at": "2026-03-28T22:00:00Z",
        "note": "00:00 does not exist; moved to 01:00",
        "skipped": None,
    }
    assert by_date["04-03"] == {"starts_at": None, "note": None, "skipped": "Good Friday"}
    assert rows() == before


def test_a_preview_looks_as_far_as_the_calendar_is_kept_unless_told_otherwise(anyone: APIClient) -> None:
    game = make_game()

    assert len(get(anyone, f"games/{game.pk}/preview/")) == 29
    assert len(get(anyone, f"games/{game.pk}/preview/", days=0)) == 1
    assert len(get(anyone, f"games/{game.pk}/preview/", days=399)) == 400


def test_generating_is_done_when_it_answers(manager: APIClient, star: Venue) -> None:
    game = make_game(star)

    assert manager.post(f"/api/v1/games/{game.pk}/generate/").json() == {"created": 29}
    assert manager.post(f"/api/v1/games/{game.pk}/generate/").json() == {"created": 0}
    assert manager.post(f"/api/v1/games/{game.pk}/generate/", {"days": 399}).json() == {"created": 371}
    assert len(dates(game)) == 400


@pytest.mark.parametrize("days", [400, -1, 10**30, "many", None, 1.5])
def test_a_window_of_more_than_four_hundred_days_is_refused(days: Any, manager: APIClient, star: Venue) -> None:
    game = make_game(star)
    before = rows()

    responses = [manager.post(f"/api/v1/games/{game.pk}/generate/", {"days": days})]
    if days is not None:
        responses.append(manager.get(f"/api/v1/games/{game.pk}/preview/", {"days": days}))

    for response in responses:
        assert response.status_code == 400
        assert list(response.json()) == ["days"]
    assert rows() == before


def test_a_game_that_cannot_be_generated_says_why(manager: APIClient, star: Venue) -> None:
    Venue.objects.update(timezone="Australia")
    game = make_game(star)

    for response in (
        manager.get(f"/api/v1/games/{game.pk}/preview/"),
        manager.post(f"/api/v1/games/{game.pk}/generate/"),
    ):
        assert response.status_code == 400
        assert response.json()["non_field_errors"][0].startswith("It cannot be generated: ")


def test_a_split_answers_the_copy(manager: APIClient, star: Venue) -> None:
    game = full_game(star)

    response = manager.post(
        f"/api/v1/games/{game.pk}/split/", {"from_date": "2026-03-20", "start_time": "19:30", "name": "Later"}
    )

    assert response.status_code == 201
    copy = response.json()
    assert (copy["start_date"], copy["start_time"], copy["name"]) == ("2026-03-26", "19:30", "Later")
    assert copy["id"] != game.pk
    assert slot_dates(get(manager, "sessions/", game=copy["id"])) == ["03-26", "04-02"]
    assert get(manager, f"games/{game.pk}/")["end_date"] == "2026-03-19"


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({}, "from_date"),
        ({"from_date": "2026-03-10"}, "from_date"),
        ({"from_date": "soon"}, "from_date"),
        ({"from_date": "2026-03-20", "interval": 0}, "interval"),
        ({"from_date": "2026-03-20", "nth": 6}, "nth"),
        ({"from_date": "2026-03-20", "month_day": 3}, "month_day"),
        ({"from_date": "2026-03-20", "start_date": "2026-03-19"}, "start_date"),
        ({"from_date": "2026-03-20", "venue": "other"}, "venue"),
        ({"from_date": "2026-03-20", "status": "archived"}, "status"),
        ({"from_date": "2026-03-20", "generated_through": "2030-01-01"}, "generated_through"),
    ],
)
def test_a_split_that_cannot_be_meant_is_refused(
    data: dict[str, Any], field: str, manager: APIClient, star: Venue
) -> None:
    game = full_game(star)
    before = rows()

    response = manager.post(f"/api/v1/games/{game.pk}/split/", data)

    assert (response.status_code, list(response.json())) == (400, [field])
    assert rows() == before


def test_who_may_only_change_games_can_put_back_what_they_read(client_of: As, star: Venue) -> None:
    game = full_game(star)
    staff = client_of(make_user("staff", permissions="change_game", is_staff=True))
    shape = staff.get(f"/api/v1/games/{game.pk}/").json()

    assert staff.put(f"/api/v1/games/{game.pk}/", shape).status_code == 200


@pytest.mark.parametrize("asked", ["yes", "2", ""])
def test_a_rehearsal_is_asked_for_in_plain_words_or_nothing_is_done(
    asked: str, manager: APIClient, star: Venue
) -> None:
    game = full_game(star)
    before = rows()

    response = manager.patch(f"/api/v1/games/{game.pk}/?dry_run={asked}", {"start_time": "20:00"})

    assert (response.status_code, list(response.json())) == (400, ["dry_run"])
    assert rows() == before


def test_generating_and_what_is_done_to_a_session_can_be_asked_first(manager: APIClient, star: Venue) -> None:
    game = full_game(star)
    session = session_on(game, "03-12")
    before = rows()

    generated = manager.post(f"/api/v1/games/{game.pk}/generate/?dry_run=true", {"days": 60})
    cancelled = manager.post(f"/api/v1/sessions/{session.pk}/cancel/?dry_run=true", {"reason": "flood"})

    assert generated.json()["created"] > 0
    assert cancelled.json()["status"] == "cancelled"
    assert rows() == before


@pytest.mark.parametrize("at", ["19:00:30", "19:00+02:00", "7 pm", "24:00"])
def test_a_start_time_is_hours_and_minutes_on_the_venues_clock(at: str, manager: APIClient, star: Venue) -> None:
    response = manager.patch(f"/api/v1/games/{full_game(star).pk}/", {"start_time": at})

    assert (response.status_code, list(response.json())) == (400, ["start_time"])


@pytest.mark.parametrize("day", ["1899-12-31", "2201-01-01"])
def test_a_date_that_no_calendar_holds_is_refused(day: str, manager: APIClient, star: Venue) -> None:
    game = full_game(star)

    assert manager.patch(f"/api/v1/games/{game.pk}/", {"start_date": day}).status_code == 400
    assert manager.patch(f"/api/v1/games/{game.pk}/", {"end_date": day}).status_code == 400


def test_a_game_played_once_far_away_that_becomes_daily_is_settled_as_far_as_a_window_goes(star: Venue) -> None:
    game = full_game(star, recurrence="once", weekdays=[], start_date=march("03-01").replace(year=2046))

    game.recurrence, game.start_date = "daily", NOW.date()
    game.save(now=NOW)

    assert game.sessions.filter(slot_date__year=2026).count() == 29


def test_a_parameter_that_no_list_knows_is_refused(anyone: APIClient) -> None:
    response = anyone.get("/api/v1/sessions/?froom=2026-03-10")

    assert (response.status_code, list(response.json())) == (400, ["froom"])


@pytest.mark.parametrize(
    ("name", "fields"), [("games", "name,-start_time"), ("venues", "-name"), ("closures", "last_date")]
)
def test_lists_are_ordered_as_asked(name: str, fields: str, anyone: APIClient, star: Venue) -> None:
    full_game(star, name="B")
    full_game(star, name="A")

    response = anyone.get(f"/api/v1/{name}/?ordering={fields}")

    assert response.status_code == 200
    if name == "games":
        assert [game["name"] for game in response.json()["results"]] == ["A", "B"]


@pytest.mark.parametrize("zone", ["localtime", "posixrules", "Factory"])
def test_a_zone_that_means_what_the_machine_means_is_refused(zone: str, root: APIClient, star: Venue) -> None:
    response = root.patch("/api/v1/venues/star/", {"timezone": zone})

    assert (response.status_code, list(response.json())) == (400, ["timezone"])
