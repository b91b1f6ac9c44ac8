"""What pyproject.toml depends on is what the code imports: nothing undeclared, nothing for show."""

from __future__ import annotations

import ast
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).resolve().parents[2]

#: Dependencies that no line imports, each with its reason.
NOT_IMPORTED = {
    "bitsandbytes": "transformers imports it for NF4",
}


def imported(package: str) -> set[str]:
    """Top-level modules that a package's files import, anywhere in them."""
    found = set()
    for file in (REPOSITORY / package).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found - sys.stdlib_module_names - {"engine", "desktop", "tests"}


def distributions(modules: set[str]) -> set[str]:
    known = packages_distributions()
    return {canonicalize_name(name) for module in modules for name in known.get(module, [module])}


def declared() -> set[str]:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {canonicalize_name(Requirement(line).name) for line in project["dependencies"]}


def test_everything_imported_is_declared() -> None:
    undeclared = distributions(imported("engine") | imported("desktop")) - declared()
    assert undeclared == set()


def test_everything_declared_is_imported_or_has_a_reason() -> None:
    used = distributions(imported("engine") | imported("desktop"))
    assert declared() - used == set(NOT_IMPORTED)


def test_the_window_alone_knows_qt() -> None:
    assert "PySide6" in imported("desktop")
    assert "PySide6" not in imported("engine")
