"""Serving models of the workspace to programs on this machine, from a process of its own. No widgets."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from PySide6.QtCore import QObject, QProcess, QTimer, Slot

from desktop.gguf_files import FileMaker, local_models
from desktop.language import tr
from desktop.problem import Problem, problem_of_record
from desktop.services import Services
from desktop.view_model import ViewModel
from desktop.words import duration

#: Milliseconds that the process has to end by itself, its models with it.
_FAREWELL: Final = 5000

Phase = Literal["off", "making", "starting", "on"]


@dataclass(frozen=True)
class Wanted:
    """What is to be served.

    Attributes:
        models: ``MODEL`` or ``MODEL@QUANTISATION``.
        port: 0: a free one.
        context: Tokens of a conversation at most.
        key: What programs have to show; empty: a new one.
    """

    models: tuple[str, ...] = ()
    port: int = 0
    context: int = 8192
    key: str = field(default="", repr=False)


@dataclass(frozen=True)
class ServingState:
    """What is shown.

    Attributes:
        offered: Names of what could be served, those with a file first.
        making: Models whose GGUF files are being made first.
        base_url: What programs are given, with ``key``; empty while nothing is served.
        models: Under these names they are asked for.
        plain: Those whose calls of tools come as text.
        answers: Since the start; ``last``: the last thing that happened, in words.
    """

    offered: tuple[str, ...] = ()
    phase: Phase = "off"
    making: tuple[str, ...] = ()
    base_url: str = ""
    key: str = ""
    models: tuple[str, ...] = ()
    plain: tuple[str, ...] = ()
    answers: int = 0
    last: str = ""


class ServingModel(ViewModel[ServingState]):
    """Starts and ends the process; files that are missing are made first, as jobs."""

    def __init__(self, services: Services, parent: QObject | None = None) -> None:
        super().__init__(services, ServingState(), parent)
        self._process: QProcess | None = None
        self._wanted = Wanted()
        self._now = ServingState()
        self._maker = FileMaker(services, self)
        self._maker.begun.connect(self._show_making)
        self._maker.made.connect(self._begin)
        self._maker.failed.connect(self._not_made)
        self._maker.stopped.connect(self.stop)

    def read(self) -> Callable[[], ServingState]:
        """See `ViewModel`."""
        workspace, now = self.services.workspace, self._now

        def read() -> ServingState:
            models = local_models(workspace)
            ready = [name for model in models if model.quantisations for name in model.names]
            offered = [*ready, *(model.name for model in models if not model.quantisations)]
            return replace(now, offered=tuple(offered))

        return read

    def use(self, state: ServingState) -> None:
        """See `ViewModel`; what has happened since it was read is newer."""
        super().use(replace(self._now, offered=state.offered))

    @property
    def on(self) -> bool:
        """Whether something is served, or about to be."""
        return self._now.phase != "off"

    def start(self, wanted: Wanted) -> None:
        """Serve these; files that are missing are made first."""
        if self.on or not wanted.models:
            return
        self._wanted = wanted
        self._change(phase="starting", last="")
        self._maker.make(wanted.models)

    @Slot()
    def stop(self) -> None:
        """End it; a file that is being made is made to its end, under Jobs."""
        self._maker.drop()
        self._let_go()
        self._change(phase="off", making=(), base_url="", key="", models=(), plain=())

    def close(self) -> None:
        """The window closes: what is served ends before it."""
        self.hide()
        self._maker.drop()
        self._let_go()
        for process in self.findChildren(QProcess):
            if not process.waitForFinished(_FAREWELL):
                process.kill()
                process.waitForFinished(1000)

    @Slot()
    def _begin(self) -> None:
        """Start the process; it tells when it is ready."""
        wanted, workspace = self._wanted, self.services.workspace
        self._change(phase="starting", making=())
        process = self._process = QProcess(self)
        process.setWorkingDirectory(str(workspace.root))
        process.setStandardErrorFile(QProcess.nullDevice())
        process.readyReadStandardOutput.connect(self._hear)
        process.finished.connect(self._ended)
        process.start(sys.executable, ["-P", "-m", "engine.inference.serving.child", str(workspace.root)])
        asked = {
            "models": list(wanted.models),
            "port": wanted.port,
            "context": wanted.context,
            "key": wanted.key,
        }
        process.write(json.dumps(asked).encode() + b"\n")

    @Slot()
    def _show_making(self) -> None:
        """Files are on their way."""
        self._change(phase="making", making=tuple(self._maker.jobs))

    @Slot(object)
    def _not_made(self, problem: Problem) -> None:
        """A file could not be made."""
        self.stop()
        self.failed.emit(problem)

    def _hear(self) -> None:
        process = self._process
        while process is not None and process.canReadLine():
            said: dict[str, Any] = json.loads(bytes(process.readLine().data()))
            if "serving" in said:
                told = said["serving"]
                self._change(
                    phase="on",
                    base_url=told["base_url"],
                    key=told["key"],
                    models=tuple(told["models"]),
                    plain=tuple(told["plain"]),
                    answers=0,
                )
            elif "answered" in said:
                self._change(answers=self._now.answers + 1, last=_answered(said["answered"]))
            elif "failed" in said:
                self._change(last=str(said["failed"]["message"]))
            elif "error" in said:
                self.stop()
                self.failed.emit(problem_of_record(said["error"]))
            process = self._process

    def _ended(self) -> None:
        """It has died by itself."""
        self.stop()
        self.failed.emit(
            Problem(
                tr("The models are not served any more"),
                tr("The process that serves them has ended."),
                tr("Start it again; where it happens again, the machine may be out of memory."),
                "serve.process_ended",
            )
        )

    def _let_go(self) -> None:
        """Let the process end by itself, its models with it; nobody waits for that, or hears it any more."""
        process, self._process = self._process, None
        if process is None:
            return
        process.readyReadStandardOutput.disconnect(self._hear)
        process.finished.disconnect(self._ended)
        if process.state() == QProcess.ProcessState.NotRunning:
            process.deleteLater()
            return
        process.finished.connect(process.deleteLater)
        QTimer.singleShot(_FAREWELL, process, process.kill)
        process.closeWriteChannel()

    def _change(self, **changes: Any) -> None:
        self._now = replace(self._now, **changes)
        self.use(replace(self._now, offered=self.state.offered))


def _answered(told: dict[str, Any]) -> str:
    return tr(
        "{model}: {prompt_tokens} + {tokens} tokens in {time}",
        model=told["model"],
        prompt_tokens=told["prompt_tokens"],
        tokens=told["tokens"],
        time=duration(told["seconds"]) if told["seconds"] >= 1 else tr("less than 1 s"),
    )
