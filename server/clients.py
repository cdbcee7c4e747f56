"""Who asks, as far as a limit on clients can tell."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from django.conf import settings
from rest_framework.throttling import UserRateThrottle


def address(request: Any) -> str | None:
    """The address that the outermost of our own proxies saw; of IPv6 its network, of which one client has all of it.

    Each proxy adds, at the end of X-Forwarded-For, whom it was asked by: what stands before those entries the client
    wrote itself. None of a client without an address, such as one on a unix socket.
    """
    told = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    seen = [_network(entry.strip()) for entry in told[-settings.PROXIES :]] if settings.PROXIES else []
    return next(filter(None, seen), None) or _network(request.META.get("REMOTE_ADDR", ""))


def _network(text: str) -> str | None:
    try:
        found = ip_address(_without_port(text))
    except ValueError:
        return None
    if not isinstance(found, IPv6Address):
        return str(found)
    return str(found.ipv4_mapped or ip_network((found, 64), strict=False).network_address)


def _without_port(text: str) -> str:
    """What some proxies write as `203.0.113.9:5678` or `[2001:db8::9]:5678`."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text


class Throttle(UserRateThrottle):
    """Counts the requests of a user, or of an address that is nobody's."""

    def get_ident(self, request: Any) -> str:
        return address(request) or ""
