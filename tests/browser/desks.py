"""Somebody at a desk: signed in to the admin, with what a person does there."""

import re
from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import Group, User
from django.test import Client
from playwright.sync_api import Locator, Page

from events.models import Venue
from tests.browser.conftest import DESKTOP, Open

#: Opens an address of the admin, signed in.
Desk = Callable[..., Page]


def desk_of(open_page: Open, group: str, *venues: Venue) -> Desk:
    """The desk of a new member of a group, who manages `venues`."""
    user = User.objects.create_user(group, is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    user.venues.set(venues)
    client = Client()
    client.force_login(user)
    session = {"name": "sessionid", "value": client.cookies["sessionid"].value, "domain": "localhost", "path": "/"}
    state = {"cookies": [session], "origins": []}

    def open_desk(address: str, **options: Any) -> Page:
        page = open_page(f"/admin/{address}", **{"viewport": DESKTOP, "storage_state": state, **options})
        page.set_default_timeout(10_000)
        return page

    return open_desk


def fill(place: Page | Locator, **values: Any) -> None:
    """Fill in the fields of a form by their names: a choice, a box to tick, or text."""
    for name, value in values.items():
        field = place.locator(f"[name={name}]")
        if isinstance(value, bool):
            field.set_checked(value)
        elif field.evaluate("field => field.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(str(value))


def button_of(page: Page, name: str) -> Locator:
    """A link of the admin; its icon is part of its name, as the word that draws it."""
    return page.get_by_role("link", name=re.compile(rf"(^|\s){re.escape(name)}$"))


def press(page: Page, button: str, confirm: str, **values: Any) -> None:
    """Press a button of the page, fill in the dialog that it opens, and confirm it."""
    button_of(page, button).click()
    dialog = page.locator("#dialog")
    dialog.get_by_role("button", name=confirm).wait_for()
    fill(dialog, **values)
    with page.expect_navigation():
        dialog.get_by_role("button", name=confirm).click()


def save(page: Page) -> None:
    with page.expect_navigation():
        page.get_by_role("button", name="Save", exact=True).click()
