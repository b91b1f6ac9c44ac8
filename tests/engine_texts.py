"""The engine's own words that people read: templates of errors and findings, titles, recipes; found in its source.

A template stands where an error or a finding is made: behind its code, a dotted name. What is put together at run
time cannot be found here; the engine avoids that (see `engine.errors.Words`).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from engine.errors import SYSTEM_TEXTS
from engine.merging.loading import _UNSUPPORTED, _WORDS
from engine.merging.method_table import IGNORED_PARAMETERS
from engine.resources import resource
from engine.studies.demo import _PUBLIC_ABOUT
from engine.studies.quick import quick_recipes
from engine.studies.reading import load_study
from tests.conftest import REPOSITORY

#: Parts of the engine that speak to a terminal or a program only.
_NOT_SHOWN: Final = (
    "engine/cli/",
    *(
        f"engine/inference/serving/{name}.py"
        for name in ("documents", "handler", "models", "request", "tool_calls", "turns")
    ),
)
_CODE: Final = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+\Z")
#: What tells of a machine (see `engine.models.machine.findings`).
_SENTENCES: Final = ("able", "unable")
#: Calls whose first argument looks like a code and whose second is no text for people.
_NO_TEXTS: Final = frozenset(
    {"JobKind", "event", "progress", "get", "getattr", "replace", "write", "env", "setdefault"}
)


def engine_texts() -> dict[str, str]:
    """Every template and title, and the file that it stands in."""
    found: dict[str, str] = {}
    for file in sorted([*(REPOSITORY / "engine").rglob("*.py"), *(REPOSITORY / "desktop").rglob("*.py")]):
        where = file.relative_to(REPOSITORY).as_posix()
        if not where.startswith(_NOT_SHOWN):
            for text in _texts(file):
                found.setdefault(text, where)
    for text in IGNORED_PARAMETERS.values():
        found.setdefault(text, "engine/merging/method_table.py")
    for text in (*_UNSUPPORTED.values(), *_WORDS.values()):
        found.setdefault(text, "engine/merging/loading.py")
    for recipe in quick_recipes():
        found.setdefault(recipe.title, "resources/studies/recipes.yml")
        found.setdefault(recipe.about, "resources/studies/recipes.yml")
    for text in SYSTEM_TEXTS:
        found.setdefault(text, "engine/errors.py")
    found.setdefault(_PUBLIC_ABOUT, "engine/studies/demo.py")
    for name in ("demo.yml", "seed-story.yml"):
        found.setdefault(load_study(resource("studies", name)).study.about, f"resources/studies/{name}")
    return found


def _texts(file: Path) -> Iterator[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    constants = _constants(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name.endswith("Error"):
            for item in node.body:
                target = item.targets[0] if isinstance(item, ast.Assign) else getattr(item, "target", None)
                if isinstance(target, ast.Name) and target.id == "title":
                    yield from _literals(item.value, constants)  # type: ignore[attr-defined]
        elif isinstance(node, ast.FunctionDef):
            named = [*node.args.kwonlyargs]
            for argument, default in zip(named, node.args.kw_defaults, strict=True):
                if argument.arg == "fix" and default is not None:
                    yield from _literals(default, constants)
        elif isinstance(node, ast.Call):
            yield from _of_call(node, constants, merging=file.parent.name == "merging")


def _of_call(call: ast.Call, constants: dict[str, list[str]], *, merging: bool) -> Iterator[str]:
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    if name in ("Words", *_SENTENCES) and call.args:
        yield from (text for text in _literals(call.args[0], constants) if re.search(r"[A-Za-z]", text))
    if name == "ValueError" and merging:  # pydantic hands them on, and a recipe's reader tells them
        yield from _literals(call.args[0], constants)
    if name == "decision":
        yield from _of_decision(call, constants)
    if name in ("decision", *_NO_TEXTS) or len(call.args) < 2:
        return
    codes = [text for argument in call.args[:1] for text in _literals(argument, constants)]
    dynamic = name.endswith("Error") and isinstance(call.args[0], ast.JoinedStr | ast.Name | ast.Attribute)
    if not dynamic and not any(_CODE.match(code) for code in codes):
        return
    texts = [text for argument in call.args[1:3] for text in _literals(argument, constants)]
    texts += [
        text
        for keyword in call.keywords
        if keyword.arg == "fix"
        for text in _literals(keyword.value, constants)
    ]
    yield from (
        text for text in texts if text and not _CODE.match(text) and not re.fullmatch(r"\{\w+\}", text)
    )


def _of_decision(call: ast.Call, constants: dict[str, list[str]]) -> Iterator[str]:
    """What the engine says it has chosen by itself, where that is words and not one of a program, and why."""
    for argument in call.args[1:2]:
        yield from (text for text in _literals(argument, constants) if " " in text)
    for argument in call.args[2:3]:
        yield from _literals(argument, constants)


def _literals(node: ast.expr, constants: dict[str, list[str]]) -> list[str]:
    """The texts that an expression may be, as far as the source tells."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value] if node.value else []
    if isinstance(node, ast.IfExp):
        return [*_literals(node.body, constants), *_literals(node.orelse, constants)]
    if isinstance(node, ast.Name):
        return constants.get(node.id, [])
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
        return constants.get(node.value.id, [])
    return []


def _constants(tree: ast.Module) -> dict[str, list[str]]:
    """Texts with a name, of the module or of a function, also those in tables."""
    found: dict[str, list[str]] = {}
    for node in ast.walk(tree):
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = getattr(node, "value", None)
        if (
            not isinstance(node, ast.Assign | ast.AnnAssign)
            or not isinstance(target, ast.Name)
            or value is None
        ):
            continue
        parts = value.values if isinstance(value, ast.Dict) else [value]
        texts = [
            text
            for part in parts
            for one in (part.elts if isinstance(part, ast.Tuple) else [part])
            for text in _literals(one, {})
            if " " in text
        ]
        found.setdefault(target.id, []).extend(texts)
    return found
