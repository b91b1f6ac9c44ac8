"""How far a person and a judge agree: in a sentence, as a curve with its interval, and as a table."""

from __future__ import annotations

from typing import Final

import pyqtgraph
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QFrame, QStackedWidget

from desktop.language import numeral, tr
from desktop.pages.compare.words import judge_words, share
from desktop.pages.vote.view_model import Course
from desktop.theme.fonts import font
from desktop.theme.look import Look
from desktop.theme.tokens import Tokens
from desktop.widgets.basics import Button, column, label, retone, row
from desktop.widgets.plot import Plot
from desktop.widgets.segments import Segments
from desktop.widgets.table import Column, Rows, table

_HEIGHT: Final = 168
#: Agreement below which a judge should not be trusted, and from which it may be.
_POOR, _GOOD = 0.6, 0.75


class AgreementCard(QFrame):
    """You and a judge."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._courses: tuple[Course, ...] = ()
        self._chosen = ""
        self._judges = Segments(tr("Which judge"))
        self._judges.chosen.connect(self._choose)
        self._title = label(tr("You and the judges"), "h2")
        self._share = label("", "stat")
        self._votes = label("", "muted")
        self._between = label("", "muted", wrap=True)
        self._kappa = label("", "muted", wrap=True)
        self._chart = CoursePlot(look)
        columns = [
            Column(tr("Pairs"), 80, right=True),
            Column(tr("Agreement"), 110, right=True),
            Column(tr("Between"), 130, right=True),
            Column(tr("Kappa"), 90, right=True),
            Column(tr("Opposite"), 0, right=True),
        ]
        self._rows = Rows(look, columns)
        self._table = table(tr("Agreement after each vote"), self._rows, columns, flat=True, row=28)
        self._as_table = Button(look, tr("Show as a table"), "list", "ghost", self._switch)
        self._pictures = QStackedWidget()
        self._pictures.addWidget(self._chart)
        self._pictures.addWidget(self._table)
        self._pictures.setFixedHeight(_HEIGHT)
        words = column(
            self._title,
            row(self._share, self._votes, None, gap=10),
            self._between,
            self._kappa,
            None,
            row(self._as_table, None),
            gap=4,
        )
        both = row(gap=28)
        both.addLayout(words, 4)
        both.addWidget(self._pictures, 7)
        layout = column(row(self._judges, None), both, gap=8)
        layout.setContentsMargins(20, 12, 18, 12)
        self.setLayout(layout)

    def show_courses(self, courses: tuple[Course, ...]) -> None:
        """Show the agreement with every judge."""
        self._courses = courses
        if self._chosen not in {one.judge for one in courses}:
            self._chosen = courses[0].judge if courses else ""
        self._judges.set_choices([(one.judge, judge_words(one.judge)) for one in courses])
        self._judges.choose(self._chosen)
        self._judges.setVisible(len(courses) > 1)
        self._show()

    def _choose(self, judge: str) -> None:
        self._chosen = judge
        self._show()

    def _switch(self) -> None:
        shows_table = self._pictures.currentWidget() is self._table
        self._pictures.setCurrentWidget(self._chart if shows_table else self._table)
        words = tr("Show as a table") if shows_table else tr("Show as a chart")
        self._as_table.setText(f" {words}")
        self._as_table.setAccessibleName(words)

    def _show(self) -> None:
        course = next((one for one in self._courses if one.judge == self._chosen), None)
        now = course.now if course is not None else None
        self._share.setVisible(now is not None)
        self._pictures.setVisible(now is not None)
        self._as_table.setVisible(now is not None)
        self._kappa.setVisible(now is not None)
        if course is None or now is None or now.agreement is None:
            self._title.setText(tr("You and the judges"))
            self._votes.setText("")
            self._between.setText(
                tr("No other judge has judged here yet. Your votes count as evidence of their own.")
                if course is None
                else tr("There is no pair yet that both you and a judge have judged.")
            )
            return
        name = judge_words(course.judge)
        self._title.setText(tr("You and {judge} agree", judge=name))
        self._share.setText(share(now.agreement))
        tone = "good" if now.agreement >= _GOOD else "bad" if now.agreement < _POOR else "warn"
        retone(self._share, tone=tone)
        agreeing = round(now.agreement * now.pairs)
        self._votes.setText(tr("{count} of {pairs} pairs", count=numeral(agreeing), pairs=numeral(now.pairs)))
        between = tr(
            "The true figure is between {low} and {high}.",
            low=share(now.agreement_lo or 0.0),
            high=share(1.0 if now.agreement_hi is None else now.agreement_hi),
        )
        if course.outlook is not None:
            between = f"{between} {tr('Dashed: how close the whole ballot will bring you.')}"
        self._between.setText(between)
        opposite = share(now.opposite or 0.0)
        self._kappa.setText(
            tr("You prefer opposite answers in {share}.", share=opposite)
            if now.kappa is None
            else tr(
                "You prefer opposite answers in {share}. Beyond chance (kappa): {kappa}.",
                share=opposite,
                kappa=numeral(now.kappa, ".2f"),
            )
        )
        self._chart.show_course(course)
        self._rows.set_rows(
            [
                (
                    str(step.pairs),
                    (
                        numeral(step.pairs),
                        share(step.agreement or 0.0),
                        f"{share(step.agreement_lo or 0.0)} – {share(step.agreement_hi or 0.0)}",
                        "" if step.kappa is None else numeral(step.kappa, ".2f"),
                        share(step.opposite or 0.0),
                    ),
                )
                for step in reversed(course.steps)
            ]
        )


class CoursePlot(Plot):
    """Agreement over votes, with its interval as a band and its outlook dashed."""

    def __init__(self, look: Look) -> None:
        super().__init__(look, 300, _HEIGHT)
        self._course: Course | None = None
        self.left.written = share

    def show_course(self, course: Course) -> None:
        """Show a course."""
        self._course = course
        now = course.now
        self.setAccessibleName(tr("Agreement with {judge}", judge=judge_words(course.judge)))
        if now is not None and now.agreement is not None:
            self.setAccessibleDescription(
                tr(
                    "After {pairs} pairs you agree in {share}, with an interval from {low} to {high}.",
                    pairs=now.pairs,
                    share=share(now.agreement),
                    low=share(now.agreement_lo or 0.0),
                    high=share(now.agreement_hi or 0.0),
                )
            )
        self.redraw()

    def draw(self, tokens: Tokens) -> None:
        """See `Plot`."""
        self.clear()
        course = self._course
        if course is None or not course.steps:
            return
        self.bottom.setLabel(tr("pairs that both judged"), color=tokens.faint)
        self.bottom.label.setFont(font(11))
        steps = [step for step in course.steps if step.agreement is not None]
        pairs = [float(step.pairs) for step in steps]
        low = [step.agreement_lo or 0.0 for step in steps]
        high = [1.0 if step.agreement_hi is None else step.agreement_hi for step in steps]
        band = QColor(tokens.accent_fill)
        band.setAlpha(48)
        edges = [pyqtgraph.PlotCurveItem(pairs, values, pen=(0, 0, 0, 0)) for values in (low, high)]
        for edge in edges:
            self.addItem(edge)
        self.addItem(pyqtgraph.FillBetweenItem(*edges, brush=band))
        shares = [step.agreement or 0.0 for step in steps]
        self.addItem(pyqtgraph.PlotDataItem(pairs, shares, pen=self.pen(tokens.accent_fill)))
        last = pyqtgraph.ScatterPlotItem(
            pairs[-1:], shares[-1:], size=9, brush=QColor(tokens.accent_fill), pen=self.pen(tokens.surface)
        )
        self.addItem(last)
        end = max(pairs[-1], course.expected)
        if course.outlook is not None and end > pairs[-1]:
            for begin, value in zip((low[-1], high[-1]), course.outlook, strict=True):
                dashes = self.pen(tokens.line, 1.4, dashed=True)
                self.addItem(pyqtgraph.PlotDataItem([pairs[-1], end], [begin, value], pen=dashes))
        self.setXRange(min(1.0, pairs[0]), max(2.0, end), padding=0.02)
        self.setYRange(max(0.0, min(low) - 0.02), 1.0, padding=0.02)
