"""The system's Chromium, driven by Playwright, before the whole site served by this process."""

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.db import connection
from django.test import override_settings
from playwright.sync_api import Browser, Page, Request, sync_playwright
from pytest_django.live_server_helper import LiveServer

from tests.waiting import eventually

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")

#: It runs as root in containers, has no graphics card, and is to call nobody.
OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
)

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 900}

#: WCAG 2.0 to 2.2, levels A and AA.
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

#: Opens an address of the site, such as `/`; what may be given beside it are options of a browser context.
Open = Callable[..., Page]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip(f"The browser tests need Chromium, and there is none: install one of {', '.join(PROGRAMS)}.")
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright keeps an event loop in this thread, and Django takes the tests' own queries for its.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = playwright.chromium.launch(executable_path=program, args=list(OPTIONS))
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def live_server(browser: Browser) -> Iterator[LiveServer]:
    """pytest-django's own, over plain HTTP: it reads the settings for that when it starts."""
    with override_settings(SECURE_SSL_REDIRECT=False, SESSION_COOKIE_SECURE=False, CSRF_COOKIE_SECURE=False):
        server = LiveServer("localhost")
        yield server
        server.stop()


@pytest.fixture
def site(live_server: LiveServer) -> str:
    """The address of the site."""
    return live_server.url


@pytest.fixture
def open_page(browser: Browser, site: str) -> Iterator[Open]:
    """Opens pages on a phone unless told otherwise. No page may have complained when the test ends."""
    complaints: list[str] = []
    contexts = []

    def open_page(address: str, **options: Any) -> Page:
        contexts.append(browser.new_context(base_url=site, **{"viewport": PHONE, "locale": "en-AU", **options}))
        page = contexts[-1].new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("requestfailed", lambda request: complaints.extend(_failure(request)))
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    # A page that is closed may have asked for something still: emptying the tables under it would be a deadlock.
    eventually(lambda: not _at_work(), within=10)
    assert complaints == []


def _at_work() -> list[tuple[int]]:
    """The connections of this database that are in a transaction, but for this one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL"
        )
        return list(cursor.fetchall())


def _failure(request: Request) -> list[str]:
    """Leaving a page before all of it has come is no failure."""
    return [] if request.failure == "net::ERR_ABORTED" else [f"{request.url}: {request.failure}"]


def violations(page: Page) -> list[str]:
    """What axe-core has against a page on levels A and AA, with where it is."""
    found = Axe().run(page, options={"runOnly": LEVELS, "resultTypes": ["violations"]})
    return [
        f"{each['id']}: {node['target']} {node['failureSummary']}"
        for each in found.response["violations"]
        for node in each["nodes"]
    ]
