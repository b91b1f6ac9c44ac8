"""Errors in words: their templates and values tell them in another language, also after they were written down."""

from __future__ import annotations

import json

from engine.errors import BakeoffError, RecordedError, Words, reason_of, without_templates, words_of

GERMAN = {
    "The step '{step}' failed: {reason}": "Der Schritt „{step}“ ist gescheitert: {reason}",
    "{way_out} Then go on.": "{way_out} Machen Sie dann weiter.",
    "{file} has {count:,} rows in {what}.": "{file} hat {count:,} Zeilen in {what}.",
    "slice {number}": "Abschnitt {number}",
    "Look at {file}.": "Sehen Sie {file} an.",
}


def german(text: str) -> str:
    return GERMAN.get(text, text)


def nested() -> BakeoffError:
    inner = BakeoffError(
        "a.b",
        "{file} has {count:,} rows in {what}.",
        fix="Look at {file}.",
        file="x.csv",
        count=1234,
        what=Words("slice {number}", number=2),
    )
    return BakeoffError(
        "c.d",
        "The step '{step}' failed: {reason}",
        fix="{way_out} Then go on.",
        step="Import {this}",
        reason=inner,
        way_out=inner.way_out,
    )


def test_words_and_errors_among_the_values_are_told_with_it() -> None:
    error = nested()
    assert error.message == "The step 'Import {this}' failed: x.csv has 1,234 rows in slice 2."
    assert error.fix == "Look at x.csv. Then go on."
    assert error.told(german) == (
        "Der Schritt „Import {this}“ ist gescheitert: x.csv hat 1,234 Zeilen in Abschnitt 2.",
        "Sehen Sie x.csv an. Machen Sie dann weiter.",
    )


def test_what_was_written_down_is_read_in_any_language() -> None:
    error = nested()
    record = json.loads(json.dumps(error.record()))
    read = RecordedError(record)
    assert (read.code, read.title, read.message, read.fix) == (
        error.code,
        error.title,
        error.message,
        error.fix,
    )
    assert read.told(german) == error.told(german)
    # Written down once more, as a study does with the error of a step.
    assert RecordedError(json.loads(json.dumps(read.record()))).told(german) == error.told(german)
    assert without_templates(record) == error.as_dict()
    words = Words("slice {number}", number=Words("slice {number}", number=1))
    assert words_of(json.loads(json.dumps(words.record()))).told(german) == "Abschnitt Abschnitt 1"


def test_what_earlier_versions_wrote_is_read_as_it_stands() -> None:
    old = {"code": "x.y", "title": "T", "message": "It has {braces}.", "fix": "Do {so}.", "file": None}
    read = RecordedError(old)
    assert (read.code, read.title, read.message, read.fix) == ("x.y", "T", "It has {braces}.", "Do {so}.")
    assert read.told(german) == ("It has {braces}.", "Do {so}.")
    assert RecordedError({}).told(german) == ("", "")


def test_a_strangers_reason_fits_into_a_sentence() -> None:
    assert reason_of(ValueError("it is wrong.\nand more")) == "it is wrong"
    assert (
        reason_of(ValueError("Class validation error for 'x':\n    ValueError: 3 is too many."))
        == "3 is too many"
    )
    assert reason_of(PermissionError(13, "Permission denied", "/a/b")) == "Permission denied"
    assert reason_of(OSError("unreadable")) == "unreadable"
    assert reason_of(KeyError()) == "KeyError"
    assert reason_of(ValueError(f"The first one. {'The second one is long. ' * 20}")).endswith("is long")
    assert len(reason_of(ValueError("x" * 999))) == 200
