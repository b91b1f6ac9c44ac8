"""The process that the window asks for the rows of a dataset, for their tokens, and for what is wrong with them.

``python -m engine.inference.dataset_process WORKSPACE`` reads a question per line and answers each with ``answer`` or
``error``, as JSON; it ends when its input is closed. It imports pyarrow, and transformers once tokens are asked for,
which a window must not.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from engine.datasets.browsing import Browser, View
from engine.datasets.health import check_dataset
from engine.datasets.library import OpenDataset, open_dataset
from engine.errors import BakeoffError
from engine.models.auto import forgo_torch
from engine.progress import SilentReporter
from engine.workspace import Workspace

#: Examples whose tokens are counted for a picture of their lengths, spread evenly over the dataset.
_COUNTED: Final = 2000


class DatasetProcess:
    """Answers questions on datasets of a workspace; keeps the one that was asked about last."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._dataset: OpenDataset | None = None
        self._browser: Browser | None = None
        self._questions: dict[str, Callable[..., Any]] = {
            "view": self.view,
            "page": self.page,
            "place": self.place,
            "example": self.example,
            "tokens": self.tokens,
            "lengths": self.lengths,
            "check": self.check,
        }

    def answer(self, line: str) -> dict[str, Any]:
        """The answer to one line, with the question's ``id``."""
        question = json.loads(line)
        number, what = question.pop("id"), question.pop("ask")
        try:
            return {"id": number, "answer": self._questions[what](**question)}
        except BakeoffError as error:
            return {"id": number, "error": error.record()}
        except Exception as error:  # told, and the next question may do better
            message = f"{type(error).__name__}: {error}"
            return {"id": number, "error": {"code": "unexpected", "message": message, "fix": ""}}

    def view(self, dataset: str, **view: Any) -> dict[str, Any]:
        """Choose rows (see `View`); returns how many there are."""
        return {"count": self._browse(dataset).use(View(**view))}

    def page(self, dataset: str, offset: int, limit: int) -> list[dict[str, Any]]:
        """Some of the chosen rows."""
        return self._browse(dataset).page(offset, limit)

    def place(self, dataset: str, row: int) -> dict[str, int | None]:
        """Where a row of the file stands among the chosen rows; None where it is not among them.

        Raises:
            BakeoffError: The dataset has no such row; where it was left out, with the reason.
        """
        found = self._browse(dataset).place_of(row)
        if found < 0:
            self._open(dataset).store.example(row)
        return {"place": found if found >= 0 else None}

    def example(self, dataset: str, row: int) -> dict[str, Any]:
        """One example in full."""
        found = self._open(dataset).store.example(row)
        return {
            "row": found.row,
            "split": found.split,
            "messages": [message.as_dict() for message in found.messages],
            "tools": found.tools,
        }

    def tokens(self, dataset: str, row: int, model: str) -> dict[str, Any]:
        """The exact tokens of one example (see `token_preview`)."""
        from engine.inference.token_preview import token_preview

        return token_preview(self._workspace, dataset, row, model)

    def lengths(self, dataset: str, model: str) -> dict[str, Any]:
        """How many tokens examples have, as a model sees them: a histogram over at most 2,000 of them."""
        from engine.models.errors import TemplateError
        from engine.models.library import find_model
        from engine.models.template import load_template

        files = find_model(self._workspace, model)
        template = load_template(files.folder, SilentReporter(), fallback=files.base_folder)
        store = self._open(dataset).store
        rendered = template.render_many(
            [
                ([message.as_dict() for message in example.messages], example.tools)
                for example in store.some(_COUNTED)
            ]
        )
        counts = np.array([len(one.ids) for one in rendered if not isinstance(one, TemplateError)] or [0])
        edges = np.histogram_bin_edges(counts, bins=min(40, max(5, len(np.unique(counts)))))
        heights, _ = np.histogram(counts, edges)
        return {
            "model": model,
            "examples": len(store),
            "counted": len(counts),
            "edges": edges.tolist(),
            "heights": heights.tolist(),
            "median": float(np.median(counts)),
            "p95": float(np.quantile(counts, 0.95)),
            "max": int(counts.max()),
            "context": files.info.context,
        }

    def check(self, dataset: str) -> dict[str, Any]:
        """What `check_dataset` finds."""
        return check_dataset(self._open(dataset).store)

    def _open(self, name: str) -> OpenDataset:
        found = open_dataset(self._workspace, name, "preview")
        if self._dataset is None or found.store.folder != self._dataset.store.folder:
            self._dataset, self._browser = found, None
        return self._dataset

    def _browse(self, name: str) -> Browser:
        dataset = self._open(name)
        if self._browser is None:
            self._browser = Browser(dataset.store)
        return self._browser


def main() -> None:
    """Answer until the input is closed."""
    from engine.workspace import open_workspace

    forgo_torch()
    answers, sys.stdout = sys.stdout, sys.stderr  # what libraries print is no answer
    process = DatasetProcess(open_workspace(Path(sys.argv[1])))
    for line in sys.stdin:
        answers.write(json.dumps(process.answer(line), default=str) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
