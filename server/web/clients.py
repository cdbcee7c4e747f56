"""Who a client is, for every limit that counts requests or wrong passwords."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from django.conf import settings
from rest_framework.throttling import UserRateThrottle


def address(request: Any) -> str | None:
    """The client's address as the outermost of our own proxies saw it; for IPv6 its /64 network.

    Each proxy appends to X-Forwarded-For the address that asked it. The client itself wrote any entry before those of
    our own proxies. One client has a whole network of IPv6. None: the client has no address, as on a unix socket.
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
    """The address alone: some proxies write `203.0.113.9:5678` or `[2001:db8::9]:5678`."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text


class Throttle(UserRateThrottle):
    """Limits the requests of each user, and of each address that has not signed in."""

    def get_ident(self, request: Any) -> str:
        return address(request) or ""
