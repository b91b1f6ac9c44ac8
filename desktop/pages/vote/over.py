"""The end of a ballot: the votes with their names, and what the judges say on the same pairs."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QFrame, QWidget

from desktop.language import numeral, tr
from desktop.pages.compare.words import judge_words
from desktop.pages.vote.view_model import Cast, VoteState
from desktop.theme.look import Look
from desktop.theme.tokens import Tone
from desktop.widgets.basics import Button, column, label, row
from desktop.widgets.table import Cell, Column, Rows, table


class OverCard(QFrame):
    """What was voted.

    Args:
        again: Begins another ballot.
        rank: Shows the ranking by these votes; None where there is no such page.
    """

    def __init__(self, look: Look, again: Callable[[], None], rank: Callable[[], None] | None) -> None:
        super().__init__()
        self._look = look
        self.setProperty("role", "card")
        self._words = label("", wrap=True)
        self._columns = [
            Column(tr("Prompt"), 0),
            Column(tr("Left"), 170),
            Column(tr("Right"), 170),
            Column(tr("You"), 90),
            Column(tr("Judges"), 170),
        ]
        self._rows = Rows(look, self._columns)
        self._table = table(tr("Your votes"), self._rows, self._columns, flat=True)
        self._table.setMinimumHeight(220)
        buttons: list[QWidget] = [Button(look, tr("Vote on more"), "thumbs-up", does=again)]
        if rank is not None:
            buttons.append(Button(look, tr("See the ranking"), "trophy", "primary", rank))
        head = row(column(label(tr("Your votes"), "h2"), self._words, gap=4), *buttons, gap=8)
        head.setStretch(0, 1)
        layout = column(head, self._table, gap=10)
        layout.setStretch(1, 1)
        layout.setContentsMargins(18, 14, 14, 12)
        self.setLayout(layout)

    def show_state(self, state: VoteState) -> None:
        """Show the votes."""
        if state.seen is None:
            return
        count = state.seen.count
        parts = [
            tr(
                "Votes on this ballot: {votes}, of them ties: {ties}. Pairs left: {left}.",
                votes=numeral(count.votes),
                ties=numeral(count.ties),
                left=numeral(count.left),
            ),
            tr("They count as verdicts of a judge of their own."),
        ]
        self._words.setText(" ".join(parts))
        self._rows.set_rows([(cast.key, _cells(cast)) for cast in state.cast])


def _cells(cast: Cast) -> list[str | Cell]:
    return [
        cast.asked,
        Cell(cast.left, _tone(cast.chosen, "left")),
        Cell(cast.right, _tone(cast.chosen, "right")),
        _side(cast.chosen),
        ", ".join(f"{judge_words(judge)}: {_side(side)}" for judge, side in cast.others),
    ]


def _tone(chosen: str, side: str) -> Tone:
    return "good" if chosen == side else ""


def _side(side: str) -> str:
    return {"left": tr("left"), "right": tr("right"), "tie": tr("tie"), "both_bad": tr("both bad")}[side]
