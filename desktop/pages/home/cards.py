"""The cards of the Home page: recipes to pick from, and the way to a merge of what is there."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QFrame, QRadioButton

from desktop.language import tr
from desktop.pages.home.view_model import Card, HomeModel
from desktop.theme.look import Look
from desktop.widgets.basics import Button, IconLabel, column, label, retone, row
from desktop.words import duration


class RecipeCard(QFrame):
    """A recipe: what it does, with which bases, how long and for how much."""

    def __init__(self, look: Look, key: str, model: HomeModel) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._icon = IconLabel(look, "flask", "muted", 22)
        self.radio = QRadioButton()
        self.radio.toggled.connect(lambda on: model.choose(key) if on else None)
        self._title = label("", "h2", wrap=True)
        self._about = label("", "muted", wrap=True)
        self._bases = label("", "small", wrap=True)
        self._time = label("", "strong")
        self._cost = label("", "muted")
        layout = column(
            row(self._icon, None, self.radio),
            self._title,
            self._about,
            self._bases,
            None,
            column(self._time, self._cost, gap=1),
            gap=5,
        )
        layout.setContentsMargins(16, 12, 16, 12)
        self.setLayout(layout)

    def show_card(self, card: Card, cost: str, *, chosen: bool) -> None:
        """Show a recipe as it would be here."""
        self._icon.change(card.icon, "accent" if chosen else "muted")
        self._title.setText(card.title)
        self._about.setText(card.about)
        self._bases.setText(", ".join(card.bases) or card.problem)
        self._time.setText(tr("about {time}", time=duration(card.seconds)) if not card.problem else "")
        self._cost.setText(cost if not card.problem else "")
        self.radio.setAccessibleName(card.title)
        told = (card.about, ", ".join(card.bases), self._time.text(), self._cost.text(), card.problem)
        self.radio.setAccessibleDescription(" ".join(part for part in told if part))
        if self.radio.isChecked() != chosen:
            self.radio.blockSignals(True)
            self.radio.setChecked(chosen)
            self.radio.blockSignals(False)
        retone(self, state="selected" if chosen else "")

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """A click anywhere picks it."""
        self.radio.setChecked(True)
        super().mousePressEvent(event)


class MergeCard(QFrame):
    """Leads to merging two models that are there, without examples."""

    def __init__(self, look: Look, opens: Callable[[tuple[str, ...]], None]) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._pair: tuple[str, ...] = ()
        self._names = label("", "small", wrap=True)
        self._time = label("", "strong", wrap=True)
        self._open = Button(look, tr("Choose how"), "arrow-right", "ghost", lambda: opens(self._pair))
        layout = column(
            row(IconLabel(look, "git-merge", "violet", 22), None),
            label(tr("Merge what I have"), "h2", wrap=True),
            label(
                tr("Blend your two strongest models. It needs no examples and no training."),
                "muted",
                wrap=True,
            ),
            self._names,
            None,
            self._time,
            label(tr("nothing to pay"), "muted"),
            row(self._open, None),
            gap=5,
        )
        layout.setContentsMargins(16, 12, 16, 12)
        self.setLayout(layout)
        self.hide()

    def show_pair(self, pair: tuple[str, ...], seconds: float | None) -> None:
        """Offer these two, and say how long it takes; nothing where there are none."""
        self._time.setText(
            tr("about {time}", time=duration(seconds))
            if seconds is not None
            else tr("its time is not known yet")
        )
        self._pair = pair
        self._names.setText(", ".join(pair))
        self._open.setAccessibleDescription(tr("Merges {models}", models=", ".join(pair)))
        self.setVisible(bool(pair))
