"""The first part of the Settings page: how the window looks and speaks, and the workspace."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, cast

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QMenu

from desktop.language import LANGUAGES, meant, spoken, tr
from desktop.pages.settings.part import Part
from desktop.pages.settings.state import SettingsState
from desktop.pages.settings.trash import TrashDialog
from desktop.pages.settings.view_model import SettingsModel
from desktop.shell.context import Context
from desktop.shell.places import known_places
from desktop.theme.look import Scheme
from desktop.theme.tokens import GAP
from desktop.widgets.basics import Button, card, column, heading, label, row
from desktop.widgets.fields import combo, form
from desktop.widgets.segments import Segments
from desktop.widgets.table import Cell, Column, Rows, table
from desktop.words import size

_SYSTEM: Final = "system"


class GeneralPart(Part):
    """The window and the workspace."""

    def __init__(self, context: Context, model: SettingsModel) -> None:
        super().__init__()
        self._context = context
        self._model = model
        look = context.look
        self._theme = Segments(
            tr("Light or dark"),
            [("system", tr("As the system")), ("light", tr("Light")), ("dark", tr("Dark"))],
        )
        self._theme.choose(look.scheme)
        self._theme.chosen.connect(self._choose_theme)
        self._language = combo(tr("Language"), 200)
        for code, name in ((_SYSTEM, tr("As the system")), *LANGUAGES.items()):
            self._language.addItem(name, code)
        self._language.setCurrentIndex(max(0, self._language.findData(context.recall("language") or _SYSTEM)))
        self._language.activated.connect(lambda at: self._choose_language(self._language.itemData(at)))
        note = label(tr("Another language is spoken when the window is opened again."), "small", wrap=True)
        self._reopen = Button(look, tr("Open it again now"), "arrow-clockwise", does=context.reopen)
        language_note = row(note, self._reopen, gap=10)
        language_note.setStretch(0, 1)
        self._offer_to_reopen()
        self._folder = label("", "mono", wrap=True)
        self._free = label("", "muted", wrap=True)
        self._rows = Rows(look, _columns())
        sizes = table(tr("Sizes of the workspace's folders"), self._rows, _columns(), flat=True, row=28)
        sizes.setMinimumHeight(300)
        self._again = Button(look, tr("Open again"), "clock", does=self._show_places)
        appearance = card(
            heading(tr("This window")),
            form((tr("Look"), self._theme), (tr("Language"), self._language)),
            language_note,
        )
        others = card(
            heading(tr("Other workspaces")),
            label(
                tr(
                    "Each workspace has a window of its own. Without a name given, the window opens the one that was "
                    "open last; commands take --workspace or BAKEOFF_WORKSPACE."
                ),
                "muted",
                wrap=True,
            ),
            row(
                Button(look, tr("Open"), "folder-open", does=self.ask_open),
                Button(look, tr("New"), "plus", does=self.ask_new),
                self._again,
                None,
            ),
        )
        workspace = card(
            heading(
                tr("Workspace"),
                Button(look, tr("Show folder"), "folder-open", does=self._show_folder),
                Button(look, tr("Copy"), "copy", does=self.ask_copy),
                Button(look, tr("Trash"), "trash", does=self.open_trash),
            ),
            self._folder,
            self._free,
            sizes,
        )
        left, right = column(appearance, others, None, gap=GAP), column(workspace, None, gap=GAP)
        self.setLayout(self.put(left, right, (45, 55)))

    def show_state(self, state: SettingsState) -> None:
        """Show what was read."""
        self._theme.choose(self._context.look.scheme)  # the palette changes it, too
        self._folder.setText(str(state.folder or ""))
        self._free.setText(
            tr(
                "{size} in all; {free} are free on this disk.",
                size=size(state.sizes.whole),
                free=size(state.sizes.free),
            )
        )
        names = {
            "models": tr("Models"),
            "datasets": tr("Datasets"),
            "outputs": tr("Answers"),
            "exports": tr("GGUF files"),
            "jobs": tr("Jobs, their logs and checkpoints"),
            "reports": tr("Reports"),
            "conversations": tr("Conversations"),
            "trash": tr("Trash"),
            "other": tr("Catalogue and the rest"),
        }
        self._rows.set_rows(
            [(name, (names[name], Cell(size(nbytes), sort=nbytes))) for name, nbytes in state.sizes.parts]
        )
        self._again.setVisible(bool(self._others()))

    def ask_open(self) -> None:
        """Ask which workspace to open."""
        self._ask_folder(tr("Open a workspace"), new=False)

    def ask_new(self) -> None:
        """Ask where a new workspace is to be."""
        self._ask_folder(tr("An empty folder for a new workspace"), new=True)

    def ask_copy(self) -> None:
        """Ask for an empty folder, and copy the workspace there."""
        beside = self._model.services.workspace.root.parent
        title = tr("An empty folder for a copy of this workspace")
        folder = QFileDialog.getExistingDirectory(self, title, str(beside))
        if folder:
            self._model.copy_workspace(Path(folder))

    def open_trash(self) -> None:
        """Show what lies in the trash."""
        TrashDialog(self._context, self._model, self).open()

    def _ask_folder(self, title: str, *, new: bool) -> None:
        beside = self._model.services.workspace.root.parent
        folder = QFileDialog.getExistingDirectory(self, title, str(beside))
        if folder:
            self._model.open_workspace(Path(folder), new=new)

    def _others(self) -> list[Path]:
        """Workspaces that were open before, without this one."""
        here = self._model.services.workspace.root
        return [one for one in known_places(self._context.recall) if one != here]

    def _show_places(self) -> None:
        menu = QMenu(self)
        for place in self._others():
            menu.addAction(str(place)).triggered.connect(self._opener(place))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self._again.mapToGlobal(self._again.rect().bottomLeft()))

    def _opener(self, place: Path) -> Callable[[], None]:
        return lambda: self._model.open_workspace(place, new=False)

    def _choose_theme(self, scheme: str) -> None:
        self._context.look.force(cast(Scheme, scheme))
        self._context.remember("theme", scheme)

    def _choose_language(self, code: str) -> None:
        self._context.remember("language", code)
        self._offer_to_reopen()

    def _offer_to_reopen(self) -> None:
        self._reopen.setVisible(meant(str(self._language.currentData())) != spoken())

    def _show_folder(self) -> None:
        if self._model.state.folder is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._model.state.folder)))


def _columns() -> list[Column]:
    return [Column(tr("Folder"), 0), Column(tr("Size"), 100, right=True)]
