"""The widgets of the Ranking page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QFileDialog, QStackedWidget, QWidget

from desktop.language import numeral, tr
from desktop.pages.compare.words import judge_words, usd
from desktop.pages.ranking.chart import RankChart, RankTable, kind_colour
from desktop.pages.ranking.choosing import IntervalMenu, TaskDialog
from desktop.pages.ranking.export_menu import ExportMenu
from desktop.pages.ranking.health import HealthCard
from desktop.pages.ranking.matrix import HeadMatrix, HeadTable
from desktop.pages.ranking.state import EVERYTHING, RankingState
from desktop.pages.ranking.view_model import RankingModel
from desktop.pages.ranking.words import level_words, summary, verdict_in_words
from desktop.shell.commands import Command
from desktop.shell.context import Context
from desktop.theme.tokens import GAP
from desktop.widgets.basics import Button, IconLabel, card, column, frame, heading, label, retone, row
from desktop.widgets.empty import Empty
from desktop.widgets.fields import combo, fill
from desktop.widgets.legend import Legend
from desktop.widgets.page import Page
from desktop.widgets.segments import Segments

if TYPE_CHECKING:
    from engine.judging.standings import JudgedTask, Split

#: Tasks with more letters than this are chosen from a list instead of from buttons.
_LETTERS: Final = 90
#: Less wide than this, what stands beside each other goes below each other.
_NARROW: Final = 1020
#: Values of the two entries beside studies: the file that is ranked, and one that is to be chosen.
_FILE: Final = "\0file"
_OTHER: Final = "\0other"
_VOTES: Final = "\0votes"
_CHOSEN: Final = "\0chosen"
_CHOOSE: Final = "\0choose"


def build(context: Context) -> Page:
    """Make the page."""
    return RankingPage(context, RankingModel(context.services))


class RankingPage(Page):
    """Ratings with intervals, who beats whom, and whether to believe it."""

    model: RankingModel

    def __init__(self, context: Context, model: RankingModel) -> None:
        look = context.look
        self._export = Button(look, tr("Export"), "export")
        self._chat = Button(look, tr("Chat with the leader"), "chats-circle", does=self.chat)
        self._more = Button(look, tr("Run more comparisons"), "play", "primary", self._go_judging)
        super().__init__(context, model, tr("Ranking"), "", self._chat, self._export, self._more)
        self._exports = ExportMenu(self, context.look, model)
        self._export.setMenu(self._exports)
        model.exported.connect(self._tell_exported)
        model.exporting.connect(lambda job: context.go("jobs", job))
        self._studies = combo(tr("Which study"), 180)
        self._studies.activated.connect(lambda at: self._choose(self._studies.itemData(at)))
        self._task_list = combo(tr("Which task"), 180)
        self._task_list.activated.connect(lambda at: model.choose_task(self._task_list.itemData(at)))
        self._tasks = Segments(tr("Which task"))
        self._tasks.chosen.connect(model.choose_task)
        self._judges = combo(tr("Whose verdicts"), 160)
        self._judges.activated.connect(lambda at: model.choose_judge(self._judges.itemData(at)))
        self._references = combo(tr("Whose rating is 1000"), 186)
        self._references.activated.connect(lambda at: model.choose_reference(self._references.itemData(at)))
        self._interval_menu = IntervalMenu(self, model.choose_level, model.choose_interval)
        self._intervals = Button(look, "")
        self._intervals.setMenu(self._interval_menu)
        self._counting = label("", "muted", wrap=True)
        self._chart, self._table = RankChart(look), RankTable(look)
        self._matrix, self._heads = HeadMatrix(look), HeadTable(look)
        self._matrix.chosen.connect(self._compare_pair)
        self._heads.widget.activated.connect(
            lambda at: self._compare_pair(*self._heads.rows.key(at.row()).split("\n"))
        )
        self._health = HealthCard()
        self._note_head, self._note = label("", "strong"), label("", wrap=True)
        self._settle = Button(look, tr("Settle it"), does=self._go_judging)
        self._problem = Empty(look, "warning-circle", tr("There is nothing to rank"), "")
        self._empty = Empty(
            look,
            "trophy",
            tr("Nothing was judged yet"),
            tr(
                "Let models answer the prompts of a dataset, and let a judge compare the answers pair by pair."
            ),
            row(
                Button(look, tr("Rank a file"), "file-text", "ghost", self.ask_file),
                Button(look, tr("Begin a study"), "house", does=lambda: context.go("home", None)),
                Button(
                    look, tr("Answer and judge"), "scales", "primary", lambda: context.go("compare", None)
                ),
                gap=8,
            ),
        )
        self._content = self._build()
        for part in (self._empty, self._content, self._problem):
            self.body.addWidget(part, 0 if part is self._content else 1)
            part.hide()

    def update_page(self) -> None:
        """See `Page`."""
        state = self.model.state
        table = state.table
        self.set_title(tr("Ranking"), summary(state))
        self._empty.setVisible(not state.filled)
        self._problem.setVisible(state.problem is not None)
        self._content.setVisible(state.filled)
        self._export.setEnabled(table is not None)
        self._more.setEnabled(bool(state.judges) and state.file is None)
        self._references.setVisible(table is not None)
        if state.problem is not None:
            self._problem.say(f"{state.problem.message} {state.problem.fix}".strip())
        self._show_choices(state)
        self._results.setVisible(table is not None)
        self._counting.setVisible(state.counting > 0)
        self._counting.setText(
            tr("{count} verdicts are being ranked. That takes a while.", count=numeral(state.counting))
            if state.file is None
            else tr("The verdicts of {file} are being ranked. That takes a while.", file=state.file.name)
        )
        self._chat.setEnabled(bool(state.leading))
        names = ", ".join(name for _, name in state.leading)
        self._chat.setToolTip(tr("Chat with {name}", name=names) if names else "")
        if table is None or state.standings is None:
            return
        ranking = state.standings.ranking
        self._chart.show_table(table, state.standings.kinds, ranking.reference)
        self._table.show_table(table)
        heads = state.standings.heads.get(state.task, state.standings.heads[""])
        self._matrix.show_heads(heads)
        self._heads.show_heads(heads)
        self._health.show_standings(state.standings)
        head, more = verdict_in_words(table, state.standings)
        self._note_head.setText(head)
        self._note.setText(more)
        sure = not more
        self._settle.setVisible(not sure and state.file is None)
        retone(self._note_frame, tone="good" if sure else "warn")
        self._note_icon.change("check-circle" if sure else "scales", "good" if sure else "warn")
        self._cost.setText(tr("The judge has cost {amount}", amount=usd(state.standings.cost_usd)))
        for widget in (self._cost, self._legend):
            widget.setVisible(state.file is None)

    @property
    def place(self) -> str:
        """See `Page`."""
        return self.model.state.study

    def open(self, target: Any) -> None:
        """Show a study's ranking (its name), or ``{"study", "task", "judge"}``."""
        if isinstance(target, str):
            self.model.choose_study(target)
        elif isinstance(target, dict):
            if target.get("judge"):
                self.model.choose_judge(str(target["judge"]))
            self.model.choose_study(str(target.get("study", EVERYTHING)))
            if target.get("task"):
                self.model.choose_task(str(target["task"]))

    def commands(self) -> list[Command]:
        """See `Page`."""
        found = []
        if self.model.state.standings is not None:
            found += [
                Command(
                    tr("Export the ranking as a picture"), "export", lambda: self._exports.ask_where("png")
                ),
                Command(
                    tr("Export the ranking as a table"), "export", lambda: self._exports.ask_where("csv")
                ),
                Command(
                    tr("Export the ranking as a report"), "export", lambda: self._exports.ask_where("html")
                ),
            ]
        if self.model.state.leading:
            found.append(Command(tr("Chat with the leading model"), "chats-circle", self.chat))
        return [
            *found,
            Command(tr("Rank tasks of my choice"), "scales", self.ask_tasks),
            Command(tr("Rank a file with verdicts"), "file-text", self.ask_file),
            Command(tr("Rank the votes in conversations"), "thumbs-up", self.model.choose_votes),
        ]

    def ask_file(self) -> None:
        """Ask for a file with verdicts, and rank it."""
        dialog = QFileDialog(self, tr("A file with verdicts: columns a, b and winner"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilter(tr("Verdicts ({endings});;All files (*)", endings="*.csv *.jsonl"))
        dialog.fileSelected.connect(lambda file: self.model.choose_file(Path(file)))
        dialog.open()

    def ask_tasks(self) -> None:
        """Ask which tasks are ranked together, and do it."""
        state, model = self.model.state, self.model

        def ask(judged: dict[Split, list[JudgedTask]]) -> None:
            chosen = state.chosen or tuple(one.dataset for one in state.tasks if not one.sealed)
            TaskDialog(self.context.look, judged, chosen, state.split, model.choose_datasets, self).open()

        model.ask_judged(ask)

    def chat(self) -> None:
        """Chat with whoever stands first; in an average, with all its fine-tunes."""
        names = tuple(dict.fromkeys(name for _, name in self.model.state.leading))
        if names:
            self.context.go("chat", names)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Put things below each other where there is no room beside."""
        narrow = event.size().width() < _NARROW
        directions = QBoxLayout.Direction
        for layout in (self._pictures, self._choices):
            layout.setDirection(directions.TopToBottom if narrow else directions.LeftToRight)
        self._health.set_narrow(narrow)
        super().resizeEvent(event)

    def close_page(self) -> None:
        """See `Page`."""
        self.model.close()
        super().close_page()

    def _build(self) -> QWidget:
        look = self.context.look
        self._cost = label("", "small")
        self._legend = Legend(
            look,
            lambda tokens: [
                (kind_colour(tokens, "merge"), tr("merge")),
                (kind_colour(tokens, "tuned"), tr("tuned")),
                (kind_colour(tokens, "reference"), tr("reference")),
            ],
        )
        self._choices = row(
            row(self._studies, self._tasks, self._task_list, None, gap=10),
            row(self._judges, self._references, self._intervals, None, gap=10),
            gap=10,
        )
        self._choices.setStretch(0, 1)
        self._ratings = self._switchable(self._chart, self._table.widget)
        self._meetings = self._switchable(self._matrix, self._heads.widget)
        ratings = card(
            heading(
                tr("Rating"),
                label(tr("≈ cannot be told apart"), "small", "warn"),
                self._switch(self._ratings),
            ),
            self._ratings,
            row(self._legend, None),
        )
        meetings = card(
            heading(
                tr("Head to head"), label(tr("row beats column, in %"), "small"), self._switch(self._meetings)
            ),
            self._meetings,
        )
        self._pictures = row(ratings, meetings, gap=GAP)
        self._pictures.setStretch(0, 58)
        self._pictures.setStretch(1, 42)
        self._note_icon = IconLabel(look, "scales", "warn", 18)
        note = row(self._note_icon, self._note_head, self._note, self._settle, gap=10)
        note.setStretch(2, 1)
        self._note_frame = frame("note", note, padding=(16, 9, 9, 9), tone="warn")
        self._results = QWidget()
        self._results.setLayout(
            column(self._pictures, self._note_frame, self._health, row(None, self._cost), gap=GAP)
        )
        whole = QWidget()
        whole.setLayout(column(self._choices, self._counting, self._results, None, gap=GAP))
        return whole

    def _switchable(self, picture: QWidget, numbers: QWidget) -> QStackedWidget:
        made = QStackedWidget()
        made.addWidget(picture)
        made.addWidget(numbers)
        return made

    def _switch(self, views: QStackedWidget) -> Segments:
        made = Segments(tr("Chart or table"), [("0", tr("Chart")), ("1", tr("Table"))])
        made.choose("0")
        made.chosen.connect(lambda key: views.setCurrentIndex(int(key)))
        return made

    def _show_choices(self, state: RankingState) -> None:
        studies = [(name, name) for name in state.studies]
        sources = [*studies, (tr("Everything that was judged"), EVERYTHING)]
        shown = state.study
        if state.chosen:
            shown = _CHOSEN
            words = ", ".join(state.chosen)
            if state.split == "dev":
                words = tr("{names} (development)", names=words)
            sources.append((words, _CHOSEN))
        if state.file is not None:
            shown = _FILE
            sources.append((state.file.name, _FILE))
        sources.append((tr("Tasks of my choice..."), _CHOOSE))
        sources.append((tr("Votes in conversations"), _VOTES))
        sources.append((tr("A file with verdicts..."), _OTHER))
        fill(self._studies, sources, shown)
        self._interval_menu.show_state(state)
        level = level_words(state.level)
        self._intervals.setText(level)
        self._intervals.setAccessibleName(
            tr("How sure intervals are, and how they are made: {level}", level=level)
        )
        self._intervals.setToolTip(tr("How sure intervals are, and how they are made"))
        tasks = [(one.dataset, _task_words(one.dataset, sealed=one.sealed)) for one in state.tasks]
        if len(tasks) > 1:
            tasks.insert(0, ("", tr("All tasks")))
        few = bool(tasks) and sum(len(words) + 5 for _, words in tasks) <= _LETTERS
        self._tasks.setVisible(few)
        self._task_list.setVisible(bool(tasks) and not few)
        if few:
            self._tasks.set_choices(tasks)
            self._tasks.choose(state.task)
        else:
            fill(self._task_list, [(words, key) for key, words in tasks], state.task)
        self._judges.setVisible(state.file is None)
        fill(
            self._judges,
            [(tr("Judge: {name}", name=judge_words(name)), name) for name, _ in state.judges],
            state.judge,
        )
        if state.standings is not None:
            names = sorted(row.name for row in state.standings.ranking.contestants)
            offered = [(tr("1000 = {name}", name=name), name) for name in names]
            fill(self._references, [(tr("1000 = the mean"), ""), *offered], state.reference)

    def _choose(self, source: str) -> None:
        """Rank a study, everything, or a file that is asked for."""
        if source == _VOTES:
            self.model.choose_votes()
            self._show_choices(self.model.state)  # until they are there, and where there are none
            return
        if source in (_OTHER, _CHOOSE):
            self._show_choices(self.model.state)  # until something was chosen, what is ranked stays chosen
            (self.ask_file if source == _OTHER else self.ask_tasks)()
        elif source not in (_FILE, _CHOSEN):
            self.model.choose_study(source)

    def _go_judging(self) -> None:
        state = self.model.state
        task = state.task or next(iter(state.standings.datasets if state.standings else ()), "")
        task = task or next((one.dataset for one in state.tasks), "")
        if task:  # before anything was read, and where nothing was judged, there is none
            target = {"dataset": task, "split": state.split, "judge": state.judge, "judging": True}
            self.context.go("compare", target)
        else:
            self.context.go("compare", None)

    @Slot(str, str)
    def _compare_pair(self, first: str, second: str) -> None:
        state = self.model.state
        if state.file is not None:
            return
        task = state.task or (state.standings.datasets[0] if state.standings is not None else "")
        target: dict[str, Any] = {"dataset": task, "split": state.split, "judge": state.judge}
        if state.task:
            target["contestants"] = [first, second]
        self.context.go("compare", target)

    @Slot(object)
    def _tell_exported(self, file: Path) -> None:
        self.context.tell(tr("{file} has been written.", file=file.name))


def _task_words(name: str, *, sealed: bool) -> str:
    return tr("{name} (sealed)", name=name) if sealed else name
