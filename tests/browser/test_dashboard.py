"""On call: the dashboard during a generation of 2,000 games, and what can be mended from it."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone
from playwright.sync_api import Page, expect

from events.models import Venue
from tests.browser.conftest import DESKTOP, PHONE, Open, violations
from tests.deploy import deploy
from tests.factories import make_game, make_games, make_venue
from tests.waiting import eventually
from tests.workers.conftest import Queues, queues  # noqa: F401 - the fixture
from tests.workers.scheduled import make_job, make_run
from workers import generation
from workers.generation import NIGHTLY
from workers.models import Clock, Run, ScheduledJob
from workers.monitoring import alarms

GAMES = 2000


@pytest.fixture
def desk(open_page: Open, queues: Queues) -> Page:  # noqa: F811
    """The front page of the admin on a phone, as an operator sees it."""
    return log_in(open_page)


def log_in(open_page: Open, **options: Any) -> Page:
    user = User.objects.create_user("ann", password="open sesame", is_staff=True)
    user.groups.add(Group.objects.get(name="operators"))
    page = open_page("/admin/", **options)
    page.get_by_label("Username").fill("ann")
    page.get_by_label("Password").fill("open sesame")
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("#board")).to_be_visible()
    return page


def drawn(page: Page) -> Any:
    """The numbers that the one chart of the page shows."""
    charts = "Object.values(Chart.instances).map(chart => chart.data.datasets[0].data)"
    (numbers,) = page.evaluate(charts)
    return numbers


def done(page: Page) -> int:
    shown = page.locator("[data-done]").get_attribute("data-done")
    return int(shown or 0)


def test_the_progress_of_a_generation_moves_by_itself(desk: Page, queues: Queues) -> None:  # noqa: F811
    # Given 2,000 games that are to be generated, and the page as it is before
    make_games(GAMES, make_venue())
    now = timezone.now()
    deploy(now)
    begun = generation.begin(now, days=28, slot=None)
    desk.reload()
    expect(desk.get_by_text(f"0 of {GAMES:,} games")).to_be_visible()
    assert sum(drawn(desk)) == 0

    # When a worker fills the calendar
    generation.fan_out(begun, now=now)
    make_run(make_job(), "succeeded", created_at=now)
    with queues.worker("games"):
        # Then the page shows how far it is, without being touched
        eventually(lambda: 0 < done(desk) < GAMES, within=30)
        first = done(desk)
        eventually(lambda: done(desk) > first, within=30)
        expect(desk.get_by_text(f"{GAMES:,} of {GAMES:,} games")).to_be_visible(timeout=60_000)

    # And the chart is still the one that was drawn, with the numbers of now
    eventually(lambda: drawn(desk) == [0, 0, 1, 0, 0, 0], within=15)
    assert desk.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


def test_a_failed_run_is_retried(desk: Page, queues: Queues) -> None:  # noqa: F811
    dead = make_run(make_job(id="pay-dealers"), "failed", finished_at=timezone.now(), error="ValueError: no luck")
    desk.reload()
    letter = desk.locator("form", has_text="pay-dealers")
    expect(letter).to_contain_text("ValueError: no luck")

    letter.get_by_role("button", name="Retry").click()
    expect(desk.get_by_text("is asked for again")).to_be_visible()
    expect(letter).to_have_count(0)
    with queues.worker("default"):
        eventually(lambda: Run.objects.filter(retry_of=dead.pk, state="succeeded").exists(), within=10)


def test_a_failing_game_is_retried_until_it_is_mended(desk: Page) -> None:
    game = make_game(make_venue("Mars/Base"), name="Thursday NLHE", generation_error="GenerationError: no zone")
    desk.reload()
    failing = desk.locator("form", has_text="Thursday NLHE")

    failing.get_by_role("button", name="Retry").click()
    expect(desk.get_by_text("fails still")).to_be_visible()
    expect(failing).to_contain_text("Mars/Base")

    Venue.objects.update(timezone="Australia/Sydney")
    failing.get_by_role("button", name="Retry").click()
    expect(desk.get_by_text("is in the calendar again")).to_be_visible()
    expect(failing).to_have_count(0)
    assert game.sessions.exists()


def test_what_is_old_says_so(desk: Page) -> None:
    stale = desk.get_by_text("What follows is old")
    expect(stale).to_be_hidden()

    desk.context.clear_cookies()

    expect(stale).to_be_visible(timeout=15_000)
    expect(desk.locator("#board")).to_be_visible()


def a_bad_night() -> None:
    """A generation half done and the next one paused, games that fail, dead letters with a job and without, slots that
    were missed, and a run that overruns."""
    now = timezone.now()
    deploy(now)
    Clock.objects.create(pk=1, last_tick=now)
    star = make_venue(name="The Star", slug="star")
    generation.begin(now - timedelta(minutes=2), days=28, slot=None)
    make_games(40, star)
    make_games(60, star, generated_through=(now + timedelta(days=60)).date())
    make_game(star, name="Thursday NLHE", generation_error=f"GenerationError: {'no_zone/' * 30}")
    lately = {"created_at": now, "started_at": now - timedelta(seconds=3), "finished_at": now}
    digest = make_job(id="email_the_daily_digest_to_every_venue")
    make_run(digest, "failed", error="Traceback …\nConnectionRefusedError: [Errno 111] Connection refused", **lately)
    make_run(None, "failed", actor="an_actor_of_another_version", reason="dead letter: nobody knows it", **lately)
    make_run(digest, "misfired", slot=now - timedelta(hours=1), covers=3, created_at=now, finished_at=now)
    earlier = {name: at - timedelta(hours=2) for name, at in lately.items()}
    for _ in range(30):
        make_run(digest, "succeeded", **earlier)
    slow = make_job(id="copy_the_calendar_of_every_venue")
    an_hour_ago = now - timedelta(hours=1)
    make_run(slow, "succeeded", created_at=an_hour_ago, started_at=an_hour_ago, finished_at=now - timedelta(minutes=59))
    make_run(slow, "running", created_at=an_hour_ago, started_at=an_hour_ago)
    alarms.tell_troubles(now)
    ScheduledJob.objects.filter(pk=NIGHTLY).update(enabled=False)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_a_bad_night_is_accessible_and_fits_the_screen(
    open_page: Open,
    queues: Queues,  # noqa: F811
    viewport: Any,
    scheme: str,
) -> None:
    a_bad_night()
    page = log_in(open_page, viewport=viewport, color_scheme=scheme)
    page.wait_for_load_state("networkidle")

    verdict = "Look here: the nightly generation is paused, games that fail: 1, dead letters: 2, "
    expect(page.get_by_text(f"{verdict}slots missed and not made good: 3, runs that overrun: 1.")).to_be_visible()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
