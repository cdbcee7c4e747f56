"""Time zones: those of the pinned `tzdata` package, whatever the host carries."""

from __future__ import annotations

import os
import time
import zoneinfo
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

import tzdata
from django.core.exceptions import ValidationError

#: The release of IANA's data that every process reads, such as "2026f".
ZONE_DATA = tzdata.IANA_VERSION

#: The package's folder of compiled zones.
ZONE_FILES = Path(str(files("tzdata") / "zoneinfo"))

#: Names that mean whatever the machine they are read on means.
NOT_ZONES = {"localtime", "posixrules", "Factory"}

#: What zoneinfo raises for a name that is no zone, depending on what else it looks like: "Australia" is a folder.
NO_ZONE = (KeyError, ValueError, OSError)


def pin() -> None:
    """Make the package the only source of zone data in this process and in those that it starts.

    `zoneinfo` would read the host's files first (PEP 615), and with it Django, pendulum, APScheduler and icalendar;
    the C library, which tells the local time to logs and to Python's `time`, reads TZDIR (glibc; tzset(3)).
    """
    zoneinfo.reset_tzpath(to=())
    ZoneInfo.clear_cache()
    os.environ["TZDIR"] = str(ZONE_FILES)
    # The C library keeps the local zone until it hears of another name; Django names TIME_ZONE after its settings.
    os.environ["TZ"] = "UTC0"
    time.tzset()


def validate_timezone(name: str) -> None:
    """Raises ValidationError unless `name` is an IANA time zone."""
    if name not in available_timezones() - NOT_ZONES:
        raise ValidationError(
            "%(name)s is no time zone: take an IANA name such as Australia/Sydney.", params={"name": name}
        )


def zone_called(name: str) -> ZoneInfo | None:
    """The IANA time zone of that name; None: there is none."""
    try:
        return ZoneInfo(name)
    except NO_ZONE:
        return None


@lru_cache(maxsize=1024)  # there are 600
def fingerprint(zone: str) -> str:
    """Which data on a zone this process goes by, as a hash of its file; "" where there is no such zone.

    Releases of IANA's data differ in few zones: where the fingerprint is the same, so is every instant.
    """
    return sha256((ZONE_FILES / zone).read_bytes()).hexdigest()[:16] if zone_called(zone) else ""
