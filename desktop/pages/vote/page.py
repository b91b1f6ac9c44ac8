"""The widgets of the Vote page."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QWidget

from desktop.language import numeral, tr
from desktop.pages.vote.agreement import AgreementCard
from desktop.pages.vote.ballot import KEYS, BallotPart, act_words
from desktop.pages.vote.booth import Act
from desktop.pages.vote.chooser import Chooser
from desktop.pages.vote.over import OverCard
from desktop.pages.vote.view_model import Choosing, VoteModel, VoteState
from desktop.shell.commands import Command
from desktop.shell.context import Context
from desktop.shell.pages import PAGES
from desktop.widgets.basics import Button, bar, label, row
from desktop.widgets.empty import Empty
from desktop.widgets.page import Page


def build(context: Context) -> Page:
    """Make the page."""
    return VotePage(context, VoteModel(context.services))


class VotePage(Page):
    """A ballot: chosen, voted on by keyboard, and its names at the end."""

    model: VoteModel

    def __init__(self, context: Context, model: VoteModel) -> None:
        look = context.look
        self._count = label("", "h2")
        self._undo = Button(look, tr("Undo"), "arrow-counter-clockwise", does=lambda: model.act("undo"))
        self._undo.setToolTip(tr("Takes back the last vote (Backspace)"))
        self._skip = Button(look, tr("Skip"), "skip-forward", does=lambda: model.act("skip"))
        self._skip.setToolTip(tr("Leaves this pair for another day (S)"))
        self._finish = Button(look, tr("Finish"), "check", does=model.finish)
        self._finish.setToolTip(tr("Shows the names; votes are kept at once, so you can go on at any time"))
        super().__init__(
            context,
            model,
            tr("Vote"),
            tr("Which answer is better? You do not see who wrote what."),
            self._count,
            self._skip,
            self._undo,
            self._finish,
        )
        self._progress = bar(0.0, name=tr("Votes given"))
        self._chooser = Chooser(look, model)
        self._ballot = BallotPart(look, model)
        self._last = label("", "small")
        self._agreement = AgreementCard(look)
        can_rank = any(entry.key == "ranking" for entry in PAGES)
        self._over = OverCard(look, model.again, self._rank if can_rank else None)
        self._empty = Empty(
            look,
            "thumbs-up",
            tr("Nothing to vote on yet"),
            tr("Two contestants have to answer the prompts of a dataset before you can say which is better."),
            row(Button(look, tr("Let models answer"), "robot", "primary", self._go_compare)),
        )
        self._chosen = row(self._chooser, None)
        self.body.addWidget(self._progress)
        self.body.addLayout(self._chosen)
        self.body.addWidget(self._ballot, 1)
        self.body.addWidget(self._last)
        self.body.addWidget(self._over, 1)
        self.body.addWidget(self._agreement)
        self.body.addWidget(self._empty, 1)
        self.body.addStretch(0)
        self._shortcuts: list[QShortcut] = []
        for key, _, act in KEYS:
            self._on_key(QKeySequence(key), act)
        for keys, other in (("Backspace", "undo"), ("Ctrl+Z", "undo"), ("S", "skip")):
            self._on_key(QKeySequence(keys), other)  # type: ignore[arg-type]
        for part in (self._chooser, self._ballot, self._over, self._agreement, self._empty, self._last):
            part.hide()
        self._show_actions(VoteState())

    def update_page(self) -> None:
        """See `Page`."""
        state = self.model.state
        voting, over = state.phase == "voting", state.phase == "over"
        choosing = state.phase == "choosing"
        if voting:
            self.set_title(
                tr("Which answer is better?"),
                tr("You do not see who wrote what. Each vote is kept at once."),
            )
        else:
            self.set_title(tr("Vote"), tr("Which answer is better? You do not see who wrote what."))
        self._empty.setVisible(choosing and not state.datasets)
        self._chooser.setVisible(choosing and bool(state.datasets))
        self._chooser.show_state(state)  # without names while a ballot is open
        begins = voting and not self._ballot.isVisibleTo(self)
        self._ballot.setVisible(voting)
        if voting:
            self._ballot.show_state(state)
        else:
            self._ballot.forget()
        if begins:
            self._ballot.take_keys()
        self._over.setVisible(over)
        if over:
            self._over.show_state(state)
        self._agreement.setVisible(voting or over)
        if voting or over:
            self._agreement.show_courses(state.courses)
        self._last.setVisible(voting and state.last is not None)
        if state.last is not None:
            words = tr(
                "Before: left was {left}, right {right}.", left=state.last.left, right=state.last.right
            )
            self._last.setText(words)
        else:
            self._last.setText("")
        self._show_actions(state)

    def first_control(self) -> QWidget | None:
        """See `Page`."""
        return self._ballot.first if self._ballot.isVisible() else super().first_control()

    def open(self, target: Any) -> None:
        """Choose a ballot: ``{"dataset", "split", "contestants"}``; one that is open stays open."""
        if isinstance(target, str):
            target = {"dataset": target}
        if isinstance(target, dict) and self.model.state.phase != "voting":
            if self.model.state.phase == "over":
                self.model.again()
            self.model.change(
                dataset=str(target.get("dataset", "")),
                split=target.get("split") or Choosing().split,
                names=tuple(target.get("contestants", ())),
            )

    def commands(self) -> list[Command]:
        """See `Page`."""
        if self.model.state.phase != "voting":
            enough = len(self.model.state.taking) >= 2 and self.model.state.problem is None
            return [Command(tr("Start voting"), "thumbs-up", self.model.start)] if enough else []
        found = [
            Command(act_words(act), "thumbs-up", lambda act=act: self.model.act(act), sign)  # type: ignore[misc]
            for _, sign, act in KEYS
        ]
        found.append(
            Command(tr("Undo"), "arrow-counter-clockwise", lambda: self.model.act("undo"), "Backspace")
        )
        found.append(Command(tr("Skip"), "skip-forward", lambda: self.model.act("skip"), "S"))
        return found

    def _on_key(self, keys: QKeySequence, act: Act) -> None:
        made = QShortcut(keys, self)
        made.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        made.activated.connect(lambda: self.model.act(act))
        made.setEnabled(False)
        self._shortcuts.append(made)

    def _show_actions(self, state: VoteState) -> None:
        voting = state.phase == "voting" and state.seen is not None
        for part in (self._count, self._skip, self._undo, self._finish, self._progress):
            part.setVisible(voting)
        for shortcut in self._shortcuts:
            shortcut.setEnabled(voting)
        if state.seen is None or not voting:
            return
        count = state.seen.count
        total = count.votes + count.left
        self._count.setText(tr("{votes} of {all}", votes=numeral(count.votes), all=numeral(total)))
        self._progress.setValue(round(1000 * count.votes / total) if total else 1000)
        self._undo.setEnabled(state.seen.can_undo)
        self._skip.setEnabled(state.seen.pair is not None)

    def _rank(self) -> None:
        self.context.go("ranking", {"task": self.model.choosing.dataset, "judge": self.model.judge})

    def _go_compare(self) -> None:
        self.context.go("compare", None)
