"""`runs/`: what became of each slot and of each call by hand."""

from __future__ import annotations

import django_filters
from django.conf import settings
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from workers import runs
from workers.api.instants import UtcSerializer
from workers.api.permissions import StaffOnly
from workers.models import Run, ScheduledJob


class RunSerializer(UtcSerializer):
    class Meta:
        model = Run
        fields = (
            "id",
            "job",
            "actor",
            "args",
            "kwargs",
            "slot",
            "covers",
            "state",
            "cause",
            "by",
            "reason",
            "retry_of",
            "attempts",
            "due_at",
            "enqueued_at",
            "started_at",
            "finished_at",
            "result",
            "error",
        )
        read_only_fields = fields


#: How a bare time in a filter is read: the runs are of jobs in many zones.
BARE = f"Without an offset it is on the clock of {settings.TIME_ZONE}."


class RunFilter(django_filters.FilterSet):
    created_after = django_filters.IsoDateTimeFilter("created_at", "gte", label=f"Written then or later. {BARE}")
    created_before = django_filters.IsoDateTimeFilter("created_at", "lte", label=f"Written then or earlier. {BARE}")

    job = django_filters.ModelChoiceFilter(
        queryset=ScheduledJob.objects.all(), error_messages={"invalid_choice": 'There is no job "%(value)s".'}
    )

    class Meta:
        model = Run
        fields = ("job", "state", "cause", "actor", "created_after", "created_before")


class RunViewSet(mixins.RetrieveModelMixin, mixins.ListModelMixin, viewsets.GenericViewSet):
    """What became of each slot and of each call by hand, the latest first."""

    queryset = Run.objects.order_by("-created_at", "-due_at", "pk")
    serializer_class = RunSerializer
    permission_classes = (StaffOnly,)
    filterset_class = RunFilter

    @extend_schema(request=None, responses={202: RunSerializer})
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: str) -> Response:
        """Do again what a failed, skipped or misfired run should have done. The answer is the new run."""
        failed = get_object_or_404(self.get_queryset(), pk=pk)
        try:
            run = runs.retry(failed, by=request.user.get_username(), now=timezone.now())
        except ValueError as error:
            raise serializers.ValidationError({"state": [str(error)]}) from None
        return Response(RunSerializer(run).data, status=202)
