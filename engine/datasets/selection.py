"""Choosing some of a dataset's examples: the same ones every time, whatever their order in the file."""

from __future__ import annotations

import heapq
from collections.abc import Collection

from engine.datasets.example import Example
from engine.datasets.options import Split
from engine.datasets.store import DatasetStore


def select(
    store: DatasetStore, split: Split, *, limit: int | None = None, answers: Collection[str] = ()
) -> list[Example]:
    """Examples of one split, in the order of their rows.

    With a limit, those with the smallest prompt ids are taken: an id is a hash, so that is a fair sample
    that does not depend on how the file was sorted, and a smaller sample is part of a larger one.

    Args:
        store: Where to read.
        split: Which split.
        limit: At most so many.
        answers: Only examples whose answer is one of these; all when empty.
    """
    wanted = set(answers)
    found = (example for example in store.examples(split) if not wanted or example.answer.content in wanted)
    if limit is None:
        return list(found)
    chosen = heapq.nsmallest(limit, found, key=lambda example: (example.prompt_id, example.row))
    return sorted(chosen, key=lambda example: example.row)
