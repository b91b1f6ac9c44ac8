"""What the pre-flight says, how large the merge will be, and merges under way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from PySide6.QtWidgets import QFrame, QLineEdit, QPushButton, QVBoxLayout, QWidget

from desktop.feed import JobRow
from desktop.language import tr
from desktop.pages.merge.recipe_form import Form
from desktop.pages.merge.view_model import Checked, MergeModel
from desktop.theme.look import Look
from desktop.theme.tokens import Tone
from desktop.widgets.basics import IconLabel, chip, clear, column, heading, label, retone, row
from desktop.widgets.fields import spin
from desktop.widgets.job_line import JobLine
from desktop.widgets.keyed import KeyedColumn
from desktop.words import duration, size
from engine.merging.method_table import RANDOM_METHODS
from engine.merging.spec import MOST_THREADS

#: Letters on all buttons of a finding, above which they stand below each other.
_ON_A_LINE: Final = 48
#: Pixels of the names in the forecast, so that its values stand below each other.
_OF: Final = 70


class FindingsCard(QFrame):
    """What the pre-flight says, in plain words, and buttons for what can be mended at once.

    Args:
        look: See `Look`.
        mend: Uses another recipe: what is changed in words, and the recipe's text.
    """

    def __init__(self, look: Look, mend: Callable[[str, str], None]) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._look = look
        self._mend = mend
        self._shown: Checked | None = None
        self._chips = [chip("") for _ in range(3)]
        self._lines = QVBoxLayout()
        self._lines.setSpacing(10)
        layout = column(heading(tr("Before you start"), *self._chips), self._lines, None, gap=10)
        layout.setContentsMargins(16, 12, 16, 14)
        self.setLayout(layout)

    def show_checked(self, checked: Checked | None, *, written: bool) -> None:
        """Show it; None: it is being looked at, or there is nothing to look at."""
        if checked is self._shown and checked is not None:
            return
        self._shown = checked
        clear(self._lines)
        errors = checked.errors if checked is not None else []
        warnings = checked.warnings if checked is not None else []
        fine = checked is not None and checked.ok
        said: list[tuple[str, Tone]] = [
            (tr("fine") if fine else "", "good"),
            (tr("{count} to know", count=len(warnings)) if warnings else "", "warn"),
            (tr("{count} in the way", count=len(errors)) if errors else "", "bad"),
        ]
        for widget, (words, tone) in zip(self._chips, said, strict=True):
            widget.setText(words)
            widget.setVisible(bool(words))
            retone(widget, tone=tone)
        if checked is None:
            words = tr("Looking at the models...") if written else tr("Choose models, or mend the recipe.")
            self._lines.addWidget(label(words, "muted", wrap=True))
            return
        if fine:
            facts = checked.facts
            models = ", ".join(facts.get("models", ()))
            self._line(
                "check-circle",
                "good",
                tr("These models can be merged"),
                tr(
                    "{models}: {layers} layers, {tensors} tensors, stored as {dtype}.",
                    models=models,
                    layers=facts.get("layers"),
                    tensors=facts.get("tensors"),
                    dtype=facts.get("dtype"),
                ),
            )
        for one in [*errors, *warnings]:
            icon, tone = ("x-circle", "bad") if one.severity == "error" else ("warning", "warn")
            self._line(icon, tone, one.message, one.fix, one.remedies)

    def _line(
        self, icon: str, tone: str, head: str, below: str, remedies: Sequence[tuple[str, str]] = ()
    ) -> None:
        buttons = [self._button(words, text, head) for words, text in remedies]
        fits = buttons and sum(len(words) for words, _ in remedies) <= _ON_A_LINE
        words = column(
            label(head, "strong", wrap=True),
            *([label(below, "muted", wrap=True)] if below else []),
            *([row(*buttons, None, gap=8)] if fits else [row(button, None) for button in buttons]),
            gap=4 if buttons else 2,
        )
        line = row(IconLabel(self._look, icon, tone, 18), words, gap=10, top=True)
        line.setStretch(1, 1)
        self._lines.addLayout(line)

    def _button(self, words: str, text: str, about: str) -> QPushButton:
        button = QPushButton(words)
        button.setAccessibleDescription(about)
        button.clicked.connect(lambda: self._mend(words, text))
        return button


class FactsCard(QFrame):
    """What the merge will be called, how large it is, and merges under way."""

    def __init__(self, model: MergeModel, open_job: Callable[[str], None]) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._name = QLineEdit(placeholderText=tr("named after the method"))
        self._name.setAccessibleName(tr("What to call it"))
        self._name.setMaxLength(100)
        self._seed = spin(tr("Seed"), 2**31 - 1, value=42)
        self._seed_row = QWidget()
        self._seed_row.setLayout(row(label(tr("Seed"), "muted"), None, self._seed))
        self._threads = spin(tr("Tensors at a time"), MOST_THREADS, least=1, value=model.threads)
        self._threads.setToolTip(tr("More are faster, and take more memory."))
        self._threads.valueChanged.connect(model.use_threads)
        threads = row(label(tr("Tensors at a time"), "muted"), None, self._threads)
        self._disk, self._memory, self._time = (
            _Fact(name) for name in (tr("Disk"), tr("Memory"), tr("Time"))
        )
        self._more = label("", "small", wrap=True)
        self._jobs: KeyedColumn[JobRow, JobLine] = KeyedColumn(
            lambda job: job.id, lambda job: JobLine(lambda: open_job(job.id)), JobLine.show_job, gap=8
        )
        layout = column(
            label(tr("What to call it"), "muted"),
            self._name,
            self._seed_row,
            threads,
            self._disk,
            self._memory,
            self._time,
            self._more,
            None,
            self._jobs,
            gap=6,
        )
        layout.setContentsMargins(16, 12, 16, 12)
        self.setLayout(layout)

    def name(self) -> str:
        """What was typed."""
        return self._name.text().strip()

    def seed(self) -> int:
        """What was chosen."""
        return self._seed.value()

    def show_checked(self, checked: Checked | None, form: Form | None) -> None:
        """Show how large it will be."""
        method = (
            checked.facts.get("method") if checked is not None else form.method if form is not None else ""
        )
        self._seed_row.setVisible(method in RANDOM_METHODS)
        found = checked.forecast if checked is not None else None
        if found is None:
            for fact in (self._disk, self._memory, self._time):
                fact.show_fact("–", "")
            self._more.setText("")
            return
        self._disk.show_fact(size(found.nbytes), tr("{free} free", free=size(found.free)))
        self._memory.show_fact(
            tr("about {size}", size=size(found.memory)), tr("{free} free", free=size(found.available))
        )
        known = found.seconds is not None
        self._time.show_fact(
            tr("about {time}", time=duration(found.seconds))
            if found.seconds is not None
            else tr("not known"),
            tr("as measured here") if known else "",
        )
        said = tr("The models it is made of stay as they are.")
        if not known:
            said = tr("How long it takes is told once a merge like it was made on this machine.") + " " + said
        self._more.setText(said)

    def show_jobs(self, jobs: Sequence[JobRow]) -> None:
        """Show merges that are under way."""
        self._jobs.show_items(jobs)


class _Fact(QWidget):
    """One line of the forecast: of what, how much, and beside it how much there is."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._value = label("–", "strong")
        self._beside = label("", "small")
        self._name = name
        of = label(name, "muted")
        of.setMinimumWidth(_OF)
        self.setLayout(row(of, self._value, None, self._beside, gap=10))

    def show_fact(self, value: str, beside: str) -> None:
        """Show it."""
        self._value.setText(value)
        self._beside.setText(beside)
        self.setAccessibleName(f"{self._name}: {value} {beside}".strip())
