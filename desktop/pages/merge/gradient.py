"""The share of the second model in each layer, as curves whose points are dragged, or moved by the keyboard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QKeyEvent, QMouseEvent, QPainterPath, QPen

from desktop.language import numeral, tr
from desktop.pages.merge.recipe_form import CURVES, POINTS, REST, Curve, curve_at
from desktop.theme.look import Look
from desktop.theme.tokens import Tokens
from desktop.widgets.canvas import CENTRE, RIGHT, Canvas, Pen, text_width

_LEFT: Final = 48.0
_RIGHT: Final = 16.0
_TOP: Final = 14.0
_BOTTOM: Final = 42.0
#: How near the mouse has to come to a point.
_NEAR: Final = 16.0
#: What one press of an arrow changes, and one with Shift.
_STEP, _FINE = 0.05, 0.01


class GradientEditor(Canvas):
    """Curves over depth."""

    #: A point was moved; carries the name of the curve.
    moved = Signal(str)

    def __init__(self, look: Look) -> None:
        super().__init__(look, 360, 230)
        self._curves: dict[str, Curve] = {}
        self._layers = 0
        self._chosen: tuple[str, int] | None = None
        self._dragged = False
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(tr("Share of the second model in each layer"))

    @property
    def curves(self) -> Mapping[str, Curve]:
        """As they are now."""
        return dict(self._curves)

    def show_curves(self, curves: Mapping[str, Curve], layers: int) -> None:
        """Show these; ``layers`` is 0 while it is not known."""
        if self._dragged:
            return
        self._curves = {name: curves[name] for name in (*CURVES, REST) if name in curves}
        self._layers = layers
        if self._chosen is not None and (
            self._chosen[0] not in self._curves or self._chosen[1] >= len(self._curves[self._chosen[0]])
        ):
            self._chosen = None
        self._describe()
        self.update()

    def paint(self, pen: Pen, width: float, height: float) -> None:
        """See `Canvas`."""
        tokens = pen.tokens
        for share in (0.0, 0.25, 0.5, 0.75, 1.0):
            y = self._place(0.0, share).y()
            pen.line(QPointF(_LEFT, y), QPointF(width - _RIGHT, y), tokens.border)
            pen.text(
                QRectF(0, y - 9, _LEFT - 10, 18), numeral(share, ".0%"), tokens.muted, pixels=11, align=RIGHT
            )
        last = max(1, self._layers - 1) if self._layers else 100
        for part in (0.0, 0.25, 0.5, 0.75, 1.0):
            x = self._place(part, 0.0).x()
            words = f"{round(part * last)}" if self._layers else numeral(part, ".0%")
            pen.text(
                QRectF(x - 24, height - _BOTTOM + 6, 48, 16), words, tokens.muted, pixels=11, align=CENTRE
            )
        words = tr("layer, first to last") if self._layers else tr("depth, first to last layer")
        pen.text(
            QRectF(_LEFT, height - 18, width - _LEFT - _RIGHT, 16),
            words,
            tokens.faint,
            pixels=11,
            align=CENTRE,
        )
        for name, curve in reversed(self._curves.items()):
            self._paint_curve(pen, name, curve)
        if self._chosen is not None and (self.hasFocus() or self._dragged or self.underMouse()):
            self._paint_hint(pen, *self._chosen, width)

    def _paint_curve(self, pen: Pen, name: str, curve: Curve) -> None:
        tokens, painter = pen.tokens, pen.painter
        colour = curve_colour(tokens, name)
        points = self._points(curve)
        path = QPainterPath(self._place(0.0, curve[0]))
        for point in points:
            path.lineTo(point)
        path.lineTo(self._place(1.0, curve[-1]))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(
            QPen(QColor(colour), 2, Qt.PenStyle.DashLine if name == REST else Qt.PenStyle.SolidLine)
        )
        painter.drawPath(path)
        for layer in range(self._layers):
            depth = layer / (self._layers - 1) if self._layers > 1 else 1.0
            pen.dot(self._place(depth, curve_at(curve, depth)), 1.8, colour)
        for number, point in enumerate(points):
            big = self._chosen == (name, number)
            pen.dot(point, 8 if big else 6, colour if big else tokens.surface, colour, 2.2)

    def _paint_hint(self, pen: Pen, name: str, number: int, width: float) -> None:
        curve = self._curves[name]
        point = self._points(curve)[number]
        words = self._words(name, number)
        wide = text_width(words, 12, 500) + 20
        left = max(_LEFT, min(width - wide - 4, point.x() - wide / 2))
        top = point.y() - 40 if point.y() > 60 else point.y() + 16
        pen.box(QRectF(left, top, wide, 26), pen.tokens.text, 6)
        pen.text(QRectF(left, top, wide, 26), words, pen.tokens.ground, weight=500, align=CENTRE)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Take a point."""
        self._chosen = self._hit(event.position()) or self._chosen
        self._dragged = self._hit(event.position()) is not None
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Let it go."""
        self._dragged = False
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Drag it, or see which one is below the mouse."""
        if self._dragged and self._chosen is not None:
            high = self.height() - _TOP - _BOTTOM
            self._set(*self._chosen, 1 - (event.position().y() - _TOP) / high)
        elif not self.hasFocus():
            self._chosen = self._hit(event.position())
            self.update()

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """The first point is chosen, if none is."""
        if self._chosen is None and self._curves:
            self._chosen = next(iter(self._curves)), 0
        self._describe()
        super().focusInEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Left and right choose a point, up and down move it (Shift: finely), Page Up and Down change the curve."""
        key = event.key()
        if self._chosen is None or not self._curves:
            super().keyPressEvent(event)
            return
        name, number = self._chosen
        names = list(self._curves)
        step = _FINE if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else _STEP
        if key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            sign = 1 if key == Qt.Key.Key_Up else -1
            self._set(name, number, self._curves[name][number] + sign * step)
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            way = 1 if key == Qt.Key.Key_Right else -1
            self._chosen = name, max(0, min(len(self._curves[name]) - 1, number + way))
        elif key in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            way = 1 if key == Qt.Key.Key_PageDown else -1
            other = names[(names.index(name) + way) % len(names)]
            self._chosen = other, min(number, len(self._curves[other]) - 1)
        else:
            super().keyPressEvent(event)
            return
        self._describe()
        self.update()

    def _set(self, name: str, number: int, value: float) -> None:
        curve = list(self._curves[name])
        curve[number] = round(max(0.0, min(1.0, value)), 2)
        if tuple(curve) != self._curves[name]:
            self._curves[name] = tuple(curve)
            self._describe()
            self.update()
            self.moved.emit(name)

    def _hit(self, at: QPointF) -> tuple[str, int] | None:
        for name, curve in self._curves.items():
            for number, point in enumerate(self._points(curve)):
                if (point - at).manhattanLength() < _NEAR:
                    return name, number
        return None

    def _points(self, curve: Curve) -> list[QPointF]:
        if len(curve) == 1:
            return [self._place(0.5, curve[0])]
        return [self._place(number / (len(curve) - 1), value) for number, value in enumerate(curve)]

    def _place(self, depth: float, share: float) -> QPointF:
        wide, high = self.width() - _LEFT - _RIGHT, self.height() - _TOP - _BOTTOM
        return QPointF(_LEFT + wide * depth, _TOP + high * (1 - share))

    def _words(self, name: str, number: int) -> str:
        curve = self._curves[name]
        depth = number / (len(curve) - 1) if len(curve) > 1 else 0.5
        share = numeral(curve[number], ".0%")
        if self._layers and len(curve) > 1:
            return tr(
                "{tensors}, layer {layer}: {share} of the second model",
                tensors=curve_words(name),
                layer=round(depth * (self._layers - 1)),
                share=share,
            )
        return tr("{tensors}: {share} of the second model", tensors=curve_words(name), share=share)

    def _describe(self) -> None:
        said = [
            tr(
                "{tensors}: {values}.",
                tensors=curve_words(name),
                values=", ".join(numeral(one, ".0%") for one in curve),
            )
            for name, curve in self._curves.items()
        ]
        if self._chosen is not None:
            said.insert(0, self._words(*self._chosen) + ".")
        self.setAccessibleDescription(" ".join(said))


def curve_words(name: str) -> str:
    """What a curve speaks of."""
    return {"self_attn": tr("attention"), "mlp": tr("MLP"), REST: tr("everything else")}.get(name, name)


def curve_colour(tokens: Tokens, name: str) -> str:
    """Its colour."""
    return {"self_attn": tokens.accent_fill, "mlp": tokens.warn_fill}.get(name, tokens.line)


def even(value: float = 0.5) -> Curve:
    """A curve that is the same everywhere."""
    return (value,) * POINTS
