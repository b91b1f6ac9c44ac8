"""Every text of the window is there in every language, with the same places to fill; the window speaks them."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop.language import LANGUAGES, tr, use_language
from desktop.shell.pages import PAGES
from engine.merging.method_table import METHODS
from engine.resources import resource
from engine.training.spec import TrainRecipe
from tests.conftest import REPOSITORY

OTHERS = [code for code in LANGUAGES if code != "en"]
_PLACES = re.compile(r"\{[^{}]*\}")


def literals() -> Iterator[tuple[str, str]]:
    """Each text in ``tr("...")``, and the file that it stands in."""
    for file in sorted((REPOSITORY / "desktop").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "tr":
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield first.value, str(file.relative_to(REPOSITORY))


def words(code: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(resource("translations", f"{code}.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("code", OTHERS)
def test_nothing_is_left_in_english(code: str) -> None:
    known = words(code)
    missing = [(text, file) for text, file in literals() if text not in known]
    assert missing == []
    for entry in PAGES:
        assert entry.title in known
    for field in TrainRecipe.model_fields.values():
        assert field.title in known
        assert field.description in known
    for method in METHODS.values():
        assert {method.text, *(parameter.text for parameter in method.parameters)} <= known.keys()


@pytest.mark.parametrize("code", OTHERS)
def test_every_translation_has_the_same_places_to_fill(code: str) -> None:
    for text, translated in words(code).items():
        assert sorted(_PLACES.findall(text)) == sorted(_PLACES.findall(translated)), text
        assert translated.strip(), text


def test_the_window_speaks_what_is_chosen() -> None:
    try:
        assert use_language("de") == "de"
        assert tr("Row {number}", number=3) == "Zeile 3"
        assert tr("A text that nobody knows") == "A text that nobody knows"
    finally:
        use_language("en")
    assert tr("Row {number}", number=3) == "Row 3"


def test_the_files_are_sorted_so_that_changes_can_be_read() -> None:
    for code in OTHERS:
        text = Path(resource("translations", f"{code}.json")).read_text(encoding="utf-8")
        assert list(json.loads(text)) == sorted(json.loads(text))
