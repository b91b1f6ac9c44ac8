"""The rows of the report's tables, every figure in words, and the sentences that go with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any, Final

from engine.studies.report_charts import Bar, Dot
from engine.studies.report_words import (
    NONE,
    elo_span,
    elo_text,
    no_estimate,
    number,
    per_thousand,
    percent,
    ranks,
    rating_span,
    signed,
    usd,
)
from engine.studies.result import AnswerFigures, EntrantResult, StudyResult, TaskResult

#: Names of references that are no endpoint's.
_UNTUNED: Final = ("untuned:", "fewshot:")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table of entrants or contestants; figures are words, empty where the table has none.

    Attributes:
        name: The entrant.
        contestant: Who answered for it on this task, where that is another name.
        floor: A contestant that is one of the task's floors.
        winner: The study's winner; ``clear`` if everybody else is surely behind it.
        note: In place of a rating that is not there.
        everywhere: Whether it takes part in all tasks of the table.
        dot: The same row in the chart of ratings.
        share: Mean of the task's metric, for the chart of shares.
    """

    name: str
    dot: Dot
    contestant: str = ""
    parents: tuple[str, ...] = ()
    plain: bool = False
    floor: bool = False
    winner: bool = False
    clear: bool = False
    ranks: str = NONE
    elo: str = NONE
    elo_span: str = NONE
    rating: str = NONE
    rating_span: str = NONE
    note: str = ""
    everywhere: bool = True
    record: str = NONE
    metric: str = NONE
    cut_off: str = NONE
    seconds: str = NONE
    usd: str = NONE
    share: float | None = None

    @property
    def kind(self) -> str:
        """``base``, ``merge`` or ``reference``."""
        return self.dot.kind


def entrant_rows(result: StudyResult, ranking: Mapping[str, Any]) -> list[Row]:
    """The rows of a ranking of entrants; with what their answers took, averaged over the open tasks."""
    open_tasks = [task for task in result.tasks if not task.sealed]
    rows = []
    for standing in ranking["contestants"]:
        name = standing["name"]
        everywhere = name not in _absent(result, ranking)
        row = _row(result, standing, name, everywhere=everywhere)
        seconds = task_mean(open_tasks, name, "seconds_per_1000")
        costs = task_mean(open_tasks, name, "usd_per_1000")
        rows.append(replace(row, seconds=per_thousand(seconds), usd=usd(costs)))
    return rows


def task_rows(result: StudyResult, task: TaskResult, ranking: Mapping[str, Any] | None) -> list[Row]:
    """The contestants of a task: those with verdicts as ranked, then those that only answered.

    Args:
        result: Whose entrants they are.
        task: How they answered.
        ranking: How they were judged on it; None where nobody was.
    """
    figures = {one.contestant: one for one in task.figures}
    by_entrant: dict[str, list[AnswerFigures]] = {}
    for one in task.figures:
        by_entrant.setdefault(one.entrant, []).append(one)
    rows: list[Row] = []
    seen = set()
    for standing in (ranking or {}).get("contestants", []):
        name = standing["name"]
        own = figures.get(name)
        if own is None and len(by_entrant.get(name, [])) == 1:
            own = by_entrant[name][0]
        if own is None:
            rows.append(_row(result, standing, name))
            continue
        seen.add(own.contestant)
        several = len(by_entrant[own.entrant]) > 1
        row = _row(result, standing, own.entrant, own.contestant, several=several)
        rows.append(_with_figures(row, own, task, result.plain))
    for own in sorted(task.figures, key=lambda one: -one.metric):
        if own.contestant not in seen:
            kind = _entrant(result, own.entrant).kind
            several = len(by_entrant[own.entrant]) > 1
            dot = Dot(
                own.contestant if several else own.entrant, kind, None, None, None, NONE, note="not judged"
            )
            bare = Row(own.entrant, dot, contestant=_other(own), note="not judged")
            rows.append(_with_figures(bare, own, task, result.plain))
    return rows


def floors(task: TaskResult, plain: str) -> list[Bar]:
    """What costs no training: the most frequent answer, the untuned base, the same shown a few examples."""
    bars = []
    if task.floor is not None:
        answer = f"“{task.floor_answer}”" if task.floor_answer else "the most frequent answer"
        bars.append(Bar(f"Always {answer}", "floor", task.floor, line=True))
    if task.untuned is not None:
        bars.append(
            Bar(f"{plain}, untuned", "floor", task.untuned, _aside(task, f"untuned:{plain}", task.untuned))
        )
    if task.few_shot is not None:
        aside = _aside(task, f"fewshot:{plain}", task.few_shot)
        bars.append(Bar(f"{plain}, untuned, few-shot", "floor", task.few_shot, aside, line=True))
    return bars


def _aside(task: TaskResult, entrant: str, share: float) -> str:
    """The share of cut-off answers of a floor that is also a contestant."""
    return next(
        (percent(one.cut_off) for one in task.figures if one.entrant == entrant and one.metric == share), ""
    )


def share_bars(rows: Sequence[Row]) -> list[Bar]:
    """The rows of a task that answered, best first, for the chart of shares; floors come after them."""
    answered = [row for row in rows if row.share is not None and not row.floor]
    answered.sort(key=lambda row: -(row.share or 0.0))
    return [Bar(row.dot.name, row.kind, row.share or 0.0, row.cut_off) for row in answered]


def floor_sentences(task: TaskResult, plain: str, kinds: Mapping[str, str]) -> list[str]:
    """What became better by training, read against the floors."""
    tuned = [one.metric for one in task.figures if one.entrant == plain]
    said = []
    if tuned:
        before = []
        if task.untuned is not None:
            before.append(f"{percent(task.untuned)} untuned")
        if task.few_shot is not None:
            before.append(f"{percent(task.few_shot)} untuned with a few solved examples in the prompt")
        if task.floor is not None:
            before.append(f"{percent(task.floor)} for always giving the most frequent answer")
        against = f", against {', '.join(before)}" if before else ""
        said.append(f"The plain base {plain} reaches {percent(fmean(tuned))} after fine-tuning{against}.")
    highest = max((bar.share for bar in floors(task, plain)), default=None)
    trained = [one.metric for one in task.figures if kinds.get(one.entrant) in ("base", "merge")]
    if highest is not None and trained and max(trained) <= highest:
        said.append(
            f"No fine-tune is above the highest floor of {percent(highest)}: nothing shows that it learned the task."
        )
    if task.untuned == 0 and task.metric != "rouge_l":
        said.append("An untuned 0.0% is a failure of format, not of knowledge.")
    return said


def task_mean(tasks: Iterable[TaskResult], entrant: str, figure: str) -> float | None:
    """Mean over tasks of an entrant's figure, itself the mean over its contestants there; None without any."""
    means = []
    for task in tasks:
        own = [getattr(one, figure) for one in task.figures if one.entrant == entrant]
        if own:
            means.append(fmean(own))
    return fmean(means) if means else None


def clear_winner(result: StudyResult) -> bool:
    """Whether there is a winner that the ranking tells apart from everybody else."""
    rows = result.ranking["contestants"]
    return len(rows) > 1 and any(
        row["name"] == result.winner and row["rank_lo"] == row["rank_hi"] == 1 for row in rows
    )


def kinds_of(result: StudyResult) -> dict[str, str]:
    """Name of an entrant -> its kind."""
    return {one.name: one.kind for one in result.entrants}


def _absent(result: StudyResult, ranking: Mapping[str, Any]) -> set[str]:
    """The entrants of a ranking that do not take part in all of its tasks, as far as can be told."""
    entrants = {standing["name"] for standing in ranking["contestants"]}
    absent: set[str] = set()
    for dataset, table in ranking.get("tasks", {}).items():
        owners = {
            one.contestant: one.entrant
            for task in result.tasks
            if task.dataset == dataset
            for one in task.figures
        }
        present = {owners.get(standing["name"], standing["name"]) for standing in table["contestants"]}
        # A contestant of whom nobody knows for which entrant it stands might stand for any of them.
        if present <= entrants:
            absent |= entrants - present
    return absent


def _row(
    result: StudyResult,
    standing: Mapping[str, Any],
    entrant: str,
    contestant: str = "",
    *,
    several: bool = False,
    everywhere: bool = True,
) -> Row:
    who = _entrant(result, entrant)
    rating, lo, hi = (number(standing[key]) for key in ("rating", "lo", "hi"))
    # The one to which the ratings are differences has no interval of its own.
    held = rating == lo == hi == 0
    note = "" if rating is not None else no_estimate(standing, everywhere=everywhere)
    dot = Dot(
        contestant if several else entrant,
        who.kind,
        rating,
        lo,
        hi,
        ranks(standing),
        top=standing["rank_lo"] == 1 and everywhere,
        note=note,
    )
    return Row(
        name=entrant,
        dot=dot,
        contestant=contestant if contestant != entrant else "",
        parents=tuple(who.parents),
        plain=entrant == result.plain,
        winner=entrant == result.winner,
        clear=entrant == result.winner and clear_winner(result),
        ranks=dot.ranks,
        elo=elo_text(rating),
        elo_span="held fixed" if held else elo_span(lo, hi),
        rating=signed(rating),
        rating_span="held fixed" if held else rating_span(lo, hi),
        note=note,
        everywhere=everywhere,
        record=f"{standing['wins']:,} / {standing['ties']:,} / {standing['losses']:,}",
    )


def _with_figures(row: Row, figures: AnswerFigures, task: TaskResult, plain: str) -> Row:
    floor_of = {f"untuned:{plain}": task.untuned, f"fewshot:{plain}": task.few_shot}
    return replace(
        row,
        floor=floor_of.get(figures.entrant) == figures.metric,
        metric=percent(figures.metric),
        cut_off=percent(figures.cut_off),
        seconds=per_thousand(figures.seconds_per_1000),
        usd=usd(figures.usd_per_1000),
        share=figures.metric,
    )


def _other(figures: AnswerFigures) -> str:
    return figures.contestant if figures.contestant != figures.entrant else ""


def _entrant(result: StudyResult, name: str) -> EntrantResult:
    """Whom a name stands for; one that the result does not list is a reference, or else a base."""
    for one in result.entrants:
        if one.name == name:
            return one
    return EntrantResult(name=name, kind="reference" if name.startswith(_UNTUNED) else "base")
