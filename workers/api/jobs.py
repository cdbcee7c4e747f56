"""`jobs/`: scheduled jobs, with the acts that staff may do on them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import django_filters
from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import JSONObject
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from events.api.conventions import Choice, Strict
from workers import jobs, runs
from workers.api.instants import Instant, UtcSerializer
from workers.api.permissions import StaffOnly
from workers.api.runs import RunSerializer
from workers.models import ENGINE_FIELDS, STAFF_FIELDS, Run, ScheduledJob
from workers.triggers import zone_or_usual


class LastRunSerializer(UtcSerializer):
    class Meta:
        model = Run
        fields = ("id", "slot", "state", "cause", "started_at", "finished_at")
        read_only_fields = fields


#: A job's latest run, read along with the job.
LAST_RUN = Subquery(
    Run.objects.filter(job=OuterRef("pk"))
    .exclude(state=Run.State.QUEUED, cause=Run.Cause.SCHEDULE)  # they are to come
    .order_by("-due_at", "-created_at")
    .values(row=JSONObject(**{name: name for name in LastRunSerializer.Meta.fields}))[:1]
)


#: How a bare time of a job is read.
BARE = "Without an offset it is on the clock of the job's zone."


class JobSerializer(Strict, UtcSerializer):
    serializer_choice_field = Choice

    id = serializers.SlugField(max_length=100)
    trigger = serializers.JSONField(
        help_text='Such as {"type": "cron", "hour": 5} or {"type": "interval", "hours": 12}.'
    )
    next_run_at = serializers.SerializerMethodField()
    last_run = serializers.SerializerMethodField()

    class Meta:
        model = ScheduledJob
        fields = (*STAFF_FIELDS, "paused_because", "origin", "next_run_at", "last_run")

    def build_standard_field(self, field_name: str, model_field: Any) -> Any:
        field_class, options = super().build_standard_field(field_name, model_field)
        if issubclass(field_class, Instant):
            options["help_text"] = f"{model_field.help_text} {BARE}".strip()
        return field_class, options

    def to_internal_value(self, data: Any) -> Any:
        given = data.get("timezone") if isinstance(data, dict) else None
        kept = self.instance.timezone if self.partial and self.instance else None
        for field in self.fields.values():
            if isinstance(field, Instant):
                field.timezone = zone_or_usual(given or kept)
        return super().to_internal_value(data)

    @extend_schema_field(Instant(allow_null=True))
    def get_next_run_at(self, job: ScheduledJob) -> str | None:
        following = job.next_start(timezone.now())
        return Instant().to_representation(following) if following else None

    @extend_schema_field(LastRunSerializer(allow_null=True))
    def get_last_run(self, job: ScheduledJob) -> Any:
        run = getattr(job, "last_run", None)  # PostgreSQL wrote its instants
        return run and {name: value.replace("+00:00", "Z") if value else value for name, value in run.items()}

    def validate_id(self, value: str) -> str:
        taken = ScheduledJob.objects.filter(pk=value).first() if self.instance is None else None
        if taken and taken.retired:
            raise serializers.ValidationError(
                f'"{value}" was a job of the code, and its runs are kept: take another id.'
            )
        if taken:
            raise serializers.ValidationError(
                f'There is a job "{value}" already: take another id, or PUT to replace it.'
            )
        if self.instance is not None and value != self.instance.pk:
            raise serializers.ValidationError(f'A job keeps its id "{self.instance.pk}": add a job under the new one.')
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        jobs.check(self._row(attrs), timezone.now())
        return attrs

    def _row(self, attrs: dict[str, Any]) -> ScheduledJob:
        """The job as it will be. A field that is left out of a replacement is as in a new job."""
        kept = (*ENGINE_FIELDS, *(STAFF_FIELDS if self.partial else ())) if self.instance else ()
        row = ScheduledJob(**{name: getattr(self.instance, name) for name in kept} | attrs)
        row.paused_because = ""  # now it is a person's pause
        row._state.adding = self.instance is None
        return row

    def save(self, **kwargs: Any) -> ScheduledJob:
        row = self._row(self.validated_data)
        row.save()
        self.instance = _with_last_run().get(pk=row.pk)
        return self.instance


def _with_last_run() -> QuerySet[ScheduledJob]:
    return ScheduledJob.objects.filter(retired=False).with_next_start().annotate(last_run=LAST_RUN).order_by("pk")


class FireSerializer(serializers.Serializer):
    """A time at which a job will fire."""

    at = Instant()
    local = serializers.CharField(help_text="On the wall clock of the job's zone.")
    note = serializers.CharField(allow_null=True, help_text="What daylight saving did to it.")


class PreviewSerializer(Strict):
    n = serializers.IntegerField(min_value=1, max_value=100, default=10)


class PauseSerializer(Strict):
    until = serializers.DateTimeField(required=False, allow_null=True, default=None, help_text=BARE)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["until"]
        field.timezone = self.context.get("zone")

    def validate_until(self, until: datetime | None) -> datetime | None:
        if until and until <= timezone.now():
            raise serializers.ValidationError("This is in the past: give a time to come, or none.")
        return until


class JobFilter(django_filters.FilterSet):
    class Meta:
        model = ScheduledJob
        fields = ("actor", "enabled", "origin")


class JobViewSet(viewsets.ModelViewSet):
    """Scheduled jobs. A job that the code declares can be paused and run, but is changed in the code."""

    queryset = _with_last_run()
    serializer_class = JobSerializer
    permission_classes = (StaffOnly,)
    filterset_class = JobFilter
    lookup_value_regex = r"[-\w]+"

    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """PUT replaces a job whole, or adds it; PATCH changes some of its fields."""
        partial, pk = kwargs.get("partial", False), self.kwargs["pk"]
        if not isinstance(request.data, dict):
            raise serializers.ValidationError({"non_field_errors": ["Send an object, the fields of the job."]})
        if request.data.get("id", pk) != pk:
            raise serializers.ValidationError({"id": [f'The address says "{pk}": say the same, or leave it out.']})
        with transaction.atomic():
            rows = self.get_queryset().select_for_update(of=("self",), no_key=True)
            existing = rows.filter(pk=pk).first()
            if partial and existing is None:
                self.get_object()  # 404
            if existing:
                _refuse_code(existing)
            serializer = self.get_serializer(existing, data={**request.data, "id": pk}, partial=partial)
            serializer.is_valid(raise_exception=True)
            serializer.save()
        return Response(serializer.data, status=200 if existing else 201)

    def perform_destroy(self, job: ScheduledJob) -> None:
        _refuse_code(job)
        job.delete()

    @extend_schema(request=None, responses={202: RunSerializer})
    @action(detail=True, methods=["post"])
    def run(self, request: Request, pk: str) -> Response:
        """Run a job now, beside its schedule."""
        job = self.get_object()
        by = request.user.get_username()
        run = runs.ask(job.actor, job.args, job.kwargs, job=job, by=by, now=timezone.now())
        return Response(RunSerializer(run).data, status=202)

    @extend_schema(request=PauseSerializer, responses=JobSerializer)
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, pk: str) -> Response:
        """Keep a job from starting until it is resumed, or until a time."""
        job = self.get_object()
        serializer = PauseSerializer(data=request.data, context={"zone": zone_or_usual(job.timezone)})
        serializer.is_valid(raise_exception=True)
        jobs.pause(job, timezone.now(), until=serializer.validated_data["until"])
        return Response(self.get_serializer(_with_last_run().get(pk=job.pk)).data)

    @extend_schema(request=None, responses=JobSerializer)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: str) -> Response:
        """Let a job start again, from now on. What it would have done meanwhile is not made up for."""
        job = self.get_object()
        jobs.resume(job, timezone.now())
        return Response(self.get_serializer(_with_last_run().get(pk=job.pk)).data)

    @extend_schema(parameters=[PreviewSerializer], responses=FireSerializer(many=True), filters=False)
    @action(detail=True, pagination_class=None, filterset_class=None)
    def preview(self, request: Request, pk: str) -> Response:
        """List the next times at which a job will fire, with what daylight saving does to them."""
        asked = PreviewSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        fires = jobs.next_fires(self.get_object(), asked.validated_data["n"], timezone.now())
        return Response(FireSerializer(fires, many=True).data)


def _refuse_code(job: ScheduledJob) -> None:
    if job.origin == ScheduledJob.Origin.CODE:
        raise serializers.ValidationError(
            {"id": ["This job is declared in the code: change it there. Here it can be paused, resumed and run."]}
        )
