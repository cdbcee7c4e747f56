"""When a job fires: triggers as pure arithmetic, which read no clock and no database."""

from workers.triggers.base import FOREVER, Trigger, ensure_fires
from workers.triggers.cron import CRON_FIELDS, CronTrigger
from workers.triggers.date import DateTrigger
from workers.triggers.interval import INTERVAL_FIELDS, IntervalTrigger
from workers.triggers.jitter import jitter_of
from workers.triggers.parsing import TRIGGER_TYPES, parse
from workers.triggers.values import DEFAULT_TIMEZONE, TriggerError, zone_or_usual

__all__ = [
    "CRON_FIELDS",
    "DEFAULT_TIMEZONE",
    "FOREVER",
    "INTERVAL_FIELDS",
    "TRIGGER_TYPES",
    "CronTrigger",
    "DateTrigger",
    "IntervalTrigger",
    "Trigger",
    "TriggerError",
    "ensure_fires",
    "jitter_of",
    "parse",
    "zone_or_usual",
]
