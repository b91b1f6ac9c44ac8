"""The sealed task of a finished study that waits for somebody to open it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QFrame

from desktop.language import tr
from desktop.pages.study.matrix import entrant_words
from desktop.theme.look import Look
from desktop.widgets.basics import Button, IconLabel, column, label, row
from engine.studies.picture import StudyPicture


class SealedCard(QFrame):
    """Says that a task is closed, and opens it.

    Args:
        ask: Asks before it is opened.
    """

    def __init__(self, look: Look, ask: Callable[[], None]) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._title = label("", "h2", wrap=True)
        self._says = label("", "muted", wrap=True)
        self.open = Button(look, tr("Open the sealed task"), "lock-open", does=ask)
        inside = row(
            IconLabel(look, "lock", "warn", 24),
            column(self._title, self._says, gap=3),
            self.open,
            gap=14,
        )
        inside.setStretch(1, 1)
        inside.setContentsMargins(16, 12, 16, 12)
        self.setLayout(inside)
        self.hide()

    def show_picture(self, picture: StudyPicture) -> None:
        """Show the task that waits; nothing where none does."""
        self.setVisible(bool(picture.can_open))
        if picture.can_open:
            self._title.setText(tr("{task} is still sealed", task=picture.can_open))
            self._says.setText(
                tr(
                    "Nobody has looked at it. Opened, it shows whether {winner} is better there as well.",
                    winner=winner_words(picture),
                )
            )


def winner_words(picture: StudyPicture) -> str:
    """The winner, as people call it."""
    result = picture.result
    return entrant_words(result.winner) if result is not None and result.winner else ""


def question(picture: StudyPicture) -> str:
    """What has to be known before a sealed task is opened."""
    return tr(
        "It can be looked at only once. {winner} and the plain base are tuned on it and compared, and from then on "
        "it is a task like the others: what is changed afterwards, nobody can test on something unseen.",
        winner=winner_words(picture),
    )
