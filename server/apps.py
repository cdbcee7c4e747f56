from typing import Any

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class ServerConfig(AppConfig):
    name = "server"

    def ready(self) -> None:
        # This app has no models, so it gets no signal of its own after a migration.
        post_migrate.connect(_let_operators_unlock, sender=apps.get_app_config("axes"))


def _let_operators_unlock(**kwargs: Any) -> None:
    from events import groups

    groups.grant("axes", {"operators": {"accessattempt": ("view", "delete")}})
    groups.grant("authtoken", {"operators": {"tokenproxy": ("view", "delete")}})
