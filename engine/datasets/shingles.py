"""Texts -> sets of hashed word pairs -> MinHash signatures, vectorised over a batch of texts.

MinHash: Broder, "On the resemblance and containment of documents" (1997). Words are hashed with a polynomial
modulo 2^64 through prefix sums, pairs of neighbouring words (shingles) are mixed, and each of `HASHES`
permutations of the 32-bit numbers (an odd factor) keeps its minimum over a text's shingles. The share of equal
places in two signatures estimates the Jaccard similarity of their shingle sets.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

#: Length of a signature; a standard error of 0.06 at a similarity of 0.7.
HASHES: Final = 60
#: Only this many characters of a text are looked at.
TEXT_LIMIT: Final = 1_000_000

Hashes = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]
Signatures = npt.NDArray[np.uint16]

_BASE: Final = 0x9E3779B97F4A7C15
_MASK: Final = (1 << 64) - 1
#: Scripts written without spaces: each character is a word.
_UNSPACED: Final = re.compile("([\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])")
_NOT_WORD: Final = re.compile(r"[^\w\n]+")
_WORD_BYTE: Final = np.array(
    [chr(byte).isalnum() or byte == ord("_") or byte >= 0x80 for byte in range(256)], dtype=np.bool_
)


@dataclass(frozen=True)
class Shingles:
    """The shingles of a batch of texts, one after the other; every text has at least one.

    Attributes:
        hashes: All shingles, ``uint64[total]``.
        starts: Where each text's shingles begin, ``int64[texts]``.
    """

    hashes: Hashes
    starts: Ints

    @property
    def owners(self) -> Ints:
        """The text of each shingle, ``int64[total]``."""
        lengths = np.diff(np.append(self.starts, len(self.hashes)))
        return np.repeat(np.arange(len(self.starts)), lengths)

    def without(self, common: Hashes) -> Shingles:
        """Leave out the shingles in ``common`` (sorted), but for texts that have no others."""
        if not len(common):
            return self
        places = np.minimum(np.searchsorted(common, self.hashes), len(common) - 1)
        kept = common[places] != self.hashes
        owners = self.owners
        rest = np.bincount(owners[kept], minlength=len(self.starts))
        kept |= rest[owners] == 0
        lengths = np.bincount(owners[kept], minlength=len(self.starts))
        return Shingles(self.hashes[kept], np.cumsum(lengths) - lengths)

    def signatures(self) -> Signatures:
        """MinHash signatures, ``uint16[texts, HASHES]`` (the low bits of each minimum are enough to compare)."""
        found = np.empty((len(self.starts), HASHES), dtype=np.uint16)
        small = (self.hashes >> np.uint64(32)).astype(np.uint32)
        hashed = np.empty_like(small)
        for column, factor in enumerate(_factors()):
            np.multiply(small, factor, out=hashed)
            found[:, column] = np.minimum.reduceat(hashed, self.starts)
        return found


def shingle(texts: Sequence[str]) -> Shingles:
    """The shingles of each text: its pairs of neighbouring words, without case and punctuation.

    A text of one word has that word, and one without any word itself, as its only shingle.
    """
    joined = "\n".join(text[:TEXT_LIMIT].replace("\n", " ") for text in texts).lower()
    if not joined.isascii():
        joined = _NOT_WORD.sub(" ", _UNSPACED.sub(r" \1 ", joined))
    data = np.frombuffer(joined.encode("utf-8", "replace"), dtype=np.uint8)
    hashes, owners = _words(data)
    counts = np.bincount(owners, minlength=len(texts))
    neighbours = owners[:-1] == owners[1:]
    pairs = _mix(hashes[:-1] * np.uint64(3) + _mix(hashes[1:]))[neighbours]
    lone = counts[owners] == 1
    wordless = np.flatnonzero(counts == 0)
    raw = np.array(
        [zlib.crc32(texts[index].encode("utf-8", "replace")) for index in wordless.tolist()], dtype=np.uint64
    )
    all_hashes = np.concatenate([pairs, _mix(hashes[lone]), _mix(raw)])
    all_owners = np.concatenate([owners[:-1][neighbours], owners[lone], wordless])
    order = np.argsort(all_owners, kind="stable")
    lengths = np.bincount(all_owners, minlength=len(texts))
    return Shingles(all_hashes[order], np.cumsum(lengths) - lengths)


def frequencies(batch: Shingles) -> tuple[Hashes, Ints]:
    """In how many texts each shingle occurs: (shingles sorted, counts)."""
    owners = batch.owners
    order = np.lexsort((owners, batch.hashes))
    hashes, owners = batch.hashes[order], owners[order]
    fresh = np.ones(len(hashes), dtype=np.bool_)
    fresh[1:] = (hashes[1:] != hashes[:-1]) | (owners[1:] != owners[:-1])
    found, counts = np.unique(hashes[fresh], return_counts=True)
    return found, counts.astype(np.int64)


def _words(data: npt.NDArray[np.uint8]) -> tuple[Hashes, Ints]:
    """The words in lines of text: (hash of each, line of each)."""
    inside = np.zeros(len(data) + 2, dtype=np.bool_)
    inside[1:-1] = _WORD_BYTE[data]
    begins = np.flatnonzero(inside[1:-1] & ~inside[:-2])
    ends = np.flatnonzero(inside[1:-1] & ~inside[2:]) + 1
    powers, inverses = _powers(1 << max(len(data), 1).bit_length())
    sums = np.zeros(len(data) + 1, dtype=np.uint64)
    np.cumsum((data.astype(np.uint64) + np.uint64(1)) * powers[: len(data)], out=sums[1:])
    hashes = (sums[ends] - sums[begins]) * inverses[begins]
    lines = np.cumsum(data == 0x0A)[begins] if len(data) else begins
    return hashes, lines.astype(np.int64)


def _mix(values: Hashes) -> Hashes:
    """The finaliser of SplitMix64: spreads every bit over all."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


@cache
def _factors() -> npt.NDArray[np.uint32]:
    """The odd multipliers of the hash functions; each permutes the 32-bit numbers."""
    mixed = _mix(np.arange(1, HASHES + 1, dtype=np.uint64) * np.uint64(_BASE))
    return (mixed >> np.uint64(32)).astype(np.uint32) | np.uint32(1)


_held_powers: dict[str, Any] = {}


def _powers(length: int) -> tuple[Hashes, Hashes]:
    """The first powers of the base and of its inverse modulo 2^64."""
    held = _held_powers.get("powers")
    if held is None or len(held[0]) < length:
        tables = []
        for factor in (_BASE, pow(_BASE, -1, 1 << 64)):
            table = np.full(length, factor & _MASK, dtype=np.uint64)
            table[0] = 1
            tables.append(np.cumprod(table, dtype=np.uint64))
        held = _held_powers["powers"] = (tables[0], tables[1])
    return held[0], held[1]
