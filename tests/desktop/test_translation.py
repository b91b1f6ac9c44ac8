"""Every text of the window is there in every language, with the same places to fill; the window speaks them."""

from __future__ import annotations

import ast
import errno
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QDialogButtonBox

from desktop.language import LANGUAGES, tr, use_language
from desktop.problem import problem_of, problem_of_record
from desktop.qt_words import speak
from desktop.shell.pages import PAGES
from desktop.words import told
from engine.errors import BakeoffError, Words, templates, with_template
from engine.jobs.directory import JobError
from engine.merging.method_table import METHODS
from engine.resources import resource
from engine.training.spec import TrainRecipe
from engine.weights.header import read_header
from tests.conftest import REPOSITORY
from tests.engine_texts import engine_texts

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
    """A language's words for the window (``de``), or those for the engine (``de-engine``)."""
    found: dict[str, str] = json.loads(resource("translations", f"{code}.json").read_text(encoding="utf-8"))
    return found


#: The files of all languages.
FILES = [name for code in OTHERS for name in (code, f"{code}-engine")]


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
def test_nothing_that_the_engine_says_is_left_in_english(code: str) -> None:
    known = words(code) | words(f"{code}-engine")
    assert {text: file for text, file in engine_texts().items() if text not in known} == {}


@pytest.mark.parametrize("code", OTHERS)
def test_the_engines_words_hold_nothing_that_nobody_says(code: str) -> None:
    assert words(f"{code}-engine").keys() - engine_texts().keys() == set()


@pytest.mark.parametrize("file", FILES)
def test_every_translation_has_the_same_places_to_fill(file: str) -> None:
    for text, translated in words(file).items():
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


def test_errors_findings_and_titles_are_told_in_german() -> None:
    low = JobError(
        "job.disk_low",
        "Only {free:.1f} GB are free on the disk of the workspace, and a job begins with "
        "{least:g} GB at least.",
        free=0.25,
        least=1.0,
    )
    title = Words(
        "Merge {parents} by {recipe}", parents=Words("{first} and {last}", first="a", last="b"), recipe="x"
    )
    kept = templates(
        [Words("{count} tool calls have arguments that are not JSON.", count=3), "a plain sentence"]
    )
    try:
        use_language("de")
        assert problem_of_record(low.record()).message.startswith(
            "Auf dem Datenträger des Arbeitsbereichs sind nur 0,2"
        )
        assert problem_of_record(low.record()).title == "Der Auftrag lässt sich nicht gebrauchen"
        assert told(title) == "a und b nach x verschmelzen"
        said = with_template("3 tool calls have arguments that are not JSON.", json.loads(json.dumps(kept)))
        assert told(said) == "3 Werkzeugaufrufe haben Argumente, die kein JSON sind."
        assert told(with_template("a plain sentence", kept)) == "a plain sentence"
    finally:
        use_language("en")


@pytest.mark.parametrize("file", FILES)
def test_the_files_are_sorted_so_that_changes_can_be_read(file: str) -> None:
    text = Path(resource("translations", f"{file}.json")).read_text(encoding="utf-8")
    assert list(json.loads(text)) == sorted(json.loads(text))


def test_qt_itself_speaks_the_windows_language(qapp: QApplication) -> None:
    def cancel() -> str:
        box = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        return box.buttons()[0].text().replace("&", "")

    assert cancel() == "Cancel"
    try:
        assert speak(qapp, "de")
        assert cancel() == "Abbrechen"
    finally:
        assert speak(qapp, "en")
    assert cancel() == "Cancel"


def test_what_the_system_says_is_told_in_german(tmp_path: Path) -> None:
    def said() -> str:
        with pytest.raises(BakeoffError) as caught:
            read_header(tmp_path / "none.safetensors")
        return problem_of_record(json.loads(json.dumps(caught.value.record()))).message

    assert said().endswith(" cannot be read: No such file or directory.")
    try:
        use_language("de")
        assert said().endswith(" lässt sich nicht lesen: die Datei oder den Ordner gibt es nicht.")
        refused = problem_of(PermissionError(errno.EACCES, os.strerror(errno.EACCES), "a.txt"))
        assert refused.message == "Der Zugriff ist nicht erlaubt: a.txt."
    finally:
        use_language("en")
