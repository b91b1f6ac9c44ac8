"""Looking through a million rows: `python -m tests.bench.bench_datasets`.

The Datasets page in a window without a screen (Qt's software rendering), over a dataset that was imported for it. A
frame is from when the rows were due to move until they are painted, with all that the window has to do meanwhile; a
search is from the question until the window knows how many rows there are, the process that searches included.

What it is held against: frames under 16 ms (95 of 100), a search under 200 ms.
"""

from __future__ import annotations

import json
import os
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ["QT_QPA_PLATFORM"] = "offscreen"

import numpy as np
from PySide6.QtWidgets import QApplication, QTableView

from desktop.collecting import Collector
from desktop.pages.datasets.page import DatasetsPage
from desktop.pages.datasets.rows import DatasetRows
from desktop.shell.window import MainWindow
from desktop.theme.look import Look
from engine.datasets.spec import ImportSpec, SourceSpec
from engine.workspace import open_workspace
from tests.bench.event_loop import frames, until
from tests.here import do

ROWS = 1_000_000
FRAMES = 300
WORDS = [
    "my",
    "card",
    "has",
    "not",
    "arrived",
    "yet",
    "and",
    "I",
    "would",
    "like",
    "to",
    "know",
    "where",
    "delivery",
]
WORDS += [
    "transfer",
    "account",
    "exchange",
    "rate",
    "declined",
    "pending",
    "why",
    "how",
    "when",
    "refund",
    "payment",
]


def write(file: Path) -> None:
    """A question of about 80 characters and a label per row."""
    generator = random.Random(0)
    with file.open("w", encoding="utf-8") as stream:
        for number in range(ROWS):
            question = f"Question {number}: {' '.join(generator.choices(WORDS, k=12))}"
            stream.write(json.dumps({"prompt": question, "completion": f"label_{number % 77}"}) + "\n")


def searches(rows: DatasetRows, name: str) -> dict[str, list[float]]:
    """Milliseconds of questions, five times each."""
    asked = {
        "a word in a third of the rows": {"search": "delivery"},
        "words in few rows, any case": {"search": "QUESTION 77777"},
        "words in no row": {"search": "zebra"},
        "a word in one split": {"search": "refund", "split": "test"},
        "sorted by prompt": {"sort": "prompt"},
        "sorted by length": {"sort": "length"},
    }
    heard: list[int] = []
    rows.counted.connect(heard.append)
    found: dict[str, list[float]] = {what: [] for what in asked}
    for _ in range(5):
        for what, view in asked.items():
            until(lambda: not rows.waiting, 1)
            heard.clear()
            began = time.perf_counter()
            rows.show_view(name, **view)
            until(lambda: heard, 1)
            found[what].append((time.perf_counter() - began) * 1000)
    return found


def _mover(table: QTableView, places: list[int]) -> Callable[[], None]:
    """Moves the next of these rows to the top of a table each time."""
    bar, left = table.verticalScrollBar(), iter(places)
    height = table.verticalHeader().defaultSectionSize()
    return lambda: bar.setValue(next(left, places[-1]) * height)


def main() -> None:
    """Run everything and print a table."""
    application = QApplication(["bench"])
    with tempfile.TemporaryDirectory() as folder:
        workspace = open_workspace(Path(folder) / "workspace")
        file = Path(folder) / "rows.jsonl"
        write(file)
        do(workspace, "dataset_import", ImportSpec(sources=[SourceSpec(path=str(file))], name="rows"))
        look = Look(application, "light")
        collector = Collector(look.hands)
        window = MainWindow(workspace, look)
        window.first_paint.over.connect(collector.start)
        window.resize(1360, 860)
        window.show()
        began = time.perf_counter()
        window.go("datasets")
        page = window.page
        assert isinstance(page, DatasetsPage)
        table = next(one for one in page.findChildren(QTableView) if isinstance(one.model(), DatasetRows))
        rows = table.model()
        assert isinstance(rows, DatasetRows)
        until(lambda: rows.rowCount() == ROWS and rows.row_at(0) is not None)
        print(f"page opened and {ROWS:,} rows read: {time.perf_counter() - began:.1f} s")
        generator = random.Random(0)
        moves = {
            "three rows at a time": [3 * number for number in range(FRAMES)],
            "a page at a time": [8 * number for number in range(FRAMES)],
            "the bar dragged from end to end": [ROWS * number // FRAMES for number in range(FRAMES)],
            "anywhere": [generator.randrange(ROWS) for _ in range(FRAMES)],
        }
        print(f"{'frames while scrolling, ms':36}{'median':>9}{'p95':>9}{'max':>9}")
        for what, places in moves.items():
            taken = np.array(frames(table, _mover(table, places), FRAMES))
            print(f"{what:36}{np.median(taken):>9.1f}{np.quantile(taken, 0.95):>9.1f}{taken.max():>9.1f}")
        print(f"{'search, ms':36}{'median':>9}{'':>9}{'max':>9}")
        for what, times in searches(rows, "rows").items():
            print(f"{what:36}{np.median(times):>9.0f}{'':>9}{max(times):>9.0f}")
        window.close()
        collector.close()


if __name__ == "__main__":
    main()
