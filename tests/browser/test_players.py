"""A player's day: what is on tonight, on the phone in the hand."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from playwright.sync_api import Request, expect

from events.models import Closure, GameSession
from tests.browser.conftest import DESKTOP, PHONE, Open, violations
from tests.factories import make_game, make_venue
from tests.nights import cancelled, make_session

NOW = datetime(2026, 3, 10, 8, 30, tzinfo=UTC)  # Tuesday, 19:30 in Sydney

PAGES = ("/", "/?when=today&venue=nowhere&buy_in=-1", "/venues/star/", "/venues/star/?view=list", "/sessions/{}/")


@pytest.fixture(autouse=True)
def _now(site: str) -> Iterator[None]:
    with time_machine.travel(NOW):
        yield


@pytest.fixture
def tonight(_now: None) -> GameSession:
    """Tonight's session of the Deepstack, amid others."""
    star = make_venue(name="The Star", slug="star")
    crown = make_venue("Australia/Perth", name="Crown Poker Room", slug="crown")
    omaha = make_game(star, name="Omaha Night", variant="PLO")
    make_session(omaha, "2026-03-10 18:00")
    make_session(omaha, "2026-03-11 18:00", edited=True)
    make_session(make_game(star, name="Bounty"), "2026-03-10 20:30", **cancelled("dealers are ill"))
    make_session(make_game(crown, name="Perth Turbo", variant="NLHE", buy_in=50), "2026-03-10 19:00")
    fields = {"variant": "NLHE", "format": "tournament", "buy_in": 120, "seats": 90, "notes": "Bring a friend."}
    deepstack = make_game(star, name="Deepstack", **fields)
    for day in range(11, 25):
        make_session(deepstack, f"2026-03-{day} 21:00")
    carpet = {"first_date": date(2026, 3, 28), "last_date": date(2026, 3, 29), "reason": "carpet"}
    Closure.objects.bulk_create([Closure(venue=star, **carpet)])
    return make_session(deepstack, "2026-03-10 21:00")


def test_a_player_finds_tonights_game_on_the_phone(open_page: Open, tonight: GameSession) -> None:
    page = open_page("/")
    page.get_by_role("link", name="Today", exact=True).click()
    page.get_by_label("Venue").select_option("The Star")
    page.get_by_label("Buy-in up to").fill("150")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".entry")).to_have_count(1)
    expect(page.get_by_role("heading", name="Today")).to_be_visible()
    page.get_by_role("link", name="Deepstack").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Deepstack")
    expect(page.get_by_text("Tuesday 10 March 2026, 9:00 pm")).to_be_visible()
    expect(page.get_by_text("Sydney time (UTC+11)")).to_be_visible()
    calendar = page.get_by_role("link", name="Add to my calendar")
    assert str(calendar.get_attribute("href")).startswith("webcal://")


def test_a_cancelled_session_is_struck_and_says_why(open_page: Open, tonight: GameSession) -> None:
    entry = open_page("/").locator(".entry", has_text="Bounty")
    expect(entry.locator("s").first).to_have_css("text-decoration-line", "line-through")
    expect(entry).to_contain_text("Cancelled Dealers are ill")


def test_what_runs_says_that_it_is_on(open_page: Open, tonight: GameSession) -> None:
    expect(open_page("/").locator(".entry", has_text="Omaha Night").first).to_contain_text("On now until 10:00 pm")


def test_a_day_of_the_phones_month_leads_to_its_sessions(open_page: Open, tonight: GameSession) -> None:
    page = open_page("/venues/star/")
    expect(page.get_by_role("link", name="Deepstack").first).to_be_hidden()
    page.get_by_role("cell", name="3 sessions, 1 cancelled").get_by_role("link").click()
    day = page.locator("section:target")
    expect(day.get_by_role("heading", name="Tuesday 10 March")).to_be_in_viewport()
    expect(day.locator(".entry")).to_have_count(3)


def test_the_month_is_walked_with_the_keyboard_alone(open_page: Open, tonight: GameSession) -> None:
    make_session(tonight.game, "2026-04-02 21:00")
    page = open_page("/venues/star/", viewport=DESKTOP)
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    for name in ("What's on", "April", "Month", "List", "6:00 pm Omaha Night"):
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name=name).first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Omaha Night")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_pages_are_accessible_fit_the_screen_and_load_nothing_from_elsewhere(
    open_page: Open, site: str, tonight: GameSession, viewport: Any, scheme: str
) -> None:
    page = open_page("/", viewport=viewport, color_scheme=scheme)
    loaded: list[Request] = []
    page.on("request", lambda request: loaded.append(request))
    for address in PAGES:
        page.goto(address.format(tonight.pk))
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
    assert {each.url for each in loaded if not each.url.startswith(f"{site}/")} == set()


@pytest.mark.parametrize("address", PAGES)
def test_a_page_with_all_it_loads_weighs_less_than_150_kb(open_page: Open, tonight: GameSession, address: str) -> None:
    for number in range(5):
        game = make_game(tonight.game.venue, name=f"Game {number}", variant="NLHE", buy_in=50)
        for day in range(20):
            make_session(game, f"{date(2026, 3, 11) + timedelta(day)} 19:00")
    page = open_page(address.format(tonight.pk))
    loaded = page.evaluate(
        "['navigation', 'resource'].flatMap(kind => performance.getEntriesByType(kind))"
        ".map(entry => [entry.name, entry.decodedBodySize])"
    )
    assert any(name.endswith(".css") for name, _ in loaded)
    assert sum(size for _, size in loaded) < 150_000


def test_the_api_page_still_works_under_its_policy(open_page: Open, tonight: GameSession) -> None:
    page = open_page("/api/docs/", viewport=DESKTOP)
    expect(page.get_by_text("/api/v1/sessions/", exact=True).first).to_be_visible(timeout=20_000)


def test_on_paper_there_is_the_calendar_and_nothing_to_click(open_page: Open, tonight: GameSession) -> None:
    page = open_page("/", color_scheme="dark")
    page.emulate_media(media="print")
    expect(page.get_by_role("button", name="Show")).to_be_hidden()
    expect(page.get_by_text("Deepstack").first).to_be_visible()
    expect(page.locator("body")).to_have_css("background-color", "rgb(255, 255, 255)")
