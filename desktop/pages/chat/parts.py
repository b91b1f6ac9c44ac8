"""Parts of the Chat page: the prompt, the row of panes, what can be saved, what an empty page says."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPlainTextEdit, QScrollArea, QWidget

from desktop.language import tr
from desktop.theme.look import Look
from desktop.theme.tokens import GAP
from desktop.widgets.basics import Button, row
from desktop.widgets.empty import Empty

#: Pixels of the row of panes at least; the page scrolls where there is less room.
_LEAST: Final = 300


class Prompt(QPlainTextEdit):
    """Where one writes: Return sends, Shift+Return begins a line."""

    def __init__(self, send: Callable[[], None]) -> None:
        super().__init__()
        self._send = send
        self.setAccessibleName(tr("Your message"))
        self.setTabChangesFocus(True)
        self.setFixedHeight(58)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """See the class."""
        shift = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not shift:
            self._send()
        else:
            super().keyPressEvent(event)


class SaveMenu(QMenu):
    """What of a conversation can be saved.

    Args:
        names: Asked for the names of the panes, when the menu is opened.
        examples: Called with a pane, or None for all answers that were voted for: into a file.
        dataset: The same, into a dataset.
        votes: Called for the votes.
    """

    def __init__(
        self,
        parent: QWidget,
        names: Callable[[], list[str]],
        examples: Callable[[int | None], None],
        dataset: Callable[[int | None], None],
        votes: Callable[[], None],
    ) -> None:
        super().__init__(parent)
        self._names, self._examples, self._dataset, self._votes = names, examples, dataset, votes
        self.aboutToShow.connect(self._fill)

    def _fill(self) -> None:
        self.clear()
        self.addAction(tr("Answers that you voted for, as examples..."), lambda: self._examples(None))
        for number, name in enumerate(self._names()):
            self.addAction(
                tr("The conversation with {name}, as an example...", name=name.replace("&", "&&")),
                partial(self._examples, number),
            )
        into = self.addMenu(tr("As a dataset"))
        into.addAction(tr("Answers that you voted for"), lambda: self._dataset(None))
        for number, name in enumerate(self._names()):
            into.addAction(
                tr("The conversation with {name}", name=name.replace("&", "&&")),
                partial(self._dataset, number),
            )
        self.addSeparator()
        self.addAction(tr("The votes of all conversations, as verdicts..."), lambda: self._votes())


def nothing_said(look: Look, ask: Callable[[], None]) -> Empty:
    """Nobody was talked with yet."""
    return Empty(
        look,
        "chats-circle",
        tr("Talk with your models"),
        tr(
            "Choose two or more, ask them the same, and say whose answer is better: your votes count as verdicts."
        ),
        Button(look, tr("Choose models"), "plus", "primary", ask),
    )


def nobody(look: Look, go: Callable[[str, Any], None], ask: Callable[[], None]) -> Empty:
    """There is nobody to talk with."""
    return Empty(
        look,
        "chats-circle",
        tr("Nobody to talk with yet"),
        tr("Train or add a model, or connect an endpoint; then you can ask several the same."),
        Button(look, tr("Add a model"), "cube", "primary", lambda: go("models", None)),
        Button(look, tr("Connect an endpoint"), "globe", "ghost", lambda: go("settings", None)),
        Button(look, tr("Talk with a model of OpenAI"), "key", "ghost", ask),
    )


def side_by_side() -> tuple[QScrollArea, QHBoxLayout]:
    """Where panes stand beside each other, scrolled sideways where there are many."""
    beside = row(gap=GAP)
    inside = QWidget()
    inside.setObjectName("page")
    inside.setLayout(beside)
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QScrollArea.Shape.NoFrame)
    area.setObjectName("pageArea")
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setMinimumHeight(_LEAST)
    area.setWidget(inside)
    return area, beside
