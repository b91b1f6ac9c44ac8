"""Examples of a study that are learnt from in one place and asked in another."""

from __future__ import annotations

from collections.abc import Sequence

from engine.datasets.leakage import find_leakage
from engine.datasets.store import DatasetStore
from engine.workspace import Workspace
from engine.workspace.naming import dataset_named


def study_leaks(workspace: Workspace, datasets: Sequence[str]) -> list[str]:
    """A sentence for each leak across the splits and tasks of a study.

    Sealed tasks are compared too: a program looks at them, and tells no one what they say.
    """
    with workspace.catalogue.reading() as session:
        folders = {name: dataset_named(session, name).folder for name in datasets}
    stores = {name: DatasetStore(workspace.absolute(folder)) for name, folder in folders.items()}
    return [leak.sentence() for leak in find_leakage(stores)]
