"""One prompt in full: two answers with what tells them apart, and what each judge said in either order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QSizePolicy,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from desktop.language import numeral, tr
from desktop.pages.compare.difference import Piece
from desktop.pages.compare.state import Detail, Side
from desktop.pages.compare.view_model import CompareModel
from desktop.pages.compare.words import (
    agreement_words,
    explanation_words,
    judge_words,
    stop_words,
    tally_words,
    usd,
    verdict_words,
    won,
)
from desktop.theme.look import Look
from desktop.theme.tokens import GAP
from desktop.widgets.basics import Button, chip, column, holder, label, retone, row
from desktop.widgets.elided import Elided
from desktop.widgets.fields import Choice
from desktop.widgets.folding import Folding
from desktop.widgets.inset import inset
from desktop.widgets.keyed import KeyedColumn
from desktop.words import count

if TYPE_CHECKING:
    from engine.judging.grid import Judged
    from engine.judging.verdicts import Verdict

#: Pixels of a name that are seen at least.
_NAME: Final = 120
_TEXT: Final = 104
_SAID: Final = 128


class DetailCard(QFrame):
    """What the chosen cell is about."""

    #: It is to be put away.
    closed = Signal()

    def __init__(self, look: Look, model: CompareModel) -> None:
        super().__init__()
        self._model = model
        self.setProperty("role", "card")
        self._title = label("", "h2")
        self._differ = chip("")
        self._against = Choice()
        self._against.setAccessibleName(tr("Compare with"))
        self._against.setMinimumWidth(190)
        self._against.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._against.activated.connect(lambda _at: model.compare_with(self._against.currentText()))
        close = Button(look, tr("Close"), "x", "ghost", self.closed.emit)
        close.setToolTip(tr("Esc puts this away, Enter on a cell brings it back."))
        self._prompt = ReadOnly(look, tr("Prompt"))
        self._left, self._right = AnswerPart(look), AnswerPart(look)
        self._said: KeyedColumn[Judged, JudgedPart] = KeyedColumn(
            lambda judged: judged.judge, lambda _judged: JudgedPart(), JudgedPart.show_judged, gap=8
        )
        self._nobody = label("", "muted", wrap=True)
        asked = column(label(tr("Asked"), "caption"), self._prompt, gap=5)
        texts = QHBoxLayout()
        texts.setSpacing(GAP)
        texts.addLayout(asked, 3)
        texts.addWidget(self._left, 4)
        texts.addWidget(self._right, 4)
        scroll = inset(column(self._nobody, self._said, None, gap=8), tr("What the judges said"))
        scroll.setFixedHeight(_SAID)
        head = row(
            self._title, self._differ, None, label(tr("against"), "muted"), self._against, close, gap=8
        )
        layout = column(head, texts, scroll, gap=9)
        layout.setContentsMargins(16, 9, 14, 12)
        self.setLayout(layout)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def show_detail(self, detail: Detail) -> None:
        """Show a prompt and two answers to it."""
        self._title.setText(tr("Prompt {number}", number=detail.number))
        self.setAccessibleName(self._title.text())
        asked, expected = _asked(detail)
        self._prompt.show_pieces([Piece(asked), *([Piece(expected, own=False)] if expected else [])])
        told = detail.difference
        right = detail.right
        self._against.setEnabled(bool(detail.others))
        if [self._against.itemText(at) for at in range(self._against.count())] != list(detail.others):
            self._against.clear()
            self._against.addItems(list(detail.others))
        if right is not None:
            self._against.setCurrentText(right.name)
        self._left.show_side(detail.left, told.left if told is not None else None)
        self._right.setVisible(right is not None)
        if right is not None:
            self._right.show_side(right, told.right if told is not None else None)
        self._differ.setVisible(told is not None)
        if told is not None:
            words = (
                tr("too long to tell apart")
                if not told.compared
                else tr("the same words")
                if not told.words
                else count(told.words, tr("{count} word differs"), tr("{count} words differ"))
            )
            self._differ.setText(words)
        self._said.show_items(detail.judged)
        self._nobody.setVisible(not detail.judged)
        self._nobody.setText(tr("No judge has compared these two answers yet."))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Esc puts it away."""
        if event.key() == Qt.Key.Key_Escape:
            self.closed.emit()
        else:
            super().keyPressEvent(event)


class AnswerPart(QWidget):
    """One answer: whose, how it fared, and its words."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._name = Elided("", "strong")
        self._won, self._score, self._stop = chip(""), chip(""), chip("")
        self._text = ReadOnly(look, "")
        self._name.setMinimumWidth(_NAME)
        head = Folding(self._name, holder(row(self._won, self._score, self._stop, None, gap=5)), gap=5)
        self.setLayout(column(head, self._text, gap=5))

    def show_side(self, side: Side, pieces: Sequence[Piece] | None) -> None:
        """Show an answer, in pieces where it was compared with another."""
        self._name.setText(side.name)
        words, tone = won(side.tally)
        self._won.setText(words)
        self._won.setToolTip(tally_words(side.tally))
        retone(self._won, tone=tone)
        self._score.setVisible(side.score is not None)
        self._score.setText(numeral(side.score, ".2f") if side.score is not None else "")
        self._score.setToolTip(tr("By the task's own metric, from 0 to 1"))
        self._stop.setVisible(side.output is not None)
        if side.output is not None:
            words, tone = stop_words(side.output)
            self._stop.setText(words)
            self._stop.setToolTip(
                tr(
                    "{tokens} tokens in {seconds} s",
                    tokens=side.output.tokens,
                    seconds=numeral(side.output.seconds, ".1f"),
                )
            )
            retone(self._stop, tone=tone)
        self._text.setAccessibleName(tr("Answer of {name}", name=side.name))
        text = side.output.text if side.output is not None else ""
        missing = tr("No answer yet") if side.output is None else tr("(an empty answer)")
        self._text.show_pieces(list(pieces) if pieces else [Piece(text or missing)])


class ReadOnly(QTextEdit):
    """Words to read and to copy; those that the other answer does not have are marked."""

    def __init__(self, look: Look, name: str) -> None:
        super().__init__()
        self._look = look
        self._pieces: list[Piece] = []
        self.setReadOnly(True)
        self.setTabChangesFocus(True)
        self.setAccessibleName(name)
        self.setFixedHeight(_TEXT)
        look.changed.connect(self._draw)

    def show_pieces(self, pieces: list[Piece]) -> None:
        """Show these; the same ones stay as they are, with their selection."""
        if pieces != self._pieces:
            self._pieces = pieces
            self._draw()

    def _draw(self) -> None:
        tokens = self._look.tokens
        self.clear()
        cursor = QTextCursor(self.document())
        for piece in self._pieces:
            written = QTextCharFormat()
            written.setForeground(QColor(tokens.accent if piece.own else tokens.text))
            if piece.own and not piece.text.isspace():
                written.setBackground(QColor(tokens.accent_soft))
                written.setFontUnderline(True)
            cursor.insertText(piece.text, written)
        self.moveCursor(QTextCursor.MoveOperation.Start)


class JudgedPart(QFrame):
    """What one judge said on a pair, in either order."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "note")
        self._judge = label("", "strong")
        self._agree = chip("")
        self._cost = label("", "small")
        self._orders = QVBoxLayout()
        self._parts = [OrderPart(), OrderPart()]
        beside = QHBoxLayout()
        beside.setSpacing(10)
        for part in self._parts:
            beside.addWidget(part, 1)
        layout = column(row(self._judge, self._agree, None, self._cost, gap=8), beside, gap=7)
        layout.setContentsMargins(12, 8, 12, 10)
        self.setLayout(layout)

    def show_judged(self, judged: Judged) -> None:
        """Show a judge's verdicts."""
        self._judge.setText(judge_words(judged.judge))
        self.setAccessibleName(judge_words(judged.judge))
        words, tone = agreement_words(judged)
        self._agree.setText(words)
        retone(self._agree, tone=tone)
        spent = sum(verdict.cost_usd for verdict in judged.verdicts)
        seconds = sum(verdict.seconds for verdict in judged.verdicts)
        parts = [*{verdict.judge_snapshot: None for verdict in judged.verdicts if verdict.judge_snapshot}]
        parts += [usd(spent)] if spent else []
        parts += [tr("{seconds} s", seconds=numeral(seconds, ".1f"))] if seconds >= 0.05 else []
        self._cost.setText(", ".join(parts))
        for part, verdict in zip(self._parts, [*judged.verdicts, None, None], strict=False):
            part.setVisible(verdict is not None)
            if verdict is not None:
                part.show_verdict(verdict)


class OrderPart(QFrame):
    """One verdict: who was shown first, who is picked, and why."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._first = label("", "small", wrap=True)
        self._picks = label("", "strong", wrap=True)
        self._why = label("", wrap=True)
        self._why.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout = column(self._first, self._picks, self._why, gap=3)
        layout.setContentsMargins(11, 7, 11, 8)
        self.setLayout(layout)

    def show_verdict(self, verdict: Verdict) -> None:
        """Show a verdict."""
        kind = verdict.judge.partition(":")[0]
        self._first.setText(
            tr("{name} on the left", name=verdict.name_a)
            if kind == "human"
            else tr("{name} shown first", name=verdict.name_a)
        )
        self._first.setVisible(kind != "reference")  # it sees no order
        words, tone = verdict_words(verdict)
        self._picks.setText(words)
        retone(self._picks, tone=tone)
        why = explanation_words(verdict)
        self._why.setText(tr("“{words}”", words=why) if why else "")
        self._why.setVisible(bool(why))


def _asked(detail: Detail) -> tuple[str, str]:
    """The whole prompt, and what the dataset answers."""
    from engine.judging.prompt import render_messages

    expected, messages = detail.prompt.expected, detail.prompt.messages
    asked = render_messages(messages)
    if [message.get("role") for message in messages] == ["system", "user"]:
        # What differs from prompt to prompt first, then the instruction that all share.
        instruction = render_messages([{**messages[0], "role": "user"}])
        asked = f"{render_messages(messages[1:])}\n\n{tr('Instruction: {words}', words=instruction)}"
    told = tr("The dataset's answer: {answer}", answer=expected) if expected else ""
    return asked, f"\n\n{told}" if told else ""
