"""The widgets of the Study page."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtCore import QPoint, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QResizeEvent
from PySide6.QtWidgets import (
    QGridLayout,
    QMenu,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from desktop.amounts import usd
from desktop.language import numeral, tr
from desktop.pages.study.grid_card import GridCard
from desktop.pages.study.matrix import entrant_words
from desktop.pages.study.result import (
    FigureCard,
    NotesCard,
    PhasesCard,
    ResultCard,
    show_cost,
    show_time,
)
from desktop.pages.study.sealed import SealedCard, question
from desktop.pages.study.view_model import StudyModel
from desktop.references.dialog import ExtrasDialog
from desktop.references.view_model import Draft
from desktop.release.dialog import ask_to_release
from desktop.shell.commands import Command
from desktop.shell.context import Context
from desktop.shell.dialogs import ask
from desktop.study_file.dialog import choose_study_file
from desktop.theme.tokens import GAP
from desktop.widgets.basics import Button, chip, retone, row
from desktop.widgets.empty import Empty
from desktop.widgets.fields import Choice
from desktop.widgets.page import Page
from desktop.widgets.saving import ask_where_to_save
from desktop.words import duration, state_words
from engine.studies.extending import Addition
from engine.studies.picture import StudyPicture

#: Below this width phases, time and cost do not fit beside each other.
_NARROW = 960
_FIGURE = 196


def build(context: Context) -> Page:
    """Make the page."""
    return StudyPage(context, StudyModel(context.services))


class StudyPage(Page):
    """The whole loop as one picture."""

    model: StudyModel

    def __init__(self, context: Context, model: StudyModel) -> None:
        look = context.look
        self._which = Choice()
        self._which.setAccessibleName(tr("Which study"))
        self._which.setMinimumWidth(150)
        self._which.setMaximumWidth(240)
        self._which.textActivated.connect(model.select)
        self._state = chip("")
        self._pause = Button(look, tr("Pause"), "pause", does=lambda: model.ask("pause"))
        self._resume = Button(look, tr("Continue"), "play", "primary", lambda: model.ask("resume"))
        self._stop = Button(look, tr("Stop"), "stop", does=self._ask_to_stop)
        self._add = Button(look, tr("Add"), "plus")
        self._add.setAccessibleDescription(tr("Adds a base, a task, a merge or a reference to this study"))
        self._menu = QMenu(self._add)
        self._menu.aboutToShow.connect(self._fill_menu)
        self._add.setMenu(self._menu)
        actions = (self._state, self._which, self._add, self._pause, self._resume, self._stop)
        super().__init__(context, model, tr("Study"), "", *actions)
        self._phases = PhasesCard(look)
        self._cost = FigureCard(tr("Cost so far"))
        self._time = FigureCard(tr("Time left"))
        self._result = ResultCard(look, self._open_report, self._export, self._release)
        self._sealed = SealedCard(look, self._ask_to_open)
        self._grid = GridCard(look, lambda job: context.go("jobs", job))
        self._empty = Empty(
            look,
            "grid-four",
            tr("No study yet"),
            tr(
                "A study tunes several models on your tasks, compares their answers and tells which is best, and how "
                "sure that is."
            ),
            row(
                Button(look, tr("Start one on Home"), "house", "primary", lambda: context.go("home", None)),
                Button(look, tr("From a file"), "file-text", does=self.open_file),
            ),
        )
        self._notes = NotesCard(look)
        model.exporting.connect(self._show_export)
        self._above = QGridLayout()
        self._above.setSpacing(GAP)
        self._narrow: bool | None = None
        self._arrange()
        self._whole = QWidget()
        inside = QVBoxLayout(self._whole)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(GAP)
        inside.addLayout(self._above)
        inside.addWidget(self._result)
        inside.addWidget(self._sealed)
        inside.addWidget(self._grid)
        inside.addWidget(self._notes)
        inside.addStretch(1)
        self.body.addWidget(self._whole, 1)
        self.body.addWidget(self._empty, 1)
        for widget in (self._whole, self._empty, *actions):
            widget.hide()

    def update_page(self) -> None:
        """See `Page`."""
        state = self.model.state
        picture = state.picture
        self._whole.setVisible(picture is not None)
        self._empty.setVisible(picture is None)
        self._which.setVisible(len(state.names) > 1)
        if picture is None:
            self.set_title(tr("Study"), "")
            for widget in (self._state, self._add, self._pause, self._resume, self._stop):
                widget.hide()
            return
        self._show_names(state.names, picture.name)
        self.set_title(picture.name, tr(picture.about) or _about(picture))
        words, tone = state_words(picture.state)
        self._state.setText(words)
        self._state.setVisible(True)
        retone(self._state, tone=tone)
        self._add.setVisible(any(names for _, names in state.additions))
        active = picture.state in ("running", "queued")
        self._pause.setVisible(active)
        self._resume.setVisible(picture.state in ("paused", "stopped", "interrupted", "failed"))
        again = tr("Try again") if picture.state == "failed" else tr("Continue")
        self._resume.setText(f" {again}")
        self._resume.setAccessibleName(again)
        self._stop.setVisible(active or picture.state in ("paused", "interrupted"))
        self._phases.show_picture(picture)
        show_cost(self._cost, picture)
        show_time(self._time, picture)
        self._result.setVisible(picture.result is not None)
        self._notes.setVisible(picture.result is not None)
        if picture.result is not None:
            self._result.show_result(picture.result, has_report=state.report is not None)
            self._notes.show_result(picture.result)
        self._sealed.show_picture(picture)
        self._grid.show_picture(picture)

    def open_file(self) -> None:
        """Let a study's file be chosen."""
        choose_study_file(self.context, self)

    @property
    def place(self) -> str:
        """See `Page`."""
        return self.model.state.picture.name if self.model.state.picture is not None else ""

    def open(self, target: Any) -> None:
        """Show the study of this name."""
        self.model.select(str(target))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Where the window is narrow, time and cost stand below the phases."""
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        narrow = self.viewport().width() < _NARROW
        if narrow == self._narrow:
            return
        self._narrow = narrow
        for card in (self._phases, self._cost, self._time):
            self._above.removeWidget(card)
        for card in (self._cost, self._time):
            card.setMaximumWidth(16777215 if narrow else _FIGURE)
        self._above.addWidget(self._phases, 0, 0, 1, 2 if narrow else 1)
        self._above.addWidget(self._cost, 1 if narrow else 0, 0 if narrow else 1)
        self._above.addWidget(self._time, 1 if narrow else 0, 1 if narrow else 2)
        self._above.setColumnStretch(0, 1)
        self._above.setColumnStretch(1, 1 if narrow else 0)

    def commands(self) -> list[Command]:
        """See `Page`."""
        found = [Command(tr("Open a study's file"), "file-text", self.open_file)]
        if self._pause.isVisible():
            found.append(Command(tr("Pause the study"), "pause", lambda: self.model.ask("pause")))
        if self._resume.isVisible():
            found.append(Command(tr("Continue the study"), "play", lambda: self.model.ask("resume")))
        if self.model.state.report is not None:
            found.append(Command(tr("Open the report"), "file-text", self._open_report))
        picture = self.model.state.picture
        if picture is not None and picture.can_open:
            found.append(Command(tr("Open the sealed task"), "lock-open", self._ask_to_open))
        return found

    def _show_names(self, names: tuple[str, ...], shown: str) -> None:
        if tuple(self._which.itemText(at) for at in range(self._which.count())) != names:
            self._which.clear()
            self._which.addItems(list(names))
        self._which.setCurrentText(shown)

    def _export(self) -> None:
        """Bring the winner out: where it has learned several tasks, one of them is chosen first."""
        picture = self.model.state.picture
        if picture is None or picture.result is None or picture.result.winner is None:
            return
        models = picture.result.fine_tunes(picture.result.winner)
        self._pick(self._result.export, _learned(models), self._choose_file)

    def _release(self) -> None:
        """Release the winner: itself, or as it has learned one of the tasks."""
        picture = self.model.state.picture
        if picture is None or picture.result is None or picture.result.winner is None:
            return
        winner = picture.result.winner
        itself = tr("{winner} itself, untuned", winner=winner)
        choices = [*_learned(picture.result.fine_tunes(winner)), (itself, winner)]
        self._pick(self._result.release, choices, self._ask_to_release)

    def _ask_to_release(self, name: str, _checked: bool = False) -> None:
        picture = self.model.state.picture
        ask_to_release(self.context, name, self, study=picture.name if picture is not None else "")

    def _pick(self, button: QPushButton, choices: list[tuple[str, str]], does: Callable[[str], None]) -> None:
        """Let one of these be chosen, words and value of each; the only one is taken at once."""
        if len(choices) == 1:
            does(choices[0][1])
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for words, name in choices:
            menu.addAction(words.replace("&", "&&")).triggered.connect(partial(does, name))
        menu.popup(button.mapToGlobal(QPoint(0, button.height())))

    def _choose_file(self, name: str, _checked: bool = False) -> None:
        title = tr("Save {model} as a GGUF file", model=name)
        ask_where_to_save(self, title, f"{name}.gguf", "gguf", partial(self.model.export, name))

    def _show_export(self, job: str) -> None:
        self.context.go("jobs", job)

    def _fill_menu(self) -> None:
        """Offer what the workspace has and the study has not."""
        self._menu.clear()
        words = {
            "base": tr("A base"),
            "task": tr("A task"),
            "sealed": tr("The sealed task"),
            "merge": tr("A merge"),
            "reference": tr("A reference"),
        }
        for what, names in self.model.state.additions:
            part = self._menu.addMenu(words[what])
            part.setEnabled(bool(names) or what == "reference")
            for name in names:
                shown = entrant_words(name) if what == "reference" else name
                part.addAction(shown.replace("&", "&&")).triggered.connect(
                    partial(self._ask_to_add, what, name)
                )
            if what == "reference":
                part.addAction(tr("A model behind an endpoint...")).triggered.connect(self._ask_references)
        self._offer_sealed()

    def _offer_sealed(self) -> None:
        """Let it be chosen who opens the sealed task, as long as nobody has."""
        picture = self.model.state.picture
        task = next((task for task in picture.tasks if task.sealed), None) if picture is not None else None
        if picture is None or task is None or picture.state == "done":
            return
        self._menu.addSeparator()
        action = self._menu.addAction(tr("Keep {task} sealed until I open it", task=task.name))
        action.setCheckable(True)
        action.setChecked(picture.by_hand)
        action.triggered.connect(self.model.keep_sealed)

    def _ask_references(self) -> None:
        """Ask which models behind endpoints are ranked in the same table, and for how much at most."""
        picture = self.model.state.picture
        if picture is None:
            return
        ceiling = numeral(picture.ceiling_usd, ".2f") if picture.ceiling_usd is not None else ""
        ExtrasDialog(
            self.context,
            tr("Add references to {study}", study=picture.name),
            tr(
                "They answer the test prompts and are ranked with the others. What is finished is not done again."
            ),
            tr("Add"),
            self.model.longer_study(),
            Draft(budget=ceiling),
            self.model.add_references,
            self,
            judge=False,
        ).open()

    def _ask_to_open(self) -> None:
        picture = self.model.state.picture
        if picture is not None and picture.can_open:
            ask(
                self.context.look,
                tr("Open {task}?", task=picture.can_open),
                question(picture),
                tr("Open it"),
                self.model.open_sealed,
                self,
            )

    def _ask_to_add(self, what: Addition, name: str, _checked: bool = False) -> None:
        sentences = {
            "base": tr(
                "It is tuned on every task, its answers are judged, and it is ranked with the others."
            ),
            "task": tr("Every base and merge is tuned on it, and it counts as much as the other tasks."),
            "sealed": tr(
                "Nobody looks at it before the end: the winner and the plain base are tuned on it then, and "
                "compared, to see whether the order holds."
            ),
            "merge": tr("The strongest bases are merged in this way too, and the merge is tuned and ranked."),
            "reference": tr("It answers the test prompts as it is, and is ranked with the others."),
        }

        def reckoned(more: tuple[float, float] | None) -> None:
            said = [sentences[what], tr("What is finished is not done again.")]
            if more is not None:
                seconds, money = more
                takes = tr("It takes about {time} more on this machine.", time=duration(seconds))
                costs = tr("It costs about {usd} more, within the ceiling.", usd=usd(money)) if money else ""
                said += [takes, costs]
            ask(
                self.context.look,
                tr("Add {name} to the study?", name=name),
                " ".join(filter(None, said)),
                tr("Add"),
                lambda: self.model.add(what, name),
                self,
            )

        self.model.reckon(what, name, reckoned)

    def _ask_to_stop(self) -> None:
        ask(
            self.context.look,
            tr("Stop the study?"),
            tr("What is finished stays, and Continue takes the study up again later."),
            tr("Stop"),
            lambda: self.model.ask("stop"),
            self,
        )

    def _open_report(self) -> None:
        if self.model.state.report is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.model.state.report)))


def _learned(models: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Words and name of each fine-tune."""
    return [(tr("As it has learned {task}", task=task), name) for task, name in models]


def _about(picture: StudyPicture) -> str:
    return tr("Judged by {judge}.", judge=picture.judge)
