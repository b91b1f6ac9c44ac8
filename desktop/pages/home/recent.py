"""The lower half of the Home page: studies of late, and this machine in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from desktop.language import tr
from desktop.theme.look import Look
from desktop.widgets.basics import (
    Button,
    IconLabel,
    bar,
    chip,
    clear,
    column,
    heading,
    label,
    retone,
    row,
    rule,
    stack,
)
from desktop.widgets.keyed import KeyedColumn
from desktop.words import duration, state_words, told

if TYPE_CHECKING:
    from engine.studies.lines import StudyLine

_WIDTH = 352


class RecentCard(QFrame):
    """Studies of late, each with its state and a sentence.

    Args:
        go: Opens the study of a name.
    """

    def __init__(self, look: Look, go: Callable[[str], None]) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._empty = label(
            tr(
                "No study yet. Bring examples above and press Start: it appears here while it runs, and after it."
            ),
            "muted",
            wrap=True,
        )
        self._lines: KeyedColumn[StudyLine, _Line] = KeyedColumn(
            lambda line: line.name, lambda _line: _Line(look, go), _Line.show_line, gap=6
        )
        layout = column(heading(tr("Recent studies")), self._empty, self._lines, None, gap=4)
        layout.setContentsMargins(16, 12, 16, 10)
        self.setLayout(layout)

    def show_studies(self, studies: Sequence[StudyLine]) -> None:
        """Show these, newest first."""
        self._empty.setVisible(not studies)
        self._lines.show_items(studies)


class _Line(QWidget):
    """One study."""

    def __init__(self, look: Look, go: Callable[[str], None]) -> None:
        super().__init__()
        self._study = ""
        self._name = Button(look, "", kind="ghost", does=lambda: go(self._study))
        self._about = label("", "small")
        self._says = label("", "small", wrap=True)
        self._state = chip("")
        self._bar = bar(0.0)
        self._bar.setFixedWidth(120)
        head = row(self._name, self._about, None, self._bar, self._state, gap=10)
        layout = column(head, self._says, rule(), gap=3)
        self._says.setContentsMargins(7, 0, 0, 4)
        self.setLayout(layout)

    def show_line(self, line: StudyLine) -> None:
        """Show a study as it stands."""
        self._study = line.name
        words, tone = state_words(line.state)
        self._name.setText(line.name)
        self._name.setAccessibleName(tr("Open the study {name}, {state}", name=line.name, state=words))
        self._about.setText(tr("bases: {bases}, tasks: {tasks}", bases=line.bases, tasks=line.tasks))
        self._state.setText(words)
        retone(self._state, tone=tone)
        moving = line.state not in ("done", "failed") and line.share is not None
        self._bar.setVisible(moving)
        self._bar.setValue(round(1000 * (line.share or 0.0)))
        self._bar.setAccessibleName(tr("Progress of {job}", job=line.name))
        self._says.setText(_sentence(line))


class MachineCard(QFrame):
    """What this machine has, can and cannot do."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._shown: object = None
        self.setProperty("role", "card")
        self.setFixedWidth(_WIDTH)
        self._inside = QVBoxLayout()
        self._inside.setSpacing(9)
        layout = column(heading(tr("This machine")), self._inside, None, gap=6)
        layout.setContentsMargins(16, 12, 16, 12)
        self.setLayout(layout)

    def show_machine(self, parts: Sequence[tuple[str, str, str]], able: Sequence[tuple[bool, str]]) -> None:
        """Show what was found."""
        if (parts, able) == self._shown:
            return
        self._shown = (parts, able)
        clear(self._inside)
        for icon, title, sentence in parts:
            line = row(
                IconLabel(self._look, icon, "muted", 20),
                stack(label(title, "strong"), label(sentence, "small"), gap=1),
                None,
                gap=12,
            )
            self._inside.addLayout(line)
        self._inside.addWidget(rule())
        for can, sentence in able:
            mark = IconLabel(self._look, "check-circle" if can else "prohibit", "good" if can else "warn", 16)
            mark.setAccessibleName(tr("Can") if can else tr("Cannot"))
            words = label(sentence, "small", wrap=True)
            line = row(mark, words, gap=10)
            line.setStretch(1, 1)
            line.setAlignment(mark, Qt.AlignmentFlag.AlignTop)
            self._inside.addLayout(line)


def _sentence(line: StudyLine) -> str:
    """What there is to say about a study, in a sentence."""
    if line.says:
        return told(line.says).partition(". ")[0].rstrip(".") + "."
    if line.state == "running":
        if line.seconds_left is not None:
            return tr("About {time} left.", time=duration(line.seconds_left))
        return tr("It runs.")
    if line.state == "queued":
        return tr("It waits for its turn.")
    if line.state == "done":
        return tr("It is finished.")
    return tr("Open it to continue; what is done stays done.")
