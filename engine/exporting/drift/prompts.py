"""What files are compared on."""

from __future__ import annotations

from typing import Final

from engine.datasets.library import OpenDataset
from engine.errors import Words
from engine.exporting.errors import ExportError

#: Said where nobody has named a dataset, and none is known.
UNKNOWN_TASK: Final = Words("No drift report: it is not known on which task. Name its dataset.")


def require_prompts(dataset: OpenDataset) -> None:
    """See that there is something to compare on.

    Raises:
        ExportError: There are no test prompts.
    """
    if next(iter(dataset.store.examples("test")), None) is None:
        raise ExportError(
            "drift.no_prompts",
            "The dataset '{name}' has no test prompts to compare on.",
            fix="Import it with a larger --test-share.",
            name=dataset.name,
        )
