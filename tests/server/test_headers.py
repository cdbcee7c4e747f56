"""What answers say to browsers beside their content."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

pytestmark = pytest.mark.django_db

HTTPS = {"x-forwarded-proto": "https"}


@pytest.mark.parametrize(
    "path", ["/", "/admin/login/", "/api/v1/venues/", "/api/docs/", "/nope", "/static/events/pages.css"]
)
def test_every_answer_asks_for_tls_its_own_type_and_no_frames(path: str) -> None:
    answer = Client(headers=HTTPS).get(path)

    assert answer["Strict-Transport-Security"] == "max-age=31536000"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    if not path.startswith("/static/"):
        assert answer["X-Frame-Options"] == "DENY"
        assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]


def test_a_session_cookie_is_kept_from_scripts_and_other_sites() -> None:
    User.objects.create_user("ann", password="a long password", is_staff=True)
    client = Client(headers=HTTPS)

    client.post("/admin/login/", {"username": "ann", "password": "a long password"})

    cookie = client.cookies["sessionid"]
    assert (cookie["httponly"], cookie["secure"], cookie["samesite"]) == (True, True, "Lax")
