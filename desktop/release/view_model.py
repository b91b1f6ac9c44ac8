"""A release from the first tick to the folder that holds it, and what becomes of it. No widgets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from PySide6.QtCore import QObject

from desktop.feed import JobRow
from desktop.language import tr
from desktop.planned_job import PlannedJob
from desktop.problem import Problem
from desktop.release.faults import fitted
from desktop.release.planning import (
    Contents,
    Draft,
    Kept,
    Options,
    read_contents,
    read_options,
)
from desktop.services import Services
from engine.errors import Words

if TYPE_CHECKING:
    from engine.studies.release.spec import ReleaseSpec
    from engine.studies.release.starting import Afterwards

#: ``asking`` until it is started; then what is done.
Stage = Literal["asking", "starting", "making", "finishing", "pushing", "done", "failed"]

_NO_OPTIONS: Final = Options()
_NO_CONTENTS: Final = Contents()


@dataclass(frozen=True)
class ReleaseState:
    """What the dialog shows.

    Attributes:
        draft: Of which ``contents`` tells.
        job: That makes or pushes it.
        summary: What was made; empty until then. ``done`` tells what became of it.
        card: As it was written, once it is.
        problem: Why it failed.
    """

    options: Options = _NO_OPTIONS
    contents: Contents = _NO_CONTENTS
    draft: Draft | None = None
    stage: Stage = "asking"
    job: JobRow | None = None
    summary: tuple[tuple[str, Any], ...] = ()
    done: tuple[str, ...] = ()
    card: str = ""
    problem: Problem | None = None

    @property
    def folder(self) -> str:
        """Where the release lies, once it does."""
        return str(dict(self.summary).get("folder", ""))

    @property
    def busy(self) -> bool:
        """Whether something is being done."""
        return self.stage in ("starting", "making", "finishing", "pushing")


class ReleaseModel(PlannedJob[ReleaseState, Draft]):
    """Plans a release, makes it by a job, and then does with it what was wanted.

    It may outlive its dialog: what is wanted afterwards is done when the job has ended, if the window is still open.
    """

    following = frozenset({"making", "pushing"})

    def __init__(self, services: Services, draft: Draft, parent: QObject | None = None) -> None:
        super().__init__(services, ReleaseState(), draft, parent)
        self._kept = Kept()
        self._stamp: tuple[int, ...] = ()
        self._summary: dict[str, Any] = {}
        self._done: tuple[str, ...] = ()
        self._card = ""
        self._wanted: tuple[ReleaseSpec, Afterwards] | None = None

    def read(self) -> Callable[[], ReleaseState]:
        """See `ViewModel`."""
        workspace, draft, kept, before = self.services.workspace, self.draft, self._kept, self.state
        if self._stamp != self.services.feed.snapshot.catalogue:
            self._stamp = self.services.feed.snapshot.catalogue
            kept.previews.clear()
        asking = self.asking

        def read() -> ReleaseState:
            if not kept.options:
                kept.options.append(read_options(workspace, draft.model))
            # While it is being made, its folder is not free, and that is no fault.
            contents = read_contents(workspace, draft, kept.previews) if asking else before.contents
            return ReleaseState(kept.options[0], contents, draft if asking else before.draft)

        return read

    def use(self, state: ReleaseState) -> None:
        """See `ViewModel`; how far it is, this thread knows best."""
        super().use(
            replace(
                state,
                stage=self._stage,
                job=self.job(),
                summary=tuple(self._summary.items()),
                done=self._done,
                card=self._card if self._stage == "done" else "",
                problem=self._problem,
            )
        )

    def start(self) -> None:
        """Make the release, or go on with the one that lies there."""
        if not self.can_start:
            return
        workspace, client, draft = self.services.workspace, self.services.client, self.draft
        self._problem = None
        self.go("starting")

        def begin() -> tuple[ReleaseSpec, Afterwards, str, dict[str, Any]]:
            from engine.studies.release.starting import made_already, require_releasable

            spec, afterwards = draft.spec(workspace), draft.afterwards()
            files = require_releasable(workspace, spec, afterwards)
            summary = made_already(spec, files, afterwards)
            if summary is not None:
                return spec, afterwards, "", summary
            job = client.begin("release", spec, Words("Release {model}", model=files.name))
            return spec, afterwards, job.id, {}

        def begun(found: tuple[ReleaseSpec, Afterwards, str, dict[str, Any]]) -> None:
            spec, afterwards, job, summary = found
            self._wanted = spec, afterwards
            if job:
                self.follow(job, "making")
            else:
                self._made(summary)

        self.services.background.run(self, begin, begun, self.fail)

    def arrived(self, stage: str, summary: dict[str, Any]) -> None:
        """See `PlannedJob`."""
        (self._made if stage == "making" else self._pushed)(summary)

    def failure(self, stage: str) -> str:
        """See `PlannedJob`."""
        return tr("The release was not made") if stage == "making" else tr("It was not pushed")

    def fail(self, problem: Problem) -> None:
        """See `PlannedJob`."""
        super().fail(fitted(problem))

    def _made(self, summary: dict[str, Any]) -> None:
        """The folder is there: do with it what was wanted."""
        assert self._wanted is not None
        self._summary = summary
        workspace, (spec, afterwards) = self.services.workspace, self._wanted
        self.go("finishing")

        def finish() -> tuple[dict[str, Any], str]:
            from engine.models.library import find_model
            from engine.studies.release.bundle import CARD
            from engine.studies.release.starting import finish_release

            card = (Path(spec.out) / CARD).read_text(encoding="utf-8")
            return finish_release(
                workspace, find_model(workspace, spec.model), Path(spec.out), afterwards
            ), card

        self.services.background.run(self, finish, self._finished, self.fail)

    def _finished(self, found: tuple[dict[str, Any], str]) -> None:
        assert self._wanted is not None
        spec, afterwards = self._wanted
        done, self._card = found
        sentences = []
        if "default_base" in done:
            sentences.append(
                tr("{model} is now what is trained where no base is named.", model=done["default_base"])
            )
        for one in done.get("installed", ()):
            if one["program"] == "ollama":
                sentences.append(tr("Ollama has it: {command}", command=one["run"]))
            else:
                sentences.append(tr("LM Studio has it: {folder}", folder=one["folder"]))
        self._done = tuple(sentences)
        if not afterwards.push:
            self._rest()
            return
        client = self.services.client

        def push() -> str:
            from engine.studies.pushing.spec import PushSpec

            wanted = PushSpec(folder=spec.out, repository=afterwards.push, public=afterwards.public)
            title = Words("Push {release} to {name}", release=Path(spec.out).name, name=afterwards.push)
            return client.begin(
                "push", wanted, title, own_runner=True
            ).id  # the token may be in the environment

        self.services.background.run(self, push, lambda job: self.follow(job, "pushing"), self.fail)

    def _pushed(self, summary: dict[str, Any]) -> None:
        words = (
            tr("It is at {url}, for you alone.", url=summary["url"])
            if summary["private"]
            else tr("It is at {url}, for everybody to see.", url=summary["url"])
        )
        self._done = (*self._done, words)
        self._rest()

    def _rest(self) -> None:
        self.go("done")
        self.told.emit(tr("{model} has been released.", model=self.draft.model))
        self.rested.emit()
