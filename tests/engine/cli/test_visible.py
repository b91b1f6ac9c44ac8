"""What others wrote, as the terminal shows it and as files hold it."""

from __future__ import annotations

import sys
import unicodedata

import pytest

from engine.cli.visible import visible, whole


@pytest.mark.parametrize(
    "text",
    [
        "10\u202f000\u00a0\u20ac",  # French spacing
        "\u6771\u4eac\u3000\u5927\u962a",  # an ideographic space
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian with a non-joiner
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",  # a family, joined
        "a\u200eb\u200fc",  # marks of direction, which end with their letter
        "soft\u00adhyphen",
        "one\n\ttwo",
    ],
)
def test_ordinary_text_of_all_languages_is_shown_as_it_is(text: str) -> None:
    assert visible(text) == text


def test_what_would_steer_or_deceive_is_marked() -> None:
    for letter in "\x1b\x9b\x00\x07\x08\r\x7f\u2028\u2029\u202a\u202e\u2066\u2069\udce9":
        assert visible(f"a{letter}b") == "a\ufffdb"
    assert visible("one\r\ntwo\n") == "one\ntwo\n"


def test_nothing_but_that_is_changed() -> None:
    marked = {chr(code) for code in range(sys.maxunicode + 1) if visible(chr(code)) != chr(code)}
    controls = {letter for letter in marked if unicodedata.category(letter) in ("Cc", "Cs")}
    assert {unicodedata.category(letter) for letter in marked - controls} == {"Zl", "Zp", "Cf"}
    assert len(marked - controls) == 2 + 5 + 4
    assert len(controls) == 65 - 2 + 2048


def test_half_a_character_becomes_a_mark() -> None:
    assert whole("caf\udce9 \ud800 \U0001f642") == "caf\ufffd \ufffd \U0001f642"
