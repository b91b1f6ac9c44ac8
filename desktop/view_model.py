"""What all view-models have in common: a frozen state that is read in the background, and news of it. No widgets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QObject, Signal, Slot

from desktop.problem import Problem
from desktop.services import Services

State = TypeVar("State")


class ViewModel(QObject, Generic[State]):
    """The state of a page and what can be done there.

    A subclass says how its state is read (`read`, in another thread) and what is done. A state is a frozen dataclass
    and is replaced as a whole.

    Args:
        services: See `Services`.
        state: Shown until the first one was read.
    """

    #: The state is another one.
    changed = Signal()
    #: Something could not be done; carries a `Problem`.
    failed = Signal(object)
    #: Something was done that the user should hear of; carries a sentence.
    told = Signal(str)

    def __init__(self, services: Services, state: State, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.services = services
        self.state = state
        #: Whether a state was read.
        self.loaded = False
        self._reading = False
        self._again = False
        self._shown = False

    def read(self) -> Callable[[], State]:
        """What reads a new state in another thread; called in this one, to take along what it needs."""
        raise NotImplementedError

    @property
    def shown(self) -> bool:
        """Whether its page is on the screen."""
        return self._shown

    def show(self) -> None:
        """Its page comes on the screen: read at once, and whenever the catalogue changes."""
        if not self._shown:
            self._shown = True
            self.services.feed.catalogue_changed.connect(self.refresh)
            self.refresh()

    def hide(self) -> None:
        """Its page leaves the screen: read no more."""
        if self._shown:
            self._shown = False
            self.services.feed.catalogue_changed.disconnect(self.refresh)

    @Slot()
    def refresh(self) -> None:
        """Read anew; while a reading is under way, once more after it."""
        if self._reading:
            self._again = True
            return
        self._reading = True
        self.services.background.run(self, self.read(), self._take, self._not_read)

    def do(
        self,
        work: Callable[[], Any],
        done: Callable[[Any], None] | None = None,
        failed: Callable[[Problem], None] | None = None,
    ) -> None:
        """Do something in another thread, then read anew."""

        def after(value: Any) -> None:
            if done is not None:
                done(value)
            self.services.feed.look()
            self.refresh()

        self.services.background.run(self, work, after, failed or self.failed.emit)

    def use(self, state: State) -> None:
        """Replace the state; tells only where it differs."""
        fresh = not self.loaded
        self.loaded = True
        if fresh or state != self.state:
            self.state = state
            self.changed.emit()

    def _take(self, state: State) -> None:
        self._reading = False
        self.use(state)
        self._repeat()

    def _not_read(self, problem: Problem) -> None:
        self._reading = False
        self.failed.emit(problem)
        self._repeat()

    def _repeat(self) -> None:
        if self._again:
            self._again = False
            self.refresh()
