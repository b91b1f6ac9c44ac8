"""The rows of a dataset for somebody who looks through them: searched, filtered and sorted, a page at a time.

What is shown of all rows is held in memory as Arrow columns, which search a million texts in a fraction of a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from engine.datasets.messages import asked_text
from engine.datasets.options import SPLITS, Split
from engine.datasets.store import DatasetStore

Sorted = Literal["", "row", "prompt", "answer", "length", "split"]


@dataclass(frozen=True)
class View:
    """Which rows, in which order.

    Attributes:
        split: Only those of this split; empty for all.
        search: Only those with this text in prompt or answer, whatever the case.
        sort: By what; empty for the order of the file.
    """

    split: Split | Literal[""] = ""
    search: str = ""
    sort: Sorted = ""
    descending: bool = False


class Browser:
    """Looks through one dataset.

    Args:
        store: The dataset.
    """

    def __init__(self, store: DatasetStore) -> None:
        self._store = store
        self._rows = store.rows
        self._splits = store.split_codes
        prompts, answers, lengths = _texts(store)
        self._columns = {"prompt": prompts, "answer": answers}
        self._lengths = lengths
        self._order: npt.NDArray[np.int64] = np.arange(len(store))

    def use(self, view: View) -> int:
        """Choose which rows `page` shows; returns how many there are."""
        wanted = np.ones(len(self._rows), dtype=bool)
        if view.split:
            wanted &= self._splits == SPLITS.index(view.split)
        if view.search:
            found = np.zeros(len(self._rows), dtype=bool)
            for column in self._columns.values():
                mask = pc.match_substring(column, view.search, ignore_case=True)
                found |= mask.combine_chunks().to_numpy(zero_copy_only=False)
            wanted &= found
        order = np.flatnonzero(wanted)
        if view.sort and view.sort != "row":
            order = order[self._sorted(view.sort, order)]
        self._order = order[::-1] if view.descending else order
        return len(order)

    def page(self, offset: int, limit: int) -> list[dict[str, Any]]:
        """Some rows of the view: ``row``, ``split``, ``prompt``, ``answer``, ``length`` in characters."""
        places = self._order[offset : offset + limit]
        indices = pa.array(places)
        texts = {name: column.take(indices).to_pylist() for name, column in self._columns.items()}
        return [
            {
                "row": int(self._rows[place]),
                "split": SPLITS[self._splits[place]],
                "prompt": texts["prompt"][number],
                "answer": texts["answer"][number],
                "length": int(self._lengths[place]),
            }
            for number, place in enumerate(places)
        ]

    def place_of(self, row: int) -> int:
        """Where the example of a row of the file stands in the view; -1 where it does not."""
        found = np.flatnonzero(self._rows[self._order] == row)
        return int(found[0]) if len(found) else -1

    def _sorted(self, by: Sorted, order: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        if by == "length":
            return np.argsort(self._lengths[order], kind="stable")
        if by == "split":
            return np.argsort(self._splits[order], kind="stable")
        column = pc.utf8_lower(self._columns[by].take(pa.array(order)))
        sorted_places: npt.NDArray[np.int64] = pc.sort_indices(column).to_numpy().astype(np.int64)
        return sorted_places


#: Characters of a text that are shown and searched.
_SHOWN = 2000


def _texts(store: DatasetStore) -> tuple[pa.ChunkedArray, pa.ChunkedArray, npt.NDArray[np.int64]]:
    """What each example asks and is answered, and how long both are together."""
    prompts, answers, lengths = [], [], []
    for batch in store.message_texts():
        asked, said = [], []
        for text in batch:
            messages = orjson.loads(text)
            question, answer = asked_text(messages[:-1]), _answer_text(messages[-1])
            lengths.append(sum(len(message["content"] or "") for message in messages))
            asked.append(question[:_SHOWN])
            said.append(answer[:_SHOWN])
        prompts.append(pa.array(asked, pa.large_string()))
        answers.append(pa.array(said, pa.large_string()))
    return (
        pa.chunked_array(prompts, pa.large_string()),
        pa.chunked_array(answers, pa.large_string()),
        np.array(lengths, dtype=np.int64),
    )


def _answer_text(message: dict[str, Any]) -> str:
    if message["content"] is not None:
        return str(message["content"])
    return orjson.dumps(message.get("tool_calls")).decode()
