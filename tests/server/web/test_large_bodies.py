"""A large body is refused before anything reads it."""

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db

HTTPS = {"x-forwarded-proto": "https"}


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x", "text/plain"])
@pytest.mark.parametrize("path", ["/api/v1/token/", "/admin/login/", "/"])
def test_a_large_body_is_refused_unread(path: str, kind: str) -> None:
    answer = Client(headers=HTTPS).generic("POST", path, b"x" * 1_000_001, content_type=kind)

    assert answer.status_code == 413
    assert "1000000 bytes" in answer.content.decode()
    assert (answer["Content-Type"] == "application/json") == path.startswith("/api/")


def test_a_body_within_the_limit_is_read() -> None:
    answer = Client(headers=HTTPS).generic("POST", "/api/v1/token/", b" " * 999_998 + b"{}", "application/json")

    assert answer.status_code == 400
    assert "username" in answer.json()
