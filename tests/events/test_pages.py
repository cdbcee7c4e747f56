"""The players' pages: what stands where and says what, and that nothing a visitor asks for breaks them."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from html import unescape
from typing import Any
from unittest.mock import patch

import pytest
import time_machine
from django.test import Client

from events import sessions
from events.models import Closure, Game, Venue
from tests.factories import make_game, make_venue
from tests.nights import cancelled, make_session

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 10, 8, 30, tzinfo=UTC)  # Tuesday, 19:30 in Sydney


@pytest.fixture(autouse=True)
def _now(settings: Any) -> Iterator[None]:
    settings.SECURE_SSL_REDIRECT = False
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def star() -> Venue:
    return make_venue(name="The Star", slug="star")


def words(response: Any) -> str:
    """What a page says, without its tags."""
    main = response.content.decode().split("<main", 1)[1].split("</main", 1)[0]
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", f"<main{main}")).split())


def listed(response: Any) -> dict[str, list[str]]:
    """The names of the games under each title of the first page."""
    return {
        title: [entry.game.name for day in days for entry in day.entries]
        for title, days in response.context["sections"]
    }


# --- What is on ---------------------------------------------------------------------------------------------


def test_sessions_stand_under_today_tomorrow_this_week_and_later(client: Client, star: Venue) -> None:
    for day in (10, 11, 12, 16, 17):
        make_session(make_game(star, name=f"on {day}"), f"2026-03-{day} 20:00")
    assert listed(client.get("/")) == {
        "Today": ["on 10"],
        "Tomorrow": ["on 11"],
        "This week": ["on 12", "on 16"],
        "Later": ["on 17"],
    }


@pytest.mark.parametrize(
    ("when", "found"),
    [("today", ["on 10"]), ("tomorrow", ["on 11"]), ("week", ["on 10", "on 11", "on 12", "on 16"])],
)
def test_when_narrows_the_list(client: Client, star: Venue, when: str, found: list[str]) -> None:
    for day in (10, 11, 12, 16, 17):
        make_session(make_game(star, name=f"on {day}"), f"2026-03-{day} 20:00")
    assert [name for names in listed(client.get("/", {"when": when})).values() for name in names] == found


@pytest.mark.parametrize("when", ["", "today"])
def test_today_is_the_venues_own_date_on_both_sides_of_the_date_line(client: Client, when: str) -> None:
    """At one instant it is Wednesday in Kiritimati and Monday in Pago Pago."""
    with time_machine.travel(datetime(2026, 3, 10, 10, 30, tzinfo=UTC), tick=False):
        east = make_game(make_venue("Pacific/Kiritimati"), name="East")  # 00:30 on the 11th
        west = make_game(make_venue("Pacific/Pago_Pago"), name="West")  # 23:30 on the 9th
        make_session(east, "2026-03-11 19:00")
        make_session(west, "2026-03-09 23:45")
        make_session(west, "2026-03-10 19:00")  # later by the clock than East's, and tomorrow
        response = client.get("/", {"when": when})
    assert listed(response)["Today"] == ["West", "East"]
    assert listed(response).get("Tomorrow", []) == ([] if when else ["West"])
    said = words(response)
    assert "Monday 9 March 11:45 pm Pago Pago time" in said
    assert "Wednesday 11 March 7:00 pm Kiritimati time" in said


def test_what_runs_since_yesterday_is_on_now_under_today_and_what_is_over_is_gone(client: Client, star: Venue) -> None:
    with time_machine.travel(datetime(2026, 3, 9, 15, tzinfo=UTC), tick=False):  # 02:00 on the 10th
        make_session(make_game(star, name="Late"), "2026-03-09 23:00")
        make_session(make_game(star, name="Over"), "2026-03-09 21:00")
        response = client.get("/", {"when": "today"})
    assert listed(response) == {"Today": ["Late"]}
    assert "On now until 3:00 am on Tuesday 10 March" in words(response)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"venue": "star"}, {"Small", "Omaha", "Unstated"}),
        ({"variant": "PLO"}, {"Omaha"}),
        ({"buy_in": "50"}, {"Small", "Free"}),
        ({"buy_in": "0"}, {"Free"}),
        ({"buy_in": "500", "venue": "star"}, {"Small", "Omaha"}),
        ({"venue": "", "variant": "", "buy_in": ""}, {"Small", "Omaha", "Unstated", "Free"}),
    ],
)
def test_filters_narrow_by_venue_variant_and_buy_in(
    client: Client, star: Venue, query: dict[str, str], found: set[str]
) -> None:
    make_session(make_game(star, name="Small", variant="NLHE", buy_in=50), "2026-03-10 20:00")
    make_session(make_game(star, name="Omaha", variant="PLO", buy_in=120), "2026-03-10 20:00")
    make_session(make_game(star, name="Unstated", variant="NLHE"), "2026-03-10 20:00")
    make_session(make_game(name="Free", variant="NLHE", buy_in=0), "2026-03-10 20:00")
    assert set(listed(client.get("/", query))["Today"]) == found


def test_a_filter_that_makes_no_sense_is_named_and_the_others_hold(client: Client, star: Venue) -> None:
    make_session(make_game(star, name="Small", buy_in=50), "2026-03-10 20:00")
    make_session(make_game(star, name="Big", buy_in=500), "2026-03-10 20:00")
    response = client.get("/", {"venue": "nowhere", "buy_in": "100"})
    assert listed(response) == {"Today": ["Small"]}
    assert "No such venue: choose one." in words(response)


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        ("-1", "Give 0 or more."),
        ("many", "Give an amount, such as 50."),
        ("99999999999", "Give a smaller amount."),
        ("1.234", "Give two decimals at most."),
    ],
)
def test_an_amount_that_makes_no_sense_is_told_what_would(client: Client, amount: str, said: str) -> None:
    assert f"Buy-in up to {said} Show" in words(client.get("/", {"buy_in": amount}))


def test_an_empty_answer_offers_a_way_on(client: Client, star: Venue) -> None:
    assert "No session is planned yet." in words(client.get("/"))
    assert "Show everything that is on" in words(client.get("/", {"when": "tomorrow"}))


def test_a_long_list_goes_on_on_further_pages(client: Client, star: Venue) -> None:
    game = make_game(star)
    for day in range(130):
        make_session(game, f"{date(2026, 3, 11) + timedelta(day)} 19:00")
    pages = [client.get("/", {"page": number, "venue": "star"}) for number in (1, 2, 3, 4)]
    assert [sum(map(len, listed(page).values())) for page in pages] == [60, 60, 10, 0]
    assert "?page=2&amp;venue=star" in pages[0].content.decode()


# --- What a session says ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "by", "said"),
    [
        ("dealers are ill", "staff", "Dealers are ill"),
        ("closed: renovation", "closure", "Closed: renovation"),
        ("excluded: room is booked", "exception", "Room is booked"),
        ("excluded", "exception", ""),
        ("Anzac Day", "holiday", "Public holiday: Anzac Day"),
    ],
)
def test_a_cancelled_session_is_struck_and_says_why(
    client: Client, star: Venue, reason: str, by: str, said: str
) -> None:
    session = make_session(make_game(star, name="Deepstack"), "2026-03-10 21:00", **cancelled(reason, by))
    for address in ("/", "/venues/star/?view=list", f"/sessions/{session.pk}/"):
        response = client.get(address)
        assert "<s>Deepstack</s>" in response.content.decode()
        assert f"Cancelled {said}".strip() in words(response)
    grid = client.get("/venues/star/").content.decode()
    assert '<s><b>9:00 pm</b> Deepstack</s> <span class="unseen">cancelled</span>' in grid
    assert '<b>1</b><span class="unseen"> session, 1 cancelled</span>' in grid


def test_a_moved_session_says_so(client: Client, star: Venue) -> None:
    game = make_game(star)
    first = make_session(game, "2026-03-12 19:00")
    second = make_session(game, "2026-03-13 19:00")
    sessions.move(first.pk, first.starts_at + timedelta(minutes=90), now=NOW)
    sessions.move(second.pk, second.starts_at + timedelta(days=1), now=NOW)
    said = words(client.get("/"))
    assert re.search(r"8:30 pm Sydney time Game 0 The Star · Cash Moved from 7:00 pm", said)
    assert "Moved from Friday 13 March" in said


def test_a_session_restored_after_a_holiday_was_not_moved(client: Client, star: Venue) -> None:
    session = make_session(make_game(star), "2026-03-12 19:00", edited=True)
    assert "Moved" not in words(client.get(f"/sessions/{session.pk}/"))


def test_a_sessions_page_says_when_where_and_what(client: Client) -> None:
    venue = make_venue("Asia/Kolkata", name="Goa Card Room", slug="goa")
    fields = {"variant": "NLHE", "format": "tournament", "buy_in": "1500.50", "currency": "INR", "seats": 90}
    game = make_game(venue, name="Deepstack", notes="Late registration\nuntil level 8.", **fields)
    session = make_session(game, "2026-03-10 20:00", notes="Shoes, please.")
    make_session(game, "2026-03-17 20:00")
    said = words(client.get(f"/sessions/{session.pk}/"))
    assert "Tuesday 10 March 2026, 8:00 pm to midnight Kolkata time (UTC+5:30)" in said
    assert "Where Goa Card Room Game NLHE Format Tournament Buy-in INR 1,500.50 Seats 90" in said
    assert "Shoes, please. Late registration until level 8." in said
    assert "More dates Tuesday 17 March 8:00 pm" in said


@pytest.mark.parametrize(
    ("now", "state"),
    [("08:59", "finished"), ("05:00", "on now"), ("04:59", "")],
)
def test_a_session_is_on_from_its_start_and_finished_at_its_end(
    client: Client, star: Venue, now: str, state: str
) -> None:
    session = make_session(make_game(star), "2026-03-10 16:00", ends_at=datetime(2026, 3, 10, 8, 59, tzinfo=UTC))
    with time_machine.travel(datetime.fromisoformat(f"2026-03-10T{now}Z"), tick=False):
        said = words(client.get(f"/sessions/{session.pk}/")).lower()
    assert [word for word in ("finished", "on now") if word in said] == [state] * bool(state)


def test_a_name_is_text_wherever_it_stands(client: Client) -> None:
    evil = "<script>alert(1)</script>\"'><img src=x>"
    venue = make_venue(name=evil, slug="evil")
    game = make_game(venue, name=evil, variant="<b>x</b>", notes=evil)
    session = make_session(game, "2026-03-10 21:00", notes=evil, **cancelled(evil))
    Closure.objects.bulk_create(
        [Closure(venue=venue, first_date=date(2026, 3, 12), last_date=date(2026, 3, 12), reason=evil)]
    )
    for address in ("/", "/venues/evil/", "/venues/evil/?view=list", f"/sessions/{session.pk}/"):
        page = client.get(address).content.decode()
        assert "alert(1)" in page
        assert "<script" not in page
        assert "<img" not in page
        assert "<b>x</b>" not in page


# --- A venue's month ----------------------------------------------------------------------------------------


def test_the_month_is_a_grid_of_weeks_in_the_venues_zone(client: Client) -> None:
    venue = make_venue("America/New_York", slug="village")
    make_session(make_game(venue, name="Last of February"), "2026-02-28 23:30")
    make_session(make_game(venue, name="First of March"), "2026-03-01 00:15")
    make_session(make_game(venue, name="Last of March"), "2026-03-31 23:30")
    response = client.get("/venues/village/")
    cells = {cell.date.day: cell for week in response.context["weeks"] for cell in week if cell}
    assert [cell and cell.date.day for cell in response.context["weeks"][0]] == [None] * 6 + [1]
    assert list(cells) == list(range(1, 32))
    assert {day: [entry.game.name for entry in cell.entries] for day, cell in cells.items() if cell.entries} == {
        1: ["First of March"],
        31: ["Last of March"],
    }
    assert "Times are New York time." in words(response)
    assert response.content.decode().count('aria-current="date"') == 1


def test_months_are_linked_as_far_as_there_are_sessions(client: Client, star: Venue) -> None:
    game = make_game(star)
    for month in ("02", "03", "04"):
        make_session(game, f"2026-{month}-10 19:00")
    linked = {
        month: re.findall(r'rel="(?:prev|next)" href="\?month=([\d-]+)"', client.get(address).content.decode())
        for month, address in (
            ("03", "/venues/star/"),
            ("02", "/venues/star/?month=2026-02"),
            ("04", "/venues/star/?month=2026-04"),
        )
    }
    assert linked == {"03": ["2026-02", "2026-04"], "02": ["2026-03"], "04": ["2026-03"]}


def test_the_list_begins_today_unless_a_month_is_named(client: Client, star: Venue) -> None:
    game = make_game(star)
    for day in ("03-02", "03-12", "04-09"):
        make_session(game, f"2026-{day} 19:00")

    def dates(**query: str) -> list[str]:
        response = client.get("/venues/star/", {"view": "list", **query})
        return [f"{day.date:%m-%d}" for day in response.context["days"]]

    assert dates() == ["03-12", "04-09"]
    assert dates(month="2026-03") == ["03-02", "03-12"]


def test_a_crowded_day_shows_five_and_leads_to_its_place_in_the_list(client: Client, star: Venue) -> None:
    for number in range(7):
        game = make_game(star, name=f"Table {number}")
        for day in range(1, 21):
            make_session(game, f"2026-03-{day:02} 19:00")
    page = client.get("/venues/star/").content.decode()
    assert page.count("and 2 more") == 20
    link = unescape(re.findall(r'href="(\?[^"]*#d2026-03-15)"', page)[0])
    assert link == "?view=list&month=2026-03&page=2#d2026-03-15"
    assert 'id="d2026-03-15"' in client.get(f"/venues/star/{link}").content.decode()


def test_closures_are_announced_until_they_are_over(client: Client, star: Venue) -> None:
    rows = [(3, 4, "over"), (9, 10, "carpet"), (30, 30, "stocktaking")]
    Closure.objects.bulk_create(
        [
            Closure(venue=star, first_date=date(2026, 3, first), last_date=date(2026, 3, last), reason=reason)
            for first, last, reason in rows
        ]
    )
    for view in ("", "list"):
        said = words(client.get("/venues/star/", {"view": view}))
        assert "Closed from Monday 9 March to Tuesday 10 March: carpet" in said
        assert "Closed on Monday 30 March: stocktaking" in said
        assert "over" not in said


# --- What there is not --------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["/venues/nowhere/", "/sessions/1/", f"/sessions/{10**30}/", "/nope"])
def test_what_there_is_not_is_a_page_that_says_so(client: Client, address: str) -> None:
    response = client.get(address)
    assert response.status_code == 404
    assert "There is no such page" in words(response)


def test_an_inactive_venue_is_hidden_everywhere(client: Client) -> None:
    venue = make_venue(name="Asleep", slug="asleep", active=False)
    session = make_session(make_game(venue), "2026-03-10 21:00")
    assert client.get("/venues/asleep/").status_code == 404
    assert client.get(f"/sessions/{session.pk}/").status_code == 404
    assert "Asleep" not in client.get("/").content.decode()


@pytest.mark.parametrize(
    "query",
    [
        *(f"page={value}" for value in ("0", "-1", "x", "", "²", "9" * 5000, "1e9", "99999999")),
        *(f"buy_in={value}" for value in ("NaN", "-1", "1e999999", "Infinity", "x", "9" * 3000, "%00", "sNaN")),
        *(f"month={value}" for value in ("0000-00", "9999-12", "2026-13", "1969-12", "2099-12", "2026-3", "x")),
        "venue=%00&variant=%00&when=%00&view=%00&month=%00",
        "venue=%FF%FE&variant=%F0%9F%83%8F&when=never",
        "venue=a&venue=b&page=1&page=2",
    ],
)
def test_no_query_breaks_a_page(client: Client, star: Venue, query: str) -> None:
    make_session(make_game(star), "2026-03-10 21:00")
    for address in ("/", "/venues/star/", "/venues/star/?view=list"):
        response = client.get(f"{address}{'&' if '?' in address else '?'}{query}")
        assert response.status_code == 200


def test_a_venue_whose_zone_is_unknown_takes_no_page_down(client: Client) -> None:
    venue = make_venue("Mars/Olympus", slug="mars")
    game = make_game(venue, name="Low gravity")
    make_session(make_game(name="Here"), "2026-03-10 21:00")
    with patch.object(Venue, "zone", UTC):
        make_session(game, "2026-03-10 21:00")
    assert {"Low gravity", "Here"} == {name for names in listed(client.get("/")).values() for name in names}
    assert "Times are UTC." in words(client.get("/venues/mars/"))


@pytest.mark.parametrize("address", ["/", "/venues/star/"])
def test_pages_are_read_and_nothing_else(client: Client, star: Venue, address: str) -> None:
    assert client.post(address).status_code == 405


# --- What a page costs and may do ---------------------------------------------------------------------------


def crowd(star: Venue) -> Game:
    """A hundred sessions in a month, of ten games at two venues."""
    games = [make_game(venue, name=f"Game {n}", buy_in=50) for n in range(5) for venue in (star, make_venue())]
    for game in games:
        for day in range(10, 20):
            make_session(game, f"2026-03-{day} 20:00")
    return games[0]


@pytest.mark.parametrize(
    ("address", "most"),
    [
        ("/", 2),
        ("/?when=tomorrow&venue=star&buy_in=100", 4),
        ("/venues/star/", 5),
        ("/venues/star/?view=list", 5),
    ],
)
def test_pages_take_few_queries(
    client: Client, star: Venue, django_assert_num_queries: Any, address: str, most: int
) -> None:
    crowd(star)
    with django_assert_num_queries(most):
        client.get(address)


def test_a_sessions_page_takes_two_queries(client: Client, star: Venue, django_assert_num_queries: Any) -> None:
    session = crowd(star).sessions.earliest("pk")
    with django_assert_num_queries(2):
        client.get(f"/sessions/{session.pk}/")


def test_no_page_weighs_more_than_150_kb(client: Client, star: Venue) -> None:
    """Ten daily games a venue, and names as long as they can be."""
    for number in range(10):
        game = make_game(star, name=f"{number}{'x' * 199}", variant="v" * 50, buy_in=1)
        for day in range(1, 32):
            make_session(game, f"2026-03-{day:02} 20:00", **cancelled("r" * 200))
    for address in ("/", "/venues/star/", "/venues/star/?view=list", "/venues/star/?view=list&month=2026-03"):
        assert len(client.get(address).content) < 150_000


def test_pages_may_load_nothing_but_our_styles_and_images(client: Client, star: Venue) -> None:
    session = make_session(make_game(star), "2026-03-10 21:00")
    addresses = ("/", "/venues/star/", "/venues/star/?view=list", f"/sessions/{session.pk}/", "/nope")
    for response in map(client.get, addresses):
        policy = dict(part.strip().split(" ", 1) for part in response["Content-Security-Policy"].split(";"))
        assert policy == {
            "default-src": "'none'",
            "style-src": "'self'",
            "img-src": "'self'",
            "form-action": "'self'",
            "base-uri": "'none'",
            "frame-ancestors": "'none'",
        }
        page = response.content.decode()
        assert not re.search(r"<script|<style|\sstyle=|\son\w+=|javascript:|https?://(?!testserver|www\.w3\.org)", page)


def test_the_api_page_may_run_our_scripts(client: Client) -> None:
    page = client.get("/api/docs/")
    assert "script-src 'self';" in page["Content-Security-Policy"] + ";"
    assert not re.search(r"<script(?![^>]*\ssrc=)", page.content.decode())


def test_an_error_of_ours_is_a_page_that_says_so(client: Client) -> None:
    client.raise_request_exception = False
    with patch("events.views.offered", side_effect=RuntimeError):
        response = client.get("/")
    assert response.status_code == 500
    assert "Something went wrong" in words(response)
    assert "default-src 'none'" in response["Content-Security-Policy"]


def test_the_icon_that_browsers_ask_for_by_themselves_is_there(client: Client) -> None:
    assert client.get("/favicon.ico")["Location"] == "/static/events/favicon.svg"
