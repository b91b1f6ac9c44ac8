"""What the Ranking page shows. Knows no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from desktop.problem import Problem

if TYPE_CHECKING:
    from engine.judging.standings import JudgedTask, Split, Standings
    from engine.ranking import Table

#: Stands for everything that was judged, where a study is chosen.
EVERYTHING: Final = ""
Form = Literal["png", "svg", "csv", "html"]
#: How intervals are made (see `engine.ranking.rank`).
Interval = Literal["auto", "cluster", "iid", "bootstrap"]


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
        reference: Whose rating is zero; empty where the mean is.
        standings: None where nothing was judged, or ``problem`` says why it cannot be ranked.
        counting: So many verdicts are being ranked, which takes a while; nothing is shown before.
        file: What is ranked instead of what the workspace has judged; None: nothing else.
        chosen: Tasks that are ranked together without being a study's; empty: none were chosen.
        split: Whose prompts' verdicts count.
        not_judged: Tasks that are left out, as the judge has judged none of their answers.
        level: Of the intervals.
        interval: How they are made.
    """

    studies: tuple[str, ...] = ()
    study: str = EVERYTHING
    tasks: tuple[JudgedTask, ...] = ()
    task: str = ""
    judges: tuple[tuple[str, int], ...] = ()
    judge: str = ""
    reference: str = ""
    standings: Standings | None = None
    problem: Problem | None = None
    counting: int = 0
    file: Path | None = None
    chosen: tuple[str, ...] = ()
    split: Split = "test"
    not_judged: tuple[str, ...] = ()
    level: float = 0.95
    interval: Interval = "auto"

    @property
    def filled(self) -> bool:
        """Whether there is anything to rank."""
        return bool(self.judges) or self.file is not None

    @property
    def table(self) -> Table | None:
        """The part that is shown."""
        if self.standings is None:
            return None
        ranking = self.standings.ranking
        return ranking.tasks.get(self.task, ranking)

    @property
    def leading(self) -> list[tuple[str, str]]:
        """Task and model of whoever stands first, if it is of the workspace; in an average, one for each task."""
        table, shown = self.table, self.standings
        if table is None or shown is None or self.file is not None:
            return []
        first = table.contestants[0].name
        if shown.kinds.get(first, "reference") == "reference":
            return []
        if self.task or len(shown.datasets) == 1:
            return [(self.task or shown.datasets[0], first.partition("@")[0])]
        names = [(task, shown.names[task].get(first)) for task in shown.datasets]
        return [(task, name.partition("@")[0]) for task, name in names if name is not None]
