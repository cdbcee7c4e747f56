"""The run around each call of a job: what a worker's message starts, and what becomes of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial, wraps
from time import sleep
from typing import Any

from django.db import close_old_connections
from dramatiq import Message
from dramatiq.middleware import CurrentMessage

from workers import runs
from workers.allow_list import registry
from workers.backing_services import PASSING_ERRORS
from workers.current import as_current, current_run
from workers.database_time import TOO_FAR, database_now
from workers.models import Run, ScheduledJob

log = logging.getLogger(__name__)

#: How long (seconds) a worker waits before it tries again to write what became of a run. Its pulse goes on meanwhile.
OUTCOME_PAUSES = (0.5, 1, 2, 4, 8, 16, 32)


def recorded(function: Callable[..., Any], name: str, throws: tuple[type[Exception], ...]) -> Callable[..., None]:
    """What the actor `name` does with a message: the function's call, if the message starts a run, and its outcome.

    `throws` are the errors that trying again will not mend.
    """

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        message = CurrentMessage.get_current_message()
        if message is None or message.actor_name != name or current_run():
            return function(*args, **kwargs)  # called as the plain function it is
        run = start(message, database_now())
        if run:
            _work(run, name, function, throws)
        return None

    return call


def start(message: Message[Any], now: datetime) -> Run | None:
    """Start the run that a message asks for: its own, its slot's, or one without a slot. None if there is none."""
    options = message.options
    if "run_id" in options:
        return runs.claim(options["run_id"], options.get("attempt", 0), message.message_id, now)
    row = ScheduledJob.objects.filter(pk=message.actor_name, actor=message.actor_name).first()
    # Its id is the message's, so that one that comes again, because its worker died, is still the same run.
    run = Run(message.message_id, actor=message.actor_name, args=list(message.args), kwargs=message.kwargs, job=row)
    if "scheduled_at" not in options:
        run.cause = Run.Cause.MANUAL
        return runs.begin(run, message.message_id, now)
    run.slot = datetime.fromisoformat(options["scheduled_at"]).replace(second=0, microsecond=0)
    if row is None or not _is_slot(row, run.slot, now):
        return None
    run.wall = row.parsed_trigger().wall_text(run.slot)
    return runs.begin(run, message.message_id, now)


def _is_slot(row: ScheduledJob, slot: datetime, now: datetime) -> bool:
    """Whether the job's own trigger names the minute that periodiq sent, and it comes on time.

    After a restart inside the minute periodiq sends it again, and 02:30 comes twice when the clocks go back. A
    minute that comes late is the tick's to make good, by the job's policy; one still to come was sent by a clock ahead.
    One before the next slot is over and done with: new zone data can bring the same time of the same day once more.
    """
    on_time = -TOO_FAR < now - slot < timedelta(seconds=row.misfire_grace)
    over = row.next_run_at is not None and slot < row.next_run_at
    named = next(row.parsed_trigger().fires(slot, slot), None) is not None
    taken = row.is_on(now) and on_time and named and not over
    if not taken:
        log.info("%s: %s is no slot of it, or it is paused, or late", row, slot)
    return taken


def _work(run: Run, name: str, function: Callable[..., Any], throws: tuple[type[Exception], ...]) -> None:
    try:
        registry[name].check(run.args, run.kwargs)
    except TypeError as error:  # a deploy has changed the function: the next attempt would find the same
        runs.fail(run, error, database_now(), again=False)
        return
    close_old_connections()  # while it works without the database, others may have its connection
    with runs.pulse.of(run), as_current(run):
        try:
            result = function(*run.args, **run.kwargs)
        except BaseException as error:  # dramatiq's time limit is no Exception, nor is sys.exit()
            _insist(partial(runs.fail, run, error, again=not isinstance(error, throws)))
        else:
            _insist(partial(runs.succeed, run, result))


def _insist(write: Callable[[datetime], bool]) -> None:
    """Write an outcome even though PostgreSQL is away for a minute: were it lost, the work would be done again."""
    for pause in OUTCOME_PAUSES:
        close_old_connections()  # one that broke while the function worked is no reason to lose what it did
        try:
            write(database_now())
            return
        except PASSING_ERRORS as error:
            log.warning("The outcome of a run is not written yet: %s", error)
            sleep(pause)
    write(database_now())
