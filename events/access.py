"""Who may write what: managers their own venues, other staff by Django's permissions. Reading is for anyone."""

from typing import Any

from django.db.models import Q, QuerySet

from events.models import Venue

#: From a model's name to where its venue is found.
VENUE_OF = {"venue": "pk", "game": "venue", "closure": "venue", "gamedate": "game__venue", "gamesession": "game__venue"}

#: What a manager may do to the venue itself and to all that belongs to it.
MANAGERS_MAY = {
    "venue": {"change"},
    "game": {"add", "change", "delete"},
    "closure": {"add", "change", "delete"},
    "gamedate": {"add", "change", "delete"},
    "gamesession": {"change"},
}


def has_permission(user: Any, action: str, model: Any) -> bool:
    """Whether staff may do `action` (add, change, delete) to every object of `model`."""
    return bool(user.is_staff and user.has_perm(f"events.{action}_{model._meta.model_name}"))


def writable(user: Any, action: str, model: Any) -> Q:
    """Which objects of `model` the user may do `action` to."""
    name = model._meta.model_name
    if has_permission(user, action, model):
        return Q()
    if user.is_authenticated and action in MANAGERS_MAY[name]:
        return Q(**{f"{VENUE_OF[name]}__in": user.venues.all()})
    return Q(pk__in=[])


def may_write_any(user: Any, action: str, model: Any) -> bool:
    """Whether there can be an object the user may do `action` to."""
    manages = user.is_authenticated and action in MANAGERS_MAY[model._meta.model_name] and user.venues.exists()
    return has_permission(user, action, model) or manages


def venues_for(user: Any, model: Any) -> QuerySet[Venue]:
    """The venues for which the user may add objects of `model`."""
    if has_permission(user, "add", model):
        return Venue.objects.all()
    return Venue.objects.filter(managers=user.pk)


def sees_contacts(user: Any, venue: Venue) -> bool:
    """Whether the venue's e-mail address is shown to the user."""
    return bool(user.is_staff or user.pk in {manager.pk for manager in venue.managers.all()})  # prefetched by lists
