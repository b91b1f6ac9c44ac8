"""What one model is, what studies have found out about it, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QGridLayout, QWidget

from desktop.language import numeral, tr
from desktop.pages.models.evidence import Evidence, TaskScore
from desktop.pages.models.view_model import Details, ModelRow, ModelsModel
from desktop.shell.context import Context
from desktop.widgets.basics import Button, bar, card, chip, column, frame, holder, label, retone, row, rule
from desktop.widgets.elided import Elided
from desktop.widgets.fields import Choice
from desktop.widgets.folding import Folding
from desktop.widgets.keyed import KeyedColumn
from engine.exporting.quantisations import QUANTISATIONS

_TONES: Final = {"base": "", "adapter": "info", "merge": "merge"}
_WIDTH: Final = 300
#: Tasks of a study that are told beside a model.
_SCORES: Final = 4
#: Pixels of the bar that shows how a task is answered.
_BAR: Final = 72


@dataclass(frozen=True)
class Acts:
    """What is done with the model that is shown, after a question."""

    export: Callable[[], None]
    release: Callable[[], None]
    rename: Callable[[], None]
    remove: Callable[[], None]


class DetailsCard(QWidget):
    """What a model is, and what can be done with it.

    Args:
        context: See `Context`.
        model: Of the page.
        acts: What the buttons do that ask for something.
    """

    def __init__(self, context: Context, model: ModelsModel, acts: Acts) -> None:
        super().__init__()
        look, self._context = context.look, context
        self._shown: ModelRow | None = None
        self._usual = ""
        self._model = model
        self._kind, self._default = chip(""), chip(tr("Default base"), "good")
        self._leads = chip(tr("Leads its study"), "good")
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
        self._other_form = Button(look, tr("Export..."), "file-arrow-down", "ghost", acts.export)
        self._other_form.setAccessibleDescription(tr("As a GGUF file, a folder, an adapter or for Ollama"))
        self._release = Button(look, tr("Release..."), "export", does=acts.release)
        self._release.setAccessibleDescription(tr("In all its forms, with a card that carries the evidence"))
        self._chat = Button(look, tr("Chat with it"), "chats-circle", does=self._talk)
        self._make_default = Button(look, tr("Make default"), "check-circle", "ghost", self._choose_default)
        self._rename = Button(look, tr("Rename"), "pencil-simple", "ghost", acts.rename)
        self._reveal = Button(look, tr("Show folder"), "folder-open", "ghost", self._open_folder)
        self._serve = Button(look, tr("Serve"), "globe", "ghost", self._offer_to_programs)
        self._serve.setAccessibleDescription(tr("Lets programs on this machine ask it as they ask OpenAI's"))
        self._remove = Button(look, tr("Remove"), "trash", "ghost", acts.remove)
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
        self._kind.setText(kinds_in_words().get(model.kind, model.kind))
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


def kinds_in_words() -> dict[str, str]:
    """What kinds of models are called."""
    return {"base": tr("Base"), "adapter": tr("Adapter"), "merge": tr("merge").capitalize()}
