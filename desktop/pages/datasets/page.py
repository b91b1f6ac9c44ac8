"""The widgets of the Datasets page."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Final

from PySide6.QtCore import QModelIndex, QSignalBlocker, Qt, QTimer, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLineEdit, QSplitter, QWidget

from desktop.language import numeral, tr
from desktop.pages.datasets.asking import DatasetAsker
from desktop.pages.datasets.health import HealthView
from desktop.pages.datasets.importing import ImportDialog
from desktop.pages.datasets.inspector import Inspector
from desktop.pages.datasets.managing import ManageMenu
from desktop.pages.datasets.rows import ANSWER, KEYS, DatasetRows, columns
from desktop.pages.datasets.view_model import DatasetRow, DatasetsModel, sort_files
from desktop.problem import Problem
from desktop.shell.commands import Command
from desktop.shell.context import Context
from desktop.theme.tokens import GAP
from desktop.widgets.basics import Button, chip, column, label, retone, row
from desktop.widgets.drop_zone import DropZone
from desktop.widgets.empty import Empty
from desktop.widgets.fields import combo, fill
from desktop.widgets.page import Page
from desktop.widgets.segments import Segments
from desktop.widgets.table import table
from desktop.words import count
from engine.datasets.options import Split

#: Points that leave room for what the check-up tells too.
_WIDE: Final = 980
#: Milliseconds after the last key before words are looked for.
_TYPED: Final = 250
#: Under which name is kept how the page is parted between the rows and the one that is read.
_PARTS: Final = "datasets/parts"
_FILTER: Final = "*.jsonl *.ndjson *.json *.csv *.tsv *.tab *.parquet *.pq *.gz"


def build(context: Context) -> Page:
    """Make the page."""
    return DatasetsPage(context, DatasetsModel(context.services))


class DatasetsPage(Page):
    """Bringing examples, looking through them, and what is wrong with them."""

    model: DatasetsModel

    def __init__(self, context: Context, model: DatasetsModel) -> None:
        look = context.look
        self._manage = Button(look, tr("Manage"), "dots-three")
        self._add = Button(look, tr("Import"), "plus", "primary", self.browse)
        super().__init__(context, model, tr("Datasets"), "", self._manage, self._add)
        self._menu = ManageMenu(context, model, self._looked_at, self.go_to, self)
        self._manage.setMenu(self._menu)
        self._rows_asker = DatasetAsker(context.services.workspace, self)
        self._tokens_asker = DatasetAsker(context.services.workspace, self)
        sample = Button(look, tr("Try with a sample"), kind="ghost", does=model.add_sample)
        self._drop = DropZone(
            look,
            tr("Drop your examples here"),
            tr("JSONL, JSON, CSV, TSV or Parquet. Nothing leaves this machine until you start a judge."),
            tr("Examples ({filter})", filter=_FILTER),
            sample,
            padding=16,
        )
        self._drop.chosen.connect(self.take_files)
        self._which = combo(tr("Which dataset"), 166)
        self._which.activated.connect(lambda at: model.select(self._which.itemData(at)))
        self._forms = Segments(tr("Rows or check-up"), [("rows", tr("Rows")), ("health", tr("Check-up"))])
        self._form = "rows"
        self._forms.choose(self._form)
        self._forms.chosen.connect(self._show_form)
        self._search = QLineEdit(placeholderText=tr("Search prompts and answers"))
        self._search.setAccessibleName(tr("Search prompts and answers"))
        self._search.setClearButtonEnabled(True)
        self._search.setMinimumWidth(120)
        self._split = combo(tr("Which examples"), 130)
        for words, value in (
            (tr("All examples"), ""),
            (tr("For training"), "train"),
            (tr("For choosing"), "dev"),
            (tr("For ranking"), "test"),
        ):
            self._split.addItem(words, value)
        self._split.activated.connect(lambda _at: self._show_view())
        self._chips = [chip("") for _ in range(3)]
        self._found = label("", "small")
        self._typing = QTimer(self, singleShot=True, interval=_TYPED)
        self._typing.timeout.connect(self._show_view)
        self._search.textChanged.connect(lambda _text: self._typing.start())
        self._rows = DatasetRows(look, self._rows_asker)
        self._rows.failed.connect(self._fail)
        self._rows.counted.connect(self._show_count)
        self._table = table(tr("Examples"), self._rows, columns())
        self._table.setTextElideMode(Qt.TextElideMode.ElideRight)
        self._table.setMinimumHeight(240)
        header = self._table.horizontalHeader()
        header.setSectionsClickable(True)
        header.setSortIndicatorShown(True)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        header.sortIndicatorChanged.connect(lambda _column, _order: self._show_view())
        self._table.selectionModel().currentRowChanged.connect(self._choose)
        self._rows.dataChanged.connect(self._chosen_came)
        self._inspector = Inspector(look, self._rows_asker, self._tokens_asker)
        self._inspector.setMinimumHeight(180)
        self._health = HealthView(look, model, self._tokens_asker)
        self._shown: tuple[str, bool] | None = None
        self._empty = Empty(
            look,
            "database",
            tr("No dataset yet"),
            tr(
                "A dataset is what a model learns and is measured on: prompts, each with the answer you want."
            ),
        )
        self._closed = Empty(
            look,
            "lock",
            tr("This dataset is sealed"),
            tr(
                "Nobody has looked at it, so that it can confirm a winner. A study opens it when it validates."
            ),
        )
        self._content = self._build()
        self.body.addWidget(self._drop)
        self.body.addWidget(self._empty, 1)
        self.body.addWidget(self._content, 1)
        self._content.hide()

    def update_page(self) -> None:
        """See `Page`."""
        state = self.model.state
        self._empty.setVisible(not state.datasets)
        self._content.setVisible(bool(state.datasets))
        self._manage.setVisible(bool(state.datasets))
        self.set_title(tr("Datasets"), self._summary())
        shown = state.shown
        if shown is None:
            self._rows.clear()
            self._shown = None
            return
        self._menu.show_dataset(shown)
        fill(
            self._which,
            [
                (tr("{name} (sealed)", name=one.name) if one.closed else one.name, one.name)
                for one in state.datasets
            ],
            shown.name,
        )
        self._show_chips(shown)
        self._inspector.show_models(state.models)
        self._closed.setVisible(shown.closed)
        self._health.setVisible(not shown.closed and self._form == "health")
        for widget in (self._looking, self._search, self._split, self._found):
            widget.setVisible(not shown.closed and self._form == "rows")
        if self._shown != (shown.name, shown.closed):
            self._shown = shown.name, shown.closed
            self._inspector.clear()
            with QSignalBlocker(self._search):
                self._search.clear()
            if shown.closed:
                self._rows.clear()
            else:
                self._show_view()
        if self._health.isVisibleTo(self):
            self._health.show_dataset(shown, state.models)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """See Qt."""
        super().resizeEvent(event)
        self._table.setColumnWidth(KEYS.index("answer"), min(ANSWER, event.size().width() // 4))
        if self.model.state.shown is not None:
            self._show_chips(self.model.state.shown)

    @property
    def place(self) -> str:
        """See `Page`."""
        return self.model.state.selected

    def open(self, target: Any) -> None:
        """Show the dataset of this name, or import these files."""
        if isinstance(target, list):
            self.take_files(target)
        else:
            self.model.select(str(target))

    def leave(self) -> None:
        """See `Page`."""
        self._typing.stop()
        super().leave()

    def close_page(self) -> None:
        """See `Page`."""
        self.context.remember(_PARTS, self._parted.saveState())
        self._rows.clear()  # what is still to be fetched would begin another process
        self._rows_asker.close()
        self._tokens_asker.close()
        super().close_page()

    def first_control(self) -> QWidget | None:
        """See `Page`."""
        return (
            self._table
            if self._table.isVisible()
            else self._search
            if self._search.isVisible()
            else self._drop
        )

    @property
    def busy(self) -> bool:
        """See `Page`."""
        return self._rows_asker.busy or self._tokens_asker.busy or self._rows.waiting

    def commands(self) -> list[Command]:
        """See `Page`."""
        found = [Command(tr("Import examples"), "plus", self.browse)]
        shown = self.model.state.shown
        if shown is None or shown.closed:
            return found
        return [
            *found,
            Command(tr("Search in the dataset"), "magnifying-glass", self.search),
            Command(tr("Go to row..."), "list", self._menu.ask_row),
            *(
                Command(tr("Sort by: {column}", column=one.title), "list", partial(self.sort_by, at))
                for at, one in enumerate(columns())
            ),
        ]

    def search(self) -> None:
        """Let words be typed that are looked for."""
        self._forms.choose("rows")
        self._show_form("rows")
        self._search.setFocus()

    def go_to(self, row: int) -> None:
        """Choose the example of a row of the file; where the view does not have it, all examples are shown."""
        shown = self.model.state.shown
        if shown is None or shown.closed:
            return
        self._forms.choose("rows")
        self._show_form("rows")

        def heard(answer: dict[str, Any]) -> None:
            if answer["place"] is None:
                self._show_all()
                self._rows_asker.ask("place", heard, self._fail, dataset=shown.name, row=row)
            elif self.model.state.shown is not None and self.model.state.shown.name == shown.name:
                index = self._rows.index(answer["place"], 0)
                self._table.setCurrentIndex(index)
                self._table.scrollTo(index, self._table.ScrollHint.PositionAtCenter)

        self._rows_asker.ask("place", heard, self._fail, dataset=shown.name, row=row)

    def sort_by(self, column: int) -> None:
        """Sort the rows by a column, a second time the other way round; as a click on its head does."""
        header = self._table.horizontalHeader()
        ascending = Qt.SortOrder.AscendingOrder
        again = header.sortIndicatorSection() == column and header.sortIndicatorOrder() == ascending
        header.setSortIndicator(column, Qt.SortOrder.DescendingOrder if again else ascending)

    def browse(self) -> None:
        """Let files be chosen in a dialog."""
        self._drop.browse()

    @Slot(list)
    def take_files(self, files: list[Path]) -> None:
        """Ask how dropped files are to be read; say what cannot be."""

        def sorted_out(found: tuple[list[Path], list[Problem]]) -> None:
            good, problems = found
            if problems:
                first = problems[0]
                more = [problem.message for problem in problems[1:]]
                self.context.show_problem(
                    Problem(first.title, " ".join([first.message, *more]), first.fix, first.code, first.file)
                )
            if good:
                ImportDialog(self.context.look, self.model, good, self).open()

        self.model.services.background.run(
            self.model, lambda: sort_files(files), sorted_out, self.context.show_problem
        )

    def _build(self) -> QWidget:
        self._looking = QWidget()
        parted = QSplitter(Qt.Orientation.Vertical)
        parted.setChildrenCollapsible(False)
        parted.setHandleWidth(GAP)
        for place, (widget, share) in enumerate(((self._table, 3), (self._inspector, 2))):
            parted.addWidget(widget)
            parted.setStretchFactor(place, share)
        self._parted = parted
        kept = self.context.recall(_PARTS)
        if kept is not None:
            parted.restoreState(kept)
        self._nothing = Empty(
            self.context.look,
            "magnifying-glass",
            tr("No example fits"),
            tr("Nothing in this dataset holds what you search for, or is used for that."),
            Button(self.context.look, tr("Show all examples"), does=self._show_all),
        )
        self._nothing.hide()
        self._looking.setLayout(column(parted, self._nothing))
        above = row(
            self._which, self._forms, self._search, self._split, self._found, None, *self._chips, gap=10
        )
        above.setStretch(2, 1)
        above.setStretch(5, 0)  # takes the rest where the search is hidden
        whole = QWidget()
        parts = column(above, self._looking, self._health, self._closed, gap=GAP)
        for place in (1, 2, 3):
            parts.setStretch(place, 1)
        whole.setLayout(parts)
        return whole

    def _summary(self) -> str:
        datasets = self.model.state.datasets
        if not datasets:
            return tr("What models learn, and what they are measured on.")
        examples = sum(one.examples for one in datasets)
        sealed = sum(one.closed for one in datasets)
        parts = [
            count(len(datasets), tr("{count} dataset"), tr("{count} datasets")),
            count(examples, tr("{count} example"), tr("{count} examples")),
        ]
        return ", ".join([*parts, *([tr("{count} sealed", count=sealed)] if sealed else [])])

    def _show_chips(self, shown: DatasetRow) -> None:
        doubles = shown.duplicates + shown.near
        said = [
            (shown.form, "info"),
            (
                count(doubles, tr("{count} duplicate"), tr("{count} duplicates")),
                "warn" if doubles else "good",
            ),
            (tr("{count} left out", count=numeral(shown.rejected)) if shown.rejected else "", "warn"),
        ]
        for widget, (words, tone) in zip(self._chips, said, strict=True):
            widget.setText(words)
            widget.setVisible(bool(words) and self.width() >= _WIDE)
            retone(widget, tone=tone)

    def _show_form(self, form: str) -> None:
        self._form = form
        self.update_page()

    def _show_view(self) -> None:
        shown = self.model.state.shown
        if shown is None or shown.closed:
            return
        header = self._table.horizontalHeader()
        column_sorted = header.sortIndicatorSection()
        self._found.setText(tr("Reading..."))
        self._rows.show_view(
            shown.name,
            split=self._split.currentData() or "",
            search=self._search.text().strip(),
            sort=KEYS[column_sorted] if 0 <= column_sorted < len(KEYS) else "",
            descending=header.sortIndicatorOrder() == Qt.SortOrder.DescendingOrder,
        )

    @Slot(int)
    def _show_count(self, number: int) -> None:
        self._found.setText(count(number, tr("{count} row"), tr("{count} rows")))
        self._parted.setVisible(bool(number))
        self._nothing.setVisible(not number)
        if number:
            self._table.setCurrentIndex(self._rows.index(0, 0))
        else:
            self._inspector.clear()

    @Slot(QModelIndex, QModelIndex)
    def _choose(self, current: QModelIndex, _previous: QModelIndex) -> None:
        shown = self.model.state.shown
        if not current.isValid() or shown is None:
            return
        known = self._rows.row_at(current.row())
        if known is not None:
            self._inspector.show_row(shown.name, int(known["row"]))

    def _chosen_came(self) -> None:
        """Rows were fetched: the chosen one may be among them."""
        current = self._table.currentIndex()
        if current.isValid():
            self._choose(current, current)

    def _show_all(self) -> None:
        with QSignalBlocker(self._search):
            self._search.clear()
        self._split.setCurrentIndex(0)
        self._show_view()

    def _looked_at(self) -> tuple[Split | None, str]:
        """The part of the dataset whose rows are looked at, and its words; None for all of it."""
        split: Split | None = (self._split.currentData() or None) if self._looking.isVisible() else None
        return split, self._split.currentText() if split else ""
