"""What the first migration imports, under the path that it imports it from."""

from events.public_holidays import validate_region
from events.zones import validate_timezone

__all__ = ["validate_region", "validate_timezone"]
