"""The cards above and below a study's picture: phases, what is next, time, cost, and what came out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from desktop.amounts import dollars
from desktop.language import tr
from desktop.pages.study.matrix import entrant_words
from desktop.pages.study.view_model import time_left, what_next
from desktop.theme.look import Look
from desktop.theme.tokens import Tone
from desktop.widgets.basics import (
    Button,
    IconLabel,
    Role,
    bar,
    chip,
    clear,
    column,
    holder,
    label,
    retone,
    row,
)
from desktop.widgets.folding import Folding
from desktop.words import told
from engine.errors import Words, with_template
from engine.studies.picture import StudyPicture
from engine.studies.result import StudyResult

#: Pixels that who stands highest has at least beside the buttons.
_TITLE: Final = 260


class PhasesCard(QFrame):
    """How far each phase is, and what happens next."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._names = {
            "prepare": tr("Prepare"),
            "tune": tr("Fine-tune"),
            "answer": tr("Answer"),
            "choose": tr("Choose"),
            "merge": tr("Merge"),
            "judge": tr("The judge"),
            "validate": tr("Sealed task"),
        }
        self._bars: dict[str, tuple[QWidget, QProgressBar]] = {}
        line = row(gap=8)
        for key, words in self._names.items():
            share = bar(0.0, name=words)
            share.setMinimumWidth(24)
            whole = QWidget()
            whole.setLayout(column(label(words, "small"), share, gap=5))
            self._bars[key] = whole, share
            line.addWidget(whole, 1)
        self._icon = IconLabel(look, "arrow-right", "accent", 16)
        self._next = label("", "muted", wrap=True)
        below = row(self._icon, self._next, gap=8)
        below.setStretch(1, 1)
        layout = column(line, None, below, gap=10)
        layout.setContentsMargins(16, 12, 16, 12)
        self.setLayout(layout)

    def show_picture(self, picture: StudyPicture) -> None:
        """Show how far it is."""
        shares = {phase.key: phase.share for phase in picture.phases}
        for key, (whole, share) in self._bars.items():
            whole.setVisible(key in shares)
            share.setValue(round(1000 * shares.get(key, 0.0)))
            retone(share, tone="good" if shares.get(key, 0.0) >= 1.0 else "")
        failed = picture.state == "failed"
        self._icon.change(
            "warning-circle" if failed else "check-circle" if picture.state == "done" else "arrow-right",
            "bad" if failed else "good" if picture.state == "done" else "accent",
        )
        self._next.setText(what_next(picture))
        retone(self._next, tone="bad" if failed else "")


class FigureCard(QFrame):
    """One figure with its name, a bar and a line below."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.setMinimumWidth(170)
        self._value = label("", "stat")
        self._bar = bar(0.0, name=name)
        self._below = label("", "small", wrap=True)
        layout = column(label(name, "caption"), self._value, self._bar, self._below, None, gap=5)
        layout.setContentsMargins(16, 12, 16, 12)
        self.setLayout(layout)

    def show_figure(self, value: str, share: float, below: str, tone: Tone = "") -> None:
        """Show it."""
        self._value.setText(value)
        self._bar.setValue(round(1000 * share))
        retone(self._bar, tone=tone)
        self._below.setText(below)


def show_time(card: FigureCard, picture: StudyPicture) -> None:
    """The time that is left."""
    value, below = time_left(picture)
    card.show_figure(value, picture.share, below, "good" if picture.state == "done" else "")


def show_cost(card: FigureCard, picture: StudyPicture) -> None:
    """What was spent, against the ceiling."""
    spent, ceiling = picture.cost_usd, picture.ceiling_usd
    if ceiling:
        over = picture.state in ("done", "stopped", "failed")
        below = (
            tr("of ${ceiling:.2f}", ceiling=ceiling)
            if over
            else tr("of ${ceiling:.2f}, forecast ${usd:.2f}", ceiling=ceiling, usd=picture.forecast_usd)
        )
        share = min(1.0, spent / ceiling)
        near = share > 0.9 or (not over and picture.forecast_usd > ceiling)
        card.show_figure(dollars(spent), share, below, "warn" if near else "")
        return
    free = not spent and not picture.forecast_usd
    below = (
        tr("everything runs on this machine") if free else tr("forecast ${usd:.2f}", usd=picture.forecast_usd)
    )
    card.show_figure(dollars(spent), 0.0, below)


class ResultCard(QFrame):
    """The winner, and whether the sealed task confirms it.

    Args:
        open_report: Opens the report.
        export: Brings the winner out as a file.
        release: Brings it out with everything that belongs to it.
    """

    def __init__(
        self,
        look: Look,
        open_report: Callable[[], None],
        export: Callable[[], None],
        release: Callable[[], None],
    ) -> None:
        super().__init__()
        self._look = look
        self._shown: StudyResult | None = None
        self.setProperty("role", "card")
        self._icon = IconLabel(look, "trophy", "accent", 26)
        self._title = label("", "title", wrap=True)
        self._verdict = chip("")
        self._report = Button(look, tr("Open the report"), "file-text", "primary", open_report)
        self.export = Button(look, tr("Export GGUF..."), "package", does=export)
        self.release = Button(look, tr("Release..."), "export", does=release)
        self.release.setAccessibleDescription(tr("In all its forms, with a card that carries the evidence"))
        self._says = label("", "muted", wrap=True)
        title = row(self._icon, self._title, gap=12)
        title.setStretch(1, 1)
        named = holder(title)
        named.setMinimumWidth(_TITLE)
        head = Folding(named, holder(row(self.export, self.release, self._report, None, gap=12)), gap=12)
        below = row(self._verdict, self._says, gap=10)
        below.setStretch(1, 1)
        layout = column(head, below, gap=8)
        layout.setContentsMargins(16, 12, 16, 14)
        self.setLayout(layout)

    def show_result(self, result: StudyResult, *, has_report: bool) -> None:
        """Show what came out."""
        self._report.setEnabled(has_report)
        if result == self._shown:
            return
        self._shown = result
        self._title.setText(_title(result))
        self.export.setVisible(bool(result.winner and result.fine_tunes(result.winner)))
        self.release.setVisible(bool(result.winner))
        validation = result.validation
        self._verdict.setVisible(validation is not None)
        if validation is not None:
            words, tone = _VERDICTS[validation.verdict]
            self._verdict.setText(tr(words))
            self._verdict.setAccessibleDescription(_said(result, validation.sentence))
            retone(self._verdict, tone=tone)
        self._says.setText(_said(result, result.conclusions[0]) if result.conclusions else "")


class NotesCard(QFrame):
    """What else follows from the numbers, and what to know before believing them."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._shown: StudyResult | None = None
        self.setProperty("role", "card")
        self._lines = QVBoxLayout()
        self._lines.setSpacing(6)
        layout = column(label(tr("What follows, and what to know before believing it"), "h2"), self._lines)
        layout.setContentsMargins(16, 12, 16, 14)
        layout.setSpacing(10)
        self.setLayout(layout)

    def show_result(self, result: StudyResult) -> None:
        """Show what a study found beside its winner."""
        if result == self._shown:
            return
        self._shown = result
        clear(self._lines)
        for sentence in result.conclusions[1:]:
            self._lines.addLayout(
                self._line("caret-right", "accent", tr("It follows"), _said(result, sentence), "")
            )
        for sentence in result.cautions:
            self._lines.addLayout(
                self._line("warning", "warn", tr("Caution"), _said(result, sentence), "muted")
            )

    def _line(self, icon: str, tone: str, means: str, sentence: str, role: Role) -> QHBoxLayout:
        mark, words = IconLabel(self._look, icon, tone, 16), label(sentence, role, wrap=True)
        mark.setAccessibleName(means)
        line = row(mark, words, gap=8)
        line.setStretch(1, 1)
        line.setAlignment(mark, Qt.AlignmentFlag.AlignTop)
        return line


def _title(result: StudyResult) -> str:
    """The winner, and whether that is sure."""
    if not result.winner:
        return tr("Nothing could be ranked")
    winner = entrant_words(result.winner)
    places = [row["rank_hi"] for row in result.ranking["contestants"] if row["name"] == result.winner]
    if places == [1]:
        return tr("{winner} is the best", winner=winner)
    return tr("{winner} stands highest, but not surely", winner=winner)


_VERDICTS: dict[str, tuple[str, Tone]] = {
    "holds": ("holds on the sealed task", "good"),
    "not separable": ("not separable on the sealed task", "warn"),
    "reversed": ("reversed on the sealed task", "bad"),
    "not judged": ("sealed task not judged", "warn"),
}


def _said(result: StudyResult, sentence: str) -> str:
    """A sentence of a result in the window's language, where its template was kept."""
    found = with_template(sentence, result.words)
    return told(found) if isinstance(found, Words) else sentence
