"""Text by strangers on a terminal: what would steer it, or turn what is read, is shown as a replacement character."""

from __future__ import annotations

import unicodedata
from typing import Final

#: Line separators, and characters that turn the direction of what follows.
_STEERING: Final = frozenset(
    {
        "\N{LINE SEPARATOR}",
        "\N{PARAGRAPH SEPARATOR}",
        *map(chr, range(0x202A, 0x202F)),
        *map(chr, range(0x2066, 0x206A)),
    }
)


def visible(text: str) -> str:
    """The text without control characters (but line ends and tabs), halves of characters, and turns of direction."""
    return "".join("\N{REPLACEMENT CHARACTER}" if _steers(letter) else letter for letter in text)


def _steers(letter: str) -> bool:
    if letter in "\n\t":
        return False
    return letter in _STEERING or unicodedata.category(letter) in ("Cc", "Cs")
