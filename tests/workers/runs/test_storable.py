"""What a run leaves can be stored, whatever it is."""

import math
from typing import Any

import pytest

from tests.workers.scheduled import NOW, fields, make_run
from workers import runs
from workers.runs import storable

pytestmark = pytest.mark.django_db


def test_of_a_long_traceback_the_end_is_kept() -> None:
    run = make_run(None, "running")

    runs.fail(run, ValueError("x" * 50_000 + "the end"), NOW)

    error = fields(run, "error")
    assert error.endswith("the end\n")
    assert len(error) == storable.AT_MOST


@pytest.mark.parametrize("text", ["a\0b", "a\udc80b"], ids=["NUL", "half a surrogate pair"])
def test_an_error_that_the_database_cannot_hold_is_spelt_out(text: str) -> None:
    run = make_run(None, "running")

    runs.fail(run, ValueError(text), NOW)

    assert fields(run, "state") == "queued"
    assert "ValueError: a\\" in fields(run, "error")


@pytest.mark.parametrize(
    "result",
    [{1, 2}, object(), {"at": NOW}, {(1, 2): 3}, math.nan, [math.inf], "a\0b", {"a": "\\\0"}, "\ud800"],
    ids=repr,
)
def test_a_result_that_json_or_the_database_cannot_hold_is_kept_as_its_text(result: Any) -> None:
    run = make_run(None, "running")

    assert runs.succeed(run, result, NOW)

    assert fields(run, "state", "result") == ("succeeded", repr(result))


@pytest.mark.parametrize("result", [None, 0, "Zoë", [1, {"a": None}], "a\\u0000b"])
def test_a_result_that_json_can_hold_is_kept_as_it_is(result: Any) -> None:
    run = make_run(None, "running")

    runs.succeed(run, result, NOW)

    assert fields(run, "state", "result") == ("succeeded", result)
