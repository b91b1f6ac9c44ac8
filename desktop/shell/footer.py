"""The line at the foot of the window: what the engine does, the last thing said, and a way to undo it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QTimer, Slot
from PySide6.QtWidgets import QFrame

from desktop.amounts import usd
from desktop.language import tr
from desktop.services import Services
from desktop.theme.look import Look
from desktop.widgets.basics import Button, label, retone, row

#: Milliseconds for which something can be undone, and for which a sentence stays.
_UNDO: Final = 300_000
_SENTENCE: Final = 8_000


class Footer(QFrame):
    """Says what runs; hears of jobs from the feed."""

    def __init__(self, look: Look, services: Services) -> None:
        super().__init__()
        self.setObjectName("footer")
        self._services = services
        self._undo: Callable[[], None] | None = None
        self._undoes = ""
        self._dot = label("●", "small", "good")
        self._dot.setAccessibleName("")
        self._jobs = label("", "small")
        self._spent = label("", "small")
        self._spent.hide()
        self._said = label("", "small")
        self._said.setAccessibleName(tr("Message"))
        self._back = Button(look, tr("Undo"), "arrow-counter-clockwise", "ghost", self._undo_now)
        self._back.hide()
        self._quiet = QTimer(self, singleShot=True)
        self._quiet.timeout.connect(self._hush)
        self._too_late = QTimer(self, singleShot=True, interval=_UNDO)
        self._too_late.timeout.connect(self._forget)
        self.setFixedHeight(30)
        layout = row(self._dot, self._jobs, None, self._said, self._back, self._spent, gap=8)
        layout.setContentsMargins(16, 0, 28, 0)
        self.setLayout(layout)
        services.feed.jobs_changed.connect(self._show_jobs)
        self._show_jobs()

    def show_spent(self, usd_today: float) -> None:
        """Tell what answers and verdicts have cost since midnight, if anything."""
        self._spent.setText(tr("Spent today: {amount}", amount=usd(usd_today)))
        self._spent.setVisible(usd_today > 0)

    def say(self, sentence: str) -> None:
        """Say a sentence for a while; what can be undone still can."""
        self._said.setText(sentence)
        self._quiet.start(_SENTENCE)

    def offer_undo(self, sentence: str, undo: Callable[[], None]) -> None:
        """Say what was done, and let it be undone for some minutes, or until something else can be."""
        self._undo, self._undoes = undo, sentence
        self._said.setText(sentence)
        self._quiet.stop()
        self._back.setToolTip(sentence)
        self._back.setAccessibleDescription(sentence)
        self._back.show()
        self._too_late.start()

    @Slot()
    def _undo_now(self) -> None:
        undo, self._undo = self._undo, None
        self._forget()
        if undo is not None:
            undo()

    @Slot()
    def _hush(self) -> None:
        """Once a sentence was there long enough, it is said again what can be undone."""
        self._said.setText(self._undoes)

    @Slot()
    def _forget(self) -> None:
        self._undo, self._undoes = None, ""
        self._too_late.stop()
        self._said.setText("")
        self._back.hide()

    @Slot()
    def _show_jobs(self) -> None:
        jobs = self._services.feed.jobs
        running = sum(job.state == "running" for job in jobs)
        waiting = sum(job.state == "queued" for job in jobs)
        held = sum(job.on_hold for job in jobs)
        parts = []
        if running or waiting:
            parts.append(tr("{running} running, {waiting} waiting", running=running, waiting=waiting))
        if held:
            parts.append(tr("{count} on hold", count=held))
        text = ", ".join(parts) or tr("Nothing is running")
        self._jobs.setText(text)
        retone(self._dot, tone="info" if running else "good")
