"""The operator's desk: jobs with their next fires, and what became of each run."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import OuterRef, Q, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from workers import jobs, runs
from workers.forms import JobForm, PauseForm, RunForm
from workers.models import Run, ScheduledJob
from workers.triggers import CRON_FIELDS, INTERVAL_FIELDS, TriggerError

STATE_COLOURS = {
    "queued": "info",
    "running": "info",
    "succeeded": "success",
    "failed": "danger",
    "skipped": "warning",
    "misfired": "warning",
}


def back_to(view: str, *args: Any) -> HttpResponse:
    """What a dialog answers when it is done: the page it belongs to, anew."""
    return HttpResponse(headers={"HX-Redirect": reverse(f"admin:{view}", args=args)})


def _shown(at: datetime | None) -> str | None:
    """An instant as an operator reads it: with its seconds, and the zone, which is no one job's own."""
    return f"{timezone.localtime(at):%-d %b %Y, %H:%M:%S %Z}" if at else None


def _at(name: str, title: str) -> Any:
    """A column for an instant of a job or a run."""

    @display(description=title, ordering=name)
    def shown(self: Any, row: ScheduledJob | Run) -> str | None:
        return _shown(getattr(row, name))

    return shown


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
    conditional_fields = {
        **dict.fromkeys(INTERVAL_FIELDS, "kind == 'interval'"),
        **dict.fromkeys(("expression", *CRON_FIELDS), "kind == 'cron'"),
        "run_date": "kind == 'date'",
    }
    fieldsets = (
        (None, {"fields": ("id", "actor", ("args", "kwargs"), ("enabled", "next_start"))}),
        (
            "When",
            {
                "fields": (
                    ("kind", "timezone"),
                    "run_date",
                    ("weeks", "days"),
                    ("hours", "minutes"),
                    "seconds",
                    "expression",
                    ("minute", "hour"),
                    ("day_of_week", "day"),
                    ("month", "week"),
                    ("year", "second"),
                    "start_at",
                    "end_at",
                )
            },
        ),
        (
            "When it does not work out",
            {
                "fields": (("catch_up", "misfire_grace"), ("max_instances", "jitter", "max_runs")),
                "classes": ["collapse"],
            },
        ),
    )

    class Media:
        js = ("events/live_preview.js",)
        css = {"all": ("events/desk.css",)}

    @display(description="When")
    def when(self, job: ScheduledJob) -> str:
        try:
            return job.parsed_trigger().describe()
        except TriggerError as error:
            return str(error)

    paused = _at("paused_until", "Paused until")
    not_before = _at("start_at", "Not before")
    not_after = _at("end_at", "Not after")

    @display(description="Next start", ordering="next_run_at")
    def next_start(self, job: ScheduledJob) -> str | None:
        return _shown(job.next_start(timezone.now()))

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
        readable = obj is None or self.has_change_permission(request, obj)
        return self.fieldsets if readable else READ_ONLY

    def get_readonly_fields(self, request: HttpRequest, obj: ScheduledJob | None = None) -> Any:
        return (*self.readonly_fields, "id") if obj else self.readonly_fields

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Pause what is on, resume what is not."""
        job = ScheduledJob.objects.filter(pk=object_id).first()
        idle = "resume" if job and job.is_on(timezone.now()) else "pause"
        return [each for each in super().get_actions_detail(request, object_id) if each.path != idle]

    def changeform_view(self, request: HttpRequest, object_id: str | None = None, *args: Any, **kwargs: Any) -> Any:
        """Unfold makes the buttons' addresses of the id as it stands in the page's own, quoted: prune_5Fhistory."""
        return super().changeform_view(request, object_id and unquote(object_id), *args, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not _declared(obj) and super().has_change_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not _declared(obj) and super().has_delete_permission(request)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Its runs go with it, though their own page lets nobody delete them; they are counted, not listed."""
        allowed = all(self.has_delete_permission(request, each) for each in objs)
        counts = {"scheduled jobs": len(objs), "runs": Run.objects.filter(job__in=objs).count()}
        return [str(each) for each in objs], counts, set() if allowed else {"scheduled job"}, []

    def has_operate_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """To run, pause and resume, which a job of the code allows as well."""
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
        """The trigger being entered, in words and as its next ten fires, or what is wrong with it."""
        if not (self.has_add_permission(request) or self.has_operate_permission(request)):
            raise PermissionDenied
        existing = ScheduledJob.objects.filter(pk=request.GET.get("job", "")).first()
        form = JobForm(request.POST, instance=existing)
        form.is_valid()  # whatever else is missing yet
        return render(request, "workers/fires.html", _preview(form.instance))

    @action(
        description="Run now",
        permissions=["operate"],
        icon="play_arrow",
        variant=ActionVariant.PRIMARY,
        dialog={
            "title": "Run it now?",
            "description": "Beside its schedule, with the same arguments.",
            "form_submit_text": "Run it",
        },
    )
    def run_now(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        job = ScheduledJob.objects.get(pk=object_id)
        by = request.user.get_username()
        runs.ask(job.actor, job.args, job.kwargs, job=job, by=by, now=timezone.now())
        return self._done(request, job, "Asked to run now.")

    @action(
        description="Pause",
        permissions=["operate"],
        icon="pause",
        dialog={
            "title": "Pause it",
            "description": "Nothing of it starts meanwhile.",
            "form_class": PauseForm,
            "form_submit_text": "Pause it",
        },
    )
    def pause(self, request: HttpRequest, form: PauseForm, object_id: str) -> HttpResponse:
        job, until = ScheduledJob.objects.get(pk=object_id), form.cleaned_data["until"]
        jobs.pause(job, timezone.now(), until=until)
        return self._done(request, job, f"Paused until {until:%Y-%m-%d %H:%M %Z}." if until else "Paused.")

    @action(
        description="Resume",
        permissions=["operate"],
        icon="resume",
        dialog={
            "title": "Resume it?",
            "description": "From now on: what it did not do meanwhile is not made up for.",
            "form_submit_text": "Resume it",
        },
    )
    def resume(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        job = ScheduledJob.objects.get(pk=object_id)
        try:
            jobs.resume(job, timezone.now())
        except ValidationError as error:
            for message in error.messages:
                messages.error(request, message)
            return back_to("workers_scheduledjob_change", job.pk)
        return self._done(request, job, "Resumed.")

    def _done(self, request: HttpRequest, job: ScheduledJob, what: str) -> HttpResponse:
        self.log_change(request, job, what)
        messages.success(request, f"{job}: {what}")
        return back_to("workers_scheduledjob_change", job.pk)


#: What is shown of a job that may not be edited here.
READ_ONLY = (
    (None, {"fields": (("id", "actor"), ("args", "kwargs"), ("enabled", "paused", "paused_because"))}),
    ("When", {"fields": (("when", "timezone"), "next_fires", ("not_before", "not_after"))}),
    (
        "When it does not work out",
        {"fields": (("catch_up", "misfire_grace"), ("max_instances", "jitter", "max_runs"))},
    ),
)


def _declared(job: Any) -> bool:
    return isinstance(job, ScheduledJob) and job.origin == ScheduledJob.Origin.CODE


def _preview(job: ScheduledJob) -> dict[str, Any]:
    try:
        return {"words": job.parsed_trigger().describe(), "fires": jobs.next_fires(job, 10, timezone.now())}
    except TriggerError as error:
        return {"problem": str(error)}


@admin.register(Run)
class RunAdmin(ModelAdmin):
    """Read only: what became of each slot and each call by hand."""

    form = RunForm
    list_display = ("name", "slot_", "state_", "cause", "took", "created", "reason")
    list_filter = ("state", "cause", "actor", ("created_at", admin.DateFieldListFilter))
    search_fields = ("=job__id", "=actor")
    list_select_related = ("job",)
    show_full_result_count = False
    actions_detail = ("retry",)
    actions_row = ("retry",)
    fieldsets = (
        (None, {"fields": (("name", "state_"), ("cause", "by"), "reason", ("args", "kwargs"), "does_again")}),
        ("Outcome", {"fields": (("attempts", "took"), "result", "traceback")}),
        ("Times", {"fields": (("slot_", "covers"), ("due", "sent"), ("started", "finished"))}),
    )

    slot_ = _at("slot", "Its time by the schedule")
    created = _at("created_at", "Written")
    due = _at("due_at", "Due")
    sent = _at("enqueued_at", "Sent")
    started = _at("started_at", "Started")
    finished = _at("finished_at", "Finished")

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        """By the name of a job or an actor, or by the id that a mail or a line of the log gives."""
        try:
            return queryset.filter(pk=UUID(search_term.strip())), False
        except ValueError:
            return super().get_search_results(request, queryset, search_term)

    @display(description="Job")
    def name(self, run: Run) -> str:
        return run.job_id or run.actor

    @display(description="State", label=STATE_COLOURS)
    def state_(self, run: Run) -> str:
        return run.state

    @display(description="Does again")
    def does_again(self, run: Run) -> str | None:
        if not run.retry_of:
            return None
        return format_html(
            "<a href='{}'>{}</a>", reverse("admin:workers_run_change", args=[run.retry_of]), run.retry_of
        )

    @display(description="Took")
    def took(self, run: Run) -> str:
        return f"{run.duration.total_seconds():.2f}\N{NO-BREAK SPACE}s" if run.duration else ""

    @display(description="Error")
    def traceback(self, run: Run) -> str:
        return format_html("<pre style='white-space: pre-wrap'>{}</pre>", run.error) if run.error else ""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_operate_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("workers.change_run")

    @action(
        description="Retry",
        permissions=["operate"],
        icon="replay",
        variant=ActionVariant.PRIMARY,
        dialog={
            "title": "Do it again?",
            "description": "A new run does what this one should have done.",
            "form_submit_text": "Retry it",
        },
    )
    def retry(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        failed = Run.objects.get(pk=object_id)
        try:
            again = runs.retry(failed, by=request.user.get_username(), now=timezone.now())
        except ValueError as error:
            messages.error(request, str(error))
            return back_to("workers_run_change", object_id)
        self.log_change(request, failed, f"Retried as {again.pk}.")
        messages.success(request, "Asked to run again: this is the new run.")
        return back_to("workers_run_change", again.pk)
