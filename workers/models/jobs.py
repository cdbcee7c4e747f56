"""The scheduled jobs, declared in code or created by staff."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import IntegrityError, models, transaction
from django.db.models import OuterRef, Q, Subquery
from django.utils import timezone
from psycopg.errors import UniqueViolation

from workers import triggers
from workers.models.runs import Run


class JobQuerySet(models.QuerySet["ScheduledJob"]):
    def running_at(self, now: datetime) -> JobQuerySet:
        """Jobs that are on: neither switched off, nor paused, nor retired."""
        return self.filter(Q(paused_until=None) | Q(paused_until__lte=now), enabled=True, retired=False)

    def with_next_start(self) -> JobQuerySet:
        """Jobs with what `ScheduledJob.next_start` needs: slots are planned some time before they start."""
        planned = Run.objects.filter(job=OuterRef("pk"), state=Run.State.QUEUED, slot__isnull=False)
        return self.annotate(planned_for=Subquery(planned.order_by("due_at").values("due_at")[:1]))


#: The most runs that a job may be told to have at one time.
MOST_INSTANCES = 100

#: What a save plans anew.
PLANNED_ANEW = ("anchor", "next_run_at", "next_wall", "zone_data", "runs_begun", "paused_because")


class ScheduledJob(models.Model):
    """An actor, its arguments, when to call it, and what to do when that does not work out.

    Jobs of origin `code` are declared there and kept in step at each deploy; those of `staff` live here alone.

    A field is declared here and nowhere else. If it is editable, the desk's form, REST and `@job` take it from here.
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
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_INSTANCES)],
        help_text="So many at one time.",
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
    next_wall = models.CharField(
        max_length=26,
        default="",
        db_default="",
        editable=False,
        help_text="What the clock of its zone is to show at next_run_at (ISO); empty where an instant is meant.",
    )
    zone_data = models.CharField(
        max_length=16,
        default="",
        db_default="",
        editable=False,
        help_text="The fingerprint of the data on its zone that next_run_at was worked out by.",
    )
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

    #: Plans a job anew as it is saved: `workers.dispatch.plan_anew`, which `AppConfig.ready()` hands down here.
    plan_anew: ClassVar[Callable[[ScheduledJob, ScheduledJob | None, datetime], None]]

    def save(self, *args: Any, now: datetime | None = None, **kwargs: Any) -> None:
        """Save it and plan anew when it runs next. Its fields are not checked here, but by `workers.jobs.check`.

        Raises ValidationError when another job has taken its id meanwhile.
        """
        with transaction.atomic():
            before = ScheduledJob.objects.select_for_update(no_key=True).filter(pk=self.pk).first()
            if kwargs.get("update_fields") is not None:
                self._take_over(before, kwargs["update_fields"])
                kwargs["update_fields"] = {*kwargs["update_fields"], *PLANNED_ANEW}
            if self._state.adding:
                kwargs["force_insert"] = True
            self.plan_anew(before, now or timezone.now())
            try:
                super().save(*args, **kwargs)
            except IntegrityError as error:
                if isinstance(error.__cause__, UniqueViolation):
                    raise ValidationError({"id": f'There is a job "{self.pk}" already: take another id.'}) from None
                raise

    def _take_over(self, stored: ScheduledJob | None, changed: Iterable[str]) -> None:
        """Take over what others wrote meanwhile to the fields that this save does not write: they decide too."""
        for field in self._meta.concrete_fields:
            if stored and field.attname not in changed:
                setattr(self, field.attname, getattr(stored, field.attname))

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Delete it with its runs. It is locked first, as by everybody else who writes its runs."""
        with transaction.atomic():
            ScheduledJob.objects.select_for_update().filter(pk=self.pk).first()
            return super().delete(*args, **kwargs)

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

        `next_run_at` is the first slot without a run: later than what is planned. It stays at a slot that periodiq has
        sent until the slot's grace is over.
        """
        first: datetime | None = getattr(self, "planned_for", None) or self.next_run_at
        return self.parsed_trigger().next_fire(now) if first and first <= now and self.by_periodiq else first

    def is_on(self, now: datetime) -> bool:
        return self.enabled and not self.retired and not (self.paused_until and self.paused_until > now)


def _fields(*, editable: bool) -> tuple[str, ...]:
    return tuple(field.name for field in ScheduledJob._meta.concrete_fields if field.editable is editable)


#: Fields that staff write.
STAFF_FIELDS = _fields(editable=True)

#: Fields that the engine keeps.
ENGINE_FIELDS = _fields(editable=False)

#: Fields that a trigger brings along when it is made in code.
TRIGGER_FIELDS = ("trigger", "timezone", "start_at", "end_at", "jitter")

#: Fields that code may declare beside the trigger.
CODE_FIELDS = tuple(
    name for name in STAFF_FIELDS if name not in ("id", "actor", *TRIGGER_FIELDS, "enabled", "paused_until")
)
