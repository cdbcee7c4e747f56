"""The ledger of runs: what became of each slot of a job, and of each call by hand."""

from __future__ import annotations

import uuid
from datetime import UTC, timedelta

from django.db import models
from django.db.models import F, Q


class RunQuerySet(models.QuerySet["Run"]):
    def unfinished(self) -> RunQuerySet:
        return self.filter(state__in=[Run.State.QUEUED, Run.State.RUNNING])

    def still_waiting(self, run: Run) -> RunQuerySet:
        """The row of `run`, as long as it waits for the attempt that it was read for."""
        return self.filter(pk=run.pk, state=Run.State.QUEUED, attempts=run.attempts)

    def still_held(self, run: Run) -> RunQuerySet:
        """The row of `run`, as long as its attempt holds it."""
        return self.filter(pk=run.pk, state=Run.State.RUNNING, attempts=run.attempts)


class Run(models.Model):
    """One call of a job's actor, or why there was none. Written by `workers.runs` and `workers.dispatch` alone.

        queued → running → succeeded | failed
        running → queued, to be tried again: it failed, or its worker died
        queued → skipped | misfired, never started; or failed, when no worker knows its actor

    A transition is a conditional UPDATE, and who changed no row has lost. A run is finished only by the attempt that
    holds it, so a frozen worker that wakes up changes nothing. PostgreSQL's unique (job, slot) makes two schedulers, a
    message that comes twice or a tick repeated harmless.
    """

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        SKIPPED = "skipped"
        MISFIRED = "misfired"

    class Cause(models.TextChoices):
        SCHEDULE = "schedule"
        CATCH_UP = "catch_up", "catch-up"
        MANUAL = "manual"
        RETRY = "retry"

    # Made here rather than by the database: a run is sent by id in the moment it is written, many at a time.
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Three of the indexes below begin with the job: those that Django makes (two, for a text) would only be written.
    job = models.ForeignKey("workers.ScheduledJob", models.CASCADE, null=True, related_name="runs", db_index=False)
    actor = models.CharField(max_length=100)
    args = models.JSONField(default=list)
    kwargs = models.JSONField(default=dict)
    slot = models.DateTimeField(null=True, help_text="Its nominal time; empty: it has none.")
    wall = models.CharField(
        max_length=26,
        default="",
        db_default="",
        editable=False,
        help_text="What the clock of its job's zone is to show at its slot (ISO), if it was planned ahead by that.",
    )
    covers = models.PositiveIntegerField(default=1, help_text="How many slots it stands for.")
    state = models.CharField(max_length=9, choices=State, default=State.QUEUED)
    cause = models.CharField(max_length=8, choices=Cause, default=Cause.SCHEDULE)
    by = models.CharField(max_length=150, blank=True, help_text="Who asked for it.")
    reason = models.CharField(max_length=500, blank=True, help_text="Why it did not start, or is to start again.")
    retry_of = models.UUIDField(null=True, editable=False, help_text="The run that this one does again.")
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    enqueued_at = models.DateTimeField(null=True, help_text="When its message was last sent; empty: to be sent.")
    started_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    # Its row is deleted a day after its last beat. Workers of older releases note no process.
    process = models.ForeignKey(
        "workers.WorkerProcess", models.DO_NOTHING, null=True, related_name="+", db_constraint=False, db_index=False
    )
    finished_at = models.DateTimeField(null=True)
    result = models.JSONField(null=True)
    error = models.TextField(blank=True)
    message_id = models.CharField(max_length=36, blank=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-due_at", "pk")
        indexes = [
            models.Index("due_at", name="run_waiting", condition=Q(state="queued")),
            models.Index("job", name="run_at_work", condition=Q(state="running")),
            models.Index(F("created_at").desc(), F("due_at").desc(), "id", name="run_latest"),
            models.Index("job", F("created_at").desc(), name="run_of_job"),
            models.Index("job", F("due_at").desc(), F("created_at").desc(), name="run_last_of_job"),
            models.Index(
                "state",
                F("created_at").desc(),
                F("due_at").desc(),
                "id",
                name="run_not_done",
                condition=Q(state__in=["failed", "skipped", "misfired"]),
            ),
            models.Index("finished_at", name="run_finished"),
        ]
        constraints = [
            models.UniqueConstraint(name="one_run_a_slot", fields=("job", "slot")),
            models.CheckConstraint(
                name="run_state",
                condition=Q(state="queued", finished_at__isnull=True)
                | Q(state="running", finished_at__isnull=True, started_at__isnull=False, attempts__gte=1)
                | Q(state__in=["succeeded", "failed", "skipped", "misfired"], finished_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.job_id or self.actor} {(self.slot or self.created_at).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"

    @property
    def why(self) -> str:
        """Why it failed: the last line of its traceback, or the reason."""
        return (self.error.strip() or self.reason or "It says no reason.").splitlines()[-1]

    @property
    def duration(self) -> timedelta | None:
        return self.finished_at - self.started_at if self.finished_at and self.started_at else None
