"""The actors. Each is one call long; the work is done by the modules that they name.

A message carries ids and ISO dates, never objects. Arguments change by addition only, with defaults, so that
workers of one version can read the messages of another.
"""

from __future__ import annotations

import logging
from datetime import date, datetime

import dramatiq
from django.utils import timezone
from dramatiq.middleware import CurrentMessage
from periodiq import cron

from events import sessions
from workers import digest, game_message, generation, retention, tick
from workers.database_time import database_now, read_clocks
from workers.jobs import current_run, job
from workers.models import MOST_INSTANCES
from workers.triggers import CronTrigger

log = logging.getLogger(__name__)


@dramatiq.actor(queue_name="clock", priority=-10, max_retries=0, periodic=cron("* * * * *"))
def dispatch_due_jobs() -> None:
    """The tick of the clock, sent by periodiq every minute."""
    tick.take(read_clocks(), _scheduled_at())


# So many places that no night is skipped because generations by hand are at work: they share nothing that has to be
# guarded (each game's row is locked by whoever writes it), a fan-out is over in seconds, and that a hundred, which is
# the most a job may have, are at work at once would take a hundred threads of the clock's queue.
@job(
    queue_name="clock",
    priority=-5,
    throws=(sessions.WindowError,),
    periodic=cron("0 5 * * *"),
    max_instances=MOST_INSTANCES,
)
def generate_upcoming_game_sessions(days: int | None = None) -> dict[str, int]:
    """Fill the calendar: one `create_sessions_for_game` message for each active recurring game.

    Sent by periodiq at 05:00 Australia/Sydney, and at any time by hand: `.send()`, or `.send(days=60)` to look
    further ahead than LOOKAHEAD_DAYS. Always safe to repeat.
    """
    return generation.generate(database_now(), days=days, run=current_run())


@dramatiq.actor(
    actor_name=game_message.ACTOR,
    queue_name=game_message.QUEUE,
    max_retries=3,
    min_backoff=1_000,
    max_backoff=10_000,
    time_limit=120_000,
    throws=(sessions.WindowError,),
)
def create_sessions_for_game(
    game_id: int, first_day: str | None = None, last_day: str | None = None, settle: bool = False
) -> None:
    """Write the missing sessions of one game from `first_day` to `last_day` (ISO dates of the venue's calendar).

    Without them, from the venue's today to the horizon. Always safe to repeat; sent by hand with `.send(game_id)`.
    `settle` stands in messages of older releases: now the game's row says whether its sessions are settled anew.
    """
    retries = _retries()
    generation.create_sessions(
        game_id,
        date.fromisoformat(first_day) if first_day else None,
        date.fromisoformat(last_day) if last_day else None,
        now=timezone.now(),
        last_try=retries >= 3,
        apart=retries > 0,  # what has failed once fails nobody else
    )


@job(trigger=CronTrigger(hour=3, minute=30))
def prune_history() -> dict[str, int]:
    """Delete finished runs, generations and digests older than HISTORY_DAYS, a batch at a time."""
    return retention.prune(database_now())


@job(trigger=CronTrigger(minute="*/15"), catch_up="skip")
def email_daily_digest() -> int:
    """Write each venue's contact at 07:00 of its own time: today's sessions, cancellations, what failed."""
    return digest.send_due(database_now())


@job()
def scheduled_job() -> None:
    """The template of a new job: it runs, does nothing, and is not scheduled.

    Copy it, give it a name that says what it does, and call one function from it. To schedule it give `@job` a
    `trigger=` or a `periodic=`; to run it once, `.send()`. Staff can put it on any trigger as it is.
    """


def _scheduled_at() -> datetime | None:
    """When periodiq sent the message being worked on; None when somebody else did."""
    message = CurrentMessage.get_current_message()
    at = message.options.get("scheduled_at") if message else None
    return datetime.fromisoformat(at) if at else None


def _retries() -> int:
    message = CurrentMessage.get_current_message()
    return int(message.options.get("retries", 0)) if message else 0
