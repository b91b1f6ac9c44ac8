"""The widgets of the Models page."""

from __future__ import annotations

from typing import Any, Final

from PySide6.QtCore import QModelIndex, Qt, Slot
from PySide6.QtWidgets import (
    QAbstractItemView,
    QInputDialog,
    QLineEdit,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from desktop.export.dialog import ask_to_export
from desktop.feed import JobRow
from desktop.language import numeral, tr
from desktop.pages.models.adding import AddDialog
from desktop.pages.models.details import Acts, DetailsCard, kinds_in_words
from desktop.pages.models.evidence import Evidence
from desktop.pages.models.fit import TONES, short_words
from desktop.pages.models.lineage import Lineage, LineTable, is_partial, legend
from desktop.pages.models.view_model import Kind, ModelRow, ModelsModel
from desktop.release.dialog import ask_to_release
from desktop.shell.commands import Command
from desktop.shell.context import Context
from desktop.theme.tokens import GAP
from desktop.widgets.basics import Button, card, column, heading, holder, label, row
from desktop.widgets.canvas import text_width
from desktop.widgets.empty import Empty
from desktop.widgets.folding import Folding
from desktop.widgets.job_line import JobLine
from desktop.widgets.keyed import KeyedColumn
from desktop.widgets.legend import Legend
from desktop.widgets.page import Page
from desktop.widgets.segments import Segments
from desktop.widgets.table import Cell, Column, Rows, spare, table
from desktop.words import count, size
from engine.models.managing import Removed

#: The column of what a model was made by, and pixels of a list that has room for it.
_MADE_BY: Final = 2
_WIDE: Final = 700


def build(context: Context) -> Page:
    """Make the page."""
    return ModelsPage(context, ModelsModel(context.services))


class ModelsPage(Page):
    """The lineage, the list, and what one model is."""

    model: ModelsModel

    def __init__(self, context: Context, model: ModelsModel) -> None:
        look = context.look
        self._add = Button(look, tr("Add a base"), "plus", "primary", self.ask_for_base)
        super().__init__(context, model, tr("Models"), "", self._add)
        self._shown: Kind = "all"
        self._lineage = Lineage(look)
        self._lineage.chosen.connect(model.select)
        self._kinds = Segments(tr("Which models"))
        self._kinds.chosen.connect(self._show_kind)
        self._search = QLineEdit(placeholderText=tr("Search models"))
        self._search.setAccessibleName(tr("Search models"))
        self._search.setFixedWidth(220)
        self._search.setClearButtonEnabled(True)
        self._none = Empty(
            look,
            "magnifying-glass",
            tr("No model fits"),
            tr("No model here has what you search for in its name, or is of this kind."),
            Button(look, tr("Show all models"), does=self._show_all),
        )
        self._none.hide()
        self._search.textChanged.connect(self._fill)
        columns = [
            Column(tr("Name"), 0),
            Column(tr("Kind"), round(max(text_width(kind, 13) for kind in kinds_in_words().values())) + 30),
            Column(tr("Made by"), 112),
            Column(tr("Rating"), 78, right=True),
            Column(tr("Size"), 84, right=True),
            Column(tr("Fits"), 76),
            Column(tr("GGUF"), 92),
        ]
        self._rows = Rows(look, columns)
        self._table = table(tr("Models"), self._rows, columns, flat=True)
        self._table.setMinimumHeight(200)
        spare(self._table, _MADE_BY, _WIDE)
        self._seen = ""
        self._table.selectionModel().currentRowChanged.connect(self._choose)
        self._details = DetailsCard(
            context,
            model,
            Acts(self.export_selected, self.release_selected, self.rename_selected, self.remove_selected),
        )
        self._empty = Empty(
            look,
            "cube",
            tr("No model yet"),
            tr(
                "Add a folder, a GGUF file or a model of the Hugging Face Hub, or begin with the small one at hand."
            ),
            row(
                Button(look, tr("Add a base"), "plus", does=self.ask_for_base),
                Button(look, tr("Use SmolLM2-135M"), "cube", "primary", model.add_demo),
                gap=8,
            ),
        )
        self._adding: KeyedColumn[JobRow, JobLine] = KeyedColumn(
            lambda job: job.id,
            lambda job: JobLine(lambda: context.go("jobs", job.id)),
            JobLine.show_job,
            gap=8,
        )
        self._arriving = card(heading(tr("On their way here")), self._adding)
        self._content = self._build()
        self.body.addWidget(self._arriving)
        self.body.addWidget(self._empty, 1)
        self.body.addWidget(self._content, 1)
        for part in (self._arriving, self._empty, self._content):
            part.hide()

    def update_page(self) -> None:
        """See `Page`."""
        state = self.model.state
        self._adding.show_items(state.adding)
        self._arriving.setVisible(bool(state.adding))
        self._empty.setVisible(not state.models)
        self._content.setVisible(bool(state.models))
        self.set_title(tr("Models"), self._summary())
        self._lineage.show_models(state)
        self._lines.show_models(state)
        self._partial.setVisible(is_partial(state))
        counts = {
            kind: sum(one.kind == kind for one in state.models) for kind in ("base", "adapter", "merge")
        }
        files = sum(bool(one.ggufs) for one in state.models)
        self._kinds.set_choices(
            [
                ("all", f"{tr('All')} {len(state.models)}"),
                ("base", f"{tr('Bases')} {counts['base']}"),
                ("adapter", f"{tr('Adapters')} {counts['adapter']}"),
                ("merge", f"{tr('Merges')} {counts['merge']}"),
                ("gguf", f"{tr('With GGUF')} {files}"),
            ]
        )
        self._kinds.choose(self._shown)
        self._fill()
        chosen = state.model(state.selected)
        if chosen is not None:
            self._details.offer(state.quantisation)
            self._details.show_model(chosen, state.details)

    @property
    def place(self) -> str:
        """See `Page`."""
        return self.model.state.selected

    def restore(self, place: str) -> None:
        """See `Page`."""
        self.model.select(place)

    def open(self, target: Any) -> None:
        """Show the model of this name."""
        self.model.select_named(str(target))

    def commands(self) -> list[Command]:
        """See `Page`."""
        found = [Command(tr("Add a base"), "plus", self.ask_for_base)]
        chosen = self.model.state.model(self.model.state.selected)
        if chosen is not None and chosen.there:
            found.append(Command(tr("Release {model}", model=chosen.name), "export", self.release_selected))
            found.append(
                Command(tr("Export {name}", name=chosen.name), "file-arrow-down", self.export_selected)
            )
        return found

    def ask_for_base(self) -> None:
        """Ask where a base is: a folder, a file or an id of the Hub."""
        AddDialog(self.context.look, self.model, self).open()

    def release_selected(self) -> None:
        """Ask what goes into a release of the selected model, and where it goes."""
        chosen = self.model.state.model(self.model.state.selected)
        if chosen is not None:
            ask_to_release(self.context, chosen.name, self)

    def export_selected(self) -> None:
        """Ask for the form in which the selected model is exported, and where it goes."""
        chosen = self.model.state.model(self.model.state.selected)
        if chosen is not None:
            ask_to_export(self.context, chosen.name, self)

    def rename_selected(self) -> None:
        """Ask for another name of the selected model."""
        chosen = self.model.state.model(self.model.state.selected)
        if chosen is None:
            return
        name, accepted = QInputDialog.getText(
            self, tr("Rename {name}", name=chosen.name), tr("New name"), text=chosen.name
        )
        if accepted:
            self.model.rename(chosen.id, name)

    def remove_selected(self) -> None:
        """Put the selected model into the trash, with a way back."""
        self.model.remove(self.model.state.selected, self._offer_back)

    def _offer_back(self, removed: Removed) -> None:
        sentence = tr(
            "{name} is in the trash; emptying it frees {size}.", name=removed.name, size=size(removed.bytes)
        )
        self.context.offer_undo(sentence, lambda: self.model.restore(removed))

    def _build(self) -> QWidget:
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(self._lineage)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._lineage.moved.connect(
            lambda box: scroll.ensureVisible(round(box.center().x()), round(box.center().y()), 120, 60)
        )
        scroll.setMinimumHeight(220)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        self._lines = LineTable(self.context.look)
        views = QStackedWidget()
        views.addWidget(scroll)
        views.addWidget(self._lines.widget)
        switch = Segments(tr("Chart or table"), [("0", tr("Chart")), ("1", tr("Table"))])
        switch.choose("0")
        switch.chosen.connect(lambda key: views.setCurrentIndex(int(key)))
        self._partial = label(tr("Drawn is the line of the model that is selected."), "small")
        below = Folding(holder(row(Legend(self.context.look, legend), None)), self._partial, gap=4)
        parts = column(heading(tr("Where each model comes from"), switch), views, below, gap=10)
        parts.setStretch(1, 1)
        picture = card(parts)
        listing = card(
            Folding(holder(row(self._kinds, None)), self._search), self._table, self._none, padding=10
        )
        left = QWidget()
        above = QVBoxLayout(left)
        above.setContentsMargins(0, 0, 0, 0)
        above.setSpacing(GAP)
        above.addWidget(picture, 5)
        above.addWidget(listing, 4)
        return Folding(left, self._details)

    def _summary(self) -> str:
        models = self.model.state.models
        if not models:
            return tr("What is trained, merged and compared.")
        kinds = [one.kind for one in models]
        files = sum(len(one.ggufs) for one in models)
        return ", ".join(
            [
                count(kinds.count("base"), tr("{count} base"), tr("{count} bases")),
                count(kinds.count("adapter"), tr("{count} adapter"), tr("{count} adapters")),
                count(kinds.count("merge"), tr("{count} merge"), tr("{count} merges")),
                count(files, tr("{count} GGUF file"), tr("{count} GGUF files")),
                tr("{size} on disk", size=size(self.model.state.bytes)),
            ]
        )

    @Slot(str)
    def _show_kind(self, kind: str) -> None:
        self._shown = kind  # type: ignore[assignment]
        self._fill()

    @Slot()
    def _fill(self) -> None:
        sought = self._search.text().casefold().strip()
        state = self.model.state
        shown = [
            one
            for one in reversed(state.models)
            if (self._shown == "all" or one.kind == self._shown or (self._shown == "gguf" and one.ggufs))
            and (not sought or sought in f"{one.name} {one.how} {' '.join(one.made_from)}".casefold())
        ]
        self._table.selectionModel().blockSignals(True)
        self._rows.set_rows([(one.id, _cells(one)) for one in shown])
        self._table.setVisible(bool(shown))
        self._none.setVisible(not shown)
        place = self._rows.row_of(state.selected)
        if place >= 0:
            self._table.selectRow(place)
            if state.selected != self._seen:
                # Chosen elsewhere: where it comes to stand must not depend on whether the table has its height yet.
                top = QAbstractItemView.ScrollHint.PositionAtTop
                self._table.scrollTo(self._rows.index(place, 0), top)
        else:
            self._table.clearSelection()
        self._seen = state.selected
        self._table.selectionModel().blockSignals(False)

    def _show_all(self) -> None:
        self._search.clear()
        self._kinds.choose("all")
        self._show_kind("all")

    @Slot(QModelIndex, QModelIndex)
    def _choose(self, current: QModelIndex, _before: QModelIndex) -> None:
        if current.isValid():
            self._seen = self._rows.key(current.row())  # it is in sight
            self.model.select(self._seen)


def _cells(model: ModelRow) -> list[str | Cell]:
    files = ", ".join(dict.fromkeys(gguf.quantisation.upper() for gguf in model.ggufs if gguf.there))
    return [
        model.name,
        Cell(kinds_in_words().get(model.kind, model.kind), "merge" if model.kind == "merge" else ""),
        model.how,
        _rating(model.evidence),
        Cell(size(model.bytes) if model.there else tr("gone"), "" if model.there else "bad", model.bytes),
        Cell(short_words(model.fit), TONES[model.fit]),
        files,
    ]


def _rating(evidence: Evidence | None) -> str | Cell:
    """Its rating, as it is sorted."""
    if evidence is None or evidence.elo is None:
        return Cell("", "", -1.0)
    return Cell(numeral(evidence.elo, ".0f"), "", evidence.elo)
