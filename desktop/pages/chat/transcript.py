"""A conversation to read: bubbles in one document, so that it can be selected and grows without being redone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextFrame,
    QTextFrameFormat,
)
from PySide6.QtWidgets import QFrame, QTextBrowser

from desktop.language import tr
from desktop.pages.chat.bubbles import Bubble
from desktop.theme.fonts import font
from desktop.theme.look import Look
from desktop.theme.tokens import Tokens

#: Pixels between the words and the edge of a bubble, between two bubbles, and of its corners.
_PADDING: Final = 12
_BETWEEN: Final = 4
_CORNER: Final = 8
#: So near to the end, in pixels, the view follows what is added.
_NEAR: Final = 12
#: Pixels to read in at least.
_LEAST: Final = (120, 96)


class Transcript(QTextBrowser):
    """Shows bubbles."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._shown: list[Bubble] = []
        self._frames: list[QTextFrame] = []
        self.setOpenLinks(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setProperty("kind", "reading")
        self.setUndoRedoEnabled(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.document().setDocumentMargin(0)
        self._thin(QTextCursor(self.document()))
        look.changed.connect(self._redo)

    def show_bubbles(self, bubbles: Sequence[Bubble]) -> None:
        """Show these; what is the same stays, what has only grown is added to. Follows the end if it is in sight."""
        fresh = list(bubbles)
        if fresh == self._shown:
            return
        bar = self.verticalScrollBar()
        follow, place = bar.value() >= bar.maximum() - _NEAR, bar.value()
        self._change(fresh)
        bar.setValue(bar.maximum() if follow else place)

    def _change(self, fresh: list[Bubble]) -> None:
        same = 0
        while same < min(len(fresh), len(self._shown)) and fresh[same] == self._shown[same]:
            same += 1
        grown = None
        if same == len(self._shown) - 1 and same < len(fresh):
            grown = _growth(self._shown[same], fresh[same])
        if grown is not None:
            bubble = fresh[same]
            self._frames[same].lastCursorPosition().insertText(grown, self._letters(bubble))
            same += 1
        self._remove(same)
        for bubble in fresh[same:]:
            self._add(bubble)
        self._shown = fresh

    def sizeHint(self) -> QSize:  # noqa: N802
        """Little: it takes the room that is left."""
        return QSize(*_LEAST)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """See `sizeHint`."""
        return QSize(*_LEAST)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Stay at the end, where that is in sight."""
        bar = self.verticalScrollBar()
        follow = bar.value() >= bar.maximum() - _NEAR
        super().resizeEvent(event)
        if follow:
            bar.setValue(bar.maximum())

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Paint the grounds of the bubbles in sight, then the words."""
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        above = self.verticalScrollBar().value()
        layout = self.document().documentLayout()
        seen = QRectF(event.rect())
        for bubble, frame in zip(self._shown, self._frames, strict=False):
            ground = _ground(bubble, self._look.tokens)
            place = layout.frameBoundingRect(frame).translated(0, -above)
            if ground and place.intersects(seen):
                painter.setBrush(QColor(ground))
                painter.drawRoundedRect(place.adjusted(0, _BETWEEN, 0, -_BETWEEN), _CORNER, _CORNER)
        painter.end()
        super().paintEvent(event)

    def _add(self, bubble: Bubble) -> None:
        form = QTextFrameFormat()
        form.setPadding(_PADDING if bubble.kind != "note" else 2)
        form.setTopMargin(_BETWEEN)
        form.setBottomMargin(_BETWEEN)
        cursor = QTextCursor(self.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        self._frames.append(cursor.insertFrame(form))
        lines = QTextBlockFormat()
        lines.setLineHeight(125, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
        if bubble.kind == "note":
            lines.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        cursor.setBlockFormat(lines)
        if bubble.kind == "thought":
            cursor.insertText(tr("Thought"), self._letters(bubble, caption=True))
            cursor.insertBlock(lines)
        cursor.insertText(bubble.text, self._letters(bubble))
        cursor.movePosition(QTextCursor.MoveOperation.End)
        self._thin(cursor)

    def _remove(self, keep: int) -> None:
        """Remove all bubbles from a number on."""
        if keep >= len(self._frames):
            return
        cursor = QTextCursor(self.document())
        cursor.setPosition(self._frames[keep].firstPosition() - 1)
        cursor.movePosition(QTextCursor.MoveOperation.End, QTextCursor.MoveMode.KeepAnchor)
        del self._frames[keep:]
        cursor.removeSelectedText()
        self._thin(cursor)

    def _thin(self, cursor: QTextCursor) -> None:
        """Make the line between two bubbles, which a document has to have, take no room."""
        none = QTextBlockFormat()
        none.setLineHeight(0.1, QTextBlockFormat.LineHeightTypes.FixedHeight.value)
        cursor.setBlockFormat(none)

    def _letters(self, bubble: Bubble, *, caption: bool = False) -> QTextCharFormat:
        tokens = self._look.tokens
        small = caption or bubble.kind == "note"
        made = QTextCharFormat()
        made.setFont(font(12 if small else 13, 500 if caption else 400))
        colour = {"thought": tokens.muted, "failed": tokens.bad, "note": tokens.warn}.get(
            bubble.kind, tokens.text
        )
        made.setForeground(QColor(tokens.faint if bubble.faint or caption else colour))
        made.setFontItalic(bubble.kind == "thought" and not caption)
        return made

    def _redo(self) -> None:
        shown, self._shown = self._shown, []
        self._remove(0)
        self.show_bubbles(shown)


def _growth(before: Bubble, after: Bubble) -> str | None:
    """What was added to a bubble; None where it is another one."""
    if (before.kind, before.faint) != (after.kind, after.faint) or not after.text.startswith(before.text):
        return None
    return after.text[len(before.text) :]


def _ground(bubble: Bubble, tokens: Tokens) -> str:
    return {
        "asked": tokens.accent_soft,
        "said": tokens.raised,
        "thought": "",
        "failed": tokens.bad_soft,
        "note": "",
    }[bubble.kind]
