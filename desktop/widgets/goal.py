"""What comparing is for: the full ranking, the best, or whether anything beats one."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QWidget

from desktop.language import tr
from desktop.widgets.basics import column, label
from desktop.widgets.fields import Choice
from desktop.widgets.segments import Segments


class GoalPart(QWidget):
    """Chooses a goal as the engine writes it."""

    #: The goal is another one: ``ranking``, ``best`` or ``beat:NAME``.
    changed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._kind = "ranking"
        #: The one to beat that was chosen by hand; kept while nobody is offered.
        self._wanted = ""
        self._choices = Segments(
            tr("Goal"),
            (
                ("ranking", tr("The full ranking")),
                ("best", tr("Which one is best")),
                ("beat", tr("Does anything beat")),
            ),
        )
        self._choices.choose(self._kind)
        self._choices.chosen.connect(self._choose)
        self._about = label(_about(self._kind), "small", wrap=True)
        self._reference = Choice()
        self._reference.setAccessibleName(tr("The one to beat"))
        self._reference.currentTextChanged.connect(self._name)
        self._reference.hide()
        self.setLayout(column(self._choices, self._about, self._reference, gap=6))

    @property
    def goal(self) -> str:
        """What is chosen."""
        return f"beat:{self._reference.currentText()}" if self._kind == "beat" else self._kind

    def offer(self, names: Sequence[str]) -> None:
        """Those that can be the one to beat."""
        if [self._reference.itemText(at) for at in range(self._reference.count())] == list(names):
            return
        goal = self.goal
        with QSignalBlocker(self._reference):
            self._reference.clear()
            self._reference.addItems(list(names))
            if self._wanted in names:
                self._reference.setCurrentText(self._wanted)
        if self.goal != goal and names:
            self.changed.emit(self.goal)

    def _name(self, name: str) -> None:
        self._wanted = name
        self.changed.emit(self.goal)

    def _choose(self, kind: str) -> None:
        self._kind = kind
        self._about.setText(_about(kind))
        self._reference.setVisible(kind == "beat")
        self.changed.emit(self.goal)


def _about(kind: str) -> str:
    return {
        "ranking": tr("Every place is settled; takes longest."),
        "best": tr("Stops as soon as one is ahead."),
        "beat": tr("Only pairs with this one."),
    }[kind]
