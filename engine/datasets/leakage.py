"""Leakage: examples of dev or test that also stand, exactly or nearly, where somebody learns from.

Within one dataset that happens when the file names the splits; across the tasks of a study, when two tasks
share prompts: a base tuned on one of them has then seen questions of the other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from engine.datasets.options import SPLITS, Split
from engine.datasets.store import DatasetStore
from engine.errors import Words

_EXAMPLES: Final = 5


@dataclass(frozen=True)
class Leakage:
    """Examples of one task's dev or test that stand in a split that is learnt from.

    Attributes:
        task: The task that is judged on them.
        split: Its ``dev`` or ``test``.
        other: The task that has them as well (it may be the same).
        other_split: Where it has them: ``train``, or ``dev`` of the same task.
        rows: How many examples.
        exact: How many of them word for word; the others nearly.
        examples: Up to five pairs of row numbers (other, task).
    """

    task: str
    split: Split
    other: str
    other_split: Split
    rows: int
    exact: int
    examples: tuple[tuple[int, int], ...]

    def as_dict(self) -> dict[str, Any]:
        """The finding as JSON."""
        return {**vars(self), "examples": [list(pair) for pair in self.examples]}

    def sentence(self) -> Words:
        """The finding as a warning."""
        pairs = ", ".join(f"{one} and {other}" for one, other in self.examples)
        return Words(
            "Leakage: examples of {task} ({split}) that also stand in {other} ({other_split}): "
            "{rows}, {exact} of them word for word, for example rows {pairs}.",
            task=self.task,
            split=self.split,
            other=self.other,
            other_split=self.other_split,
            rows=self.rows,
            exact=self.exact,
            pairs=pairs,
        )


def find_leakage(stores: Mapping[str, DatasetStore]) -> list[Leakage]:
    """Look for examples that are learnt from in one place and asked in another.

    System messages do not count: the same question under another instruction is the same question.

    Args:
        stores: The datasets, by the name of their task; one is enough.

    Returns:
        What was found, in the order of the tasks; empty when nothing leaks.
    """
    import numpy as np

    from engine.datasets import duplicates

    names = list(stores)

    def texts() -> Iterator[list[str]]:
        for store in stores.values():
            yield from store.asked()

    keys = np.array([_key(text) for batch in texts() for text in batch], dtype=np.uint64)
    if not len(keys):
        return []
    groups = duplicates.group(keys, texts).of
    tasks = np.repeat(np.arange(len(names)), [len(store) for store in stores.values()])
    splits = np.concatenate([store.split_codes for store in stores.values()])
    rows = np.concatenate([store.rows for store in stores.values()])
    found = []
    for task, name in enumerate(names):
        for split in ("dev", "test"):
            asked = np.flatnonzero((tasks == task) & (splits == SPLITS.index(split)))
            for other, other_name in enumerate(names):
                for other_split in ("train", "dev") if other == task and split == "test" else ("train",):
                    learnt = np.flatnonzero((tasks == other) & (splits == SPLITS.index(other_split)))
                    leaking = asked[np.isin(groups[asked], groups[learnt])]
                    if not len(leaking):
                        continue
                    exact = np.isin(keys[leaking], keys[learnt])
                    shown = leaking[np.argsort(~exact, kind="stable")][:_EXAMPLES].tolist()
                    pairs = []
                    for row in shown:
                        same = learnt[keys[learnt] == keys[row]]
                        near = same if len(same) else learnt[groups[learnt] == groups[row]]
                        pairs.append((int(rows[near[0]]), int(rows[row])))
                    count = int(exact.sum())
                    found.append(
                        Leakage(name, split, other_name, other_split, len(leaking), count, tuple(pairs))
                    )
    return found


def _key(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode("utf-8")).digest()[:8], "big")
