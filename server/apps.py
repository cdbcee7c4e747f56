from typing import Any

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class ServerConfig(AppConfig):
    name = "server"

    def ready(self) -> None:
        # An app without models of its own, as this one, is not told of a migration.
        post_migrate.connect(_let_operators_unlock, sender=apps.get_app_config("axes"))


def _let_operators_unlock(**kwargs: Any) -> None:
    from events import groups

    groups.grant("axes", {"operators": {"accessattempt": ("view", "delete")}})
    groups.grant("authtoken", {"operators": {"tokenproxy": ("view", "delete")}})
