"""What is typed about references, judge and ceiling of a study, and what it would cost. No widgets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QObject

from desktop.amounts import amount
from desktop.language import tr
from desktop.references.planning import NOBODY, NOTHING, REFERENCE, Cost, Offers, cost_of, offers
from desktop.services import Services
from desktop.view_model import ViewModel

if TYPE_CHECKING:
    from engine.studies.quick import Extras
    from engine.studies.spec import StudySpec


@dataclass(frozen=True)
class Draft:
    """What is typed.

    Attributes:
        typed: In the field for one more reference; counts as if it had been added.
        budget: USD as typed; empty for none.
    """

    references: tuple[str, ...] = ()
    typed: str = ""
    judge: str = REFERENCE
    budget: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """All references."""
        return tuple(dict.fromkeys(name for name in (*self.references, self.typed.strip()) if name))

    @property
    def plain(self) -> bool:
        """Whether nothing beyond a recipe is wanted."""
        return not self.names and self.judge.strip() in ("", REFERENCE)

    def extras(self) -> Extras:
        """As the engine takes it.

        Raises:
            BakeoffError: The ceiling is no number.
        """
        from engine.studies.quick import Extras

        usd = amount(self.budget, tr("Ceiling in USD"))
        return Extras(self.names, self.judge.strip() or REFERENCE, usd)


#: A study as its recipe has it.
NO_EXTRAS: Final = Draft()


@dataclass(frozen=True)
class ExtrasState:
    """What the dialog shows.

    Attributes:
        draft: Of which the cost is.
    """

    offers: Offers = NOBODY
    cost: Cost = NOTHING
    draft: Draft | None = None


class ExtrasModel(ViewModel[ExtrasState]):
    """Reckons what a study costs with what is typed.

    Args:
        make: Makes the study, in another thread.
        draft: To begin with.
    """

    def __init__(
        self,
        services: Services,
        make: Callable[[Extras], StudySpec],
        draft: Draft,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(services, ExtrasState(), parent)
        self.draft = draft
        self._make = make
        self._offers: list[Offers] = []

    def read(self) -> Callable[[], ExtrasState]:
        """See `ViewModel`."""
        workspace, make, draft, known = self.services.workspace, self._make, self.draft, self._offers

        def read() -> ExtrasState:
            if not known:
                known.append(offers(workspace))
            return ExtrasState(known[0], cost_of(workspace, lambda: make(draft.extras())), draft)

        return read

    @property
    def reckoned(self) -> bool:
        """Whether the cost is that of what is typed by now."""
        return self.state.draft == self.draft

    def change(self, **changes: Any) -> None:
        """Something else is typed."""
        fresh = replace(self.draft, **changes)
        if fresh != self.draft:
            self.draft = fresh
            self.changed.emit()
            self.refresh()

    def add(self) -> None:
        """Take the typed reference among the others."""
        self.change(references=self.draft.names, typed="")

    def drop(self, name: str) -> None:
        """Leave a reference out."""
        self.change(references=tuple(one for one in self.draft.references if one != name))
