"""A client is who the outermost of our own proxies saw."""

from typing import Any

import pytest

from server.web.clients import address


@pytest.mark.parametrize(
    ("proxies", "claimed", "seen"),
    [
        (1, "10.0.0.1, 203.0.113.9", "203.0.113.9"),
        (1, "203.0.113.9", "203.0.113.9"),
        (2, "10.0.0.1, 203.0.113.9, 198.51.100.1", "203.0.113.9"),
        (0, "203.0.113.9", "127.0.0.1"),
        (1, "", "127.0.0.1"),
        (1, "somewhere", "127.0.0.1"),
        (1, "203.0.113.9:5678", "203.0.113.9"),
        (1, "[2001:db8:1:2::9]:80", "2001:db8:1:2::"),
        (1, "[2001:db8:1:2::9]", "2001:db8:1:2::"),
        (1, "::ffff:203.0.113.9", "203.0.113.9"),
        (1, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
    ],
)
def test_a_client_is_who_the_outermost_proxy_of_ours_saw(
    proxies: int, claimed: str, seen: str, settings: Any, rf: Any
) -> None:
    settings.PROXIES = proxies

    assert address(rf.get("/", headers={"x-forwarded-for": claimed})) == seen
