"""A column of widgets, one per key, which stay where they are while what they show changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from PySide6.QtWidgets import QVBoxLayout, QWidget

Item = TypeVar("Item")
Shown = TypeVar("Shown", bound=QWidget)


class KeyedColumn(QWidget, Generic[Item, Shown]):
    """Shows items below each other; a widget is made once per item and then updated, so that focus and place stay.

    Args:
        key: Of an item.
        make: A widget for an item.
        update: Shows an item that is another one in its widget.
        gap: Between two.
    """

    def __init__(
        self,
        key: Callable[[Item], str],
        make: Callable[[Item], Shown],
        update: Callable[[Shown, Item], None],
        gap: int = 14,
    ) -> None:
        super().__init__()
        self._key = key
        self._make = make
        self._change = update
        self._shown: dict[str, Shown] = {}
        self._items: dict[str, Item] = {}
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(gap)

    def show_items(self, items: Sequence[Item]) -> None:
        """Show these, in this order."""
        wanted = {self._key(item): item for item in items}
        for key in [key for key in self._shown if key not in wanted]:
            widget = self._shown.pop(key)
            self._items.pop(key)
            self._layout.removeWidget(widget)
            widget.hide()
            widget.deleteLater()
        for place, (key, item) in enumerate(wanted.items()):
            if key not in self._shown:
                self._shown[key] = self._make(item)
            widget = self._shown[key]
            if self._items.get(key) != item:
                self._items[key] = item
                self._change(widget, item)
            if self._layout.indexOf(widget) != place:
                self._layout.insertWidget(place, widget)
        self.setVisible(bool(wanted))
