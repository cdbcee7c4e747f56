"""Runs that people ask for: a call of a job now, or once more what a run should have done."""

from __future__ import annotations

import inspect
from datetime import datetime
from typing import Any

from django.db import transaction

from workers.allow_list import registry
from workers.broker import broker
from workers.models import Run, ScheduledJob
from workers.runs.sending import send


def ask(
    actor: str, args: list[Any], kwargs: dict[str, Any], *, job: ScheduledJob | None, by: str, now: datetime
) -> Run:
    """Queue a run by hand, now. It is sent after the transaction it is asked for in."""
    return _queue(Run(actor=actor, args=args, kwargs=kwargs, job=job, cause=Run.Cause.MANUAL, by=by), now)


def retry(failed: Run, *, by: str, now: datetime) -> Run:
    """Queue another run that does what a failed one should have done. The failed one stays as it is.

    Raises ValueError unless it failed, was skipped or misfired, and when the code has no such actor; see also
    `_send_again`.
    """
    if failed.state not in (Run.State.FAILED, Run.State.SKIPPED, Run.State.MISFIRED):
        raise ValueError(f"This run is {failed.state}: only one that failed, was skipped or misfired can be retried.")
    again = Run(actor=failed.actor, args=failed.args, kwargs=failed.kwargs, job=failed.job, by=by)
    again.cause, again.reason, again.retry_of = Run.Cause.RETRY, f"retry of {failed.pk}", failed.pk
    if again.actor in registry:
        return _queue(again, now)
    if again.actor in broker().actors:
        return _send_again(again, now)
    raise ValueError(f"The code has no actor {again.actor}: retry it after a deploy that brings it.")


def _send_again(run: Run, now: datetime) -> Run:
    """Send the message of an actor that is no job. It keeps no record of its work, so this is all there is to say.

    Raises ValueError when the actor does not take the arguments, redis.exceptions.RedisError when Redis is away.
    """
    actor = broker().actors[run.actor]
    try:
        inspect.signature(actor.fn).bind(*run.args, **run.kwargs)
    except TypeError as error:
        raise ValueError(f"{run.actor} does not take these arguments: {error}.") from None
    message = actor.message(*run.args, **run.kwargs)
    broker().enqueue_all([message])
    run.state, run.message_id, run.reason = Run.State.SUCCEEDED, message.message_id, f"{run.reason}, sent again"
    run.created_at = run.due_at = run.enqueued_at = run.finished_at = now
    run.save(force_insert=True)
    return run


def _queue(run: Run, now: datetime) -> Run:
    run.created_at = run.due_at = run.enqueued_at = now
    run.save(force_insert=True)
    transaction.on_commit(lambda: send([run], now))
    return run
