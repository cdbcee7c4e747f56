"""Who may open what of the desks, and what a manager sees of the venues of others."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from events.models import Closure, Game, GameSession, Venue
from tests.events.admin.desk import ROLES, SUBMITTED, client_of, form_of, user_of
from tests.events.league import NOW, march, rows, session_on
from tests.factories import make_games
from tests.nights import make_session

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("now")]


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


def test_the_checks_of_the_desk_ask_nothing_of_a_database_that_may_be_empty_yet(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert admin.site.check(list(apps.get_app_configs())) == []


# --- A manager and the venues of others ---------------------------------------------------------------------


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


# --- What a list costs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("model", "most"), [("game", 9), ("gamesession", 11)])
def test_a_list_of_100_costs_no_more_queries_than_one_of_10(
    desk: Client, venue: Venue, model: str, most: int, django_assert_max_num_queries: Any
) -> None:
    for game in make_games(100, venue):
        make_session(game, "2026-03-12 19:00")

    with django_assert_max_num_queries(most):
        page = desk.get(reverse(f"admin:events_{model}_changelist"))

    assert len(page.context["cl"].result_list) == min(100, page.context["cl"].list_per_page)
