"""A job on a dataset that is under way: how far it is, and what it has spent."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QFrame

from desktop.language import tr
from desktop.pages.compare.state import Work
from desktop.pages.compare.words import usd
from desktop.theme.look import Look
from desktop.widgets.basics import Button, bar, column, label, row
from desktop.words import progress_words


class WorkStrip(QFrame):
    """A job on this dataset that is under way: how far, and what it has spent."""

    def __init__(self, look: Look, stop: Callable[[str], None]) -> None:
        super().__init__()
        self._id = ""
        self.setProperty("role", "card")
        self.setProperty("state", "active")
        self._title = label("", "strong")
        self._progress = label("", "muted")
        self._spent = label("", "strong")
        self._bar = bar(0.0)
        end = Button(look, tr("Stop"), "stop", does=lambda: stop(self._id))
        line = row(self._title, self._progress, None, self._spent, end, gap=12)
        layout = column(line, self._bar, gap=7)
        layout.setContentsMargins(14, 9, 12, 11)
        self.setLayout(layout)

    def show_work(self, work: Work) -> None:
        """Show a job as it stands."""
        self._id = work.job.id
        self._title.setText(work.job.title)
        self.setAccessibleName(work.job.title)
        waiting = work.job.state == "queued"
        self._progress.setText(tr("Waiting") if waiting else progress_words(work.job.progress))
        self._bar.setValue(round(1000 * (work.job.share or 0.0)))
        self._bar.setAccessibleName(tr("Progress of {job}", job=work.job.title))
        if work.budget_usd is not None:
            words = tr(
                "{spent} of at most {budget} spent", spent=usd(work.spent_usd), budget=usd(work.budget_usd)
            )
            self._spent.setText(words)
        self._spent.setVisible(work.budget_usd is not None)
