"""The ranking by one judge on the tasks that are chosen, and bringing it out. No widgets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from PySide6.QtCore import QObject, Signal

from desktop.language import tr
from desktop.problem import Problem, problem_of
from desktop.services import Services
from desktop.view_model import ViewModel
from engine.errors import BakeoffError
from engine.workspace import Workspace

if TYPE_CHECKING:
    from engine.judging.standings import JudgedTask, Standings
    from engine.ranking import Table
    from engine.studies.result import StudyResult

#: Stands for everything that was judged, where a study is chosen.
EVERYTHING: Final = ""
Form = Literal["png", "svg", "csv", "html"]


@dataclass(frozen=True)
class RankingState:
    """What the page shows.

    Attributes:
        studies: Names of those that are finished, newest first.
        study: The chosen one; `EVERYTHING` for none.
        tasks: Those of the study, or all that were judged.
        task: The one that is shown; empty for all of them together.
        judges: Who has judged them, and how many verdicts each has given.
        judge: Whose verdicts count.
        standings: None where nothing was judged, or ``problem`` says why it cannot be ranked.
    """

    studies: tuple[str, ...] = ()
    study: str = EVERYTHING
    tasks: tuple[JudgedTask, ...] = ()
    task: str = ""
    judges: tuple[tuple[str, int], ...] = ()
    judge: str = ""
    standings: Standings | None = None
    problem: Problem | None = None

    @property
    def table(self) -> Table | None:
        """The part that is shown."""
        if self.standings is None:
            return None
        ranking = self.standings.ranking
        return ranking.tasks.get(self.task, ranking)


@dataclass(frozen=True)
class _Wish:
    """What the user has chosen; None and empty where nothing was."""

    study: str | None
    task: str
    judge: str


@dataclass
class _Known:
    """The last ranking, and of what it is."""

    stamp: object = None
    standings: Standings | None = None


class RankingModel(ViewModel[RankingState]):
    """Ranks what was judged."""

    #: A file was written; carries its place.
    exported = Signal(object)
    #: A model is on its way out; carries the job.
    exporting = Signal(str)

    def __init__(self, services: Services, parent: QObject | None = None) -> None:
        super().__init__(services, RankingState(), parent)
        self._study: str | None = None
        self._task = ""
        self._judge = ""
        self._known = _Known()

    def read(self) -> Callable[[], RankingState]:
        """See `ViewModel`."""
        workspace, known = self.services.workspace, self._known
        wish = _Wish(self._study, self._task, self._judge)
        return lambda: _read(workspace, known, wish)

    def choose_study(self, study: str) -> None:
        """Rank what one study has judged, or `EVERYTHING`."""
        self._study, self._task = study, ""
        self.refresh()

    def choose_task(self, task: str) -> None:
        """Show one task; empty for all together."""
        self._task = task
        state = self.state
        if state.standings is not None and (not task or task in state.standings.ranking.tasks):
            # Every task is known already.
            self.use(RankingState(**{**vars(state), "task": task}))
        self.refresh()

    def choose_judge(self, judge: str) -> None:
        """Count another judge's verdicts."""
        self._judge = judge
        self.refresh()

    def export(self, file: Path, *, dark: bool) -> None:
        """Bring out what is shown, in the form that the file's ending names: a chart, a table, or the report."""
        state, workspace = self.state, self.services.workspace
        shown = state.standings
        if shown is None:
            return

        def write() -> Path:
            ranking = shown.ranking
            if file.suffix.lower() in (".html", ".htm"):
                from engine.files import write_bytes
                from engine.studies.report import report_html

                write_bytes(file, report_html(_result_of(workspace, state.study)).encode("utf-8"))
            elif file.suffix.lower() == ".csv":
                from engine.ranking.table_file import write_table

                write_table(ranking, file)
            else:
                from engine.ranking import draw_chart

                task = state.task if state.task in ranking.tasks else None
                draw_chart(ranking, file, theme="dark" if dark else "light", task=task, kinds=shown.kinds)
            return file

        self.do(write, self.exported.emit)

    def export_model(self, model: str, file: Path) -> None:
        """Bring a model out as a GGUF file; tells under which job."""
        client, workspace = self.services.client, self.services.workspace

        def submit() -> str:
            from engine.exporting.spec import ExportSpec
            from engine.workspace.settings import settings_of

            spec = ExportSpec(model=model, out=str(file), quantisation=settings_of(workspace).quantisation)
            job = client.submit("export", spec, f"Export {model} as gguf")
            client.ensure_runner()
            return job.id

        self.do(submit, self.exporting.emit)


def _read(workspace: Workspace, known: _Known, wish: _Wish) -> RankingState:
    from engine.judging.standings import judged_tasks, standings

    everything = judged_tasks(workspace)
    judged = {one.dataset: one for one in everything}
    studies = {
        name: tasks for name, tasks in _studies(workspace).items() if any(one in judged for one in tasks)
    }
    study = wish.study if wish.study is not None and (wish.study in studies or not wish.study) else None
    if study is None:
        study = next(iter(studies), EVERYTHING)
    if study:
        tasks = tuple(judged[name] for name in studies[study] if name in judged)
    else:
        tasks = tuple(everything)
    open_tasks = [one for one in tasks if not one.sealed]
    chosen = next((one for one in tasks if one.dataset == wish.task), None)
    counted = [chosen] if chosen is not None and chosen.sealed else open_tasks or list(tasks)
    judges = _judges(counted)
    if not judges:
        return RankingState(tuple(studies), study, tasks)
    judge = wish.judge if wish.judge in dict(judges) else judges[0][0]
    datasets = [one.dataset for one in counted if judge in dict(one.judges)]
    task = wish.task if wish.task in datasets else datasets[0] if len(datasets) == 1 else ""
    state = RankingState(tuple(studies), study, tasks, task, judges, judge)
    stamp = (study, datasets, judge, [one.judges for one in everything])
    try:
        if known.standings is None or known.stamp != stamp:
            known.standings = standings(workspace, datasets, judge, studies[study] if study else None)
            known.stamp = stamp
    except BakeoffError as error:
        return RankingState(**{**vars(state), "problem": problem_of(error)})
    ranking = known.standings.ranking
    if not ranking.tasks.get(task, ranking).contestants:
        problem = Problem(
            tr("There is nothing to rank"),
            " ".join(ranking.warnings) or tr("No two contestants took part in all of these tasks."),
            tr("Choose a task, or let the judge compare more answers."),
        )
        return RankingState(**{**vars(state), "problem": problem})
    return RankingState(**{**vars(state), "standings": known.standings})


def _judges(tasks: list[JudgedTask]) -> tuple[tuple[str, int], ...]:
    """All judges of some tasks; those that judged most of them first."""
    counts: dict[str, tuple[int, int]] = {}
    for task in tasks:
        for judge, number in task.judges:
            before = counts.get(judge, (0, 0))
            counts[judge] = before[0] + 1, before[1] + number
    order = sorted(counts, key=lambda judge: (-counts[judge][0], -counts[judge][1], judge))
    return tuple((judge, counts[judge][1]) for judge in order)


def _studies(workspace: Workspace) -> dict[str, dict[str, list[str]]]:
    """Finished studies, newest first: the tasks of each, and who took part in it."""
    from pydantic import ValidationError
    from sqlalchemy import select

    from engine.studies.result import StudyResult
    from engine.workspace.tables import Study

    found = {}
    with workspace.catalogue.reading() as session:
        query = select(Study).order_by(Study.created_at.desc())
        rows = [(row.name, row.result) for row in session.scalars(query)]
    for name, document in rows:
        try:
            result = StudyResult.model_validate(document)
        except ValidationError:  # it has none yet
            continue
        tasks = [*result.tasks, *([result.validation.task] if result.validation is not None else [])]
        found[name] = {task.dataset: [one.contestant for one in task.figures] for task in tasks}
    return found


def _result_of(workspace: Workspace, study: str) -> StudyResult:
    from engine.studies.result import StudyResult
    from engine.workspace.naming import study_named

    with workspace.catalogue.reading() as session:
        return StudyResult.model_validate(study_named(session, study).result)


def summary(state: RankingState) -> str:
    """What the ranking rests on, in one line."""
    table, shown = state.table, state.standings
    if table is None or shown is None:
        return tr("Which model is best, and how sure that is.")
    how = {
        "cluster": tr("intervals clustered by prompt"),
        "iid": tr("verdicts taken as independent"),
        "bootstrap": tr("intervals by bootstrap over prompts"),
    }[shown.ranking.interval]
    return tr(
        "{comparisons} comparisons on {prompts} prompts, Bradley-Terry, {level}, {how}",
        comparisons=f"{table.comparisons:,}",
        prompts=f"{table.prompts:,}",
        level=f"{shown.ranking.level:.0%}",
        how=how,
    )


def verdict_in_words(table: Table) -> tuple[str, str]:
    """Who is best and how sure that is, and what would make it surer."""
    best = table.contestants[0]
    if len(table.contestants) == 1:
        return tr("{name} stands alone.", name=best.name), ""
    if best.rank_hi == 1:
        return tr("{name} is the best, for certain.", name=best.name), ""
    together = [row.name for row in table.contestants if row.rank_lo == 1]
    head = (
        tr("{first} and {second} share the lead.", first=together[0], second=together[1])
        if len(together) == 2
        else tr("{count} share the lead; nothing tells them apart.", count=len(together))
    )
    if table.settle is None:
        return head, tr("More comparisons are needed to say more.")
    settle = table.settle
    if settle.prompts:
        return head, tr(
            "About {comparisons} more comparisons on {prompts} more prompts might tell the first two apart.",
            comparisons=f"{settle.comparisons:,}",
            prompts=f"{settle.prompts:,}",
        )
    return head, tr(
        "About {comparisons} more comparisons might tell the first two apart.",
        comparisons=f"{settle.comparisons:,}",
    )
