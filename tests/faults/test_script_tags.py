"""Scripts in every text that can be stored are shown as text, on every page: in a browser that would run them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from typing import Any
from urllib.parse import quote

import pytest
from axes.models import AccessAttempt
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.db.models import CharField, JSONField, Model, SlugField, TextField
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, Dialog, Page
from rest_framework.authtoken.models import Token

from events.models import Closure, Game, GameDate, GameSession, Venue
from tests.browser.conftest import browser, live_server, site  # noqa: F401 - fixtures
from tests.faults.conftest import Trial
from workers.models import Clock, Generation, Incident, Run, ScheduledJob

#: Breaks out of a string of a script, of an attribute and of a text; the short one where little fits.
SHORT = """'+alert(1)+'"><img src=x onerror=alert(1)>"""
LONG = f"{SHORT}</script><script>alert(1)</script><svg onload=alert(1)>"

NOW = datetime.now(UTC).replace(microsecond=0)

#: What of these would have got into a page, were it not escaped.
INJECTED = """() => [...document.querySelectorAll("img[onerror], svg[onload], script")]
    .filter(found => found.tagName !== "SCRIPT" || (!found.src && found.type !== "application/json"))
    .filter(found => found.outerHTML.includes("alert(1)")).map(found => found.outerHTML.slice(0, 200))"""


def tainted(model: type[Model], **sound: Any) -> Any:
    """A row of which every free text is a script, but for what is given."""
    for field in model._meta.concrete_fields:
        if field.name in sound or field.choices or isinstance(field, SlugField):
            continue
        if isinstance(field, JSONField):
            sound[field.name] = {LONG: LONG}
        elif isinstance(field, CharField | TextField):
            text = LONG if (field.max_length or 1000) >= len(LONG) else SHORT
            if (field.max_length or 1000) >= len(text):
                sound[field.name] = text
    return model._default_manager.bulk_create([model(**sound)])[0]


@pytest.fixture
def root(transactional_db: None) -> User:
    return User.objects.create_superuser("root")


@pytest.fixture
def rows(root: User) -> list[Model]:
    """One of everything, written past the checks that would refuse some of it."""
    venue = tainted(Venue, slug="star", timezone="Australia/Sydney", holiday_region="AU-NSW")
    today = NOW.date()
    daily = {"recurrence": "daily", "start_date": date(2026, 1, 1), "start_time": clock_time(19)}
    game = tainted(Game, venue=venue, weekdays=[], **daily)
    evenings = [NOW + timedelta(hours=hours) for hours in (1, 25)]
    sessions = [
        tainted(
            GameSession,
            game=game,
            slot_date=starts_at.date(),
            starts_at=starts_at,
            ends_at=starts_at + timedelta(hours=4),
            timezone="Australia/Sydney",
            status=status,
            cancelled_by="staff" if status == "cancelled" else "",
        )
        for starts_at, status in zip(evenings, ("scheduled", "cancelled"), strict=True)
    ]
    user, group = tainted(User, password="!", is_staff=True), tainted(Group)
    user.groups.add(group)
    venue.managers.add(user)
    job = tainted(
        ScheduledJob,
        id="a-job",
        actor="prune_history",
        trigger={"type": "cron", "hour": "5"},
        timezone="Australia/Sydney",
        args=[LONG],
        enabled=False,
        anchor=NOW,
    )
    over = {"started_at": NOW, "finished_at": NOW, "enqueued_at": NOW, "due_at": NOW, "created_at": NOW, "attempts": 3}
    runs = [tainted(Run, job=of, args=[LONG], state="failed", **over) for of in (job, None)]
    Clock.objects.update_or_create(defaults={"last_tick": NOW})
    Generation.objects.create(at=NOW, days=28, moved_at=NOW)
    seen = {"user": root, "content_type": ContentType.objects.get_for_model(Venue), "object_id": str(venue.pk)}
    return [
        venue,
        game,
        *sessions,
        tainted(Closure, venue=venue, first_date=today, last_date=today + timedelta(40)),
        tainted(GameDate, game=game, date=today + timedelta(3)),
        user,
        group,
        job,
        *runs,
        tainted(Incident, kind=Incident.Kind.values[0], opened_at=NOW),
        tainted(AccessAttempt, ip_address="203.0.113.9", failures_since_start=10),
        tainted(LogEntry, action_flag=CHANGE, **seen),
        Token.objects.create(user=user),
    ]


@pytest.fixture
def page(browser: Browser, site: str, root: User) -> Iterator[Page]:  # noqa: F811
    """Signed in as who sees everything, in a browser that no policy keeps from running a script."""
    client = Client()
    client.force_login(root)
    context = browser.new_context(base_url=site, bypass_csp=True)
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": site}])
    yield context.new_page()
    context.close()


def addresses(rows: list[Model]) -> Iterator[str]:
    """Every page that shows one of the rows, or what was asked for."""
    asked = quote(LONG)
    queries = f"venue={asked}&variant={asked}&buy_in={asked}&when={asked}&page={asked}"
    yield from ("/", f"/?{queries}", "/venues/star/", "/venues/star/?view=list", f"/venues/{asked}/", f"/{asked}")
    yield from (f"/sessions/{row.pk}/" for row in rows if isinstance(row, GameSession))
    yield from ("/api/docs/", f"/api/v1/venues/?{queries}", f"/api/v1/{asked}/")
    yield from (f"/api/v1/{name}/" for name in ("venues", "games", "sessions", "closures", "jobs", "runs"))
    yield from ("/admin/", f"/admin/login/?next={asked}", f"/admin/{asked}/")
    for model in admin.site._registry:
        of = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        yield reverse(f"{of}_changelist")
        yield f"{reverse(f'{of}_changelist')}?q={asked}&{asked}={asked}"
        yield reverse(f"{of}_add")
        for row in rows:
            if isinstance(row, model) or (isinstance(row, Token) and issubclass(model, Token)):
                pk = row.user_id if isinstance(row, Token) else row.pk
                yield from (reverse(f"{of}_{view}", args=[pk]) for view in ("change", "history", "delete"))


@pytest.mark.fault("script tags in every text field, in job arguments and tracebacks", passes="inert on every page")
def test_script_tags(trial: Trial, rows: list[Model], page: Page, site: str) -> None:  # noqa: F811
    began = time.monotonic()
    ran: list[str] = []

    def note(dialog: Dialog) -> None:
        ran.append(page.url)
        dialog.dismiss()

    page.on("dialog", note)
    page.set_content(LONG)
    page.wait_for_timeout(100)
    assert ran, "the scripts run where they are not escaped"
    assert page.evaluate(INJECTED)
    ran.clear()

    injected: dict[str, list[str]] = {}
    shown = [address for address in addresses(rows) if _look_at(page, address, injected)]
    _act(page, site, injected)
    feeds = [Client().get(f"{path}/calendar.ics", headers={"host": "localhost"}) for path in ("/venues/star",)]

    trial.found(trials=len(shown), unexpected=len(ran) + len(injected), seconds=time.monotonic() - began)
    assert not ran, f"scripts ran on {ran}"
    assert not injected, f"not escaped: {injected}"
    assert len(shown) > 50, shown
    assert {feed["Content-Type"] for feed in feeds} == {"text/calendar; charset=utf-8"}
    assert {feed["X-Content-Type-Options"] for feed in feeds} == {"nosniff"}


def _look_at(page: Page, address: str, injected: dict[str, list[str]]) -> bool:
    """Open a page and note what of the scripts is in it; whether it shows one of them at all."""
    answer = page.goto(address, wait_until="networkidle")
    assert answer is not None
    assert answer.status < 500, f"{address}: {answer.status}"
    if found := page.evaluate(INJECTED):
        injected[address] = found
    return "alert(1)" in page.content()


def _act(page: Page, site: str, injected: dict[str, list[str]]) -> None:  # noqa: F811
    """What is done says what it was done to."""
    page.goto("/admin/events/game/", wait_until="networkidle")
    page.locator("[name=_selected_action]").first.check()
    page.locator("select[name=action]").select_option("archive")
    with page.expect_navigation():
        page.locator("[name=index], button:has-text('Run')").first.click()
    page.wait_for_load_state("networkidle")
    if found := page.evaluate(INJECTED):
        injected["asked"] = found
    with page.expect_navigation():
        page.locator("form [type=submit]:visible").last.click()
    page.wait_for_load_state("networkidle")
    if found := page.evaluate(INJECTED):
        injected["archived"] = found
    assert "1 game archived" in page.content()
