"""A file manager in one window: what is dragged out of it are files. Tells each step on stdout.

Run it with the files as arguments.
"""

from __future__ import annotations

import sys

from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QDrag, QMouseEvent
from PySide6.QtWidgets import QApplication, QWidget


class Source(QWidget):
    """Begins to drag where the mouse is pressed and moved."""

    def __init__(self, files: list[str]) -> None:
        super().__init__()
        self._files = files
        self.setWindowTitle("Files")

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(file) for file in self._files])
        drag = QDrag(self)
        drag.setMimeData(data)
        drag.actionChanged.connect(lambda action: print("offered", action.name, flush=True))
        print("dragging", flush=True)
        print("dropped", drag.exec(Qt.DropAction.CopyAction).name, flush=True)


def main() -> None:
    """Show the window until the process is ended."""
    application = QApplication(sys.argv[:1])
    source = Source(sys.argv[1:])
    source.setGeometry(1500, 200, 200, 120)
    source.show()
    QApplication.processEvents()
    middle = source.mapToGlobal(QPoint(100, 60))
    print("ready", middle.x(), middle.y(), flush=True)
    sys.exit(application.exec())


if __name__ == "__main__":
    main()
