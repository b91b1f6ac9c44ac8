"""The look in use: what changes with it, and what does not."""

from __future__ import annotations

from desktop.theme.look import Look


def test_another_scheme_is_told_and_the_same_one_is_not(look: Look) -> None:
    told: list[str] = []
    look.changed.connect(note := lambda: told.append(look.tokens.name))
    look.force("dark")
    look.force("dark")
    look.force("light")
    look.changed.disconnect(note)
    assert told == ["dark", "light"]
