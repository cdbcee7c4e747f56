"""Every state transition of a run.

    queued → running → succeeded | failed
    running → queued, to be tried again: it failed, or its worker died
    queued → skipped | misfired, never started; or failed, when no worker knows its actor

A transition is a conditional UPDATE, and who changed no row has lost. A run is finished only by the attempt that
holds it, so a frozen worker that wakes up changes nothing.
"""

from __future__ import annotations

import inspect
import json
import logging
import re
import threading
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.conf import settings
from django.db import Error, connection, transaction
from django.db.models import Q
from django.utils import timezone
from dramatiq import Message
from redis.exceptions import RedisError

from workers.broker import broker
from workers.models import Run, RunQuerySet, ScheduledJob
from workers.triggers import jitter_of

log = logging.getLogger(__name__)

#: How often a run is tried before it has failed for good, and how long after the first failure it is tried again;
#: the pause doubles each time.
MAX_ATTEMPTS = 3
BACKOFF = timedelta(seconds=10)

#: Over how many seconds the runs are spread that died together. Were they to start together again, the one that ended
#: their worker would take the others with it each time.
SPREAD = 20

#: How long a catch-up or a retry that finds its job's places taken waits before it asks again.
WAIT_FOR_A_PLACE = timedelta(seconds=30)

#: What is said of such a run meanwhile.
WAITS = "waits for a place"

#: A worker that has not been heard of for so many heartbeats is dead.
MISSED_BEATS = 3

TEXT = 20_000  # characters of a traceback that are kept, the last ones


# --- Sending ----------------------------------------------------------------------------------------------


def send(runs: Iterable[Run], now: datetime) -> bool:
    """Send the messages of queued runs, each to arrive when it is due.

    False when Redis did not take them; a tick will send them.

    A run whose actor has vanished is left to the tick, which says so.
    """
    from workers.jobs import registry

    runs = [run for run in runs if run.actor in registry]
    messages = [broker().delayed(registry[run.actor].message(run), (run.due_at - now).total_seconds()) for run in runs]
    try:
        broker().enqueue_all(messages)
    except RedisError as error:
        log.warning("Redis did not take %d runs, a tick will send them: %s", len(runs), error)
        Run.objects.filter(pk__in=[run.pk for run in runs], state=Run.State.QUEUED).update(enqueued_at=None)
        return False
    return True


def ask(
    actor: str, args: list[Any], kwargs: dict[str, Any], *, job: ScheduledJob | None, by: str, now: datetime
) -> Run:
    """Queue a run by hand, now. It is sent after the transaction it is asked for in."""
    return _queue(Run(actor=actor, args=args, kwargs=kwargs, job=job, cause=Run.Cause.MANUAL, by=by), now)


def retry(failed: Run, *, by: str, now: datetime) -> Run:
    """Queue another run that does what a failed one should have done; that one stays as it is.

    Raises ValueError unless it failed, was skipped or misfired, and when the code has no such actor; see also
    `_send_again`.
    """
    from workers.jobs import registry

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


def bury(letters: Iterable[tuple[Message[Any], str]], now: datetime) -> None:
    """Keep messages that came to nothing, and why, as runs that failed. One that was begun has its run already."""
    Run.objects.bulk_create([_dead(message, why, now) for message, why in letters], ignore_conflicts=True)


def _dead(message: Message[Any], why: str, now: datetime) -> Run:
    sent = datetime.fromtimestamp(message.message_timestamp / 1000, UTC)
    log.error("A message for %s is dead: %s", message.actor_name, why)
    return Run(
        message.message_id,
        actor=message.actor_name[:100],
        args=list(message.args),
        kwargs=message.kwargs,
        state=Run.State.FAILED,
        cause=Run.Cause.MANUAL,
        reason=f"dead letter: {why}"[:500],
        error=_as_text(message.options.get("traceback", ""))[-TEXT:],
        message_id=message.message_id,
        created_at=sent,
        due_at=sent,
        enqueued_at=sent,
        finished_at=now,
    )


# --- Beginning --------------------------------------------------------------------------------------------


def begin(run: Run, message_id: str, now: datetime) -> Run | None:
    """Begin a run that has no row yet, because the message that asks for it came from periodiq or by hand.

    None when its slot has one already, or when it may not start; the row then says why.
    """
    run.created_at = run.due_at = run.enqueued_at = now
    Run.objects.bulk_create([run], ignore_conflicts=True)
    return claim(run.pk, 0, message_id, now)


def claim(run_id: Any, attempt: int, message_id: str, now: datetime) -> Run | None:
    """Start a queued run, as the attempt after `attempt` others.

    None when it is not there in that state any more (a message that came twice, a job edited meanwhile), or when
    its job does not let it start; the row then says why.
    """
    with transaction.atomic():
        run = Run.objects.filter(pk=run_id, state=Run.State.QUEUED, attempts=attempt).first()
        if run is None:
            return None
        # The lock makes counting a job's places and taking one a single step. Every writer locks the job first.
        job = ScheduledJob.objects.select_for_update(no_key=True).get(pk=run.job_id) if run.job_id else None
        if job:
            run.refresh_from_db(fields=["args", "kwargs"])  # an edit of the job may have come first
            if not _may_start(run, job, now):
                return None
        started = _waiting(run).update(
            state=Run.State.RUNNING,
            cause=run.cause,
            attempts=attempt + 1,
            started_at=now,
            heartbeat_at=now,
            message_id=message_id,
            reason="",
        )
        run.attempts, run.started_at = attempt + 1, now
        return run if started else None


def _may_start(run: Run, job: ScheduledJob, now: datetime) -> bool:
    by_clock = run.cause in (Run.Cause.SCHEDULE, Run.Cause.CATCH_UP)
    first = run.attempts == 0
    if by_clock and first and not job.is_on(now):
        return _end(run, Run.State.SKIPPED, "the job was paused", now)
    late = now - run.due_at
    if run.cause == Run.Cause.SCHEDULE and first and late > timedelta(seconds=job.misfire_grace):
        if job.catch_up == ScheduledJob.CatchUp.SKIP:
            return _end(run, Run.State.MISFIRED, f"its turn came {late.total_seconds():.0f} s late", now)
        if run.slot and job.catch_up == ScheduledJob.CatchUp.LATEST and _is_covered(run, job, now):
            return _end(run, Run.State.MISFIRED, "its turn came late, and a later one stands for it", now)
        run.cause = Run.Cause.CATCH_UP
    if not _is_full(job, now):
        return True
    if first and run.cause in (Run.Cause.SCHEDULE, Run.Cause.MANUAL):
        return _end(run, Run.State.SKIPPED, f"{job.max_instances} of this job were running already", now)
    later = now + WAIT_FOR_A_PLACE
    _waiting(run).update(cause=run.cause, due_at=later, enqueued_at=None, reason=WAITS)
    return False


def _is_covered(run: Run, job: ScheduledJob, now: datetime) -> bool:
    """Whether a later slot of the job is due too, and waits to start."""
    later = Run.objects.filter(job=job, state=Run.State.QUEUED, attempts=0, slot__gt=run.slot, slot__lte=now)
    return later.exists()


def _is_full(job: ScheduledJob, now: datetime) -> bool:
    running = Run.objects.filter(job=job, state=Run.State.RUNNING)
    if running.count() < job.max_instances:
        return False
    reap(now, running)  # the places of dead workers are free
    return running.count() >= job.max_instances


def _end(run: Run, state: str, reason: str, now: datetime) -> bool:
    """End a run that never started. Returns False: it may not start."""
    if _waiting(run).update(state=state, reason=reason, finished_at=now):
        log.warning("%s %s: %s", run, state, reason)
    return False


def _waiting(run: Run) -> RunQuerySet:
    """The run's row, as long as it still waits for the attempt that it was read for."""
    return Run.objects.filter(pk=run.pk, state=Run.State.QUEUED, attempts=run.attempts)


# --- Ending -----------------------------------------------------------------------------------------------


def succeed(run: Run, result: Any, now: datetime) -> bool:
    """Finish a run. False when this attempt no longer holds it."""
    return _finish_for_good(run, now, state=Run.State.SUCCEEDED, result=_as_json(result), error="")


def give_up(run: Run, reason: str, now: datetime) -> bool:
    """End a queued run that no worker can start. False when one has, meanwhile."""
    return bool(_waiting(run).update(state=Run.State.FAILED, reason=reason[:500], finished_at=now))


def fail(run: Run, error: BaseException, now: datetime, *, again: bool = True) -> bool:
    """Note a failed attempt; the run is tried again after a pause, unless it was the last time or `again` is off.

    False when this attempt no longer holds it.
    """
    text = _as_text("".join(traceback.format_exception(error)))[-TEXT:]
    if again and run.attempts < MAX_ATTEMPTS:
        pause = BACKOFF * 2 ** (run.attempts - 1)
        if isinstance(error, WorkerDied):
            pause += jitter_of(str(run.pk), now, SPREAD)
        return _try_again(run, text, now, pause)
    log.error("%s failed for good at attempt %d: %s", run, run.attempts, error)
    return _finish_for_good(run, now, state=Run.State.FAILED, error=text)


def _finish_for_good(run: Run, now: datetime, **values: Any) -> bool:
    held = _finish(run, finished_at=now, **values)
    if held and run.job_id:
        _let_next_in(run.job_id, now)
    return held


def _let_next_in(job_id: str, now: datetime) -> None:
    """Send the run of a job that has waited longest for a place, now that one is free."""
    waiting = Run.objects.filter(job=job_id, state=Run.State.QUEUED, reason=WAITS, enqueued_at=None)
    following = waiting.order_by("slot", "due_at").first()
    if following and _waiting(following).filter(enqueued_at=None).update(due_at=now, enqueued_at=now):
        following.due_at = now
        transaction.on_commit(lambda: send([following], now))


def reap(now: datetime, running: Any = None) -> int:
    """Try the runs again whose workers have died: that have not been heard of for some heartbeats.

    Returns how many. One that has had its attempts has failed.
    """
    silent = now - timedelta(seconds=settings.RUN_HEARTBEAT_SECONDS) * MISSED_BEATS
    running = Run.objects.filter(state=Run.State.RUNNING) if running is None else running
    dead = list(running.filter(heartbeat_at__lt=silent))
    for run in dead:
        fail(run, WorkerDied(f"no heartbeat since {run.heartbeat_at:%H:%M:%S} UTC"), now)
    return len(dead)


class WorkerDied(Exception):
    """The worker process of a run has gone, or stands still."""


def _try_again(run: Run, error: str, now: datetime, pause: timedelta) -> bool:
    due = now + pause
    held = _finish(run, state=Run.State.QUEUED, due_at=due, enqueued_at=now, error=error, reason="to be tried again")
    if held:
        run.due_at = due
        transaction.on_commit(lambda: send([run], now))
    return held


def _finish(run: Run, **values: Any) -> bool:
    mine = Run.objects.filter(pk=run.pk, state=Run.State.RUNNING, attempts=run.attempts)
    held = bool(mine.update(**values))
    if not held:
        log.warning("%s: attempt %d no longer holds it, its outcome is dropped", run, run.attempts)
    return held


def _as_json(result: Any) -> Any:
    """What an actor returned, if it is short and PostgreSQL's JSON can hold it, or else the begin of its text."""
    try:
        if json_size(result) <= TEXT:
            return result
    except (TypeError, ValueError, RecursionError):
        pass
    return repr(result)[:TEXT]


def json_size(value: Any) -> int:
    """The bytes that a value takes as JSON. Raises TypeError or ValueError for what PostgreSQL's JSON cannot hold:
    NaN and infinity, the character NUL, half a surrogate pair."""
    text = json.dumps(value, allow_nan=False, ensure_ascii=False)
    if re.search(r"(?<!\\)(\\\\)*\\u0000", text):
        raise ValueError("the character NUL cannot be stored")
    return len(text.encode())


def _as_text(text: str) -> str:
    """The text with what PostgreSQL's text cannot hold spelt out."""
    return text.encode(errors="backslashreplace").decode().replace("\0", "\\0")


# --- The heartbeat of what is running ---------------------------------------------------------------------


class _Pulse:
    """One thread a worker process that says of its runs that they are alive.

    Of the attempts that are its own: were a frozen worker that wakes up to speak for a run that another has taken
    over, nobody would notice that one's death.
    """

    def __init__(self) -> None:
        self.held: set[tuple[Any, int]] = set()
        self.lock = threading.Lock()
        self.thread: threading.Thread | None = None
        self.idle = threading.Event()

    @contextmanager
    def of(self, run: Run) -> Iterator[None]:
        with self.lock:
            self.held.add((run.pk, run.attempts))
            self.idle.clear()
            if self.thread is None or not self.thread.is_alive():  # nor does a thread survive a fork
                self.thread = threading.Thread(target=self._beat, name="pulse", daemon=True)
                self.thread.start()
        try:
            yield
        finally:
            with self.lock:
                self.held.discard((run.pk, run.attempts))
                if not self.held:
                    self.idle.set()

    def _beat(self) -> None:
        failed = False
        while True:
            self.idle.wait(1 if failed else settings.RUN_HEARTBEAT_SECONDS)
            with self.lock:
                held = list(self.held)
                if not held:
                    self.thread = None
                    break
            try:
                mine = reduce(or_, (Q(pk=pk, attempts=attempt) for pk, attempt in held))
                Run.objects.filter(mine, state=Run.State.RUNNING).update(heartbeat_at=timezone.now())
                failed = False
            except Error as error:
                failed = True  # as soon as PostgreSQL is back, before anybody takes the silence for death
                log.warning("The heartbeat of %d runs was not written: %s", len(held), error)
            connection.close()  # between two beats others may need it


pulse = _Pulse()
