"""The desks of the calendar: who may open and do what, stale forms, and what a list costs."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from events import sessions
from events.models import Closure, Game, GameDate, GameSession, Venue
from tests.events.conftest import make_user
from tests.events.league import NOW, each_day, full_game, march, rows, session_on
from tests.factories import make_game, make_games, make_venue
from tests.nights import make_session

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("now")]

ROLES = ("anonymous", "plain", "viewer", "manager", "stranger", "operator", "superuser")
SUBMITTED = {"_form_submitted": "on"}


def client_of(user: User | None) -> Client:
    client = Client(headers={"x-forwarded-proto": "https"})
    if user:
        client.force_login(user)
    return client


def member(group: str, *venues: Venue) -> User:
    user = make_user(group.rstrip("s"), *venues, is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    return user


@pytest.fixture
def venue() -> Venue:
    return make_venue(slug="star", name="The Star", holiday_region="AU-NSW")


@pytest.fixture
def game(venue: Venue) -> Game:
    return full_game(venue)


@pytest.fixture
def desk(venue: Venue) -> Client:
    """The desk of the manager of the venue."""
    return client_of(member("managers", venue))


def user_of(role: str, venue: Venue) -> User | None:
    match role:
        case "anonymous":
            return None
        case "plain":
            return make_user("plain", is_staff=True)
        case "viewer":
            return member("viewers")
        case "manager":
            return member("managers", venue)
        case "stranger":
            return member("managers", make_venue(name="Elsewhere"))
        case "operator":
            return member("operators")
        case _:
            return make_user("root", is_staff=True, is_superuser=True)


def form_of(desk: Client, address: str) -> dict[str, Any]:
    """What a page's form would send, were it sent unchanged."""
    context = desk.get(address).context
    sent: dict[str, Any] = {}
    forms = [context["adminform"].form]
    for each in context["inline_admin_formsets"]:
        forms += [each.formset.management_form, *each.formset.forms]
    for form in forms:
        for bound in form:
            value = bound.value()
            value = value() if callable(value) else value
            if bound.name == "active" and not value:
                continue
            sent[bound.html_name] = "" if value is None else value
    return sent


# --- Who may open what --------------------------------------------------------------------------------------

# Method, address, what is sent, and the answers to, in turn: anonymous, staff without permissions, a viewer, the
# venue's manager, another venue's, an operator, a superuser. 302 from a page that names a row means that there is none.
TABLE: list[tuple[str, str, dict[str, Any], tuple[int, ...]]] = [
    ("GET", "", {}, (302, 200, 200, 200, 200, 200, 200)),
    ("GET", "events/venue/", {}, (302, 403, 200, 200, 200, 403, 200)),
    ("GET", "events/venue/add/", {}, (302, 403, 403, 403, 403, 403, 200)),
    ("GET", "events/venue/{venue}/change/", {}, (302, 403, 200, 200, 302, 403, 200)),
    ("GET", "events/venue/{venue}/delete/", {}, (302, 403, 403, 403, 403, 403, 200)),
    ("GET", "events/game/", {}, (302, 403, 200, 200, 200, 403, 200)),
    ("GET", "events/game/add/", {}, (302, 403, 403, 200, 200, 403, 200)),
    ("GET", "events/game/{game}/change/", {}, (302, 403, 200, 200, 302, 403, 200)),
    ("GET", "events/game/{game}/history/", {}, (302, 403, 200, 200, 302, 403, 200)),
    ("GET", "events/game/{game}/delete/", {}, (302, 403, 403, 200, 302, 403, 200)),
    ("POST", "events/game/{game}/change/", {}, (302, 403, 403, 200, 302, 403, 200)),
    ("POST", "events/game/next-slots/?game={game}", {}, (302, 403, 403, 200, 200, 403, 200)),
    ("POST", "events/game/{game}/skip_date/", {"date": "2026-03-19"}, (302, 403, 403, 200, 403, 403, 200)),
    ("POST", "events/game/{game}/split/", {}, (302, 403, 403, 200, 403, 403, 200)),
    ("GET", "events/closure/", {}, (302, 403, 200, 200, 200, 403, 200)),
    ("GET", "events/closure/add/", {}, (302, 403, 403, 200, 200, 403, 200)),
    ("GET", "events/closure/{closure}/change/", {}, (302, 403, 200, 200, 302, 403, 200)),
    ("POST", "events/closure/{closure}/delete/", {"post": "yes"}, (302, 403, 403, 302, 302, 403, 302)),
    ("GET", "events/gamesession/", {}, (302, 403, 200, 200, 200, 403, 200)),
    ("GET", "events/gamesession/add/", {}, (302, 403, 403, 403, 403, 403, 403)),
    ("GET", "events/gamesession/{session}/change/", {}, (302, 403, 200, 200, 302, 403, 200)),
    ("GET", "events/gamesession/{session}/delete/", {}, (302, 403, 403, 403, 403, 403, 403)),
    ("POST", "events/gamesession/{session}/change/", {"notes": "x"}, (302, 403, 403, 302, 302, 403, 302)),
    ("POST", "events/gamesession/{session}/cancel/", {"reason": "x"}, (302, 403, 403, 200, 403, 403, 200)),
    ("POST", "events/gamesession/{session}/restore/", {}, (302, 403, 403, 200, 403, 403, 200)),
    ("POST", "events/gamesession/{session}/move/", {}, (302, 403, 403, 200, 403, 403, 200)),
    ("POST", "events/gamesession/{session}/close_venue/", {}, (302, 403, 403, 200, 403, 403, 200)),
    ("POST", "events/gamesession/{session}/split/", {}, (302, 403, 403, 200, 403, 403, 200)),
    ("POST", "events/gamesession/no-number/cancel/", {"reason": "x"}, (302, 403, 403, 403, 403, 403, 403)),
    ("GET", "workers/scheduledjob/", {}, (302, 403, 403, 403, 403, 200, 200)),
    ("GET", "workers/scheduledjob/add/", {}, (302, 403, 403, 403, 403, 200, 200)),
    ("POST", "workers/scheduledjob/next-fires/", {}, (302, 403, 403, 403, 403, 200, 200)),
    ("POST", "workers/scheduledjob/prune_history/run_now/", {}, (302, 403, 403, 403, 403, 200, 200)),
    ("POST", "workers/scheduledjob/prune_history/pause/", {}, (302, 403, 403, 403, 403, 200, 200)),
    ("GET", "workers/run/", {}, (302, 403, 403, 403, 403, 200, 200)),
    ("GET", "workers/run/add/", {}, (302, 403, 403, 403, 403, 403, 403)),
    ("GET", "auth/user/", {}, (302, 403, 403, 403, 403, 403, 200)),
    ("GET", "auth/group/", {}, (302, 403, 403, 403, 403, 403, 200)),
    ("GET", "authtoken/tokenproxy/", {}, (302, 403, 403, 403, 403, 200, 200)),
    ("GET", "authtoken/tokenproxy/add/", {}, (302, 403, 403, 403, 403, 403, 200)),
    ("GET", "axes/accessattempt/", {}, (302, 403, 403, 403, 403, 200, 200)),
    ("GET", "axes/accessattempt/add/", {}, (302, 403, 403, 403, 403, 403, 403)),
]


@pytest.mark.parametrize("role", ROLES)
def test_who_may_open_and_do_what(role: str, venue: Venue, game: Game) -> None:
    closure = Closure(venue=venue, first_date=march("05-01"), last_date=march("05-02"), reason="works")
    closure.save(now=NOW)
    ids = {"venue": venue.pk, "game": game.pk, "closure": closure.pk, "session": session_on(game, "03-12").pk}
    client = client_of(user_of(role, venue))

    found = {}
    for method, address, sent, _ in TABLE:
        before = rows() if role in ("anonymous", "plain", "viewer", "stranger", "operator") else None
        response = client.generic(
            method,
            f"/admin/{address.format(**ids)}",
            "&".join(f"{name}={value}" for name, value in {**SUBMITTED, **sent}.items()),
            content_type="application/x-www-form-urlencoded",
        )
        found[method, address] = response.status_code
        if before is not None:
            assert rows() == before, address

    assert found == {(method, address): answers[ROLES.index(role)] for method, address, _, answers in TABLE}


def test_the_groups_exist_with_their_permissions() -> None:
    held = {
        group.name: {f"{each.content_type.app_label}.{each.codename}" for each in group.permissions.all()}
        for group in Group.objects.all()
    }
    both = {f"events.{may}_{model}" for model in ("game", "gamedate", "closure") for may in ("view", "change")}
    written = {f"events.{may}_{model}" for model in ("game", "gamedate", "closure") for may in ("add", "delete")}
    places = {f"events.{may}_{model}" for model in ("venue", "gamesession") for may in ("view", "change")}
    assert held == {
        "managers": both | written | places,
        "viewers": {f"events.view_{model}" for model in ("venue", "game", "gamedate", "closure", "gamesession")},
        "operators": {f"workers.{may}_scheduledjob" for may in ("view", "add", "change", "delete")}
        | {"workers.view_run", "workers.change_run"}
        | {"axes.view_accessattempt", "axes.delete_accessattempt"}
        | {"authtoken.view_tokenproxy", "authtoken.delete_tokenproxy"},
    }


CALENDAR = ["Sessions", "Games", "Closures", "Venues"]


@pytest.mark.parametrize(
    ("role", "titles"),
    [
        ("plain", []),
        ("viewer", CALENDAR),
        ("manager", CALENDAR),
        ("operator", ["Scheduled jobs", "Runs", "Tokens", "Wrong passwords"]),
        (
            "superuser",
            [
                "Sessions",
                "Games",
                "Closures",
                "Venues",
                "Scheduled jobs",
                "Runs",
                "Users",
                "Groups",
                "Tokens",
                "Wrong passwords",
            ],
        ),
    ],
)
def test_the_sidebar_leads_where_one_may_go(role: str, titles: list[str], venue: Venue) -> None:
    client = client_of(user_of(role, venue))

    shown = [
        item
        for group in client.get("/admin/").context["sidebar_navigation"]
        for item in group["items"]
        if item["has_permission"]
    ]

    assert [item["title"] for item in shown] == titles
    assert {client.get(str(item["link"])).status_code for item in shown} <= {200}


# --- A manager and the venues of others ---------------------------------------------------------------------


@pytest.fixture
def foreign() -> Game:
    """A game of a venue that somebody else manages."""
    return full_game(make_venue(name="Hidden Harbour", slug="harbour"), name="Secret Game")


@pytest.mark.parametrize("model", ["venue", "game", "closure", "gamesession"])
def test_a_list_and_its_filters_name_no_other_venue(desk: Client, game: Game, foreign: Game, model: str) -> None:
    reason = {"first_date": march("05-01"), "last_date": march("05-02"), "reason": "Secret works"}
    Closure(venue=foreign.venue, **reason).save(now=NOW)

    for query in ("", f"?game__id__exact={foreign.pk}", f"?venue__id__exact={foreign.venue_id}", "?q=Secret"):
        page = desk.get(f"/admin/events/{model}/{query}", follow=True).content.decode()
        assert "Hidden" not in page
        assert "Secret Game" not in page
        assert "Secret works" not in page
    assert "The Star" in desk.get(f"/admin/events/{model}/").content.decode() or model == "closure"


@pytest.mark.parametrize("model", ["game", "closure"])
def test_a_form_offers_no_other_venue_and_takes_none(desk: Client, game: Game, foreign: Game, model: str) -> None:
    before = rows()
    page = desk.get(f"/admin/events/{model}/add/")

    answer = desk.post(
        f"/admin/events/{model}/add/", form_of(desk, f"/admin/events/{model}/add/") | foreign_form(foreign)
    )

    assert "Hidden" not in page.content.decode()
    assert "venue" in answer.context["adminform"].form.errors
    assert rows() == before


def foreign_form(foreign: Game) -> dict[str, Any]:
    """The fields of a game or a closure at the venue of another."""
    when = {"start_date": "2026-03-12", "start_time": "19:00", "first_date": "2026-03-12", "last_date": "2026-03-13"}
    return {"venue": foreign.venue_id, "name": "Mine", "reason": "works", **when}


@pytest.mark.parametrize(
    ("model", "action"),
    [
        ("game", "pause"),
        ("game", "archive"),
        ("game", "delete_selected"),
        ("closure", "delete_selected"),
        ("gamesession", "cancel_all"),
        ("gamesession", "restore_all"),
    ],
)
def test_bulk_actions_leave_other_venues_alone(desk: Client, foreign: Game, model: str, action: str) -> None:
    reason = {"first_date": march("05-01"), "last_date": march("05-02"), "reason": "works"}
    Closure(venue=foreign.venue, **reason).save(now=NOW)
    before = rows()
    models: dict[str, Any] = {"game": Game, "closure": Closure, "gamesession": GameSession}
    ids = list(models[model].objects.values_list("pk", flat=True))

    desk.post(
        f"/admin/events/{model}/",
        {**SUBMITTED, "action": action, "_selected_action": ids, "select_across": "1", "post": "yes"},
    )

    assert rows() == before


def test_the_preview_of_another_venues_game_tells_nothing_of_it(desk: Client, foreign: Game) -> None:
    sent = {"venue": foreign.venue_id, "name": "x", "start_date": "2026-03-12", "start_time": "19:00"}

    for game in (foreign.pk, "no-number", "", -1):
        shown = desk.post(f"/admin/events/game/next-slots/?game={game}", sent).content.decode()
        assert "Select a valid choice" in shown
        assert "Saving this" not in shown
        assert "Mar 2026" not in shown


def test_a_manager_changes_a_venue_but_not_its_managers_or_address(desk: Client, venue: Venue) -> None:
    address = f"/admin/events/venue/{venue.pk}/change/"
    sent = form_of(desk, address) | {"holiday_region": "AU-VIC", "slug": "mine", "managers": []}

    answer = desk.post(address, sent)

    assert answer.status_code == 302, answer.context["errors"]
    venue.refresh_from_db()
    assert (venue.holiday_region, venue.slug) == ("AU-VIC", "star")
    assert [user.username for user in venue.managers.all()] == ["manager"]


# --- The form of a game -------------------------------------------------------------------------------------

#: What each field of a rule holds when it was filled in before another recurrence hid it; one makes no sense.
FILLED_IN = {
    "interval": "0",
    "weekdays": ["mon"],
    "month_day": "3",
    "nth": "1",
    "month_end": "skip",
    "end_date": "2026-06-31",
    "count": "7",
}
LEFT_OUT = dict.fromkeys(FILLED_IN) | {"interval": 1, "weekdays": [], "month_end": "clamp"}


@pytest.mark.parametrize(
    ("recurrence", "shown"),
    [
        ("once", {}),
        ("daily", {"interval": 2, "weekdays": ["fri"], "end_date": march("06-01"), "count": ""}),
        ("weekly", {"interval": 2, "weekdays": ["fri"], "end_date": "", "count": 9}),
        ("yearly", {"interval": 2, "month_end": "skip", "end_date": "", "count": ""}),
    ],
)
def test_what_a_recurrence_hides_does_not_count(
    desk: Client, game: Game, recurrence: str, shown: dict[str, Any]
) -> None:
    address = f"/admin/events/game/{game.pk}/change/"
    sent = {**form_of(desk, address), "start_date": "2026-03-12", **FILLED_IN, "recurrence": recurrence, **shown}

    assert "Saving this" in desk.post(f"/admin/events/game/next-slots/?game={game.pk}", sent).content.decode()
    answer = desk.post(address, sent)

    assert answer.status_code == 302, answer.context["adminform"].form.errors
    kept = {name: value or None for name, value in shown.items()}
    assert Game.objects.values(*FILLED_IN).get() == LEFT_OUT | kept


def test_the_desk_shows_the_fields_that_a_recurrence_uses(desk: Client, game: Game) -> None:
    hidden = desk.get(f"/admin/events/game/{game.pk}/change/").context["adminform"].model_admin.conditional_fields

    assert hidden["nth"] == hidden["month_day"] == "recurrence == 'monthly'"
    assert hidden["month_end"] == "recurrence == 'monthly' || recurrence == 'yearly'"
    assert "once" not in "".join(hidden.values())


def test_the_desk_says_where_a_holiday_region_is_lacking(desk: Client, game: Game, venue: Venue) -> None:
    address, place = f"/admin/events/game/{game.pk}/change/", f"/admin/events/venue/{venue.pk}/change/"
    Game.objects.update(holiday_policy="skip")
    refused = desk.post(place, form_of(desk, place) | {"holiday_region": ""})
    assert "keep a region" in refused.context["adminform"].form.errors["holiday_region"][0]

    Venue.objects.update(holiday_region="")
    refused = desk.post(address, form_of(desk, address))
    assert "Give The Star a holiday region first" in refused.context["adminform"].form.errors["holiday_policy"][0]


# --- What saving does ---------------------------------------------------------------------------------------


def test_deleting_several_closures_at_once_restores_what_they_cancelled(desk: Client, game: Game) -> None:
    for day in ("03-12", "03-19", "03-26"):
        Closure(venue=game.venue, first_date=march(day), last_date=march(day), reason="works").save(now=NOW)
    first_two = list(Closure.objects.values_list("pk", flat=True)[:2])

    desk.post("/admin/events/closure/", {"action": "delete_selected", "_selected_action": first_two, "post": "yes"})

    left = dict(game.sessions.values_list("slot_date", "status"))
    assert [f"{day:%m-%d}" for day, status in left.items() if status == "cancelled"] == ["03-26"]


def test_skipping_a_date_that_the_game_does_not_have_is_refused_with_the_next_one(desk: Client, game: Game) -> None:
    address, before = f"/admin/events/game/{game.pk}/skip_date/", rows()

    answer = desk.post(address, {**SUBMITTED, "date": "2026-12-23", "reason": "private"})

    told = "It is not played on Wed 23 Dec 2026: the next date is Thu 24 Dec 2026."
    assert answer.context["form"].errors == {"date": [told]}
    assert rows() == before
    GameDate.objects.create(game=game, date=march("03-13"), kind="add")
    desk.post(address, {**SUBMITTED, "date": "2026-03-13"})
    assert GameDate.objects.get().kind == "exclude"


def test_closing_a_venue_while_a_game_is_on_says_that_it_stays(desk: Client, game: Game) -> None:
    session = session_on(game, "03-12")
    sent = {**SUBMITTED, "first_date": "2026-03-12", "last_date": "2026-03-12", "reason": "flood"}

    with time_machine.travel(session.starts_at + timedelta(minutes=10)):
        answer = desk.post(f"/admin/events/gamesession/{session.pk}/close_venue/", sent)

    said = [str(message) for message in get_messages(answer.wsgi_request)]
    assert said[1:] == ["1 session on now: cancel it on its own page, if it stops."]


def test_a_region_that_is_known_no_longer_can_be_mended_on_the_venues_page(desk: Client, game: Game) -> None:
    type(game.venue).objects.update(holiday_region="AU-XYZ")

    page = desk.get(f"/admin/events/venue/{game.venue.pk}/change/")

    assert "AU-XYZ has no known public holidays: choose another region." in page.content.decode()


@pytest.mark.parametrize("day", ["1066-10-14", "9999-12-31", "rubbish"])
@pytest.mark.parametrize(
    ("button", "names"),
    [
        ("skip_date", ("date",)),
        ("split", ("from_date",)),
        ("move", ("date",)),
        ("close_venue", ("first_date", "last_date")),
    ],
)
def test_a_dialog_says_what_is_wrong_with_a_date(
    desk: Client, game: Game, day: str, button: str, names: tuple[str, ...]
) -> None:
    row = f"game/{game.pk}" if button in ("skip_date", "split") else f"gamesession/{session_on(game, '03-12').pk}"
    before = rows()
    sent = {"start_time": "19:00", "duration_minutes": "60", "reason": "x", **dict.fromkeys(names, day)}

    answer = desk.post(f"/admin/events/{row}/{button}/", {**SUBMITTED, **sent})

    assert answer.context["form"].errors.keys() == set(names)
    assert rows() == before


def test_a_night_moved_into_the_clocks_change_keeps_its_length(desk: Client, game: Game) -> None:
    """In Sydney the clocks go back at 03:00 on 5 April."""
    session = session_on(game, "04-02")

    sent = {"date": "2026-04-05", "start_time": "01:00", "duration_minutes": "240"}
    desk.post(f"/admin/events/gamesession/{session.pk}/move/", {**SUBMITTED, **sent})

    session.refresh_from_db()
    assert session.ends_at - session.starts_at == timedelta(hours=4)


def test_notes_of_a_session_reach_the_feed_and_do_not_hold_it_back(desk: Client, game: Game) -> None:
    session = session_on(game, "03-12")

    desk.post(f"/admin/events/gamesession/{session.pk}/change/", {"notes": "Bring a friend."})
    game.start_time = game.start_time.replace(hour=20)
    game.save(now=NOW)

    session.refresh_from_db()
    assert (session.notes, session.edited, session.sequence) == ("Bring a friend.", False, 2)


def test_only_what_can_be_done_to_a_session_is_offered(desk: Client, game: Game) -> None:
    session = session_on(game, "03-12")
    address = f"/admin/events/gamesession/{session.pk}/change/"
    offered = [[each["title"] for each in desk.get(address).context["actions_detail"]]]
    desk.post(f"/admin/events/gamesession/{session.pk}/cancel/", {**SUBMITTED, "reason": "x"})
    offered.append([each["title"] for each in desk.get(address).context["actions_detail"]])

    rest = ["Close the venue", "Change from this date"]
    assert offered == [["Cancel", "Move", *rest], ["Restore", *rest]]


def act(desk: Client, listed: str, action: str, ids: list[int], **sent: str) -> Any:
    """Run an action on rows of a list. The answer is the page that asks first, or the list with what was done."""
    chosen = {"action": action, "_selected_action": ids, "index": 0}
    return desk.post(f"/admin/events/{listed}", {**chosen, **sent}, follow=True)


def said(answer: Any) -> list[str]:
    return [str(message) for message in answer.context["messages"]]


def test_cancelling_several_nights_asks_for_one_reason_and_leaves_what_is_cancelled_alone(
    desk: Client, game: Game
) -> None:
    Closure(venue=game.venue, first_date=march("03-12"), last_date=march("03-12"), reason="works").save(now=NOW)
    sessions.cancel(session_on(game, "03-19").pk, "dealers are ill", now=NOW)
    make_session(game, "2026-03-05 19:00")
    before, ids = rows(), [session.pk for session in game.sessions.all()]

    asked = act(desk, "gamesession/?when=all", "cancel_all", ids)
    assert rows() == before
    assert [str(row) for row in asked.context["rows"]] == [f"{game} on 2026-03-26", f"{game} on 2026-04-02"]

    done = act(desk, "gamesession/?when=all", "cancel_all", ids, _form_submitted="on", reason="flood")
    reasons = game.sessions.filter(status="cancelled").values_list("cancel_reason", "cancelled_by")
    works = ("closed: works", "closure")
    assert list(reasons) == [works, ("dealers are ill", "staff"), ("flood", "staff"), ("flood", "staff")]
    over = "1 left alone. This session is over: the past does not change."
    assert said(done) == ["2 sessions cancelled.", over, "2 left alone. Already cancelled."]

    again = act(desk, "gamesession/?when=all", "cancel_all", ids)
    assert said(again) == [over, "4 left alone. Already cancelled."]


@pytest.mark.parametrize(("action", "left"), [("cancel", "Already cancelled."), ("restore", "Already scheduled.")])
def test_a_button_of_a_list_that_would_do_nothing_says_so(desk: Client, game: Game, action: str, left: str) -> None:
    session = session_on(game, "03-12")
    if action == "cancel":
        sessions.cancel(session.pk, "dealers are ill", now=NOW)
    before = rows()

    desk.post(f"/admin/events/gamesession/{session.pk}/{action}/", {**SUBMITTED, "reason": ""})

    assert said(desk.get("/admin/")) == [left]
    assert rows() == before


def test_archiving_games_asks_first_and_says_what_it_removed(desk: Client, game: Game) -> None:
    before = rows()

    assert list(act(desk, "game/", "archive", [game.pk]).context["rows"]) == [game]
    assert rows() == before

    assert said(act(desk, "game/", "archive", [game.pk], _form_submitted="on")) == [
        "1 game archived: 4 sessions are removed."
    ]
    assert not game.sessions.exists()


def test_saving_a_venue_or_its_closures_says_what_it_does_to_sessions(desk: Client, game: Game) -> None:
    address = f"/admin/events/venue/{game.venue_id}/change/"
    closure = {"first_date": "2026-03-12", "last_date": "2026-03-19", "reason": "works"}
    added = {f"closures-0-{name}": value for name, value in closure.items()} | {"closures-TOTAL_FORMS": 1}

    moved = desk.post(address, form_of(desk, address) | {"timezone": "Australia/Perth"} | added, follow=True)
    assert said(moved)[:2] == [
        "4 sessions move.",
        "The Star: 2026-03-12 to 2026-03-19, works: 2 sessions are cancelled.",
    ]
    lifted = desk.post(address, form_of(desk, address) | {"closures-0-DELETE": "on"}, follow=True)
    assert said(lifted)[:2] == [
        "No session changes.",
        "The Star: 2026-03-12 to 2026-03-19, works: 2 sessions are restored.",
    ]


def test_lifting_a_closure_says_what_comes_back(desk: Client, game: Game) -> None:
    closure = Closure(venue=game.venue, first_date=march("03-12"), last_date=march("03-12"), reason="works")
    closure.save(now=NOW)

    answer = desk.post(f"/admin/events/closure/{closure.pk}/delete/", {"post": "yes"}, follow=True)

    assert "The Star: 2026-03-12 to 2026-03-12, works: 1 session is restored." in said(answer)


def test_saving_a_game_says_what_each_date_that_differs_does(desk: Client, game: Game) -> None:
    address = f"/admin/events/game/{game.pk}/change/"
    date = {"date": "2026-03-12", "kind": "exclude", "reason": ""}
    added = {f"exceptions-0-{name}": value for name, value in date.items()} | {"exceptions-TOTAL_FORMS": 1}

    answer = desk.post(address, form_of(desk, address) | added, follow=True)

    assert said(answer)[:2] == ["No session changes.", "Exclude 2026-03-12: 1 session is cancelled."]


def test_a_failing_game_says_so_at_the_top_and_is_tried_again_when_it_is_saved(desk: Client, game: Game) -> None:
    address = f"/admin/events/game/{game.pk}/change/"
    Game.objects.update(holiday_policy="skip")
    Venue.objects.update(holiday_region="XX")
    assert "Save again to try it" not in desk.get(address).content.decode()

    failed = desk.post(address, form_of(desk, address) | {"_continue": "on"}, follow=True)
    assert said(failed)[0].startswith(f"The sessions of {game} cannot be written. GenerationError: ")
    assert next(iter(failed.context["adminform"])).fields == ["generation_error"]
    assert "Save again to try it" in failed.content.decode()

    Venue.objects.update(holiday_region="AU-NSW")
    mended = desk.post(address, form_of(desk, address) | {"_continue": "on"}, follow=True)
    assert said(mended)[0] == "No session changes."
    assert "Save again to try it" not in mended.content.decode()


@pytest.mark.parametrize(
    ("changes", "active", "why"),
    [
        ({}, True, ""),
        ({"status": "paused"}, True, "Paused: no session will be written."),
        ({"status": "archived"}, True, "Archived: no session will be written."),
        ({}, False, "The Star is switched off: no session will be written."),
    ],
)
def test_the_preview_says_when_no_session_will_be_written(
    desk: Client, game: Game, changes: dict[str, str], active: bool, why: str
) -> None:
    Venue.objects.update(active=active)
    sent = form_of(desk, f"/admin/events/game/{game.pk}/change/") | changes

    shown = desk.post(f"/admin/events/game/next-slots/?game={game.pk}", sent).content.decode()

    assert "Thu 12 Mar 2026" in shown
    assert ("no session will be written" in shown, why in shown) == (bool(why), True)


@pytest.mark.parametrize(
    ("button", "needs"), [("close_venue", "add_closure"), ("split", "change_game"), ("cancel", "change_gamesession")]
)
def test_a_button_of_a_session_needs_the_permission_for_what_it_writes(game: Game, button: str, needs: str) -> None:
    session = session_on(game, "03-19")
    address = f"/admin/events/gamesession/{session.pk}"
    all_of_them = {"view_gamesession", "change_gamesession", needs}
    found = []
    for name, permissions in (("without", all_of_them - {needs}), ("with", all_of_them)):
        staff = client_of(make_user(name, is_staff=True, permissions=" ".join(permissions)))
        offered = [each["path"] for each in staff.get(f"{address}/change/").context["actions_detail"]]
        found.append((f"{address}/{button}/" in offered, staff.post(f"{address}/{button}/", SUBMITTED).status_code))

    assert found == [(False, 403), (True, 200)]


# --- Two at once --------------------------------------------------------------------------------------------


def test_a_form_opened_before_somebody_else_saved_is_refused_and_nothing_is_lost(desk: Client, game: Game) -> None:
    address = f"/admin/events/game/{game.pk}/change/"
    mine = form_of(desk, address) | {"name": "Mine", "weekdays": ["fri"]}
    theirs = client_of(make_user("root", is_staff=True, is_superuser=True))
    with time_machine.travel(NOW + timedelta(minutes=1)):
        theirs.post(address, form_of(theirs, address) | {"start_time": "20:00"})
    before = rows()

    answer = desk.post(address, mine)

    page = answer.content.decode()
    assert "Somebody else saved this game" in page
    assert "Start time 20:00:00" in page
    assert 'value="Mine"' in page
    assert rows() == before

    again = form_values(answer) | {"name": "Mine", "weekdays": ["fri"], "start_time": "20:00"}
    assert desk.post(address, again).status_code == 302
    game.refresh_from_db()
    assert (game.name, f"{game.start_time:%H:%M}", game.weekdays) == ("Mine", "20:00", ["fri"])


def form_values(answer: Any) -> dict[str, Any]:
    """What the form of an answer would send."""
    form = answer.context["adminform"].form
    return {**form.data.dict(), "seen": form["seen"].value()}


def test_a_form_without_its_stamp_is_refused(desk: Client, game: Game) -> None:
    address = f"/admin/events/game/{game.pk}/change/"

    assert desk.post(address, form_of(desk, address) | {"seen": "", "name": "Mine"}).status_code == 200
    game.refresh_from_db()
    assert game.name != "Mine"


def test_the_calendar_being_filled_makes_no_form_stale(desk: Client, game: Game) -> None:
    address = f"/admin/events/game/{game.pk}/change/"
    mine = form_of(desk, address) | {"name": "Mine"}
    Closure(venue=game.venue, first_date=march("03-12"), last_date=march("03-12"), reason="works").save(now=NOW)

    assert desk.post(address, mine).status_code == 302


def test_a_bulk_action_keeps_what_somebody_else_changed_and_is_logged(desk: Client, game: Game) -> None:
    desk.post("/admin/events/game/", {"action": "pause", "_selected_action": [game.pk]})

    game.refresh_from_db()
    assert game.status == "paused"
    assert LogEntry.objects.get().change_message.startswith("paused")


def test_the_checks_of_the_desk_ask_nothing_of_a_database_that_may_be_empty_yet(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert admin.site.check(list(apps.get_app_configs())) == []


# --- The list of sessions -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "label", "first", "count"),
    [
        ("", "From today", "03-10", 60),
        ("?p=2", "From today", "04-29", 60),
        ("?game__venue__id__exact={venue}", "From today", "03-10", 60),
        ("?game__id__exact={game}", "From today", "03-10", 60),
        ("?status__exact=scheduled&q=Nightly", "From today", "03-10", 60),
        ("?when=past", "Past", "03-09", 3),
        ("?when=all", "All", "03-07", 63),
        ("?starts_at_from=&starts_at_to=", "From today", "03-10", 60),
        ("?starts_at_from=2026-03-01&starts_at_to=2026-03-31", "All", "03-07", 25),
        ("?starts_at_from=08/03/2026", "All", "03-08", 62),
        ("?starts_at_from=2026-03-08&when=past", "Past", "03-09", 2),
    ],
)
def test_the_list_of_sessions_begins_today_unless_the_past_or_a_date_is_asked_for(
    desk: Client, venue: Venue, query: str, label: str, first: str, count: int
) -> None:
    game = make_game(venue, name="Nightly")
    for day in each_day(march("03-07"), march("05-08")):
        make_session(game, f"{day} 19:00")

    page = desk.get(f"/admin/events/gamesession/{query.format(venue=venue.pk, game=game.pk)}")

    shown = page.context["cl"]
    assert (f"{shown.result_list[0].slot_date:%m-%d}", shown.result_count) == (first, count)
    assert f">{label}</h2>" in page.content.decode()
    assert [each["display"] for each in shown.filter_specs[0].choices(shown) if each["selected"]] == [label]


@pytest.mark.parametrize(("query", "found"), [("from=3&to=3", 1), ("from=4&to=4", 0), ("from=4", 0), ("to=2", 0)])
def test_a_night_is_found_under_the_date_of_its_venues_own_calendar(query: str, found: int) -> None:
    """A Thursday's night in New York begins on Friday by the clock of Sydney, and of UTC."""
    make_session(make_game(make_venue("America/New_York")), "2026-12-03 20:00")
    asked = re.sub(r"(\w+)=(\d)", r"starts_at_\1=2026-12-0\2", query)

    with CaptureQueriesContext(connection) as queries:
        page = client_of(member("viewers")).get(f"/admin/events/gamesession/?{asked}")

    assert page.context["cl"].result_count == found
    assert [query["sql"] for query in queries if "AT TIME ZONE" in query["sql"]] == []


@pytest.mark.parametrize("bad", ["rubbish", "2026-02-30", "31/31/2026", "99999-01-01", "\0", "٣"])
def test_a_bad_date_is_said_to_be_one_and_leaves_the_other_to_count(desk: Client, game: Game, bad: str) -> None:
    page = desk.get("/admin/events/gamesession/", {"starts_at_from": bad, "starts_at_to": "2026-03-19"})

    assert [f"{each.slot_date:%m-%d}" for each in page.context["cl"].result_list] == ["03-12", "03-19"]
    assert f"{bad}: Enter a valid date." in page.content.decode()


@pytest.mark.parametrize("edge", ["0001-01-01", "9999-12-31"])
def test_the_first_and_the_last_of_all_dates_can_be_asked_for(desk: Client, game: Game, edge: str) -> None:
    for name in ("starts_at_from", "starts_at_to"):
        assert desk.get(f"/admin/events/gamesession/?{name}={edge}&_facets=True").status_code == 200


def test_asking_for_a_date_takes_along_the_search_but_not_the_page(desk: Client, game: Game) -> None:
    """Nor an empty date, which unfold's form would send before the one that is filled in, and it would count."""
    address = f"/admin/events/gamesession/?q=Game&p=1&starts_at_from=&starts_at_to=&game__id__exact={game.pk}"

    form = re.search('<form id="filter-form".*?</form>', desk.get(address).content.decode(), re.DOTALL)

    sent = re.findall(r'name="(\w+)"', form[0]) if form else []
    assert sorted(sent) == ["game__id__exact", "q", "starts_at_from", "starts_at_to"]


# --- What a list costs --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("model", "most"), [("game", 9), ("gamesession", 11)])
def test_a_list_of_100_costs_no_more_queries_than_one_of_10(
    desk: Client, venue: Venue, model: str, most: int, django_assert_max_num_queries: Any
) -> None:
    for game in make_games(100, venue):
        make_session(game, "2026-03-12 19:00")

    with django_assert_max_num_queries(most):
        page = desk.get(reverse(f"admin:events_{model}_changelist"))

    assert len(page.context["cl"].result_list) == min(100, page.context["cl"].list_per_page)
