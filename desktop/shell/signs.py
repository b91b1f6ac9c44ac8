"""Signs of jobs outside the window: an icon in the tray while some run, and a notification when one has ended.

Where the desktop has no tray nothing is shown there; the window asks for attention in the task bar instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from PySide6.QtCore import QObject, QTimer, Slot
from PySide6.QtWidgets import QApplication, QMenu, QSystemTrayIcon, QWidget

from desktop.feed import Feed, JobRow
from desktop.language import numeral, tr
from desktop.problem import problem_of_record
from desktop.shell.logo import logo_icon
from desktop.theme.look import Look
from desktop.words import count

#: Milliseconds for which a notification is shown, and the icon stays after the last job, as it belongs to it.
_SHOWN: Final = 10_000
_ENDED: Final = ("done", "failed")


class Signs(QObject):
    """Follows the jobs and tells of them.

    Args:
        window: Whose jobs they are; nothing is notified while the user looks at it.
        go: Shows a page of it, and one thing there.
        come: Brings it forward.
        tell: Says a sentence at its foot.
        notify: Lets the desktop say a title and words; for where there is no tray.
    """

    def __init__(
        self,
        look: Look,
        feed: Feed,
        window: QWidget,
        go: Callable[[str, Any], None],
        come: Callable[[], None],
        tell: Callable[[str], None],
        notify: Callable[[str, str], None],
    ) -> None:
        super().__init__(window)
        self._look = look
        self._feed = feed
        self._window = window
        self._go = go
        self._come = come
        self._tell = tell
        self._notify_otherwise = notify
        self._states: dict[str, str] | None = None
        self._told = ""
        self._tray: QSystemTrayIcon | None = None
        self._menu = QMenu()
        self._away = QTimer(self, singleShot=True, interval=_SHOWN)
        self._away.timeout.connect(self._remove)
        self._menu.addAction(tr("Show the window")).triggered.connect(self._forward)
        self._menu.addAction(tr("Show the jobs")).triggered.connect(self._show_jobs)
        self._menu.addSeparator()
        self._menu.addAction(tr("Close the window; jobs go on")).triggered.connect(self._close_window)
        feed.jobs_changed.connect(self._look_at_jobs)

    def close(self) -> None:
        """Show nothing more."""
        self._feed.jobs_changed.disconnect(self._look_at_jobs)
        self._remove()
        self._menu.deleteLater()

    @Slot()
    def _look_at_jobs(self) -> None:
        before, jobs = self._states, self._feed.jobs
        self._states = {job.id: job.state for job in jobs}
        running = [job for job in jobs if job.state == "running"]
        if running:
            self._away.stop()
            self._show(running)
        elif self._tray is not None and not self._away.isActive():
            self._away.start()
        if before is not None:  # what had ended before the window was opened is no news
            # A study has jobs by the dozen; it tells of itself when it has ended.
            ended = [
                job
                for job in jobs
                if job.state in _ENDED
                and before.get(job.id, "queued") not in _ENDED
                and (job.study is None or job.kind == "study" or job.state == "failed")
            ]
            if ended:
                self._notify(ended)

    def _show(self, running: list[JobRow]) -> None:
        if self._tray is None:
            if not QSystemTrayIcon.isSystemTrayAvailable():
                return
            self._tray = QSystemTrayIcon(logo_icon(self._look), self)
            self._tray.setContextMenu(self._menu)
            self._tray.activated.connect(self._activated)
            self._tray.messageClicked.connect(self._show_jobs)
            self._tray.show()
        lines = [
            f"{job.title}, {numeral(job.share, '.0%')}" if job.share is not None else job.title
            for job in running[:5]
        ]
        self._tray.setToolTip("\n".join([tr("Bakeoff is at work"), *lines]))

    def _notify(self, ended: list[JobRow]) -> None:
        last = ended[-1]
        self._told = last.id
        if len(ended) > 1:
            failed = sum(job.state == "failed" for job in ended)
            title = tr("{count} jobs have ended", count=len(ended))
            words = tr("All of them are done.")
            if failed:
                words = count(failed, tr("{count} of them has failed."), tr("{count} of them have failed."))
        elif last.state == "failed":
            title = tr("{job} has failed", job=last.title)
            words = problem_of_record(last.error).message
        else:
            title, words = tr("{job} is done", job=last.title), ""
        self._tell(title)
        if self._window.isActiveWindow():
            return
        QApplication.alert(self._window)
        if self._tray is not None:
            bad = QSystemTrayIcon.MessageIcon.Warning
            good = QSystemTrayIcon.MessageIcon.Information
            failing = any(job.state == "failed" for job in ended)
            self._tray.showMessage(title, words, bad if failing else good, _SHOWN)
        else:
            self._notify_otherwise(title, words)

    @Slot()
    def _remove(self) -> None:
        self._away.stop()
        if self._tray is not None:
            self._tray.hide()
            self._tray.deleteLater()
            self._tray = None

    @Slot(object)
    def _activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason != QSystemTrayIcon.ActivationReason.Context:
            self._forward()

    @Slot()
    def _forward(self) -> None:
        self._come()

    @Slot()
    def _show_jobs(self) -> None:
        self._come()
        self._go("jobs", self._told or None)

    @Slot()
    def _close_window(self) -> None:
        self._window.close()
