"""A page: title, what it is about, actions at the right, and a body that scrolls where the window is small."""

from __future__ import annotations

from typing import Any, Final

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QFrame, QLabel, QScrollArea, QVBoxLayout, QWidget

from desktop.problem import Problem
from desktop.shell.commands import Command
from desktop.shell.context import Context
from desktop.theme.tokens import GAP, MARGIN
from desktop.view_model import ViewModel
from desktop.widgets.basics import Part, holder, label, row, stack
from desktop.widgets.folding import Folding

#: Pixels that title and sentence have at least beside the actions.
_TITLES: Final = 280


class Page(QScrollArea):
    """Base of all pages.

    Args:
        context: See `Context`.
        model: Is read while the page is on the screen.
        title: The heading.
        about: The line below it.
        actions: Buttons at the right of the heading.
    """

    def __init__(
        self, context: Context, model: ViewModel[Any], title: str, about: str, *actions: Part
    ) -> None:
        super().__init__()
        self.context = context
        self.model = model
        self.setObjectName("pageArea")
        self.setAccessibleName(title)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        inside = QWidget()
        inside.setObjectName("page")
        self.body = QVBoxLayout(inside)
        self.body.setContentsMargins(MARGIN[0], MARGIN[1], MARGIN[0], MARGIN[1] - 2)
        self.body.setSpacing(GAP)
        self._title = label(title, "h1")
        self._about = label(about, "muted", wrap=True)
        titles = stack(self._title, self._about, gap=3)
        titles.setMinimumWidth(_TITLES)
        self.body.addWidget(Folding(titles, holder(row(*actions, None, gap=8)), gap=8))
        self.setWidget(inside)
        model.setParent(self)
        model.changed.connect(self._update)
        model.failed.connect(self._fail)
        model.told.connect(context.tell)

    def update_page(self) -> None:
        """Show the model's state; called whenever it is another one."""
        raise NotImplementedError

    def open(self, target: Any) -> None:
        """Show one thing of the page; what it is differs from page to page."""

    def enter(self) -> None:
        """The page comes on the screen."""
        self.model.show()
        if self.model.loaded:
            self.update_page()

    def leave(self) -> None:
        """The page leaves the screen."""
        self.model.hide()

    def close_page(self) -> None:
        """The window closes."""
        self.model.hide()

    @property
    def place(self) -> str:
        """What is chosen on the page, for the next time that the window is opened; empty for nothing."""
        return ""

    def restore(self, place: str) -> None:
        """Choose what was chosen when the window was closed; it may be gone."""
        self.open(place)

    @property
    def busy(self) -> bool:
        """Whether it still waits for something that it shows, beside its model."""
        return False

    def commands(self) -> list[Command]:
        """What the palette offers while the page is on the screen."""
        return []

    def first_control(self) -> QWidget | None:
        """What gets the keyboard when the page comes on the screen."""
        return next(
            (
                widget
                for widget in self.findChildren(QWidget)
                if widget.isVisible()
                and widget.isEnabled()
                and not isinstance(widget, QLabel)
                and widget.focusPolicy() & Qt.FocusPolicy.TabFocus
            ),
            None,
        )

    def set_title(self, title: str, about: str) -> None:
        """Change the heading."""
        if self._title.text() != title:
            self._title.setText(title)
        if self._about.text() != about:
            self._about.setText(about)

    @Slot()
    def _update(self) -> None:
        if self.model.shown:
            self.update_page()

    @Slot(object)
    def _fail(self, problem: Problem) -> None:
        self.context.show_problem(problem)
