"""Asks a process of its own about the rows of datasets. QtCore only."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QObject, QProcess

from desktop.language import tr
from desktop.problem import Problem, problem_of_record
from engine.workspace import Workspace

Heard = Callable[[Any], None]
Refused = Callable[[Problem], None]


class DatasetAsker(QObject):
    """The process starts with the first question and lives until it is closed; it answers one after the other."""

    def __init__(self, workspace: Workspace, parent: QObject) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._process: QProcess | None = None
        self._number = 0
        self._waiting: dict[int, tuple[Heard, Refused]] = {}

    @property
    def busy(self) -> bool:
        """Whether an answer is still to come."""
        return bool(self._waiting)

    def ask(self, what: str, heard: Heard, refused: Refused, **question: Any) -> None:
        """Ask; see `engine.inference.dataset_process.DatasetProcess` for what can be asked."""
        if self._process is None:
            self._process = QProcess(self)
            self._process.setWorkingDirectory(str(self._workspace.root))
            self._process.setStandardErrorFile(QProcess.nullDevice())
            self._process.readyReadStandardOutput.connect(self._hear)
            self._process.finished.connect(self._end)
            words = ["-P", "-m", "engine.inference.dataset_process", str(self._workspace.root)]
            self._process.start(sys.executable, words)
        self._number += 1
        self._waiting[self._number] = heard, refused
        self._process.write(json.dumps({"id": self._number, "ask": what, **question}).encode() + b"\n")

    def close(self) -> None:
        """End the process. It holds nothing that could be lost."""
        self._waiting.clear()
        process, self._process = self._process, None
        if process is not None:
            process.readyReadStandardOutput.disconnect(self._hear)
            process.finished.disconnect(self._end)
            process.kill()
            process.waitForFinished(1000)
            process.deleteLater()

    def _hear(self) -> None:
        process = self._process
        while process is not None and process.canReadLine():
            said: dict[str, Any] = json.loads(bytes(process.readLine().data()))
            heard, refused = self._waiting.pop(said["id"], (_nothing, _nothing))
            if "error" in said:
                refused(replace(problem_of_record(said["error"]), title=tr("This cannot be shown")))
            else:
                heard(said["answer"])
            process = self._process

    def _end(self) -> None:
        """It has died; the next question starts another."""
        process, self._process = self._process, None
        waiting, self._waiting = self._waiting, {}
        if process is not None:
            process.deleteLater()
        problem = Problem(
            tr("This cannot be shown"),
            tr("The process that reads the dataset has ended."),
            tr("Try again; where it happens again, the machine may be out of memory."),
            "dataset.process_ended",
        )
        for _, refused in waiting.values():
            refused(problem)


def _nothing(_said: Any) -> None:
    """Nobody waits for it any more."""
