"""Sees what must not happen while somebody plays with the window, and keeps it in words."""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from unittest.mock import patch

from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler

from tests.desktop.conftest import HARMLESS

#: What the platform without a screen says of menus that come forward, and of grabbing the mouse.
_WITHOUT_SCREEN: Final = "This plugin does not support"


class Witness:
    """Keeps what has gone wrong, whichever thread it was in."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    def note(self, what: str) -> None:
        """Keep a fault."""
        self.faults.append(what)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Hear of exceptions that nobody catches, of work that failed unexpectedly, and of Qt's warnings."""

        def of_python(kind: type[BaseException], error: BaseException, where: Any) -> None:
            self.note("".join(traceback.format_exception(kind, error, where)))

        def of_a_thread(told: threading.ExceptHookArgs) -> None:
            if told.exc_value is not None:
                of_python(told.exc_type, told.exc_value, told.exc_traceback)

        def of_nobody(told: sys.UnraisableHookArgs) -> None:
            said = "".join(traceback.format_exception(told.exc_value)) if told.exc_value else told.err_msg
            self.note(f"in {told.object!r}: {said}")

        def of_qt(kind: QtMsgType, _context: QMessageLogContext, text: str) -> None:
            if kind != QtMsgType.QtDebugMsg and not any(
                known in text for known in (*HARMLESS, _WITHOUT_SCREEN)
            ):
                self.note(f"Qt: {text}\n{''.join(traceback.format_stack(limit=8))}")

        log, heard = logging.getLogger("desktop"), _Heard(self)
        log.addHandler(heard)
        before = qInstallMessageHandler(of_qt)
        try:
            with (
                patch.object(sys, "excepthook", of_python),
                patch.object(sys, "unraisablehook", of_nobody),
                patch.object(threading, "excepthook", of_a_thread),
            ):
                yield
        finally:
            qInstallMessageHandler(before)
            log.removeHandler(heard)


class _Heard(logging.Handler):
    """Takes what the window writes into its log: only what nobody expected."""

    def __init__(self, witness: Witness) -> None:
        super().__init__(logging.ERROR)
        self._witness = witness

    def emit(self, record: logging.LogRecord) -> None:
        self._witness.note(logging.Formatter().format(record))
