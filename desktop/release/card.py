"""A model card as people read it."""

from __future__ import annotations

from typing import Final

from PySide6.QtGui import QFont, QTextBlock, QTextBlockFormat, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QTextBrowser

from desktop.language import tr

_CODE: Final = "JetBrains Mono"
#: Points of headings, from the largest; pixels above each.
_HEADINGS: Final = {1: (17, 10), 2: (13, 16), 3: (11, 10)}


class CardView(QTextBrowser):
    """Shows a card; its links lead nowhere, as it is not published yet."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(tr("The card"))
        self.setOpenLinks(False)
        self.setPlaceholderText(tr("There is no card yet: the contents say why."))

    def show_card(self, card: str) -> None:
        """Show a card, from its top."""
        self.setMarkdown(with_front_shown(card))
        # Markdown comes without space between its parts, and in whatever fonts the system has.
        block = self.document().begin()
        while block.isValid():
            self._space(block)
            block = block.next()
        self.moveCursor(QTextCursor.MoveOperation.Start)

    def _space(self, block: QTextBlock) -> None:
        cursor = QTextCursor(block)
        form = block.blockFormat()
        level = form.headingLevel()
        points, above = _HEADINGS.get(level, (0, 0))
        code = form.hasProperty(QTextBlockFormat.Property.BlockCodeFence)
        if cursor.currentTable() is None:
            form.setTopMargin(above)
            form.setBottomMargin(0 if code else 6)
            cursor.setBlockFormat(form)
        cursor.select(QTextCursor.SelectionType.BlockUnderCursor)
        look = QTextCharFormat()
        if points:
            look.setFontPointSize(points)
            look.setFontWeight(QFont.Weight.DemiBold)
        if code:
            look.setFontFamilies([_CODE])
            look.setFontPointSize(9)
        cursor.mergeCharFormat(look)


def with_front_shown(card: str) -> str:
    """A model card for a viewer of Markdown that knows no front matter."""
    if not card.startswith("---\n"):
        return card
    front, _, rest = card[4:].partition("\n---\n")
    return f"```yaml\n{front}\n```\n\n{rest}"
