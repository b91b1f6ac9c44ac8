"""The widgets of the Merge page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QFileDialog,
    QFrame,
    QLineEdit,
    QPlainTextEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from desktop.language import tr
from desktop.pages.merge.gradient import GradientEditor, curve_colour, curve_words, even
from desktop.pages.merge.recipe_form import CURVES, REST, Form
from desktop.pages.merge.view_model import Checked, MergeModel
from desktop.shell.commands import Command
from desktop.shell.context import Context
from desktop.theme.look import Look
from desktop.theme.tokens import GAP, Tone
from desktop.widgets.basics import Button, IconLabel, chip, clear, column, heading, label, retone, row
from desktop.widgets.empty import Empty
from desktop.widgets.fields import combo, fill, spin
from desktop.widgets.legend import Legend
from desktop.widgets.page import Page
from desktop.widgets.segments import Segments
from desktop.words import size, state_words
from engine.merging.method_table import METHODS, RANDOM_METHODS, Parameter

#: Milliseconds after the last key before the text is read.
_TYPED: Final = 400
#: Gradients of the attention and, mirrored, of the MLPs, that a press of a button gives.
_SHAPES: Final = {
    "mirror": ((0.0, 0.5, 0.3, 0.7, 1.0), (1.0, 0.5, 0.7, 0.3, 0.0)),
    "ramp": ((0.0, 0.25, 0.5, 0.75, 1.0), (0.0, 0.25, 0.5, 0.75, 1.0)),
    "even": (even(), even()),
}


def build(context: Context) -> Page:
    """Make the page."""
    return MergePage(context, MergeModel(context.services))


class MergePage(Page):
    """Models and a method at the left, their gradient in the middle, the recipe at the right, findings below."""

    model: MergeModel

    def __init__(self, context: Context, model: MergeModel) -> None:
        look = context.look
        self._load = Button(look, tr("Load recipe"), "folder-open", does=self.ask_for_recipe)
        self._start = Button(look, tr("Start merging"), "git-merge", "primary", self.start)
        super().__init__(
            context,
            model,
            tr("Merge"),
            tr("Blend the strongest models into one, layer by layer. No training, no data, no GPU needed."),
            self._load,
            self._start,
        )
        self._models = ModelsCard(look, model)
        self._values = ValuesCard(look, model)
        self._recipe = RecipeCard(look, model)
        self._findings = FindingsCard(look)
        self._facts = FactsCard()
        self._empty = Empty(
            look,
            "git-merge",
            tr("Nothing to merge yet"),
            tr("A merge needs two models of the same shape: fine-tunes of one base, or its siblings."),
            Button(look, tr("Go to Models"), "cube", "primary", lambda: context.go("models", None)),
        )
        above = row(self._models, self._values, self._recipe, gap=GAP)
        for place, share in enumerate((27, 43, 30)):
            above.setStretch(place, share)
        below = row(self._findings, self._facts, gap=GAP)
        below.setStretch(0, 70)
        below.setStretch(1, 30)
        self._content = QWidget()
        parts = column(above, below, gap=GAP)
        parts.setStretch(0, 3)
        parts.setStretch(1, 2)
        self._content.setLayout(parts)
        self.body.addWidget(self._content, 1)
        self.body.addWidget(self._empty, 1)
        self._content.hide()
        self._empty.hide()
        self._layers = 0
        model.drafted.connect(self._show_draft)

    def update_page(self) -> None:
        """See `Page`."""
        state = self.model.state
        enough = len(state.models) > 1
        self._empty.setVisible(not enough)
        self._content.setVisible(enough)
        self._models.show_models(state.models, state.presets)
        self._facts.show_jobs(state.jobs)
        if enough and self.model.form is not None and not self.model.text:
            # The first two that fit each other, as the seed story merged them.
            first = state.models[0]
            fitting = [one.name for one in state.models if one.shape == first.shape]
            if len(fitting) > 1:
                self.model.use_form(self.model.form.with_models((fitting[1], fitting[0])))
                self.model.use_preset("slerp")
        self._show_draft()

    def open(self, target: Any) -> None:
        """Merge these models: a list of names."""
        names = tuple(map(str, target)) if isinstance(target, list | tuple) else ()
        if len(names) > 1:
            self.model.use_form(Form().with_models(names))
            self.model.use_preset("slerp" if len(names) == 2 else "ties")

    def commands(self) -> list[Command]:
        """See `Page`."""
        return [Command(tr("Load a merge recipe"), "folder-open", self.ask_for_recipe)]

    def ask_for_recipe(self) -> None:
        """Ask for a recipe's file."""
        file, _ = QFileDialog.getOpenFileName(self, tr("A merge recipe"), filter="YAML (*.yml *.yaml)")
        if file:
            self.model.load(Path(file))

    def start(self) -> None:
        """Put the merge into the queue."""
        self.model.start(self._facts.name(), self._facts.seed())

    @Slot()
    def _show_draft(self) -> None:
        model = self.model
        self._models.show_form(model.form)
        if model.checked is not None:  # while it is looked at anew, the number stays
            self._layers = int(model.checked.facts.get("layers") or 0)
        self._values.show_form(model.form, self._layers)
        self._recipe.show_text(model.text, model.fault.message if model.fault is not None else "")
        self._findings.show_checked(model.checked, written=bool(model.text) and model.fault is None)
        self._facts.show_checked(model.checked, model.form)
        ready = model.fault is None and model.checked is not None and model.checked.ok
        self._start.setEnabled(ready)
        blocked = sum(one[0] == "error" for one in model.checked.findings) if model.checked is not None else 0
        words = tr("Start merging")
        if model.fault is not None:
            words = tr("Mend the recipe to start")
        elif blocked:
            words = tr("Mend {count} to start", count=blocked)
        self._start.setText(f" {words}")
        self._start.setAccessibleName(words)


class ModelsCard(QFrame):
    """Which models, and by which method."""

    def __init__(self, look: Look, model: MergeModel) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._model = model
        self._boxes: dict[str, QCheckBox] = {}
        self._count = label("", "small")
        self._list = QVBoxLayout()
        self._list.setSpacing(4)
        inside = QWidget()
        inside.setObjectName("page")
        holder = column(self._list, None)
        inside.setLayout(holder)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidget(inside)
        area.setMinimumHeight(120)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._method = combo(tr("Method"), 140)
        for name in METHODS:
            self._method.addItem(name, name)
        self._method.activated.connect(lambda at: self._choose_method(self._method.itemData(at)))
        self._base = combo(tr("Base"), 140)
        self._base.activated.connect(lambda at: self._choose_base(self._base.itemData(at)))
        self._presets = combo(tr("Presets"), 140)
        self._presets.activated.connect(self._use_preset)
        self._about = label("", "small", wrap=True)
        layout = column(
            heading(tr("Models"), self._count),
            area,
            row(label(tr("Preset"), "muted"), None, self._presets, gap=8),
            row(label(tr("Method"), "muted"), None, self._method, gap=8),
            row(label(tr("Base"), "muted"), None, self._base, gap=8),
            self._about,
            gap=8,
        )
        layout.setStretch(1, 1)
        layout.setContentsMargins(16, 12, 16, 12)
        self.setLayout(layout)

    def show_models(self, models: Any, presets: tuple[str, ...]) -> None:
        """Offer these."""
        names = [one.name for one in models]
        for name in [name for name in self._boxes if name not in names]:
            box = self._boxes.pop(name)
            self._list.removeWidget(box)
            box.deleteLater()
        kinds = {"base": tr("base"), "adapter": tr("fine-tune"), "merge": tr("merge")}
        for one in models:
            if one.name not in self._boxes:
                box = QCheckBox(f"{one.name}  ({kinds.get(one.kind, one.kind)})")
                box.setAccessibleName(one.name)
                box.toggled.connect(lambda _on, name=one.name: self._toggle(name))
                self._boxes[one.name] = box
                self._list.addWidget(box)
        fill(self._presets, [(tr("choose..."), ""), *((name, name) for name in presets)], "")

    def show_form(self, form: Form | None) -> None:
        """Show what was chosen; None: the text says more than this can show."""
        for widget in (self._method, self._base, self._presets, *self._boxes.values()):
            widget.setEnabled(form is not None)
        if form is None:
            self._count.setText("")
            self._about.setText(tr("The recipe says more than can be chosen here; change it as text."))
            return
        self._count.setText(tr("{count} chosen", count=len(form.models)))
        for name, box in self._boxes.items():
            with QSignalBlocker(box):
                box.setChecked(name in form.models)
        fill(self._method, [(name, name) for name in METHODS], form.method)
        needs = form.about.base != "inputs"
        bases = list(dict.fromkeys([*([form.base] if form.base else []), *form.models]))
        fill(self._base, [(name, name) for name in bases], form.base)
        self._base.setEnabled(needs and bool(bases))
        about = form.about
        most = "" if about.most is None else tr(" At most {count} models.", count=about.most)
        self._about.setText(tr(about.text) + most)

    def _toggle(self, name: str) -> None:
        form = self._model.form
        if form is None:
            return
        if name in form.models:
            models = tuple(one for one in form.models if one != name)
        else:
            models = (*form.models, name)
        self._model.use_form(form.with_models(models))

    def _choose_method(self, method: str) -> None:
        form = self._model.form
        if form is not None:
            base = form.base or (form.models[0] if form.models else "")
            curves = form.curves or {REST: (0.5,)}
            self._model.use_form(replace(form, method=method, base=base, shared={}, curves=curves))

    def _choose_base(self, base: str) -> None:
        form = self._model.form
        if form is not None:
            self._model.use_form(replace(form, base=base))

    def _use_preset(self, at: int) -> None:
        name = self._presets.itemData(at)
        if name:
            self._model.use_preset(name)


class ValuesCard(QFrame):
    """The gradient of a SLERP, or the parameters of another method."""

    def __init__(self, look: Look, model: MergeModel) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._model = model
        self._title = label("", "h2")
        self._legend = Legend(
            look, lambda tokens: [(curve_colour(tokens, name), curve_words(name)) for name in (*CURVES, REST)]
        )
        self._gradient = GradientEditor(look)
        self._gradient.moved.connect(self._take_curves)
        self._shapes = Segments(
            tr("Shape of the gradient"),
            [("mirror", tr("Mirror")), ("ramp", tr("Ramp")), ("even", tr("Even")), ("own", tr("My own"))],
        )
        self._shapes.chosen.connect(self._choose_shape)
        self._hint = label(tr("Drag any point, or use the arrow keys"), "small")
        self._below = QWidget()
        self._below.setLayout(row(self._shapes, None, self._hint))
        self._grid = QVBoxLayout()
        self._grid.setSpacing(8)
        self._form = QWidget()
        self._form.setLayout(column(self._grid, None))
        self._nothing = label(tr("Change the recipe as text, at the right."), "muted", wrap=True)
        self._fields_of: tuple[Any, ...] = ()
        self._fields: list[tuple[QDoubleSpinBox, Callable[[Form], float]]] = []
        layout = column(
            row(self._title, None, self._legend),
            self._gradient,
            self._below,
            self._form,
            self._nothing,
            gap=10,
        )
        layout.setStretch(1, 1)
        layout.setStretch(3, 1)
        layout.setContentsMargins(16, 12, 16, 12)
        self.setLayout(layout)

    def show_form(self, form: Form | None, layers: int) -> None:
        """Show the values of a form."""
        with_curves = form is not None and form.about.parameter("t") is not None
        for widget in (self._legend, self._gradient, self._below):
            widget.setVisible(with_curves)
        self._form.setVisible(form is not None and not with_curves)
        self._nothing.setVisible(form is None)
        self._title.setText(tr("Share of the second model in each layer") if with_curves else tr("Values"))
        if form is None:
            return
        if with_curves:
            self._gradient.show_curves(form.curves or {REST: (0.5,)}, layers)
            pair = form.curves.get(CURVES[0]), form.curves.get(CURVES[1])
            self._shapes.choose(next((key for key, shape in _SHAPES.items() if shape == pair), "own"))
            return
        self._build_fields(form)
        for box, value in self._fields:
            with QSignalBlocker(box):
                box.setValue(value(form))

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
            self._grid.addWidget(label(name, "strong"))
            for parameter in own:
                self._add(parameter, name)
        if shared:
            self._grid.addWidget(label(tr("For all of them"), "strong"))
        for parameter in shared:
            self._add(parameter, "")

    def _add(self, parameter: Parameter, model: str) -> None:
        box = QDoubleSpinBox(minimum=-10.0, maximum=1000.0, singleStep=0.05, decimals=4)
        box.setAccessibleName(f"{model} {parameter.name}".strip())
        box.setToolTip(tr(parameter.text))
        box.setFixedWidth(110)

        def value(form: Form) -> float:
            default = 1.0 if parameter.default is None else parameter.default
            given = form.per_model.get(model, {}) if model else form.shared
            return given.get(parameter.name, default)

        def changed(number: float) -> None:
            form = self._model.form
            if form is None:
                return
            if model:
                values = {**form.per_model, model: {**form.per_model.get(model, {}), parameter.name: number}}
                self._model.use_form(replace(form, per_model=values))
            else:
                self._model.use_form(replace(form, shared={**form.shared, parameter.name: number}))

        box.valueChanged.connect(changed)
        words = label(tr(parameter.text), "muted", wrap=True)
        line = row(label(parameter.name, "mono"), words, box, gap=10)
        line.setStretch(1, 1)
        self._grid.addLayout(line)
        self._fields.append((box, value))

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


class RecipeCard(QFrame):
    """The recipe as text; either side may be edited."""

    def __init__(self, look: Look, model: MergeModel) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._text = QPlainTextEdit()
        self._text.setProperty("role", "code")
        self._text.setAccessibleName(tr("The recipe as YAML"))
        self._text.setTabChangesFocus(True)
        self._text.setMinimumWidth(220)
        self._fault = label("", "small", "bad", wrap=True)
        self._timer = QTimer(self, singleShot=True, interval=_TYPED)
        self._timer.timeout.connect(lambda: model.use_text(self._text.toPlainText()))
        self._text.textChanged.connect(self._timer.start)
        copy = Button(look, tr("Copy"), "copy", "ghost", self._copy)
        layout = column(heading(tr("Recipe"), copy), self._text, self._fault, gap=8)
        layout.setStretch(1, 1)
        layout.setContentsMargins(16, 12, 16, 12)
        self.setLayout(layout)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._text.toPlainText())

    def show_text(self, text: str, fault: str) -> None:
        """Show the text, unless it is what is being typed, and what is wrong with it."""
        self._fault.setText(fault)
        self._fault.setVisible(bool(fault))
        if not self._timer.isActive() and self._text.toPlainText() != text:
            with QSignalBlocker(self._text):
                self._text.setPlainText(text)


class FindingsCard(QFrame):
    """What the pre-flight says, in plain words."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._look = look
        self._shown: Checked | None = None
        self._chips = [chip("") for _ in range(3)]
        self._lines = QVBoxLayout()
        self._lines.setSpacing(10)
        layout = column(heading(tr("Before you start"), *self._chips), self._lines, None, gap=10)
        layout.setContentsMargins(16, 12, 16, 14)
        self.setLayout(layout)

    def show_checked(self, checked: Checked | None, *, written: bool) -> None:
        """Show it; None: it is being looked at, or there is nothing to look at."""
        if checked is self._shown and checked is not None:
            return
        self._shown = checked
        clear(self._lines)
        errors = [one for one in checked.findings if one[0] == "error"] if checked is not None else []
        warnings = [one for one in checked.findings if one[0] == "warning"] if checked is not None else []
        fine = checked is not None and checked.ok
        said: list[tuple[str, Tone]] = [
            (tr("fine") if fine else "", "good"),
            (tr("{count} to know", count=len(warnings)) if warnings else "", "warn"),
            (tr("{count} in the way", count=len(errors)) if errors else "", "bad"),
        ]
        for widget, (words, tone) in zip(self._chips, said, strict=True):
            widget.setText(words)
            widget.setVisible(bool(words))
            retone(widget, tone=tone)
        if checked is None:
            words = tr("Looking at the models...") if written else tr("Choose models, or mend the recipe.")
            self._lines.addWidget(label(words, "muted", wrap=True))
            return
        if fine:
            facts = checked.facts
            models = ", ".join(facts.get("models", ()))
            self._line(
                "check-circle",
                "good",
                tr("These models can be merged"),
                tr(
                    "{models}: {layers} layers, {tensors} tensors, stored as {dtype}.",
                    models=models,
                    layers=facts.get("layers"),
                    tensors=facts.get("tensors"),
                    dtype=facts.get("dtype"),
                ),
            )
        for severity, message, fix in [*errors, *warnings]:
            icon, tone = ("x-circle", "bad") if severity == "error" else ("warning", "warn")
            self._line(icon, tone, message, fix)

    def _line(self, icon: str, tone: str, head: str, below: str) -> None:
        words = column(
            label(head, "strong", wrap=True), *([label(below, "muted", wrap=True)] if below else []), gap=2
        )
        line = row(IconLabel(self._look, icon, tone, 18), words, gap=10, top=True)
        line.setStretch(1, 1)
        self._lines.addLayout(line)


class FactsCard(QFrame):
    """What the merge will be called, how large it is, and merges under way."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._name = QLineEdit(placeholderText=tr("named after the method"))
        self._name.setAccessibleName(tr("What to call it"))
        self._seed = spin(tr("Seed"), 2**31 - 1, value=42)
        self._seed_row = QWidget()
        self._seed_row.setLayout(row(label(tr("Seed"), "muted"), None, self._seed))
        self._size = label("", "stat")
        self._free = label("", "small", wrap=True)
        self._jobs = label("", "small", wrap=True)
        layout = column(
            label(tr("What to call it"), "muted"),
            self._name,
            self._seed_row,
            label(tr("Disk"), "caption"),
            self._size,
            self._free,
            None,
            self._jobs,
            gap=6,
        )
        layout.setContentsMargins(16, 12, 16, 12)
        self.setLayout(layout)

    def name(self) -> str:
        """What was typed."""
        return self._name.text().strip()

    def seed(self) -> int:
        """What was chosen."""
        return self._seed.value()

    def show_checked(self, checked: Checked | None, form: Form | None) -> None:
        """Show how large it will be."""
        method = (
            checked.facts.get("method") if checked is not None else form.method if form is not None else ""
        )
        self._seed_row.setVisible(method in RANDOM_METHODS)
        nbytes = checked.facts.get("bytes") if checked is not None else None
        self._size.setText(size(nbytes) if nbytes else "–")
        self._free.setText(
            tr("{free} free; the models it is made of stay as they are", free=size(checked.free))
            if checked is not None and checked.free
            else ""
        )

    def show_jobs(self, jobs: Any) -> None:
        """Show merges that are under way."""
        lines = []
        for job in jobs:
            words, _ = state_words(job.state)
            share = "" if job.share is None or job.state != "running" else f" {job.share:.0%}"
            lines.append(f"{job.title}: {words}{share}")
        self._jobs.setText("\n".join(lines))
