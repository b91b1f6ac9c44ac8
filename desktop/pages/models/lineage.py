"""The lineage as a picture: bases, merges, adapters and GGUF files in columns, and what was made from what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QKeyEvent, QMouseEvent, QPainterPath, QPen
from PySide6.QtWidgets import QToolTip

from desktop.language import tr
from desktop.pages.models.view_model import ModelRow, ModelsState
from desktop.theme.look import Look
from desktop.theme.tokens import Tokens
from desktop.widgets.canvas import Canvas, Pen
from desktop.widgets.table import Column, Rows, table
from desktop.words import size

_HEAD: Final = 2.0
_STEP: Final = 42.0
_NODE: Final = 34.0
#: How wide a model is, and the room between two columns; a picture of many columns scrolls.
_NARROWEST: Final = 150.0
_WIDEST: Final = 200.0
_BETWEEN: Final = 40.0
#: With more models than this only the line of one is shown.
_MOST: Final = 14


@dataclass(frozen=True)
class Node:
    """A model or a GGUF file in the picture, or a place kept free for a line that leads past a column (kind ``way``).

    Attributes:
        key: Of the model, or of the file ("model id, quantisation"); of a way see `_way`.
        model: The model that it is or was made of.
        parents: Keys.
        place: Column, and position in it (may lie between two rows).
    """

    key: str
    model: str
    title: str
    about: str
    kind: str
    parents: tuple[str, ...]
    place: tuple[int, float]


def arrange(models: Sequence[ModelRow]) -> list[Node]:
    """Put models and their files into columns by how often something was made of them.

    Children stand at about the height of their parents, none on another, and no line crosses a model: one that leads
    past a column has a place of its own there, which all lines from the same parent share.
    """
    known = {model.id: model for model in models}
    depths: dict[str, int] = {}

    def depth(model: ModelRow) -> int:
        if model.id not in depths:
            depths[model.id] = 0  # nothing is made of itself, but a catalogue may be damaged
            depths[model.id] = max(
                (depth(known[one]) + 1 for one in model.parents if one in known), default=0
            )
        return depths[model.id]

    fresh = [
        Node(model.id, model.id, model.name, model.how, model.kind, model.parents, (depth(model), 0.0))
        for model in models
    ]
    for model in models:
        for gguf in {one.quantisation: one for one in model.ggufs}.values():
            key = f"{model.id} {gguf.quantisation}"
            place = (depth(model) + 1, 0.0)
            fresh.append(
                Node(key, model.id, gguf.quantisation.upper(), size(gguf.bytes), "gguf", (model.id,), place)
            )
    fresh += _ways(fresh)
    heights: dict[str, float] = {}
    placed = []
    for column in range(max((node.place[0] for node in fresh), default=0) + 1):
        wished = []
        for number, node in enumerate(one for one in fresh if one.place[0] == column):
            before = (one if (way := _way(one, column - 1)) not in heights else way for one in node.parents)
            above = [heights[one] for one in before if one in heights]
            wished.append((sum(above) / len(above) if above else float(number), number, node))
        taken = -1.0
        for wish, _, node in sorted(wished, key=lambda one: one[:2]):
            taken = heights[node.key] = max(wish, taken + 1.0)
            placed.append(replace(node, place=(column, taken)))
    return placed


def _way(parent: str, column: int) -> str:
    return f"{parent} past {column}"


def _ways(nodes: Sequence[Node]) -> list[Node]:
    """Places in the columns that lines lead past."""
    known = {node.key: node for node in nodes}
    found: dict[str, Node] = {}
    for node in nodes:
        for parent in (known[one] for one in node.parents if one in known):
            for column in range(parent.place[0] + 1, node.place[0]):
                key = _way(parent.key, column)
                found[key] = Node(key, parent.model, "", "", "way", (parent.key,), (column, 0.0))
    return list(found.values())


class Lineage(Canvas):
    """The picture; a click or the arrow keys select a model."""

    #: Id of the model that was chosen.
    chosen = Signal(str)
    #: Another one is selected, and stands in this rectangle.
    moved = Signal(QRectF)

    def __init__(self, look: Look) -> None:
        super().__init__(look, 560, 160)
        self._nodes: list[Node] = []
        self._places: dict[str, tuple[int, float]] = {}
        self._line: frozenset[str] = frozenset()
        self._selected = ""
        self._columns = 1
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(tr("Where each model comes from"))

    def show_models(self, state: ModelsState) -> None:
        """Show these."""
        before, self._selected = self._selected, state.selected
        self._line = state.line_of(state.selected)
        few = not is_partial(state)
        placed = arrange([one for one in state.models if few or one.id in self._line])
        self._places = {node.key: node.place for node in placed}
        self._nodes = [node for node in placed if node.kind != "way"]
        self._columns = max((node.place[0] for node in placed), default=0) + 1
        rows = max((node.place[1] for node in placed), default=0.0) + 1
        across = self._columns * _NARROWEST + (self._columns - 1) * _BETWEEN
        self.setMinimumSize(round(max(across, 160)), round(_HEAD + rows * _STEP + 6))
        names = {node.key: node.title for node in self._nodes}
        self.setAccessibleDescription(
            "; ".join(
                tr("{child} was made from {parents}", child=node.title, parents=parents)
                for node in self._nodes
                if (parents := ", ".join(names[one] for one in node.parents if one in names))
            )
        )
        self.update()
        place = self._places.get(self._selected)
        if place is not None and self._selected != before:
            self.moved.emit(self._box(place))

    def event(self, event: QEvent) -> bool:
        """See Qt; tells the whole name of what the mouse is on."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            on = (one for one in self._nodes if self._box(one.place).contains(QPointF(event.pos())))
            node = next(on, None)
            QToolTip.showText(
                event.globalPos(), f"{node.title}\n{node.about}" if node is not None else "", self
            )
            return True
        return super().event(event)

    def paint(self, pen: Pen, width: float, height: float) -> None:
        """See `Canvas`."""
        pen.box(QRectF(0, 0, width, height), pen.tokens.surface, 0)
        places = {node.key: node for node in self._nodes}
        edges = [(places[one], node) for node in self._nodes for one in node.parents if one in places]
        edges.sort(key=lambda edge: self._lit(edge[0]) and self._lit(edge[1]))
        for parent, child in edges:
            self._draw_edge(pen, parent, child)
        for node in self._nodes:
            self._draw_node(pen, node)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Choose what is clicked."""
        for node in self._nodes:
            if self._box(node.place).contains(event.position()):
                self.chosen.emit(node.model)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Arrow keys move to the next model."""
        step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_Left: -1}
        move = step.get(Qt.Key(event.key()))
        ids = list(dict.fromkeys(node.model for node in self._nodes if node.kind != "gguf"))
        if move is None or not ids:
            super().keyPressEvent(event)
            return
        at = ids.index(self._selected) if self._selected in ids else 0
        self.chosen.emit(ids[(at + move) % len(ids)])

    def _box(self, place: tuple[int, float]) -> QRectF:
        column, row = place
        room = (self.width() - (self._columns - 1) * _BETWEEN) / self._columns
        width = max(_NARROWEST, min(_WIDEST, room))
        gap = min(70.0, (self.width() - self._columns * width) / max(1, self._columns - 1))
        return QRectF(column * (width + gap) + 1, _HEAD + row * _STEP + (_STEP - _NODE) / 2, width - 2, _NODE)

    def _lit(self, node: Node) -> bool:
        return node.model in self._line

    def _draw_edge(self, pen: Pen, parent: Node, child: Node) -> None:
        tokens = pen.tokens
        start, end = self._box(parent.place), self._box(child.place)
        lit = self._lit(parent) and self._lit(child)
        colour = tokens.accent_fill if lit else tokens.border_strong
        path = QPainterPath(QPointF(start.right(), start.center().y()))
        for column in range(parent.place[0] + 1, child.place[0]):
            way = self._box(self._places[_way(parent.key, column)])
            _curve(path, QPointF(way.left(), way.center().y()))
            path.lineTo(way.right(), way.center().y())
        other = QPointF(end.left() - 3, end.center().y())
        _curve(path, other)
        pen.painter.setBrush(Qt.BrushStyle.NoBrush)
        pen.painter.setPen(QPen(QColor(colour), 2.2 if lit else 1.2))
        pen.painter.drawPath(path)
        pen.dot(other, 3, colour)

    def _draw_node(self, pen: Pen, node: Node) -> None:
        tokens, box = pen.tokens, self._box(node.place)
        chosen = node.kind != "gguf" and node.model == self._selected
        lit = self._lit(node)
        fill = tokens.accent_soft if chosen else tokens.surface if lit else tokens.raised
        pen.box(box, fill, 7, tokens.accent_fill if lit else tokens.border)
        if chosen and self.hasFocus():
            pen.box(box.adjusted(-2, -2, 2, 2), "", 9, tokens.accent_fill)
        mark = QRectF(box.left() + 8, box.top() + 8, 3.5, box.height() - 16)
        pen.box(mark, _colour(tokens, node.kind), 1.7)
        words = QRectF(box.left() + 19, box.top() + 2, box.width() - 26, box.height() / 2)
        pen.text(words, node.title, weight=600)
        pen.text(words.translated(0, box.height() / 2 - 4), node.about, tokens.muted, pixels=11)


def _curve(path: QPainterPath, end: QPointF) -> None:
    """Lead a line on to ``end``, level at both ends."""
    start = path.currentPosition()
    middle = (start.x() + end.x()) / 2
    path.cubicTo(QPointF(middle, start.y()), QPointF(middle, end.y()), end)


class LineTable:
    """The same as the picture, of all models: what each was made from."""

    def __init__(self, look: Look) -> None:
        columns = [Column(tr("Model"), 0), Column(tr("Made from"), 260), Column(tr("Made by"), 150)]
        self._rows = Rows(look, columns)
        self.widget = table(tr("Where each model comes from"), self._rows, columns, flat=True, row=28)
        self.widget.setMinimumHeight(220)

    def show_models(self, state: ModelsState) -> None:
        """Show these, the newest first."""
        self._rows.set_rows(
            [(one.id, (one.name, ", ".join(one.made_from), one.how)) for one in reversed(state.models)]
        )


def is_partial(state: ModelsState) -> bool:
    """Whether only the line of the selected model is drawn, as there are too many others."""
    return len(state.models) > _MOST


def legend(tokens: Tokens) -> list[tuple[str, str]]:
    """The colour and the name of each kind."""
    words = (("base", tr("base")), ("adapter", tr("adapter")), ("merge", tr("merge")), ("gguf", tr("GGUF")))
    return [(_colour(tokens, kind), name) for kind, name in words]


def _colour(tokens: Tokens, kind: str) -> str:
    return {"merge": tokens.violet, "adapter": tokens.accent_fill, "gguf": tokens.good_fill}.get(
        kind, tokens.line
    )
