"""Numbers have the marks of the language that is spoken, and are read with either's."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QValidator
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from desktop.amounts import amount, usd
from desktop.language import numeral, tr, typed_number, typed_whole_number, use_language
from desktop.pages.train.form import default_text, parse
from desktop.widgets.fields import Decimal
from desktop.words import moment, size, told
from engine.errors import Words


@pytest.fixture
def german() -> Iterator[None]:
    use_language("de")
    yield
    use_language("en")


def test_english_numbers_are_as_python_writes_them() -> None:
    assert [
        numeral(1234567.891),
        numeral(1234567.891, ",.2f"),
        numeral(0.856, ".0%"),
        numeral(-0.5, "+.3f"),
    ] == [
        "1,234,567.891",
        "1,234,567.89",
        "86%",
        "-0.500",
    ]
    assert [usd(1250), usd(0.0123), usd(0)] == ["$1,250.00", "$0.0123", "$0.00"]


@pytest.mark.usefixtures("german")
def test_german_numbers_have_german_marks() -> None:
    assert [numeral(1234567.891, ",.2f"), numeral(0.856, ".0%"), numeral(1e-5, "g")] == [
        "1.234.567,89",
        "86\N{NO-BREAK SPACE}%",
        "1e-05",
    ]
    assert [usd(1250), usd(0.0123)] == ["1.250,00 $", "0,0123 $"]
    assert size(1.5e9) == "1,5 GB"
    assert tr("forecast ${usd:.2f}", usd=3.5) == "voraussichtlich 3,50 $"


@pytest.mark.usefixtures("german")
def test_what_the_engine_says_has_them_too() -> None:
    assert tr("{name} answers in {seconds} s and offers no model.", name="x", seconds=0.12).count("0,12") == 1
    assert told(Words("The longer answer wins {share:.0%} of the decided comparisons.", share=0.6)) == (
        "Die längere Antwort gewinnt 60\N{NO-BREAK SPACE}% der entschiedenen Vergleiche."
    )


@pytest.mark.parametrize(
    ("text", "english", "german_value"),
    [
        ("0.001", 0.001, 0.001),
        ("0,001", 0.001, 0.001),
        ("2e-4", 2e-4, 2e-4),
        ("1,5e-4", 1.5e-4, 1.5e-4),
        (" 12 ", 12.0, 12.0),
        ("-,5", -0.5, -0.5),
        ("10_000", 10_000.0, 10_000.0),
        ("1,000", 1000.0, 1.0),
        ("1.000", 1.0, 1000.0),
        ("12,5", 12.5, 12.5),
        ("1,234.5", 1234.5, 1234.5),
        ("1.234,5", 1234.5, 1234.5),
        ("1.234.567", 1_234_567.0, 1_234_567.0),
        ("1,234,567.25", 1_234_567.25, 1_234_567.25),
    ],
)
def test_typed_numbers_are_read(text: str, english: float, german_value: float) -> None:
    assert typed_number(text) == english
    use_language("de")
    try:
        assert typed_number(text) == german_value
    finally:
        use_language("en")


@pytest.mark.parametrize(
    "text", ["", ".", "1,2,3", "1.2.3", "1,23,456", "1,000,00", "zwei", "1 000", "1.5,5.5"]
)
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="float"):
        typed_number(text)


def test_a_thousand_dollars_are_no_single_one() -> None:
    assert [amount("$1,000", "x"), amount("1,000.50", "x"), amount("0,5", "x")] == [1000.0, 1000.5, 0.5]


@pytest.mark.usefixtures("german")
def test_a_recipe_is_typed_with_german_numbers() -> None:
    assert default_text("learning_rate") == "0,0002"
    recipe, wrong = parse({"learning_rate": "0,001", "weight_decay": "0,05", "limit": "1.000"})
    assert wrong == {}
    assert recipe is not None
    assert (recipe.learning_rate, recipe.weight_decay, recipe.limit) == (0.001, 0.05, 1000)
    assert parse({"limit": "1,5"})[1] == {"limit": "Das ist keine ganze Zahl."}
    assert parse({"learning_rate": "-1"})[1]["learning_rate"]


@pytest.mark.usefixtures("german")
def test_days_have_german_months() -> None:
    march = time.mktime((2020, 3, 5, 12, 0, 0, 0, 0, -1))
    assert moment(march) == "5. März 2020"


@pytest.mark.parametrize("code", ["en", "de"])
@pytest.mark.parametrize("typed", ["2.5", "2,5", "2.50", "0.25", ",75", "3"])
def test_a_field_reads_either_mark(qtbot: QtBot, code: str, typed: str) -> None:
    use_language(code)
    try:
        field = Decimal(minimum=0.0, maximum=100.0, decimals=4)
        qtbot.addWidget(field)
        field.selectAll()
        QTest.keyClicks(field, typed)
        QTest.keyClick(field, Qt.Key.Key_Return)
        assert field.value() == float(typed.replace(",", "."))
        assert field.text() == numeral(field.value(), ".4f")
        for wrong in ("2.5.0", "1e3", "x", "1000"):
            assert field.validate(wrong, 0)[0] == QValidator.State.Invalid
    finally:
        use_language("en")


@pytest.mark.parametrize("code", ["en", "de"])
def test_whole_numbers_are_exact_and_never_fractions(code: str) -> None:
    use_language(code)
    try:
        assert [typed_whole_number(text) for text in ("1,000", "1.000", "12", "9007199254740993", "1.234.567")] == [
            1000, 1000, 12, 9007199254740993, 1234567,
        ]  # fmt: skip
        for wrong in ("1.5", "1,5", "1.0", "1,00", "1.000,5", ""):
            with pytest.raises(ValueError, match="invalid literal"):
                typed_whole_number(wrong)
    finally:
        use_language("en")
