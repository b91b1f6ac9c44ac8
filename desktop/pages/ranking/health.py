"""Whether the judge can be trusted, in six figures."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtWidgets import QFrame, QGridLayout

from desktop.language import numeral, tr
from desktop.theme.tokens import Tone
from desktop.widgets.basics import column, heading, label, retone
from desktop.words import told
from engine.judging.health import JudgeHealth
from engine.judging.standings import Standings

#: Agreement of both orders below which a judge goes by the order too often; from the second on it is steady.
_UNSTEADY, _STEADY = 0.7, 0.85
#: Distance from a half at which a share is called a bias.
_BIAS = 0.1
_UNREAD = 0.05
#: Agreement with people below which a judge should not stand in for them, and from which it may.
_POOR, _GOOD = 0.6, 0.75


@dataclass(frozen=True)
class Figure:
    """One of them."""

    title: str
    value: str
    below: str
    tone: Tone = ""


class HealthCard(QFrame):
    """Six figures beside each other, and what to know before believing the ranking."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._places = [
            (label("", "small"), label("", "stat"), label("", "small", wrap=True)) for _ in range(6)
        ]
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(18)
        self._grid = grid
        self._columns = [column(*place, None, gap=2) for place in self._places]
        for number, figure in enumerate(self._columns):
            grid.addLayout(figure, 0, number)
            grid.setColumnStretch(number, 1)
        self._says = label("", "muted", wrap=True)
        layout = column(heading(tr("Can you trust the judge?")), grid, self._says, gap=8)
        layout.setContentsMargins(16, 12, 16, 14)
        self.setLayout(layout)

    def set_narrow(self, narrow: bool) -> None:
        """Put three figures beside each other, or all six."""
        wide = 3 if narrow else 6
        for number, figure in enumerate(self._columns):
            self._grid.removeItem(figure)
            figure.setParent(None)
            self._grid.addLayout(figure, number // wide, number % wide)
            self._grid.setColumnStretch(number, 1 if number < wide else 0)

    def show_standings(self, standings: Standings) -> None:
        """Show how the judge does."""
        if standings.health is None:
            self.hide()
            return
        self.show()
        for (title, value, below), figure in zip(
            self._places, figures(standings, standings.health), strict=True
        ):
            title.setText(figure.title)
            value.setText(figure.value)
            retone(value, tone=figure.tone)
            below.setText(figure.below)
            value.setAccessibleName(f"{figure.title}: {figure.value}. {figure.below}")
        warnings = [*standings.health.warnings, *standings.ranking.warnings]
        self._says.setText(" ".join(map(told, warnings)))
        self._says.setVisible(bool(warnings))


def figures(standings: Standings, health: JudgeHealth) -> list[Figure]:
    """The six, each with its tone."""
    votes = standings.votes
    none = tr("not known")
    found = []
    swap = health.swap_consistency
    if swap is None:
        found.append(Figure(tr("Stable when swapped"), none, tr("one order is enough for this judge")))
    else:
        tone: Tone = "good" if swap >= _STEADY else "warn" if swap >= _UNSTEADY else "bad"
        found.append(Figure(tr("Stable when swapped"), numeral(swap, ".0%"), tr("good from 85% on"), tone))
    first = health.first_position_rate
    if first is None:
        found.append(Figure(tr("Picks the first answer"), none, tr("it sees no order")))
    else:
        tone = "good" if abs(first - 0.5) <= _BIAS / 2 else "warn" if abs(first - 0.5) <= _BIAS else "bad"
        found.append(Figure(tr("Picks the first answer"), numeral(first, ".0%"), tr("50% is neutral"), tone))
    ties = health.tie_rate
    found.append(
        Figure(
            tr("Ties"),
            none if ties is None else numeral(ties, ".0%"),
            tr("of {count} verdicts", count=numeral(health.verdicts)),
        )
    )
    unread = health.unread_rate
    if unread is None:
        found.append(Figure(tr("Unread verdicts"), none, ""))
    else:
        tone = "good" if unread <= _UNREAD / 2 else "warn" if unread <= _UNREAD else "bad"
        found.append(Figure(tr("Unread verdicts"), numeral(unread, ".1%"), tr("could not be used"), tone))
    longer = health.longer_rate
    if longer is None:
        found.append(Figure(tr("The longer answer wins"), none, tr("no answers of different length")))
    else:
        tone = "" if abs(longer - 0.5) <= _BIAS else "warn"
        found.append(
            Figure(
                tr("The longer answer wins"),
                numeral(longer, ".0%"),
                tr("50% means length does not matter"),
                tone,
            )
        )
    if votes is None or votes.agreement is None or votes.agreement_lo is None or votes.agreement_hi is None:
        found.append(Figure(tr("Agrees with your votes"), none, tr("vote on some pairs to know it")))
    else:
        tone = "good" if votes.agreement >= _GOOD else "warn" if votes.agreement >= _POOR else "bad"
        below = tr(
            "{pairs} pairs, {low} to {high}",
            pairs=numeral(votes.pairs),
            low=numeral(votes.agreement_lo, ".0%"),
            high=numeral(votes.agreement_hi, ".0%"),
        )
        found.append(Figure(tr("Agrees with your votes"), numeral(votes.agreement, ".0%"), below, tone))
    return found
