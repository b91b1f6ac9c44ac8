"""What a dataset is made of and what is wrong with it: splits, lengths, duplicates, leaks, rejected rows."""

from __future__ import annotations

from typing import Any, Final

import pyqtgraph
from PySide6.QtWidgets import QGridLayout, QStackedWidget, QVBoxLayout, QWidget

from desktop.language import numeral, tr
from desktop.pages.datasets.asking import DatasetAsker
from desktop.pages.datasets.view_model import DatasetRow, DatasetsModel
from desktop.problem import Problem
from desktop.theme.look import Look
from desktop.theme.tokens import GAP, Tokens, Tone
from desktop.widgets.basics import Button, IconLabel, card, clear, column, heading, label, retone, row
from desktop.widgets.fields import combo, fill
from desktop.widgets.plot import Plot
from desktop.widgets.segments import Segments
from desktop.widgets.table import Column, Rows, table
from desktop.words import count, told
from engine.errors import with_template

#: From so many examples on they are checked when that is asked for, and not by themselves.
_MANY: Final = 50_000


class Lengths(Plot):
    """How many tokens examples have."""

    def __init__(self, look: Look) -> None:
        super().__init__(look, 280, 170)
        self._found: dict[str, Any] | None = None
        self.setAccessibleName(tr("Lengths of the examples in tokens"))

    def show_lengths(self, found: dict[str, Any] | None) -> None:
        """Show a histogram; None: nothing yet."""
        self._found = found
        if found is None:
            self.setAccessibleDescription(tr("Not counted yet."))
        else:
            self.setAccessibleDescription(
                tr(
                    "Half of the examples have at most {median} tokens, 95% at most {p95}, the longest {max}.",
                    median=numeral(found["median"], ",.0f"),
                    p95=numeral(found["p95"], ",.0f"),
                    max=numeral(found["max"]),
                )
            )
        self.redraw()

    def draw(self, tokens: Tokens) -> None:
        """See `Plot`."""
        self.clear()
        found = self._found
        for axis in (self.left, self.bottom):
            axis.setVisible(found is not None)
        if found is None:
            return
        self.bottom.setLabel(tr("tokens"), color=tokens.faint)
        edges, heights = found["edges"], found["heights"]
        self.addItem(
            pyqtgraph.BarGraphItem(
                x0=edges[:-1],
                x1=edges[1:],
                height=heights,
                brush=tokens.accent_fill,
                pen=self.pen(tokens.surface, 1),
            )
        )
        self.addItem(pyqtgraph.InfiniteLine(found["p95"], pen=self.pen(tokens.warn_fill, 1.5, dashed=True)))
        self.setRange(xRange=(edges[0], edges[-1]), yRange=(0, max([*heights, 1])), padding=0.04)


class HealthView(QWidget):
    """Cards below each other.

    Args:
        asker: Counts and checks; slow.
    """

    def __init__(self, look: Look, model: DatasetsModel, asker: DatasetAsker) -> None:
        super().__init__()
        self._look, self._model, self._asker = look, model, asker
        self._shown: DatasetRow | None = None
        self._figures = [
            (label("", "small"), label("", "stat"), label("", "small", wrap=True)) for _ in range(6)
        ]
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(18)
        for number, parts in enumerate(self._figures):
            grid.addLayout(column(*parts, None, gap=2), 0, number)
            grid.setColumnStretch(number, 1)
        self._lengths = Lengths(look)
        self._length_rows = Rows(look, _length_columns())
        lengths_table = table(
            tr("Lengths of the examples in tokens"), self._length_rows, _length_columns(), flat=True, row=28
        )
        self._views = QStackedWidget()
        self._views.addWidget(self._lengths)
        self._views.addWidget(lengths_table)
        self._form = Segments(tr("Chart or table"), [("0", tr("Chart")), ("1", tr("Table"))])
        self._form.choose("0")
        self._form.chosen.connect(lambda key: self._views.setCurrentIndex(int(key)))
        self._models = combo(tr("Whose tokens"), 160)
        self._models.activated.connect(lambda _at: self._count())
        self._length_words = label("", "muted", wrap=True)
        self._findings = QVBoxLayout()
        self._findings.setSpacing(8)
        self._check = Button(look, tr("Check it"), "magnifying-glass", does=self._ask_check)
        self._rejected_rows = Rows(look, _rejected_columns())
        rejected = table(
            tr("Rows that were left out"), self._rejected_rows, _rejected_columns(), flat=True, row=28
        )
        rejected.setMinimumHeight(120)
        self._listed = label("", "small")
        self._rejected = card(heading(tr("Rows that were left out"), self._listed), rejected)
        lengths = card(heading(tr("Lengths"), self._models, self._form), self._views, self._length_words)
        findings = card(heading(tr("Findings"), self._check), self._findings, None)
        beside = row(lengths, findings, gap=GAP)
        beside.setStretch(0, 1)
        beside.setStretch(1, 1)
        layout = column(card(grid), beside, self._rejected, None, gap=GAP)
        self.setLayout(layout)

    def show_dataset(self, shown: DatasetRow, models: tuple[str, ...]) -> None:
        """Show what is known of a dataset, and find out the rest."""
        chosen = self._models.currentData()
        fill(
            self._models,
            [(name, name) for name in models],
            chosen if chosen in models else models[0] if models else "",
        )
        if shown == self._shown:
            return
        self._shown = shown
        for (title, value, below), (name, number, about, tone) in zip(
            self._figures, figures(shown), strict=True
        ):
            title.setText(name)
            value.setText(number)
            retone(value, tone=tone)
            below.setText(about)
        self._rejected.setVisible(bool(shown.rejected))
        if shown.rejected:
            self._model.rejected(shown.name, self._show_rejected)
        self._show_findings([], list(shown.warnings))
        self._lengths.show_lengths(None)
        self._length_words.setText("")
        self._check.setVisible(not shown.closed)
        if not shown.closed:
            self._count()
            if shown.examples < _MANY:
                self._ask_check()

    def _show_rejected(self, rows: list[tuple[int, str]]) -> None:
        self._rejected_rows.set_rows(
            [(f"{number} {reason}", (numeral(number), reason)) for number, reason in rows]
        )
        every = self._shown.rejected if self._shown is not None else len(rows)
        few = tr("the first {count} of {all}", count=numeral(len(rows)), all=numeral(every))
        self._listed.setText(few if every > len(rows) else "")

    def _count(self) -> None:
        model, shown = self._models.currentData(), self._shown
        if shown is None:
            return
        if not model:
            self._length_words.setText(
                tr("Tokens depend on the model, and there is none yet. Add one under Models.")
            )
            return
        self._length_words.setText(tr("Counting tokens..."))

        def heard(found: dict[str, Any]) -> None:
            if self._shown != shown:
                return
            self._lengths.show_lengths(found)
            self._length_rows.set_rows(
                [
                    (f"{low}", (f"{numeral(low, ',.0f')} – {numeral(high, ',.0f')}", numeral(height)))
                    for low, high, height in zip(
                        found["edges"], found["edges"][1:], found["heights"], strict=False
                    )
                ]
            )
            said = [self._lengths.accessibleDescription()]
            if found["counted"] < found["examples"]:
                said.append(
                    tr("Counted on {count} examples, spread evenly.", count=numeral(found["counted"]))
                )
            if found["context"] and found["max"] > found["context"]:
                said.append(
                    tr("The model was made for {context} tokens at most.", context=numeral(found["context"]))
                )
            self._length_words.setText(" ".join(said))

        def refused(problem: Problem) -> None:
            if self._shown == shown:
                self._length_words.setText(f"{problem.message} {problem.fix}".strip())

        self._asker.ask("lengths", heard, refused, dataset=shown.name, model=model)

    def _ask_check(self) -> None:
        shown = self._shown
        if shown is None:
            return
        self._check.setEnabled(False)

        def heard(report: dict[str, Any]) -> None:
            self._check.setEnabled(True)
            if self._shown == shown:
                said = [
                    [told(with_template(one, report.get("words"))) for one in report[kind]]
                    for kind in ("warnings", "suggestions")
                ]
                self._show_findings(_good(report), *said)

        def refused(problem: Problem) -> None:
            self._check.setEnabled(True)
            if self._shown == shown:
                self._show_findings([], [f"{problem.message} {problem.fix}".strip()])

        self._asker.ask("check", heard, refused, dataset=shown.name)

    def _show_findings(
        self, good: list[str], warnings: list[str], suggestions: list[str] | None = None
    ) -> None:
        clear(self._findings)
        parts = [("check-circle", "good", text) for text in good]
        parts += [("warning", "warn", text) for text in warnings]
        parts += [("sparkle", "accent", text) for text in suggestions or []]
        for icon, tone, text in parts:
            mark, words = IconLabel(self._look, icon, tone, 16), label(text, wrap=True)
            line = row(mark, words, gap=8, top=True)
            line.setStretch(1, 1)
            self._findings.addLayout(line)


def figures(shown: DatasetRow) -> list[tuple[str, str, str, Tone]]:
    """Six figures: title, value, what it means, tone."""
    train, dev, test = shown.counts
    doubles = shown.duplicates + shown.near
    tone: Tone = "warn" if doubles > 0.02 * max(1, shown.examples) else "good"
    return [
        (tr("For training"), numeral(train), tr("the model learns from them"), ""),
        (tr("For choosing"), numeral(dev), tr("parents and recipes are chosen on them"), ""),
        (tr("For ranking"), numeral(test), tr("models are compared on them"), "" if test >= 30 else "warn"),
        (
            tr("Duplicates"),
            numeral(doubles),
            tr("{count} of them nearly alike", count=numeral(shown.near)),
            tone,
        ),
        (
            tr("Contradictions"),
            numeral(shown.conflicts),
            tr("prompts with several answers"),
            "warn" if shown.conflicts else "good",
        ),
        (
            tr("Left out"),
            numeral(shown.rejected),
            count(shown.rejected, tr("{count} row could not be read"), tr("{count} rows could not be read")),
            "warn" if shown.rejected else "good",
        ),
    ]


def _good(report: dict[str, Any]) -> list[str]:
    """What was looked for and not found."""
    found = []
    if not report["leakage"]:
        found.append(tr("No prompt of the test is in the training examples."))
    if report["labels"]:
        floor = report["majority_label_floor"]
        labels = len(report["labels"])
        found.append(
            tr("The answers are {count} labels.", count=labels)
            if floor is None
            else tr(
                "The answers are {count} labels; always giving the most frequent one scores {floor}.",
                count=labels,
                floor=numeral(floor, ".3f"),
            )
        )
    return found


def _length_columns() -> list[Column]:
    return [Column(tr("Tokens"), 0), Column(tr("Examples"), 100, right=True)]


def _rejected_columns() -> list[Column]:
    return [Column(tr("Row"), 90, right=True), Column(tr("Why"), 0)]
