"""A study's result as the report's sections: rows, sentences and charts, ready for the template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from engine.studies.report_charts import difference_chart, legend, rating_chart, share_chart
from engine.studies.report_jobs import JobRow, details, job_rows, jobs_sentence
from engine.studies.report_tables import (
    Row,
    clear_winner,
    entrant_rows,
    floor_sentences,
    floors,
    kinds_of,
    share_bars,
    task_rows,
)
from engine.studies.report_words import (
    INTERVAL_WORDS,
    NONE,
    by_reference,
    count,
    duration,
    group_sentences,
    judge_words,
    level_text,
    listing,
    number,
    percent,
    points,
    rating_span,
    signed,
    span,
    usd,
)
from engine.studies.result import Choice, EntrantResult, StudyResult, TaskResult, Validation

YARDSTICK: Final = "the dataset’s own answers: the yardstick, not a contestant"
_VERDICTS: Final = {
    "holds": ("good", "The order holds"),
    "not separable": ("warn", "Not separable"),
    "reversed": ("bad", "The order is reversed"),
    "not judged": ("warn", "Not judged"),
}


@dataclass(frozen=True)
class Figure:
    """A chart with the sentence that says what it shows."""

    svg: str
    sentence: str


@dataclass(frozen=True)
class Section:
    """A table with its charts and sentences."""

    rows: list[Row]
    sentences: list[str] = field(default_factory=list)
    charts: list[Figure] = field(default_factory=list)


@dataclass(frozen=True)
class TaskSection(Section):
    """A task; ``floors`` are (name, share) of those that are no contestants."""

    task: TaskResult = field(kw_only=True)
    floors: list[tuple[str, str]] = field(default_factory=list, kw_only=True)


@dataclass(frozen=True)
class ChoiceSection(Section):
    """A choice on dev, with the table that it rests on."""

    choice: Choice = field(kw_only=True)


@dataclass(frozen=True)
class ValidationSection:
    """The sealed task: the verdict, the difference in words, the table of the task."""

    validation: Validation
    tone: str
    word: str
    difference: str
    interval: str
    rating_difference: str
    rating_interval: str
    chart: Figure
    section: TaskSection


@dataclass(frozen=True)
class View:
    """Everything that the template says."""

    result: StudyResult
    status: tuple[str, str]
    facts: list[tuple[str, str]]
    ranking: Section
    legend: str
    groups: list[str]
    reading: str
    yardstick: bool
    tasks: list[TaskSection]
    choices: list[ChoiceSection]
    validation: ValidationSection | None
    merges: list[EntrantResult]
    cautions: list[str]
    jobs: list[JobRow]
    jobs_sentence: str
    details: list[tuple[str, str]]
    level: str


def view_of(result: StudyResult) -> View:
    """Put a result into the report's sections."""
    yardstick = by_reference(result.judge)
    ranking = _ranking(result, yardstick=yardstick)
    kinds = [kind for kind in ("merge", "base", "reference") if any(row.kind == kind for row in ranking.rows)]
    tasks = [
        task
        for task in result.tasks
        if result.validation is None or task.dataset != result.validation.dataset
    ]
    return View(
        result=result,
        status=status(result),
        facts=_facts(result),
        ranking=ranking,
        legend=legend(kinds),
        groups=group_sentences(result.groups, len(ranking.rows), result.level),
        reading=_reading(result),
        yardstick=yardstick,
        tasks=[
            _task(result, task, _on_task(result.ranking, task, alone=len(tasks) == 1), yardstick=yardstick)
            for task in tasks
        ],
        choices=[
            ChoiceSection(rows=entrant_rows(result, choice.ranking), choice=choice)
            for choice in result.choices
        ],
        validation=_validation(result, result.validation, yardstick=yardstick) if result.validation else None,
        merges=[entrant for entrant in result.entrants if entrant.kind == "merge"],
        cautions=[
            *result.cautions,
            *(note for note in result.ranking.get("warnings", []) if note not in result.cautions),
        ],
        jobs=job_rows(result.steps),
        jobs_sentence=jobs_sentence(result),
        details=details(result),
        level=level_text(result.level),
    )


def status(result: StudyResult) -> tuple[str, str]:
    """Tone (``good`` or ``warn``) and sentence of how sure the winner is, from the ranks that the data allow."""
    standing = next((row for row in result.ranking["contestants"] if row["name"] == result.winner), None)
    if result.winner is None or standing is None:
        return "warn", "There is no winner."
    at = f"at {level_text(result.level)}"
    if len(result.ranking["contestants"]) < 2:
        return "warn", f"{result.winner} is alone in the table: nothing was compared."
    if clear_winner(result):
        luck = "" if result.repeats > 1 else " This covers the choice of prompts, not the luck of training."
        return "good", f"{result.winner} is told apart from everybody below it {at}.{luck}"
    others = [
        name for group in result.groups if result.winner in group for name in group if name != result.winner
    ]
    shared = listing(list(dict.fromkeys(others)))
    beside = f" It cannot be told apart from {shared}." if shared else ""
    return (
        "warn",
        f"{result.winner} may be anywhere from rank {standing['rank_lo']} to {standing['rank_hi']} {at}.{beside}",
    )


def _facts(result: StudyResult) -> list[tuple[str, str]]:
    document = result.ranking
    compared = count(document["comparisons"], "comparison")
    return [
        (
            "Leader, not told apart" if result.winner and not clear_winner(result) else "Winner on average",
            result.winner or "none",
        ),
        ("Plain base", result.plain),
        ("Judged", f"{compared} on {count(document['prompts'], 'prompt')}"),
        ("Judge", judge_words(result.judge)),
        ("Took", duration(result.seconds)),
        ("Cost of calls", usd(result.cost_usd)),
    ]


def _reading(result: StudyResult) -> str:
    how = INTERVAL_WORDS.get(str(result.ranking.get("interval")), "")
    return (
        f"Bradley-Terry ratings in Elo points, 1000 being {_anchor(result)}. 100 points more means preferred in "
        f"64 of 100 comparisons, 200 more in 76; a tie counts half. Intervals are at {level_text(result.level)}"
        f"{', ' + how if how else ''}, each for one rating alone; the ranges of ranks weigh all pairs together, so "
        f"two whose intervals overlap a little may still be told apart."
    )


def _anchor(result: StudyResult) -> str:
    """What has rating zero: a reference, whose interval then has no width, or the mean."""
    for row in result.ranking["contestants"]:
        if row["rating"] == row["lo"] == row["hi"] == 0:
            return str(row["name"])
    return "the mean of those rated"


def _ranking(result: StudyResult, *, yardstick: bool) -> Section:
    rows = entrant_rows(result, result.ranking)
    if not rows:
        return Section(rows, ["Nobody was ranked: there is no verdict."])
    chart = _rating_figure(rows, result, result.groups, "on average over all tasks", yardstick=yardstick)
    return Section(rows, charts=[chart])


def _rating_figure(
    rows: Sequence[Row], result: StudyResult, groups: Sequence[Sequence[str]], where: str, *, yardstick: bool
) -> Figure:
    placed = [row for row in rows if row.everywhere]
    sentence = f"Ratings {where}"
    if placed:
        first, last = placed[0], placed[-1]
        if len(placed) > 1 and first.elo == last.elo != NONE:
            sentence += f": all are equal, {_stands(first)}."
        else:
            sentence += f": {first.dot.name} is first, {_stands(first)}"
            sentence += f"; {last.dot.name} is last, {_stands(last)}." if len(placed) > 1 else "."
    unrated = [row.dot.name for row in rows if row.note and row not in (*placed[:1], *placed[-1:])]
    if unrated:
        sentence += f" Without a rating: {listing(unrated)}."
    label = f"Chart of the ratings {where}; the table after it has the same figures."
    dots = [row.dot for row in rows]
    mark = next((row.dot.name for row in rows if row.plain), None)
    svg = rating_chart(dots, label=label, groups=groups, mark=mark, yardstick=YARDSTICK if yardstick else "")
    return Figure(svg, sentence)


def _stands(row: Row) -> str:
    """Rating and interval of a row in a sentence."""
    return f"{row.note}, {row.elo_span}" if row.note else f"{row.elo} ({row.elo_span})"


def _on_task(ranking: Mapping[str, Any], task: TaskResult, *, alone: bool) -> Mapping[str, Any] | None:
    """The part of a ranking that is about a task; all of it where there is only one."""
    own: Mapping[str, Any] | None = ranking.get("tasks", {}).get(task.dataset)
    return ranking if own is None and alone and not ranking.get("tasks") else own


def _task(
    result: StudyResult, task: TaskResult, ranking: Mapping[str, Any] | None, *, yardstick: bool
) -> TaskSection:
    rows = task_rows(result, task, ranking)
    low = floors(task, result.plain)
    charts = []
    ranked = [row for row in rows if row.record != NONE]
    if ranked:
        charts.append(_rating_figure(ranked, result, [], f"on {task.dataset}", yardstick=yardstick))
    bars = share_bars(rows)
    if bars:
        best = bars[0]
        sentence = f"{task.metric_title} on {count(task.prompts, 'test prompt')}: "
        worst = bars[-1]
        if len(bars) > 1 and worst.share == best.share:
            sentence += f"everybody reaches {percent(best.share)}."
        else:
            sentence += f"{best.name} is highest with {percent(best.share)}"
            sentence += f", {worst.name} lowest with {percent(worst.share)}." if len(bars) > 1 else "."
        svg = share_chart(
            [*bars, *low],
            label=f"Chart of {task.metric_title} on {task.dataset}; the table after it has the same figures.",
            heading=task.metric_title,
            aside="Cut off",
            yardstick="the dataset’s own answers" if yardstick else "",
        )
        charts.append(Figure(svg, sentence))
    return TaskSection(
        rows=rows,
        sentences=floor_sentences(task, result.plain, kinds_of(result)),
        charts=charts,
        task=task,
        floors=[(bar.name, percent(bar.share)) for bar in low if not bar.aside],
    )


def _validation(result: StudyResult, validation: Validation, *, yardstick: bool) -> ValidationSection:
    tone, word = _VERDICTS[validation.verdict]
    middle, lo, hi = (number(x) for x in (validation.difference, validation.lo, validation.hi))
    interval = span(*(None if x is None else points(x) for x in (lo, hi)))
    svg = difference_chart(
        middle, lo, hi, first=validation.first, second=validation.second,
        label=f"Chart of the difference on {validation.dataset}; the table after it has the same figures.",
    )  # fmt: skip
    sentence = (
        f"{validation.first} minus {validation.second} on {validation.dataset}, in Elo points: "
        f"{points(middle) if middle is not None else 'no finite estimate'}, "
        f"{level_text(result.level)} interval {interval}. An interval that holds 0 leaves it open who is better."
    )
    table = _on_task(validation.ranking, validation.task, alone=True)
    return ValidationSection(
        validation=validation,
        tone=tone,
        word=word,
        difference=points(middle) if middle is not None else "no finite estimate",
        interval=interval,
        rating_difference=signed(middle),
        rating_interval=rating_span(lo, hi),
        chart=Figure(svg, sentence),
        section=_task(result, validation.task, table, yardstick=yardstick),
    )
