"""Who may write what: managers their own venues, other staff by Django's permissions. Reading is for anyone."""

from typing import Any

from django.db.models import Q, QuerySet

from events.groups import MANAGERS
from events.models import Venue

#: Where an object's venue is found, by its model's name.
VENUE_OF = {"venue": "pk", "game": "venue", "closure": "venue", "gamedate": "game__venue", "gamesession": "game__venue"}

#: What a manager may do to the venue itself and to all that belongs to it.
MANAGERS_MAY = {
    "venue": {"change"},
    "game": {"add", "change", "delete"},
    "closure": {"add", "change", "delete"},
    "gamedate": {"add", "change", "delete"},
    "gamesession": {"change"},
}


def is_confined(user: Any) -> bool:
    """Whether the user is a manager, whose permissions hold for their own venues alone."""
    if not hasattr(user, "_is_confined"):
        user._is_confined = not user.is_superuser and user.groups.filter(name=MANAGERS).exists()
    return bool(user._is_confined)


def has_permission(user: Any, action: str, model: Any) -> bool:
    """Whether the user may do `action` (view, add, change, delete) to every object of `model`."""
    allowed = user.is_staff and user.has_perm(f"events.{action}_{model._meta.model_name}")
    return bool(allowed and not is_confined(user))


def writable(user: Any, action: str, model: Any) -> Q:
    """Which objects of `model` the user may do `action` to."""
    name = model._meta.model_name
    if has_permission(user, action, model):
        return Q()
    if user.is_authenticated and action in MANAGERS_MAY[name]:
        return of_own_venues(user, model)
    return Q(pk__in=[])


def of_own_venues(user: Any, model: Any) -> Q:
    """Which objects of `model` belong to the venues that the user manages."""
    return Q(**{f"{VENUE_OF[model._meta.model_name]}__in": user.venues.all()})


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
    return bool(user.is_staff and not is_confined(user)) or user in venue.managers.all()
