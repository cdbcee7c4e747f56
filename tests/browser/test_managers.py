"""A manager's day: their venue's games and nights, at the desk."""

from collections.abc import Iterator
from datetime import date, time
from typing import Any

import pytest
import time_machine
from django.test import override_settings
from icalendar import Calendar
from playwright.sync_api import Page, expect

from events import sessions
from events.models import Closure, Game, Venue
from tests.browser.conftest import DESKTOP, PHONE, Open, violations
from tests.browser.desks import Desk, button_of, desk_of, fill, press, save
from tests.events.league import NOW, dates, full_game, session_on
from tests.factories import make_venue

pytestmark = pytest.mark.usefixtures("site")


@pytest.fixture(autouse=True)
def _now(site: str) -> Iterator[None]:
    with time_machine.travel(NOW), override_settings(LOOKAHEAD_DAYS=28):
        yield


@pytest.fixture
def star(_now: None) -> Venue:
    return make_venue(name="The Star", slug="star", holiday_region="AU-NSW")


@pytest.fixture
def game(star: Venue) -> Game:
    """Thursday's game, its calendar full from 12 March to 2 April."""
    return full_game(star, name="Thursday NLHE")


@pytest.fixture
def desk(open_page: Open, star: Venue) -> Desk:
    full_game(make_venue(name="Hidden Harbour"), name="Secret Game")
    return desk_of(open_page, "managers", star)


def night(game: Game, day: str) -> str:
    """The address of a session's page."""
    return f"events/gamesession/{session_on(game, day).pk}/change/"


def states(game: Game) -> dict[str, str]:
    """The state of each night by its date."""
    return {f"{each.slot_date:%m-%d}": each.status for each in game.sessions.order_by("slot_date")}


def in_feed(page: Page, game: Game, day: str) -> Any:
    feed: Any = Calendar.from_ical(page.request.get(f"/games/{game.pk}/calendar.ics").text())
    uid = str(session_on(game, day).uid)
    return next(event for event in feed.walk("VEVENT") if uid in event["UID"])


# --- Games --------------------------------------------------------------------------------------------------


def test_a_weekly_game_is_described_with_its_dates_in_view_and_saved(desk: Desk, star: Venue) -> None:
    page = desk("events/game/add/")
    shown, days = page.locator("[data-shown]"), page.locator("[data-shown] li")
    expect(shown).to_have_text("Still to fill in: Venue, Name, Start time, First date.")
    expect(page.locator("[name=venue] option")).to_have_text(["Select value", "The Star"])

    fill(page, venue="The Star", name="Thursday NLHE", start_date="12/03/2026", start_time="19:00")
    expect(days).to_have_count(10)
    expect(days.nth(1)).to_have_text("Thu 19 Mar 2026, 19:00")
    page.get_by_label("Friday").check()
    expect(days.first).to_have_text("Fri 13 Mar 2026, 19:00")
    page.get_by_label("Friday").uncheck()
    fill(page, interval=2)
    expect(days.nth(1)).to_have_text("Thu 26 Mar 2026, 19:00")
    fill(page, interval=0)
    expect(shown).to_contain_text("Every: Ensure this value is greater than or equal to 1.")
    fill(page, interval=1, start_time="02:30", start_date="04/10/2026", recurrence="weekly")
    expect(days.first).to_contain_text("03:30 02:30 does not exist")
    fill(page, recurrence="monthly", start_date="31/03/2026", start_time="19:00")
    expect(days.nth(1)).to_have_text("Thu 30 Apr 2026, 19:00")
    expect(page.locator("[name=month_day]")).to_be_visible()
    expect(page.locator("[name=nth]")).to_be_visible()
    fill(page, recurrence="weekly", start_date="12/03/2026")
    expect(page.locator("[name=nth]")).to_be_hidden()
    expect(days.nth(1)).to_have_text("Thu 19 Mar 2026, 19:00")
    expect(page.locator(".live-preview")).to_be_in_viewport()
    save(page)

    expect(page.get_by_text("4 sessions are added.")).to_be_visible()
    assert dates(Game.objects.get(venue=star)) == ["03-12", "03-19", "03-26", "04-02"]
    page.goto("/venues/star/?view=list")
    expect(page.locator(".entry", has_text="Thursday NLHE")).to_have_count(4)


def test_the_form_says_what_saving_does_to_the_nights_that_exist(desk: Desk, game: Game) -> None:
    sessions.cancel(session_on(game, "03-19").pk, "", now=NOW)
    page = desk(f"events/game/{game.pk}/change/")
    shown = page.locator("[data-shown]")
    expect(shown).to_contain_text("Saving this: 1 cancelled stays.")
    fill(page, start_time="19:30")
    expect(shown).to_contain_text("Saving this: 3 sessions move, 1 cancelled stays.")
    assert session_on(game, "03-12").starts_at.astimezone(game.venue.zone).time() == time(19)
    save(page)

    expect(page.get_by_text("3 sessions move, 1 cancelled stays.")).to_be_visible()
    assert session_on(game, "03-12").starts_at.astimezone(game.venue.zone).time() == time(19, 30)


@pytest.mark.parametrize("trouble", ["throw new TypeError('no network')", "return new Response('', {status: 503})"])
def test_dates_that_could_not_be_asked_for_anew_are_said_to_be_old(desk: Desk, game: Game, trouble: str) -> None:
    page = desk(f"events/game/{game.pk}/change/")
    old, days = page.get_by_text("These may be out of date"), page.locator("[data-shown] li")
    expect(days.first).to_have_text("Thu 12 Mar 2026, 19:00")
    expect(old).to_be_hidden()
    page.evaluate(f"window.kept = window.fetch; window.fetch = async () => {{ {trouble} }}; null")
    fill(page, start_time="20:00")
    expect(old).to_be_visible()
    expect(days.first).to_have_text("Thu 12 Mar 2026, 19:00")

    page.evaluate("window.fetch = window.kept")
    fill(page, start_time="20:30")
    expect(days.first).to_have_text("Thu 12 Mar 2026, 20:30")
    expect(old).to_be_hidden()


def test_a_date_is_skipped_with_a_reason(desk: Desk, game: Game) -> None:
    page = desk(f"events/game/{game.pk}/change/")
    press(page, "Skip a date", "Skip it", date="2026-03-19", reason="room is booked")

    expect(page.get_by_text("Thu 19 Mar 2026 is skipped: 1 session is cancelled.")).to_be_visible()
    expect(page.locator("[data-shown] li", has_text="room is booked").locator("s")).to_have_text("Thu 19 Mar 2026")
    assert states(game)["03-19"] == "cancelled"


def test_a_form_that_somebody_else_overtook_is_refused_and_keeps_what_was_typed(desk: Desk, game: Game) -> None:
    page = desk(f"events/game/{game.pk}/change/")
    fill(page, name="Thursday Deepstack")
    game.start_time = time(20)
    game.save(now=NOW)
    save(page)

    expect(page.get_by_text("Somebody else saved this game").first).to_be_visible()
    expect(page.get_by_text("Start time 20:00:00").first).to_be_visible()
    expect(page.locator("[name=name]")).to_have_value("Thursday Deepstack")
    game.refresh_from_db()
    assert (game.name, game.start_time) == ("Thursday NLHE", time(20))


# --- Nights -------------------------------------------------------------------------------------------------


def test_one_night_is_cancelled_with_a_reason_and_restored(desk: Desk, game: Game) -> None:
    page = desk("events/gamesession/")
    expect(page.locator("#result_list tbody tr")).to_have_count(4)
    page.get_by_role("link", name="Thu 12 Mar 2026, 19:00").click()
    press(page, "Cancel", "Cancel the session", reason="dealers are ill")
    expect(page.get_by_text("dealers are ill", exact=True)).to_be_visible()
    assert states(game) == {"03-12": "cancelled"} | dict.fromkeys(("03-19", "03-26", "04-02"), "scheduled")
    told = in_feed(page, game, "03-12")
    assert (told["STATUS"], "CANCELLED" in told["SUMMARY"].upper()) == ("CANCELLED", True)

    page.goto("/venues/star/?view=list")
    entry = page.locator(".entry", has_text="Dealers are ill")
    expect(entry.locator("s").first).to_have_css("text-decoration-line", "line-through")

    page.goto(f"/admin/{night(game, '03-12')}")
    expect(button_of(page, "Cancel")).to_have_count(0)
    press(page, "Restore", "Restore it")
    assert set(states(game).values()) == {"scheduled"}
    assert in_feed(page, game, "03-12")["STATUS"] == "CONFIRMED"


def test_a_night_is_cancelled_from_the_list_and_on_the_phone(desk: Desk, game: Game) -> None:
    page = desk("events/gamesession/", viewport=PHONE)
    page.locator("#result_list tbody tr").first.get_by_text("more_horiz").click()
    press(page, "Cancel", "Cancel the session", reason="flood")

    expect(page.get_by_text("flood", exact=True)).to_be_visible()
    assert states(game)["03-12"] == "cancelled"


def test_a_night_is_moved_and_stays_there(desk: Desk, game: Game) -> None:
    page = desk(night(game, "03-12"))
    press(page, "Move", "Move it", date="2026-03-13", start_time="20:00")

    expect(page.get_by_text("Fri 13 Mar 2026, 20:00", exact=True)).to_be_visible()
    game.start_time = time(18)
    game.save(now=NOW)
    moved = session_on(game, "03-12")
    assert (moved.starts_at.astimezone(game.venue.zone).strftime("%d %H:%M"), moved.edited) == ("13 20:00", True)


def test_a_dialog_says_what_is_wrong_and_keeps_what_was_typed(desk: Desk, game: Game) -> None:
    page = desk(night(game, "03-12"))
    button_of(page, "Close the venue").click()
    dialog = page.locator("#dialog")
    fill(dialog, first_date="2026-03-12", last_date="2026-03-01", reason="works")
    dialog.get_by_role("button", name="Close the venue").click()

    expect(dialog.get_by_text("It ends before it starts")).to_be_visible()
    expect(dialog.locator("[name=reason]")).to_have_value("works")
    assert not Closure.objects.exists()


def test_the_game_changes_from_one_of_its_nights_on(desk: Desk, game: Game) -> None:
    page = desk(night(game, "03-26"))
    press(page, "Change from this date", "Change the game", start_time="20:30")

    expect(page.get_by_text("2 sessions move").first).to_be_visible()
    game.refresh_from_db()
    copy = Game.objects.get(name="Thursday NLHE", start_date=date(2026, 3, 26))
    assert (game.end_date, copy.start_time) == (date(2026, 3, 25), time(20, 30))
    assert (dates(game), dates(copy)) == (["03-12", "03-19"], ["03-26", "04-02"])


def test_a_venue_closes_for_some_days_and_lifting_it_brings_back_exactly_those(desk: Desk, game: Game) -> None:
    sessions.cancel(session_on(game, "03-19").pk, "by hand", now=NOW)
    page = desk(night(game, "03-12"))
    press(page, "Close the venue", "Close the venue", last_date="2026-03-26", reason="renovation")
    expect(page.get_by_text("2 sessions are cancelled").first).to_be_visible()
    assert [day for day, state in states(game).items() if state == "scheduled"] == ["04-02"]

    button_of(page, "Closures").first.click()
    page.locator("#result_list tbody").get_by_role("link").first.click()
    page.get_by_role("link", name="Delete closure").click()
    with page.expect_navigation():
        page.get_by_role("button", name="Yes, I’m sure").click()

    assert not Closure.objects.exists()
    assert [day for day, state in states(game).items() if state == "cancelled"] == ["03-19"]


def test_several_nights_are_cancelled_at_once(desk: Desk, game: Game) -> None:
    page = desk("events/gamesession/")
    for row in (0, 2):
        page.locator("#result_list tbody tr").nth(row).locator(".action-select").check()
    page.locator("select[name=action]").select_option("cancel_all")
    with page.expect_navigation():
        page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("heading", name="Cancel 2 sessions?")).to_be_visible()
    assert violations(page) == []
    fill(page, reason="flood")
    with page.expect_navigation():
        page.get_by_role("button", name="Yes, I’m sure").click()

    expect(page.get_by_text("2 sessions cancelled.")).to_be_visible()
    assert set(game.sessions.filter(status="cancelled").values_list("cancel_reason", flat=True)) == {"flood"}
    assert [day for day, state in states(game).items() if state == "cancelled"] == ["03-12", "03-26"]


# --- What is seen -------------------------------------------------------------------------------------------


def test_a_manager_sees_their_own_venue_alone(desk: Desk, game: Game) -> None:
    secret = Game.objects.get(name="Secret Game")
    page = desk("")
    for link in ("Sessions", "Games", "Closures", "Venues"):
        button_of(page, link).first.click()
        expect(page.locator("#changelist")).to_be_visible()
        assert "Secret Game" not in page.content()
        assert "Hidden Harbour" not in page.content()
    page.goto(f"/admin/events/game/{secret.pk}/change/")
    expect(page.get_by_text("Perhaps it was deleted?")).to_be_visible()


PAGES = ("events/game/add/", "events/game/{game}/change/", "events/gamesession/{session}/change/")


@pytest.mark.parametrize(("viewport", "scheme"), [(PHONE, "light"), (DESKTOP, "dark")], ids=["phone", "desktop"])
def test_the_desk_is_accessible_and_fits_the_screen(desk: Desk, game: Game, viewport: Any, scheme: Any) -> None:
    page = desk("", viewport=viewport, color_scheme=scheme)
    for address in PAGES:
        page.goto(f"/admin/{address.format(game=game.pk, session=session_on(game, '03-12').pk)}")
        page.wait_for_load_state("networkidle")
        # As tall as the page: whatever lies under the bar of buttons now can be scrolled from there.
        height = page.evaluate("document.documentElement.scrollHeight")
        page.set_viewport_size({"width": viewport["width"], "height": height})
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
