"""A study's result for a terminal: what follows, the table, the validation, the cautions."""

from __future__ import annotations

import textwrap
from typing import Final

from engine.studies.report_tables import Row, entrant_rows
from engine.studies.report_view import status
from engine.studies.report_words import (
    by_reference,
    columns,
    count,
    duration,
    group_sentences,
    level_text,
    number,
    one_line,
    points,
    shorten,
    span,
    usd,
)
from engine.studies.result import StudyResult, Validation

#: Lines are at most so wide.
WIDTH: Final = 92
_NAME: Final = 30


def summary_text(result: StudyResult) -> str:
    """The ranking table, the conclusions and the validation's verdict, in lines of at most 92 columns."""
    parts = [_head(result), _table(result)]
    said = [*group_sentences(result.groups, len(result.ranking["contestants"]), result.level)]
    if said:
        parts.append("\n".join(_wrap(sentence) for sentence in said))
    if not result.conclusions:
        parts.append(_wrap(status(result)[1]))
    else:
        parts.append("\n".join(["Conclusions", *(_item(sentence) for sentence in result.conclusions)]))
    if result.validation is not None:
        parts.append(_validation(result.validation, result.level))
    if result.cautions:
        parts.append("\n".join(["Before you believe it", *(_item(sentence) for sentence in result.cautions)]))
    parts.append(
        f"{count(len(result.steps), 'job')} in {duration(result.seconds)}, calls cost {usd(result.cost_usd)}."
    )
    return "\n\n".join(parts)


def _head(result: StudyResult) -> str:
    document = result.ranking
    lines = [
        f"{one_line(result.study)}: {count(len(result.ranking['contestants']), 'entrant')}, "
        f"{count(document['comparisons'], 'comparison')} on {count(document['prompts'], 'prompt')}, "
        f"judge {one_line(result.judge)}"
    ]
    if by_reference(result.judge):
        lines.append("Answers are measured against the dataset's own, which are no contestant.")
    return "\n".join(_wrap(line) for line in lines)


def _table(result: StudyResult) -> str:
    rows = entrant_rows(result, result.ranking)
    if not rows:
        return "Nobody was ranked: there is no verdict."
    heads = [
        "Rank",
        "Entrant",
        "Kind",
        "Elo",
        f"{level_text(result.level)} interval",
        "W/T/L",
        "s/1000",
        "$/1000",
    ]
    lines = [[*heads], *(_cells(row) for row in rows)]
    widths = [max(columns(line[place]) for line in lines) for place in range(len(heads))]
    # The entrants' names give way where the table would be too wide.
    widths[1] = max(12, min(widths[1], WIDTH - sum(widths) + widths[1] - 2 * (len(heads) - 1)))
    drawn = []
    for line in lines:
        cells = [
            _pad(shorten(cell, widths[place]) if place == 1 else cell, widths[place], left=place in (1, 2))
            for place, cell in enumerate(line)
        ]
        drawn.append("  ".join(cells).rstrip())
    drawn.insert(1, "─" * min(WIDTH, max(columns(line) for line in drawn)))
    notes = [f"{one_line(row.name)}: {row.note}." for row in rows if row.note]
    return "\n".join([*drawn, *(_wrap(note) for note in notes)])


def _cells(row: Row) -> list[str]:
    """The cells of a line; the winner's kind says so."""
    word = "winner" if row.clear else "leader"
    record = row.record.replace(" ", "").replace(",", "")
    return [
        row.ranks,
        one_line(row.name),
        f"{row.kind}, {word}" if row.winner else row.kind,
        row.elo,
        row.elo_span,
        record,
        row.seconds,
        row.usd,
    ]


def _pad(cell: str, width: int, *, left: bool) -> str:
    room = " " * max(0, width - columns(cell))
    return cell + room if left else room + cell


def _validation(validation: Validation, level: float) -> str:
    middle, lo, hi = (number(x) for x in (validation.difference, validation.lo, validation.hi))
    interval = span(*(None if x is None else points(x) for x in (lo, hi)))
    what = f"{points(middle)} Elo points" if middle is not None else "no finite estimate, in Elo points"
    lines = [
        f"Validation on the sealed task {one_line(validation.dataset)}: {validation.verdict}",
        _item(validation.sentence),
        _item(
            f"{one_line(validation.first)} minus {one_line(validation.second)}: {what}, "
            f"{level_text(level)} interval {interval}."
        ),
    ]
    return "\n".join(lines)


def _wrap(text: str, indent: str = "") -> str:
    return textwrap.fill(one_line(text), WIDTH, subsequent_indent=indent, break_on_hyphens=False)


def _item(text: str) -> str:
    return textwrap.fill(
        one_line(text), WIDTH, initial_indent="  - ", subsequent_indent="    ", break_on_hyphens=False
    )
