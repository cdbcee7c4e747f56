"""The settings that Django's error page, which DEBUG shows, must hide."""

import re

from django.views.debug import SafeExceptionReporterFilter


class Filter(SafeExceptionReporterFilter):
    """Hides also the addresses, which may hold a password or a secret."""

    hidden_settings = re.compile(
        f"{SafeExceptionReporterFilter.hidden_settings.pattern}|(DATABASE|REDIS|HEARTBEAT)_?URL|DSN", re.IGNORECASE
    )
