"""Which rows ask the same, exactly or nearly: groups that must stay on one side of the split."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.datasets.shingles import HASHES, Hashes, Ints, Signatures, frequencies, shingle

#: Two prompts are near duplicates from this (estimated) Jaccard similarity of their word pairs on.
NEAR: Final = 0.7
#: Rows of one band; two prompts meet where a band of their signatures agrees (15 bands find 98% at 0.7).
_BAND: Final = 4
_SAMPLE: Final = 20_000
#: Shingles of so many prompts are a template around the questions: of this share of all of them, and of at least
#: so many (or of nearly all of fewer). Below that they are what a cluster of near duplicates has in common.
_TEMPLATE_SHARE: Final = 0.3
_TEMPLATE_PROMPTS: Final = 20
_NEARLY_ALL: Final = 0.9
#: Fewer prompts than these are never said to have a template.
_TEMPLATE_LEAST: Final = 4
_PAIRS_AT_ONCE: Final = 200_000

#: Gives the texts again from the beginning, in batches.
Texts = Callable[[], Iterable[Sequence[str]]]


@dataclass(frozen=True)
class Groups:
    """Groups of rows.

    Attributes:
        of: Group of each row, counted from 0, ``int64[rows]``.
        near: How many prompts are near duplicates of an earlier one.
        template: How many shingles were left out, because too many prompts share them.
    """

    of: Ints
    near: int
    template: int


def count_repeats(prompts: Hashes, answers: Hashes) -> int:
    """How many rows repeat an earlier one exactly, prompt and answer.

    Args:
        prompts: Identity of each row's prompt, ``uint64[rows]``.
        answers: Identity of each row's answer, ``uint64[rows]``.
    """
    return len(prompts) - len(np.unique(_pairs(prompts, answers)))


def conflicting(prompts: Hashes, answers: Hashes) -> Ints:
    """Rows of prompts that have more than one answer, sorted by prompt, ``int64[found]``."""
    order = np.lexsort((answers, prompts))
    same_prompt = prompts[order][1:] == prompts[order][:-1]
    other_answer = answers[order][1:] != answers[order][:-1]
    torn = np.unique(prompts[order][1:][same_prompt & other_answer])
    found: Ints = order[np.isin(prompts[order], torn)]
    return found


def group(prompts: Hashes, texts: Texts) -> Groups:
    """Group rows whose prompts are equal or nearly equal.

    Shingles that very many of the prompts share are a template around the question, not the question, and do
    not count (see `_is_template`). Similarity is transitive here: if A is like B and B like C, all three stay
    together.

    Args:
        prompts: Identity of each row's prompt, ``uint64[rows]``.
        texts: What each row asks (without system messages), in the same order.
    """
    _, first, inverse = np.unique(prompts, return_index=True, return_inverse=True)
    distinct = len(first)
    is_first = np.zeros(len(prompts), dtype=np.bool_)
    is_first[first] = True
    # Numbered in the order in which they come, as the texts do.
    rank = np.empty(distinct, dtype=np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(distinct)
    node = rank[inverse]
    common = _template(_only(texts, is_first), distinct)
    signatures = np.empty((distinct, HASHES), dtype=np.uint16)
    done = 0
    for batch in _only(texts, is_first):
        found = shingle(batch).without(common).signatures()
        signatures[done : done + len(found)] = found
        done += len(found)
    component, components = _connect(signatures)
    return Groups(of=component[node], near=distinct - components, template=len(common))


def _only(texts: Texts, wanted: npt.NDArray[np.bool_]) -> Iterator[list[str]]:
    """The wanted texts, in batches of bounded size."""
    row = 0
    batch: list[str] = []
    size = 0
    for some in texts():
        for text in some:
            if wanted[row]:
                batch.append(text)
                size += len(text)
                if size >= 1_000_000 or len(batch) >= 50_000:
                    yield batch
                    batch, size = [], 0
            row += 1
    if batch:
        yield batch


def _template(batches: Iterable[list[str]], distinct: int) -> Hashes:
    """The shingles that too many prompts share, sorted (from a sample of the prompts)."""
    step = max(1, distinct // _SAMPLE)
    hashes: list[Hashes] = []
    counts: list[Ints] = []
    seen = held = 0
    for batch in batches:
        sample = batch[::step]
        seen += len(sample)
        found, times = (
            frequencies(shingle(sample)) if sample else (np.empty(0, np.uint64), np.empty(0, np.int64))
        )
        hashes.append(found)
        counts.append(times)
        held += len(found)
        if held > 4_000_000:
            # Long texts: what is rare so far will hardly become common.
            hashes, counts = _merged(hashes, counts, rare=seen // 1000)
            held = len(hashes[0])
    if not hashes:
        return np.empty(0, dtype=np.uint64)
    (every,), (times,) = _merged(hashes, counts, rare=0)
    common: Hashes = every[_is_template(times, seen)]
    return common


def _is_template(times: Ints, prompts: int) -> npt.NDArray[np.bool_]:
    """Whether shingles that so many of the prompts have belong to a template around the questions."""
    several = min(_TEMPLATE_PROMPTS, prompts * _NEARLY_ALL)
    return times > max(prompts * _TEMPLATE_SHARE, several, _TEMPLATE_LEAST)


def _merged(hashes: list[Hashes], counts: list[Ints], rare: int) -> tuple[list[Hashes], list[Ints]]:
    every, inverse = np.unique(np.concatenate(hashes), return_inverse=True)
    times = np.bincount(inverse, weights=np.concatenate(counts)).astype(np.int64)
    kept = times > rare
    return [every[kept]], [times[kept]]


def _connect(signatures: Signatures) -> tuple[Ints, int]:
    """Connect signatures that agree in a band and are near: (component of each, number of components)."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count = components = len(signatures)
    labels: Ints = np.arange(count)
    for start in range(0, HASHES, _BAND):
        keys = np.ascontiguousarray(signatures[:, start : start + _BAND]).view(np.uint64).ravel()
        order = np.argsort(keys, kind="stable")
        same = keys[order][1:] == keys[order][:-1]
        if not same.any():
            continue
        places = np.flatnonzero(same)
        begins = np.flatnonzero(same & ~np.concatenate(([False], same[:-1])))
        leader = begins[np.searchsorted(begins, places, side="right") - 1]
        # Each row is compared with the one before it and with the first of its run.
        for left, right in ((order[places], order[places + 1]), (order[leader], order[places + 1])):
            apart = labels[left] != labels[right]
            left, right = left[apart], right[apart]
            near = _near(signatures, left, right)
            if near.any():
                edges = (labels[left[near]], labels[right[near]])
                graph = coo_array(
                    (np.ones(len(edges[0]), dtype=np.bool_), edges), shape=(components, components)
                )
                components, merged = connected_components(graph, directed=False)
                labels = merged[labels].astype(np.int64)
    return labels, int(components)


def _near(signatures: Signatures, left: Ints, right: Ints) -> npt.NDArray[np.bool_]:
    found = np.empty(len(left), dtype=np.bool_)
    for start in range(0, len(left), _PAIRS_AT_ONCE):
        part = slice(start, start + _PAIRS_AT_ONCE)
        agree = np.count_nonzero(signatures[left[part]] == signatures[right[part]], axis=1)
        found[part] = agree >= NEAR * HASHES
    return found


def _pairs(prompts: Hashes, answers: Hashes) -> Hashes:
    return prompts * np.uint64(0x9E3779B97F4A7C15) + (answers ^ (answers >> np.uint64(29)))
