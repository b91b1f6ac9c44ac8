"""A job that a page waits for: its title, how far it is, and why it failed."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QProgressBar, QPushButton, QWidget

from desktop.feed import JobRow
from desktop.language import tr
from desktop.problem import problem_of_record
from desktop.widgets.basics import bar, chip, column, label, retone, row
from desktop.widgets.elided import Elided
from desktop.words import progress_words, state_words


class JobLine(QWidget):
    """A job under way, or one that failed.

    Args:
        opens: Shows it among the others.
    """

    def __init__(self, opens: Callable[[], None]) -> None:
        super().__init__()
        self._title = Elided("", "strong")
        self._state = chip("")
        self._bar: QProgressBar = bar()
        self._more = label("", "small", wrap=True)
        show = QPushButton(tr("Show in Jobs"))
        show.setProperty("kind", "ghost")
        show.clicked.connect(lambda: opens())
        self._show = show
        head = row(self._title, self._state, gap=8)
        head.setStretch(0, 1)
        self.setLayout(column(head, self._bar, self._more, row(None, show), gap=4))

    def show_job(self, job: JobRow) -> None:
        """Show how far it is."""
        words, tone = state_words(job.state)
        self._title.setText(job.title)
        self._state.setText(words)
        retone(self._state, tone=tone)
        self._bar.setVisible(job.share is not None and job.state != "failed")
        self._bar.setValue(round(1000 * (job.share or 0.0)))
        self._bar.setAccessibleName(job.title)
        said = problem_of_record(job.error).message if job.error else progress_words(job.progress)
        self._more.setText(said)
        self._more.setVisible(bool(said))
        self._show.setAccessibleName(tr("Show {title} in Jobs", title=job.title))
