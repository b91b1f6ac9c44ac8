"""The ranking by one judge on the tasks that are chosen, and bringing it out. No widgets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, QTimer, Signal

from desktop.pages.ranking.reading import Known, Wish, read_ranking
from desktop.pages.ranking.state import EVERYTHING, Interval, RankingState
from desktop.services import Services
from desktop.view_model import ViewModel
from engine.errors import Words
from engine.judging.aside import Aside

if TYPE_CHECKING:
    from engine.judging.standings import JudgedTask, Split

#: Job kinds that bring new verdicts.
_JUDGING: Final = ("judge", "study")
#: Milliseconds after which a ranking that is not the latest is tried to be read again.
_LATER: Final = 1000


class RankingModel(ViewModel[RankingState]):
    """Ranks what was judged."""

    #: A file was written; carries its place.
    exported = Signal(object)
    #: A model is on its way out; carries the job.
    exporting = Signal(str)

    def __init__(self, services: Services, parent: QObject | None = None) -> None:
        super().__init__(services, RankingState(), parent)
        self._study: str | None = None
        self._task, self._judge, self._reference = "", "", ""
        #: The reference that the last reading was asked for.
        self._asked = ""
        self._file: Path | None = None
        self._datasets: tuple[str, ...] = ()
        self._split: Split = "test"
        self._level = 0.95
        self._interval: Interval = "auto"
        self._known = Known(Aside())
        self._later = QTimer(self, singleShot=True, interval=_LATER)
        self._later.timeout.connect(self.refresh)

    def hide(self) -> None:
        """See `ViewModel`."""
        self._later.stop()
        super().hide()

    def close(self) -> None:
        """Stop whatever is being computed."""
        self.hide()
        self._known.aside.cancel()

    def read(self) -> Callable[[], RankingState]:
        """See `ViewModel`."""
        workspace, known = self.services.workspace, self._known
        self._asked = self._reference
        wish = Wish(
            self._study,
            self._task,
            self._judge,
            self._reference,
            self._file,
            self._datasets,
            self._split,
            self._level,
            self._interval,
        )
        at_work = any(job.kind in _JUDGING and job.active for job in self.services.feed.jobs)
        return lambda: read_ranking(workspace, known, wish, at_work=at_work)

    def use(self, state: RankingState) -> None:
        """See `ViewModel`; what is not the latest is read again: at once where nothing is shown."""
        super().use(state)
        if self._reference == self._asked:  # one that takes no part is let go of
            self._reference = state.reference
        if self._known.stale and self.shown:
            if state.standings is None:
                self.refresh()
            else:
                self._later.start()

    def choose_study(self, study: str) -> None:
        """Rank what one study has judged, or `EVERYTHING`."""
        self._study, self._task, self._file, self._datasets = study, "", None, ()
        self._rank_anew()

    def choose_datasets(self, datasets: tuple[str, ...], split: Split) -> None:
        """Rank everybody on some tasks, by the verdicts on one part of their prompts."""
        self._study, self._task, self._file = EVERYTHING, "", None
        self._datasets, self._split = datasets, split
        self._rank_anew()

    def ask_judged(self, done: Callable[[dict[Split, list[JudgedTask]]], None]) -> None:
        """Tell what was judged, by part of the datasets."""
        workspace = self.services.workspace

        def read() -> dict[Split, list[JudgedTask]]:
            from engine.judging.standings import judged_tasks

            parts: tuple[Split, ...] = ("test", "dev")
            return {split: judged_tasks(workspace, split) for split in parts}

        self.do(read, done)

    def choose_level(self, level: float) -> None:
        """Make the intervals hold at another level."""
        self._level = level
        self._rank_anew()

    def choose_interval(self, interval: Interval) -> None:
        """Make the intervals another way."""
        self._interval = interval
        self._rank_anew()

    def choose_file(self, file: Path) -> None:
        """Rank the verdicts in a file instead."""
        self._task, self._file = "", file
        self._rank_anew()

    def choose_votes(self) -> None:
        """Rank the votes of all conversations instead."""
        from engine.inference.chat.exporting import gather_votes

        workspace = self.services.workspace
        self.do(lambda: gather_votes(workspace)[0], self.choose_file)

    def choose_task(self, task: str) -> None:
        """Show one task; empty for all together."""
        self._task = task
        state = self.state
        if state.standings is not None and (not task or task in state.standings.ranking.tasks):
            # Every task is known already.
            self.use(replace(state, task=task))
            self.refresh()
        else:
            self._rank_anew()

    def choose_judge(self, judge: str) -> None:
        """Count another judge's verdicts."""
        self._judge = judge
        self._rank_anew()

    def choose_reference(self, name: str) -> None:
        """Make that one's rating zero; empty for the mean of all."""
        self._reference = name
        self._rank_anew()

    def export(self, file: Path, *, dark: bool) -> None:
        """Bring out what is shown, in the form that the file's ending names: a chart, a table, or the report."""
        state = self.state
        shown = state.standings
        if shown is None:
            return

        def write() -> Path:
            ranking = shown.ranking
            if file.suffix.lower() in (".html", ".htm"):
                from engine.files import write_text
                from engine.studies.standings_report import standings_html

                write_text(file, standings_html(shown))
            elif file.suffix.lower() == ".csv":
                from engine.ranking.table_file import write_table

                write_table(ranking, file)
            else:
                from engine.ranking import draw_chart

                task = state.task if state.task in ranking.tasks else None
                draw_chart(ranking, file, theme="dark" if dark else "light", task=task, kinds=shown.kinds)
            return file

        self.do(write, self.exported.emit)

    def export_study(self, file: Path) -> None:
        """Write the report of the chosen study."""
        workspace, study = self.services.workspace, self.state.study

        def write() -> Path:
            from engine.files import write_text
            from engine.studies.report import report_html
            from engine.studies.result import StudyResult
            from engine.workspace.naming import study_named

            with workspace.catalogue.reading() as session:
                result = StudyResult.model_validate(study_named(session, study).result)
            write_text(file, report_html(result))
            return file

        self.do(write, self.exported.emit)

    def export_model(self, model: str, file: Path) -> None:
        """Bring a model out as a GGUF file; tells under which job."""
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

    def _rank_anew(self) -> None:
        self._known.aside.cancel()
        self.refresh()
