"""One study of the workspace as it stands, and pausing, continuing and stopping it. Knows no widgets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from desktop.language import numeral, tr
from desktop.problem import problem_of_record
from desktop.references.view_model import Draft
from desktop.services import Services
from desktop.view_model import ViewModel
from desktop.words import duration, told
from engine.errors import BakeoffError, Words
from engine.jobs.directory import Action
from engine.studies.extending import Addition, addition_takes, additions, extend_study, extended
from engine.studies.lines import study_lines
from engine.studies.opening import choose_opening, open_by_hand
from engine.studies.picture import StudyPicture, study_picture

if TYPE_CHECKING:
    from engine.studies.quick import Extras
    from engine.studies.spec import StudySpec


@dataclass(frozen=True)
class StudyState:
    """What the page shows.

    Attributes:
        names: Of all studies, newest first.
        picture: Of the one that is shown; None where there is none.
        report: Its report, where there is one.
        additions: What can be added to it: names of bases, tasks, references and merges.
    """

    names: tuple[str, ...] = ()
    picture: StudyPicture | None = None
    report: Path | None = None
    additions: tuple[tuple[Addition, tuple[str, ...]], ...] = ()


class StudyModel(ViewModel[StudyState]):
    """Follows one study."""

    #: A model is on its way out; carries the job.
    exporting = Signal(str)

    def __init__(self, services: Services, parent: QObject | None = None) -> None:
        super().__init__(services, StudyState(), parent)
        self._wanted = ""

    def show(self) -> None:
        """See `ViewModel`."""
        if not self.shown:
            self.services.feed.jobs_changed.connect(self._jobs_changed)
        super().show()

    def hide(self) -> None:
        """See `ViewModel`."""
        if self.shown:
            self.services.feed.jobs_changed.disconnect(self._jobs_changed)
        super().hide()

    def read(self) -> Callable[[], StudyState]:
        """See `ViewModel`."""
        wanted, workspace = self._wanted, self.services.workspace

        def read() -> StudyState:
            lines = study_lines(workspace)
            names = tuple(line.name for line in lines)
            if not names:
                return StudyState()
            at_work = next((line.name for line in lines if line.state in ("running", "queued")), names[0])
            picture = study_picture(workspace, wanted if wanted in names else at_work)
            report = picture.result.report if picture.result is not None else ""
            file = workspace.absolute(report) if report else None
            report_file = file if file is not None and file.is_file() else None
            return StudyState(names, picture, report_file, tuple(additions(workspace, picture.name).items()))

        return read

    def select(self, name: str) -> None:
        """Show another study."""
        self._wanted = name
        self.refresh()

    def ask(self, action: Action) -> None:
        """Pause, continue or stop the study that is shown."""
        picture, client = self.state.picture, self.services.client
        if picture is not None:
            job_id = picture.job
            self.do(lambda: client.ask(client.job(job_id), action))

    def reckon(self, what: Addition, added: str, done: Callable[[tuple[float, float] | None], None]) -> None:
        """Tell the seconds and USD that an addition will probably take; None where that cannot be reckoned."""
        picture, workspace = self.state.picture, self.services.workspace
        if picture is None:
            return
        name = picture.name

        def reckoned() -> tuple[float, float] | None:
            try:
                return addition_takes(workspace, name, what, added)
            except BakeoffError:  # what stands against it is told when it is added
                return None

        self.services.background.run(self, reckoned, done, self.failed.emit)

    def add(self, what: Addition, added: str) -> None:
        """Add a base, a task, a merge or a reference to the study that is shown, which goes on with it."""
        self._add(what, added, None)

    def add_references(self, draft: Draft) -> None:
        """Add models behind endpoints, within the ceiling that was typed."""
        self._add("reference", draft.names, draft.extras().budget_usd)

    def longer_study(self) -> Callable[[Extras], StudySpec]:
        """Makes the study that is shown with references added; for another thread."""
        workspace, name = self.services.workspace, self.state.picture.name if self.state.picture else ""
        return lambda extras: extended(workspace, name, "reference", extras.references, extras.budget_usd)

    def open_sealed(self) -> None:
        """Open the sealed task that waits; the study goes on with it."""
        picture = self.state.picture
        if picture is not None:
            workspace, client, name = self.services.workspace, self.services.client, picture.name
            self.do(lambda: open_by_hand(workspace, client, name))

    def keep_sealed(self, by_hand: bool) -> None:
        """Let the sealed task wait for somebody at the end, or be opened by the study."""
        picture = self.state.picture
        if picture is not None:
            workspace, client, name = self.services.workspace, self.services.client, picture.name
            self.do(lambda: choose_opening(workspace, client, name, by_hand=by_hand))

    def _add(self, what: Addition, added: str | tuple[str, ...], budget_usd: float | None) -> None:
        picture = self.state.picture
        if picture is None:
            return
        workspace, client, name = self.services.workspace, self.services.client, picture.name
        words = added if isinstance(added, str) else ", ".join(added)

        def done(_job: object) -> None:
            self.told.emit(tr("{added} has been added to {study}.", added=words, study=name))

        self.do(lambda: extend_study(workspace, client, name, what, added, budget_usd), done)

    def export(self, model: str, file: Path) -> None:
        """Bring a fine-tune out as a GGUF file; tells under which job."""
        client, workspace = self.services.client, self.services.workspace

        def submit() -> str:
            from engine.exporting.spec import ExportSpec
            from engine.workspace.settings import settings_of

            spec = ExportSpec(
                model=model, out=str(file), quantisation=settings_of(workspace).quantisation, drift=True
            )
            job = client.submit("export", spec, Words("Export {model} as gguf", model=model))
            client.ensure_runner()
            return job.id

        self.do(submit, self.exporting.emit)

    @Slot()
    def _jobs_changed(self) -> None:
        self.refresh()


def what_next(picture: StudyPicture) -> str:
    """What happens now and next, in one sentence."""
    if picture.state == "done" and picture.can_open:
        return tr("It is finished, and {task} stays sealed until you open it.", task=picture.can_open)
    if picture.state == "done":
        return tr("It is finished. The report has every table and every step.")
    if picture.state == "failed":
        problem = problem_of_record(picture.error)
        return f"{problem.message} {problem.fix}".strip()
    if picture.state == "paused":
        return tr("It is paused, and takes no memory. Continue takes it up where it was.")
    if picture.state in ("stopped", "interrupted"):
        return tr("It does not run at the moment. What is done stays done: Continue takes it up there.")
    if picture.state == "queued" and not picture.now:
        return tr("It waits until the job before it is done, and begins by itself.")
    now = " · ".join(map(told, picture.now[:2]))
    if now and picture.next:
        return tr(
            "{now}. After that: {next}. You are not needed until the end.", now=now, next=told(picture.next)
        )
    if now:
        return tr("{now}. Then the result is put together.", now=now)
    if picture.next:
        return tr("Next: {next}. You are not needed until the end.", next=told(picture.next))
    return tr("The result is being put together.")


def in_words(picture: StudyPicture) -> str:
    """The picture in a sentence, for those who do not see it."""
    bases = sum(one.kind == "base" for one in picture.entrants)
    merges = sum(one.kind == "merge" for one in picture.entrants)
    references = sum(one.kind == "reference" for one in picture.entrants)
    return tr(
        "Bases: {bases}, merges: {merges}, references: {references}, tasks: {tasks}; {share} is done. {next}",
        bases=bases,
        merges=merges,
        references=references,
        tasks=len(picture.tasks),
        share=numeral(picture.share, ".0%"),
        next=what_next(picture),
    )


def time_left(picture: StudyPicture) -> tuple[str, str]:
    """The time that it will still take, and how much is done."""
    done = tr("{share} is done", share=numeral(picture.share, ".0%"))
    if picture.state == "done":
        if picture.result is None:  # for the moment in which it is taken into the catalogue
            return tr("Finished"), done
        return tr("Finished"), tr("its jobs took {time}", time=duration(picture.result.seconds))
    if picture.seconds_left is None:
        return tr("Not running"), done
    return tr("about {time}", time=duration(picture.seconds_left)), done
