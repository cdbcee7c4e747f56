from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class WorkersConfig(AppConfig):
    name = "workers"

    def ready(self) -> None:
        """Read what the code declares, in every process: `migrate` alone writes it. Hand down what lies above."""
        from workers import actors, checks, dispatch, runs  # noqa: F401 - importing them registers actors and checks
        from workers.broker import ClockWatch, Life
        from workers.models import ScheduledJob
        from workers.monitoring import alarms

        ClockWatch.look = staticmethod(alarms.tell_clock_troubles)
        Life.heart = runs.pulse
        ScheduledJob.plan_anew = dispatch.plan_anew
        post_migrate.connect(_keep_in_step, sender=self)


def _keep_in_step(**kwargs: Any) -> None:
    from django.utils import timezone

    from events import groups
    from workers import jobs

    jobs.keep_in_step(timezone.now())
    groups.grant("workers", {"operators": {"scheduledjob": groups.ALL, "run": ("view", "change")}})
