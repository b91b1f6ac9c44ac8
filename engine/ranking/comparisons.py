"""From verdicts to comparisons: what is scored, and what counts as one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.errors import Words
from engine.ranking.verdicts import UNSCORED, Codes, Floats, VerdictTable


@dataclass(frozen=True, slots=True)
class Comparisons:
    """The scored comparisons of one task, as columns of the same length n.

    Attributes:
        names: The K contestants of the task; ``a`` and ``b`` point here.
        entrants: What each of the K contestants stands for.
        score: 1 where ``a`` won, 0 where ``b`` won, 1/2 for a tie.
        weight: Positive numbers: how many comparisons each counts for.
        cluster: n codes 0..clusters-1 of the prompts; None where no verdict names a prompt.
        prompts: How many different prompts there are (0 without any).
    """

    names: tuple[str, ...]
    entrants: tuple[str, ...]
    a: Codes
    b: Codes
    score: Floats
    weight: Floats
    cluster: Codes | None
    prompts: int

    def __len__(self) -> int:
        """How many comparisons there are."""
        return len(self.a)

    @property
    def clusters(self) -> int:
        """How many independent groups the comparisons fall into (0 without prompts)."""
        return 0 if self.cluster is None or not len(self) else int(self.cluster.max()) + 1

    def win_matrix(self, rows: Codes | None = None, weight: Floats | None = None) -> Floats:
        """The (K, K) sums of wins of row over column, a tie being half a win for each side.

        Args:
            rows: Which comparisons to sum; None for all.
            weight: Their weights; None for their own.
        """
        count, kept = len(self.names), slice(None) if rows is None else rows
        a, b, score = self.a[kept], self.b[kept], self.score[kept]
        weight = self.weight[kept] if weight is None else weight
        wins = np.bincount(a * count + b, score * weight, count * count).astype(np.float64)
        wins += np.bincount(b * count + a, (1.0 - score) * weight, count * count)
        return np.asarray(wins.reshape(count, count))

    def tallies(self) -> tuple[Codes, Codes, Codes]:
        """Wins, ties and losses of each of the K contestants, as numbers of comparisons."""
        count = len(self.names)
        result = (self.score * 2.0).astype(np.int64)
        first = np.bincount(self.a * 3 + result, minlength=3 * count).reshape(count, 3)
        second = np.bincount(self.b * 3 + result, minlength=3 * count).reshape(count, 3)
        return first[:, 2] + second[:, 0], first[:, 1] + second[:, 1], first[:, 0] + second[:, 2]


def comparisons_by_task(table: VerdictTable) -> tuple[dict[str | None, Comparisons], list[str]]:
    """Sort verdicts into the comparisons of each task, and tell what happened to them.

    One pair judged in both orders on one prompt by one judge is one comparison: it is won where
    both orders agree and a tie where they do not. Where an order was judged more than once, its
    verdict is that of the (weighted) majority. Verdicts that repeat in the *same* order only are
    kept as they are, because that is what several voters on one prompt look like; the clustering
    by prompt takes care of their likeness. Without a prompt nothing is combined.

    Where one order of a pair brought no verdict and only the other did, the pair is left out: what
    is left may be owed to the place of the answers. A verdict of weight 0 is as if it were not there.

    Returns:
        Comparisons by task (one under None where the verdicts name no task), and notes.
    """
    notes = list(table.notes)
    kept = table.weight > 0
    failed = kept & (table.outcome == UNSCORED)
    if failed.any():
        count = int(failed.sum())
        notes.append(
            Words("{count} verdicts without a winner were not scored.", count=count)
            if count > 1
            else Words("1 verdict without a winner was not scored.")
        )
    scored, note = _without_half_judged(table, np.flatnonzero(kept & ~failed), np.flatnonzero(failed))
    notes += note
    score = (table.outcome[scored].astype(np.float64) + 1.0) / 2.0
    rows, score, weight, note = _combine_orders(table, scored, score, table.weight[scored])
    notes += note
    # Where no verdict weighs anything, their contestants are named all the same.
    members = kept if kept.any() else np.ones(len(table), dtype=np.bool_)
    result: dict[str | None, Comparisons] = {}
    keys: list[tuple[str | None, int]] = [(name, code) for code, name in enumerate(table.tasks)]
    for name, code in keys or [(None, -1)]:
        mine, own = slice(None), members
        if table.task is not None:
            mine, own = table.task[rows] == code, members & (table.task == code)
            if not own.any():
                notes.append(
                    Words("The task {name} is left out: all of its verdicts have the weight 0.", name=name)
                )
                continue
        result[name] = _of_task(table, rows[mine], score[mine], weight[mine], own)
    if table.prompt is not None and len(rows):
        gaps = int((table.prompt[rows] < 0).sum())
        if gaps:
            notes.append(Words("{count} verdicts without a prompt_id count as a prompt each.", count=gaps))
    return result, notes


def _of_task(
    table: VerdictTable, rows: Codes, score: Floats, weight: Floats, members: NDArray[np.bool_]
) -> Comparisons:
    """The comparisons of one task with contestants and prompts counted afresh."""
    known = len(table.contestants)
    seen = np.bincount(table.a[members], minlength=known) + np.bincount(table.b[members], minlength=known)
    present = np.flatnonzero(seen)
    place = np.zeros(len(table.contestants), dtype=np.int64)
    place[present] = np.arange(len(present))
    names = tuple(table.contestants[code] for code in present)
    entrants = names
    if table.entrant_a is not None and table.entrant_b is not None:
        own = np.zeros(len(table.contestants), dtype=np.int64)
        own[table.b[members]] = table.entrant_b[members]
        own[table.a[members]] = table.entrant_a[members]
        entrants = tuple(table.entrants[code] for code in own[present])
    cluster, prompts = None, 0
    if table.prompt is not None and len(rows):
        cluster, prompts = _clusters(table.prompt[rows])
    return Comparisons(
        names=names,
        entrants=entrants,
        a=place[table.a[rows]],
        b=place[table.b[rows]],
        score=score,
        weight=weight,
        cluster=cluster,
        prompts=prompts,
    )


def _clusters(prompt: Codes) -> tuple[Codes | None, int]:
    """Prompts as codes without holes; a row without a prompt becomes a cluster of its own."""
    gap = prompt < 0
    if gap.all():
        return None, 0
    used = np.bincount(prompt[~gap]) > 0
    prompts = int(used.sum())
    place = np.cumsum(used) - 1
    cluster = np.empty(len(prompt), dtype=np.int64)
    cluster[~gap] = place[prompt[~gap]]
    cluster[gap] = prompts + np.arange(int(gap.sum()))
    return cluster, prompts


def _combine_orders(
    table: VerdictTable, rows: Codes, score: Floats, weight: Floats
) -> tuple[Codes, Floats, Floats, list[str]]:
    """Make one comparison of a pair judged in both orders (see `comparisons_by_task`).

    Returns:
        Rows that stand for comparisons, their scores and weights in the sense of that row, notes.
    """
    if table.prompt is None or not len(rows):
        return rows, score, weight, []
    swapped = table.a[rows] > table.b[rows]
    group = _pairs(table, rows)
    groups = int(group.max()) + 1
    backward = np.bincount(group[swapped], minlength=groups)
    size = np.bincount(group, minlength=groups)
    both = (backward > 0) & (backward < size)
    both[group[table.prompt[rows] < 0]] = False
    double = both[group]
    if not double.any():
        return rows, score, weight, []

    # All scores of these groups in the sense of the pair's first name, per order of showing.
    code, shown = group[double], swapped[double]
    toward = np.where(shown, 1.0 - score[double], score[double])
    heavy = weight[double]
    verdict = []
    for order in (False, True):
        mine = shown == order
        total = np.bincount(code[mine], heavy[mine], groups)
        mean = np.bincount(code[mine], (heavy * (toward - 0.5))[mine], groups)
        with np.errstate(invalid="ignore", divide="ignore"):
            share = mean / total
        verdict.append(np.where(np.abs(share) < 1e-12, 0.0, np.sign(share)))
    agreed = np.where(verdict[0] == verdict[1], verdict[0], 0.0)
    # One row per group stays, with the mean weight of its rows.
    first = np.full(groups, -1, dtype=np.int64)
    positions = np.flatnonzero(double)
    first[code[::-1]] = positions[::-1]
    stay = first[both]
    mean_weight = np.bincount(code, heavy, groups)[both] / size[both]
    direction = np.where(swapped[stay], -1.0, 1.0)
    new_score, new_weight = score.copy(), weight.copy()
    new_score[stay] = (agreed[both] * direction + 1.0) / 2.0
    new_weight[stay] = mean_weight
    keep = ~double
    keep[stay] = True
    notes: list[str] = []
    repeated = int((size[both] > 2).sum())
    if repeated:
        notes.append(
            Words(
                "{count} pairs were judged more than once in both orders on one prompt: "
                "each order counts with its majority.",
                count=repeated,
            )
        )
    return rows[keep], new_score[keep], new_weight[keep], notes


def _without_half_judged(table: VerdictTable, scored: Codes, failed: Codes) -> tuple[Codes, list[str]]:
    """Leave out the scored rows of pairs whose other order was judged without a result, with a note."""
    if table.prompt is None or not len(scored) or not len(failed):
        return scored, []
    rows = np.concatenate([scored, failed])
    # The two orders of a pair have neighbouring codes; without a prompt nothing is known to be a pair.
    order = 2 * _pairs(table, rows) + (table.a[rows] > table.b[rows])
    sizes = int(order.max()) + 2
    has_score = np.bincount(order[: len(scored)], minlength=sizes) > 0
    has_failed = np.bincount(order[len(scored) :], minlength=sizes) > 0
    mine = order[: len(scored)]
    half = has_failed[mine ^ 1] & ~has_score[mine ^ 1] & (table.prompt[scored] >= 0)
    count = len(np.unique(mine[half]))
    if not count:
        return scored, []
    if count == 1:
        return scored[~half], [
            Words("1 pair was left out: one of the two orders was judged without a result.")
        ]
    return scored[~half], [
        Words("{count} pairs were left out: one of the two orders was judged without a result.", count=count)
    ]


def _pairs(table: VerdictTable, rows: Codes) -> Codes:
    """Codes from 0 of what each row judges: pair of contestants, prompt, task and judge, whatever the order."""
    a, b = table.a[rows], table.b[rows]
    group = np.minimum(a, b) * len(table.contestants) + np.maximum(a, b)
    for extra in (table.prompt, table.task, table.judge):
        if extra is not None:
            group = _compact(group) * (int(extra.max()) + 2) + extra[rows] + 1
    return _compact(group)


def _compact(codes: Codes) -> Codes:
    """The same grouping with codes from 0 without large holes."""
    top = int(codes.max()) + 1
    if top > 8 * len(codes) + 1024:
        return np.unique(codes, return_inverse=True)[1]
    used = np.bincount(codes, minlength=top) > 0
    return (np.cumsum(used) - 1)[codes]
