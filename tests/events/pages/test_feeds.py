"""The calendar feeds, read by two parsers that know nothing of each other or of us."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import pytest
import time_machine
import vobject
from django.db.models import Q
from django.test import Client

from events import sessions
from events.models import Closure, Game, GameSession, Venue
from events.pages import feeds
from tests.events.league import full_game, march, session_on
from tests.events.pages.conftest import NOW
from tests.factories import make_game, make_venue
from tests.nights import cancelled, make_session

pytestmark = pytest.mark.django_db


def by_icalendar(content: bytes) -> list[dict[str, Any]]:
    events = icalendar.Calendar.from_ical(content).walk("VEVENT")
    names = ("uid", "summary", "status", "location", "url", "description", "sequence")
    assert not any(event.errors for event in events)
    return [
        {name: str(event[name]) for name in names}
        | {name: event.decoded(name) for name in ("dtstart", "dtend", "dtstamp", "last-modified")}
        for event in events
    ]


def by_vobject(content: bytes) -> list[dict[str, Any]]:
    names = ("uid", "summary", "status", "location", "url", "description", "sequence")
    times = ("dtstart", "dtend", "dtstamp", "last-modified")
    calendar = vobject.readOne(content.decode())
    assert calendar.validate(raiseException=True)
    return [
        {name: event.contents[name][0].value for name in (*names, *times)}
        for event in calendar.contents.get("vevent", [])
    ]


def events(client: Client, address: str = "/venues/star/calendar.ics") -> list[dict[str, Any]]:
    """The feed's events, once both parsers agree on them."""
    response = client.get(address)
    assert response.status_code == 200
    assert response["Content-Type"] == "text/calendar; charset=utf-8"
    found = by_icalendar(response.content)
    assert found == by_vobject(response.content)
    return found


def weekly(venue: Venue, **fields: Any) -> Game:
    """A game on Thursdays at 19:00 whose calendar is full."""
    game = make_game(venue, recurrence="weekly", weekdays=["thu"], start_date=date(2026, 1, 1), **fields)
    sessions.settle(Q(pk=game.pk), now=NOW)
    return game


def test_two_parsers_read_one_event_a_session_in_utc(client: Client, star: Venue) -> None:
    game = make_game(star, name="Deepstack", variant="NLHE", buy_in=50, notes="Bring a hat; it's cold,\nreally.")
    session = make_session(game, "2026-03-12 19:00")
    assert events(client) == [
        {
            "uid": str(session.uid),
            "summary": "Deepstack",
            "status": "CONFIRMED",
            "location": "The Star",
            "url": f"http://testserver/sessions/{session.pk}/",
            "description": "NLHE · Cash · AUD 50 buy-in\n\nStarts at 7:00 pm, Sydney time.\n\n"
            "Bring a hat; it's cold,\nreally.",
            "sequence": "0",
            "dtstart": datetime(2026, 3, 12, 8, tzinfo=UTC),
            "dtend": datetime(2026, 3, 12, 12, tzinfo=UTC),
            "dtstamp": NOW,
            "last-modified": NOW,
        }
    ]


def test_times_are_right_on_both_sides_of_a_change_of_clocks_and_of_the_date_line(client: Client, star: Venue) -> None:
    game = make_game(star)
    for day in ("04-04", "04-05"):  # summer time ends in Sydney on 5 April
        make_session(game, f"2026-{day} 19:00")
    make_session(make_game(make_venue("Pacific/Kiritimati", slug="east")), "2026-03-11 19:00")
    assert [event["dtstart"].isoformat() for event in events(client)] == [
        "2026-04-04T08:00:00+00:00",
        "2026-04-05T09:00:00+00:00",
    ]
    east = events(client, "/venues/east/calendar.ics")[0]
    assert east["dtstart"] == datetime(2026, 3, 11, 5, tzinfo=UTC)
    assert "Starts at 7:00 pm, Kiritimati time." in east["description"]


def test_a_venues_feed_holds_all_its_games_and_a_games_feed_its_own(client: Client, star: Venue) -> None:
    cash, league = make_game(star, name="Cash"), make_game(star, name="League")
    for game in (cash, league, make_game(name="Elsewhere")):
        make_session(game, "2026-03-12 19:00")
    assert {event["summary"] for event in events(client)} == {"Cash", "League"}
    assert {event["summary"] for event in events(client, f"/games/{cash.pk}/calendar.ics")} == {"Cash"}


def test_a_feed_goes_thirty_days_back_and_ahead_as_far_as_there_are_sessions(client: Client, star: Venue) -> None:
    game = make_game(star)
    for day in ("2026-02-07", "2026-02-08", "2027-04-01"):
        make_session(game, f"{day} 19:00")
    assert [f"{event['dtstart']:%Y-%m-%d}" for event in events(client)] == ["2026-02-08", "2027-04-01"]


def test_moved_cancelled_and_restored_a_session_keeps_its_uid_and_raises_its_sequence(
    client: Client, star: Venue, clock: time_machine.Traveller
) -> None:
    session = make_session(make_game(star, name="Deepstack"), "2026-03-12 19:00")
    told = [*events(client)]
    for change in (
        lambda now: sessions.move(session.pk, session.starts_at + timedelta(hours=2), now=now),
        lambda now: sessions.cancel(session.pk, "dealers are ill", now=now),
        lambda now: sessions.restore(session.pk, now=now),
    ):
        clock.shift(timedelta(minutes=1))
        change(datetime.now(UTC))
        told += events(client)
    assert {event["uid"] for event in told} == {str(session.uid)}
    assert [event["sequence"] for event in told] == ["0", "1", "2", "3"]
    assert [event["status"] for event in told] == ["CONFIRMED", "CONFIRMED", "CANCELLED", "CONFIRMED"]
    assert [event["summary"] for event in told] == ["Deepstack", "Deepstack", "CANCELLED: Deepstack", "Deepstack"]
    assert [event["dtstart"].hour for event in told] == [8, 10, 10, 10]
    assert [event["last-modified"].minute for event in told] == [30, 31, 32, 33]
    assert [event["dtstamp"].minute for event in told] == [30, 31, 32, 33]
    assert "Moved from 7:00 pm." in told[1]["description"]
    assert "Cancelled. Dealers are ill" in told[2]["description"]


def test_an_edit_of_the_game_is_followed_under_the_same_uids(client: Client, star: Venue) -> None:
    game = weekly(star)
    before = events(client)
    game.refresh_from_db()
    game.start_time = time(20)
    game.save(now=NOW)
    after = events(client)
    assert [event["uid"] for event in after] == [event["uid"] for event in before]
    assert {event["sequence"] for event in after} == {"1"}


def test_a_removed_session_vanishes(client: Client, star: Venue) -> None:
    game = weekly(star)
    assert len(events(client)) == 4
    game.refresh_from_db()
    game.status = Game.Status.ARCHIVED
    game.save(now=NOW)
    assert events(client) == []


# --- 304 ------------------------------------------------------------------------------------------------------


def ask(client: Client, headers: dict[str, str]) -> int:
    return client.get("/venues/star/calendar.ics", headers=headers).status_code


def test_what_has_not_changed_is_not_sent_again(client: Client, star: Venue, django_assert_num_queries: Any) -> None:
    make_session(make_game(star), "2026-03-12 19:00")
    first = client.get("/venues/star/calendar.ics")
    assert first["Last-Modified"] == "Tue, 10 Mar 2026 08:30:00 GMT"
    for headers in ({"if-none-match": first["ETag"]}, {"if-modified-since": first["Last-Modified"]}):
        with django_assert_num_queries(2):  # the venue, and the state of its games
            again = client.get("/venues/star/calendar.ics", headers=headers)
        assert (again.status_code, again.content) == (304, b"")
        assert (again["ETag"], again["Last-Modified"]) == (first["ETag"], first["Last-Modified"])


def _rename_game(session: GameSession) -> None:
    Game.objects.update(name="Renamed")


def _rename_venue(session: GameSession) -> None:
    Venue.objects.update(name="Renamed")


def _remove(session: GameSession) -> None:
    session.delete()


def _replace(session: GameSession) -> None:
    session.delete()
    make_session(session.game, f"{session.slot_date} 20:00")


def _add(session: GameSession) -> None:
    make_session(session.game, "2026-03-13 19:00")


def _cancel(session: GameSession) -> None:
    sessions.cancel(session.pk, "", now=NOW)


def _close(session: GameSession) -> None:
    day = session.slot_date
    Closure(venue=session.game.venue, first_date=day, last_date=day, reason="carpet").save(now=NOW)


@pytest.mark.parametrize(
    "change", [_rename_game, _rename_venue, _remove, _replace, _add, _cancel, _close], ids=lambda f: f.__name__
)
def test_every_change_shows_at_once_to_whoever_asks_by_etag(client: Client, star: Venue, change: Any) -> None:
    """Even where the clock stood still."""
    game = weekly(star)
    headers = {"if-none-match": client.get("/venues/star/calendar.ics")["ETag"]}
    assert ask(client, headers) == 304
    change(game.sessions.latest("slot_date"))
    assert ask(client, headers) == 200


def test_whoever_asks_by_time_alone_misses_a_removal_for_an_hour_at_most(
    client: Client, star: Venue, clock: time_machine.Traveller
) -> None:
    session = make_session(make_game(star), "2026-03-12 19:00")
    headers = {"if-modified-since": client.get("/venues/star/calendar.ics")["Last-Modified"]}
    session.delete()
    clock.shift(timedelta(minutes=29))
    assert ask(client, headers) == 304
    clock.shift(timedelta(minutes=1))
    assert ask(client, headers) == 200


# --- Edges ----------------------------------------------------------------------------------------------------


def test_a_name_can_neither_break_out_of_its_line_nor_be_markup(client: Client) -> None:
    evil = "<b>Poker</b>, night; \r\nSTATUS:CANCELLED\r\nEND:VEVENT\x07\x1b[0m"
    venue = make_venue(name=evil, slug="star")
    make_session(make_game(venue, name=evil, notes=evil), "2026-03-12 19:00", notes=evil)
    (event,) = events(client)
    assert event["status"] == "CONFIRMED"
    assert event["summary"] == "<b>Poker</b>, night; \nSTATUS:CANCELLED\nEND:VEVENT[0m"


def test_long_lines_are_folded_at_75_octets_within_no_character(client: Client, star: Venue) -> None:
    name = "Kärpät ♠♥♦♣ 大阪 🃏 " * 8
    make_session(make_game(star, name=name.strip()), "2026-03-12 19:00")
    lines = client.get("/venues/star/calendar.ics").content.split(b"\r\n")
    assert max(map(len, lines)) <= 75
    assert all(line.decode() is not None for line in lines)
    assert events(client)[0]["summary"] == name.strip()


def test_an_empty_calendar_is_a_calendar(client: Client, star: Venue) -> None:
    assert events(client) == []


@pytest.mark.parametrize(
    "address", ["/venues/nowhere/calendar.ics", "/games/1/calendar.ics", f"/games/{10**30}/calendar.ics"]
)
def test_what_there_is_not_has_no_feed(client: Client, address: str) -> None:
    assert client.get(address).status_code == 404


def test_an_inactive_venue_has_no_feeds(client: Client) -> None:
    game = make_game(make_venue(slug="asleep", active=False))
    assert client.get("/venues/asleep/calendar.ics").status_code == 404
    assert client.get(f"/games/{game.pk}/calendar.ics").status_code == 404


def test_pages_offer_the_feed_to_the_visitors_calendar(client: Client, star: Venue) -> None:
    session = make_session(make_game(star), "2026-03-12 19:00", **cancelled("ill"))
    venue = client.get("/venues/star/").content.decode()
    assert 'href="webcal://testserver/venues/star/calendar.ics"' in venue
    assert 'href="http://testserver/venues/star/calendar.ics"' in venue
    page = client.get(f"/sessions/{session.pk}/").content.decode()
    assert f'href="webcal://testserver/games/{session.game_id}/calendar.ics"' in page


def test_a_feed_takes_three_queries_however_long_it_is(
    client: Client, star: Venue, django_assert_num_queries: Any
) -> None:
    for _ in range(5):
        game = make_game(star)
        for day in range(10, 30):
            make_session(game, f"2026-03-{day} 19:00")
    with django_assert_num_queries(3):
        response = client.get("/venues/star/calendar.ics")
    assert len(by_vobject(response.content)) == 100


def test_a_feed_that_grows_too_long_is_of_the_next_sessions_alone(
    client: Client, star: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    game = make_game(star)
    for night in ("08", "09", "10", "11", "12"):  # it is the 10th
        make_session(game, f"2026-03-{night} 20:00")

    def nights(most: int) -> list[int]:
        monkeypatch.setattr(feeds, "MOST", most)
        return [event["dtstart"].day for event in events(client)]

    assert nights(5) == [8, 9, 10, 11, 12]
    assert nights(4) == [10, 11, 12]
    assert nights(2) == [10, 11]


def test_what_is_told_of_a_game_changes_when_each_of_its_sessions_was_changed(
    client: Client, star: Venue, clock: time_machine.Traveller
) -> None:
    game = make_game(star, name="Deepstack")
    make_session(game, "2026-03-12 19:00")
    clock.shift(timedelta(minutes=7))
    game.buy_in = 50
    game.save()

    assert {event["last-modified"].minute for event in events(client)} == {37}


def test_the_calendar_of_a_game_that_changes_from_a_date_goes_on(client: Client, star: Venue) -> None:
    game = full_game(star)
    feed = f"/games/{game.pk}/calendar.ics"
    before = [event["uid"] for event in events(client, feed)]

    once = sessions.split(game.pk, march("03-19"), {"start_time": time(19, 30)}, now=NOW)
    again = sessions.split(once.pk, march("03-26"), {"start_time": time(20)}, now=NOW)
    make_session(make_game(star, name="Another"), "2026-03-12 19:00")

    for address in (feed, f"/games/{again.pk}/calendar.ics"):
        told = events(client, address)
        assert [event["uid"] for event in told] == before
        assert [f"{sydney_clock(event)}" for event in told] == ["19:00", "19:30", "20:00", "20:00"]
    page = client.get(f"/sessions/{session_on(game, '03-12').pk}/")
    assert [night.day for night in page.context["others"]] == [march("03-19"), march("03-26"), march("04-02")]


def sydney_clock(event: dict[str, Any]) -> str:
    return f"{event['dtstart'].astimezone(ZoneInfo('Australia/Sydney')):%H:%M}"


def test_a_port_that_a_stranger_names_is_in_no_address(client: Client, star: Venue) -> None:
    """A cache between us and the others may keep the page."""
    night = full_game(star).sessions.earliest("slot_date")

    for path in ("/venues/star/", f"/sessions/{night.pk}/", "/venues/star/calendar.ics"):
        page = client.get(path, HTTP_HOST="localhost:6666", secure=True).content.decode()
        assert "//localhost/" in page
        assert "6666" not in page
