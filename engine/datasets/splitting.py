"""Which group of rows goes to train, dev or test: what rows say themselves wins, the rest is drawn by seed.

The draw depends on the seed and on what the rows ask, not on their order in the file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.datasets.options import SPLITS
from engine.datasets.shingles import Hashes, Ints

Codes = npt.NDArray[np.int8]

#: A split as a small number: its place in `SPLITS`; this where a row names none.
NONE: Final = -1
TRAIN, DEV, TEST = range(len(SPLITS))


@dataclass(frozen=True)
class Leak:
    """Rows that ask the same on two sides of a given split.

    Attributes:
        rows: Rows of dev or test that also stand, exactly or nearly, on another side.
        exact: How many of them do so exactly.
        examples: Up to five pairs of row indices (elsewhere, in dev or test).
    """

    rows: int
    exact: int
    examples: tuple[tuple[int, int], ...]


def assign(groups: Ints, prompts: Hashes, given: Codes, shares: tuple[float, float], seed: int) -> Codes:
    """Give every row its split.

    Args:
        groups: Group of each row, ``int64[rows]``; a group stays together, except where its rows say otherwise.
        prompts: Identity of each row's prompt, ``uint64[rows]``.
        given: What each row says itself, ``int8[rows]``, `NONE` where nothing.
        shares: Test share and dev share of the rows that say nothing.
        seed: Decides the draw.

    Returns:
        The split of each row, ``int8[rows]``.
    """
    splits = given.copy()
    free = given == NONE
    if not free.any():
        return splits
    count = int(groups.max()) + 1
    # A group with rows that say where they belong draws its silent rows there: the first of its rows decides.
    said = np.flatnonzero(~free)
    wish = np.full(count, NONE, dtype=np.int8)
    wish[groups[said][::-1]] = given[said][::-1]
    splits[free] = wish[groups[free]]
    open_rows = np.flatnonzero(splits == NONE)
    if not len(open_rows):
        return splits
    wanted_test, wanted_dev = _wanted(len(open_rows), *shares)
    key = np.full(count, np.iinfo(np.uint64).max, dtype=np.uint64)
    np.minimum.at(key, groups[open_rows], prompts[open_rows])
    sizes = np.bincount(groups[open_rows], minlength=count)
    members = np.flatnonzero(sizes)
    order = members[np.argsort(_draw(key[members], seed), kind="stable")]
    chosen = np.full(count, TRAIN, dtype=np.int8)
    places = iter(order.tolist())
    left = _fill(places, sizes, chosen, TEST, wanted_test)
    _fill(iter([*left, *places]), sizes, chosen, DEV, wanted_dev)
    splits[open_rows] = chosen[groups[open_rows]]
    return splits


def leaks(groups: Ints, prompts: Hashes, splits: Codes) -> Leak:
    """Find rows of dev or test whose like stands in a split before theirs (train, or dev for test)."""
    count = int(groups.max()) + 1 if len(groups) else 0
    lowest = np.full(count, 127, dtype=np.int8)
    np.minimum.at(lowest, groups, splits)
    leaking = np.flatnonzero(splits > lowest[groups])
    if not len(leaking):
        return Leak(0, 0, ())
    by_group = np.argsort(groups, kind="stable")
    sorted_groups = groups[by_group]
    known = {split: np.unique(prompts[splits == split]) for split in (TRAIN, DEV)}
    exact = np.isin(prompts[leaking], known[TRAIN])
    exact |= (splits[leaking] == TEST) & np.isin(prompts[leaking], known[DEV])
    examples = []
    for row in leaking[np.argsort(~exact, kind="stable")][:5].tolist():
        start, end = np.searchsorted(sorted_groups, [groups[row], groups[row] + 1])
        others = by_group[start:end]
        others = others[splits[others] < splits[row]]
        same = others[prompts[others] == prompts[row]]
        examples.append((int((same if len(same) else others)[0]), row))
    return Leak(len(leaking), int(exact.sum()), tuple(examples))


def _wanted(rows: int, test_share: float, dev_share: float) -> tuple[int, int]:
    """How many rows test and dev should get; with few rows, train comes first, then test."""
    test = min(max(round(rows * test_share), 1 if test_share > 0 else 0), rows - 1)
    dev = min(max(round(rows * dev_share), 1 if dev_share > 0 else 0), max(rows - test - 2, 0))
    return test, dev


def _fill(places: Iterator[int], sizes: Ints, chosen: Codes, split: int, wanted: int) -> list[int]:
    """Give groups to ``split`` until it has ``wanted`` rows; return those that were too large for what was left.

    Where all groups are too large, the split gets the smallest, rather than nothing, if train keeps as much.
    """
    skipped = []
    empty = wanted > 0
    while wanted > 0:
        place = next(places, None)
        if place is None:
            break
        if sizes[place] <= wanted:
            chosen[place] = split
            wanted -= int(sizes[place])
            empty = False
        else:
            skipped.append(place)
    if empty and skipped:
        smallest = min(skipped, key=lambda place: int(sizes[place]))
        if int(sizes[chosen == TRAIN].sum()) >= 2 * int(sizes[smallest]):
            chosen[smallest] = split
            skipped.remove(smallest)
    return skipped


def _draw(keys: Hashes, seed: int) -> Hashes:
    """A number for each key that depends on the seed: sorting by it is the draw."""
    salt = int.from_bytes(hashlib.sha256(f"split {seed}".encode()).digest()[:8], "little")
    mixed = keys ^ np.uint64(salt)
    mixed = (mixed ^ (mixed >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    mixed = (mixed ^ (mixed >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return mixed ^ (mixed >> np.uint64(33))
