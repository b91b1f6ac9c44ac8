"""Serving models of the workspace to programs on this machine, from a process of its own. No widgets."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from PySide6.QtCore import QObject, QProcess, Slot

from desktop.language import tr
from desktop.problem import Problem, problem_of_record
from desktop.services import Services
from desktop.view_model import ViewModel
from desktop.words import duration
from engine.errors import Words

#: What is made of a model that has no GGUF file yet.
_QUANTISATION: Final = "q8_0"
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
    """

    models: tuple[str, ...] = ()
    port: int = 0
    context: int = 8192


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
        #: Model -> the job that makes its file.
        self._making: dict[str, str] = {}
        self._now = ServingState()
        services.feed.jobs_changed.connect(self._look_at_jobs)
        services.feed.catalogue_changed.connect(self._look_at_jobs)

    def read(self) -> Callable[[], ServingState]:
        """See `ViewModel`."""
        workspace, now = self.services.workspace, self._now

        def read() -> ServingState:
            from sqlalchemy import select

            from engine.workspace.tables import Export, Model

            with workspace.catalogue.reading() as session:
                files: dict[str, list[str]] = {}
                for export in session.scalars(select(Export).order_by(Export.created_at)):
                    files.setdefault(export.model_id, []).append(export.quantisation)
                rows = session.scalars(select(Model).order_by(Model.created_at.desc())).all()
                named = [(row.name, list(dict.fromkeys(files.get(row.id, [])))) for row in rows]
            ready = [(name, each) for name, each in named if each]
            offered = [one for name, each in ready for one in (name, *(f"{name}@{kind}" for kind in each))]
            offered += [name for name, each in named if not each]
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
        workspace, client = self.services.workspace, self.services.client

        def prepare() -> dict[str, str]:
            from engine.exporting.spec import ExportSpec
            from engine.inference.contestants import local_file

            jobs = {}
            for name in dict.fromkeys(wanted.models):
                files, quantisation, export = local_file(workspace, name)
                if export is None:
                    spec = ExportSpec(model=files.name, quantisation=quantisation or _QUANTISATION)
                    title = Words("Export {model} as {form}", model=spec.model, form=spec.quantisation)
                    jobs[name] = client.begin("export", spec, title).id
            return jobs

        def prepared(jobs: dict[str, str]) -> None:
            if self._now.phase != "starting":  # it was stopped meanwhile
                return
            self._making = jobs
            if jobs:
                self._change(phase="making", making=tuple(jobs))
                self._look_at_jobs()
            else:
                self._begin()

        def failed(problem: Problem) -> None:
            self._change(phase="off")
            self.failed.emit(problem)

        self.do(prepare, prepared, failed)

    def stop(self) -> None:
        """End it; a file that is being made is made to its end, under Jobs."""
        self._making = {}
        self._end_process()
        self._change(phase="off", making=(), base_url="", key="", models=(), plain=())

    def close(self) -> None:
        """The window closes."""
        self.hide()
        self._making = {}
        self._end_process()

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
        asked = {"models": list(wanted.models), "port": wanted.port, "context": wanted.context}
        process.write(json.dumps(asked).encode() + b"\n")

    @Slot()
    def _look_at_jobs(self) -> None:
        """Go on when all files are made; tell where one could not be."""
        if not self._making:
            return
        found = {name: self.services.feed.job(job) for name, job in self._making.items()}
        for name, job in found.items():
            if job is not None and job.state in ("failed", "stopped"):
                self.stop()
                error = job.error or {}
                if job.state == "failed":
                    title = tr("The GGUF file of {name} could not be made", name=name)
                    self.failed.emit(replace(problem_of_record(error), title=title))
                return
        if all(job is not None and job.state == "done" for job in found.values()):
            self._look_for_files()

    def _look_for_files(self) -> None:
        """Go on when the catalogue has the files, which it has a moment after their jobs are done."""
        workspace, names = self.services.workspace, tuple(self._making)

        def look() -> bool:
            from engine.inference.contestants import local_file

            return all(local_file(workspace, name)[2] is not None for name in names)

        def looked(there: bool) -> None:
            if there and tuple(self._making) == names:
                self._making = {}
                self._begin()

        self.services.background.run(self, look, looked, self.failed.emit)

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

    def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.readyReadStandardOutput.disconnect(self._hear)
        process.finished.disconnect(self._ended)
        process.closeWriteChannel()
        if not process.waitForFinished(_FAREWELL):
            process.kill()
            process.waitForFinished(1000)
        process.deleteLater()

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
