"""What the report says of a study's jobs, its judge, its machine and its versions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.studies.report_words import NONE, clean, count, duration, judge_words, number, percent, usd
from engine.studies.result import StepResult, StudyResult


@dataclass(frozen=True)
class JobRow:
    """A job; the two widths are per cent of the longest."""

    title: str
    kind: str
    planned: str
    took: str
    said: str
    took_width: float
    planned_width: float


def job_rows(steps: Sequence[StepResult]) -> list[JobRow]:
    """The jobs of a study in the order in which they were done."""
    longest = max([max(step.seconds, step.planned_seconds) for step in steps] + [1e-9])
    return [
        JobRow(
            title=step.title,
            kind=step.kind.replace("_", " "),
            planned=duration(step.planned_seconds),
            took=duration(step.seconds),
            said=_said(step.summary),
            took_width=100 * step.seconds / longest,
            planned_width=100 * step.planned_seconds / longest,
        )
        for step in steps
    ]


def jobs_sentence(result: StudyResult) -> str:
    """How many there were, and how the plan compares with what they took."""
    took, planned = (
        sum(getattr(step, name) for step in result.steps) for name in ("seconds", "planned_seconds")
    )
    return f"{count(len(result.steps), 'job')}: planned {duration(planned)}, took {duration(took)}."


def _said(summary: Mapping[str, Any]) -> str:
    """The plain figures of a job's summary."""
    parts = []
    for key, value in summary.items():
        if key == "folder" or isinstance(value, bool) or value is None or isinstance(value, dict | list):
            continue
        if isinstance(value, float):
            if not math.isfinite(value):
                continue
            value = f"{value:.4g}"
        parts.append(f"{key.replace('_', ' ')} {clean(str(value))[:60]}")
    return " · ".join(parts)


def details(result: StudyResult) -> list[tuple[str, str]]:
    """Label and value of everything about the judge, the machine and the versions."""
    document = result.ranking
    rows = [
        ("Judge", judge_words(result.judge)),
        ("Comparisons", f"{document['comparisons']:,} on {count(document['prompts'], 'prompt')}"),
    ]
    wins, ties, losses = (
        sum(row[key] for row in document["contestants"]) for key in ("wins", "ties", "losses")
    )
    if wins == losses and wins + ties:
        rows.append(("Ties", f"{ties // 2:,} ({percent(ties / (wins + ties + losses))})"))
    judged = [step.summary for step in result.steps if step.kind == "judge"]
    failed = sum(int(number(summary.get("failed")) or 0) for summary in judged)
    if judged:
        calls = sum(int(number(summary.get("calls")) or 0) for summary in judged)
        rows.append(("Questions to the judge", f"{calls:,}, of which {failed:,} without a usable verdict"))
    agreed = [x for x in (number(summary.get("swap_consistency")) for summary in judged) if x is not None]
    if agreed:
        same = (
            percent(min(agreed))
            if min(agreed) == max(agreed)
            else f"{percent(min(agreed))} to {percent(max(agreed))}"
        )
        rows.append(("Both orders agree", f"in {same} of the pairs asked both ways"))
    rows += [
        ("Fine-tunes per base and task", f"{result.repeats:,}"),
        ("Cost of calls", usd(result.cost_usd)),
        ("Time", duration(result.seconds)),
        ("Machine", result.machine or NONE),
    ]
    rows += [(name, version) for name, version in result.versions.items()]
    return rows
