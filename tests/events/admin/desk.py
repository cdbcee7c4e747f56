"""Somebody at a desk, and what they send."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group, User
from django.test import Client

from events.models import Venue
from tests.events.conftest import make_user
from tests.factories import make_venue

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


def act(desk: Client, listed: str, action: str, ids: list[int], **sent: str) -> Any:
    """Run an action on rows of a list. The answer is the page that asks first, or the list with what was done."""
    chosen = {"action": action, "_selected_action": ids, "index": 0}
    return desk.post(f"/admin/events/{listed}", {**chosen, **sent}, follow=True)


def said(answer: Any) -> list[str]:
    return [str(message) for message in answer.context["messages"]]
