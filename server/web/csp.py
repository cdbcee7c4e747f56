"""The Content-Security-Policy of each page: what it may load."""

from __future__ import annotations

from typing import Any

from csp import constants as csp
from csp.middleware import CSPMiddleware, PolicyParts
from django.http import HttpRequest

#: What the admin's scripts (Alpine, htmx) need: they evaluate attributes and style what they draw. The scripts are our
#: own files; a script within a page does not run.
FOR_THE_ADMIN = {
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
            parts.update = FOR_THE_ADMIN
        return parts
