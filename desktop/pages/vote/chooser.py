"""What a ballot is to be about: dataset, contestants, how many pairs."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QCheckBox, QFrame

from desktop.language import tr
from desktop.pages.vote.view_model import USUAL, VoteModel, VoteState
from desktop.theme.look import Look
from desktop.widgets.basics import Button, column, heading, label, row
from desktop.widgets.fields import combo, fill, form, later, line, spin
from desktop.widgets.goal import GoalPart
from desktop.widgets.inset import inset
from desktop.widgets.keyed import KeyedColumn
from desktop.widgets.segments import Segments


class Chooser(QFrame):
    """A form with a button that opens the ballot."""

    def __init__(self, look: Look, model: VoteModel) -> None:
        super().__init__()
        self._model = model
        self.setProperty("role", "card")
        self.setMaximumWidth(760)
        self._dataset = combo(tr("Dataset"), 240)
        self._dataset.activated.connect(lambda _at: model.change(dataset=self._dataset.currentData()))
        self._split = Segments(tr("Split"), (("test", tr("Test")), ("dev", tr("Dev"))))
        self._split.chosen.connect(lambda split: model.change(split=split))
        self._who: KeyedColumn[tuple[str, bool], Tick] = KeyedColumn(
            lambda one: one[0], lambda _one: Tick(self._ticked), Tick.show_name, gap=2
        )
        self._scroll = inset(column(self._who, None), tr("Contestants"))
        self._goal = GoalPart()
        self._goal.changed.connect(lambda goal: model.change(goal=goal))
        self._pairs = spin(tr("Pairs at most"), 1_000_000, tr("all"), value=USUAL)
        self._pairs.valueChanged.connect(lambda number: model.change(pairs=number))
        self._limit = spin(tr("Prompts at most"), 1_000_000, tr("all"))
        self._limit.valueChanged.connect(lambda number: model.change(limit=number))
        self._seed = spin(tr("Seed"), 2_000_000_000)
        self._seed.setToolTip(tr("Decides which pairs come first, and which answer stands left."))
        self._seed.valueChanged.connect(lambda number: model.change(seed=number))
        self._voter = line(tr("Your name"), tr("no name"))
        self._voter.setToolTip(tr("Keeps the votes of several people apart."))
        later(self._voter, lambda name: model.change(voter=name))
        self._reveal = QCheckBox(tr("Tell me after each vote whose answers they were"))
        self._reveal.setToolTip(tr("A vote whose names were told cannot be taken back."))
        self._reveal.toggled.connect(lambda yes: model.change(reveal=yes))
        self._problem = label("", "", "bad", wrap=True)
        self._few = label("", "", "warn", wrap=True)
        self._start = Button(look, tr("Start voting"), "thumbs-up", "primary", self._begin)
        fields = form(
            (tr("Dataset"), self._dataset),
            (tr("Split"), self._split),
            (tr("Contestants"), self._scroll),
            (tr("Goal"), self._goal),
            (tr("Pairs at most"), self._pairs),
            (tr("Prompts at most"), self._limit),
            (tr("Your name"), self._voter),
            (tr("Seed"), self._seed),
            ("", self._reveal),
        )
        layout = column(
            heading(tr("What do you want to compare?")),
            fields,
            self._problem,
            self._few,
            row(self._start, None),
            gap=12,
        )
        layout.setContentsMargins(20, 14, 20, 18)
        self.setLayout(layout)

    def show_state(self, state: VoteState) -> None:
        """Show what can be chosen, and nobody's name once the ballot is open."""
        choosing = self._model.choosing
        dataset = choosing.dataset if choosing.dataset in state.datasets else self._model.first_dataset
        fill(self._dataset, [(name, name) for name in state.datasets], dataset)
        self._split.choose(choosing.split)
        taking = state.taking
        self._who.show_items([(name, name in taking) for name in state.names])
        self._scroll.setFixedHeight(max(30, min(176, 26 * len(state.names) + 6)))
        self._goal.offer(taking)
        self._problem.setVisible(state.problem is not None)
        if state.problem is not None:
            self._problem.setText(f"{state.problem.message} {state.problem.fix}".strip())
        few = state.problem is None and len(taking) < 2
        self._few.setVisible(few)
        self._few.setText(
            tr(
                "Two contestants that have answered are the least that can be compared. Let others answer too."
            )
            if len(state.names) < 2
            else tr("Choose at least two contestants.")
        )
        self._start.setEnabled(not few and state.problem is None and not state.opening)

    def _begin(self) -> None:
        self._model.change(voter=self._voter.text())  # also what was typed this moment
        self._model.start()

    def _ticked(self, name: str, yes: bool) -> None:
        state, chosen = self._model.state, self._model.choosing.names
        taking = [one for one in state.names if one in chosen] or state.names
        names = tuple(one for one in state.names if (yes if one == name else one in taking))
        if names:
            self._model.change(names=names)
        self.show_state(self._model.state)


class Tick(QCheckBox):
    """A contestant that takes part or not."""

    def __init__(self, ticked: object) -> None:
        super().__init__()
        self._name = ""
        self.toggled.connect(lambda yes: ticked(self._name, yes))  # type: ignore[operator]

    def show_name(self, one: tuple[str, bool]) -> None:
        """Show a contestant."""
        self._name = one[0]
        self.setText(one[0].replace("&", "&&"))
        with QSignalBlocker(self):
            self.setChecked(one[1])
