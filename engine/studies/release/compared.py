"""On which prompts the quantisations of a release are compared, or why they are not."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from engine.datasets.library import OpenDataset, open_dataset
from engine.errors import BakeoffError
from engine.exporting.sources import sixteen_bits, trained_on
from engine.models.library import ModelFiles
from engine.studies.release.spec import ReleaseSpec
from engine.workspace import Workspace

#: Why nothing is compared where only a dataset has to be named.
UNKNOWN_TASK: Final = "it is not known on which task"
#: Other reasons that do not lie in the dataset.
NO_GGUF: Final = "there is no GGUF file"
NOT_ASKED: Final = "it was not asked for"
NOT_QUANTISED: Final = "no file is quantised"


def compared_on(
    workspace: Workspace, spec: ReleaseSpec, files: ModelFiles, quantisations: Collection[str]
) -> tuple[OpenDataset | None, str]:
    """The dataset whose test prompts are answered; None, and why, where nothing is compared.

    Args:
        quantisations: Of the files in the release.
    """
    name = spec.dataset or trained_on(files)
    if not quantisations:
        return None, NO_GGUF
    if not spec.drift:
        return None, NOT_ASKED
    if name is None:
        return None, UNKNOWN_TASK
    if set(quantisations) == {sixteen_bits(files)}:
        return None, NOT_QUANTISED
    try:
        dataset = open_dataset(workspace, name, "generate")
    except BakeoffError as error:
        return None, error.message.rstrip(".")
    if next(iter(dataset.store.examples("test")), None) is None:
        return None, f"the dataset '{name}' has no test prompts"
    return dataset, ""
