"""What the engine has chosen by itself is told in the window's language: its subject, the choice, and why."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop.decision_words import choice_words, note_words, subject_words
from desktop.language import use_language
from desktop.pages.jobs.account import Account
from desktop.words import told
from engine.datasets.detect import detect
from engine.datasets.errors import DatasetError
from engine.datasets.glance import import_preview
from engine.datasets.options import ImportOptions
from engine.datasets.source import ByteSource
from engine.errors import Words
from engine.jobs.directory import JobDirectory
from engine.jobs.events import EventWriter
from tests.conftest import REPOSITORY

#: Words that German has as well, or that are names of settings.
_SAME = {"Form"}
#: Choices that a program would read.
_OF_A_PROGRAM = {"bfloat16", "float32", "transformers"}


@pytest.fixture
def german() -> Iterator[None]:
    use_language("de")
    yield
    use_language("en")


def decisions() -> Iterator[ast.Call]:
    """Every place in the engine that tells of a choice."""
    for file in sorted((REPOSITORY / "engine").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "decision":
                yield node


SUBJECTS = sorted(
    {
        call.args[0].value
        for call in decisions()
        if isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str)
    }
)


@pytest.mark.usefixtures("german")
@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_subject_has_german_words(subject: str) -> None:
    plain = subject.rpartition(".")[2].replace("_", " ")
    words = subject_words(subject)
    assert words.casefold() not in (subject, plain) or words in {"Adapter", *_SAME}


@pytest.mark.usefixtures("german")
def test_every_choice_in_one_word_has_a_german_one() -> None:
    words = {
        argument.value
        for call in decisions()
        for argument in call.args[1:2]
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    }
    assert words == _OF_A_PROGRAM


@pytest.mark.usefixtures("german")
@pytest.mark.parametrize(
    ("subject", "choice", "reason", "line"),
    [
        (
            "evaluation_slice",
            22,
            Words("{share:g} of {examples} examples, at least 2 of 8", share=0.1, examples=224),
            "Teil zum Prüfen: 22 (0,1 von 224 Beispielen, mindestens 2 von 8)",
        ),
        (
            "kept",
            Words("best"),
            "lowest evaluation loss",
            "behaltener Stand: der beste (niedrigster Prüfverlust)",
        ),
        (
            "dataset.delimiter",
            Words("semicolon"),
            Words(
                "{share:.0%} of the first rows have the header's {columns} columns with it",
                share=0.98,
                columns=3,
            ),
            "Trennzeichen: Semikolon (98\N{NO-BREAK SPACE}% der ersten Zeilen haben damit die 3 Spalten der "
            "Kopfzeile)",
        ),
        (
            "dataset.form",
            "messages",
            Words("{count} of the first {rows} rows have it", count=40, rows=50),
            "Form: messages (40 der ersten 50 Zeilen haben sie)",
        ),
        (
            "gpu_layers",
            Words("{layers} of {whole}", layers=24, whole=32),
            Words("{free:.1f} GB are free on {devices}", free=11.25, devices="CUDA0"),
            "Schichten auf der GPU: 24 von 32 (11,2 GB sind frei auf CUDA0)",
        ),
        (
            "context",
            Words("{room:,} tokens", room=4096),
            Words("{name} was made for no more", name="small"),
            "Kontext: 4.096 Token (small wurde für nicht mehr gemacht)",
        ),
        (
            "device",
            "cpu, bfloat16",
            Words("bfloat16 runs at {ratio:.1f}x the speed of float32 on this CPU", ratio=1.94),
            "Gerät: cpu, bfloat16 (bfloat16 läuft auf diesem Prozessor 1,9-mal so schnell wie float32)",
        ),
        (
            "judge",
            "openai:gpt-4o",
            Words("the one asked last of {count}; --judge names another", count=3),
            "Richter: openai:gpt-4o (der zuletzt gefragte von 3; es lässt sich ein anderer wählen)",
        ),
        (
            "ranking",
            Words("the study {name}", name="spring"),
            "the newest study that ranked the model",
            "zugrunde liegende Rangliste: die Studie spring "
            "(die neueste Studie, in deren Rangliste das Modell steht)",
        ),
        (
            "show_expected",
            False,
            "the dataset's own answers are among the contestants and would win by it",
            "der Richter sieht die erwartete Antwort: nein (die eigenen Antworten des Datensatzes sind unter den "
            "Teilnehmern und würden dadurch gewinnen)",
        ),
        (
            "top_p",
            Words("left out"),
            Words("the endpoint '{name}' refuses it for {model}", name="openai", model="o3"),
            "top_p: weggelassen (der Endpunkt „openai“ lehnt das bei o3 ab)",
        ),
    ],
)
def test_a_choice_is_told_in_german(
    tmp_path: Path, subject: str, choice: object, reason: str, line: str
) -> None:
    job = JobDirectory(tmp_path)
    writer = EventWriter(job.events)
    writer.write("decision", {"subject": subject, "choice": choice, "reason": reason})
    writer.close()
    assert Account(job).text() == line


@pytest.mark.usefixtures("german")
def test_warnings_are_told_in_german_with_what_stood_in_the_way(tmp_path: Path) -> None:
    job = JobDirectory(tmp_path)
    writer = EventWriter(job.events)
    reason = DatasetError("dataset.no_row", "{file} holds nothing but blank lines.", file="a.csv")
    writer.write("warning", {"message": Words("No drift report: {reason}", reason=reason)})
    writer.write(
        "warning",
        {"message": Words("Waiting for {name}, which another workspace is using.", name="cuda:0")},
    )
    writer.close()
    first, second = Account(job).text().splitlines()
    assert first == "Warnung: Kein Bericht über Abweichungen: a.csv enthält nur leere Zeilen."
    assert second == "Warnung: Es wird auf cuda:0 gewartet; ein anderer Arbeitsbereich gebraucht es gerade."


@pytest.mark.usefixtures("german")
def test_choices_are_written_as_the_language_writes_them() -> None:
    assert choice_words(0.123456) == "0,1235"
    assert choice_words(True) == "ja"
    assert choice_words(["a", 2, False]) == "a, 2, nein"
    assert choice_words("cuda:0, float16") == "cuda:0, float16"


def test_the_windows_way_is_told_in_english_too() -> None:
    from desktop.decision_words import decision_words

    reason = Words("the one asked last of {count}; --judge names another", count=3)
    assert decision_words("judge", "a:b", str(reason)) == (
        "judge: a:b (the one asked last of 3; another one can be chosen)"
    )
    assert subject_words("nobody_knows_it") == "nobody knows it"


@pytest.mark.usefixtures("german")
def test_sentences_of_a_token_preview_are_told_in_german() -> None:
    english = "chat template: plain (the model has no chat template of its own)."
    assert note_words(english) == "Gesprächsvorlage: schlicht (das Modell hat keine eigene Gesprächsvorlage)."
    assert note_words("Something: else (that nobody said).") == "Something: else (that nobody said)."


def test_what_an_import_chooses_is_told_in_german(tmp_path: Path) -> None:
    file = tmp_path / "train.csv"
    file.write_text("prompt;completion;mood\nOne?;Yes;glad\nTwo?;No;sad\n", encoding="utf-8")
    notes = import_preview(file, ImportOptions()).notes
    assert "Delimiter: semicolon (100% of the first rows have the header's 3 columns with it)." in notes
    use_language("de")
    try:
        assert [told(note) for note in notes] == [
            "Trennzeichen: Semikolon (100\N{NO-BREAK SPACE}% der ersten Zeilen haben damit die 3 Spalten der "
            "Kopfzeile).",
            "Form: prompt-completion (2 der ersten 2 Zeilen haben sie).",
            "Nicht gebrauchte Spalten: mood (weder die Form noch die Zuordnung nennt sie).",
        ]
    finally:
        use_language("en")


def test_a_file_that_is_no_data_is_refused_in_german(tmp_path: Path) -> None:
    from desktop.problem import problem_of

    file = tmp_path / "a.pdf"
    file.write_bytes(b"%PDF-1.7 and so on")
    with pytest.raises(DatasetError) as refused:
        detect(ByteSource(file), None)
    assert "(a PDF document)" in refused.value.message
    use_language("de")
    try:
        assert "ist keine Text- oder Parquet-Datei (ein PDF-Dokument)" in problem_of(refused.value).message
    finally:
        use_language("en")
