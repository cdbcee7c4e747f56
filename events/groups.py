"""The groups that exist after migrate, and what each may do at least."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib.auth.management import create_permissions

ALL = ("view", "add", "change", "delete")

#: Members are confined to the venues they manage (see `events.access`).
MANAGERS = "managers"
VIEWERS = "viewers"

OF_THE_CALENDAR: dict[str, dict[str, tuple[str, ...]]] = {
    MANAGERS: {
        "venue": ("view", "change"),
        "game": ALL,
        "gamedate": ALL,
        "closure": ALL,
        "gamesession": ("view", "change"),
    },
    VIEWERS: dict.fromkeys(("venue", "game", "gamedate", "closure", "gamesession"), ("view",)),
}


def grant(app_label: str, groups: dict[str, dict[str, tuple[str, ...]]]) -> None:
    """Make the groups, and give each its permissions of an app. Other permissions that they have stay."""
    group_model: Any = apps.get_model("auth", "Group")
    permission_model: Any = apps.get_model("auth", "Permission")
    create_permissions(apps.get_app_config(app_label), verbosity=0)  # Django makes them too, perhaps only after this
    for name, models in groups.items():
        group = group_model.objects.get_or_create(name=name)[0]
        codenames = [f"{action}_{model}" for model, actions in models.items() for action in actions]
        group.permissions.add(
            *permission_model.objects.filter(content_type__app_label=app_label, codename__in=codenames)
        )
