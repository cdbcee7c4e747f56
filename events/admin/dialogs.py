"""A button with a dialog: once it is confirmed, an act is done to one row, noted in its log and said to the user."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm


@dataclass(frozen=True, kw_only=True)
class Done:
    """What the act of a dialog has done."""

    #: What the log of the row `of` (the dialog's own unless given) notes.
    noted: str
    of: Model | None = None
    #: What the user reads: the row and what is noted of it unless given.
    said: str = ""
    warning: str = ""
    #: The row whose page follows: the dialog's own unless given.
    then: Model | None = None


def dialog(
    button: str,
    *,
    icon: str,
    title: str,
    description: str,
    confirm: str,
    form: type[BaseDialogForm] = BaseDialogForm,
    permission: str = "operate",
    variant: ActionVariant = ActionVariant.DEFAULT,
) -> Callable[[Callable[..., Done]], Any]:
    """Declare a method of a desk as a button: it takes the request, the row and the valid form.

    A ValidationError that it raises is said to the user, who is led back to the row's page.
    """

    def declare(act: Callable[..., Done]) -> Any:
        @wraps(act)
        def confirmed(desk: Any, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
            row = desk.get_object(request, object_id)
            if row is None:
                raise Http404
            try:
                done = act(desk, request, row, form)
            except ValidationError as error:
                for message in error.messages:
                    messages.error(request, message)
                return _page_of(row)
            desk.log_change(request, done.of or row, done.noted)
            messages.success(request, done.said or f"{row}: {done.noted}")
            if done.warning:
                messages.warning(request, done.warning)
            return _page_of(done.then or row)

        asked = {"title": title, "description": description, "form_class": form, "form_submit_text": confirm}
        declared = action(description=button, permissions=[permission], icon=icon, variant=variant, dialog=asked)
        return declared(confirmed)

    return declare


def _page_of(row: Model) -> HttpResponse:
    """The answer of a dialog that is done: the browser opens the row's page anew."""
    page = f"admin:{row._meta.app_label}_{row._meta.model_name}_change"
    return HttpResponse(headers={"HX-Redirect": reverse(page, args=[row.pk])})
