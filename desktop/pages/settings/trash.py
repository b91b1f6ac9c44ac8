"""What lies in the trash of the workspace: brought back one by one, or gone for good together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QDialog, QVBoxLayout, QWidget

from desktop.language import tr
from desktop.pages.settings.view_model import SettingsModel
from desktop.services import Services
from desktop.shell.context import Context
from desktop.shell.dialogs import ask
from desktop.view_model import ViewModel
from desktop.widgets.basics import Button, column, label, row
from desktop.widgets.empty import Empty
from desktop.widgets.table import Cell, Column, Rows, table
from desktop.words import moment, size

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


class TrashDialog(QDialog):
    """A table of removed models and datasets, with a way back."""

    def __init__(self, context: Context, settings: SettingsModel, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Trash"))
        look = context.look
        self._look = look
        self._settings = settings
        self.model = TrashModel(context.services, self)
        self.model.failed.connect(context.show_problem)
        self.model.told.connect(context.tell)
        self.model.changed.connect(self._show)
        columns = (
            Column(tr("Name"), 0),
            Column(tr("What it is"), 220),
            Column(tr("Removed"), 110),
            Column(tr("Size"), 90, right=True),
        )
        self._rows = Rows(look, columns)
        self._table = table(tr("What lies in the trash"), self._rows, columns)
        self._table.selectionModel().selectionChanged.connect(lambda *_: self._check())
        self._table.activated.connect(lambda _at: self._restore())
        self._empty = Empty(
            look,
            "trash",
            tr("The trash is empty"),
            tr("Models and datasets that are removed lie here until it is emptied."),
        )
        self._back = Button(look, tr("Bring back"), "arrow-counter-clockwise", "primary", self._restore)
        self._clear = Button(look, tr("Empty the trash"), "trash", "danger", self._ask_empty)
        self._sum = label("", "muted")
        foot = row(
            self._clear, self._sum, None, Button(look, tr("Close"), does=self.accept), self._back, gap=8
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(22, 18, 22, 16)
        layout.setSpacing(12)
        layout.addLayout(
            column(
                label(tr("Trash"), "title"),
                label(
                    tr("What is brought back has everything that it had: GGUF files, answers, verdicts."),
                    "muted",
                    wrap=True,
                ),
                gap=4,
            )
        )
        layout.addWidget(self._table, 1)
        layout.addWidget(self._empty, 1)
        layout.addLayout(foot)
        self._empty.hide()
        self._check()
        self.resize(720, 440)
        self.model.show()

    def done(self, result: int) -> None:
        """See Qt; reads no more."""
        self.model.hide()
        super().done(result)

    def _show(self) -> None:
        things = self.model.state.things
        self._rows.set_rows(
            [
                (
                    one.folder.name,
                    (one.name, _words(one), Cell(moment(at), sort=at), Cell(size(one.bytes), sort=one.bytes)),
                )
                for at, one in things
            ]
        )
        self._sum.setText(tr("{size} in all", size=size(self.model.state.bytes)))
        self._table.setVisible(bool(things))
        self._empty.setVisible(not things)
        if things and self._chosen() is None:
            self._table.selectRow(0)
        self._check()

    def _check(self) -> None:
        self._back.setEnabled(self._chosen() is not None)
        self._clear.setEnabled(self.model.state.bytes > 0)

    def _chosen(self) -> Removed | RemovedDataset | None:
        picked = self._table.selectionModel().selectedRows()
        if not picked:
            return None
        key = self._rows.key(picked[0].row())
        return next((one for _, one in self.model.state.things if one.folder.name == key), None)

    def _restore(self) -> None:
        thing = self._chosen()
        if thing is not None:
            self.model.restore(thing)

    def _ask_empty(self) -> None:
        ask(
            self._look,
            tr("Empty the trash?"),
            tr(
                "What lies in it, models and datasets with their answers and verdicts, is gone for good then."
            ),
            tr("Empty the trash"),
            self._empty_it,
            self,
        )

    def _empty_it(self) -> None:
        self._settings.empty_trash()
        self.accept()


def _words(thing: Removed | RemovedDataset) -> str:
    from engine.datasets.managing import RemovedDataset

    if not isinstance(thing, RemovedDataset):
        return tr("model")
    return tr(
        "dataset: {answers} sets of answers, {verdicts} verdicts",
        answers=thing.answers,
        verdicts=f"{thing.verdicts:,}",
    )
