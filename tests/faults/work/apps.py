"""Sets the traps in every process that is started with the faults' settings."""

from django.apps import AppConfig


class FaultsConfig(AppConfig):
    name = "tests.faults.work"
    label = "faults"

    def ready(self) -> None:
        from tests.faults.work import traps

        traps.set_up()
