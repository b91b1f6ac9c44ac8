"""What a ranking goes by, beside its judge: the tasks that are counted, and how its intervals are made."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QCheckBox, QDialog, QInputDialog, QMenu, QVBoxLayout, QWidget

from desktop.language import numeral, tr
from desktop.pages.ranking.state import Interval, RankingState
from desktop.pages.ranking.words import level_words
from desktop.theme.look import Look
from desktop.widgets.basics import Button, column, label, row
from desktop.widgets.inset import inset
from desktop.widgets.segments import Segments

if TYPE_CHECKING:
    from engine.judging.standings import JudgedTask, Split

#: Levels that are offered at once.
_LEVELS: Final = (0.8, 0.9, 0.95, 0.99, 0.999)
#: Tasks beyond so many scroll.
_ROWS: Final = 8


class IntervalMenu(QMenu):
    """How sure intervals are, and what they take for independent.

    Args:
        parent: Whose menu it is.
        choose_level: Gets a level.
        choose_interval: Gets a way, as ``bakeoff rank --interval`` names it.
    """

    def __init__(
        self,
        parent: QWidget,
        choose_level: Callable[[float], None],
        choose_interval: Callable[[Interval], None],
    ) -> None:
        super().__init__(parent)
        self._levels, self._ways = QActionGroup(self), QActionGroup(self)
        self.addSection(tr("Level"))
        for level in _LEVELS:
            self._add(self._levels, level_words(level), level).triggered.connect(
                lambda _checked=False, level=level: choose_level(level)
            )
        self._choose_level = choose_level
        self._other = self.addAction(tr("Another one..."), self._ask_level)
        self.addSection(tr("Intervals"))
        ways: dict[Interval, str] = {
            "auto": tr("By prompt, where prompts are named"),
            "cluster": tr("Clustered by prompt"),
            "iid": tr("Every verdict for itself"),
            "bootstrap": tr("Bootstrap over prompts"),
        }
        for way, words in ways.items():
            self._add(self._ways, words, way).triggered.connect(
                lambda _checked=False, way=way: choose_interval(way)
            )

    def show_state(self, state: RankingState) -> None:
        """Mark what is chosen."""
        for group, chosen in ((self._levels, state.level), (self._ways, state.interval)):
            for action in group.actions():
                action.setChecked(action.data() == chosen)

    def _ask_level(self) -> None:
        """Ask for a level, in percent."""
        known = next((one.data() for one in self._levels.actions() if one.isChecked()), 0.95)
        percent, accepted = QInputDialog.getDouble(
            self.parentWidget(), tr("Level"), tr("Percent, from 50 to below 100"), 100 * known, 50.0, 99.99, 2
        )
        if accepted:
            self._choose_level(round(percent / 100, 6))

    def _add(self, group: QActionGroup, words: str, value: object) -> QAction:
        action = self.addAction(words)
        action.setCheckable(True)
        action.setData(value)
        group.addAction(action)
        return action


class TaskDialog(QDialog):
    """Asks which tasks are ranked together, and by the verdicts on which of their prompts.

    Args:
        judged: What was judged, by part of the dataset.
        chosen: What is marked at first.
        split: Of the prompts.
        take: Gets the tasks and the part.
        parent: Behind it.
    """

    def __init__(
        self,
        look: Look,
        judged: dict[Split, list[JudgedTask]],
        chosen: tuple[str, ...],
        split: Split,
        take: Callable[[tuple[str, ...], Split], None],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._judged, self._take = judged, take
        self._marked = set(chosen)
        self._split: Split = (
            split if judged.get(split) else next((one for one in judged if judged[one]), split)
        )
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Choose tasks"))
        self.setMinimumWidth(460)
        self._splits = Segments(
            tr("Which prompts"), [("test", tr("Test prompts")), ("dev", tr("Development prompts"))]
        )
        self._splits.choose(self._split)
        self._splits.chosen.connect(self._show)
        self._boxes: dict[str, QCheckBox] = {}
        self._list = QVBoxLayout()
        self._list.setSpacing(6)
        self._area = inset(column(self._list, None), tr("Tasks"))
        self._go = Button(look, tr("Rank these"), "trophy", "primary", self._finish)
        self._go.setDefault(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 20, 24, 18)
        layout.setSpacing(14)
        about = tr("Each task counts the same, and only contestants of all of them get an average.")
        layout.addLayout(column(label(tr("Choose tasks"), "title"), label(about, "muted", wrap=True), gap=6))
        layout.addLayout(row(self._splits, None))
        layout.addWidget(self._area, 1)
        layout.addLayout(row(None, Button(look, tr("Cancel"), does=self.reject), self._go))
        self._show(self._split)

    def _show(self, split: str) -> None:
        self._split = "dev" if split == "dev" else "test"
        for box in self._boxes.values():
            self._list.removeWidget(box)
            box.hide()
            box.deleteLater()
        self._boxes = {}
        for task in self._judged.get(self._split, []):
            number = sum(count for _, count in task.judges)
            words = tr("{name}, {count} verdicts", name=task.dataset, count=numeral(number))
            box = QCheckBox(tr("{name} (sealed)", name=words) if task.sealed else words)
            box.setChecked(task.dataset in self._marked)
            box.toggled.connect(lambda on, name=task.dataset: self._mark(name, on=on))
            self._boxes[task.dataset] = box
            self._list.addWidget(box)
        self._area.setMinimumHeight(30 * min(_ROWS, max(1, len(self._boxes))))
        self._go.setEnabled(any(box.isChecked() for box in self._boxes.values()))

    def _mark(self, name: str, *, on: bool) -> None:
        (self._marked.add if on else self._marked.discard)(name)
        self._go.setEnabled(any(box.isChecked() for box in self._boxes.values()))

    def _finish(self) -> None:
        names = tuple(name for name, box in self._boxes.items() if box.isChecked())
        if names:
            self.accept()
            self._take(names, self._split)
