"""The ballot: a prompt, two answers without names, and four keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QResizeEvent, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QSizePolicy, QTextEdit, QWidget

from desktop.language import numeral, tr
from desktop.pages.vote.booth import Act, Seen
from desktop.pages.vote.view_model import VoteModel, VoteState
from desktop.theme.fonts import font
from desktop.theme.look import Look
from desktop.theme.tokens import GAP
from desktop.widgets.basics import Button, chip, column, label, row
from desktop.widgets.empty import Empty
from desktop.words import count

#: Key, its sign on the button, and the act.
KEYS: Final[tuple[tuple[Qt.Key, str, Act], ...]] = (
    (Qt.Key.Key_Left, "←", "left"),
    (Qt.Key.Key_Up, "↑", "tie"),
    (Qt.Key.Key_Down, "↓", "both_bad"),
    (Qt.Key.Key_Right, "→", "right"),
)
#: Heights of a prompt and of an answer, at least and at most.
_PROMPT: Final = (72, 200)
_ANSWER: Final = (132, 100_000)


def act_words(act: str) -> str:
    """What an act says."""
    return {
        "left": tr("Left is better"),
        "right": tr("Right is better"),
        "tie": tr("Tie, both good"),
        "both_bad": tr("Both bad"),
        "skip": tr("Skip"),
    }[act]


class BallotPart(QWidget):
    """The pair on the screen."""

    def __init__(self, look: Look, model: VoteModel) -> None:
        super().__init__()
        self._model = model
        self._shown: int | None = None
        self._dataset = chip("", "info")
        self._left_over = label("", "small")
        self._prompt = Reading(look, tr("Prompt"), *_PROMPT, pixels=13)
        asked = QFrame()
        asked.setProperty("role", "card")
        inside = column(
            row(self._dataset, label(tr("What was asked"), "h2"), None, self._left_over, gap=10),
            self._prompt,
            gap=8,
        )
        inside.setContentsMargins(18, 12, 18, 12)
        asked.setLayout(inside)
        self._answers = (
            AnswerCard(look, tr("Left answer")),
            AnswerCard(look, tr("Right answer")),
        )
        self._buttons: dict[Act, QPushButton] = {}
        choices = QHBoxLayout()
        answers = QHBoxLayout()
        for layout in (choices, answers):
            layout.setSpacing(GAP)
        for answer in self._answers:
            answers.addWidget(answer, 1)
        for _, sign, act in KEYS:
            button = ChoiceButton(sign, act_words(act))
            button.clicked.connect(lambda _checked=False, act=act: model.act(act))
            self._buttons[act] = button
            choices.addWidget(button, 1)
        self._pair = QWidget()
        below = column(asked, answers, choices, gap=GAP)
        below.setStretch(1, 1)
        self._pair.setLayout(below)
        self._nothing = Empty(
            look,
            "check-circle",
            tr("No pair is left"),
            tr(
                "You have voted on all pairs of this ballot. The names come next; after that nothing is taken back."
            ),
            Button(look, tr("Show the names"), "eye", "primary", model.finish),
        )
        self.setLayout(column(self._pair, self._nothing))

    def show_state(self, state: VoteState) -> None:
        """Show the pair."""
        seen = state.seen
        if seen is None:
            return
        self._pair.setVisible(seen.pair is not None)
        self._nothing.setVisible(seen.pair is None)
        self._dataset.setText(self._model.choosing.dataset)
        self._left_over.setText(_count_words(seen))
        if seen.pair is None or self._shown == seen.number:
            return
        self._shown = seen.number
        self._prompt.show_messages(seen.pair.prompt.messages)
        for card, text in zip(self._answers, (seen.pair.left, seen.pair.right), strict=True):
            card.show_text(text)

    @property
    def first(self) -> QWidget:
        """What has the keyboard at first: the prompt, which the keys of the ballot do not scroll."""
        return self._prompt

    def take_keys(self) -> None:
        """Get the keyboard, so that the keys vote at once."""
        self._prompt.setFocus()

    def forget(self) -> None:
        """Another ballot begins: its first pair is shown anew."""
        self._shown = None


class AnswerCard(QFrame):
    """An answer; nothing says whose."""

    def __init__(self, look: Look, name: str) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._text = Reading(look, name, *_ANSWER, pixels=15)
        layout = column(row(label(name, "caption"), None, chip(tr("name hidden"))), self._text, gap=8)
        layout.setContentsMargins(18, 12, 14, 12)
        self.setLayout(layout)

    def show_text(self, text: str) -> None:
        """Show an answer."""
        self._text.show_text(text.strip() or tr("(an empty answer)"), faint=not text.strip())


class ChoiceButton(QPushButton):
    """A choice with its key."""

    def __init__(self, sign: str, words: str) -> None:
        super().__init__()
        self.setProperty("kind", "choice")
        self.setAccessibleName(words)
        self.setToolTip(tr("Key {key}", key=sign))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumHeight(48)
        key = label(sign, "key")
        key.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        inside = row(None, key, label(words, "strong"), None, gap=10)
        for at in range(inside.count()):
            item = inside.itemAt(at)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setLayout(inside)

    def sizeHint(self) -> QSize:  # noqa: N802
        """See Qt: what the words and their key need, where a button counts its own text only."""
        inside = self.layout()
        return super().sizeHint() if inside is None else inside.sizeHint().expandedTo(QSize(0, 48))

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """See Qt."""
        return self.sizeHint()


class Reading(QTextEdit):
    """Words to read: as high as they are, within bounds, and scrolled beyond them.

    Args:
        name: For screen readers.
        least: Its height in pixels, at least.
        most: At most.
        pixels: Height of letters.
    """

    def __init__(self, look: Look, name: str, least: int, most: int, pixels: int) -> None:
        super().__init__()
        self._look = look
        self._least, self._most, self._pixels = least, most, pixels
        self._parts: list[tuple[str, str]] = []
        self._faint = False
        self.setReadOnly(True)
        self.setTabChangesFocus(True)
        self.setAccessibleName(name)
        self.setProperty("kind", "reading")
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumHeight(least)
        self.document().setDocumentMargin(4)
        look.changed.connect(self._draw)

    def show_text(self, text: str, *, faint: bool = False) -> None:
        """Show words."""
        self._parts, self._faint = [("", text)], faint
        self._draw()

    def show_messages(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """Show a conversation: who says what."""
        from engine.judging.prompt import render_messages

        alone = len(messages) == 1
        self._parts = [
            (
                "" if alone else _role(str(message.get("role", ""))),
                render_messages([{**message, "role": "user"}]),
            )
            for message in messages
        ]
        self._faint = False
        self._draw()

    def sizeHint(self) -> QSize:  # noqa: N802
        """See Qt: no higher than it has to be, as it scrolls; where there is room, it gets more."""
        return QSize(super().sizeHint().width(), self.minimumHeight())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """See Qt."""
        super().resizeEvent(event)
        self._fit()

    def _draw(self) -> None:
        tokens = self._look.tokens
        self.clear()
        cursor = QTextCursor(self.document())
        words, name = QTextCharFormat(), QTextCharFormat()
        words.setFont(font(self._pixels))
        words.setForeground(QColor(tokens.faint if self._faint else tokens.text))
        name.setFont(font(12, 500))
        name.setForeground(QColor(tokens.faint))
        for number, (role, text) in enumerate(self._parts):
            if number:
                cursor.insertText("\n", words)
            if role:
                cursor.insertText(f"{role}\n", name)
            cursor.insertText(text, words)
        self.moveCursor(QTextCursor.MoveOperation.Start)
        self._fit()

    def _fit(self) -> None:
        if self._most < 1000:
            wanted = round(self.document().size().height()) + 4
            self.setFixedHeight(max(self._least, min(self._most, wanted)))


def _role(role: str) -> str:
    return {
        "system": tr("Instruction"),
        "user": tr("Question"),
        "assistant": tr("Answer"),
        "tool": tr("Tool"),
    }.get(role, role)


def _count_words(seen: Seen) -> str:
    so_far = seen.count
    parts = []
    if so_far.skipped:
        parts.append(tr("{count} skipped", count=numeral(so_far.skipped)))
    if so_far.identical:
        one = tr("{count} pair of identical answers is a tie")
        parts.append(count(so_far.identical, one, tr("{count} pairs of identical answers are ties")))
    if so_far.known:
        parts.append(count(so_far.known, tr("{count} was judged before"), tr("{count} were judged before")))
    return ", ".join(parts)
