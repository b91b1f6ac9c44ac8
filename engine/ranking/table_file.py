"""A ranking as a CSV file, for spreadsheets."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from engine.files import write_bytes
from engine.ranking.result import Ranking

_COLUMNS = (
    "task",
    "rank",
    "name",
    "rating",
    "elo",
    "lo",
    "hi",
    "rank_lo",
    "rank_hi",
    "wins",
    "ties",
    "losses",
)


def write_table(ranking: Ranking, path: Path) -> None:
    """Write the rows of the whole (with an empty ``task``) and of each task; ends without a bound are empty.

    Raises:
        OSError: It cannot be written.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    parts = {"": ranking, **(ranking.tasks if len(ranking.tasks) > 1 else {})}
    for task, part in parts.items():
        for row in part.contestants:
            values = row.as_dict()
            writer.writerow([task, *(values[name] for name in _COLUMNS[1:])])
    write_bytes(path, text.getvalue().encode("utf-8"))
