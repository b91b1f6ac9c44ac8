"""The ``bakeoff-desktop`` command: opens the window on a workspace.

The window shows what the workspace holds and what its jobs do. It changes nothing: the ``bakeoff``
command does.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QApplication, QMainWindow, QMessageBox

from desktop.pages.overview.page import OverviewPage
from desktop.pages.overview.view_model import OverviewModel
from engine import __version__
from engine.errors import BakeoffError
from engine.workspace import Workspace, open_workspace


class MainWindow(QMainWindow):
    """The window on one workspace."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._model = OverviewModel(workspace, self)
        self.setWindowTitle(f"Bakeoff - {workspace.root}")
        self.setCentralWidget(OverviewPage(self._model, self))
        self.resize(900, 560)
        self._model.start()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Stop reading; the jobs go on without the window."""
        self._model.stop()
        super().closeEvent(event)


def main(arguments: Sequence[str] | None = None) -> None:
    """Open the window and exit with its status."""
    parser = argparse.ArgumentParser(prog="bakeoff-desktop", description="The window of Bakeoff.")
    parser.add_argument("--workspace", metavar="DIR", help="the workspace (default: $BAKEOFF_WORKSPACE)")
    parser.add_argument("--version", action="version", version=f"bakeoff {__version__}")
    options = parser.parse_args(arguments)
    application = QApplication(sys.argv[:1])
    application.setApplicationName("Bakeoff")
    application.setApplicationVersion(__version__)
    try:
        window = MainWindow(open_workspace(options.workspace))
    except BakeoffError as error:
        print(error.sentence(), file=sys.stderr)
        if application.platformName() != "offscreen":  # there nobody could close the dialog
            QMessageBox.critical(None, error.title, error.sentence())
        sys.exit(1)
    window.show()
    sys.exit(application.exec())


if __name__ == "__main__":
    main()
