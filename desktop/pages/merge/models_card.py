"""Which models are merged, by which method, and which of them is the base."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import QSignalBlocker, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QCheckBox, QFrame, QLabel, QSizePolicy, QVBoxLayout, QWidget

from desktop.language import tr
from desktop.pages.merge.recipe_form import REST, Form
from desktop.pages.merge.view_model import MergeModel
from desktop.widgets.basics import chip, column, heading, label, row
from desktop.widgets.fields import combo, fill, form
from desktop.widgets.inset import inset
from engine.merging.method_table import METHODS
from engine.models.families import Member

#: Pixels of the mark of a check box and the gap behind it.
_MARK = 30
#: Pixels for the names of the fields.
_NAMES = 72


class ModelsCard(QFrame):
    """Models to pick, a preset, a method and a base."""

    def __init__(self, model: MergeModel) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._model = model
        self._lines: dict[str, _Line] = {}
        self._count = label("", "small")
        self._list = QVBoxLayout()
        self._list.setSpacing(4)
        area = self._area = inset(column(self._list, None))
        area.setMinimumHeight(120)
        self._method = combo(tr("Method"), 120)
        self._method.activated.connect(lambda at: self._choose_method(self._method.itemData(at)))
        self._base = combo(tr("Base"), 120)
        self._base.activated.connect(lambda at: self._choose_base(self._base.itemData(at)))
        self._presets = combo(tr("Presets"), 120)
        self._presets.activated.connect(self._use_preset)
        self._about = label("", "small", wrap=True)
        layout = column(
            heading(tr("Models"), self._count),
            area,
            form(
                (tr("Preset"), self._presets),
                (tr("Method"), self._method),
                (tr("Base"), self._base),
                names=_NAMES,
            ),
            self._about,
            gap=8,
        )
        layout.setStretch(1, 1)
        layout.setContentsMargins(16, 12, 16, 12)
        self.setLayout(layout)

    def show_models(self, models: Sequence[Member], presets: tuple[str, ...]) -> None:
        """Offer these."""
        wanted = {one.name: one for one in models}
        for name in [name for name in self._lines if name not in wanted]:
            gone = self._lines.pop(name)
            self._list.removeWidget(gone)
            gone.hide()
            gone.deleteLater()
        for place, one in enumerate(models):
            if one.name not in self._lines:
                made = _Line(one)
                made.box.toggled.connect(lambda _on, name=one.name: self._toggle(name))
                self._lines[one.name] = made
                self._list.insertWidget(place, made)
        fill(self._presets, [(tr("choose..."), ""), *((name, name) for name in presets)], "")

    def show_form(self, form: Form | None) -> None:
        """Show what was chosen; None: the text says more than this can show."""
        for widget in (self._method, self._base, self._presets, *self._lines.values()):
            widget.setEnabled(form is not None)
        if form is None:
            self._count.setText("")
            self._about.setText(tr("The recipe says more than can be chosen here; change it as text."))
            return
        self._count.setText(tr("{count} chosen", count=len(form.models)))
        for name, one in self._lines.items():
            one.show_chosen(name in form.models, _part(form, name))
        if not any(one.box.hasFocus() for one in self._lines.values()):  # else it was ticked here
            self._reveal(form.models)
        fill(self._method, [(name, name) for name in METHODS], form.method)
        bases = list(dict.fromkeys([*([form.base] if form.base else []), *form.models]))
        fill(self._base, [(name, name) for name in bases], form.base)
        self._base.setEnabled(form.about.base != "inputs" and bool(bases))
        about = form.about
        most = "" if about.most is None else tr(" At most {count} models.", count=about.most)
        self._about.setText(tr(about.text) + most)

    def _reveal(self, names: Sequence[str]) -> None:
        """Scroll to those that were chosen elsewhere, the first one last."""
        if (inside := self._area.widget()) is not None:
            inside.adjustSize()
        for name in reversed(names):
            if name in self._lines:
                self._area.ensureWidgetVisible(self._lines[name], 0, 6)

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
        if form is not None and method != form.method:
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
            self._presets.setCurrentIndex(0)  # the recipe may be changed from here on


class _Line(QWidget):
    """A model: whether it takes part, and as what."""

    def __init__(self, one: Member) -> None:
        super().__init__()
        kinds = {"base": tr("base"), "adapter": tr("fine-tune"), "merge": tr("merge")}
        kind = kinds.get(one.kind, one.kind)
        self.box = _Box(one.name, kind)
        self._kind = kind
        self._chip: QLabel = chip("", "info")
        line = row(self.box, self._chip, gap=6)
        line.setStretch(0, 1)
        self.setLayout(line)

    def show_chosen(self, chosen: bool, part: str) -> None:
        """Show whether it takes part, and what part that is."""
        with QSignalBlocker(self.box):
            self.box.setChecked(chosen)
        self._chip.setText(part)
        self._chip.setVisible(bool(part))
        self.box.setAccessibleDescription(f"{self._kind}, {part}" if part else self._kind)


class _Box(QCheckBox):
    """A check box whose words are cut where there is too little room."""

    def __init__(self, words: str, kind: str) -> None:
        super().__init__(words)
        self._words = words
        self.setAccessibleName(words)
        self.setToolTip(f"{words} ({kind})")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """See Qt."""
        return QSize(_MARK + 40, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Cut the words to what fits."""
        super().resizeEvent(event)
        shown = self.fontMetrics().elidedText(
            self._words, Qt.TextElideMode.ElideMiddle, max(0, self.width() - _MARK)
        )
        if shown != self.text():
            self.setText(shown)


def _part(form: Form, name: str) -> str:
    """What a model is to the method, where that matters."""
    role = form.about.base
    if name not in form.models or role == "inputs":
        return ""
    if name == form.base:
        return tr("first") if form.curved else tr("base")
    return tr("second") if form.curved and len(form.models) == 2 else ""
