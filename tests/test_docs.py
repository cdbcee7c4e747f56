"""What the documents say is so: commands work as typed, and variables, metrics and links exist."""

import io
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from django.core.management import call_command, load_command_class
from django.core.management.base import CommandParser
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator

from events.models import Game
from server.supervisor import answers, procfile
from tests.deploy import deploy
from tests.processes import Clock, environment, running
from tests.waiting import eventually
from workers import generation
from workers.broker import broker
from workers.jobs import registry
from workers.models import Clock as Heartbeat
from workers.monitoring.metrics import collect

TOP = Path(__file__).resolve().parents[1]
PAGES = [TOP / "README.md", *sorted((TOP / "docs").glob("*.md"))]
#: What stands beside the README, and is no page of the site.
BESIDE = [TOP / "CONTRIBUTING.md", TOP / "SECURITY.md"]
ALERTS = TOP / "docs" / "alerts.yml"


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)


def first_column(page: str, title: str) -> set[str]:
    """What the rows of the table whose first column is called `title` are about."""
    _, table = page.split(f"\n| {title} |")
    rows = table.split("\n\n")[0]
    return set(re.findall(r"^\| `([^`]+)`", rows, re.MULTILINE))


def variables(table: str) -> set[str]:
    """The variables named in the first column of a table."""
    return {name for row in re.findall(r"^\|([^|]+)\|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}


# --- Commands ---------------------------------------------------------------------------------------------


#: How a fence says what follows it: `sh` is run by a test; `console` needs a platform, or would start the tests again.
LANGUAGES = {"sh", "console", "python", "text", "yaml"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_says_what_it_is(page: Path) -> None:
    opening = re.findall(r"^```(.*)$", page.read_text(), re.MULTILINE)[::2]

    assert set(opening) <= LANGUAGES


@pytest.fixture
def site(tmp_path: Path, settings: Any) -> Iterator[dict[str, str]]:
    """The demo league on real processes, as `make run` leaves it; the environment of another shell."""
    clock = Clock(timezone.now())
    deploy(clock.now())
    settings.DEBUG = True
    call_command("load_demo", stdout=io.StringIO())
    broker().flush_all()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / ".curlrc").write_text("fail-with-body\nsilent\nshow-error\n")
    variables = {"HOST": "127.0.0.1", "PORT": str(port), "DEBUG": "1", "CURL_HOME": str(tmp_path)}
    env = environment(clock, settings.REDIS_URL, **variables)
    with running("web", "worker", env=env, data=tmp_path):
        eventually(lambda: answers(port), within=20)
        yield env
    broker().flush_all()


@pytest.mark.django_db(transaction=True, reset_sequences=True)
def test_every_sh_block_works_as_typed(site: dict[str, str]) -> None:
    """Each in a shell of its own, beside a running site. Those with curl are left out where there is none."""
    typed = dict.fromkeys(block for page in PAGES for block in blocks(page, "sh"))
    assert len(typed) >= 6

    for block in typed:
        if "curl" in block and not shutil.which("curl"):
            continue
        script = block.replace(".venv/bin/python", sys.executable).replace(
            "127.0.0.1:8000", f"127.0.0.1:{site['PORT']}"
        )
        ended = subprocess.run(
            ["sh", "-eu"], input=script, env=site, cwd=TOP, capture_output=True, text=True, timeout=90
        )
        assert ended.returncode == 0, f"{block}\n{ended.stdout}{ended.stderr}"

    assert Game.objects.get(pk=1).sessions.exists()


def test_the_example_of_a_job_works_as_typed() -> None:
    """In a process of its own, that no other test finds the job."""
    (example,) = blocks(TOP / "docs" / "jobs.md", "python")
    said = "import django; django.setup(); import workers.actors\n" + example + "\nprint(remind_dealers.fn(weeks=3))"
    ended = subprocess.run(
        [sys.executable, "-c", said],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "server.settings"},
        cwd=TOP,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert "would remind of the next 3 weeks" in ended.stdout, ended.stderr


def test_the_page_of_the_jobs_lists_exactly_those_that_come_with_it() -> None:
    page = (TOP / "docs" / "jobs.md").read_text()

    assert first_column(page, "job") == {
        name for name, job in registry.items() if job.actor.fn.__module__ == "workers.actors"
    }


def test_the_page_of_the_commands_lists_exactly_the_targets_of_make() -> None:
    (phony, *_) = re.findall(r"^\.PHONY: (.+)$", (TOP / "Makefile").read_text(), re.MULTILINE)
    _, of_make = (TOP / "docs" / "commands.md").read_text().split("## make")
    named = {name for page in PAGES for name in re.findall(r"(?:^|`)make ([a-z]+)", page.read_text(), re.MULTILINE)}

    assert variables(of_make) == set(phony.split())
    assert named <= set(phony.split())


def test_the_page_of_the_commands_lists_exactly_the_options_there_are() -> None:
    page = (TOP / "docs" / "commands.md").read_text()
    own = CommandParser()
    load_command_class("workers", "generate_sessions").add_arguments(own)
    options = {option for action in own._actions for option in action.option_strings} - {"-h", "--help"}

    assert set(re.findall(r"^\| `(--[\w-]+)`", page, re.MULTILINE)) == options
    assert first_column(page, "command") >= {"generate_sessions", "load_demo", "rundramatiq"}


# --- REST -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def schema() -> Any:
    """What drf-spectacular reads from the code, by path and method."""
    return SchemaGenerator().get_schema(request=None, public=True)["paths"]


def test_the_page_of_rest_lists_exactly_the_endpoints_there_are(schema: Any) -> None:
    page = (TOP / "docs" / "rest.md").read_text()
    rows = re.findall(r"^\| (`[\w/{}`, ]+/`) \| ([A-Z, ]+) \|", page, re.MULTILINE)
    listed = {(path, method) for paths, methods in rows for path in paths.split(", ") for method in methods.split(", ")}
    there = {(f"`{_short(path)}`", method.upper()) for path, methods in schema.items() for method in methods}

    # A row of a list and its entry names the methods of both: POST makes an entry, the rest is done to one.
    assert {path for path, _ in listed} == {path for path, _ in there}
    assert there <= listed
    assert all(path.endswith("{id}/`") == (method == "POST") for path, method in listed - there)


def _short(path: str) -> str:
    return re.sub(r"\{\w+\}", "{id}", path.removeprefix("/api/v1/"))


def test_the_page_of_rest_lists_exactly_the_filters_there_are(schema: Any) -> None:
    _, of_lists = (TOP / "docs" / "rest.md").read_text().split("| list | filters |")
    rows = re.findall(r"^\| `(\w+)/` \| (.+?) \|", of_lists, re.MULTILINE)
    listed = {name: set(re.findall(r"`(\w+)`", filters)) for name, filters in rows}
    shared = {"page", "page_size", "ordering"}
    there = {
        _short(path).rstrip("/"): {each["name"] for each in methods["get"]["parameters"]} - shared
        for path, methods in schema.items()
        if "get" in methods and re.fullmatch(r"\w+/", _short(path))
    }

    assert listed == there


# --- Settings ---------------------------------------------------------------------------------------------


def test_the_page_of_the_settings_lists_exactly_those_that_are_read() -> None:
    source = (TOP / "server" / "settings.py").read_text()
    read = set(re.findall(r'env\.\w+\(\s*"(\w+)"', source))
    of_the_settings, of_the_procfile = (TOP / "docs" / "settings.md").read_text().split("The Procfile reads")

    commands = " ".join(procfile(TOP / "Procfile").values())
    of_the_commands = set(re.findall(r"\$\{(\w+)", commands))
    assert variables(of_the_procfile) == of_the_commands
    assert variables(of_the_settings) == read - of_the_commands
    assert of_the_commands <= read  # so that garbage is refused by the release, in one line


def test_the_example_of_an_environment_knows_every_variable() -> None:
    shown = set(re.findall(r"^#?([A-Z_]+)=", (TOP / ".env.example").read_text(), re.MULTILINE))

    assert variables((TOP / "docs" / "settings.md").read_text()) - {"HOST", "PORT"} == shown


# --- Metrics and alerts -----------------------------------------------------------------------------------


@pytest.fixture
def metrics(db: None) -> set[str]:
    """Every metric there is once the clock ticks and a generation has begun."""
    now = timezone.now()
    Heartbeat.objects.create(pk=1, last_tick=now)
    generation.begin(now, days=28, slot=None)
    return {family.name for family in collect(now)}


def test_the_page_lists_exactly_the_metrics_there_are(metrics: set[str]) -> None:
    page = (TOP / "docs" / "metrics.md").read_text()

    assert {name.split("{")[0] for name in first_column(page, "metric")} == metrics
    for page_named in PAGES:
        assert set(re.findall(r"poker_\w+", page_named.read_text())) <= metrics


@pytest.fixture(scope="module")
def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


def test_every_metric_that_an_alert_names_exists(rules: list[dict[str, Any]], metrics: set[str]) -> None:
    for rule in rules:
        named = set(re.findall(r"poker_\w+", str(rule)))
        assert named <= metrics
        assert named or 'up{job="poker"}' in rule["expr"]


def test_the_alerts_are_rules_that_prometheus_takes(rules: list[dict[str, Any]]) -> None:
    """What `promtool check rules` looks at, by the parser of PromQL that others build on."""
    assert len({rule["alert"] for rule in rules}) == len(rules) > 5
    for rule in rules:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert promql_parser.parse(rule["expr"])
        assert promql_parser.parse_duration(rule.get("for", "1m"))
        assert rule["labels"]["severity"] in ("page", "ticket")
        text = rule["annotations"]["summary"]
        assert set(re.findall(r"\{\{(.*?)\}\}", text)) <= {" $value ", " $value | humanizeDuration "}
        assert text.count("{{") == text.count("}}")


def test_an_alert_that_shows_a_duration_has_seconds_for_its_value(rules: list[dict[str, Any]]) -> None:
    """The value of `a and b` is that of `a`."""
    for rule in rules:
        if "humanizeDuration" in rule["annotations"]["summary"]:
            assert re.match(r"poker_\w+_seconds\b", rule["expr"]), rule["alert"]


def test_the_alerts_fire_and_say_what_their_own_tests_expect() -> None:
    promtool = shutil.which("promtool")
    if not promtool:
        pytest.skip(
            "promtool is not installed: tests/alerts_test.yml was not run. On Debian: apt-get install prometheus"
        )

    done = subprocess.run(
        [promtool, "test", "rules", str(TOP / "tests" / "alerts_test.yml")], capture_output=True, text=True, timeout=60
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_line_for_honcho_runs_the_release_and_then_every_other_process() -> None:
    commands = procfile(TOP / "Procfile")
    release = commands.pop("release")

    assert f"honcho run {release} && honcho start {' '.join(commands)}\n" in (TOP / "docs" / "deploy.md").read_text()


# --- Beside the README ------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", BESIDE, ids=lambda page: page.name)
def test_what_it_names_is_there(page: Path) -> None:
    text = page.read_text()

    assert set(re.findall(r"`make (\w+)", text)) <= set(
        re.findall(r"^(\w+):", (TOP / "Makefile").read_text(), re.MULTILINE)
    )
    for path in re.findall(r"`((?:\.ci|\.github|\.env|server|events|workers|tests)[/.][\w./]+)`", text):
        assert (TOP / path).exists(), path
    assert len(text.splitlines()) < 60  # one page


def test_the_workflow_runs_what_is_run_at_home() -> None:
    workflow = yaml.safe_load((TOP / ".github" / "workflows" / "ci.yml").read_text())

    (job,) = workflow["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]
    assert os.access(TOP / ".ci" / "run", os.X_OK)


# --- Links ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", [*PAGES, *BESIDE], ids=lambda page: page.name)
def test_every_link_leads_to_a_file_and_a_heading_of_it(page: Path) -> None:
    """On the plain repository; `make docs` is as strict about the site."""
    for link, heading in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", page.read_text()):
        target = page.parent / link if link else page
        assert target.exists(), link
        assert not heading or heading in headings(target), f"{link}#{heading}"


#: A file or a folder of ours, as the pages name it.
NAMED = re.compile(r"`((?:events|workers|server|tests|docs)/[\w./-]*)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    assert [name for name in NAMED.findall(page.read_text()) if not (TOP / name).exists()] == []


def test_the_map_says_of_ten_changes_in_which_three_files_at_the_most_they_are_made() -> None:
    _, table = (TOP / "docs" / "design.md").read_text().split("\n| what | files |\n")
    rows = dict(re.findall(r"^\| ([^|]+) \| (.+) \|$", table, re.MULTILINE))

    assert len(rows) == 10
    for what, files in rows.items():
        assert 1 <= len(set(NAMED.findall(files))) <= 3, what


def test_the_chain_in_the_readme_is_the_code_abridged() -> None:
    (shown,) = blocks(TOP / "README.md", "python")
    lines = [line for line in shown.splitlines() if line and not line.strip().startswith("#")]
    code = iter((TOP / "workers" / "actors.py").read_text().splitlines())

    assert [line for line in lines if line not in code] == []  # in this order


def headings(page: Path) -> set[str]:
    """The anchors of a page, as GitHub and MkDocs make them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\s-]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_page_is_in_the_sites_contents() -> None:
    contents = (TOP / "mkdocs.yml").read_text().split("nav:\n  - ")[1]

    assert {f"docs/{page}" for page in re.findall(r": ([\w-]+\.md)$", contents, re.MULTILINE)} == {
        str(page.relative_to(TOP)) for page in PAGES if page.name != "README.md"
    }
