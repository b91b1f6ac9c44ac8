"""The navigation: a list, so that keyboards and screen readers find one; headings between the groups."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Final

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QPainter, QPen, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
)

from desktop.language import tr
from desktop.shell.logo import Logo
from desktop.shell.meter import Meter
from desktop.shell.pages import PageEntry
from desktop.theme.fonts import font
from desktop.theme.icons import draw_icon
from desktop.theme.look import Look
from desktop.widgets.basics import label, row

_WIDTH: Final = 212
#: Of an entry, and where the window is low.
_HEIGHT: Final = 37
_LOW: Final = 31
#: Pixels of a sidebar that are not entries.
_AROUND: Final = 84
#: And of what stands below them, where there is room for it.
_METER: Final = 46
_KEY: Final = Qt.ItemDataRole.UserRole
_ICON: Final = Qt.ItemDataRole.UserRole + 1
_BADGE: Final = Qt.ItemDataRole.UserRole + 2

Index = QModelIndex | QPersistentModelIndex


class _Entries(QStyledItemDelegate):
    """Draws entries and headings."""

    def __init__(self, look: Look, parent: QListWidget) -> None:
        super().__init__(parent)
        self._look = look
        self.height = _HEIGHT

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: N802
        return QSize(_WIDTH - 24, self.height if index.data(_KEY) else self.height - 3)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        tokens = self._look.tokens
        rect = QRectF(option.rect)
        state = option.state
        text = str(index.data(Qt.ItemDataRole.DisplayRole))
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not index.data(_KEY):
            painter.setFont(font(12, 500))
            painter.setPen(QColor(tokens.faint))
            painter.drawText(rect.adjusted(11, 10, 0, 0), Qt.AlignmentFlag.AlignVCenter, text)
            painter.restore()
            return
        chosen = bool(state & QStyle.StateFlag.State_Selected)
        box = rect.adjusted(0.5, 1.5, -0.5, -1.5)
        if chosen or state & QStyle.StateFlag.State_MouseOver:
            painter.setBrush(QColor(tokens.accent_soft if chosen else tokens.raised))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.drawRoundedRect(box, 7, 7)
        if state & QStyle.StateFlag.State_HasFocus:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(tokens.accent_fill), 1.5))
            painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 7, 7)
        colour = tokens.accent if chosen else tokens.muted
        middle = rect.center().y()
        draw_icon(painter, str(index.data(_ICON)), QRectF(rect.left() + 13, middle - 8, 16, 16), colour)
        painter.setFont(font(13, 600 if chosen else 500))
        painter.setPen(QColor(colour))
        painter.drawText(rect.adjusted(39, 0, -10, 0), Qt.AlignmentFlag.AlignVCenter, text)
        badge = index.data(_BADGE)
        if badge:
            self._draw_badge(painter, rect, str(badge))
        painter.restore()

    def _draw_badge(self, painter: QPainter, rect: QRectF, text: str) -> None:
        tokens = self._look.tokens
        painter.setFont(font(11, 600))
        width = max(26.0, painter.fontMetrics().horizontalAdvance(text) + 16.0)
        box = QRectF(rect.right() - 10 - width, rect.center().y() - 10, width, 20)
        painter.setBrush(QColor(tokens.accent_fill))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.drawRoundedRect(box, 10, 10)
        painter.setPen(QColor(tokens.accent_text))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)


class _List(QListWidget):
    """A list of entries that is as high as they are."""

    def __init__(self, look: Look, name: str) -> None:
        super().__init__()
        self.setObjectName("navigation")
        self.setAccessibleName(name)
        self._entries = _Entries(look, self)
        self.setItemDelegate(self._entries)
        self.setProperty("flat", "true")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setMouseTracking(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        look.changed.connect(self.viewport().update)

    def fit(self, height: int = _HEIGHT) -> None:
        """Take the height of all entries, each of ``height`` pixels."""
        if height != self._entries.height:
            self._entries.height = height
            self.scheduleDelayedItemsLayout()
        self.setFixedHeight(sum(self.sizeHintForRow(at) for at in range(self.count())) + 2)


class Sidebar(QFrame):
    """The list of pages, with Settings at the foot."""

    #: A page was chosen, by its key.
    chosen = Signal(str)
    #: It was chosen to do something there: by the mouse, or by Return; arrow keys only look at pages.
    entered = Signal()

    def __init__(self, look: Look, entries: Iterable[PageEntry]) -> None:
        super().__init__()
        self.setObjectName("sidebar")
        self.setFixedWidth(_WIDTH)
        self._items: dict[str, QListWidgetItem] = {}
        self._current = ""
        self._main = _List(look, tr("Pages"))
        self._foot = _List(look, tr("More pages"))
        group = ""
        for entry in entries:
            if entry.group not in ("", "foot", group):
                group = entry.group
                heading = QListWidgetItem(tr(group), self._main)
                heading.setFlags(Qt.ItemFlag.NoItemFlags)
            self._add(self._foot if entry.group == "foot" else self._main, entry)
        for one in (self._main, self._foot):
            one.fit()
            # Not the current item: a list that gets the keyboard makes its first entry that.
            one.itemSelectionChanged.connect(partial(self._choose_selected, one))
            one.itemClicked.connect(self._enter)
            one.itemActivated.connect(self._enter)
        brand = label("Bakeoff")
        brand.setObjectName("brand")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 20, 12, 10)
        layout.setSpacing(2)
        layout.addLayout(row(4, Logo(look), brand, None, gap=9))
        layout.addSpacing(12)
        layout.addWidget(self._main)
        layout.addStretch(1)
        layout.addWidget(self._foot)
        self.meter = Meter()
        self.meter.hide()
        layout.addWidget(self.meter)
        if self._foot.count() == 0:
            self._foot.hide()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Entries stand closer where the window is low."""
        super().resizeEvent(event)
        entries = self._main.count() + self._foot.count()
        self.meter.setVisible(self.height() >= entries * _LOW + _AROUND + _METER)
        for one in (self._main, self._foot):
            one.fit(_HEIGHT if self.height() >= entries * _HEIGHT + _AROUND + _METER else _LOW)

    def select(self, key: str) -> None:
        """Show that a page is on the screen, without telling anybody."""
        self._current = key
        item = self._items[key]
        for one in (self._main, self._foot):
            one.blockSignals(True)
            if item.listWidget() is one:
                one.setCurrentItem(item)
            else:
                one.setCurrentRow(-1)
                one.clearSelection()
            one.blockSignals(False)
            one.viewport().update()

    def show_badge(self, key: str, text: str) -> None:
        """A small number beside a page; none where the text is empty."""
        if key in self._items:
            self._items[key].setData(_BADGE, text)

    def focus(self) -> None:
        """Take the keyboard."""
        self._main.setFocus()

    def _add(self, where: _List, entry: PageEntry) -> None:
        item = QListWidgetItem(tr(entry.title), where)
        item.setData(_KEY, entry.key)
        item.setData(_ICON, entry.icon)
        self._items[entry.key] = item

    def _choose_selected(self, where: _List) -> None:
        for item in where.selectedItems():
            self._choose_item(item)
        # A screen reader can press a heading, which takes the choice away.
        if self._current and not (self._main.selectedItems() or self._foot.selectedItems()):
            self.select(self._current)

    @Slot(QListWidgetItem)
    def _enter(self, item: QListWidgetItem) -> None:
        self._choose_item(item)
        if item.data(_KEY):
            self.entered.emit()

    @Slot()
    def _choose_item(self, item: QListWidgetItem) -> None:
        if item.data(_KEY):
            self.chosen.emit(item.data(_KEY))
