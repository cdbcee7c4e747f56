"""The form in which staff write a job: its trigger in fields that a person fills in, checked as everywhere else."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib.admin.utils import flatten
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
from workers.triggers import TRIGGER_TYPES, zone_or_usual

KINDS = [(kind, trigger.label) for kind, trigger in TRIGGER_TYPES.items()]

#: The fields of the form that make up a trigger of each kind, and what may be written into those that are text.
PARTS = {kind: trigger.field_names for kind, trigger in TRIGGER_TYPES.items()}
EXAMPLES = {name: example for trigger in TRIGGER_TYPES.values() for name, example in trigger.examples.items()}


class JobForm(forms.ModelForm):
    kind = forms.ChoiceField(label="It runs", choices=KINDS, initial="cron", widget=UnfoldAdminSelectWidget)
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
        exclude = ("trigger", "paused_until")  # the one is entered in parts, the other with the pause
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
        for name, value in (self.instance.trigger or {}).items():
            self.initial["kind" if name == "type" else name] = value
        for name, value in self.initial.items():
            if isinstance(value, datetime):
                self.initial[name] = timezone.make_naive(value, zone_or_usual(self.instance.timezone))

    def full_clean(self) -> None:
        """Read the times on the clock of the zone that is entered beside them."""
        with timezone.override(zone_or_usual(self.data.get(self.add_prefix("timezone")))):
            super().full_clean()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name, value in cleaned.items():
            if value is None and isinstance(self.fields[name], forms.JSONField):
                field: Any = ScheduledJob._meta.get_field(name)
                cleaned[name] = field.get_default()
        self.instance.trigger = self.trigger(cleaned)
        return cleaned

    def trigger(self, cleaned: dict[str, Any]) -> dict[str, Any]:
        """The trigger that the parts of its kind make up; the parts of other kinds do not count."""
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


def _part(name: str) -> forms.Field:
    label = name.replace("_", " ").capitalize()
    if name not in EXAMPLES:
        return forms.IntegerField(required=False, min_value=0, label=label, widget=UnfoldAdminIntegerFieldWidget)
    said = f"Such as {EXAMPLES[name]}."
    return forms.CharField(required=False, label=label, widget=UnfoldAdminTextInputWidget, help_text=said)


#: When each part is shown, in the words of unfold's script.
CONDITIONS = {
    name: " || ".join(f"kind == '{kind}'" for kind, theirs in PARTS.items() if name in theirs)
    for names in PARTS.values()
    for name in names
}

for _name in CONDITIONS:
    if _name not in JobForm.base_fields:
        JobForm.base_fields[_name] = JobForm.declared_fields[_name] = _part(_name)

_JOB = ("id", "actor", ("args", "kwargs"), ("enabled", "next_start"))
_WHEN: tuple[Any, ...] = (
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
_OTHERWISE: tuple[Any, ...] = (("catch_up", "misfire_grace"), ("max_instances", "jitter", "max_runs"))
#: Fields that have no place above: a new part of a trigger, and a new field of the model, stand last.
_UNPLACED = tuple(name for name in JobForm.base_fields if name not in flatten((*_JOB, *_WHEN, *_OTHERWISE)))
_WHEN += tuple(name for name in _UNPLACED if name in CONDITIONS)
_OTHERWISE += tuple(name for name in _UNPLACED if name not in CONDITIONS)

FIELDSETS: Any = (
    (None, {"fields": _JOB}),
    ("When", {"fields": _WHEN}),
    ("When it does not work out", {"fields": _OTHERWISE, "classes": ["collapse"]}),
)

#: What is shown of a job that may not be edited here.
READ_ONLY_FIELDSETS: Any = (
    (None, {"fields": (("id", "actor"), ("args", "kwargs"), ("enabled", "paused", "paused_because"))}),
    ("When", {"fields": (("when", "timezone"), "next_fires", ("not_before", "not_after"))}),
    ("When it does not work out", {"fields": _OTHERWISE}),
)
