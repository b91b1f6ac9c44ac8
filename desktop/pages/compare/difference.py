"""Which words of two answers differ. Knows no Qt."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

_WORD: Final = re.compile(r"\s+|\w+|[^\w\s]")
#: Words beyond which two answers are not compared word by word: that takes their product in time.
_MOST: Final = 3000


@dataclass(frozen=True)
class Piece:
    """A stretch of an answer.

    Attributes:
        own: The other answer does not have it here.
    """

    text: str
    own: bool = False


@dataclass(frozen=True)
class Difference:
    """Two answers in pieces.

    Attributes:
        words: How many words of either stand only in it.
        compared: Whether they were compared; very long ones are not.
    """

    left: tuple[Piece, ...]
    right: tuple[Piece, ...]
    words: int
    compared: bool = True


def difference(left: str, right: str) -> Difference:
    """Tell two answers apart, word by word; space between words means nothing."""
    ours, theirs = _WORD.findall(left), _WORD.findall(right)
    if max(len(ours), len(theirs)) > _MOST:
        return Difference((Piece(left),), (Piece(right),), 0, compared=False)
    matcher = SequenceMatcher(None, _plain(ours), _plain(theirs), autojunk=False)
    left_pieces: list[Piece] = []
    right_pieces: list[Piece] = []
    words = 0
    for kind, one, one_end, other, other_end in matcher.get_opcodes():
        own = kind != "equal"
        for pieces, text in (
            (left_pieces, ours[one:one_end]),
            (right_pieces, theirs[other:other_end]),
        ):
            if text:
                pieces.append(Piece("".join(text), own))
            if own:
                words += sum(not word.isspace() for word in text)
    return Difference(tuple(left_pieces), tuple(right_pieces), words)


def _plain(words: Sequence[str]) -> list[str]:
    return [" " if word.isspace() else word for word in words]
