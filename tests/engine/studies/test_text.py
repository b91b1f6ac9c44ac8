"""The result on a terminal: the table, what follows from it, and nothing a terminal would obey."""

from collections.abc import Callable

import pytest

from engine.ranking import elo
from engine.studies.report_words import (
    columns,
    duration,
    group_sentences,
    listing,
    shorten,
    signed,
    span,
    usd,
)
from engine.studies.result import StudyResult
from engine.studies.text import WIDTH, summary_text
from tests.engine.studies import hand_made
from tests.engine.studies.hand_made import EVERY


@pytest.mark.parametrize("make", EVERY)
def test_lines_fit_and_hold_no_control_characters(make: Callable[[], StudyResult]) -> None:
    text = summary_text(make())
    assert max(columns(line) for line in text.splitlines()) <= WIDTH <= 100
    assert all(character == "\n" or character.isprintable() for character in text)


def test_the_table_has_every_entrant_with_its_figures() -> None:
    result = hand_made.no_merge_wins()
    lines = summary_text(result).splitlines()
    for row in result.ranking["contestants"]:
        line = next(line for line in lines if row["name"] in line and "/" in line)
        low, middle, high = (elo(row[key]) for key in ("lo", "rating", "hi"))
        assert low is not None
        assert middle is not None
        assert high is not None
        assert f"{middle:.0f}" in line
        assert f"{low:.0f} to {high:.0f}" in line
        assert f"{row['wins']}/{row['ties']}/{row['losses']}" in line
        assert "$0.00" in line
    order = [
        next(n for n, line in enumerate(lines) if row["name"] in line)
        for row in result.ranking["contestants"]
    ]
    assert order == sorted(order)


def test_conclusions_validation_and_cautions_are_said() -> None:
    result = hand_made.normal()
    text = summary_text(result)
    flat = " ".join(text.split())
    for sentence in (*result.conclusions, *result.cautions):
        assert sentence in flat
    assert "Validation on the sealed task lost-property: holds" in text
    assert "+232 Elo points, 95% interval +106 to +351." in flat
    assert text.splitlines()[-1] == "2 jobs in 10 min 17 s, calls cost $0.00."


def test_what_is_not_known_is_said_in_words() -> None:
    text = summary_text(hand_made.unbounded())
    assert "Champion: no finite estimate (undefeated)." in text
    assert "Bottom: no finite estimate (winless)." in text
    assert "Guest: no rating (not in every task)." in text
    assert "above" in text
    assert "None" not in text
    assert "nan" not in text


def test_equals_are_not_ranked_in_words() -> None:
    text = summary_text(hand_made.nothing_separable())
    assert "Nothing is separable: all 3 in the table cannot be told apart at 95%." in text
    assert "base, leader" in text
    assert "winner" not in text


def test_figures_in_words() -> None:
    assert span("1", None) == "above 1"
    assert span(None, "2") == "below 2"
    assert span(None, None) == "not bounded"
    assert signed(-0.004) == "0.00"
    assert signed(-0.25) == "−0.25"
    assert usd(0.0) == "$0.00"
    assert usd(0.00123) == "$0.0012"
    assert usd(1234.5) == "$1,234.50"
    assert duration(2.04) == "2.0 s"
    assert duration(59.7) == "1 min 00 s"
    assert duration(3599.9) == "1 h 00 min"
    assert shorten("日本語モデル", 7) == "日本語…"
    assert listing(["A", "B", "C"]) == "A, B and C"
    assert listing(["A and B", "C"]) == "“A and B” and “C”"
    assert group_sentences([], 3, 0.9) == ["Every two neighbours in the table are told apart at 90%."]
    assert group_sentences([], 1, 0.9) == []
