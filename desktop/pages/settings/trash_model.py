"""What lies in the trash of the workspace, and bringing it back. No widgets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from desktop.language import tr
from desktop.services import Services
from desktop.view_model import ViewModel

if TYPE_CHECKING:
    from engine.datasets.managing import RemovedDataset
    from engine.models.managing import Removed


@dataclass(frozen=True)
class TrashState:
    """What lies there.

    Attributes:
        things: The last removed first, and when each was removed, in seconds since the epoch.
        bytes: Of all that lies there; there may be more than can be brought back.
    """

    things: tuple[tuple[float, Removed | RemovedDataset], ...] = ()
    bytes: int = 0


class TrashModel(ViewModel[TrashState]):
    """Reads the trash and brings back what lies there."""

    def __init__(self, services: Services, parent: QObject | None = None) -> None:
        super().__init__(services, TrashState(), parent)

    def read(self) -> Callable[[], TrashState]:
        """See `ViewModel`."""
        workspace = self.services.workspace

        def read() -> TrashState:
            from engine.datasets.managing import removed_datasets
            from engine.models.managing import removed_models
            from engine.workspace.trash import removed_at, trash_bytes

            found: list[Removed | RemovedDataset] = [
                *removed_models(workspace),
                *removed_datasets(workspace),
            ]
            dated = [(removed_at(one.folder), one) for one in found]
            newest_first = sorted(dated, key=lambda one: one[0], reverse=True)
            return TrashState(tuple(newest_first), trash_bytes(workspace))

        return read

    def restore(self, thing: Removed | RemovedDataset) -> None:
        """Bring one back."""
        workspace = self.services.workspace

        def restore() -> None:
            from engine.datasets.managing import restore_dataset
            from engine.models.managing import Removed, restore_model

            if isinstance(thing, Removed):
                restore_model(workspace, thing)
            else:
                restore_dataset(workspace, thing)

        self.do(restore, lambda _none: self.told.emit(tr("{name} is back.", name=thing.name)))
