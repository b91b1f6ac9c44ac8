"""The datasets of a workspace: from a name to examples, minding the seal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.datasets.seal import require_open
from engine.datasets.store import DatasetStore
from engine.workspace import Workspace
from engine.workspace.naming import dataset_named
from engine.workspace.tables import now


@dataclass(frozen=True)
class OpenDataset:
    """A dataset whose examples may be read.

    Attributes:
        store: Reads the examples.
        manifest: Source, form, counts and hashes.
    """

    id: str
    name: str
    store: DatasetStore
    manifest: dict[str, Any]


def open_dataset(workspace: Workspace, name: str, purpose: str) -> OpenDataset:
    """The dataset called ``name``, for ``purpose`` (a verb: train, generate, judge, preview).

    Raises:
        NameUnknownError: There is none.
        SealedError: It is sealed, and no validation has opened it.
    """
    with workspace.catalogue.reading() as session:
        row = dataset_named(session, name)
    require_open(name, sealed=row.sealed, opened=row.opened_at is not None, purpose=purpose)
    return OpenDataset(row.id, row.name, DatasetStore(workspace.absolute(row.folder)), row.manifest)


def open_seal(workspace: Workspace, name: str, by: str) -> bool:
    """Open a sealed dataset for good, and record when and for which study.

    Returns:
        False where there was no closed seal; nothing changes then.
    """
    with workspace.catalogue.writing() as session:
        row = dataset_named(session, name)
        if not row.sealed or row.opened_at is not None:
            return False
        row.opened_at = now()
        row.opened_by = by
        return True
