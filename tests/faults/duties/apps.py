"""Lets every process know the duties, web and scheduler too."""

from django.apps import AppConfig


class DutiesConfig(AppConfig):
    name = "tests.faults.duties"

    def ready(self) -> None:
        from tests.faults.duties import actors  # noqa: F401 - importing registers them
