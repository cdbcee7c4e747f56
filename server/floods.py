"""Middleware against those that ask too much: too often, or with too large a body."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from server.clients import address
from server.refusals import refuse

Answer = Callable[[HttpRequest], HttpResponse]

#: Where passwords are tried. Each takes a third of a second of a processor, so there are fewer of them.
LOGINS = ("/admin/login/", "/api/v1/token/")
LOGINS_PER_MINUTE = 30


class Floods:
    """Lets an address ask so many times a minute, whatever it asks for and whoever it says it is.

    The API's own throttle comes after a token was looked up, and knows nothing of pages. Counted by this process
    alone, in its memory: nothing else has to work for it to work.
    """

    def __init__(self, get_response: Answer) -> None:
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
    """A minute's worth of something for each client, to spend at once or as it grows back."""

    def __init__(self, per_minute: int) -> None:
        self.most = float(per_minute)
        self.per_second = per_minute / 60
        self.left: dict[str, tuple[float, float]] = {}  # how much, and when
        self.swept_at = 0.0
        self.lock = threading.Lock()

    def take(self, client: str, now: float) -> float:
        """Take one; 0, or in how many seconds there will be one."""
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


class LargeBodies:
    """Refuses a large body before anything reads it: Django's own limit does not count files, nor what REST reads."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        length = request.META.get("CONTENT_LENGTH", "")
        if length.isdecimal() and int(length) > most:
            return refuse(request, 413, "Too large", f"send {most} bytes at most.")
        return self.get_response(request)
