"""What is brought, what each recipe would take, recent studies, and this machine in words. Knows no widgets."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QObject, Signal, Slot

from desktop.language import tr
from desktop.machine import machine_of
from desktop.pages.home.machine_words import machine_parts
from desktop.pages.home.merge_time import merge_seconds
from desktop.problem import Problem, problem_of
from desktop.references.planning import paid_names
from desktop.references.view_model import NO_EXTRAS, Draft
from desktop.services import Services
from desktop.view_model import ViewModel
from engine.errors import BakeoffError
from engine.workspace import Workspace

if TYPE_CHECKING:
    from engine.studies.lines import StudyLine
    from engine.studies.quick import Extras
    from engine.studies.spec import StudySpec

#: Studies that are listed, and sentences about the machine.
_RECENT: Final = 4
#: Seconds for which a look at the machine holds.
_MACHINE_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Card:
    """A recipe with what it would take here.

    Attributes:
        bases: Names of those that it would use.
        paid: Models that would be asked over the network.
        problem: Why it cannot be started with these examples; empty where it can.
    """

    key: str
    title: str
    about: str
    icon: str
    bases: tuple[str, ...] = ()
    seconds: float = 0.0
    usd: float = 0.0
    paid: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class Brought:
    """The examples that are to be learned.

    Attributes:
        rows: At least so many where ``more``.
        question: Of the first example, ``answer`` its answer.
        left_out: How many of the first rows are no examples, of how many, and why the first of them is none.
    """

    name: str
    rows: int
    more: bool
    question: str
    answer: str
    left_out: tuple[int, int, str] = (0, 0, "")


@dataclass(frozen=True)
class Unmapped:
    """Files of which nobody knows yet which column holds what; all have the same columns."""

    files: tuple[Path, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True)
class HomeState:
    """What the page shows.

    Attributes:
        refused: Files that cannot be used: name, and why.
        unmapped: Files that can be used once it is said which column holds what.
        cards: Reckoned for the sample until something is brought, with the references and the judge of ``extras``.
        parts: Of the machine: icon, what it has, and how much of it is free.
        datasets: Of the workspace, that a study can be started with.
        pair: Two models that are there and can be merged, the stronger one first; empty where no two can.
        pair_seconds: How long merging them takes; None where no such merge was measured on this machine.
        able: Whether each sentence about the machine says what it can.
    """

    brought: Brought | None = None
    looking: bool = False
    refused: tuple[tuple[str, Problem], ...] = ()
    unmapped: Unmapped | None = None
    cards: tuple[Card, ...] = ()
    chosen: str = ""
    starting: bool = False
    studies: tuple[StudyLine, ...] = ()
    parts: tuple[tuple[str, str, str], ...] = ()
    able: tuple[tuple[bool, str], ...] = ()
    datasets: tuple[str, ...] = ()
    pair: tuple[str, ...] = ()
    pair_seconds: float | None = None
    extras: Draft = NO_EXTRAS

    @property
    def card(self) -> Card | None:
        """The chosen recipe."""
        return next((card for card in self.cards if card.key == self.chosen), None)

    @property
    def ready(self) -> bool:
        """Whether a study can be started."""
        card = self.card
        return self.brought is not None and card is not None and not card.problem and not self.starting


class HomeModel(ViewModel[HomeState]):
    """Takes files, plans recipes for them and starts a study."""

    #: A study has been started; carries its name.
    started = Signal(str)

    def __init__(self, services: Services, parent: QObject | None = None) -> None:
        super().__init__(services, HomeState(), parent)
        self._examples: Any = None
        self._refused: tuple[tuple[str, Problem], ...] = ()
        self._unmapped: Unmapped | None = None
        self._chosen = ""
        self._extras = NO_EXTRAS
        self._looking = 0
        self._starting = False
        #: What was reckoned last, and for what; only readings use them, of which one runs at a time.
        self._planned: dict[Any, tuple[Card, ...]] = {}
        self._seen: list[tuple[float, dict[str, Any]]] = []
        self._timed: dict[Any, float | None] = {}

    def show(self) -> None:
        """See `ViewModel`."""
        if not self.shown:
            self.services.feed.jobs_changed.connect(self._jobs_changed)
        super().show()

    def hide(self) -> None:
        """See `ViewModel`."""
        if self.shown:
            self.services.feed.jobs_changed.disconnect(self._jobs_changed)
        super().hide()

    def read(self) -> Callable[[], HomeState]:
        """See `ViewModel`."""
        workspace, examples, extras = self.services.workspace, self._examples, self._extras
        refused, unmapped, chosen, looking, starting = (
            self._refused,
            self._unmapped,
            self._chosen,
            self._looking > 0,
            self._starting,
        )
        stamp = self.services.feed.snapshot.catalogue
        planned, seen, timed = self._planned, self._seen, self._timed

        def read() -> HomeState:
            from engine.models.machine import findings
            from engine.studies.lines import study_lines
            from engine.studies.quick import usable_datasets
            from engine.studies.strongest_pair import strongest_pair

            key = (stamp, id(examples), extras)
            if key not in planned:
                cards = _cards(workspace, examples, extras)
                planned.clear()
                planned[key] = cards
            if not seen or time.monotonic() - seen[0][0] > _MACHINE_SECONDS:
                seen[:] = [(time.monotonic(), machine_of(workspace))]
            cards = planned[key]
            pair = strongest_pair(workspace)
            if (stamp, pair) not in timed:
                timed.clear()
                timed[stamp, pair] = merge_seconds(workspace, pair)
            return HomeState(
                _brought(examples),
                looking,
                refused,
                unmapped,
                cards,
                chosen or (cards[0].key if cards else ""),
                starting,
                tuple(study_lines(workspace)[:_RECENT]),
                machine_parts(seen[0][1]),
                tuple((one.can, tr(one.text, **one.params)) for one in findings(seen[0][1])),
                usable_datasets(workspace),
                pair,
                timed[stamp, pair],
                extras,
            )

        return read

    def take(self, files: Sequence[Path]) -> None:
        """Bring files: those that are of use become one dataset, the others are told with their reasons."""
        workspace = self.services.workspace

        self._look(lambda: _look_at(workspace, files))

    def take_mapped(self, prompt: str, completion: str) -> None:
        """Bring the files that are `HomeState.unmapped`, with these columns as question and answer."""
        workspace, unmapped = self.services.workspace, self._unmapped
        if unmapped is not None:
            mapping = {"prompt": prompt, "completion": completion}
            self._look(lambda: _look_at(workspace, unmapped.files, mapping))

    def take_sample(self) -> None:
        """Bring the sample that ships with Bakeoff."""

        def look() -> _Found:
            from engine.studies.quick import sample_examples, sample_titles

            return sample_examples(sample_titles()[0][0]), (), None

        self._look(look)

    def take_dataset(self, name: str) -> None:
        """Bring the examples of a dataset that is in the workspace."""
        workspace = self.services.workspace

        def look() -> _Found:
            from engine.studies.quick import stored_examples

            return stored_examples(workspace, name), (), None

        self._look(look)

    def choose(self, key: str) -> None:
        """Pick a recipe."""
        self._chosen = key
        self.use(replace(self.state, chosen=key))

    def use_extras(self, extras: Draft) -> None:
        """Rank others beside the bases, or let another judge compare."""
        self._extras = extras
        self.refresh()

    def study_maker(self) -> Callable[[Extras], StudySpec]:
        """Makes the study of the chosen recipe with references and a judge; for another thread."""
        workspace, key, examples = self.services.workspace, self.state.chosen, self._examples
        return lambda extras: _study(workspace, key, examples, extras)

    def start(self) -> None:
        """Start the study that the recipe makes of the examples."""
        if not self.state.ready:
            return
        workspace, client, examples = self.services.workspace, self.services.client, self._examples
        key, extras = self.state.chosen, self.state.extras
        self._starting = True
        self.use(replace(self.state, starting=True))

        def start() -> str:
            from engine.studies.starting import start_study

            spec = _study(workspace, key, examples, extras.extras())
            start_study(workspace, client, spec)
            return spec.study.name

        self.do(start, self._has_started, self._not_started)

    def _look(self, look: Callable[[], _Found]) -> None:
        self._looking += 1
        self.use(replace(self.state, looking=True))

        def done(found: _Found) -> None:
            self._looking -= 1
            examples, self._refused, self._unmapped = found
            if examples is not None:
                self._examples = examples

        def failed(problem: Problem) -> None:
            self._looking -= 1
            self.refresh()
            self.failed.emit(problem)

        self.do(look, done, failed)

    def _has_started(self, name: str) -> None:
        self._starting = False
        self._examples, self._extras = None, NO_EXTRAS
        self.started.emit(name)

    def _not_started(self, problem: Problem) -> None:
        self._starting = False
        self.refresh()
        self.failed.emit(problem)

    @Slot()
    def _jobs_changed(self) -> None:
        self.refresh()


#: Examples, files that are refused and why, and files of which the columns are to be told.
_Found = tuple[Any, tuple[tuple[str, Problem], ...], Unmapped | None]


def _look_at(workspace: Workspace, files: Sequence[Path], mapping: Mapping[str, str] | None = None) -> _Found:
    """Examples of the files that can be used, and why the others cannot.

    Args:
        mapping: Role -> column, where somebody has said it.
    """
    from engine.datasets.glance import glance
    from engine.datasets.options import ImportOptions
    from engine.studies.quick import examples_of

    good, refused = [], []
    unmapped: Unmapped | None = None
    for file in files:
        try:
            glance(file, ImportOptions(mapping=dict(mapping or {})))
        except BakeoffError as error:
            columns = tuple(map(str, error.params.get("names", ())))
            if error.code != "dataset.unknown_form" or len(columns) < 2:
                refused.append((file.name, problem_of(error)))
            elif unmapped is None or unmapped.columns == columns:
                unmapped = Unmapped((*(unmapped.files if unmapped is not None else ()), file), columns)
            else:
                refused.append((file.name, problem_of(error)))
        else:
            good.append(file)
    return (examples_of(workspace, good, mapping) if good else None), tuple(refused), unmapped


def _study(workspace: Workspace, key: str, examples: Any, extras: Extras) -> StudySpec:
    """The study that a recipe makes; of the sample where nothing was brought."""
    from engine.studies.quick import quick_recipes, quick_study, sample_examples, sample_titles

    (recipe,) = [one for one in quick_recipes() if one.key == key]
    taken = examples if examples is not None else sample_examples(sample_titles()[0][0])
    return quick_study(workspace, recipe, taken, extras)


def _cards(workspace: Workspace, examples: Any, draft: Draft) -> tuple[Card, ...]:
    """Every recipe with its time and cost here."""
    from engine.studies.plan import plan_study
    from engine.studies.preparing import require_prompts
    from engine.studies.quick import quick_recipes

    cards = []
    for recipe in quick_recipes():
        card = Card(recipe.key, tr(recipe.title), tr(recipe.about), recipe.icon)
        try:
            spec = _study(workspace, recipe.key, examples, draft.extras())
            require_prompts(spec.study, workspace)
            plan = plan_study(spec.study, workspace)
        except BakeoffError as error:
            card = replace(card, problem=problem_of(error).message)
        else:
            names = tuple(base.name for base in spec.study.bases)
            paid = paid_names(spec.study)
            card = replace(card, bases=names, seconds=plan.seconds, usd=plan.usd, paid=paid)
        cards.append(card)
    return tuple(cards)


def _brought(examples: Any) -> Brought | None:
    if examples is None:
        return None
    question, answer = examples.first
    return Brought(examples.name, examples.count, examples.more, question, answer, left_out=examples.left_out)
