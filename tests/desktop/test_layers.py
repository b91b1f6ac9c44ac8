"""How the window is built: what draws knows no catalogue and no process, what knows them draws nothing."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import desktop

FOLDER = Path(desktop.__file__).parent
MODULES = sorted(FOLDER.rglob("*.py"))

#: What reaches the catalogue, a job or another program.
_REACHING = (
    "sqlalchemy",
    "engine.jobs",
    "engine.workspace.adoption",
    "engine.workspace.catalogue",
    "engine.workspace.prices",
    "engine.workspace.settings",
    "engine.workspace.tables",
    "subprocess",
    "multiprocessing",
    "PySide6.QtCore.QProcess",
)
#: What begins a thread.
_THREADS = {
    "Thread",
    "Timer",
    "ThreadPoolExecutor",
    "ProcessPoolExecutor",
    "QThread",
    "QThreadPool",
    "to_thread",
}
#: The window itself, which gives all others what they need.
_COMPOSING = {"app.py", "shell/window.py"}
#: The sanctioned way to another thread.
_BACKGROUND = "background.py"
#: Names of modules that hold state and commands, or read them.
_HEADLESS = (
    "view_model",
    "state",
    "reading",
    "planning",
    "planner",
    "evidence",
    "retold",
    "feed",
    "services",
)


def imported(module: Path) -> Iterator[tuple[str, str]]:
    """All names that a module imports, at whatever depth, with the name as the module knows it."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((one.name, one.asname or one.name) for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield from ((f"{node.module}.{one.name}", one.asname or one.name) for one in node.names)


def below(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def called(module: Path) -> set[str]:
    """Names that a module calls or looks something up in; what is only a type is not among them."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    calls = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    return calls | {
        node.value.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }


def place(module: Path) -> str:
    return module.relative_to(FOLDER).as_posix()


def test_there_is_something_to_look_at() -> None:
    draws = [one for one in MODULES if any(below(name, ("PySide6.QtWidgets",)) for name, _ in imported(one))]
    assert len(draws) > 60
    assert sum(one.stem in _HEADLESS for one in MODULES) > 25


@pytest.mark.parametrize("module", MODULES, ids=place)
def test_what_draws_reaches_no_catalogue_and_no_process(module: Path) -> None:
    names = dict(imported(module))
    if place(module) in _COMPOSING or not any(below(name, ("PySide6.QtWidgets",)) for name in names):
        return
    used = called(module)
    assert [name for name, known in names.items() if below(name, _REACHING) and known in used] == []


@pytest.mark.parametrize("module", MODULES, ids=place)
def test_there_is_one_way_to_leave_the_thread_of_the_window(module: Path) -> None:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    named = {one.attr for one in calls if isinstance(one, ast.Attribute)}
    named |= {one.id for one in calls if isinstance(one, ast.Name)}
    assert named & _THREADS == ({"Thread", "ThreadPoolExecutor"} if place(module) == _BACKGROUND else set())


@pytest.mark.parametrize("module", [one for one in MODULES if one.stem in _HEADLESS], ids=place)
def test_state_and_commands_know_no_widgets(module: Path) -> None:
    drawing = ("PySide6.QtWidgets", "PySide6.QtGui", "desktop.widgets", "desktop.theme")
    assert [name for name, _ in imported(module) if below(name, drawing)] == []
