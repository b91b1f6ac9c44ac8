"""Texts that end an answer are found as soon as their last token is there, however they are cut into tokens."""

from __future__ import annotations

import pytest

from engine.inference.stop_texts import StopTexts, cut_at


class Letters:
    """A tokenizer whose tokens are bytes."""

    def decode(self, ids: list[int], *, skip_special_tokens: bool) -> str:
        return bytes(ids).decode("utf-8", "replace")


@pytest.mark.parametrize(
    ("text", "stops", "reached", "cut"),
    [
        ("one\ntwo", ["\n"], True, "one"),
        ("one\n", ["\n\n"], False, "one\n"),
        ("a END b", ["END", "a E"], True, ""),
        ("größer", ["öß"], True, "gr"),
        ("nothing", [], False, "nothing"),
        ("nothing", [""], False, "nothing"),
        ("", ["x"], False, ""),
    ],
)
def test_a_stop_text_ends_an_answer(text: str, stops: list[str], reached: bool, cut: str) -> None:
    found = StopTexts(Letters(), stops)
    ids = list(text.encode("utf-8"))
    seen = [number for number in range(1, len(ids) + 1) if found.reached(ids[:number])]
    assert bool(seen) == reached
    assert bool(found) == any(stops)
    if seen:  # with the token that completed it, not later
        first = min(text.encode().find(stop.encode()) + len(stop.encode()) for stop in stops if stop in text)
        assert seen[0] == first
    assert cut_at(text, stops) == cut
