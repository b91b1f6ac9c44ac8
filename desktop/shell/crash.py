"""What nobody expected: written down, told in a dialog that offers the diagnostics, and the window goes on.

Exceptions of this thread and of others come here, and what has killed the process, at the next start.
"""

from __future__ import annotations

import faulthandler
import logging
import sys
import threading
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QFileDialog, QPlainTextEdit, QVBoxLayout, QWidget

from desktop.language import tr
from desktop.problem import Problem
from desktop.services import Services
from desktop.shell.dialogs import show_problem
from desktop.theme.look import Look
from desktop.widgets.basics import Button, IconLabel, column, label, row
from engine.diagnostics import WINDOW_LOG
from engine.workspace import Workspace

_LOG: Final = logging.getLogger("desktop")
#: Bytes of the log with which a window begins a new one.
_MOST: Final = 300_000
#: Where Python writes what has killed it; read at the next start.
_FATAL: Final = "window-fatal.log"


class CrashGuard(QObject):
    """Takes what nobody has caught, from its making until `close`.

    Args:
        workspace: Its folder holds the log, which is part of the diagnostics.
    """

    #: Something was not caught; carries its traceback.
    crashed = Signal(str)

    def __init__(self, workspace: Workspace, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._before: tuple[Any, Any] = (sys.excepthook, threading.excepthook)
        log = workspace.root / WINDOW_LOG
        if log.is_file() and log.stat().st_size > _MOST:
            log.unlink()
        self._handler = logging.FileHandler(log, encoding="utf-8", delay=True)
        self._handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        _LOG.addHandler(self._handler)
        fatal = workspace.root / _FATAL
        self.last_time = _read_and_remove(fatal)
        if self.last_time:
            _LOG.error("The window was killed the last time:\n%s", self.last_time)
        self._fatal = fatal.open("w", encoding="utf-8")
        faulthandler.enable(self._fatal)
        sys.excepthook = self._of_this_thread
        threading.excepthook = self._of_another_thread

    def close(self) -> None:
        """Let everything be as it was."""
        sys.excepthook, threading.excepthook = self._before
        faulthandler.disable()
        self._fatal.close()
        Path(self._fatal.name).unlink(missing_ok=True)
        _LOG.removeHandler(self._handler)
        self._handler.close()

    def _of_this_thread(
        self, kind: type[BaseException], error: BaseException, where: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            QGuiApplication.quit()
            return
        self._note("".join(traceback.format_exception(kind, error, where)))

    def _of_another_thread(self, told: threading.ExceptHookArgs) -> None:
        if told.exc_value is not None and not issubclass(told.exc_type, SystemExit):
            self._note("".join(traceback.format_exception(told.exc_value)))

    def _note(self, text: str) -> None:
        _LOG.error("%s", text)
        sys.stderr.write(text)
        self.crashed.emit(text)  # from another thread it waits for this one


class CrashTeller(QObject):
    """Shows one dialog at a time about what a guard has taken."""

    def __init__(self, look: Look, services: Services, guard: CrashGuard, window: QWidget) -> None:
        super().__init__(window)
        self._look = look
        self._services = services
        self._window = window
        self._open: CrashDialog | None = None
        guard.crashed.connect(self.tell, Qt.ConnectionType.QueuedConnection)
        if guard.last_time:
            self._show(
                tr("The window ended unexpectedly the last time"),
                tr("Jobs were not touched by it. The diagnostics tell what happened."),
                guard.last_time,
            )

    @Slot(str)
    def tell(self, text: str) -> None:
        """Show what happened, unless an earlier one is still shown."""
        if self._open is None:
            self._show(
                tr("Something unexpected happened"),
                tr(
                    "The window goes on, and jobs were not touched. If something looks odd, close it and open it "
                    "again; nothing is lost by that."
                ),
                text,
            )

    def _show(self, title: str, sentence: str, text: str) -> None:
        self._open = CrashDialog(self._look, self._services, title, sentence, text, self._window)
        self._open.finished.connect(self._closed)
        self._open.open()

    @Slot()
    def _closed(self) -> None:
        self._open = None


class CrashDialog(QDialog):
    """Tells of something unexpected, and offers to save the diagnostics.

    Args:
        text: The traceback, or what is known.
    """

    def __init__(
        self, look: Look, services: Services, title: str, sentence: str, text: str, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        self._look = look
        self._services = services
        self._text = text
        details = QPlainTextEdit(text.strip())
        details.setReadOnly(True)
        details.setProperty("role", "code")
        details.setAccessibleName(tr("Details"))
        details.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        details.setMinimumHeight(160)
        self._said = label("", "small", wrap=True)
        self._save = Button(look, tr("Save the diagnostics"), "floppy-disk", "primary", self._ask_where)
        self._save.setDefault(True)
        hint = tr(
            "The diagnostics are a file to send along with a report. They hold no dataset, answer or key."
        )
        words = column(
            label(title, "title"), label(sentence, wrap=True), label(hint, "muted", wrap=True), gap=8
        )
        inner = row(IconLabel(look, "warning-circle", "bad", 28), words, gap=16, top=True)
        inner.setStretch(1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 20, 24, 18)
        layout.setSpacing(14)
        layout.addLayout(inner)
        layout.addWidget(details)
        layout.addWidget(self._said)
        layout.addLayout(
            row(
                Button(look, tr("Copy the details"), "copy", "ghost", self._copy),
                None,
                Button(look, tr("Close"), does=self.accept),
                self._save,
            )
        )
        self.setMinimumWidth(560)

    def _ask_where(self) -> None:
        file, _ = QFileDialog.getSaveFileName(
            self, tr("Save the diagnostics"), "bakeoff-diagnostics.zip", "*.zip"
        )
        if file:
            self._write(Path(file))

    def _write(self, file: Path) -> None:
        workspace = self._services.workspace
        self._save.setEnabled(False)

        def work() -> Path:
            from engine.diagnostics import write_diagnostics

            return write_diagnostics(workspace, file, ask_torch=False)

        self._services.background.run(self, work, self._written, self._failed)

    def _written(self, file: Path) -> None:
        self._save.setEnabled(True)
        self._said.setText(tr("{file} has been written.", file=file.name))

    def _failed(self, problem: Problem) -> None:
        self._save.setEnabled(True)
        show_problem(self._look, problem, self)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._text)


def _read_and_remove(file: Path) -> str:
    try:
        text = file.read_text(encoding="utf-8", errors="replace").strip()
        file.unlink()
    except OSError:
        return ""
    return text
