"""The site of the desks as a whole, those of other packages included."""

from django.contrib import admin
from django.contrib.admin.utils import get_fields_from_path
from django.db.models import DateTimeField


def test_no_desk_has_postgresql_turn_instants_into_dates() -> None:
    """A date hierarchy does so, by PostgreSQL's own data of the zones, and in the zone of the settings."""
    wrong = [
        f"{desk}.{desk.date_hierarchy}"
        for desk in admin.site._registry.values()
        if desk.date_hierarchy and isinstance(get_fields_from_path(desk.model, desk.date_hierarchy)[-1], DateTimeField)
    ]

    assert wrong == []
