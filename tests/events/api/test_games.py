"""REST: games written, refused, previewed, generated and split."""

from datetime import date, time
from typing import Any

import pytest
from rest_framework.test import APIClient

from events.models import Closure, Game, GameDate, GameSession, Venue
from tests.events.conftest import As, get, make_user, slot_dates
from tests.events.league import GAME, NOW, dates, full_game, march, rows
from tests.factories import make_game, make_venue

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("now")]


# --- Shapes -------------------------------------------------------------------------------------------------


def test_the_shape_of_a_game(anyone: APIClient, star: Venue) -> None:
    game = full_game(star, interval=2, buy_in=50, end_date=march("05-28"))
    GameDate(game=game, date=march("03-26"), reason="cup final").save(now=NOW)

    assert get(anyone, f"games/{game.pk}/") == {
        "id": game.pk,
        "venue": "star",
        "name": game.name,
        "status": "active",
        "recurrence": "weekly",
        "interval": 2,
        "weekdays": ["thu"],
        "month_day": None,
        "nth": None,
        "month_end": "clamp",
        "start_date": "2026-01-01",
        "end_date": "2026-05-28",
        "count": None,
        "start_time": "19:00",
        "duration_minutes": 240,
        "holiday_policy": "run",
        "rrule": "FREQ=WEEKLY;INTERVAL=2;BYDAY=TH;WKST=MO;UNTIL=20260528T090000Z",
        "exceptions": [{"date": "2026-03-26", "kind": "exclude", "reason": "cup final"}],
        "variant": "",
        "format": "cash",
        "buy_in": "50.00",
        "currency": "AUD",
        "seats": None,
        "notes": "",
        "generated_through": "2026-04-07",
    }


def test_games_are_found_by_venue_status_and_recurrence(anyone: APIClient, star: Venue) -> None:
    game, paused = make_game(star), make_game(star, status="paused", recurrence="weekly")
    make_game()

    def found(**query: Any) -> list[int]:
        return [row["id"] for row in get(anyone, "games/", **query)["results"]]

    assert found(venue="star") == [game.pk, paused.pk]
    assert found(venue="star", status="paused") == [paused.pk]
    assert found(recurrence="weekly") == [paused.pk]


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


def test_who_may_only_change_games_can_put_back_what_they_read(client_of: As, star: Venue) -> None:
    game = full_game(star)
    staff = client_of(make_user("staff", permissions="change_game", is_staff=True))
    shape = staff.get(f"/api/v1/games/{game.pk}/").json()

    assert staff.put(f"/api/v1/games/{game.pk}/", shape).status_code == 200


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


# --- Refusals -----------------------------------------------------------------------------------------------


THURSDAY = {"start_date": "2026-03-12"}


MONTHLY = {"recurrence": "monthly", "weekdays": []}


BAD_GAMES: list[tuple[dict[str, Any], str, str]] = [
    (MONTHLY | {"nth": 6, "weekdays": ["thu"]}, "nth", "take one of 1, 2, 3, 4, -1"),
    (MONTHLY | {"nth": 0, "weekdays": ["thu"]}, "nth", "take one of 1, 2, 3, 4, -1"),
    (MONTHLY | {"nth": 2}, "weekdays", "name one"),
    (MONTHLY | {"nth": 2, "month_day": 3, "weekdays": ["thu"]}, "nth", "leave one of them out"),
    ({"nth": 2}, "nth", "leave it out"),
    ({"interval": 0}, "interval", "greater than or equal to 1"),
    ({"interval": -1}, "interval", "greater than or equal to 1"),
    ({"interval": 1001}, "interval", "less than or equal to 1000"),
    ({"interval": "often"}, "interval", "valid integer"),
    (MONTHLY | {"month_day": 32}, "month_day", "less than or equal to 31"),
    (MONTHLY | {"month_day": 0}, "month_day", "greater than or equal to 1"),
    ({"month_day": 3}, "month_day", "leave it out"),
    (THURSDAY | {"end_date": "2026-03-11"}, "end_date", "use 2026-03-12 or later"),
    (THURSDAY | {"end_date": "2026-05-01", "count": 3}, "count", "leave one of them out"),
    ({"count": 0}, "count", "greater than or equal to 1"),
    ({"count": 10_001}, "count", "less than or equal to 10000"),
    ({"weekdays": ["thursday"]}, "weekdays", "take one of mon, tue, wed, thu, fri, sat, sun"),
    ({"weekdays": ["thu", "thu"]}, "weekdays", "name each weekday once"),
    ({"weekdays": "thu"}, "weekdays", "list"),
    ({"weekdays": None}, "weekdays", "null"),
    ({"duration_minutes": 1441}, "duration_minutes", "less than or equal to 1440"),
    ({"duration_minutes": 0}, "duration_minutes", "greater than or equal to 1"),
    ({"recurrence": "hourly"}, "recurrence", "take one of once, daily, weekly, monthly, yearly"),
    ({"recurrence": "once", "weekdays": ["thu"]}, "weekdays", "leave it out"),
    ({"recurrence": "once", "weekdays": [], "count": 3}, "count", "leave it out"),
    ({"month_end": "roll"}, "month_end", "take one of clamp, skip"),
    ({"holiday_policy": "maybe"}, "holiday_policy", "take one of run, skip"),
    ({"status": "deleted"}, "status", "take one of active, paused, archived"),
    ({"start_date": "2026-02-30"}, "start_date", "YYYY-MM-DD"),
    ({"start_date": None}, "start_date", "null"),
    ({"start_time": "25:00"}, "start_time", "hh:mm"),
    ({"venue": "nowhere"}, "venue", "take the slug of one of yours"),
    ({"venue": "a\x00b"}, "non_field_errors", "cannot be stored"),
    ({"name": ""}, "name", "blank"),
    ({"name": "x" * 201}, "name", "200 characters"),
    ({"name": "a\x00b"}, "name", "Null characters"),
    ({"buy_in": "-1"}, "buy_in", "greater than or equal to 0"),
    ({"buy_in": "NaN"}, "buy_in", "number"),
    ({"seats": 0}, "seats", "greater than or equal to 1"),
    ({"seats": 10**9}, "seats", "less than or equal to 32767"),
    ({"exceptions": [{"date": "soon"}]}, "exceptions", "date: Date has wrong format"),
    ({"exceptions": [{"date": "2026-03-19", "kind": "move"}]}, "exceptions", "take one of exclude, add"),
    ({"exceptions": [{"date": "2026-03-19"}] * 1001}, "exceptions", "no more than 1000"),
    (
        {"exceptions": [{"date": "2026-03-19"}, {"date": "2026-03-19"}]},
        "exceptions",
        "A date can have one exception",
    ),
    ({"colour": "red"}, "colour", "the fields are venue, name"),
]


@pytest.mark.parametrize(("fields", "field", "fix"), BAD_GAMES)
def test_a_game_that_cannot_be_meant_is_refused_with_the_field_and_the_fix(
    fields: dict[str, Any], field: str, fix: str, manager: APIClient, star: Venue
) -> None:
    game = full_game(star)
    before = rows()

    for response in (
        manager.post("/api/v1/games/", GAME | fields),
        manager.patch(f"/api/v1/games/{game.pk}/", fields),
    ):
        assert response.status_code == 400
        assert fix in " ".join(response.json()[field])
        assert all(isinstance(text, str) for texts in response.json().values() for text in texts)
    assert rows() == before


def test_public_holidays_mean_nothing_without_a_region(manager: APIClient, star: Venue) -> None:
    bare = make_venue(slug="bare", name="The Bare Room")
    bare.managers.set(star.managers.all())
    skips: dict[str, Any] = {"holiday_policy": "skip"}
    region = {"holiday_region": ""}
    playing, keeping = full_game(bare), full_game(star, name="Thursday NLHE", **skips)
    before = rows()

    for response in (
        manager.post("/api/v1/games/", GAME | skips | {"venue": "bare"}),
        manager.patch(f"/api/v1/games/{playing.pk}/", skips),
        manager.patch(f"/api/v1/games/{keeping.pk}/", {"venue": "bare"}),
    ):
        assert response.json().keys() == {"holiday_policy"}
        assert "Give The Bare Room a holiday region first, such as AU-NSW" in response.json()["holiday_policy"][0]
    refusal = manager.patch("/api/v1/venues/star/", region).json()
    assert "Thursday NLHE is not played on public holidays: keep a region" in refusal["holiday_region"][0]
    assert rows() == before

    assert manager.patch(f"/api/v1/games/{keeping.pk}/", {"status": "archived"}).status_code == 200
    assert manager.patch("/api/v1/venues/star/", region).status_code == 200


def test_a_game_that_always_lacked_a_region_goes_on(manager: APIClient, star: Venue) -> None:
    game = full_game(make_venue(name="The Bare Room", slug="bare"), holiday_policy="skip")
    game.venue.managers.set(star.managers.all())

    assert manager.post(f"/api/v1/games/{game.pk}/generate/", {"days": 40}).json() == {"created": 2}
    assert manager.patch("/api/v1/venues/bare/", {"name": "Bare"}).status_code == 200
    game.status = "paused"
    game.save(now=NOW)
    assert not Game.objects.get().generation_error


@pytest.mark.parametrize("zone", ["Australia/Sydney", "America/New_York", "Pacific/Kiritimati"])
@pytest.mark.parametrize(
    "fields",
    [
        {"recurrence": "once", "start_date": "9999-12-31"},
        {"recurrence": "once", "start_date": "0001-01-01", "start_time": "00:00"},
        {"recurrence": "daily", "start_date": "0001-01-01", "start_time": "00:00", "end_date": "9999-12-31"},
        {"recurrence": "daily", "start_date": "2026-03-12", "start_time": "23:59", "end_date": "9999-12-31"},
        {"recurrence": "daily", "start_date": "9999-12-31", "start_time": "23:59"},
        {"recurrence": "yearly", "start_date": "9000-01-01", "interval": 1000, "count": 10_000},
        {"recurrence": "weekly", "start_date": "2026-03-12", "end_date": "0001-01-01"},
    ],
)
def test_the_ends_of_the_calendar_are_no_crash(fields: dict[str, Any], zone: str, root: APIClient) -> None:
    make_venue(zone, slug="star")

    response = root.post("/api/v1/games/", GAME | fields)

    assert response.status_code in (201, 400)
    if response.status_code == 201:
        assert root.get("/api/v1/games/").status_code == 200
        assert root.get("/api/v1/sessions/?from=0001-01-01").status_code == 200
        assert root.get(f"/api/v1/games/{response.json()['id']}/preview/").status_code == 200


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
