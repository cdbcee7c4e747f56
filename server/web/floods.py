"""Middleware that refuses a client who asks too often."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from server.web.clients import address
from server.web.refusals import refuse

#: Where passwords are tried. A try takes a third of a second of a processor, so a client has fewer of them.
LOGINS = ("/admin/login/", "/api/v1/token/")
LOGINS_PER_MINUTE = 30


class Floods:
    """Limits how often an address may ask in a minute, whatever it asks for and whoever it says it is.

    The API's own throttle counts only after a token was looked up, and does not count pages. Each process counts
    alone, in its memory: the limit works when no service does.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.requests = Allowance(settings.REQUESTS_PER_MINUTE)
        self.logins = Allowance(LOGINS_PER_MINUTE)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        client, now = address(request) or "", time.time()
        wait = self.requests.take(client, now)
        if not wait and request.method == "POST" and request.path in LOGINS:
            wait = self.logins.take(client, now)
        if wait:
            return refuse(request, 429, "Too many requests", "please wait a moment.", wait=math.ceil(wait))
        return self.get_response(request)


class Allowance:
    """What each client may take in a minute, at once or as it grows back."""

    def __init__(self, per_minute: int) -> None:
        self.most = float(per_minute)
        self.per_second = per_minute / 60
        self.left: dict[str, tuple[float, float]] = {}  # by client: how much, and when
        self.swept_at = 0.0
        self.lock = threading.Lock()

    def take(self, client: str, now: float) -> float:
        """Take one. Returns 0, or, when none is left, the seconds until there is one."""
        with self.lock:
            if abs(now - self.swept_at) > 60:
                self.left = {each: spent for each, spent in self.left.items() if self._grown(spent, now) < self.most}
                self.swept_at = now
            left = self._grown(self.left.get(client, (self.most, now)), now)
            taken = left >= 1
            self.left[client] = (left - taken, now)
        return 0.0 if taken else (1 - left) / self.per_second

    def _grown(self, spent: tuple[float, float], now: float) -> float:
        left, at = spent
        return min(self.most, left + max(0.0, now - at) * self.per_second)
