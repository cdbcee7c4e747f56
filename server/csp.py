"""What a page may load, by where it is."""

from __future__ import annotations

from typing import Any

from csp import constants as csp
from csp.middleware import CSPMiddleware, PolicyParts
from django.http import HttpRequest

#: The admin's scripts (Alpine, htmx) evaluate what stands in attributes and style what they draw. They are our own
#: files all the same: no script within a page runs.
OF_THE_ADMIN = {
    "script-src": [csp.SELF, csp.UNSAFE_EVAL],
    "style-src": [csp.UNSAFE_INLINE],
    "img-src": ["data:"],
    "font-src": [csp.SELF],
    "connect-src": [csp.SELF],
}


class Policy(CSPMiddleware):
    """The settings' policy, relaxed for the admin alone."""

    def get_policy_parts(self, request: HttpRequest, response: Any, report_only: bool = False) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        if request.path.startswith("/admin/") and not report_only:
            parts.update = OF_THE_ADMIN
        return parts
