"""The versions of the data from outside that sessions are derived from."""

from __future__ import annotations

from dataclasses import dataclass

from events.public_holidays import HOLIDAYS
from events.zones import fingerprint

#: What stands in the place of a fingerprint where it is known only that the sessions are to be settled anew.
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Stamp:
    """The data that the sessions of a game were settled with, as its row says; empty: unknown."""

    holidays: str = ""
    zone_data: str = ""

    @classmethod
    def of(cls, zone: str) -> Stamp:
        """The data of this process for a game in `zone`."""
        return cls(HOLIDAYS, fingerprint(zone))


#: Of a game that another process is to settle anew.
UNSETTLED = Stamp(zone_data=UNKNOWN)
