"""Deep bodies, long addresses and far pages: no request makes the web process fail."""

import pytest
from django.test import Client

from tests.factories import make_game, make_venue

pytestmark = pytest.mark.django_db

HTTPS = {"x-forwarded-proto": "https"}


@pytest.mark.parametrize("body", ["[" * 100_000, '{"a":' * 100_000, "9" * 10_000, "NaN", '"\\ud800"', "\ufeff{}"])
def test_json_that_makes_no_sense_is_a_400(body: str) -> None:
    answer = Client(headers=HTTPS).generic("POST", "/api/v1/token/", body, "application/json")

    assert (answer.status_code, list(answer.json())) == (400, ["non_field_errors"])


@pytest.mark.parametrize(
    "query",
    [
        "page=99999999999999999999999999",
        "page=-1",
        "page_size=99999999",
        "page_size=99999999999999999999999999",
        "from=0001-01-01",
        "to=9999-12-31",
        "from=9999-12-31&to=0001-01-01",
        "venue=" + "x" * 3000,
        "venue=%00",
        "game=99999999999999999999999999",
        "&".join(f"p{n}=1" for n in range(2000)),
    ],
)
def test_no_query_makes_the_api_fail(query: str) -> None:
    make_game(make_venue()).save()

    answer = Client(headers=HTTPS).get(f"/api/v1/sessions/?{query}")

    assert answer.status_code in (200, 400, 404), answer.content
    assert len(answer.json().get("results", [])) <= 500


@pytest.mark.parametrize(
    "query", ["page=999999999", "page=99999", "month=2099-12", "month=9999-99", "buy_in=9e99", "%00"]
)
@pytest.mark.parametrize("path", ["/", "/venues/star/"])
def test_no_query_makes_a_page_fail(path: str, query: str) -> None:
    make_venue(slug="star")

    assert Client(headers=HTTPS).get(f"{path}?{query}").status_code == 200
