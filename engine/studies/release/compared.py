"""On which prompts the quantisations of a release are compared, or why they are not."""

from __future__ import annotations

from collections.abc import Collection

from engine.datasets.library import OpenDataset, open_dataset
from engine.errors import BakeoffError
from engine.exporting.sources import sixteen_bits, trained_on
from engine.models.library import ModelFiles
from engine.studies.release.spec import ReleaseSpec
from engine.workspace import Workspace


def compared_on(
    workspace: Workspace, spec: ReleaseSpec, files: ModelFiles, quantisations: Collection[str]
) -> tuple[OpenDataset | None, str]:
    """The dataset whose test prompts are answered; None, and why, where nothing is compared.

    Args:
        quantisations: Of the files in the release.
    """
    name = spec.dataset or trained_on(files)
    if not quantisations:
        return None, "there is no GGUF file"
    if not spec.drift:
        return None, "it was not asked for"
    if name is None:
        return None, "it is not known on which task; --dataset names one"
    if set(quantisations) == {sixteen_bits(files)}:
        return None, "no file is quantised"
    try:
        dataset = open_dataset(workspace, name, "generate")
    except BakeoffError as error:
        return None, error.message.rstrip(".")
    if next(iter(dataset.store.examples("test")), None) is None:
        return None, f"the dataset '{name}' has no test prompts"
    return dataset, ""
