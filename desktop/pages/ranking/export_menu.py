"""What of a ranking leaves as a file: the chart, the table, a report, and the leading model."""

from __future__ import annotations

from functools import partial
from typing import Final

from PySide6.QtWidgets import QMenu, QWidget

from desktop.language import tr
from desktop.pages.ranking.state import Form
from desktop.pages.ranking.view_model import RankingModel
from desktop.theme.look import Look
from desktop.widgets.saving import ask_where_to_save

_NAMES: Final[dict[Form, str]] = {
    "png": "ranking.png",
    "svg": "ranking.svg",
    "csv": "ranking.csv",
    "html": "ranking.html",
}


class ExportMenu(QMenu):
    """Asks for a place, and writes what is shown there.

    Args:
        page: The dialogs belong to it.
        look: A chart is drawn in its scheme.
    """

    def __init__(self, page: QWidget, look: Look, model: RankingModel) -> None:
        super().__init__(page)
        self._page, self._look, self._model = page, look, model
        words: dict[Form, str] = {
            "png": tr("Chart as PNG..."),
            "svg": tr("Chart as SVG..."),
            "csv": tr("Table as CSV..."),
            "html": tr("Report as HTML..."),
        }
        for form, text in words.items():
            self.addAction(text, partial(self.ask_where, form))
        self._study = self.addAction(tr("Report of the study as HTML..."), self.ask_where_report)
        self.addSeparator()
        self._winner = self.addMenu(tr("The leading model as GGUF"))
        self.aboutToShow.connect(self._fill)

    def ask_where(self, form: Form) -> None:
        """Ask for a file, and write what is shown there."""
        dark = self._look.tokens.name == "dark"
        ask_where_to_save(
            self._page,
            tr("Export the ranking"),
            _NAMES[form],
            form,
            lambda file: self._model.export(file, dark=dark),
        )

    def ask_where_report(self) -> None:
        """Ask for a file, and write the study's report there."""
        title = tr("Report of the study")
        ask_where_to_save(self._page, title, "report.html", "html", self._model.export_study)

    def ask_where_model(self, model: str) -> None:
        """Ask for a file, and bring a model out as a GGUF file."""
        title = tr("Export {name}", name=model)
        ask_where_to_save(
            self._page, title, f"{model}.gguf", "gguf", partial(self._model.export_model, model)
        )

    def _fill(self) -> None:
        state = self._model.state
        self._study.setEnabled(bool(state.study) and state.file is None)
        self._winner.clear()
        for task, name in state.leading:
            words = tr("{name}, which has learned {task}...", name=name.replace("&", "&&"), task=task)
            self._winner.addAction(words, partial(self.ask_where_model, name))
        self._winner.setEnabled(bool(state.leading))
