"""A ranking that no study made as an HTML report: the chart, the tables, who beat whom, and how good the judge is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.judging.standings import Standings
from engine.ranking import HeadToHead, Ranking, Table
from engine.ranking.chart import Kind
from engine.studies.report_charts import Dot, legend, rating_chart
from engine.studies.report_page import render
from engine.studies.report_words import (
    INTERVAL_WORDS,
    count,
    elo_span,
    elo_text,
    group_sentences,
    judge_words,
    level_text,
    listing,
    no_estimate,
    percent,
    ranks,
    rating_span,
    signed,
    usd,
)

#: What a report calls the kinds of a chart.
_KINDS: Final[Mapping[Kind, str]] = {"tuned": "base", "merge": "merge", "reference": "reference"}


@dataclass(frozen=True)
class Row:
    """A row of a ranking; figures are words.

    Attributes:
        note: In place of a rating that is not there.
    """

    name: str
    kind: str
    ranks: str
    elo: str
    elo_span: str
    rating: str
    rating_span: str
    record: str
    note: str


@dataclass(frozen=True)
class Matrix:
    """Who won how much against whom: a share, or nothing for a pair that never met."""

    names: tuple[str, ...]
    rows: list[tuple[str, list[str]]]


@dataclass(frozen=True)
class Part:
    """The whole, or one task.

    Attributes:
        title: Empty for the whole.
    """

    title: str
    counts: str
    chart: str
    sentence: str
    rows: list[Row]
    groups: list[str]
    matrix: Matrix | None


@dataclass(frozen=True)
class View:
    """Everything that the template says."""

    title: str
    facts: list[tuple[str, str]]
    legend: str
    whole: Part
    tasks: list[Part]
    reading: str
    health: list[tuple[str, str]]
    cautions: list[str]
    level: str


def standings_html(standings: Standings) -> str:
    """The report as one HTML document without scripts; it loads nothing."""
    return render("ranking.html.jinja", _view(standings))


def _view(standings: Standings) -> View:
    ranking = standings.ranking
    several = len(ranking.tasks) > 1
    whole = _part(standings, "", ranking)
    kinds = [kind for kind in ("merge", "base", "reference") if any(row.kind == kind for row in whole.rows)]
    facts = [
        ("Tasks" if len(standings.datasets) > 1 else "Task", ", ".join(standings.datasets) or "not named"),
        ("Judged", whole.counts),
        ("Judge", judge_words(standings.judge) if standings.judge else "not named"),
        ("Cost of the verdicts", usd(standings.cost_usd)),
    ]
    return View(
        title=f"Ranking on {listing(standings.datasets)}" if standings.datasets else "Ranking",
        facts=facts,
        legend=legend(kinds),
        whole=whole,
        tasks=[_part(standings, name, table) for name, table in ranking.tasks.items()] if several else [],
        reading=_reading(ranking, several=several),
        health=_health(standings),
        cautions=[*ranking.warnings, *(standings.health.warnings if standings.health else ())],
        level=level_text(ranking.level),
    )


def _part(standings: Standings, title: str, table: Table) -> Part:
    ranking = standings.ranking
    everywhere = (
        set.intersection(*({row.name for row in one.contestants} for one in ranking.tasks.values()))
        if not title and len(ranking.tasks) > 1
        else {row.name for row in table.contestants}
    )
    rows, dots = [], []
    for standing in table.contestants:
        held = standing.rating == standing.lo == standing.hi == 0
        document, takes_part = standing.as_dict(), standing.name in everywhere
        note = "" if standing.rating is not None else no_estimate(document, everywhere=takes_part)
        kind = _KINDS[standings.kinds.get(standing.name, "tuned")]
        row = Row(
            name=standing.name,
            kind=kind,
            ranks=ranks(document),
            elo=elo_text(standing.rating),
            elo_span="held fixed" if held else elo_span(standing.lo, standing.hi),
            rating=signed(standing.rating),
            rating_span="held fixed" if held else rating_span(standing.lo, standing.hi),
            record=f"{standing.wins:,} / {standing.ties:,} / {standing.losses:,}",
            note=note,
        )
        rows.append(row)
        dots.append(
            Dot(
                standing.name,
                kind,
                standing.rating,
                standing.lo,
                standing.hi,
                row.ranks,
                top=standing.rank_lo == 1 and takes_part,
                note=note,
            )
        )
    where = f"on {title}" if title else "on average over all tasks" if len(ranking.tasks) > 1 else ""
    label = " ".join(("Chart of the ratings", where)).strip()
    return Part(
        title=title,
        counts=_counts(table),
        chart=rating_chart(
            dots,
            label=f"{label}; the table after it has the same figures.",
            groups=table.groups,
            mark=ranking.reference,
        ),
        sentence=_sentence(rows, where),
        rows=rows,
        groups=group_sentences(table.groups, len(rows), ranking.level),
        matrix=_matrix(standings.heads.get(title)),
    )


def _sentence(rows: list[Row], where: str) -> str:
    rated = [row for row in rows if not row.note]
    words = " ".join(("Ratings", where)).strip()
    if not rated:
        return f"{words}: nobody has a finite estimate."
    first, last = rated[0], rated[-1]
    said = f"{words}: {first.name} is first with {first.elo} ({first.elo_span})"
    return (
        f"{said}; {last.name} is last with {last.elo} ({last.elo_span})." if last is not first else f"{said}."
    )


def _counts(table: Table) -> str:
    compared = count(table.comparisons, "comparison")
    return f"{compared} on {count(table.prompts, 'prompt')}" if table.prompts else compared


def _matrix(heads: HeadToHead | None) -> Matrix | None:
    if heads is None or len(heads.names) < 2:
        return None
    return Matrix(
        heads.names,
        [
            (name, ["" if np.isnan(share) else percent(float(share)) for share in shares])
            for name, shares in zip(heads.names, heads.share, strict=True)
        ],
    )


def _reading(ranking: Ranking, *, several: bool) -> str:
    anchor = f"that of {ranking.reference}" if ranking.reference is not None else "the mean of those rated"
    mean = " The ranking over all tasks is their mean with equal weight." if several else ""
    return (
        f"Bradley-Terry ratings in Elo points, 1000 being {anchor}. 100 points more means preferred in 64 of 100 "
        f"comparisons, 200 more in 76; a tie counts half. Intervals are at {level_text(ranking.level)}, "
        f"{INTERVAL_WORDS[ranking.interval]}, each for one rating alone; the ranges of ranks weigh all pairs "
        f"together, so two whose intervals overlap a little may still be told apart.{mean}"
    )


def _health(standings: Standings) -> list[tuple[str, str]]:
    health, votes = standings.health, standings.votes
    if health is None:
        return []
    told = [
        ("Verdicts looked at", f"{health.verdicts:,}"),
        ("Both orders agree", percent(health.swap_consistency)),
        ("Decided for the answer shown first", percent(health.first_position_rate)),
        ("Ties", percent(health.tie_rate)),
        ("Unread", percent(health.unread_rate)),
        ("Won by the longer answer", percent(health.longer_rate)),
    ]
    if votes is not None:
        shared = count(votes.pairs, "pair")
        between = f"{percent(votes.agreement_lo)} to {percent(votes.agreement_hi)}"
        told.append(("Agrees with people", f"{percent(votes.agreement)} of {shared} ({between})"))
    return told
