"""The widgets of the Jobs page."""

from __future__ import annotations

from typing import Any, Final

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QMouseEvent
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QVBoxLayout, QWidget

from desktop.feed import JobRow
from desktop.language import numeral, tr
from desktop.pages.jobs.reorder import DropColumn, Grip
from desktop.pages.jobs.view_model import JobsModel, Machine, waiting
from desktop.problem import problem_of_record
from desktop.shell.commands import Command
from desktop.shell.context import Context
from desktop.theme.look import Look
from desktop.theme.tokens import GAP
from desktop.widgets.basics import (
    Button,
    IconLabel,
    bar,
    card,
    chip,
    column,
    heading,
    holder,
    label,
    retone,
    row,
    stack,
)
from desktop.widgets.empty import Empty
from desktop.widgets.folding import Folding
from desktop.widgets.keyed import KeyedColumn
from desktop.widgets.page import Page
from desktop.widgets.segments import Segments
from desktop.words import duration, moment, progress_words, size, state_words

#: Icons of kinds of jobs.
_ICONS = {
    "train": "chart-line",
    "merge": "git-merge",
    "generate": "robot",
    "judge": "scales",
    "export": "package",
    "study": "grid-four",
    "dataset_import": "database",
    "model_add": "cube",
    "release": "package",
    "push": "upload-simple",
}

#: Cards that are shown at first, and how many more each time.
_SHOWN: Final = 30


def build(context: Context) -> Page:
    """Make the page."""
    return JobsPage(context, JobsModel(context.services))


class JobsPage(Page):
    """What runs, waits, is done and has failed, with the log of one job."""

    model: JobsModel

    def __init__(self, context: Context, model: JobsModel) -> None:
        look = context.look
        self._pause_all = Button(look, tr("Pause all"), "pause", does=model.pause_all)
        super().__init__(
            context,
            model,
            tr("Jobs"),
            tr(
                "One job uses the processor or the GPU, the others wait. Closing the window does not stop them."
            ),
            self._pause_all,
        )
        self._parts = Segments(tr("Which jobs"))
        self._parts.chosen.connect(model.show_part)
        self._cards: KeyedColumn[JobRow, JobCard] = KeyedColumn(
            lambda job: job.id, lambda _job: JobCard(look, model), JobCard.show_job
        )
        #: So many of a part are shown: a card takes milliseconds to make.
        self._most, self._of = _SHOWN, ""
        self._more = Button(look, "", "caret-down", "ghost", self._show_more)
        self._queue = DropColumn(self._cards, self._places)
        self._queue.dropped.connect(lambda job, before: model.move(job, before or None))
        self._empty = Empty(
            look,
            "queue",
            tr("No job here"),
            tr("Every import, training, merge and comparison appears here while it runs, and after it."),
            row(
                Button(look, tr("Train a model"), "chart-line", does=lambda: context.go("train", None)),
                Button(look, tr("Start a study"), "house", "primary", lambda: context.go("home", None)),
                gap=8,
            ),
        )
        self._machine = MachineCard()
        self._log = LogCard(look)
        self.body.addLayout(row(self._parts, None))
        left = stack(self._queue, self._more, self._empty, None, gap=GAP)
        beside = column(self._machine, self._log, gap=GAP)
        beside.setStretch(1, 1)
        self.body.addWidget(Folding(left, holder(beside), stretches=(13, 10)), 1)

    def update_page(self) -> None:
        """See `Page`."""
        state = self.model.state
        parts = {"active": tr("Active"), "done": tr("Done"), "failed": tr("Failed or stopped")}
        self._parts.set_choices([(part, f"{parts[part]} {count}") for part, count in state.counts])
        self._parts.choose(state.shown)
        if self._of != state.shown:
            self._most, self._of = _SHOWN, state.shown
        ids = [job.id for job in state.jobs]
        if state.selected in ids:
            self._most = max(self._most, ids.index(state.selected) + 1)
        self._cards.show_items(state.jobs[: self._most])
        left = len(state.jobs) - self._most
        words = tr("Show {count} more", count=numeral(min(left, _SHOWN)))
        self._more.setText(f" {words}")
        self._more.setAccessibleName(words)
        self._more.setVisible(left > 0)
        self._queue.setVisible(bool(state.jobs))
        self._empty.setVisible(not state.jobs)
        self._pause_all.setEnabled(any(job.active for job in state.jobs))
        self._machine.show_machine(state.machine)
        self._log.show_log(self._title_of(state.selected), state.log, state.log_file)

    def open(self, target: Any) -> None:
        """Show the job with this id."""
        self.model.select(str(target))

    def commands(self) -> list[Command]:
        """See `Page`."""
        return [Command(tr("Pause all jobs"), "pause", self.model.pause_all)]

    def _show_more(self) -> None:
        self._most += _SHOWN
        self.update_page()

    def _places(self) -> list[tuple[str, QWidget]]:
        """The cards of the jobs that can change places, in their order."""
        cards = {card.job_id: card for card in self._cards.findChildren(JobCard)}
        return [(job, cards[job]) for job in waiting(self.model.state.jobs) if job in cards]

    def _title_of(self, job_id: str) -> str:
        job = self.model.services.feed.job(job_id) if job_id else None
        return job.title if job is not None else ""


class JobCard(QFrame):
    """One job: what it is, how far it is, why it failed, and what can be done."""

    def __init__(self, look: Look, model: JobsModel) -> None:
        super().__init__()
        self._model = model
        self._id = ""
        self.setProperty("role", "card")
        self._icon = IconLabel(look, "queue", "accent", 22)
        self._title = label("", "h2", wrap=True)
        self._about = label("", "small")
        self._state = chip("")
        self._bar = bar(0.0)
        self._progress = label("", "muted")
        self._left = label("", "strong")
        self._cause = label("", wrap=True)
        self._fix = label("", "muted", wrap=True)
        self._pause = Button(look, tr("Pause"), "pause", does=lambda: model.ask(self._id, "pause"))
        self._resume = Button(look, tr("Continue"), "play", does=lambda: model.ask(self._id, "resume"))
        self._retry = Button(
            look, tr("Try again"), "arrow-clockwise", does=lambda: model.ask(self._id, "resume")
        )
        self._stop = Button(look, tr("Stop"), "stop", does=lambda: model.ask(self._id, "stop"))
        self._show_log = Button(look, tr("Show log"), "file-text", "ghost", lambda: model.select(self._id))
        self._grip = Grip(look, self, lambda: self._id)
        self._grip.stepped.connect(lambda down: model.step(self._id, down))
        head = row(self._grip, self._icon, stack(self._title, self._about), self._state, gap=12)
        head.setStretch(2, 1)
        parts = column(
            head,
            self._bar,
            row(self._progress, None, self._left),
            self._cause,
            self._fix,
            row(self._show_log, None, self._pause, self._resume, self._retry, self._stop, gap=8),
            gap=10,
        )
        parts.setContentsMargins(16, 14, 16, 14)
        self.setLayout(parts)

    @property
    def job_id(self) -> str:
        """Whose card it is."""
        return self._id

    def show_job(self, job: JobRow) -> None:
        """Show a job as it stands now."""
        self._id = job.id
        failed, running = job.state == "failed", job.state == "running"
        self._icon.change(
            "x-circle-fill" if failed else _ICONS.get(job.kind, "queue"),
            "bad" if failed else "accent" if running else "muted",
        )
        self._grip.setVisible(job.state == "queued" and job.place is not None)
        self._grip.name(job.title)
        self._title.setText(job.title)
        self._about.setText(_about(job))
        words, tone = state_words(job.state)
        self._state.setText(tr("Silent for a while") if job.silent else words)
        retone(self._state, tone="warn" if job.silent else tone)
        retone(self, state="bad" if failed else "active" if running else "")
        self.setAccessibleName(f"{job.title}, {words}")
        share = job.share
        moving = job.state in ("running", "paused", "interrupted") and share is not None
        self._bar.setVisible(moving)
        self._bar.setValue(round(1000 * (share or 0.0)))
        self._bar.setAccessibleName(tr("Progress of {job}", job=job.title))
        progress = progress_words(job.progress) if job.state != "done" else ""
        self._progress.setText(progress)
        left = job.progress.get("seconds_left")
        self._left.setText(tr("{time} left", time=duration(left)) if running and left is not None else "")
        self._progress.setVisible(bool(progress))
        self._left.setVisible(bool(self._left.text()))
        problem = problem_of_record(job.error)
        self._cause.setText(problem.message if failed else "")
        self._fix.setText(problem.fix if failed else "")
        self._cause.setVisible(failed)
        self._fix.setVisible(failed and bool(problem.fix))
        self._pause.setVisible(job.active)
        self._resume.setVisible(job.state in ("paused", "interrupted", "stopped"))
        self._retry.setVisible(failed)
        self._stop.setVisible(job.active or job.state in ("paused", "interrupted"))

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """A click shows the log."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._model.select(self._id)
        super().mousePressEvent(event)


class MachineCard(QFrame):
    """How busy the machine is."""

    def __init__(self) -> None:
        super().__init__()
        self._rows = {
            name: (bar(0.0, name=words), label("", "small"))
            for name, words in (
                ("processor", tr("Processor")),
                ("memory", tr("Memory")),
                ("disk", tr("Disk")),
                ("gpu", tr("GPU")),
                ("gpu_memory", tr("Its memory")),
            )
        }
        self._lines: list[QWidget] = []
        inside = card(heading(tr("This machine now")), gap=8)
        layout = inside.layout()
        for shown, words in self._rows.values():
            name = label(shown.accessibleName(), "muted")
            name.setFixedWidth(90)
            words.setFixedWidth(128)
            words.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            line = row(name, shown, words, gap=12)
            line.setStretch(1, 1)
            whole = holder(line)
            self._lines.append(whole)
            if isinstance(layout, QVBoxLayout):
                layout.addWidget(whole)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(inside)

    def show_machine(self, machine: Machine) -> None:
        """Show how busy it is."""
        disk, gpu = machine.disk_used + machine.disk_free, machine.gpu
        for line in self._lines[-2:]:
            line.setVisible(gpu is not None)
        for name, share, words in (
            ("gpu", gpu.load if gpu else 0.0, numeral(gpu.load, ".0%") if gpu else ""),
            (
                "gpu_memory",
                gpu.used / gpu.memory if gpu else 0.0,
                tr("{used} of {all}", used=size(gpu.used), all=size(gpu.memory)) if gpu else "",
            ),
            ("processor", machine.processor, numeral(machine.processor, ".0%")),
            (
                "memory",
                machine.memory_used / machine.memory if machine.memory else 0.0,
                tr("{used} of {all}", used=size(machine.memory_used), all=size(machine.memory)),
            ),
            (
                "disk",
                machine.disk_used / disk if disk else 0.0,
                tr("{free} free", free=size(machine.disk_free)),
            ),
        ):
            shown, text = self._rows[name]
            shown.setValue(round(1000 * share))
            retone(shown, tone="warn" if share > 0.95 else "")
            text.setText(words)


class LogCard(QFrame):
    """The end of a job's log."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._file = ""
        self._title = label(tr("Log"), "h2")
        self._open = Button(look, tr("Open file"), "file-text", "ghost", self._open_file)
        self._text = QPlainTextEdit()
        self._text.setReadOnly(True)
        self._text.setPlaceholderText(tr("Nothing was printed so far."))
        self._text.setProperty("role", "code")
        self._text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self._text.setMaximumBlockCount(2000)
        self._text.setMinimumHeight(220)
        layout = column(row(self._title, None, self._open), self._text, gap=8)
        layout.setContentsMargins(16, 10, 16, 16)
        layout.setStretch(1, 1)
        self.setLayout(layout)

    def show_log(self, title: str, text: str, file: str) -> None:
        """Show a log; where one was at its end, one stays there."""
        self._file = file
        name = tr("Log of {job}", job=title) if title else tr("Log")
        self._title.setText(name)
        self._text.setAccessibleName(name)
        self._open.setEnabled(bool(file))
        if text == self._text.toPlainText():
            return
        scroll = self._text.verticalScrollBar()
        at_end = scroll.value() >= scroll.maximum() - 2
        place = scroll.value()
        self._text.setPlainText(text)
        scroll.setValue(scroll.maximum() if at_end else place)

    def _open_file(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(self._file))


def _about(job: JobRow) -> str:
    """Where it belongs and when it was."""
    parts = [job.study] if job.study else []
    if job.ended and job.state in ("done", "failed", "stopped"):
        parts.append(tr("ended {time}", time=moment(job.ended)))
        if job.seconds is not None:
            parts.append(tr("took {time}", time=duration(job.seconds)))
    elif job.started:
        parts.append(tr("since {time}", time=moment(job.started)))
    else:
        parts.append(tr("asked for {time}", time=moment(job.created)))
    return ", ".join(parts)
