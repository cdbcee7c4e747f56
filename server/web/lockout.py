"""The lock-out of a client who guesses passwords: what django-axes calls.

A user name is locked for one address alone, so that nobody can lock a manager out from everywhere.
"""

from __future__ import annotations

import math
from typing import Any

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Max
from django.http import HttpRequest, HttpResponse

from server.web.refusals import refuse


def username(request: HttpRequest, credentials: dict[str, Any] | None = None) -> str:
    """The name that was tried, cut to the longest a user may have: no longer one fits the table of attempts."""
    return str((credentials or {}).get("username") or "")[: User._meta.get_field("username").max_length]


def refuse_guesses(request: Any, response: HttpResponse | None, credentials: Any = None) -> HttpResponse:
    """The answer to a try of a locked name: when the lock opens."""
    tried = AccessAttempt.objects.filter(username=username(request, credentials), ip_address=request.axes_ip_address)
    now = request.axes_attempt_time
    last = tried.aggregate(last=Max("attempt_time"))["last"] or now
    wait = math.ceil((last + settings.AXES_COOLOFF_TIME - now).total_seconds())
    minutes = math.ceil(wait / 60)
    said = f"try again in {minutes} minutes, or ask an operator to unlock you."
    return refuse(request, 429, "Too many wrong passwords", said, wait=wait)
