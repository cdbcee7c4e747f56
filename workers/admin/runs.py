"""The page of a run: what became of a slot or of a call by hand, and the button that does it again."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.contrib.admin import DateFieldListFilter
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.enums import ActionVariant

from events.admin import Done, dialog
from workers import runs
from workers.admin.columns import STATE_COLOURS, instant_column
from workers.models import Run


class RunForm(forms.ModelForm):
    """The names that the page of a run has for its fields."""

    class Meta:
        model = Run
        fields = ()
        labels = {
            "args": "Values it was called with",
            "kwargs": "Values by name",
            "by": "Asked for by",
            "covers": "Times it stands for",
        }


@admin.register(Run)
class RunAdmin(ModelAdmin):
    """What became of each slot and of each call by hand. It can be read, not edited."""

    form = RunForm
    list_display = ("name", "slot_", "state_", "cause", "took", "created", "reason")
    list_filter = ("state", "cause", "actor", ("created_at", DateFieldListFilter))
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

    slot_ = instant_column("slot", "Its time by the schedule")
    created = instant_column("created_at", "Written")
    due = instant_column("due_at", "Due")
    sent = instant_column("enqueued_at", "Sent")
    started = instant_column("started_at", "Started")
    finished = instant_column("finished_at", "Finished")

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        """Search by the name of a job or an actor, or by the id that a mail or a line of the log gives."""
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

    @dialog(
        "Retry",
        icon="replay",
        variant=ActionVariant.PRIMARY,
        title="Do it again?",
        description="A new run does what this one should have done.",
        confirm="Retry it",
    )
    def retry(self, request: HttpRequest, failed: Run, form: Any) -> Done:
        try:
            again = runs.retry(failed, by=request.user.get_username(), now=timezone.now())
        except ValueError as error:
            raise ValidationError(str(error)) from None
        said = "Asked to run again: this is the new run."
        return Done(noted=f"Retried as {again.pk}.", said=said, then=again)
