"""What Django's page of an error, which DEBUG shows, may tell of the settings."""

import re

from django.views.debug import SafeExceptionReporterFilter


class Filter(SafeExceptionReporterFilter):
    """Hides the addresses too that may hold a password or a secret."""

    hidden_settings = re.compile(
        f"{SafeExceptionReporterFilter.hidden_settings.pattern}|(DATABASE|REDIS|HEARTBEAT)_?URL|DSN", re.IGNORECASE
    )
