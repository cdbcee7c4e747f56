"""The end of a run: it succeeded, failed, is to be tried again, or never started."""

from __future__ import annotations

import logging
import traceback
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from workers.models import Run
from workers.runs.places import let_next_in
from workers.runs.sending import send
from workers.runs.storable import as_json, as_text

log = logging.getLogger(__name__)

#: How often a run is tried before it has failed for good, and how long after the first failure it is tried again;
#: the pause doubles each time.
MAX_ATTEMPTS = 3
BACKOFF = timedelta(seconds=10)


def succeed(run: Run, result: Any, now: datetime) -> bool:
    """Finish a run. False when this attempt no longer holds it."""
    return _finish_for_good(run, now, state=Run.State.SUCCEEDED, result=as_json(result), error="")


def fail(
    run: Run, error: BaseException, now: datetime, *, again: bool = True, longer: timedelta = timedelta(0)
) -> bool:
    """Note a failed attempt. The run is tried again after a pause, unless it was the last time or `again` is off.

    The pause is `longer` than usual. False when this attempt no longer holds the run.
    """
    text = as_text("".join(traceback.format_exception(error)))
    if again and run.attempts < MAX_ATTEMPTS:
        return _try_again(run, text, now, BACKOFF * 2 ** (run.attempts - 1) + longer)
    log.error("%s failed for good at attempt %d: %s", run, run.attempts, error)
    return _finish_for_good(run, now, state=Run.State.FAILED, error=text)


def end_unstarted(run: Run, state: Run.State, reason: str, now: datetime) -> None:
    """End a queued run, unless a worker has started it meanwhile."""
    if Run.objects.still_waiting(run).update(state=state, reason=reason[:500], finished_at=now):
        log.warning("%s %s: %s", run, state, reason)


def _finish_for_good(run: Run, now: datetime, **values: Any) -> bool:
    held = _finish(run, finished_at=now, **values)
    if held and run.job_id:
        let_next_in(run.job_id, now)
    return held


def _try_again(run: Run, error: str, now: datetime, pause: timedelta) -> bool:
    due = now + pause
    held = _finish(run, state=Run.State.QUEUED, due_at=due, enqueued_at=now, error=error, reason="to be tried again")
    if held:
        run.due_at = due
        transaction.on_commit(lambda: send([run], now))
    return held


def _finish(run: Run, **values: Any) -> bool:
    held = bool(Run.objects.still_held(run).update(**values))
    if not held:
        log.warning("%s: attempt %d no longer holds it, its outcome is dropped", run, run.attempts)
    return held
