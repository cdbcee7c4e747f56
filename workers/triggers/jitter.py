"""Jitter: how long after its slot a run starts, so that not all start at once."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from workers.triggers.values import in_utc


def jitter_of(key: str, slot: datetime, jitter: int) -> timedelta:
    """How long after `slot` (aware) its run is due: 0 to `jitter` seconds, the same wherever it is asked."""
    digest = hashlib.sha256(f"{key} {in_utc(slot).isoformat()}".encode()).digest()
    return timedelta(microseconds=int.from_bytes(digest[:8]) % (jitter * 1_000_000 + 1))
