"""Middleware that answers only to our own names, and lets probes ask by any."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse

from server.web.floods import Allowance
from server.web.refusals import refuse

log = logging.getLogger(__name__)

#: What a load balancer or Kubernetes asks for, by the address of the machine. None of it says anything of its host.
HEALTH = ("/healthz", "/readyz", "/healthz/scheduler")

#: Lines of the log for wrong names, so that a flood of requests is none of lines.
LINES_PER_MINUTE = 30


class Hosts:
    """Refuses a host that is not in ALLOWED_HOSTS, with one line in the log; health is told to whoever asks.

    Django would log a traceback for each middleware that asks for the host, as an error.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.lines = Allowance(LINES_PER_MINUTE)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            request.get_host()
        except DisallowedHost:
            if request.path not in HEALTH:
                return self._refuse(request)
            request.META["HTTP_HOST"] = settings.ALLOWED_HOSTS[0].lstrip(".*") or "localhost"
        return self.get_response(request)

    def _refuse(self, request: HttpRequest) -> HttpResponse:
        if not self.lines.take("", time.time()):
            host = request.META.get("HTTP_HOST", "")[:200]
            log.warning("%s %s asks for a host that is not in ALLOWED_HOSTS: %r", request.method, request.path, host)
        return refuse(request, 400, "Not here", "this site does not have the name that was asked for.")
