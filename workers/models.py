"""What the clock remembers."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, OuterRef, Q, Subquery

from events.models import Venue
from workers import triggers


class Clock(models.Model):
    """The tick's heartbeat: one row, which also keeps two ticks from running at one time."""

    last_tick = models.DateTimeField(null=True)
    busy_until = models.DateTimeField(null=True)


class Generation(models.Model):
    """One filling of the calendar, up to `days` days from each venue's today at the instant `at`.

    PostgreSQL's unique slot makes two schedulers, or a message that comes twice, one generation.
    """

    slot = models.DateTimeField(null=True, unique=True, help_text="Its nominal time; empty: asked for by hand.")
    at = models.DateTimeField()
    days = models.PositiveSmallIntegerField()
    sent = models.PositiveIntegerField(null=True, help_text="Messages of the fan-out; empty until it is complete.")
    lagging = models.PositiveIntegerField(null=True, help_text="Games behind its horizon, when last counted.")
    moved_at = models.DateTimeField(help_text="When it last got on, or its games were last sent.")
    finished_at = models.DateTimeField(null=True, help_text="When no game lagged any more.")

    class Meta:
        ordering = ("-at",)
        get_latest_by = "at"

    def __str__(self) -> str:
        return f"generation of {self.at:%Y-%m-%d %H:%M} UTC, {self.days} days"

    def horizon(self, zone: str) -> date:
        """The last local date to be settled in the zone called `zone`."""
        return self.at.astimezone(ZoneInfo(zone)).date() + timedelta(self.days)


class JobQuerySet(models.QuerySet["ScheduledJob"]):
    def running_at(self, now: datetime) -> JobQuerySet:
        """Jobs that are on: neither switched off, nor paused, nor retired."""
        return self.filter(Q(paused_until=None) | Q(paused_until__lte=now), enabled=True, retired=False)

    def with_next_start(self) -> JobQuerySet:
        """With what `ScheduledJob.next_start` needs: slots are planned some time before they start."""
        planned = Run.objects.filter(job=OuterRef("pk"), state=Run.State.QUEUED, slot__isnull=False)
        return self.annotate(planned_for=Subquery(planned.order_by("due_at").values("due_at")[:1]))


class ScheduledJob(models.Model):
    """An actor, its arguments, when to call it, and what to do when that does not work out.

    Jobs of origin `code` are declared there and kept in step at each deploy; those of `staff` live here alone.
    """

    class Origin(models.TextChoices):
        CODE = "code"
        STAFF = "staff"

    class CatchUp(models.TextChoices):
        SKIP = "skip", "Skip what was missed"
        LATEST = "latest", "Run once for all that was missed"
        ALL = "all", "Run each that was missed"

    id = models.SlugField(primary_key=True, max_length=100)
    actor = models.CharField(max_length=100)
    args = models.JSONField(default=list, blank=True)
    kwargs = models.JSONField(default=dict, blank=True)
    trigger = models.JSONField()
    timezone = models.CharField(max_length=64, default=triggers.DEFAULT_TIMEZONE)
    start_at = models.DateTimeField(null=True, blank=True, help_text="Nothing fires earlier; intervals count from it.")
    end_at = models.DateTimeField(null=True, blank=True, help_text="Nothing fires later.")
    max_runs = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text="So many runs at most."
    )
    jitter = models.PositiveIntegerField(
        default=0, validators=[MaxValueValidator(3600)], help_text="Spread starts over so many seconds."
    )
    max_instances = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(100)], help_text="So many at one time."
    )
    misfire_grace = models.PositiveIntegerField(
        default=60,
        validators=[MinValueValidator(1), MaxValueValidator(86_400)],
        help_text="Seconds a slot may be late and still count as on time.",
    )
    catch_up = models.CharField(max_length=6, choices=CatchUp, default=CatchUp.LATEST)
    enabled = models.BooleanField(default=True)
    paused_until = models.DateTimeField(null=True, blank=True)

    paused_because = models.CharField(max_length=500, blank=True, editable=False)
    origin = models.CharField(max_length=5, choices=Origin, default=Origin.STAFF, editable=False)
    retired = models.BooleanField(default=False, editable=False, help_text="No longer declared in the code.")
    by_periodiq = models.BooleanField(default=False, editable=False, help_text="periodiq itself sends its messages.")
    anchor = models.DateTimeField(editable=False, help_text="What intervals count from.")
    next_run_at = models.DateTimeField(null=True, editable=False, db_index=True)
    runs_begun = models.PositiveIntegerField(default=0, editable=False)

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints = [
            models.CheckConstraint(name="job_max_instances", condition=Q(max_instances__gte=1)),
            models.CheckConstraint(name="job_max_runs", condition=Q(max_runs__isnull=True) | Q(max_runs__gte=1)),
            models.CheckConstraint(name="job_misfire_grace", condition=Q(misfire_grace__gte=1)),
            models.CheckConstraint(name="job_catch_up", condition=Q(catch_up__in=["skip", "latest", "all"])),
            models.CheckConstraint(name="job_origin", condition=Q(origin__in=["code", "staff"])),
        ]

    def __str__(self) -> str:
        return self.id

    def parsed_trigger(self) -> triggers.Trigger:
        """Raises triggers.TriggerError naming the field."""
        return triggers.parse(
            self.trigger,
            timezone=self.timezone,
            anchor=self.anchor,
            start_at=self.start_at,
            end_at=self.end_at,
            jitter=self.jitter,
        )

    def next_start(self, now: datetime) -> datetime | None:
        """When it starts next, for people to read; None: never. Takes rows of `with_next_start`.

        `next_run_at` is the first slot without a run: later than what is planned, and of a slot that periodiq sent it
        stays until the slot's grace is over.
        """
        first: datetime | None = getattr(self, "planned_for", None) or self.next_run_at
        return self.parsed_trigger().next_fire(now) if first and first <= now and self.by_periodiq else first

    def is_on(self, now: datetime) -> bool:
        return self.enabled and not self.retired and not (self.paused_until and self.paused_until > now)


class RunQuerySet(models.QuerySet["Run"]):
    def unfinished(self) -> RunQuerySet:
        return self.filter(state__in=[Run.State.QUEUED, Run.State.RUNNING])


class Run(models.Model):
    """One call of a job's actor, or why there was none. Written by `workers.runs` and `workers.dispatch` alone.

    PostgreSQL's unique (job, slot) makes two schedulers, a message that comes twice or a tick repeated harmless.
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
    job = models.ForeignKey(ScheduledJob, models.CASCADE, null=True, related_name="runs", db_index=False)
    actor = models.CharField(max_length=100)
    args = models.JSONField(default=list)
    kwargs = models.JSONField(default=dict)
    slot = models.DateTimeField(null=True, help_text="Its nominal time; empty: it has none.")
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


class Digest(models.Model):
    """A venue's daily e-mail, noted before it is sent: it goes out at most once."""

    venue = models.ForeignKey(Venue, models.CASCADE, related_name="+")
    date = models.DateField(help_text="The venue's own date.")

    class Meta:
        constraints = [models.UniqueConstraint(name="one_digest_a_day", fields=("venue", "date"))]


class Incident(models.Model):
    """Something that went wrong. It is told once; what happens anew after it was over is another."""

    class Kind(models.TextChoices):
        CLOCK = "clock"
        JOB = "job"
        GAME = "game"
        SLOT = "slot"
        OVERRUN = "overrun"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=8, choices=Kind)
    subject = models.CharField(max_length=150, blank=True, help_text="The job, game, slot or run.")
    said = models.TextField()
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True, help_text="Empty: no mail has taken it yet, the next minute tries again.")

    class Meta:
        ordering = ("-opened_at", "pk")
        constraints = [
            models.UniqueConstraint(
                name="one_open_incident", fields=("kind", "subject"), condition=Q(closed_at__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return self.said.split("\n")[0]
