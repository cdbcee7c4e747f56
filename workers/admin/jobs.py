"""The page of a job: its state, its next fires, its buttons."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import OuterRef, Q, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import path
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminSplitDateTimeWidget

from events.admin import Done, dialog
from workers import jobs, runs
from workers.admin.columns import STATE_COLOURS, in_words, instant_column
from workers.admin.job_form import CONDITIONS, FIELDSETS, READ_ONLY_FIELDSETS, JobForm
from workers.models import Run, ScheduledJob
from workers.triggers import TriggerError, zone_or_usual


class PauseForm(BaseDialogForm):
    until = forms.SplitDateTimeField(
        required=False,
        widget=UnfoldAdminSplitDateTimeWidget,
        help_text="On the clock of the job's zone. Empty: until somebody resumes it.",
    )

    def full_clean(self) -> None:
        zone = ScheduledJob.objects.filter(pk=self.object_id).values_list("timezone", flat=True).first()
        with timezone.override(zone_or_usual(zone)):
            super().full_clean()

    def clean_until(self) -> Any:
        until = self.cleaned_data["until"]
        if until and until <= timezone.now():
            raise ValidationError("This is in the past: give a time to come, or none.")
        return until


@admin.register(ScheduledJob)
class ScheduledJobAdmin(ModelAdmin):
    form = JobForm
    list_display = ("id", "when", "next_start", "is_on", "last_state", "origin")
    list_filter = ("origin", "enabled", "actor")
    search_fields = ("id", "actor")
    ordering = ("id",)
    readonly_fields = ("next_start", "paused", "paused_because")
    actions_detail = ("run_now", "pause", "resume")
    actions_row = ("run_now", "pause", "resume")
    change_form_after_template = "workers/next_fires.html"
    conditional_fields = CONDITIONS
    fieldsets = FIELDSETS

    class Media:
        js = ("events/live_preview.js",)
        css = {"all": ("events/desk.css",)}

    @display(description="When")
    def when(self, job: ScheduledJob) -> str:
        try:
            return job.parsed_trigger().describe()
        except TriggerError as error:
            return str(error)

    paused = instant_column("paused_until", "Paused until")
    not_before = instant_column("start_at", "Not before")
    not_after = instant_column("end_at", "Not after")

    @display(description="Next start", ordering="next_run_at")
    def next_start(self, job: ScheduledJob) -> str | None:
        return in_words(job.next_start(timezone.now()))

    @display(description="State", label={"on": "success", "paused": "warning", "retired": "danger"})
    def is_on(self, job: ScheduledJob) -> str:
        return "retired" if job.retired else "on" if job.is_on(timezone.now()) else "paused"

    @display(description="Last run", label=STATE_COLOURS)
    def last_state(self, job: ScheduledJob) -> str:
        return getattr(job, "last_state_", None) or ""

    @display(description="Next fires")
    def next_fires(self, job: ScheduledJob) -> str:
        return render_to_string("workers/fires.html", _preview(job))

    def get_queryset(self, request: HttpRequest) -> Any:
        ahead = Q(state=Run.State.QUEUED, due_at__gt=timezone.now())  # queued already for the next minute
        latest = Run.objects.filter(~ahead, job=OuterRef("pk")).order_by("-created_at").values("state")[:1]
        return super().get_queryset(request).with_next_start().annotate(last_state_=Subquery(latest))

    def get_fieldsets(self, request: HttpRequest, obj: ScheduledJob | None = None) -> Any:
        may_edit = obj is None or self.has_change_permission(request, obj)
        return self.fieldsets if may_edit else READ_ONLY_FIELDSETS

    def get_readonly_fields(self, request: HttpRequest, obj: ScheduledJob | None = None) -> Any:
        return (*self.readonly_fields, "id") if obj else self.readonly_fields

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Pause what is on, resume what is not."""
        job = ScheduledJob.objects.filter(pk=object_id).first()
        idle = "resume" if job and job.is_on(timezone.now()) else "pause"
        return [each for each in super().get_actions_detail(request, object_id) if each.path != idle]

    def changeform_view(self, request: HttpRequest, object_id: str | None = None, *args: Any, **kwargs: Any) -> Any:
        """Hand on the id unquoted: in the page's address it is prune_5Fhistory, and unfold quotes it again."""
        return super().changeform_view(request, object_id and unquote(object_id), *args, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not _declared(obj) and super().has_change_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not _declared(obj) and super().has_delete_permission(request)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """A job's runs go with it, though their own page lets nobody delete them; they are counted, not listed."""
        allowed = all(self.has_delete_permission(request, each) for each in objs)
        counts = {"scheduled jobs": len(objs), "runs": Run.objects.filter(job__in=objs).count()}
        return [str(each) for each in objs], counts, set() if allowed else {"scheduled job"}, []

    def has_operate_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whether somebody may run, pause and resume a job, one that the code declares too."""
        return request.user.has_perm("workers.change_scheduledjob")

    def save_model(self, request: HttpRequest, obj: ScheduledJob, form: Any, change: bool) -> None:
        if not obj.enabled:
            obj.paused_because = ""  # now it is a person's pause
        obj.save()

    def delete_model(self, request: HttpRequest, obj: ScheduledJob) -> None:
        obj.delete()

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for job in queryset:
            job.delete()

    def get_urls(self) -> list[Any]:
        preview = path("next-fires/", self.admin_site.admin_view(self.preview), name="workers_scheduledjob_fires")
        return [preview, *super().get_urls()]

    def preview(self, request: HttpRequest) -> HttpResponse:
        """Show the trigger being entered, in words and as its next ten fires, or what is wrong with it."""
        if not (self.has_add_permission(request) or self.has_operate_permission(request)):
            raise PermissionDenied
        existing = ScheduledJob.objects.filter(pk=request.GET.get("job", "")).first()
        form = self.get_form(request)(request.POST, instance=existing)
        form.is_valid()  # whatever else is missing yet
        return render(request, "workers/fires.html", _preview(form.instance))

    @dialog(
        "Run now",
        icon="play_arrow",
        variant=ActionVariant.PRIMARY,
        title="Run it now?",
        description="It runs beside its schedule, with the same arguments.",
        confirm="Run it",
    )
    def run_now(self, request: HttpRequest, job: ScheduledJob, form: Any) -> Done:
        by = request.user.get_username()
        runs.ask(job.actor, job.args, job.kwargs, job=job, by=by, now=timezone.now())
        return Done(noted="Asked to run now.")

    @dialog(
        "Pause",
        icon="pause",
        title="Pause it",
        description="No run of it starts meanwhile.",
        form=PauseForm,
        confirm="Pause it",
    )
    def pause(self, request: HttpRequest, job: ScheduledJob, form: PauseForm) -> Done:
        until = form.cleaned_data["until"]
        jobs.pause(job, timezone.now(), until=until)
        return Done(noted=f"Paused until {until:%Y-%m-%d %H:%M %Z}." if until else "Paused.")

    @dialog(
        "Resume",
        icon="resume",
        title="Resume it?",
        description="It starts from now on. What it did not do meanwhile is not made up for.",
        confirm="Resume it",
    )
    def resume(self, request: HttpRequest, job: ScheduledJob, form: Any) -> Done:
        jobs.resume(job, timezone.now())
        return Done(noted="Resumed.")


def _declared(job: Any) -> bool:
    return isinstance(job, ScheduledJob) and job.origin == ScheduledJob.Origin.CODE


def _preview(job: ScheduledJob) -> dict[str, Any]:
    try:
        return {"words": job.parsed_trigger().describe(), "fires": jobs.next_fires(job, 10, timezone.now())}
    except TriggerError as error:
        return {"problem": str(error)}
