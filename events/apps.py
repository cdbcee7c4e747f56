from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class EventsConfig(AppConfig):
    name = "events"

    def ready(self) -> None:
        """Hand the models their settlement, which imports them."""
        from events import sessions
        from events.models import Settled

        Settled.settlement = staticmethod(sessions.settle)
        post_migrate.connect(_make_groups, sender=self)
        post_migrate.connect(_note_data, sender=self)


def _make_groups(**kwargs: Any) -> None:
    from events import groups

    groups.grant("events", groups.OF_THE_CALENDAR)


def _note_data(**kwargs: Any) -> None:
    from events.models import DataVersion

    DataVersion.note()
