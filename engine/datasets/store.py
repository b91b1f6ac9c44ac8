"""A stored dataset: a folder that is written once and read page by page.

``examples.parquet`` holds the examples in the order of their rows, ``manifest.json`` where they come from and
how they were split, ``rejected.jsonl`` the rows that were left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from engine.datasets.errors import StoreError
from engine.datasets.example import Example, parse
from engine.datasets.messages import asked_text
from engine.datasets.options import PROTOCOL, SPLITS, Split
from engine.errors import BakeoffError, Words, words_of
from engine.files import read_json

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

#: Where a rejected row keeps its reason's template.
_WORDS: Final = "words"
_COLUMNS: Final = ["row", "split", "messages", "tools", "response_format"]


class DatasetStore:
    """Reads a dataset's folder.

    Args:
        folder: The folder that `engine.datasets.import_files` made.

    Raises:
        StoreError: It is not there, damaged, or of a newer Bakeoff.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            manifest = read_json(folder / "manifest.json")
        except (OSError, ValueError) as error:
            raise self._damaged(str(error)) from error
        if not isinstance(manifest, dict):
            raise StoreError(
                "dataset.no_store", "There is no dataset in {file}.", fix="Import it again.", file=str(folder)
            )
        if int(manifest.get("protocol", 0)) > PROTOCOL:
            raise StoreError(
                "dataset.newer",
                "The dataset in {file} was written by a newer Bakeoff.",
                fix="Update Bakeoff.",
                file=str(folder),
            )
        #: Where the examples come from and how they were split (``manifest.json``).
        self.manifest: dict[str, Any] = manifest

    @property
    def name(self) -> str:
        """The name it was imported under."""
        return str(self.manifest["name"])

    @property
    def counts(self) -> dict[Split, int]:
        """Examples per split."""
        return {split: int(self.manifest["counts"][split]) for split in SPLITS}

    @property
    def sealed(self) -> bool:
        """Whether it was sealed at import."""
        return bool(self.manifest["sealed"])

    @property
    def content_sha256(self) -> str:
        """Identity of the examples with their splits."""
        return str(self.manifest["content_sha256"])

    def __len__(self) -> int:
        return int(self.manifest["examples"])

    def examples(
        self, split: Split | None = None, limit: int | None = None, offset: int = 0
    ) -> Iterator[Example]:
        """The examples in the order of their rows.

        Args:
            split: Only those of this split; None for all.
            limit: At most so many.
            offset: Leave out so many first.
        """
        left = len(self) if limit is None else limit
        with self._opened() as file:
            for group, places in self._places(split, offset):
                if left <= 0:
                    return
                batch = file.read_row_group(group, columns=_COLUMNS, use_threads=False).take(places[:left])
                left -= batch.num_rows
                for fields in batch.to_pylist():
                    yield _example(fields)

    def page(self, split: Split | None = None, *, offset: int = 0, limit: int = 100) -> list[Example]:
        """One page of `examples`."""
        return list(self.examples(split, limit=limit, offset=offset))

    def example(self, row: int) -> Example:
        """The example that came from row ``row`` of the file.

        Raises:
            StoreError: There is none.
        """
        import numpy as np

        found = np.flatnonzero(self.rows == row)
        if not len(found):
            rejected = next((entry for entry in self.rejected() if entry["row"] == row), None)
            raise StoreError(
                "dataset.no_row",
                "Dataset '{name}' has no example from row {row}{because}.",
                fix="Its rows run from {first} to {last}.",
                name=self.name,
                row=row,
                because=Words(": it was rejected ({reason})", reason=rejected["reason"]) if rejected else "",
                first=int(self.rows[0]),
                last=int(self.rows[-1]),
            )
        return next(self.examples(offset=int(found[0]), limit=1))

    def some(self, number: int) -> list[Example]:
        """So many of the examples, spread evenly; all where there are fewer."""
        import numpy as np

        wanted = np.unique(np.linspace(0, len(self) - 1, min(number, len(self))).astype(np.int64))
        found: list[Example] = []
        start = 0
        with self._opened() as file:
            for group in range(file.num_row_groups):
                end = start + file.metadata.row_group(group).num_rows
                places = wanted[(wanted >= start) & (wanted < end)] - start
                if len(places):
                    rows = file.read_row_group(group, columns=_COLUMNS, use_threads=False).take(places)
                    found += map(_example, rows.to_pylist())
                start = end
        return found

    def prompt_ids(self, split: Split | None = None) -> list[str]:
        """Identity of each prompt, in the order of `examples`."""
        import pyarrow.compute as pc

        with self._opened() as file:
            table = file.read(columns=["prompt_id", "split"], use_threads=False)
        if split is not None:
            table = table.filter(pc.equal(table["split"].cast("string"), split))
        ids: list[str] = table["prompt_id"].to_pylist()
        return ids

    def rejected(self) -> list[dict[str, Any]]:
        """The rows that were left out, each with ``row``, ``reason`` and ``code``."""
        return [{key: row[key] for key in row if key != _WORDS} for row in self._rejected()]

    def rejected_words(self, most: int) -> list[tuple[int, str]]:
        """Number and reason of the first rows that were left out, as `Words` where they were kept as such."""
        rows = self._rejected()[:most]
        return [
            (int(row["row"]), words_of(row[_WORDS]) if row.get(_WORDS) else str(row["reason"]))
            for row in rows
        ]

    def _rejected(self) -> list[dict[str, Any]]:
        try:
            with (self.folder / "rejected.jsonl").open(encoding="utf-8") as stream:
                return [json.loads(line) for line in stream]
        except (OSError, ValueError) as error:
            raise self._damaged(str(error)) from error

    def asked(self) -> Iterator[list[str]]:
        """What each example asks, without system messages and answers, in batches."""
        with self._opened() as file:
            for batch in file.iter_batches(batch_size=1024, columns=["messages"], use_threads=False):
                yield [asked_text(parse(text)[:-1]) for text in batch.column("messages").to_pylist()]

    def message_texts(self) -> Iterator[list[str]]:
        """The messages of each example as JSON, in batches."""
        with self._opened() as file:
            for batch in file.iter_batches(batch_size=16384, columns=["messages"], use_threads=False):
                yield batch.column("messages").to_pylist()

    @cached_property
    def rows(self) -> npt.NDArray[np.int64]:
        """Number of the row that each example came from, ``int64[examples]``."""
        with self._opened() as file:
            rows: npt.NDArray[np.int64] = file.read(columns=["row"], use_threads=False)["row"].to_numpy()
        return rows

    @cached_property
    def split_codes(self) -> npt.NDArray[np.int8]:
        """The split of each example, as its place in `SPLITS`, ``int8[examples]``."""
        import numpy as np
        import pyarrow.compute as pc

        with self._opened() as file:
            column = file.read(columns=["split"], use_threads=False)["split"].cast("string")
        codes: npt.NDArray[np.int8] = pc.index_in(column, value_set=_split_names()).to_numpy().astype(np.int8)
        return codes

    def _places(self, split: Split | None, offset: int) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
        """The wanted examples by row group: (group, places in it)."""
        import numpy as np

        with self._opened() as file:
            sizes = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
        start = 0
        for group, size in enumerate(sizes):
            if split is None:
                places = np.arange(size)
            else:
                places = np.flatnonzero(self.split_codes[start : start + size] == SPLITS.index(split))
            start += size
            if offset >= len(places):
                offset -= len(places)
                continue
            yield group, places[offset:]
            offset = 0

    def _opened(self) -> Any:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            return pq.ParquetFile(self.folder / "examples.parquet", memory_map=False, pre_buffer=False)
        except (pa.ArrowException, OSError) as error:
            raise self._damaged(str(error)) from error

    def _damaged(self, reason: str) -> BakeoffError:
        return StoreError(
            "dataset.damaged",
            "The dataset in {file} is damaged: {reason}.",
            fix="Import it again.",
            file=str(self.folder),
            reason=reason.strip().split("\n")[0].rstrip("."),
        )


def _split_names() -> Any:
    import pyarrow as pa

    return pa.array(SPLITS)


def _example(fields: dict[str, Any]) -> Example:
    content = {"messages": parse(fields["messages"]), "split": fields["split"]}
    for name in ("tools", "response_format"):
        if fields[name] is not None:
            content[name] = json.loads(fields[name])
    return Example.from_dict(fields["row"], content)
