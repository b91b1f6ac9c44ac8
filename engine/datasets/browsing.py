"""The rows of a dataset for somebody who looks through them: searched, filtered and sorted, a page at a time.

The texts of all rows are held in memory as one Arrow column, which is searched in a fraction of a second: prompt and
answer as one text each, since a search costs about as much per text as per hundred characters of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

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
        texts, answers, asked, lengths = [], [], [], []
        for batch in store.message_texts():
            both, said = [], []
            for text in batch:
                messages = orjson.loads(text)
                question, answer = asked_text(messages[:-1]), _answer_text(messages[-1])
                both.append(f"{question}{_BETWEEN}{answer}")
                said.append(answer[:_COMPARED])
                asked.append(len(question))
                lengths.append(sum(len(message["content"] or "") for message in messages))
            texts.append(pa.array(both, pa.large_string()))
            answers.append(pa.array(said, pa.large_string()))
        self._texts, self._answers = _one(texts), _one(answers)
        self._asked = np.array(asked, dtype=np.int64)
        self._lengths = np.array(lengths, dtype=np.int64)
        self._order: npt.NDArray[np.int64] = np.arange(len(store))

    def use(self, view: View) -> int:
        """Choose which rows `page` shows; returns how many there are."""
        wanted = np.ones(len(self._rows), dtype=bool)
        if view.split:
            wanted &= self._splits == SPLITS.index(view.split)
        if view.search:
            found = pc.match_substring(self._texts, view.search, ignore_case=True)
            wanted &= found.to_numpy(zero_copy_only=False)
        order = np.flatnonzero(wanted)
        if view.sort and view.sort != "row":
            order = order[self._sorted(view.sort, order)]
        self._order = order[::-1] if view.descending else order
        return len(order)

    def page(self, offset: int, limit: int) -> list[dict[str, Any]]:
        """Some rows: ``row``, ``split``, the beginnings of ``prompt`` and ``answer``, ``length`` in characters."""
        places = self._order[offset : offset + limit]
        texts = self._texts.take(pa.array(places)).to_pylist()
        return [
            {
                "row": int(self._rows[place]),
                "split": SPLITS[self._splits[place]],
                "prompt": text[: min(asked, _SHOWN)],
                "answer": text[asked + 1 : asked + 1 + _SHOWN],
                "length": int(self._lengths[place]),
            }
            for place, text, asked in zip(places, texts, self._asked[places].tolist(), strict=True)
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
        keys = pc.utf8_slice_codeunits(self._texts, 0, _COMPARED) if by == "prompt" else self._answers
        column = pc.utf8_lower(keys.take(pa.array(order)))
        sorted_places: npt.NDArray[np.int64] = pc.sort_indices(column).to_numpy().astype(np.int64)
        return sorted_places


#: Characters of a text that are shown.
_SHOWN: Final = 2000
#: Characters of a text by which rows are put in order.
_COMPARED: Final = 200
#: Stands between prompt and answer; nobody types it.
_BETWEEN: Final = "\x1e"


def _one(parts: list[pa.Array]) -> pa.Array:
    return pa.concat_arrays(parts) if parts else pa.array([], pa.large_string())


def _answer_text(message: dict[str, Any]) -> str:
    if message["content"] is not None:
        return str(message["content"])
    return orjson.dumps(message.get("tool_calls")).decode()
