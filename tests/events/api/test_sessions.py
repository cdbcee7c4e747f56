"""REST: sessions found by date, venue, game and status; cancelled, restored and moved."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
import time_machine
from django.db.models import Q
from rest_framework.test import APIClient

from events import sessions
from events.models import Venue
from tests.events.conftest import get, slot_dates
from tests.events.league import NOW, dates, full_game, rows, session_on, sydney
from tests.factories import make_games, make_venue

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("now")]


# --- Sessions -----------------------------------------------------------------------------------------------


def test_the_shape_of_a_session(anyone: APIClient, star: Venue) -> None:
    game = full_game(star)
    session = sessions.cancel(session_on(game, "03-12").pk, "dealer ill", now=NOW)

    assert get(anyone, f"sessions/{session.pk}/") == {
        "id": session.pk,
        "uid": str(session.uid),
        "game": game.pk,
        "venue": "star",
        "slot_date": "2026-03-12",
        "starts_at": "2026-03-12T08:00:00Z",
        "ends_at": "2026-03-12T12:00:00Z",
        "timezone": "Australia/Sydney",
        "status": "cancelled",
        "cancel_reason": "dealer ill",
        "edited": False,
        "sequence": 1,
    }


def test_sessions_come_the_next_first_whatever_their_game(anyone: APIClient, star: Venue) -> None:
    early, late = full_game(star, start_time=time(12)), full_game(star)
    sessions.move(session_on(early, "03-12").pk, sydney("03-31 12:00"), now=NOW)

    starts = [row["starts_at"] for row in get(anyone, "sessions/")["results"]]
    assert starts == sorted(starts)
    assert len(starts) == 8
    assert get(anyone, "sessions/")["results"][0]["game"] == late.pk


def test_sessions_may_be_ordered_otherwise(anyone: APIClient, star: Venue) -> None:
    full_game(star)

    answer = get(anyone, "sessions/", ordering="-starts_at")
    assert slot_dates(answer) == ["04-02", "03-26", "03-19", "03-12"]
    assert get(anyone, "sessions/", ordering="game__venue__contact_email") == get(anyone, "sessions/")


def test_without_dates_sessions_are_those_from_today_on(anyone: APIClient, star: Venue) -> None:
    full_game(star, now=NOW - timedelta(7), recurrence="daily", weekdays=[])

    assert slot_dates(get(anyone, "sessions/"))[0] == "03-10"


def test_a_session_of_today_is_listed_until_midnight_though_it_is_over(anyone: APIClient, star: Venue) -> None:
    full_game(star, recurrence="daily", weekdays=[], start_time=time(8))

    with time_machine.travel(sydney("03-10 23:59"), tick=False):
        assert slot_dates(get(anyone, "sessions/"))[0] == "03-10"
    with time_machine.travel(sydney("03-11 00:00"), tick=False):
        assert slot_dates(get(anyone, "sessions/"))[0] == "03-11"


def test_today_is_each_venues_own(anyone: APIClient) -> None:
    """At 13:00 on the 10th in Sydney it is the 9th in New York."""
    for zone in ("Australia/Sydney", "America/New_York"):
        full_game(make_venue(zone), now=NOW - timedelta(7), recurrence="daily", weekdays=[], start_time=time(1))

    first: dict[str, str] = {}
    for row in get(anyone, "sessions/")["results"]:
        first.setdefault(row["timezone"], row["slot_date"])
    assert first == {"Australia/Sydney": "2026-03-10", "America/New_York": "2026-03-09"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"from": "2026-03-12", "to": "2026-03-19"}, ["03-12", "03-19"]),
        ({"from": "2026-03-13", "to": "2026-03-18"}, []),
        ({"from": "2026-03-19"}, ["03-19", "03-26", "04-02"]),
        ({"to": "2026-03-19"}, ["03-12", "03-19"]),
        ({"from": "2026-01-01", "to": "2026-03-11"}, ["03-05"]),
        ({"from": "2026-03-19", "to": "2026-03-12"}, []),
        ({"from": "0001-01-01", "to": "9999-12-31"}, ["03-05", "03-12", "03-19", "03-26", "04-02"]),
        ({"to": "0001-01-01"}, []),
        ({"from": "9999-12-31"}, []),
    ],
)
def test_sessions_are_found_by_dates_both_included(
    query: dict[str, str], expected: list[str], anyone: APIClient, star: Venue
) -> None:
    game = full_game(star, now=NOW - timedelta(7))
    sessions.settle(Q(pk=game.pk), now=NOW)

    assert slot_dates(get(anyone, "sessions/", **query)) == expected


def test_dates_are_of_the_venues_own_calendar_and_of_the_day_it_is_played_on(anyone: APIClient) -> None:
    """19:00 in New York on the 12th is the 13th elsewhere; and a session moved to the 20th is played on the 20th."""
    game = full_game(make_venue("America/New_York"))
    sessions.move(session_on(game, "03-19").pk, datetime(2026, 3, 20, 23, tzinfo=UTC), now=NOW)

    def on(day: str) -> list[str]:
        return slot_dates(get(anyone, "sessions/", **{"from": f"2026-{day}", "to": f"2026-{day}"}))

    assert (on("03-12"), on("03-13"), on("03-19"), on("03-20")) == (["03-12"], [], [], ["03-19"])


@pytest.mark.parametrize("day", ["2026-04-05", "2026-10-04"])
def test_a_day_on_which_the_clocks_change_has_its_first_and_last_minute(day: str, anyone: APIClient) -> None:
    venue = make_venue()
    for at in (time(0), time(23, 59)):
        game = full_game(venue, recurrence="once", weekdays=[], start_date=date.fromisoformat(day), start_time=at)
        assert dates(game) == [day[5:]]

    assert get(anyone, "sessions/", **{"from": day, "to": day})["count"] == 2


def test_sessions_are_found_by_venue_game_and_status(anyone: APIClient, star: Venue) -> None:
    ours, other, theirs = full_game(star), full_game(star), full_game(make_venue(slug="crown"))
    sessions.cancel(session_on(ours, "03-12").pk, "", now=NOW)

    def games(**query: Any) -> set[int]:
        return {row["game"] for row in get(anyone, "sessions/", **query)["results"]}

    assert games(venue="star") == {ours.pk, other.pk}
    assert games(venue="crown") == {theirs.pk}
    assert games(venue="nowhere") == set()
    assert games(game=other.pk) == {other.pk}
    assert get(anyone, "sessions/", status="cancelled")["count"] == 1
    assert get(anyone, "sessions/", status="scheduled", venue="star")["count"] == 7
    assert get(anyone, "sessions/", status="scheduled", venue="star", game=theirs.pk)["count"] == 0


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"from": "tomorrow"}, "from"),
        ({"to": "2026-02-30"}, "to"),
        ({"status": "completed"}, "status"),
        ({"game": "abc"}, "game"),
        ({"game": "999999"}, "game"),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused_by_name(query: dict[str, str], field: str, anyone: APIClient) -> None:
    response = anyone.get("/api/v1/sessions/", query)

    assert response.status_code == 400
    assert list(response.json()) == [field]


@pytest.mark.parametrize("page_size", [1, 100])
@pytest.mark.parametrize(
    "query", [{}, {"from": "2026-03-01", "to": "2026-12-01"}, {"venue": "star", "status": "scheduled"}]
)
def test_a_hundred_sessions_are_listed_in_four_queries(
    page_size: int, query: dict[str, str], anyone: APIClient, django_assert_max_num_queries: Any
) -> None:
    for zone in ("Australia/Sydney", "America/New_York", "Asia/Beirut"):
        venue = make_venue(zone, **({"slug": "star"} if zone == "Australia/Sydney" else {}))
        for game in make_games(4, venue):
            sessions.settle(Q(pk=game.pk), now=NOW)

    with django_assert_max_num_queries(4):
        answer = get(anyone, "sessions/", page_size=page_size, **query)
    assert len(answer["results"]) == page_size


# --- Actions of a session -----------------------------------------------------------------------------------


def test_a_session_is_cancelled_with_a_reason_or_without_and_restored(manager: APIClient, star: Venue) -> None:
    session = session_on(full_game(star), "03-12")
    path = f"/api/v1/sessions/{session.pk}"

    assert manager.post(f"{path}/cancel/", {"reason": "dealer ill"}).json()["cancel_reason"] == "dealer ill"
    assert manager.post(f"{path}/cancel/").json()["cancel_reason"] == "dealer ill"
    assert manager.post(f"{path}/restore/").json()["status"] == "scheduled"
    assert manager.post(f"{path}/cancel/").json()["cancel_reason"] == ""
    assert manager.post(f"{path}/cancel/", {"reason": "x" * 201}).json().keys() == {"reason"}


@pytest.mark.parametrize(
    ("given", "starts", "ends"),
    [
        ({"starts_at": "2026-03-12T20:30"}, "2026-03-12T09:30:00Z", "2026-03-12T13:30:00Z"),
        ({"starts_at": "2026-03-12T20:30:00Z"}, "2026-03-12T20:30:00Z", "2026-03-13T00:30:00Z"),
        ({"starts_at": "2026-03-12T20:30:00+01:00"}, "2026-03-12T19:30:00Z", "2026-03-12T23:30:00Z"),
        (
            {"starts_at": "2026-03-12T20:30", "ends_at": "2026-03-12T21:00"},
            "2026-03-12T09:30:00Z",
            "2026-03-12T10:00:00Z",
        ),
        # Wall-clock times that do not exist or exist twice are taken as a game's are.
        ({"starts_at": "2026-10-04T02:30"}, "2026-10-03T16:30:00Z", "2026-10-03T20:30:00Z"),
        ({"starts_at": "2026-04-05T02:30"}, "2026-04-04T15:30:00Z", "2026-04-04T19:30:00Z"),
        ({"starts_at": "2026-04-05T00:30"}, "2026-04-04T13:30:00Z", "2026-04-04T17:30:00Z"),
        ({"starts_at": "2026-03-12T20:30", "ends_at": None}, "2026-03-12T09:30:00Z", "2026-03-12T13:30:00Z"),
    ],
)
def test_times_of_a_move_are_on_the_venues_clock_unless_they_say_otherwise(
    given: dict[str, Any], starts: str, ends: str, manager: APIClient, star: Venue
) -> None:
    session = session_on(full_game(star), "03-12")

    answer = manager.post(f"/api/v1/sessions/{session.pk}/move/", given).json()

    assert (answer["starts_at"], answer["ends_at"], answer["slot_date"]) == (starts, ends, "2026-03-12")
    assert answer["edited"] is True


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "starts_at"),
        ({"starts_at": None}, "starts_at"),
        ({"starts_at": "late"}, "starts_at"),
        ({"starts_at": "2026-03-10T12:00"}, "starts_at"),
        ({"starts_at": "9999-12-31T23:00:00Z"}, "starts_at"),
        ({"starts_at": "9999-12-31T23:00:00-12:00"}, "starts_at"),
        ({"starts_at": "2026-03-12T20:00", "ends_at": "2026-03-12T19:00"}, "ends_at"),
        ({"starts_at": "2026-03-12T20:00", "ends_at": "2026-03-14T19:00"}, "ends_at"),
        ({"starts_at": "2026-03-12T20:00", "slot_date": "2026-03-13"}, "slot_date"),
    ],
)
def test_a_move_that_cannot_be_meant_is_refused(
    given: dict[str, Any], field: str, manager: APIClient, star: Venue
) -> None:
    session = session_on(full_game(star), "03-12")
    before = rows()

    response = manager.post(f"/api/v1/sessions/{session.pk}/move/", given)

    assert (response.status_code, list(response.json())) == (400, [field])
    assert rows() == before


def test_what_is_over_stays_as_it_is(manager: APIClient, star: Venue) -> None:
    session = session_on(full_game(star), "03-12")

    with time_machine.travel(sydney("03-13 09:00"), tick=False):
        for action, data in (("cancel", {}), ("restore", {}), ("move", {"starts_at": "2026-03-20T19:00"})):
            response = manager.post(f"/api/v1/sessions/{session.pk}/{action}/", data)
            assert response.status_code == 400
            assert response.json() == {"status": ["This session is over: the past does not change."]}
