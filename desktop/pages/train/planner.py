"""Asks a process of its own what a run would be; only the last question counts. QtCore only."""

from __future__ import annotations

import json
import sys
from typing import Any, Final

from PySide6.QtCore import QObject, QProcess, QTimer, Signal

from engine.training.spec import TrainSpec
from engine.workspace import Workspace

#: Milliseconds without a change before it is asked.
_PAUSE: Final = 300


class PlanProcess(QObject):
    """The process lives while its page is on the screen."""

    #: The plan of the last question.
    planned = Signal(object)
    #: The ``error`` object of the last question.
    refused = Signal(object)

    def __init__(self, workspace: Workspace, parent: QObject) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._process: QProcess | None = None
        self._question = 0
        self._spec: TrainSpec | None = None
        self._timer = QTimer(self, singleShot=True, interval=_PAUSE)
        self._timer.timeout.connect(self._send)

    def ask(self, spec: TrainSpec | None) -> None:
        """Ask about a run after a pause; None: about nothing any more."""
        self._question += 1
        self._spec = spec
        if spec is None:
            self._timer.stop()
        else:
            self._timer.start()

    def close(self) -> None:
        """End the process. It holds nothing that could be lost."""
        self._timer.stop()
        process, self._process = self._process, None
        if process is not None:
            process.readyReadStandardOutput.disconnect(self._hear)
            process.finished.disconnect(self._end)
            process.kill()
            process.waitForFinished(1000)
            process.deleteLater()

    def _send(self) -> None:
        if self._spec is None:
            return
        if self._process is None:
            self._process = QProcess(self)
            self._process.setWorkingDirectory(str(self._workspace.root))
            self._process.setStandardErrorFile(QProcess.nullDevice())
            self._process.readyReadStandardOutput.connect(self._hear)
            self._process.finished.connect(self._end)
            words = ["-P", "-m", "engine.training.planning", str(self._workspace.root)]
            self._process.start(sys.executable, words)
        question = {"id": self._question, "spec": self._spec.model_dump(mode="json")}
        self._process.write(json.dumps(question).encode() + b"\n")

    def _hear(self) -> None:
        process = self._process
        while process is not None and process.canReadLine():
            answer: dict[str, Any] = json.loads(bytes(process.readLine().data()))
            if answer["id"] != self._question:
                continue
            if "plan" in answer:
                self.planned.emit(answer["plan"])
            else:
                self.refused.emit(answer["error"])

    def _end(self) -> None:
        """It has died; the next question starts another."""
        process, self._process = self._process, None
        if process is not None:
            process.deleteLater()
            self.refused.emit({"message": "", "fix": "", "code": "planning.ended"})
