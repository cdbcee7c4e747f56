"""Every transition of a run, and who may make it."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from tests.workers.scheduled import NOW, claim, fields, later, make_job, make_run
from workers import runs
from workers.models import Run
from workers.runs.finishing import end_unstarted

pytestmark = pytest.mark.django_db


# --- Every cell of the state machine ----------------------------------------------------------------------


FINISHED = ("succeeded", "failed", "skipped", "misfired")


def begin_its_slot_again(run: Run) -> Any:
    return runs.begin(Run(job=run.job, actor=run.actor, slot=run.slot), str(uuid4()), NOW)


def succeed(run: Run) -> Any:
    return runs.succeed(run, {"games": 3}, NOW)


def fail(run: Run) -> Any:
    return runs.fail(run, ValueError("no luck"), NOW)


def reap(run: Run) -> Any:
    return runs.reap(later(25))


def ask(run: Run) -> Any:
    return runs.ask(run.actor, run.args, run.kwargs, job=run.job, by="ann", now=NOW)


def retry(run: Run) -> Any:
    return runs.retry(run, by="ann", now=NOW)


CELLS: dict[Callable[[Run], Any], dict[str, str]] = {
    # What a call does to a run of each state: its next state, "-" when nothing changes, "+" when only a run is added.
    claim: {"queued": "running", "running": "-", **dict.fromkeys(FINISHED, "-")},
    begin_its_slot_again: {"queued": "-", "running": "-", **dict.fromkeys(FINISHED, "-")},
    succeed: {"queued": "-", "running": "succeeded", **dict.fromkeys(FINISHED, "-")},
    fail: {"queued": "-", "running": "queued", **dict.fromkeys(FINISHED, "-")},
    reap: {"queued": "-", "running": "queued", **dict.fromkeys(FINISHED, "-")},
    ask: {"queued": "+", "running": "+", **dict.fromkeys(FINISHED, "+")},
    retry: {"queued": "refused", "running": "refused", "succeeded": "refused", **dict.fromkeys(FINISHED[1:], "+")},
}


def test_the_table_names_every_cell() -> None:
    assert all(set(row) == set(Run.State.values) for row in CELLS.values())


@pytest.mark.parametrize(
    ("transition", "state", "outcome"),
    [
        pytest.param(transition, state, outcome, id=f"{transition.__name__} when {state}: {outcome}")
        for transition, row in CELLS.items()
        for state, outcome in row.items()
    ],
)
def test_what_each_transition_does_to_a_run_of_each_state(
    transition: Callable[[Run], Any], state: str, outcome: str
) -> None:
    run = make_run(make_job(max_instances=2), state, slot=later(-1))
    before = Run.objects.values().get(pk=run.pk)

    if outcome == "refused":
        with pytest.raises(ValueError, match=f"This run is {state}"):
            transition(run)
        answer: Any = None
    else:
        answer = transition(run)

    after = Run.objects.values().get(pk=run.pk)
    added = Run.objects.exclude(pk=run.pk)
    if outcome in ("-", "+", "refused"):
        assert after == before
        assert added.count() == (outcome == "+")
        assert answer == (added.get() if outcome == "+" else answer)
        assert bool(answer) == (outcome == "+")
    else:
        assert (after["state"], bool(answer), added.count()) == (outcome, True, 0)


# --- Fencing ----------------------------------------------------------------------------------------------


def frozen_at_its_first_attempt(state: str) -> Run:
    run = make_run(make_job(), state, attempts=2)
    run.attempts = 1
    return run


@pytest.mark.parametrize("state", ["queued", "running"])
@pytest.mark.parametrize("wakes_up", [claim, succeed, fail])
def test_a_worker_that_wakes_up_after_its_run_was_taken_from_it_changes_nothing(
    wakes_up: Callable[[Run], Any], state: str
) -> None:
    run = frozen_at_its_first_attempt(state)
    before = Run.objects.values().get(pk=run.pk)

    assert not wakes_up(run)

    assert Run.objects.values().get(pk=run.pk) == before


def test_a_worker_that_waited_for_the_lock_does_not_end_the_attempt_of_another() -> None:
    run = frozen_at_its_first_attempt("queued")

    end_unstarted(run, Run.State.SKIPPED, "full", NOW)

    assert fields(run, "state") == "queued"
