"""What the verdicts of one judge come to, prompt by prompt. When it has said more, only that is read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import func, select

from engine.judging.recorded import verdicts_of
from engine.judging.verdicts import Comparison, comparisons
from engine.workspace import Workspace
from engine.workspace.tables import Verdict as VerdictRow

#: More prompts than this at once, and all verdicts are read: SQLite would look each of them up.
_FEW: Final = 500


@dataclass(frozen=True)
class Tally:
    """How comparisons went for one side."""

    wins: int = 0
    ties: int = 0
    losses: int = 0

    @property
    def count(self) -> int:
        """How many comparisons."""
        return self.wins + self.ties + self.losses

    @property
    def rate(self) -> float | None:
        """Share of comparisons won, a tie being half a win; None without any."""
        return (self.wins + self.ties / 2) / self.count if self.count else None


@dataclass(frozen=True, eq=False)
class Counted:
    """Comparisons on a split of a dataset by one judge.

    Attributes:
        of: Dataset, split, judge, and the ids of the contestants that count.
        count: How many verdicts they come from.
        last: The id of the last of those.
        outcomes: Prompt id -> comparisons on it.
        tallies: Contestant id -> how all its comparisons went.
    """

    of: tuple[str, str, str, frozenset[str]]
    count: int = 0
    last: int = 0
    outcomes: Mapping[str, Sequence[Comparison]] = field(default_factory=dict)
    tallies: Mapping[str, Tally] = field(default_factory=dict)


def counted(
    workspace: Workspace,
    of: tuple[str, str, str, frozenset[str]],
    count: int,
    last: int,
    before: Counted | None = None,
) -> Counted:
    """Count what a judge has said.

    Args:
        workspace: Whose catalogue.
        of: See `Counted`.
        count: How many verdicts there are.
        last: The id of the last one.
        before: What was counted earlier; of the same judge, only what came after it is read.

    Raises:
        NameUnknownError: There is no such dataset.
    """
    dataset, split, judge, _ = of
    if not count:
        return Counted(of)
    if before is not None and before.of == of:
        fresh = _prompts_since(workspace, before, count)
        if fresh is not None:
            made = _grouped(comparisons(verdicts_of(workspace, dataset, split, judge, fresh)))
            gone = [one for prompt in fresh for one in before.outcomes.get(prompt, ())]
            tallies = _tallies((one for group in made.values() for one in group), gone, before.tallies)
            return Counted(of, count, last, {**before.outcomes, **dict.fromkeys(fresh, ()), **made}, tallies)
    made = _grouped(comparisons(verdicts_of(workspace, dataset, split, judge)))
    return Counted(of, count, last, made, _tallies(one for group in made.values() for one in group))


def _prompts_since(workspace: Workspace, before: Counted, count: int) -> set[str] | None:
    """Prompts on which there are verdicts that were not counted; None where more than that has changed."""
    _, split, judge, _ = before.of
    mine = (VerdictRow.judge == judge, VerdictRow.split == split)
    with workspace.catalogue.reading() as session:
        known = select(VerdictRow.dataset_id, VerdictRow.judge_prompt_sha256).where(
            VerdictRow.id == before.last
        )
        row = session.execute(known).one_or_none()
        if row is None:
            return None
        since = (VerdictRow.dataset_id == row.dataset_id, *mine, VerdictRow.id > before.last)
        of_prompts = select(VerdictRow.prompt_id, VerdictRow.judge_prompt_sha256, func.count())
        rows = session.execute(
            of_prompts.where(*since).group_by(VerdictRow.prompt_id, VerdictRow.judge_prompt_sha256)
        ).all()
    added = sum(number for _, _, number in rows)
    # People take votes back, and an earlier judge prompt does not count once there is another one.
    same = added == count - before.count and all(sha == row.judge_prompt_sha256 for _, sha, _ in rows)
    prompts = {prompt for prompt, _, _ in rows}
    return prompts if same and len(prompts) <= _FEW else None


def _grouped(made: Iterable[Comparison]) -> dict[str, list[Comparison]]:
    groups: dict[str, list[Comparison]] = defaultdict(list)
    for one in made:
        groups[one.prompt_id].append(one)
    return dict(groups)


def _tallies(
    made: Iterable[Comparison],
    gone: Collection[Comparison] = (),
    before: Mapping[str, Tally] | None = None,
) -> dict[str, Tally]:
    """How comparisons went for each contestant.

    Args:
        made: Those that are to be added.
        gone: Those that are to be taken away.
        before: What they are added to.
    """
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for who, tally in (before or {}).items():
        counts[who] = [tally.wins, tally.ties, tally.losses]
    for some, weight in ((made, 1), (gone, -1)):
        for one in some:
            for who, win in ((one.contestant_a, "a"), (one.contestant_b, "b")):
                counts[who][1 if one.winner == "tie" else 0 if one.winner == win else 2] += weight
    return {who: Tally(*numbers) for who, numbers in counts.items()}
