"""REST: input that cannot be meant is answered with the field and the fix, and nothing is written."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from events.models import Closure, Game, Venue
from tests.events.league import GAME, NOW, full_game, rows, session_on
from tests.factories import make_venue

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("now")]


# --- Bad input ----------------------------------------------------------------------------------------------

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


@pytest.mark.parametrize(
    ("fields", "field", "fix"),
    [
        ({"timezone": "Sydney"}, "timezone", "take an IANA name such as Australia/Sydney"),
        ({"timezone": "Australia"}, "timezone", "take an IANA name"),
        ({"timezone": "../UTC"}, "timezone", "take an IANA name"),
        ({"timezone": ""}, "timezone", "blank"),
        ({"holiday_region": "XX"}, "holiday_region", "take an ISO 3166-2 code such as AU-NSW"),
        ({"holiday_region": "AU-XX"}, "holiday_region", "take an ISO 3166-2 code such as AU-ACT"),
        ({"holiday_region": "AU-"}, "holiday_region", "take an ISO 3166-2 code"),
        ({"holiday_region": "au-nsw"}, "holiday_region", "take an ISO 3166-2 code"),
        ({"slug": "two words"}, "slug", "letters, numbers"),
        ({"slug": "crown"}, "slug", "already exists"),
        ({"contact_email": "nobody"}, "contact_email", "valid email"),
        ({"managers": [1]}, "managers", "the fields are slug, name"),
    ],
)
def test_a_venue_that_makes_no_sense_is_refused_with_the_field_and_the_fix(
    fields: dict[str, Any], field: str, fix: str, root: APIClient, star: Venue
) -> None:
    full_game(star)
    make_venue(slug="crown")
    before = rows()

    for response in (
        root.post("/api/v1/venues/", {"slug": "new", "name": "New"} | fields),
        root.patch("/api/v1/venues/star/", fields),
    ):
        assert response.status_code == 400
        assert fix in response.json()[field][0]
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


@pytest.mark.parametrize(
    ("fields", "field", "fix"),
    [
        ({"last_date": "2026-03-11"}, "last_date", "take first_date or a later date"),
        ({"first_date": "soon"}, "first_date", "YYYY-MM-DD"),
        ({"reason": ""}, "reason", "blank"),
        ({"venue": "nowhere"}, "venue", "take the slug of one of yours"),
        ({"venue": "a\x00b"}, "non_field_errors", "cannot be stored"),
    ],
)
def test_a_closure_that_makes_no_sense_is_refused_with_the_field_and_the_fix(
    fields: dict[str, Any], field: str, fix: str, manager: APIClient, star: Venue
) -> None:
    game = full_game(star)
    good = {"venue": "star", "first_date": "2026-03-12", "last_date": "2026-03-12", "reason": "flood"}
    closure = Closure.objects.get(pk=manager.post("/api/v1/closures/", good).json()["id"])
    before = rows()

    for response in (
        manager.post("/api/v1/closures/", good | fields),
        manager.patch(f"/api/v1/closures/{closure.pk}/", fields),
    ):
        assert response.status_code == 400
        assert fix in response.json()[field][0]
    assert rows() == before
    assert session_on(game, "03-12").cancelled_by == "closure"


@pytest.mark.parametrize("body", ["{", "[]", '"text"', "null", "[{}]"])
def test_a_body_that_is_no_object_is_refused(body: str, manager: APIClient, star: Venue) -> None:
    game = full_game(star)
    session = session_on(game, "03-12")
    before = rows()

    for path in ("games/", f"games/{game.pk}/generate/", f"games/{game.pk}/split/", f"sessions/{session.pk}/move/"):
        response = manager.generic("POST", f"/api/v1/{path}", body, "application/json")
        assert response.status_code == 400, path
        assert list(response.json()) == ["non_field_errors"]
    assert rows() == before


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
