"""The gradient of a SLERP as curves and as a table, or the parameters of another method as fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QCheckBox, QFrame, QVBoxLayout, QWidget

from desktop.language import numeral, tr
from desktop.pages.merge.gradient import GradientEditor, curve_colour, curve_words, even
from desktop.pages.merge.recipe_form import CURVES, REST, Curve, Form, curve_at, first_value
from desktop.pages.merge.view_model import MergeModel
from desktop.theme.look import Look
from desktop.widgets.basics import Button, clear, column, label, row
from desktop.widgets.elided import Elided
from desktop.widgets.fields import Decimal
from desktop.widgets.inset import inset
from desktop.widgets.legend import Legend
from desktop.widgets.segments import Segments
from desktop.widgets.table import Column, Rows, table
from engine.merging.method_table import Parameter

#: Gradients of the attention and, mirrored, of the MLPs, that a press of a button gives.
_SHAPES: Final = {
    "mirror": ((0.0, 0.5, 0.3, 0.7, 1.0), (1.0, 0.5, 0.7, 0.3, 0.0)),
    "ramp": ((0.0, 0.25, 0.5, 0.75, 1.0), (0.0, 0.25, 0.5, 0.75, 1.0)),
    "even": (even(), even()),
}
#: Kind of value -> least, most, step and decimals of its field.
_BOUNDS: Final = {
    "number": (-1000.0, 1000.0, 0.05, 4),
    "share": (0.0, 1.0, 0.05, 4),
    "small": (0.0, 1.0, 0.0001, 8),
    "whole": (1.0, 10_000.0, 1.0, 0),
}
#: Pixels for the names of parameters.
_NAMES: Final = 76
#: Places in the table where the number of layers is not known yet.
_PLACES: Final = 5


class ValuesCard(QFrame):
    """What the method needs to know, beside the models."""

    def __init__(self, look: Look, model: MergeModel) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._model = model
        self._look = look
        self._title = Elided("", "h2")
        self._legend = Legend(
            look, lambda tokens: [(curve_colour(tokens, name), curve_words(name)) for name in (*CURVES, REST)]
        )
        self._gradient = GradientEditor(look)
        self._gradient.moved.connect(self._take_curves)
        columns = [
            Column(tr("Layer"), 0),
            *(
                Column(curve_words(name), wide, right=True)
                for name, wide in zip((*CURVES, REST), (122, 70, 118), strict=True)
            ),
        ]
        self._rows = Rows(look, columns)
        self._table = table(
            tr("Share of the second model in each layer"), self._rows, columns, flat=True, row=28
        )
        self._as_table = False
        self._toggle = Button(look, tr("Show as a table"), "list", "ghost", self._switch)
        self._shapes = Segments(
            tr("Shape of the gradient"),
            [("mirror", tr("Mirror")), ("ramp", tr("Ramp")), ("even", tr("Even")), ("own", tr("My own"))],
        )
        self._shapes.chosen.connect(self._choose_shape)
        self._gradient.setToolTip(tr("Drag any point, or use the arrow keys"))
        self._below = QWidget()
        self._below.setLayout(row(self._shapes, None))
        self._grid = QVBoxLayout()
        self._grid.setSpacing(8)
        self._form = inset(column(self._grid, None))
        self._form.setMinimumHeight(200)
        self._nothing = label(tr("Change the recipe as text, at the right."), "muted", wrap=True)
        self._fields_of: tuple[Any, ...] = ()
        self._fields: list[Callable[[Form], None]] = []
        head = row(self._title, self._toggle)
        head.setStretch(0, 1)
        layout = column(
            head,
            row(self._legend, None),
            self._gradient,
            self._table,
            self._below,
            self._form,
            self._nothing,
            gap=10,
        )
        for place in (2, 3, 5):
            layout.setStretch(place, 1)
        layout.setContentsMargins(16, 12, 16, 12)
        self.setLayout(layout)

    def show_form(self, form: Form | None, layers: int) -> None:
        """Show the values of a form."""
        curved = form is not None and form.curved
        for widget in (self._legend, self._below, self._toggle):
            widget.setVisible(curved)
        self._gradient.setVisible(curved and not self._as_table)
        self._table.setVisible(curved and self._as_table)
        self._form.setVisible(form is not None and not curved)
        self._nothing.setVisible(form is None)
        self._title.setText(tr("Share of the second model in each layer") if curved else tr("Values"))
        if form is None:
            return
        if curved:
            curves = form.curves or {REST: (0.5,)}
            self._gradient.show_curves(curves, layers)
            pair = form.curves.get(CURVES[0]), form.curves.get(CURVES[1])
            self._shapes.choose(next((key for key, shape in _SHAPES.items() if shape == pair), "own"))
            self._rows.set_rows(_table_rows(curves, layers))
            return
        self._build_fields(form)
        for show in self._fields:
            show(form)

    def _switch(self) -> None:
        self._as_table = not self._as_table
        words = tr("Show as a chart") if self._as_table else tr("Show as a table")
        self._toggle.setText(f" {words}")
        self._toggle.setAccessibleName(words)
        self._toggle.show_icon("chart-line" if self._as_table else "list")
        self._gradient.setVisible(not self._as_table)
        self._table.setVisible(self._as_table)

    def _build_fields(self, form: Form) -> None:
        wanted = form.method, form.models, form.base
        if wanted == self._fields_of:
            return
        self._fields_of = wanted
        self._fields = []
        clear(self._grid)
        about = form.about
        shared = [parameter for parameter in about.parameters if not parameter.per_model]
        own = [parameter for parameter in about.parameters if parameter.per_model]
        names = [
            name for name in form.models if about.base not in ("required", "optional") or name != form.base
        ]
        for name in names if own else ():
            self._grid.addWidget(Elided(name, "strong"))
            for parameter in own:
                self._add(parameter, name)
        if shared:
            self._grid.addWidget(label(tr("For all of them"), "strong"))
        for parameter in shared:
            self._add(parameter, "")
        if not own and not shared:
            self._grid.addWidget(label(tr("This method needs nothing more."), "muted", wrap=True))

    def _add(self, parameter: Parameter, model: str) -> None:
        def value(form: Form) -> float:
            given = form.per_model.get(model, {}) if model else form.shared
            return given.get(parameter.name, first_value(parameter))

        def change(number: float) -> None:
            form = self._model.form
            if form is None:
                return
            if model:
                values = {**form.per_model, model: {**form.per_model.get(model, {}), parameter.name: number}}
                self._model.use_form(replace(form, per_model=values))
            else:
                self._model.use_form(replace(form, shared={**form.shared, parameter.name: number}))

        field: QCheckBox | Decimal
        if parameter.kind == "flag":
            field, show = _flag(value, change)
        else:
            field, show = _number(parameter.kind, value, change)
        field.setAccessibleName(f"{model} {parameter.name}".strip())
        field.setAccessibleDescription(tr(parameter.text))
        field.setToolTip(tr(parameter.text))
        words = label(tr(parameter.text), "muted", wrap=True)
        name = label(parameter.name, "mono")
        name.setMinimumWidth(_NAMES)
        line = row(name, words, field, gap=10)
        line.setStretch(1, 1)
        self._grid.addLayout(line)
        self._fields.append(show)

    def _take_curves(self, _name: str) -> None:
        form = self._model.form
        if form is not None:
            self._model.use_form(replace(form, curves=self._gradient.curves))

    def _choose_shape(self, key: str) -> None:
        form = self._model.form
        if form is None:
            return
        pair = _SHAPES.get(key)
        if pair is None:
            pair = form.curves.get(CURVES[0], even()), form.curves.get(CURVES[1], even())
        rest = form.curves.get(REST, (0.5,))
        self._model.use_form(replace(form, curves={CURVES[0]: pair[0], CURVES[1]: pair[1], REST: rest}))


def _flag(
    value: Callable[[Form], float], change: Callable[[float], None]
) -> tuple[QCheckBox, Callable[[Form], None]]:
    """What is on or off, and what shows a form's value there."""
    box = QCheckBox()
    box.toggled.connect(lambda on: change(float(on)))

    def show(form: Form) -> None:
        with QSignalBlocker(box):
            box.setChecked(bool(value(form)))

    return box, show


def _number(
    kind: str, value: Callable[[Form], float], change: Callable[[float], None]
) -> tuple[Decimal, Callable[[Form], None]]:
    """A number, and what shows a form's value there."""
    least, most, step, decimals = _BOUNDS[kind]
    box = Decimal(minimum=least, maximum=most, singleStep=step, decimals=decimals)
    box.setFixedWidth(120)
    box.valueChanged.connect(change)

    def show(form: Form) -> None:
        with QSignalBlocker(box):
            box.setValue(value(form))

    return box, show


def _table_rows(curves: Mapping[str, Curve], layers: int) -> list[tuple[str, list[str]]]:
    """Each layer with the share that a merge takes there; the last row is what lies outside the layers."""
    found = []
    count = layers or _PLACES
    for layer in range(count):
        depth = layer / (count - 1) if count > 1 else 1.0
        name = f"{layer}" if layers else numeral(depth, ".0%")
        shares = [
            numeral(curve_at(curves.get(part, curves.get(REST, (0.5,))), depth), ".0%")
            for part in (*CURVES, REST)
        ]
        found.append((str(layer), [name, *shares]))
    outside = numeral(curves.get(REST, (0.5,))[0], ".0%")
    found.append(("outside", [tr("Embeddings and head"), "\u2013", "\u2013", outside]))
    return found
