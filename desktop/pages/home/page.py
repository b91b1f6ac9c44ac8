"""The widgets of the Home page."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QMenu, QWidget

from desktop.amounts import amount, usd
from desktop.language import numeral, tr
from desktop.pages.home.cards import MergeCard, RecipeCard
from desktop.pages.home.columns import ColumnsPart
from desktop.pages.home.recent import MachineCard, RecentCard
from desktop.pages.home.view_model import HomeModel, HomeState
from desktop.references.dialog import ExtrasDialog
from desktop.references.planning import REFERENCE
from desktop.references.view_model import Draft
from desktop.shell.commands import Command
from desktop.shell.context import Context
from desktop.shell.dialogs import ask
from desktop.study_file.demo import DemoDialog
from desktop.study_file.dialog import StudyFileDialog, choose_study_file
from desktop.study_file.planning import ENDINGS
from desktop.theme.tokens import GAP
from desktop.widgets.basics import Button, chip, frame, holder, label, row
from desktop.widgets.drop_zone import DropZone
from desktop.widgets.folding import Folding
from desktop.widgets.page import Page
from desktop.widgets.pinned import Pinned
from desktop.words import duration, told

#: Width that the hint of the last step needs, beside its buttons.
_SAYS = 320


def build(context: Context) -> Page:
    """Make the page."""
    return HomePage(context, HomeModel(context.services))


class HomePage(Page):
    """Drop a file, pick a recipe, start; below it what was started before, and this machine."""

    model: HomeModel

    def __init__(self, context: Context, model: HomeModel) -> None:
        look = context.look
        super().__init__(
            context,
            model,
            tr("What should your model be good at?"),
            tr(
                "Bring examples. Bakeoff tunes models on them, compares and merges them, and hands you the winner."
            ),
        )
        self.setAccessibleName(tr("Home"))
        self._sample = Button(look, tr("Try with a sample"), kind="ghost", does=model.take_sample)
        self._datasets = Button(look, tr("Use a dataset"), kind="ghost")
        self._datasets.setAccessibleDescription(
            tr("Takes the examples of a dataset that is in the workspace")
        )
        self._datasets_menu = QMenu(self._datasets)
        self._datasets.setMenu(self._datasets_menu)
        self._zone = DropZone(
            look,
            tr("Drop your examples here"),
            _about_files(),
            tr("Examples (*.jsonl *.json *.csv *.tsv *.parquet *.gz);;All files (*)"),
            self._sample,
            self._datasets,
            padding=20,
        )
        self._zone.chosen.connect(self._take)
        self._refused = frame("note", tone="warn", padding=(14, 10, 14, 10), gap=4)
        self._reasons = label("", wrap=True)
        self._refused.layout().addWidget(self._reasons)  # type: ignore[union-attr]
        self._refused.hide()
        self._columns = ColumnsPart(look, model)
        self._hint = label("", "muted")
        self._recipes = QHBoxLayout()
        self._recipes.setSpacing(GAP)
        self._cards: dict[str, RecipeCard] = {}
        self._group = QButtonGroup(self)
        self._merge = MergeCard(look, lambda pair: context.go("merge", pair))
        self._recipes.addWidget(self._merge, 1)
        self._says = label("", "muted", wrap=True)
        self._others = Button(look, tr("References and judge"), "scales", "ghost", self.ask_extras)
        self._others.setAccessibleDescription(tr("Ranks GPT-4 or others beside your models"))
        self._whole = Button(look, tr("Whole studies"), "file-text", "ghost")
        self._whole.setAccessibleDescription(tr("Opens a study that is described in a file, or the demo"))
        studies = QMenu(self._whole)
        studies.addAction(tr("From a file..."), self.open_file)
        studies.addAction(tr("The demo: two tasks and a sealed one..."), self.open_demo)
        self._whole.setMenu(studies)
        self._start = Button(look, tr("Start"), "play-fill", "primary", self.start)
        self._start.setMinimumWidth(120)
        self._says_below = label("", "muted", wrap=True)
        self._start_below = Button(look, tr("Start"), "play-fill", "primary", self.start)
        self._start_below.setAccessibleName(tr("Start the study"))
        self._start_below.setMinimumWidth(120)
        for start in (self._start, self._start_below):
            start.setEnabled(False)
        self._recent = RecentCard(look, lambda name: context.go("study", name))
        self._machine = MachineCard(look)
        model.started.connect(self._started)
        self._build()

    def update_page(self) -> None:
        """See `Page`."""
        state = self.model.state
        self._show_brought(state)
        self._show_cards(state)
        self._merge.show_pair(state.pair, state.pair_seconds)
        for says, start in ((self._says, self._start), (self._says_below, self._start_below)):
            says.setText(_sentence(state))
            start.setEnabled(state.ready)
            start.setAccessibleDescription(_sentence(state))
        self._show_datasets(state.datasets)
        self._recent.show_studies(state.studies)
        self._machine.show_machine(state.parts, state.able)

    def commands(self) -> list[Command]:
        """See `Page`."""
        found = [
            Command(tr("Choose files with examples"), "folder-open", self._zone.browse),
            Command(tr("Try with a sample"), "flask", self.model.take_sample),
            Command(tr("References and judge"), "scales", self.ask_extras),
            Command(tr("Open a study's file"), "file-text", self.open_file),
            Command(tr("Open the demo"), "flask", self.open_demo),
        ]
        if self.model.state.ready:
            found.append(Command(tr("Start the study"), "play", self.start))
        return found

    def open(self, target: Any) -> None:
        """Bring the examples of the dataset of this name."""
        self.model.take_dataset(str(target))

    def open_file(self) -> None:
        """Let a study's file be chosen."""
        choose_study_file(self.context, self)

    def open_demo(self) -> None:
        """Show what the demo would do."""
        DemoDialog(self.context, self).open()

    def ask_extras(self) -> None:
        """Ask who is ranked beside the bases, and who judges."""
        ExtrasDialog(
            self.context,
            tr("References and judge"),
            tr(
                "They take part in whichever recipe is started. Nothing that costs money is asked without them."
            ),
            tr("Take"),
            self.model.study_maker(),
            self.model.state.extras,
            self.model.use_extras,
            self,
        ).open()

    def start(self) -> None:
        """Start the study; where it asks somebody over the network, only after a question."""
        state = self.model.state
        card = state.card
        if not state.ready or card is None or not card.paid:
            self.model.start()
            return
        sentence = tr(
            "Your prompts are sent to {models}. It costs {cost}.",
            models=", ".join(card.paid),
            cost=_cost(card.usd, state.extras),
        )
        if not card.usd:
            sentence = tr("Your prompts are sent to {models}. It costs nothing.", models=", ".join(card.paid))
        ask(
            self.context.look,
            tr("Start and ask over the network?"),
            sentence,
            tr("Start"),
            self.model.start,
            self,
        )

    def _build(self) -> None:
        body = self.body
        body.setSpacing(10)
        body.addLayout(
            _step(
                1,
                tr("Drop a file"),
                label(tr("from about 200 examples on, results begin to mean something"), "muted"),
            )
        )
        body.addWidget(self._zone)
        body.addWidget(self._refused)
        body.addWidget(self._columns)
        body.addLayout(_step(2, tr("Pick a recipe"), self._hint))
        body.addLayout(self._recipes)
        says = _step(3, tr("Start"), self._says)
        says.setStretch(2, 1)
        says.setStretch(3, 0)
        self._says.setMinimumWidth(_SAYS)
        buttons = row(None, self._whole, self._others, self._start)
        body.addWidget(Folding(holder(says), holder(buttons)))
        body.addWidget(Folding(self._recent, self._machine), 1)
        below = Pinned(self, self._start, self._says_below, self._start_below)
        below.layout().setStretch(0, 1)  # type: ignore[union-attr]

    def _take(self, files: list[Path]) -> None:
        """Take examples; a study's file is shown instead."""
        studies = [file for file in files if file.suffix.lower() in ENDINGS]
        if studies:
            StudyFileDialog(self.context, studies[0], self).open()
            if len(studies) > 1:
                self.context.tell(tr("One study at a time: {file} is shown.", file=studies[0].name))
        others = [file for file in files if file not in studies]
        if others:
            self.model.take(others)

    def _show_datasets(self, names: tuple[str, ...]) -> None:
        """Offer the datasets that there are."""
        self._datasets.setVisible(bool(names))
        if tuple(str(action.data()) for action in self._datasets_menu.actions()) != names:
            self._datasets_menu.clear()
            for name in names:
                action = self._datasets_menu.addAction(name.replace("&", "&&"))
                action.setData(name)
                action.triggered.connect(partial(self._take_dataset, name))

    def _take_dataset(self, name: str, _checked: bool = False) -> None:
        self.model.take_dataset(name)

    def _show_brought(self, state: HomeState) -> None:
        brought = state.brought
        if state.looking:
            self._zone.say(tr("Looking at the file..."), _about_files())
        elif brought is None:
            self._zone.say(tr("Drop your examples here"), _about_files())
        else:
            rows = numeral(brought.rows)
            title = (
                tr("{name}: more than {rows} examples", name=brought.name, rows=rows)
                if brought.more
                else tr("{name}: {rows} examples", name=brought.name, rows=rows)
            )
            self._zone.say(
                title,
                tr(
                    "The first: \u201c{question}\u201d is answered \u201c{answer}\u201d.",
                    question=_short(brought.question, 150),
                    answer=_short(brought.answer, 60),
                ),
            )
        words = [
            tr(
                "{name} is not used: {reason} {fix}",
                name=name,
                reason=problem.message,
                fix=problem.fix,
            ).strip()
            for name, problem in state.refused
        ]
        number, of, reason = brought.left_out if brought is not None else (0, 0, "")
        if number:
            words.append(
                tr(
                    "{number} of the first {of} rows are left out, the first one because: {reason}.",
                    number=numeral(number),
                    of=numeral(of),
                    reason=told(reason),
                )
            )
        self._columns.show_files(state.unmapped)
        self._reasons.setText("\n".join(words))
        self._refused.setVisible(bool(words))

    def _show_cards(self, state: HomeState) -> None:
        self._hint.setText(
            tr("each is a complete plan; times are for this machine and these examples")
            if state.brought is not None
            else tr("each is a complete plan; times are for this machine and the sample")
        )
        before: QWidget = self._columns
        for card in state.cards:
            if card.key not in self._cards:
                made = RecipeCard(self.context.look, card.key, self.model)
                self._cards[card.key] = made
                self._group.addButton(made.radio)
                self._recipes.insertWidget(len(self._cards) - 1, made, 1)
                self.setTabOrder(before, made.radio)  # they are made when the first state is there
            before = self._cards[card.key].radio
            self._cards[card.key].show_card(
                card, _cost(card.usd, state.extras), chosen=card.key == state.chosen
            )

    def _started(self, name: str) -> None:
        self.context.tell(tr("The study {name} has started.", name=name))
        self.context.go("study", name)


def _step(number: int, title: str, hint: QWidget) -> QHBoxLayout:
    mark = chip(str(number), "info")
    mark.setFixedWidth(26)
    return row(mark, label(title, "h2"), hint, None, gap=10)


def _about_files() -> str:
    return tr(
        "JSONL, CSV, JSON or Parquet with a prompt and an answer in each row. Nothing leaves this machine unless you "
        "ask a paid model."
    )


def _cost(expected: float, extras: Draft) -> str:
    if not expected:
        return tr("nothing to pay")
    ceiling = amount(extras.budget, "")
    if ceiling is None:
        return tr("about {expected}", expected=usd(expected))
    return tr("about {expected}, never over {ceiling}", expected=usd(expected), ceiling=usd(ceiling))


def _beside(extras: Draft) -> str:
    """Who takes part beside the recipe's own, and who judges."""
    parts = []
    if extras.names:
        parts.append(tr("Beside it: {names}.", names=", ".join(extras.names)))
    if extras.judge != REFERENCE:
        parts.append(tr("Judge: {judge}.", judge=extras.judge))
    return " ".join(parts)


def _sentence(state: HomeState) -> str:
    """What Start would do, or what is missing."""
    card = state.card
    if state.starting:
        return tr("Starting...")
    if state.brought is None:
        return f"{tr('Bring a file, or try with a sample.')} {_beside(state.extras)}".strip()
    if card is None:
        return tr("Pick a recipe.")
    if card.problem:
        return card.problem
    sentence = tr(
        "{recipe} on {name}: about {time} on this machine, {cost}.",
        recipe=card.title,
        name=state.brought.name,
        time=duration(card.seconds),
        cost=_cost(card.usd, state.extras),
    )
    return f"{sentence} {_beside(state.extras)}".strip()


def _short(text: str, most: int) -> str:
    """The end of a long text is where the question is."""
    one = " ".join(text.split())
    return one if len(one) <= most else f"\u2026{one[-most:]}"
