"""Text by strangers cannot steer the terminal, and ordinary text stays as it is."""

from __future__ import annotations

import pytest

from engine.cli.visible import visible


@pytest.mark.parametrize(
    "text",
    ["12\u202f000\u00a0€", "東京\u3000大阪", "می\u200cخواهم", "👩\u200d💻", "a\n\tb", "naïve “quotes”"],
)
def test_ordinary_text_is_not_touched(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    "sign", ["\x1b", "\x07", "\x9b", "\r", "\x00", "\ud800", "\u2028", "\u202e", "\u2066"]
)
def test_what_steers_is_replaced(sign: str) -> None:
    assert visible(f"a{sign}b") == "a\N{REPLACEMENT CHARACTER}b"
