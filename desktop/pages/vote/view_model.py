"""A ballot from its choice to its end: pairs without names, votes, and how far the judges agree. No widgets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from PySide6.QtCore import QObject

from desktop.pages.vote.booth import Act, Booth, Done, Seen
from desktop.problem import Problem, problem_of
from desktop.services import Services
from desktop.view_model import ViewModel
from engine.errors import BakeoffError
from engine.workspace import Workspace
from engine.workspace.tables import Contestant, Dataset

if TYPE_CHECKING:
    from engine.datasets.options import Split
    from engine.judging.agreement import Agreement
    from engine.judging.grid import Grid
    from engine.judging.verdicts import Verdict
    from engine.judging.votes import Revealed

Phase = Literal["choosing", "voting", "over"]

#: Pairs that a ballot has by default: enough to tell a good judge from a bad one.
USUAL: Final = 60
#: Votes that are listed at the end.
_LISTED: Final = 500
_PREVIEW: Final = 160


@dataclass(frozen=True)
class Choosing:
    """What a ballot is to be about.

    Attributes:
        names: Contestants; empty for all.
        pairs: At most; 0 for all.
        limit: Prompts at most; 0 for all.
        seed: Decides which pairs come first, and on which side each answer stands.
        voter: Keeps the votes of several people apart.
        reveal: Tell after each vote whose answers they were.
    """

    dataset: str = ""
    split: Split = "test"
    names: tuple[str, ...] = ()
    goal: str = "ranking"
    pairs: int = USUAL
    limit: int = 0
    seed: int = 0
    voter: str = ""
    reveal: bool = False


@dataclass(frozen=True)
class Course:
    """How far the voter and a judge agree.

    Attributes:
        steps: After each vote on a pair that the judge has judged too.
        expected: Pairs when all of the ballot were voted on; ``outlook`` is where the interval would be then.
    """

    judge: str
    steps: tuple[Agreement, ...] = ()
    expected: int = 0
    outlook: tuple[float, float] | None = None

    @property
    def now(self) -> Agreement | None:
        """The agreement at present."""
        return self.steps[-1] if self.steps else None


@dataclass(frozen=True)
class Cast:
    """A vote with its names, told when the ballot is over.

    Attributes:
        chosen: ``left``, ``right``, ``tie`` or ``both_bad``.
        others: What other judges say on the pair, in the same terms.
    """

    key: str
    asked: str
    left: str
    right: str
    chosen: str
    others: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class VoteState:
    """What the page shows. While somebody votes, no name of a contestant is in it.

    Attributes:
        datasets: Names of those with answers.
        names: Contestants that can be compared, and ``choosing`` those that are to be; only while a ballot is chosen.
        problem: Why there can be no ballot on the chosen dataset.
        last: The names behind the last vote, where they are told.
        courses: The agreement with every other judge, the one with the most pairs first.
        cast: The votes; only when the ballot is over.
    """

    phase: Phase = "choosing"
    datasets: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    choosing: Choosing = Choosing()
    problem: Problem | None = None
    opening: bool = False
    seen: Seen | None = None
    last: Revealed | None = None
    courses: tuple[Course, ...] = ()
    cast: tuple[Cast, ...] = ()

    @property
    def taking(self) -> tuple[str, ...]:
        """Those of `names` that are to be compared: the chosen ones, else all."""
        chosen = tuple(name for name in self.names if name in self.choosing.names)
        return chosen or self.names


class VoteModel(ViewModel[VoteState]):
    """Opens ballots and votes on them, exactly as ``bakeoff vote`` does."""

    def __init__(self, services: Services, parent: QObject | None = None) -> None:
        super().__init__(services, VoteState(), parent)
        self.choosing = Choosing()
        self._phase: Phase = "choosing"
        self._booth: Booth | None = None
        self._opening = False
        self._last: Revealed | None = None
        self._grids: list[Grid] = []

    def read(self) -> Callable[[], VoteState]:
        """See `ViewModel`."""
        workspace, choosing, phase = self.services.workspace, self.choosing, self._phase
        booth, last, opening, grids = self._booth, self._last, self._opening, self._grids

        def read() -> VoteState:
            if booth is None:
                return replace(_choice(workspace, choosing, grids), opening=opening)
            seen = booth.look()
            votes, courses = _courses(workspace, choosing, booth.judge, seen)
            cast = (
                _cast(workspace, choosing, votes, [one.judge for one in courses]) if phase == "over" else ()
            )
            return VoteState(phase, seen=seen, last=last, courses=courses, cast=cast)

        return read

    def use(self, state: VoteState) -> None:
        """See `ViewModel`; what was read before the last act or the present phase is dropped."""
        if state.phase != self._phase:
            return
        now = self.state.seen
        if now is not None and state.seen is not None and state.seen.number < now.number:
            state = replace(state, seen=now, last=self.state.last)
        super().use(state)

    def change(self, **changes: Any) -> None:
        """The ballot is to be about something else."""
        fresh = replace(self.choosing, **changes)
        if fresh.dataset != self.choosing.dataset or fresh.split != self.choosing.split:
            fresh = replace(fresh, names=changes.get("names", ()))
        if fresh != self.choosing:
            self.choosing = fresh
            self.refresh()

    def start(self) -> None:
        """Open the ballot."""
        if self._opening or self._booth is not None:
            return
        workspace, choosing = self.services.workspace, self.choosing
        read = self.state.taking if self.state.choosing == choosing else ()
        grids = self._grids
        dataset = choosing.dataset or self._chosen_dataset()
        self._opening = True
        self.use(replace(self.state, opening=True))

        def open_it() -> Booth:
            from engine.judging.spec import JudgeSpec
            from engine.judging.votes import open_ballot

            names = read or _choice(workspace, choosing, grids).taking
            if len(names) < 2:
                raise BakeoffError("judging.too_few", "Two contestants are the least that can be compared.")
            spec = JudgeSpec(
                dataset=dataset,
                contestants=list(names),
                split=choosing.split,
                goal=choosing.goal,
                max_comparisons=choosing.pairs or None,
                limit=choosing.limit or None,
                seed=choosing.seed,
            )
            return Booth(open_ballot(workspace, spec, voter=choosing.voter.strip()), reveal=choosing.reveal)

        def opened(booth: Booth) -> None:
            self._opening = False
            self._booth, self._phase, self._last = booth, "voting", None
            self.choosing = replace(choosing, dataset=dataset)
            self.use(VoteState("voting", seen=booth.look()))

        def refused(problem: Problem) -> None:
            self._opening = False
            self.refresh()
            self.failed.emit(problem)

        self.do(open_it, opened, refused)

    def act(self, act: Act) -> None:
        """Vote on the pair on the screen, pass it over, or take back what was done last."""
        booth, seen = self._booth, self.state.seen
        if booth is None or seen is None or self._phase != "voting":
            return

        def done(found: Done) -> None:
            self._last = found.revealed
            if self._booth is booth:
                self.use(replace(self.state, seen=found.seen, last=found.revealed))

        self.do(lambda: booth.act(seen.number, act), done)

    def finish(self) -> None:
        """End the ballot: names are told from now on, and nothing is taken back any more."""
        if self._booth is not None:
            self._phase = "over"
            self.refresh()

    def again(self) -> None:
        """Choose another ballot."""
        self._booth, self._phase, self._last = None, "choosing", None
        self.use(VoteState(datasets=self.state.datasets))
        self.refresh()

    @property
    def judge(self) -> str:
        """The voter as a judge; empty while no ballot is open."""
        return self._booth.judge if self._booth is not None else ""

    def _chosen_dataset(self) -> str:
        return self.choosing.dataset if self.choosing.dataset in self.state.datasets else self.first_dataset

    @property
    def first_dataset(self) -> str:
        """The dataset that is meant where none was chosen: the newest one with answers."""
        return self.state.datasets[-1] if self.state.datasets else ""


def _choice(workspace: Workspace, choosing: Choosing, grids: list[Grid]) -> VoteState:
    """What can be voted on."""
    from sqlalchemy import select

    from engine.judging.grid import read_grid

    with workspace.catalogue.reading() as session:
        rows = session.execute(
            select(Dataset.id, Dataset.name).order_by(Dataset.created_at, Dataset.name)
        ).all()
        answered = set(session.scalars(select(Contestant.dataset_id).distinct()))
    datasets = tuple(name for one, name in rows if one in answered)
    if not datasets:
        return VoteState()
    dataset = choosing.dataset if choosing.dataset in datasets else datasets[-1]
    try:
        grid = read_grid(workspace, dataset, choosing.split, before=grids[0] if grids else None)
    except BakeoffError as error:
        return VoteState(datasets=datasets, choosing=choosing, problem=problem_of(error))
    grids[:] = [grid]
    names = tuple(sorted(one.name for one in grid.answerers))
    return VoteState(datasets=datasets, names=names, choosing=choosing)


def _courses(
    workspace: Workspace, choosing: Choosing, voter: str, seen: Seen
) -> tuple[list[Verdict], tuple[Course, ...]]:
    """The votes so far, and how far each other judge of the dataset agrees with them."""
    from engine.judging.agreement import course, outlook
    from engine.judging.grid import judges_of
    from engine.judging.recorded import verdicts_of

    votes = verdicts_of(workspace, choosing.dataset, choosing.split, voter)
    found = []
    for judge in judges_of(workspace, choosing.dataset, choosing.split):
        if judge == voter:
            continue
        verdicts = verdicts_of(workspace, choosing.dataset, choosing.split, judge)
        steps = tuple(course(voter, votes, judge, verdicts))
        expected = steps[-1].pairs + seen.count.left if steps else 0
        found.append(Course(judge, steps, expected, outlook(steps[-1], expected) if steps else None))
    return votes, tuple(sorted(found, key=lambda one: (-(one.now.pairs if one.now else 0), one.judge)))


def _cast(
    workspace: Workspace, choosing: Choosing, votes: list[Verdict], judges: list[str]
) -> tuple[Cast, ...]:
    """The votes with their names, the newest first; pairs of identical answers, on which nobody voted, left out."""
    from engine.datasets.library import open_dataset
    from engine.judging.recorded import verdicts_of
    from engine.judging.verdicts import IDENTICAL, comparisons

    listed = [vote for vote in reversed(votes) if vote.explanation != IDENTICAL][:_LISTED]
    store = open_dataset(workspace, choosing.dataset, "vote").store
    wanted = {vote.prompt_id for vote in listed}
    asked = {
        example.prompt_id: (example.prompt[-1].content or "")[:_PREVIEW].replace("\n", " ")
        for example in store.examples(choosing.split)
        if example.prompt_id in wanted and example.prompt
    }
    outcomes: dict[str, dict[Any, Any]] = {}
    for judge in judges:
        made = comparisons(verdicts_of(workspace, choosing.dataset, choosing.split, judge))
        outcomes[judge] = {
            (one.prompt_id, frozenset((one.contestant_a, one.contestant_b))): one for one in made
        }
    found = []
    for number, vote in enumerate(listed):
        pair = vote.prompt_id, frozenset((vote.contestant_a, vote.contestant_b))
        others = []
        for judge in judges:
            made_by = outcomes[judge].get(pair)
            if made_by is not None:
                same = made_by.contestant_a == vote.contestant_a
                sides = {"tie": "tie", "a": "left" if same else "right", "b": "right" if same else "left"}
                others.append((judge, sides[made_by.winner]))
        found.append(
            Cast(
                f"{vote.key}/{number}",
                asked.get(vote.prompt_id, ""),
                vote.name_a,
                vote.name_b,
                _said(vote),
                tuple(others),
            )
        )
    return tuple(found)


def _said(vote: Verdict) -> str:
    from engine.judging.votes import BOTH_BAD

    if vote.winner == "tie":
        return "both_bad" if vote.explanation == BOTH_BAD else "tie"
    return "left" if vote.winner == "a" else "right"
