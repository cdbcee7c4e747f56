"""Cron triggers: at the times that calendar fields name."""

from workers.triggers.cron.fields import CRON_FIELDS
from workers.triggers.cron.trigger import CronTrigger

__all__ = ["CRON_FIELDS", "CronTrigger"]
