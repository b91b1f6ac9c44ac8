"""The course of a run: state, numbers, curves or their table, and the list of runs to compare."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Literal, cast

from PySide6.QtCore import QItemSelection, QItemSelectionModel
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHBoxLayout, QSizePolicy, QStackedWidget, QWidget

from desktop.language import numeral, tr
from desktop.pages.train.chart import Chart, Colour, Line
from desktop.pages.train.curves import Curves, thinned
from desktop.pages.train.view_model import Run, TrainModel, TrainState
from desktop.problem import problem_of_record
from desktop.theme.look import Look
from desktop.theme.tokens import GAP
from desktop.widgets.basics import Button, bar, card, chip, clear, column, holder, label, retone, row
from desktop.widgets.folding import Folding
from desktop.widgets.legend import Legend
from desktop.widgets.segments import Segments
from desktop.widgets.table import Cell, Column, Rows, table
from desktop.words import duration, progress_words, size, state_words
from engine.jobs.directory import Action

Measure = Literal["loss", "check", "rate", "speed"]

#: Colours of runs that are compared, in the order of the choice.
_COLOURS: tuple[Colour, ...] = (
    lambda tokens: tokens.accent_fill,
    lambda tokens: tokens.warn_fill,
    lambda tokens: tokens.violet,
    lambda tokens: tokens.good_fill,
    lambda tokens: tokens.bad_fill,
    lambda tokens: tokens.line,
)
#: Rows of the table that shows a chart's data.
_TABLE_ROWS = 400
#: Pixels for the names of the runs that are compared.
_LEGEND: Final = 560
#: So many of them stand beside each other.
_BESIDE: Final = 2


class Figure(QFrame):
    """A number with its name and a line about it."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._value = label("–", "stat")
        self._about = label("", "small")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(card(label(name, "muted"), self._value, self._about, padding=12, gap=2))

    def show_figure(self, value: str, about: str) -> None:
        """Show a value."""
        self._value.setText(value or "–")
        self._about.setText(about)


class RunCard(QWidget):
    """Everything about the chosen runs."""

    def __init__(self, look: Look, model: TrainModel) -> None:
        super().__init__()
        self._look = look
        self._model = model
        self._measure: Measure = "loss"
        self._state = TrainState()
        self._legend_of: tuple[str, ...] = ()
        self._title = label("", "strong")
        self._chip = chip("")
        self._pause = Button(look, tr("Pause"), "pause", does=lambda: self._ask("pause"))
        self._resume = Button(look, tr("Continue"), "play", does=lambda: self._ask("resume"))
        self._save = Button(look, tr("Stop and save"), "floppy-disk", does=lambda: self._ask("finish"))
        self._save.setToolTip(tr("Ends the run now; what it has learned so far becomes its model."))
        self._stop = Button(look, tr("Stop"), "stop", does=lambda: self._ask("stop"))
        self._stop.setToolTip(tr("Ends the run without a model; it can be continued from here."))
        self._bar = bar(name=tr("Progress of the run"))
        self._progress = label("", "small")
        self._problem = label("", "small", "bad", wrap=True)
        self._figures = [Figure(name) for name in (tr("Loss"), tr("Check loss"), tr("Speed"), tr("Memory"))]
        self._measures = Segments(
            tr("What the chart shows"),
            [
                ("loss", tr("Loss")),
                ("check", tr("Check loss")),
                ("rate", tr("Learning rate")),
                ("speed", tr("Speed")),
            ],
        )
        self._measures.choose("loss")
        self._measures.chosen.connect(self._show_measure)
        self._forms = Segments(tr("Chart or table"), [("chart", tr("Chart")), ("table", tr("Table"))])
        self._forms.choose("chart")
        self._forms.chosen.connect(self._show_form)
        self._legend = QWidget()
        self._legend_lines = column(gap=2)
        self._legend.setLayout(self._legend_lines)
        self._chart = Chart(look)
        columns = [
            Column(tr("Curve"), 0),
            Column(tr("Step"), 90, right=True),
            Column(tr("Value"), 120, right=True),
        ]
        self._points = Rows(look, columns)
        self._views = QStackedWidget()
        self._views.addWidget(self._chart)
        self._views.addWidget(table(tr("What the chart shows"), self._points, columns, flat=True))
        run_columns = [
            Column(tr("Run"), 0),
            Column(tr("State"), 110),
            Column(tr("Dataset"), 130),
            Column(tr("Check loss"), 92, right=True),
            Column(tr("Took"), 80, right=True),
        ]
        self._runs = Rows(look, run_columns)
        self._table = table(tr("Runs"), self._runs, run_columns, flat=True)
        self._table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self._table.setMinimumHeight(150)
        self._table.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)  # it scrolls
        self._table.selectionModel().selectionChanged.connect(self._choose)
        pairs = [row(*self._figures[at : at + 2], gap=GAP) for at in (0, 2)]
        for pair in pairs:
            pair.setStretch(0, 1)
            pair.setStretch(1, 1)
        figures = Folding(*map(holder, pairs), stretches=(1, 1))
        steps = row(self._pause, self._resume, self._save, self._stop, None, gap=8)
        progress = row(self._bar, self._progress, gap=12)
        progress.setStretch(0, 1)
        head = Folding(holder(row(self._measures, self._forms, None, gap=10)), self._legend)
        head.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        chart_card = card(head, self._views)
        hint = label(tr("Select several with Shift or Ctrl to compare them."), "muted")
        listing = column(Folding(label(tr("Runs"), "h2"), hint, gap=4), self._table, gap=8)
        listing.setStretch(1, 1)
        layout = column(
            Folding(holder(row(self._title, self._chip, None, gap=8)), holder(steps), gap=8),
            progress,
            self._problem,
            figures,
            chart_card,
            card(listing, gap=8),
            gap=GAP,
        )
        layout.setStretch(4, 1)
        self.setLayout(layout)

    def show_state(self, state: TrainState) -> None:
        """Show the runs."""
        self._state = state
        self._runs.set_rows([(run.job.id, _row(run)) for run in state.runs])
        self._select(state.chosen)
        shown = state.shown
        if not shown:
            self._title.setText(tr("No run yet: choose a base and a dataset, and press Start."))
        for widget in (self._chip, self._bar, self._progress):
            widget.setVisible(bool(shown))
        self._show_run(shown[0] if shown else None)
        self._draw()

    def _show_run(self, run: Run | None) -> None:
        state = run.job.state if run else ""
        self._pause.setVisible(state in ("running", "queued"))
        self._resume.setVisible(state in ("paused", "interrupted", "stopped", "failed"))
        again = tr("Try again") if state == "failed" else tr("Continue")
        self._resume.setText(f" {again}")
        self._resume.setAccessibleName(again)
        self._stop.setVisible(state in ("running", "queued", "paused", "interrupted"))
        learned = bool(run and run.job.progress.get("done"))
        self._save.setVisible(learned and state in ("running", "queued", "paused", "interrupted"))
        self._problem.setVisible(bool(run and run.job.error))
        if run is None:
            return
        job = run.job
        words, tone = state_words(state)
        self._title.setText(tr("{base} on {dataset}", base=run.base, dataset=run.dataset))
        self._chip.setText(words)
        retone(self._chip, tone=tone)
        share = 1.0 if state == "done" else job.share or 0.0
        self._bar.setValue(round(1000 * share))
        left = job.progress.get("seconds_left")
        said = progress_words(job.progress)
        if state == "running" and left is not None and said:
            said = tr("{done}, {time} left", done=said, time=duration(left))
        if run.curves.rate and state != "done":
            rate = numeral(run.curves.rate[-1][1], ".3g")
            said = tr("{progress}, learning rate {rate}", progress=said, rate=rate)
        self._progress.setText(said)
        if job.error:
            problem = problem_of_record(job.error)
            self._problem.setText(f"{problem.message} {problem.fix}".strip())
        self._show_figures(run.curves)

    def _show_figures(self, curves: Curves) -> None:
        loss, evaluations = curves.smooth, curves.evaluations
        best = min(evaluations, key=lambda one: one[1]) if evaluations else None
        change = ""
        if len(loss) > 20:
            change = tr("{change} over the last 20 steps", change=numeral(loss[-1][1] - loss[-21][1], "+.3f"))
        elif loss:
            change = tr("smoothed")
        seconds = curves.memory if curves.memory is not None else curves.peak_memory
        told = [
            (numeral(loss[-1][1], ".3f") if loss else "", change),
            (
                numeral(evaluations[-1][1], ".3f") if evaluations else "",
                tr("best at step {step}", step=round(best[0])) if best else tr("not measured yet"),
            ),
            (
                tr("{speed} tokens/s", speed=numeral(curves.speed[-1][1], ",.0f")) if curves.speed else "",
                tr("since its start"),
            ),
            (
                size(seconds) if seconds is not None else "",
                tr("of its process now") if curves.memory is not None else tr("at its peak"),
            ),
        ]
        for figure, (value, about) in zip(self._figures, told, strict=True):
            figure.show_figure(value, about if value else "")

    def _draw(self) -> None:
        shown = self._state.shown
        lines = lines_of(shown, self._measure)
        names = tuple(line.title for line in lines if not line.faint)
        total = max((float(run.job.progress.get("total") or 0) for run in shown), default=0.0)
        number = _NUMBERS[self._measure]
        titles = {
            "loss": tr("Loss"),
            "check": tr("Check loss"),
            "rate": tr("Learning rate"),
            "speed": tr("Tokens per second"),
        }
        self._chart.show_lines(titles[self._measure], lines, total, number)
        if names != self._legend_of:
            self._legend_of = names
            clear(self._legend_lines)
            entries = [(line.colour, line.title) for line in lines if not line.faint]
            for at in range(0, len(entries), _BESIDE):  # names of runs are long, and differ at their ends
                self._legend_lines.addWidget(self._legend_of_some(entries[at : at + _BESIDE]))
        if self._views.currentIndex() == 1:
            self._points.set_rows(
                [
                    (f"{line.title} {step}", (line.title, numeral(step, ",.0f"), number(value)))
                    for line in lines
                    for step, value in thinned(line.points, _TABLE_ROWS)
                ]
            )

    def _legend_of_some(self, entries: Sequence[tuple[Colour, str]]) -> Legend:
        return Legend(
            self._look,
            lambda tokens: [(colour(tokens), name) for colour, name in entries],
            most=_LEGEND / len(entries),
        )

    def _select(self, chosen: Sequence[str]) -> None:
        """Select the chosen runs in the list, without telling the model."""
        selection = self._table.selectionModel()
        there = {self._runs.key(index.row()) for index in selection.selectedRows()}
        if there == set(chosen):
            return
        rows = QItemSelection()
        for key in chosen:
            at = self._runs.row_of(key)
            if at >= 0:
                rows.select(self._runs.index(at, 0), self._runs.index(at, self._runs.columnCount() - 1))
        selection.blockSignals(True)
        selection.select(rows, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        selection.blockSignals(False)
        self._table.viewport().update()

    def _choose(self) -> None:
        keys = [self._runs.key(index.row()) for index in self._table.selectionModel().selectedRows()]
        before = [key for key in self._state.chosen if key in keys]
        self._model.choose(tuple(before + [key for key in keys if key not in before])[: len(_COLOURS)])

    def _show_measure(self, measure: str) -> None:
        self._measure = cast(Measure, measure)
        self._draw()

    def _show_form(self, form: str) -> None:
        self._views.setCurrentIndex(1 if form == "table" else 0)
        self._draw()

    def _ask(self, action: Action) -> None:
        if self._state.shown:
            self._model.ask(self._state.shown[0].job.id, action)


_NUMBERS: dict[Measure, Callable[[float], str]] = {
    "loss": lambda value: numeral(value, ".4g"),
    "check": lambda value: numeral(value, ".4g"),
    "rate": lambda value: numeral(value, ".3g"),
    "speed": lambda value: numeral(value, ",.0f"),
}


def lines_of(runs: Sequence[Run], measure: Measure) -> list[Line]:
    """What a chart of these runs shows: of one everything, of several a line each."""
    if len(runs) == 1 and measure == "loss":
        curves = runs[0].curves
        return [
            Line(tr("each step"), curves.loss, _COLOURS[0], faint=True),
            Line(tr("smoothed"), curves.smooth, _COLOURS[0]),
            Line(tr("check"), curves.evaluations, _COLOURS[1], dots=True),
        ]
    made = []
    for colour, run in zip(_COLOURS, runs, strict=False):
        curves = run.curves
        points = {
            "loss": curves.smooth,
            "check": curves.evaluations,
            "rate": curves.rate,
            "speed": curves.speed,
        }[measure]
        made.append(Line(run.name, points, colour, dots=measure == "check"))
    return made


def _row(run: Run) -> tuple[str | Cell, ...]:
    job = run.job
    words, tone = state_words(job.state)
    took = "" if job.seconds is None else duration(job.seconds)
    check = "" if run.check is None else numeral(run.check, ".3f")
    return run.name, Cell(words, tone), run.dataset, check, took
