"""The widgets of the Models page."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QModelIndex, Qt, QUrl, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QGridLayout,
    QInputDialog,
    QLineEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from desktop.export.dialog import ask_to_export
from desktop.feed import JobRow
from desktop.language import numeral, tr
from desktop.pages.models.adding import AddDialog
from desktop.pages.models.evidence import Evidence, TaskScore
from desktop.pages.models.lineage import Lineage, legend
from desktop.pages.models.view_model import Details, Kind, ModelRow, ModelsModel
from desktop.release.dialog import ask_to_release
from desktop.shell.commands import Command
from desktop.shell.context import Context
from desktop.theme.tokens import GAP
from desktop.widgets.basics import (
    Button,
    bar,
    card,
    chip,
    column,
    frame,
    heading,
    holder,
    label,
    retone,
    row,
    rule,
)
from desktop.widgets.canvas import text_width
from desktop.widgets.elided import Elided
from desktop.widgets.empty import Empty
from desktop.widgets.fields import Choice
from desktop.widgets.folding import Folding
from desktop.widgets.job_line import JobLine
from desktop.widgets.keyed import KeyedColumn
from desktop.widgets.legend import Legend
from desktop.widgets.page import Page
from desktop.widgets.segments import Segments
from desktop.widgets.table import Cell, Column, Rows, table
from desktop.words import count, size
from engine.exporting.quantisations import QUANTISATIONS
from engine.models.managing import Removed

_TONES = {"base": "", "adapter": "info", "merge": "merge"}
_WIDTH = 300
#: Tasks of a study that are told beside a model.
_SCORES = 4
#: Pixels of the bar that shows how a task is answered.
_BAR = 72


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
        self._search.textChanged.connect(self._fill)
        columns = [
            Column(tr("Name"), 0),
            Column(tr("Kind"), round(max(text_width(kind, 13) for kind in _kinds().values())) + 30),
            Column(tr("Made by"), 134),
            Column(tr("Rating"), 78, right=True),
            Column(tr("Size"), 84, right=True),
            Column(tr("GGUF"), 118),
        ]
        self._rows = Rows(look, columns)
        self._table = table(tr("Models"), self._rows, columns, flat=True)
        self._table.setMinimumHeight(200)
        self._seen = ""
        self._table.selectionModel().currentRowChanged.connect(self._choose)
        self._details = DetailsCard(context, self)
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
        picture = card(
            heading(tr("Where each model comes from"), Legend(self.context.look, legend)),
            scroll,
        )
        listing = card(Folding(holder(row(self._kinds, None)), self._search), self._table, padding=10)
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
        place = self._rows.row_of(state.selected)
        if place >= 0:
            self._table.selectRow(place)
            if state.selected != self._seen:
                self._table.scrollTo(self._rows.index(place, 0))
        else:
            self._table.clearSelection()
        self._seen = state.selected
        self._table.selectionModel().blockSignals(False)

    @Slot(QModelIndex, QModelIndex)
    def _choose(self, current: QModelIndex, _before: QModelIndex) -> None:
        if current.isValid():
            self.model.select(self._rows.key(current.row()))


class DetailsCard(QWidget):
    """What a model is, and what can be done with it."""

    def __init__(self, context: Context, page: ModelsPage) -> None:
        super().__init__()
        look, self._context = context.look, context
        self._shown: ModelRow | None = None
        self._usual = ""
        self._model = page.model
        self._kind, self._default = chip(""), chip(tr("Default base"), "good")
        self._leads = chip(tr("Has won"), "good")
        self._evidence = EvidencePart()
        self._name = label("", "title", wrap=True)
        self._pairs = QGridLayout()
        self._pairs.setHorizontalSpacing(10)
        self._pairs.setVerticalSpacing(5)
        self._pairs.setColumnStretch(1, 1)
        self._fits = label("", wrap=True)
        self._note = frame("note", self._fits, padding=(12, 8, 12, 8))
        self._quantisation = Choice()
        self._quantisation.setAccessibleName(tr("Quantisation"))
        self._quantisation.addItems(list(QUANTISATIONS))
        self._export = Button(look, tr("Export GGUF"), "package", "primary", self._make_file)
        self._other_form = Button(look, tr("Export..."), "file-arrow-down", "ghost", page.export_selected)
        self._other_form.setAccessibleDescription(tr("As a GGUF file, a folder, an adapter or for Ollama"))
        self._release = Button(look, tr("Release..."), "export", does=page.release_selected)
        self._release.setAccessibleDescription(tr("In all its forms, with a card that carries the evidence"))
        self._chat = Button(look, tr("Chat with it"), "chats-circle", does=self._talk)
        self._make_default = Button(look, tr("Make default"), "check-circle", "ghost", self._choose_default)
        self._rename = Button(look, tr("Rename"), "pencil-simple", "ghost", page.rename_selected)
        self._reveal = Button(look, tr("Show folder"), "folder-open", "ghost", self._open_folder)
        self._serve = Button(look, tr("Serve"), "globe", "ghost", self._offer_to_programs)
        self._serve.setAccessibleDescription(tr("Lets programs on this machine ask it as they ask OpenAI's"))
        self._remove = Button(look, tr("Remove"), "trash", "ghost", page.remove_selected)
        inside = card(
            Folding(holder(row(self._kind, self._leads, None)), holder(row(self._default, None)), gap=6),
            self._name,
            rule(),
            self._pairs,
            self._note,
            self._evidence,
            None,
            row(self._rename, self._reveal, None, gap=2),
            row(self._serve, self._remove, None, gap=2),
            row(self._other_form, None, gap=2),
            row(self._make_default, None, gap=2),
            rule(),
            row(self._quantisation, self._export, gap=8),
            row(self._release, self._chat, None, gap=8),
        )
        layout = column(inside)
        self.setLayout(layout)
        self.setFixedWidth(_WIDTH)

    def offer(self, quantisation: str) -> None:
        """Choose what is set for the workspace, when that is another one than before."""
        if quantisation != self._usual:
            self._usual = quantisation
            self._quantisation.setCurrentText(quantisation)

    def show_model(self, model: ModelRow, details: Details) -> None:
        """Show a model."""
        self._shown = model
        self._kind.setText(_kinds().get(model.kind, model.kind))
        retone(self._kind, tone=_TONES.get(model.kind, ""))
        self._default.setVisible(model.default)
        self._leads.setVisible(model.evidence is not None and model.evidence.leads)
        self._evidence.show_evidence(model.evidence)
        self._name.setText(model.name)
        self._make_default.setVisible(model.kind != "adapter" and not model.default)
        for number, (name, value) in enumerate(details.pairs):
            self._pair(number, name, value)
        for number in range(len(details.pairs), self._pairs.rowCount()):
            self._pair(number, "", "")
        self._fits.setText(details.fits)
        self._note.setVisible(bool(details.fits))
        retone(self._note, tone=details.fits_tone)
        retone(self._fits, tone=details.fits_tone)
        for button in (self._export, self._other_form, self._release, self._chat, self._reveal, self._serve):
            button.setEnabled(model.there)

    def _pair(self, number: int, name: str, value: str) -> None:
        """Show a pair in a row of the grid, whose labels stay."""
        for at, (words, role) in enumerate(((name, "muted"), (value, ""))):
            item = self._pairs.itemAtPosition(number, at)
            found = item.widget() if item is not None else None
            if found is None:
                found = label("", role, wrap=True)  # type: ignore[arg-type]
                if at == 1:
                    found.setAlignment(Qt.AlignmentFlag.AlignRight)
                    found.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
                self._pairs.addWidget(found, number, at)
            found.setProperty("text", words)
            found.setVisible(bool(name))

    def _make_file(self) -> None:
        if self._shown is not None:
            self._model.export(self._shown.id, self._quantisation.currentText())

    def _talk(self) -> None:
        if self._shown is not None:
            self._context.go("chat", self._shown.name)

    def _offer_to_programs(self) -> None:
        if self._shown is not None:
            self._context.go("settings", {"serve": self._shown.name})

    def _choose_default(self) -> None:
        if self._shown is not None:
            self._model.make_default(self._shown.id)

    def _open_folder(self) -> None:
        if self._shown is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(self._shown.folder))


class EvidencePart(QWidget):
    """What a study has found out about a model."""

    def __init__(self) -> None:
        super().__init__()
        self._title, self._rating = label("", "strong", wrap=True), label("", "muted", wrap=True)
        self._scores: KeyedColumn[TaskScore, _Score] = KeyedColumn(
            lambda score: score.dataset, lambda _: _Score(), _Score.show_score, gap=4
        )
        self.setLayout(column(rule(), self._title, self._rating, self._scores, gap=6))

    def show_evidence(self, evidence: Evidence | None) -> None:
        """Show it; nothing where there is none."""
        self.setVisible(evidence is not None)
        if evidence is None:
            return
        self._title.setText(tr("In the study {name}", name=evidence.study))
        if evidence.elo is None:
            said = tr("no finite rating")
        elif evidence.best == evidence.worst:
            said = tr(
                "rating {rating}, place {place}", rating=numeral(evidence.elo, ".0f"), place=evidence.best
            )
        else:
            said = tr(
                "rating {rating}, place {first} to {last}",
                rating=numeral(evidence.elo, ".0f"),
                first=evidence.best,
                last=evidence.worst,
            )
        self._rating.setText(said[:1].upper() + said[1:])
        self._scores.show_items(evidence.tasks[:_SCORES])


class _Score(QWidget):
    """How a model answers one task, as a number and as a bar."""

    def __init__(self) -> None:
        super().__init__()
        self._name, self._value, self._bar = Elided(""), label("", "strong"), bar(tone="good")
        self._bar.setFixedWidth(_BAR)
        line = row(self._name, self._bar, self._value, gap=8)
        line.setStretch(0, 1)
        self.setLayout(line)

    def show_score(self, score: TaskScore) -> None:
        """Show it."""
        self._name.setText(score.dataset)
        self._value.setText(numeral(score.metric, ".2f"))
        self._value.setToolTip(tr(score.title))
        self._bar.setValue(round(1000 * score.metric))
        self._bar.setAccessibleName(f"{score.dataset}: {tr(score.title)}")


def _kinds() -> dict[str, str]:
    """What kinds of models are called."""
    return {"base": tr("Base"), "adapter": tr("Adapter"), "merge": tr("merge").capitalize()}


def _cells(model: ModelRow) -> list[str | Cell]:
    files = ", ".join(dict.fromkeys(gguf.quantisation.upper() for gguf in model.ggufs if gguf.there))
    return [
        model.name,
        Cell(_kinds().get(model.kind, model.kind), "merge" if model.kind == "merge" else ""),
        model.how,
        _rating(model.evidence),
        Cell(size(model.bytes) if model.there else tr("gone"), "" if model.there else "bad", model.bytes),
        files,
    ]


def _rating(evidence: Evidence | None) -> str | Cell:
    """Its rating, as it is sorted."""
    if evidence is None or evidence.elo is None:
        return Cell("", "", -1.0)
    return Cell(numeral(evidence.elo, ".0f"), "", evidence.elo)
