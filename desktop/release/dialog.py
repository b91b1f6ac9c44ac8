"""The dialog that releases a model: what goes in, its card, where it goes, and how far it is."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QCloseEvent, QKeyEvent
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QLineEdit,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from desktop.language import tr
from desktop.release.card import CardView
from desktop.release.parts import ContentsPart, FindingsPart, PlacePart, ProgressPart
from desktop.release.planning import USUAL, Draft
from desktop.release.view_model import ReleaseModel
from desktop.shell.context import Context
from desktop.shell.dialogs import ask
from desktop.widgets.basics import Button, column, label, row
from desktop.widgets.segments import Segments
from desktop.words import size
from engine.workspace.naming import slug

#: Under which it is remembered where releases go.
_PLACE: Final = "release folder"


def ask_to_release(context: Context, model: str, parent: QWidget, study: str = "") -> None:
    """Open the dialog for a model; a study is named where its ranking is to be shown."""
    services = context.services
    above = Path(str(context.recall(_PLACE) or Path.home()))

    def opened(usual: str) -> None:
        draft = Draft(
            model,
            quantisations=(usual,) if usual in USUAL else (),
            others="" if usual in USUAL else usual,
            study=study,
            folder=str(above / f"{slug(model)}-release"),
        )
        ReleaseDialog(context, ReleaseModel(services, draft, parent), parent).open()

    services.usual_quantisation(parent, opened, context.show_problem)


class ReleaseDialog(QDialog):
    """Plans a release, starts it, and shows how far it is; the release goes on when the dialog is closed."""

    def __init__(self, context: Context, model: ReleaseModel, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Release {model}", model=model.draft.model))
        self.model = model
        self._context = context
        look = context.look
        model.told.connect(context.tell)
        self._contents = ContentsPart(look, model)
        self._place = PlacePart(look, model)
        self._findings = FindingsPart(look)
        self._progress = ProgressPart(look, self._to_jobs)
        self._card = CardView()
        self._shown_card = ""
        #: Start was pressed before it was known whether what was typed last can be done.
        self._pressed = False
        self._views = Segments(tr("What is shown"), [("contents", tr("Contents")), ("card", tr("The card"))])
        self._views.choose("contents")
        inside = QWidget()
        inside.setObjectName("page")
        parts = column(self._progress, self._findings, self._contents, self._place, None, gap=12)
        parts.setContentsMargins(22, 4, 22, 4)
        inside.setLayout(parts)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setWidget(inside)
        reading = QWidget()
        reading.setLayout(column(self._card))
        reading.layout().setContentsMargins(22, 4, 22, 4)  # type: ignore[union-attr]
        self._stack = QStackedWidget()
        self._views.chosen.connect(lambda key: self._stack.setCurrentIndex(int(key == "card")))
        self._stack.addWidget(self._scroll)
        self._stack.addWidget(reading)
        self._start = Button(look, tr("Start"), "play-fill", "primary", self._ask_or_start)
        close = Button(look, tr("Close"), does=self.reject)
        head = row(
            column(
                label(tr("Release {model}", model=model.draft.model), "title"),
                label(tr("In all its forms, with a card that carries the evidence."), "muted"),
                gap=3,
            ),
            None,
            self._views,
        )
        head.setContentsMargins(22, 18, 22, 8)
        foot = row(None, close, self._start, gap=8)
        foot.setContentsMargins(22, 10, 22, 16)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(self._stack, 1)
        layout.addLayout(foot)
        self.resize(760, min(820, max(520, parent.window().height() - 40)))
        self._start.setEnabled(False)
        self._contents.setFocus()
        model.changed.connect(self._show)
        model.failed.connect(context.show_problem)
        model.show()

    def done(self, result: int) -> None:
        """See Qt; what was begun goes on."""
        self._leave()
        super().done(result)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """See Qt; what was begun goes on."""
        self._leave()
        super().closeEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """See Qt; Return in a field starts nothing, as nobody would expect it to."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and isinstance(self.focusWidget(), QLineEdit):
            event.accept()
            return
        super().keyPressEvent(event)

    def _leave(self) -> None:
        """Read no more; the model stays until it has nothing to do."""
        model = self.model
        if not model.shown:
            return
        model.hide()
        model.changed.disconnect(self._show)
        if model.state.busy:
            show_problem = self._context.show_problem
            model.rested.connect(lambda: show_problem(model.state.problem) if model.state.problem else None)
            model.rested.connect(model.deleteLater)
        else:
            model.deleteLater()

    def _show(self) -> None:
        model = self.model
        state = model.state
        self._progress.show_state(state)
        asking = not state.busy and state.stage != "done"
        for part in (self._contents, self._place):
            part.show_options(state.options, model.draft)
            part.setVisible(asking)
        self._findings.show_contents(state.contents, asking=asking)
        if model.reckoned or state.busy:  # else as it was: pressed now, it begins when that is known
            self._start.setEnabled(model.can_start)
        self._start.setVisible(state.stage != "done")
        if (state.card or state.contents.card) != self._shown_card:
            self._shown_card = state.card or state.contents.card
            self._card.show_card(self._shown_card)
        if self._pressed and model.reckoned:
            self._ask_or_start()

    def _ask_or_start(self) -> None:
        """Start; where it is pushed, after a question."""
        self._contents.sync()
        self._place.sync()
        model, draft = self.model, self.model.draft
        self._pressed = not model.reckoned
        if not model.can_start:
            return
        self._context.remember(_PLACE, str(Path(draft.folder).expanduser().parent))
        if not draft.push:
            self._begin()
            return
        who = tr("for everybody to see") if draft.public else tr("for you alone")
        ask(
            self._context.look,
            tr("Push to {repository}?", repository=draft.repository.strip()),
            tr(
                "When the release is made, about {size} are sent to the Hugging Face Hub, {who}.",
                size=size(model.state.contents.bytes),
                who=who,
            ),
            tr("Release and push"),
            self._begin,
            self,
        )

    def _to_jobs(self, job: str) -> None:
        """Show the job; the dialog would stand in the way there, and nothing needs it."""
        self.reject()
        self._context.go("jobs", job)

    def _begin(self) -> None:
        self.model.start()
        self._scroll.verticalScrollBar().setValue(0)
