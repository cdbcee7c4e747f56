"""JSON logs: one line an event, with what it is about."""

import io
import json
import logging
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from dramatiq.middleware import CurrentMessage

from server.supervisor import procfile
from tests.factories import make_game, make_venue
from tests.workers.conftest import Queues
from tests.workers.scheduled import Does, make_job, make_run
from workers import runs
from workers.actors import create_sessions_for_game
from workers.broker import broker
from workers.monitoring.logs import JsonFormatter

pytestmark = pytest.mark.django_db(transaction=True)

log = logging.getLogger("workers.test")


class Lines:
    def __init__(self, stream: io.StringIO) -> None:
        self.stream = stream

    def __call__(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


@pytest.fixture
def lines() -> Iterator[Lines]:
    handler = logging.StreamHandler(io.StringIO())
    handler.setFormatter(JsonFormatter())
    logging.getLogger().addHandler(handler)
    yield Lines(handler.stream)
    logging.getLogger().removeHandler(handler)


def test_an_event_is_one_line_with_its_time_in_utc_whatever_it_says(lines: Lines) -> None:
    try:
        raise ValueError("no\nluck")
    except ValueError:
        log.exception("Two\nlines of %s – and an error", "it")

    (line,) = lines()
    assert line.keys() == {"time", "level", "logger", "message", "error"}
    assert (line["level"], line["logger"]) == ("ERROR", "workers.test")
    assert line["message"] == "Two\nlines of it – and an error"
    assert line["time"].endswith("+00:00")
    assert line["error"].endswith("ValueError: no\nluck")


def test_what_is_given_as_extra_is_shown(lines: Lines) -> None:
    log.warning("it", extra={"game_id": 7, "unknown": "x"})

    (line,) = lines()
    assert line["game_id"] == "7"
    assert "unknown" not in line


def test_lines_of_a_run_carry_its_id_and_its_job_those_of_a_game_the_game(lines: Lines, queues: Queues) -> None:
    job = make_job(id="pay-dealers")
    run = make_run(job)
    broken = make_game(make_venue("Mars/Base"))
    with Does(lambda: log.info("at work")):
        runs.send([run], run.due_at)
        queues.work_off("default")
    message = create_sessions_for_game.message(broken.pk)
    current = CurrentMessage()
    current.before_process_message(broker(), message.copy(options={"retries": 3}))
    create_sessions_for_game(broken.pk)
    log.info("of the game")
    current.after_process_message(broker(), message)
    log.info("of nothing")

    found = {line["message"]: line for line in lines()}
    assert found["at work"]["run_id"] == str(run.pk)
    assert found["at work"]["job_id"] == "pay-dealers"
    assert found[f"Game {broken.pk} cannot be generated"]["game_id"] == str(broken.pk)
    assert found["of the game"]["game_id"] == str(broken.pk)
    assert not found["of nothing"].keys() & {"run_id", "job_id", "game_id"}


@pytest.mark.parametrize("on", ["1", ""])
def test_json_on_request_and_lines_for_people_otherwise(on: str) -> None:
    says = "import django; django.setup(); import logging; logging.getLogger('workers').warning('hello')"
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "server.settings", "JSON_LOGS": on}

    (line,) = subprocess.run(
        [sys.executable, "-c", says], env=environment, capture_output=True, text=True, timeout=30
    ).stderr.splitlines()

    if on:
        assert json.loads(line)["message"] == "hello"
        shown = json.loads(line)["time"]
    else:
        shown, said = line.split(" ", 1)
        assert said == "WARNING workers: hello"
    at = datetime.fromisoformat(shown)
    assert at.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - at) < timedelta(minutes=1)


def test_what_a_stranger_wrote_is_one_line_for_people_too() -> None:
    says = "import logging, django; django.setup(); logging.getLogger('x').warning('a %s', 'b\\r\\nc \\u202e\\x1b[2K')"
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "server.settings", "JSON_LOGS": ""}

    said = subprocess.run(
        [sys.executable, "-c", says], env=environment, capture_output=True, text=True, timeout=30
    ).stderr

    assert said.endswith(r" WARNING x: a b\r\nc \u202e\x1b[2K" + "\n")


@pytest.mark.parametrize("on", ["1", ""])
def test_gunicorns_own_lines_have_the_same_clock_and_form(on: str, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("raise RuntimeError('no app')")
    _, threads, options = procfile(Path(__file__).parents[3] / "Procfile")["web"].partition("--threads")
    command = [sys.executable, "-m", "gunicorn", "broken", "--bind", "127.0.0.1:0", "--workers", "1"]
    environment = {**os.environ, "JSON_LOGS": on, "TZ": "Australia/Sydney", "PYTHONPATH": str(tmp_path)}

    said = subprocess.run(
        [*command, *shlex.split(threads + options)], env=environment, capture_output=True, text=True, timeout=30
    ).stderr

    first = next(line for line in said.splitlines() if "Exception in worker process" in line)
    shown = json.loads(first)["time"] if on else first.split(" ", 1)[0]
    assert datetime.fromisoformat(shown).utcoffset() == timedelta(0)
