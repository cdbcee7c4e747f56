"""What every test begins with."""

import pytest
from django.core.cache import cache


@pytest.fixture(autouse=True)
def _unthrottled() -> None:
    """Nothing is left of the throttling of the test before."""
    cache.clear()
