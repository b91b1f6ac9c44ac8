"""The bundled icons (Phosphor), drawn in any colour and sharp at any scale."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QByteArray, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QIconEngine, QImage, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from engine.resources import resource


@lru_cache(maxsize=256)
def _renderer(name: str, colour: str) -> QSvgRenderer:
    text = resource("icons", f"{name}.svg").read_text(encoding="utf-8")
    return QSvgRenderer(QByteArray(text.replace("currentColor", colour).encode()))


@lru_cache(maxsize=2048)
def _pixmap(name: str, colour: str, width: int, height: int) -> QPixmap:
    """Kept, since a page has a hundred icons and each of them is painted in every frame that scrolls it."""
    image = QImage(width, height, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    _renderer(name, colour).render(painter, QRectF(image.rect()))
    painter.end()
    return QPixmap.fromImage(image)


class _Drawn(QIconEngine):
    """Draws an SVG at the size and scale that are asked for."""

    def __init__(self, name: str, colours: dict[QIcon.Mode, str]) -> None:
        super().__init__()
        self._name = name
        self._colours = colours

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        ratio = painter.device().devicePixelRatioF()
        painter.drawPixmap(rect, self.pixmap(rect.size() * ratio, mode, state))

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        colour = self._colours.get(mode, self._colours[QIcon.Mode.Normal])
        return _pixmap(self._name, colour, size.width(), size.height())

    def clone(self) -> QIconEngine:
        return _Drawn(self._name, self._colours)


def icon(name: str, colour: str, *, selected: str | None = None, disabled: str | None = None) -> QIcon:
    """An icon.

    Args:
        name: Of a file in ``resources/icons``.
        colour: As ``#rrggbb``.
        selected: Its colour where it is selected.
        disabled: Its colour where it can do nothing.

    Raises:
        ResourceError: There is no such icon.
    """
    _renderer(name, colour)
    colours = {QIcon.Mode.Normal: colour, QIcon.Mode.Active: colour}
    colours[QIcon.Mode.Selected] = selected or colour
    colours[QIcon.Mode.Disabled] = disabled or colour
    return QIcon(_Drawn(name, colours))


def draw_icon(painter: QPainter, name: str, rect: QRectF, colour: str) -> None:
    """Draw an icon into a picture."""
    _renderer(name, colour).render(painter, rect)
