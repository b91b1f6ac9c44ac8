"""Ranks the contestants of a table of verdicts: the one entry to everything in this package."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.errors import Words
from engine.ranking.comparisons import Comparisons, comparisons_by_task
from engine.ranking.distributions import t_reach
from engine.ranking.errors import RankingError
from engine.ranking.field import Field
from engine.ranking.fit import IntervalKind, TaskFit, fit_task
from engine.ranking.places import SAME, place, surely_better
from engine.ranking.result import Ranking, Settle, Standing, Table
from engine.ranking.verdicts import VerdictTable

INTERVALS: Final = ("auto", "cluster", "iid", "bootstrap")
#: More than this many more comparisons is no useful advice.
_MOST_COMPARISONS: Final = 10_000_000


def rank(
    table: VerdictTable,
    *,
    reference: str | None = None,
    level: float = 0.95,
    interval: str = "auto",
    replicates: int = 1000,
    seed: int = 0,
) -> Ranking:
    """Rank by Bradley-Terry maximum likelihood, a tie being half a win for each side.

    With several tasks the result's own list is the equal-weight mean over the entrants that take
    part in all of them, and ``tasks`` has each by itself. Ratings have mean zero over those that
    have one, or are differences to the reference. Rank ranges come from all pairwise differences
    together (Holm), with the sandwich covariance also where the intervals are bootstrapped.

    Args:
        table: The verdicts.
        reference: An entrant or contestant whose rating is zero.
        level: Confidence level of the intervals, and joint one of the rank ranges.
        interval: ``"auto"`` and ``"cluster"`` go by prompt where the verdicts name at least two,
            ``"iid"`` takes every comparison for independent, ``"bootstrap"`` draws prompts.
        replicates: Bootstrap replicates.
        seed: Of the bootstrap; the same seed gives the same ends.

    Raises:
        RankingError: A setting makes no sense, or the reference is not in every task.
    """
    if not 0.5 <= level < 1.0:
        raise RankingError(
            "ranking.level",
            "A confidence level of {level} makes no sense.",
            fix="Use one from 0.5 to below 1, such as 0.95.",
            level=level,
        )
    if interval not in INTERVALS:
        raise RankingError(
            "ranking.interval",
            "There is no interval of the kind {interval}.",
            fix="Use one of {known}.",
            interval=interval,
            known=", ".join(INTERVALS),
        )
    by_task, warnings = comparisons_by_task(table)
    # Each task draws with a seed that does not depend on the order of the rows.
    seeds = {name: seed + number for number, name in enumerate(sorted(by_task, key=str))}
    fits: dict[str | None, TaskFit] = {
        name: fit_task(data, interval=interval, replicates=replicates, seed=seeds[name])
        for name, data in by_task.items()
    }
    bootstrap = interval == "bootstrap"
    tasks: dict[str, Table] = {}
    singles = {name: _single(fit) for name, fit in fits.items()}
    for name, fit in fits.items():
        if not len(fit.data):
            warnings.append(_about(name, Words("There is no scored verdict.")))
        warnings += [_about(name, note) for note in fit.notes]
        warnings += [_about(name, note) for note in _unrated_notes(fit)]
        if name is not None:
            zero = _reference(fit.data, reference, name)
            tasks[name] = _table(singles[name], zero, level, bootstrap=bootstrap)
    whole = _overall(list(fits.values()))
    code = _overall_reference(whole, reference)
    result = _table(whole, code, level, bootstrap=bootstrap)
    if len(fits) > 1:
        warnings += _average_notes(whole)
    if code is not None:
        warnings += _reference_notes(whole, code, result)
    return Ranking(
        contestants=result.contestants,
        comparisons=result.comparisons,
        prompts=result.prompts,
        apart=result.apart,
        settle=result.settle,
        band=result.band,
        interval=_interval([fit.interval for fit in fits.values()]),
        level=level,
        reference=reference,
        warnings=tuple(warnings),
        tasks=tasks,
    )


def _about(task: str | None, note: str) -> str:
    return note if task is None else Words("Task {task}: {note}", task=task, note=note)


def _interval(kinds: Sequence[IntervalKind]) -> IntervalKind:
    if not kinds or "iid" in kinds:
        return "iid"
    return "cluster" if "cluster" in kinds else "bootstrap"


def _single(fit: TaskFit) -> Field:
    """The contestants of one task as a field."""
    count = len(fit.data.names)
    return Field(fit.data.names, (fit,), (tuple(np.array([i]) for i in range(count)),))


def _overall(fits: list[TaskFit]) -> Field:
    """The entrants over all tasks as a field."""
    names = tuple(dict.fromkeys(name for fit in fits for name in fit.data.entrants))
    groups = tuple(
        tuple(
            np.array([i for i, own in enumerate(fit.data.entrants) if own == name], dtype=np.int64)
            for name in names
        )
        for fit in fits
    )
    return Field(names, tuple(fits), groups)


def _reference(data: Comparisons, reference: str | None, task: str | None) -> np.ndarray | None:
    """The contestants of a task that the reference stands for."""
    if reference is None:
        return None
    found = [i for i, name in enumerate(data.names) if name == reference] or [
        i for i, name in enumerate(data.entrants) if name == reference
    ]
    if not found:
        raise _no_reference(reference, task, data.names)
    return np.array(found, dtype=np.int64)


def _overall_reference(field: Field, reference: str | None) -> int | None:
    """The entrant that the reference is, or whose contestant it is."""
    if reference is None:
        return None
    if reference in field.names:
        return field.names.index(reference)
    for fit in field.fits:
        for name, entrant in zip(fit.data.names, fit.data.entrants, strict=True):
            if name == reference:
                return field.names.index(entrant)
    raise _no_reference(reference, None, field.names)


def _no_reference(reference: str, task: str | None, known: Sequence[str]) -> RankingError:
    where = "these verdicts" if task is None else f"the task {task}"
    return RankingError(
        "ranking.unknown_reference",
        "The reference {reference} takes no part in {where}.",
        fix="Name one of {known}.",
        reference=reference,
        where=where,
        known=", ".join(known)[:300] or "the contestants",
    )


def _table(field: Field, zero: np.ndarray | int | None, level: float, *, bootstrap: bool) -> Table:
    """Estimate, order and tell apart."""
    base = None if zero is None else np.atleast_1d(np.asarray(zero, dtype=np.int64))
    estimates = field.estimates(base, level, bootstrap=bootstrap)
    # Those that are not in every task follow; the ranks are among the others.
    here, absent = np.flatnonzero(field.present), np.flatnonzero(~field.present)
    tails = field.tails(level)[np.ix_(here, here)]
    better = surely_better(tails, level)
    rough = field.rough()
    names = [field.names[e] for e in here]
    places = place(better, field.means()[here], rough[here], names)
    wins, ties, losses = field.tallies()
    spots = [
        (int(here[i]), int(places.rank[i]), int(places.rank_lo[i]), int(places.rank_hi[i]))
        for i in places.order
    ]
    followers = sorted(absent.tolist(), key=lambda e: (-round(float(rough[e]), 9), field.names[e]))
    everybody = len(field.names)
    spots += [(e, len(here) + 1 + n, 1, everybody) for n, e in enumerate(followers)]
    rows = []
    for e, position, best, worst in spots:
        # Plain numbers (no numpy, no negative zero), whatever writes them as JSON.
        rating, lo, hi = (None if x is None else float(x) + 0.0 for x in estimates[e])
        rows.append(
            Standing(
                name=field.names[e],
                rating=rating,
                lo=lo,
                hi=hi,
                rank=position,
                rank_lo=best,
                rank_hi=worst,
                wins=int(wins[e]),
                ties=int(ties[e]),
                losses=int(losses[e]),
            )
        )
    comparisons = sum(len(fit.data) for fit in field.fits)
    prompts = sum(fit.data.prompts for fit in field.fits)
    apart = frozenset((names[i], names[j]) for i, j in zip(*np.nonzero(better), strict=True))
    return Table(
        contestants=tuple(rows),
        comparisons=comparisons,
        prompts=prompts,
        apart=apart,
        settle=_settle(field, rows, apart, comparisons, prompts, level),
        band=None if base is None else _band(field, base, level, bootstrap=bootstrap),
    )


def _band(
    field: Field, base: np.ndarray, level: float, *, bootstrap: bool
) -> tuple[float | None, float | None] | None:
    """The interval of a reference about the mean of all, moved to zero; None where it is no single entrant."""
    if len(base) != 1:
        return None
    rating, lo, hi = field.estimates(None, level, bootstrap=bootstrap)[int(base[0])]
    if rating is None:
        return None
    return (None if lo is None else lo - rating), (None if hi is None else hi - rating)


def _settle(
    field: Field,
    rows: Sequence[Standing],
    apart: frozenset[tuple[str, str]],
    comparisons: int,
    prompts: int,
    level: float,
) -> Settle | None:
    """How much more would tell the first two apart: the error shrinks with the square root."""
    if len(rows) < 2 or (rows[0].name, rows[1].name) in apart:
        return None
    first, second = field.names.index(rows[0].name), field.names.index(rows[1].name)
    differences, errors, _ = field.differences()
    difference, error = float(differences[first, second]), float(errors[first, second])
    if not difference > SAME or not error > 0:
        return None
    pairs = int(field.present.sum()) * (int(field.present.sum()) - 1) // 2
    open_pairs = max(1, pairs - len(apart))
    # The limit that Holm's method will set to this pair once there are many prompts.
    limit = t_reach(1.0 - (1.0 - level) / open_pairs, 1e6)
    factor = (limit * error / difference) ** 2 - 1.0
    if not 0.0 < factor * comparisons < _MOST_COMPARISONS:
        return None
    return Settle(
        first=rows[0].name,
        second=rows[1].name,
        comparisons=_roughly(factor * comparisons),
        prompts=_roughly(factor * prompts),
    )


def _roughly(number: float) -> int:
    """Up to the next number of two digits and zeros: more would be said than is known."""
    if number < 100:
        return math.ceil(number)
    step = 10 ** (math.floor(math.log10(number)) - 1)
    return int(math.ceil(number / step) * step)


def _average_notes(whole: Field) -> list[str]:
    """Who has no rating on average over several tasks, and why."""
    notes: list[str] = []
    absent = _named(whole, ~whole.present)
    if absent:
        notes.append(
            Words("Not in every task, so left out of the average: {names}.", names=", ".join(absent))
        )
    present, central = _named(whole, whole.present), _named(whole, whole.central)
    if len(present) == 1:
        return [
            *notes,
            Words("Only {name} is in every task, so there is nobody to average it against.", name=present[0]),
        ]
    open_ended = _named(whole, whole.present & ~whole.central)
    if open_ended:
        notes.append(
            Words("No finite rating on every task, so none on average: {names}.", names=", ".join(open_ended))
        )
    if len(central) == 1:
        notes.append(
            Words(
                "Only {name} has a finite rating on every task, so there is nobody to average it against.",
                name=central[0],
            )
        )
    return notes


def _reference_notes(whole: Field, code: int, result: Table) -> list[str]:
    """How far differences to a reference without a rating are known."""
    if whole.central[code]:
        return []
    reference = whole.names[code]
    present = set(_named(whole, whole.present))
    others = [row for row in result.contestants if row.rating is None and row.name in present - {reference}]
    bounded = [row for row in others if row.lo is not None or row.hi is not None]
    if not others:
        return []
    if not bounded:
        text = "The reference {reference} has no finite rating itself: differences to it are unbounded."
    elif len(bounded) < len(others):
        text = (
            "The reference {reference} has no finite rating itself: differences to it are open on one side or "
            "both."
        )
    else:
        text = (
            "The reference {reference} has no finite rating itself: differences to it are open on one side."
        )
    return [Words(text, reference=reference)]


def _named(whole: Field, flags: NDArray[np.bool_]) -> list[str]:
    return sorted(name for name, flag in zip(whole.names, flags, strict=True) if flag)


def _unrated_notes(fit: TaskFit) -> list[str]:
    """Why contestants have no finite rating."""
    links, names = fit.links, fit.data.names
    if links.whole or not len(fit.data):
        return []
    core = links.members(links.core)
    if not len(core):
        parts = links.reach | links.reach.T
        if not parts.all():
            return [
                Words(
                    "Nobody has a finite rating: the verdicts do not connect the contestants in both directions."
                )
            ]
        return [
            Words("Nobody has a finite rating: of any two, one won everything, directly or through others.")
        ]
    start = int(core[0])
    reasons: dict[str, list[str]] = {}
    for i in range(len(names)):
        if i in core:
            continue
        reason = "No finite rating, because not connected against those rated: {names}."
        if links.reach[i, start]:
            reason = "No finite rating, because undefeated against those rated: {names}."
        elif links.reach[start, i]:
            reason = "No finite rating, because winless against those rated: {names}."
        reasons.setdefault(reason, []).append(names[i])
    return [Words(reason, names=", ".join(sorted(members))) for reason, members in reasons.items()]
