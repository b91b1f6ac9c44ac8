"""Prompts and answers side by side, with who won where: what one looks through to see why a ranking is as it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine.datasets.library import open_dataset
from engine.datasets.options import Split
from engine.inference.outputs import Output, read_outputs
from engine.judging.counted import Counted, Tally, counted
from engine.judging.prepare import fitting_metric, prompt_of
from engine.judging.recorded import newest_contestants
from engine.judging.verdicts import Comparison, Prompt, Verdict, join
from engine.metrics import Metric
from engine.workspace import Workspace
from engine.workspace.naming import dataset_named
from engine.workspace.tables import ApiOutput, Contestant, OutputSet
from engine.workspace.tables import Verdict as VerdictRow

_FIELDS: Final = tuple(item.name for item in fields(Verdict))


@dataclass(frozen=True)
class Answerer:
    """A contestant as it is now: of several under one name, the one that answered last.

    Attributes:
        answered: To how many of the split's prompts.
        tally: Over all its comparisons.
    """

    id: str
    name: str
    entrant: str
    answered: int
    tally: Tally


@dataclass(frozen=True, eq=False)
class Grid:
    """Everything that contestants answered to one split of a dataset, and what one judge made of it.

    Attributes:
        numbers: Of the prompts' rows in the dataset.
        answerers: The best first.
        outputs: Contestant id -> prompt id -> answer.
        counted: What the judge's verdicts come to.
        judge: Whose; empty where nobody has judged.
        judges: Everybody who has judged here, and how many verdicts there are of each.
        metric: What measures an answer by the dataset's own.
        spent_usd: For all answers and verdicts here.
        stamp: Differs whenever the catalogue holds something else about this.
    """

    dataset: str
    split: Split
    judge: str
    judges: tuple[tuple[str, int], ...]
    prompts: tuple[Prompt, ...]
    numbers: tuple[int, ...]
    answerers: tuple[Answerer, ...]
    outputs: Mapping[str, Mapping[str, Output]]
    counted: Counted
    metric: Metric
    spent_usd: float
    stamp: Any

    @property
    def outcomes(self) -> Mapping[str, Sequence[Comparison]]:
        """Prompt id -> comparisons on it."""
        return self.counted.outcomes

    @property
    def answers_stamp(self) -> Any:
        """Differs whenever prompts or answers are others, whatever judges say of them."""
        return self.stamp[:2], self.stamp[3]

    def tally(self, prompt_id: str, contestant_id: str, among: Collection[str] | None = None) -> Tally:
        """How a contestant fared on one prompt, against these others where they are given."""
        wins = ties = losses = 0
        for made in self.outcomes.get(prompt_id, ()):
            if contestant_id not in (made.contestant_a, made.contestant_b):
                continue
            other = made.contestant_b if contestant_id == made.contestant_a else made.contestant_a
            if among is not None and other not in among:
                continue
            if made.winner == "tie":
                ties += 1
            elif (made.winner == "a") == (contestant_id == made.contestant_a):
                wins += 1
            else:
                losses += 1
        return Tally(wins, ties, losses)

    def score(self, prompt: Prompt, contestant_id: str) -> float | None:
        """An answer by the metric, from 0 to 1; None where there is no answer."""
        output = self.outputs.get(contestant_id, {}).get(prompt.id)
        if output is None or prompt.expected is None:
            return None
        return self.metric.score(prompt.expected, output.text)


@dataclass(frozen=True)
class Judged:
    """What one judge said on one pair of answers.

    Attributes:
        verdicts: One per order in which it was asked; a failed one where no other came.
        comparison: What follows from them; None while an order is missing.
    """

    judge: str
    verdicts: tuple[Verdict, ...]
    comparison: Comparison | None


def read_grid(
    workspace: Workspace, dataset: str, split: Split, judge: str = "", before: Grid | None = None
) -> Grid:
    """Read a grid.

    Args:
        workspace: Whose catalogue.
        dataset: Name of a dataset.
        split: ``test`` or ``dev``.
        judge: Whose verdicts; when it has not judged here, those of the one with the most are taken.
        before: An earlier grid; returned where nothing has changed since, and else used for what has not.

    Raises:
        NameUnknownError: There is no such dataset.
        SealedError: It is sealed.
    """
    opened = open_dataset(workspace, dataset, "judge")
    with workspace.catalogue.reading() as session:
        newest, answered = _contestants(session, opened.id)
        judges, spent = _judges(session, opened.id, split)
    counts = tuple((name, count) for name, count, _ in judges)
    if judge not in dict(counts):
        judge = max(counts, key=lambda one: one[1])[0] if counts else ""
    stamp = (opened.id, split, judge, tuple(answered.items()), judges)
    same = before is not None and before.stamp[:2] == stamp[:2]
    if before is not None and before.stamp == stamp:
        return before
    if same and before is not None:
        prompts, numbers, metric = before.prompts, before.numbers, before.metric
    else:
        prompts, numbers = _prompts(opened.store.examples(split))
        metric, _ = fitting_metric(opened, split)
    ids = {prompt.id for prompt in prompts}
    kept = dict(before.stamp[3]) if before is not None and same else {}
    outputs: dict[str, Mapping[str, Output]] = {}
    for row in newest:
        if before is not None and kept.get(row.id) == answered[row.id] and row.id in before.outputs:
            outputs[row.id] = before.outputs[row.id]
            continue
        found = read_outputs(workspace, row.id)
        outputs[row.id] = {prompt: output for prompt, output in found.items() if prompt in ids}
    count, last = next(((count, last) for name, count, last in judges if name == judge), (0, 0))
    of = (dataset, split, judge, frozenset(row.id for row in newest))
    made = counted(workspace, of, count, last, before.counted if before is not None and same else None)
    paid = sum(output.cost_usd for answers in outputs.values() for output in answers.values())
    return Grid(
        dataset,
        split,
        judge,
        counts,
        prompts,
        numbers,
        _placed(newest, outputs, made.tallies),
        outputs,
        made,
        metric,
        spent + paid,
        stamp,
    )


def judges_of(workspace: Workspace, dataset: str, split: Split) -> list[str]:
    """Everybody who has judged a split of a dataset.

    Raises:
        NameUnknownError: There is no such dataset.
    """
    with workspace.catalogue.reading() as session:
        judges, _ = _judges(session, dataset_named(session, dataset).id, split)
    return [name for name, _, _ in judges]


def judged_pair(workspace: Workspace, grid: Grid, prompt_id: str, one: str, other: str) -> list[Judged]:
    """What every judge said on one pair of answers, the judge of the grid first.

    Args:
        one: Id of a contestant.
        other: Id of another one.
    """
    pair = (one, other)
    query = select(VerdictRow).where(
        VerdictRow.dataset_id == grid.stamp[0],
        VerdictRow.split == grid.split,
        VerdictRow.prompt_id == prompt_id,
        VerdictRow.contestant_a.in_(pair),
        VerdictRow.contestant_b.in_(pair),
    )
    with workspace.catalogue.reading() as session:
        rows = list(session.scalars(query.order_by(VerdictRow.id)))
        said = [Verdict(**{name: getattr(row, name) for name in _FIELDS}) for row in rows]
    by_judge: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in said:
        by_judge[verdict.judge].append(verdict)
    found = []
    for judge, verdicts in by_judge.items():
        orders: dict[str, Verdict] = {}
        for verdict in verdicts:
            # One asked with an earlier judge prompt does not count any more.
            if verdict.judge_prompt_sha256 != verdicts[-1].judge_prompt_sha256:
                continue
            if verdict.state == "ok" or verdict.contestant_a not in orders:
                orders[verdict.contestant_a] = verdict
        shown = tuple(orders[who] for who in pair if who in orders)
        usable = [verdict for verdict in shown if verdict.state == "ok"]
        found.append(Judged(judge, shown, join(usable)))
    return sorted(found, key=lambda one: (one.judge != grid.judge, one.judge))


def _contestants(session: Session, dataset_id: str) -> tuple[list[Contestant], dict[str, Any]]:
    """The newest contestant of each name, and what changes when one has answered more."""
    newest = newest_contestants(session, dataset_id)
    ids = [row.id for row in newest]
    counted: dict[str, list[Any]] = {one: [0, 0, 0] for one in ids}
    of_sets = select(OutputSet.contestant_id, func.count(), func.sum(OutputSet.count))
    for who, sets, answers in session.execute(
        of_sets.where(OutputSet.contestant_id.in_(ids)).group_by(OutputSet.contestant_id)
    ):
        counted[who][:2] = [sets, answers]
    paid = select(ApiOutput.contestant_id, func.count()).where(ApiOutput.contestant_id.in_(ids))
    for who, answers in session.execute(paid.group_by(ApiOutput.contestant_id)):
        counted[who][2] = answers
    return newest, {who: tuple(numbers) for who, numbers in counted.items()}


def _judges(
    session: Session, dataset_id: str, split: Split
) -> tuple[tuple[tuple[str, int, int], ...], float]:
    """Name, number of verdicts and last verdict of everybody who has judged; and what was paid for all of it."""
    columns = select(
        VerdictRow.judge, func.count(), func.max(VerdictRow.id), func.sum(VerdictRow.cost_usd)
    ).where(VerdictRow.dataset_id == dataset_id, VerdictRow.split == split)
    rows = session.execute(columns.group_by(VerdictRow.judge).order_by(VerdictRow.judge)).all()
    return tuple((row[0], row[1], row[2]) for row in rows), sum(row[3] or 0.0 for row in rows)


def _prompts(examples: Any) -> tuple[tuple[Prompt, ...], tuple[int, ...]]:
    """The distinct prompts with the numbers of their rows."""
    found: dict[str, tuple[Prompt, int]] = {}
    for example in examples:
        if example.prompt_id not in found:
            found[example.prompt_id] = prompt_of(example), example.row
    return tuple(prompt for prompt, _ in found.values()), tuple(row for _, row in found.values())


def _placed(
    newest: Sequence[Contestant],
    outputs: Mapping[str, Mapping[str, Output]],
    tallies: Mapping[str, Tally],
) -> tuple[Answerer, ...]:
    """Those who have answered, the best first."""
    found = [
        Answerer(row.id, row.name, row.entrant, len(outputs[row.id]), tallies.get(row.id, Tally()))
        for row in newest
        if outputs[row.id]
    ]
    return tuple(
        sorted(found, key=lambda one: (one.tally.rate is None, -(one.tally.rate or 0.0), one.name.casefold()))
    )
