"""What a page may load."""

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db

HTTPS = {"x-forwarded-proto": "https"}


def test_the_admin_runs_our_files_and_no_script_within_a_page() -> None:
    policy = dict(
        part.strip().split(" ", 1)
        for part in Client(headers=HTTPS).get("/admin/login/")["Content-Security-Policy"].split(";")
    )

    assert policy["script-src"] == "'self' 'unsafe-eval'"
    assert policy["default-src"] == "'none'"
    assert policy["base-uri"] == "'none'"
