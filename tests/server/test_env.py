"""The typed readers of the environment."""

import pytest

from server import env
from server.env import BadVariable


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOME", raising=False)


def url() -> str:
    return env.url("SOME", "postgres", "redis", "rediss", "unix", example="redis://host:6379/0")


def said(error: pytest.ExceptionInfo[BadVariable]) -> str:
    """The one line that the process would end with."""
    line = str(error.value.code)
    assert line.startswith("SOME ")
    assert "\n" not in line
    return line


@pytest.mark.parametrize("value", ["1", "true", "YES", " on "])
def test_a_flag_is_on(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("SOME", value)
    assert env.flag("SOME") is True


@pytest.mark.parametrize("value", [None, "", "0", "False", "no", "off"])
def test_a_flag_is_off_unless_set(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    if value is not None:
        monkeypatch.setenv("SOME", value)
    assert env.flag("SOME") is False


@pytest.mark.parametrize("value", ["maybe", "2", "-", "truefalse"])
def test_a_flag_takes_nothing_else(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("SOME", value)
    with pytest.raises(BadVariable) as error:
        env.flag("SOME")
    assert "1 (on) or 0 (off)" in said(error)


@pytest.mark.parametrize(("value", "number"), [(None, 28), ("", 28), (" 7 ", 7), ("1", 1), ("400", 400)])
def test_a_whole_number_within_its_bounds(monkeypatch: pytest.MonkeyPatch, value: str | None, number: int) -> None:
    if value is not None:
        monkeypatch.setenv("SOME", value)
    assert env.whole_number("SOME", 28, 1, 400) == number


@pytest.mark.parametrize("value", ["0", "401", "-1", "1.5", "1e2", "0x10", "1_0", "+5", "two", "٣", "²", "9" * 5000])
def test_anything_else_is_no_whole_number(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("SOME", value)
    with pytest.raises(BadVariable) as error:
        env.whole_number("SOME", 28, 1, 400)
    assert "a whole number from 1 to 400" in said(error)


@pytest.mark.parametrize(
    ("value", "words"), [(None, []), ("", []), (" , ", []), ("a.example", ["a.example"]), ("a, b ,,c", ["a", "b", "c"])]
)
def test_words_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch, value: str | None, words: list[str]) -> None:
    if value is not None:
        monkeypatch.setenv("SOME", value)
    assert env.words("SOME") == words


@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_text_without_a_default_must_be_set(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    if value is not None:
        monkeypatch.setenv("SOME", value)
    with pytest.raises(BadVariable) as error:
        env.text("SOME", "a long random string")
    assert "a long random string" in said(error)


def test_a_variable_that_is_missing_is_told_from_one_that_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadVariable, match="is not set"):
        url()
    monkeypatch.setenv("SOME", "garbage")
    with pytest.raises(BadVariable, match="has a value it cannot take"):
        url()


@pytest.mark.parametrize(
    "value",
    [
        "postgres://user:pa%40ss%2Fword@db.example.com:5432/poker",
        "postgres://postgres@%2Ftmp%2Fsockets:5432/poker",
        "postgres://[::1]:5432/poker?sslmode=require",
        "postgres:///poker",
        "redis://localhost",
        "redis://:p%23w@localhost:6379/0",
        "rediss://:pw@ec2.example.com:6380",
        "unix:///run/redis.sock?db=1",
        "unix://:pw@/run/redis.sock",
    ],
)
def test_an_address_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("SOME", f" {value} ")
    assert url() == value


@pytest.mark.parametrize(
    "value",
    [
        "localhost:6379",
        "redis:localhost",
        "redis:/localhost",
        "mysql://u:hidden@h/db",
        "http://h:hidden/",
        "redis://h:hidden",
        "redis://h:99999",
        "redis://[::1",
        "redis://:hidden@h/games",  # a database of Redis is a number: this would be number 0
        "postgres://",
        "postgres://u:hidden@host",  # which database?
        "postgres://u:hidden@host/",
        "unix://",
        # A password with these in it ends early, and would be shown as a part of the address.
        "postgres://u:12/hidden@h/db",
        "postgres://u:12#hidden@h/db",
        "postgres://u:12?hidden@h/db",
        "redis://:12/hidden@h",
        "redis://:12#hidden@h/0",
    ],
)
def test_garbage_is_no_address_and_is_never_repeated(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("SOME", value)
    with pytest.raises(BadVariable) as error:
        url()
    assert "redis://host:6379/0" in said(error)
    assert "hidden" not in said(error)
