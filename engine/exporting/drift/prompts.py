"""What files are compared on."""

from __future__ import annotations

from engine.datasets.library import OpenDataset
from engine.exporting.errors import ExportError


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
