"""The form in which staff write a job: its trigger in fields that a person fills in, checked as everywhere else."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from workers import jobs
from workers.models import ScheduledJob
from workers.triggers import CRON_FIELDS, EXAMPLES, INTERVAL_FIELDS, zone_or_usual

KINDS = {"interval": "Every so often", "cron": "At set times", "date": "Once"}

#: The fields of the form that make up a trigger of each kind.
PARTS = {"interval": INTERVAL_FIELDS, "cron": ("expression", *CRON_FIELDS), "date": ("run_date",)}


class JobForm(forms.ModelForm):
    kind = forms.ChoiceField(label="It runs", choices=KINDS.items(), initial="cron", widget=UnfoldAdminSelectWidget)
    run_date = forms.CharField(
        required=False,
        label="Date and time",
        widget=UnfoldAdminTextInputWidget,
        help_text="Such as 2026-12-24 19:00, on the clock of the job's zone.",
    )
    expression = forms.CharField(
        required=False,
        label="Crontab line",
        widget=UnfoldAdminTextInputWidget,
        help_text="Minute, hour, day, month, weekday, such as 0 5 * * mon-fri. Or leave it empty and use the fields.",
    )

    class Meta:
        model = ScheduledJob
        fields = (
            "id",
            "actor",
            "args",
            "kwargs",
            "timezone",
            "start_at",
            "end_at",
            "max_runs",
            "jitter",
            "max_instances",
            "misfire_grace",
            "catch_up",
            "enabled",
        )
        labels = {
            "id": "Name",
            "args": "Values to call it with",
            "kwargs": "Values by name",
            "timezone": "Time zone",
            "start_at": "Not before",
            "end_at": "Not after",
            "max_runs": "Runs in all",
            "jitter": "Spread",
            "max_instances": "At the same time",
            "misfire_grace": "May be late by",
            "catch_up": "When slots were missed",
            "enabled": "On",
        }
        help_texts = {
            "id": "Letters, digits, - and _. It stays as it is.",
            "args": 'In order, as JSON: [1, "two"].',
            "kwargs": 'As JSON: {"days": 60}.',
            "timezone": "Such as Australia/Sydney.",
            "start_at": "Nothing fires earlier; intervals count from it. On the clock of the job's zone.",
            "end_at": "Nothing fires later. On the clock of the job's zone.",
        }
        widgets = {name: UnfoldAdminTextareaWidget(attrs={"rows": 2}) for name in ("args", "kwargs")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "actor" in self.fields:
            choices = [(name, name) for name in sorted(jobs.registry)]
            self.fields["actor"] = forms.ChoiceField(
                label="What it does", choices=choices, widget=UnfoldAdminSelectWidget
            )
        for name in ("args", "kwargs"):
            if name in self.fields:
                self.fields[name].required = False
        for name, value in (self.instance.trigger or {}).items():
            self.initial["kind" if name == "type" else name] = value
        for name in ("start_at", "end_at"):
            if at := getattr(self.instance, name):
                self.initial[name] = timezone.make_naive(at, zone_or_usual(self.instance.timezone))

    def full_clean(self) -> None:
        """Reads times on the clock of the job's zone, as it is being entered."""
        with timezone.override(zone_or_usual(self.data.get(self.add_prefix("timezone")))):
            super().full_clean()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        cleaned["args"] = cleaned.get("args") or []
        cleaned["kwargs"] = cleaned.get("kwargs") or {}
        self.instance.trigger = self.trigger(cleaned)
        return cleaned

    def trigger(self, cleaned: dict[str, Any]) -> dict[str, Any]:
        """The trigger as the fields of its kind say; what belongs to another kind does not count."""
        kind = cleaned.get("kind", "")
        given = {name: cleaned.get(name) for name in PARTS.get(kind, ())}
        return {"type": kind, **{name: value for name, value in given.items() if value not in (None, "")}}

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]  # Django documents it, its stubs do not
        if self.errors:
            return
        try:
            jobs.check(self.instance, timezone.now())
        except ValidationError as error:
            for name, messages in error.message_dict.items():
                self.add_error("kind" if name == "trigger" else name if name in self.fields else None, messages)


def _add_field(name: str, field: forms.Field) -> None:
    JobForm.base_fields[name] = JobForm.declared_fields[name] = field


for _name in INTERVAL_FIELDS:
    _add_field(
        _name,
        forms.IntegerField(required=False, min_value=0, label=_name.capitalize(), widget=UnfoldAdminIntegerFieldWidget),
    )
for _name in CRON_FIELDS:
    _add_field(
        _name,
        forms.CharField(
            required=False,
            label=_name.replace("_", " ").capitalize(),
            widget=UnfoldAdminTextInputWidget,
            help_text=f"Such as {EXAMPLES[_name]}.",
        ),
    )


#: The kind of trigger for which each part is shown, as unfold asks it in the browser.
CONDITIONS = {name: f"kind == '{kind}'" for kind, names in PARTS.items() for name in names}

FIELDSETS = (
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

#: What is shown of a job that may not be edited here.
READ_ONLY_FIELDSETS = (
    (None, {"fields": (("id", "actor"), ("args", "kwargs"), ("enabled", "paused", "paused_because"))}),
    ("When", {"fields": (("when", "timezone"), "next_fires", ("not_before", "not_after"))}),
    (
        "When it does not work out",
        {"fields": (("catch_up", "misfire_grace"), ("max_instances", "jitter", "max_runs"))},
    ),
)
