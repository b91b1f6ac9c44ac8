"""The card of settings: system message, how tokens are drawn, how long an answer may be, what it may cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QFrame, QGridLayout, QPlainTextEdit

from desktop.language import numeral, tr
from desktop.pages.chat.opening import Wish
from desktop.widgets.basics import column, label, row
from desktop.widgets.fields import Decimal, spin

#: The largest seed that the field can show; drawn ones are as large at most.
_SEEDS: Final = 2**31 - 1
#: USD at most.
_MOST_USD: Final = 1000.0
#: Pixels of a field.
_FIELD: Final = 112


class SettingsCard(QFrame):
    """How the models answer.

    Args:
        changed: Called with how they are to answer, when something was changed.
        allowed: Called with a new ceiling for paid answers.
    """

    def __init__(self, changed: Callable[[Wish], None], allowed: Callable[[float], None]) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._system = QPlainTextEdit(placeholderText=tr("What the models are told before everything else"))
        self._system.setAccessibleName(tr("System message"))
        self._system.setTabChangesFocus(True)
        self._system.setFixedHeight(70)
        self._temperature = number(tr("Temperature"), 5.0, 0.7)
        self._top_p = number(tr("Top p"), 1.0, 0.95, least=0.01)
        self._top_k = spin(tr("Top k"), 100_000, tr("from all"), value=40)
        self._min_p = number(tr("Min p"), 1.0, 0.05)
        self._min_p.setToolTip(tr("Leave out tokens less likely than this share of the likeliest."))
        self._repeat = number(tr("Repeat penalty"), 2.0, 1.0, least=0.5)
        self._repeat.setToolTip(tr("Above 1 makes tokens of the last 64 less likely."))
        self._seed = spin(tr("Seed"), _SEEDS, tr("drawn"), least=-1, value=-1)
        self._most = spin(tr("Tokens at most"), 100_000, tr("no limit"))
        self._budget = number(tr("Budget in USD"), _MOST_USD, 0.0, step=0.5)
        self._budget_name = label(tr("Budget in USD"), "muted")
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(4)
        for at, box in enumerate(
            (
                *(self._temperature, self._top_p, self._top_k),
                *(self._min_p, self._repeat, self._seed),
                *(self._most, self._budget),
            )
        ):
            box.setFixedWidth(_FIELD)
            name = self._budget_name if box is self._budget else label(box.accessibleName(), "muted")
            grid.addWidget(name, 2 * (at // 3), at % 3)
            grid.addWidget(box, 2 * (at // 3) + 1, at % 3)
        about = label(
            tr("Endpoints are sent temperature, top p, seed and length, without what a model does not take."),
            "small",
            wrap=True,
        )
        system = column(label(tr("System message"), "muted"), self._system, about, None)
        layout = row(system, column(grid, None), gap=20, top=True)
        layout.setStretch(0, 1)
        layout.setContentsMargins(16, 12, 16, 12)
        self.setLayout(layout)
        self._system.textChanged.connect(lambda: changed(self.wish()))
        for decimal in (self._temperature, self._top_p, self._min_p, self._repeat):
            decimal.valueChanged.connect(lambda _value: changed(self.wish()))
        for whole in (self._top_k, self._seed, self._most):
            whole.valueChanged.connect(lambda _value: changed(self.wish()))
        self._budget.editingFinished.connect(lambda: allowed(self._budget.value()))

    def wish(self) -> Wish:
        """What was chosen."""
        seed = self._seed.value()
        return Wish(
            self._system.toPlainText().strip(),
            round(self._temperature.value(), 4),
            round(self._top_p.value(), 4),
            self._top_k.value(),
            round(self._min_p.value(), 4),
            round(self._repeat.value(), 4),
            None if seed < 0 else seed,
            self._most.value() or None,
        )

    def show_wish(self, wish: Wish, budget_usd: float | None) -> None:
        """Show what a conversation has, without telling anybody."""
        boxes = (
            self._system,
            self._temperature,
            self._top_p,
            self._top_k,
            self._min_p,
            self._repeat,
            self._seed,
            self._most,
            self._budget,
        )
        blocked = [QSignalBlocker(box) for box in boxes]
        if self._system.toPlainText().strip() != wish.system:
            self._system.setPlainText(wish.system)
        self._temperature.setValue(wish.temperature)
        self._top_p.setValue(wish.top_p)
        self._top_k.setValue(wish.top_k)
        self._min_p.setValue(wish.min_p)
        self._repeat.setValue(wish.repeat_penalty)
        self._seed.setValue(-1 if wish.seed is None else min(wish.seed, _SEEDS))
        self._most.setValue(wish.most or 0)
        self._budget.setValue(budget_usd or 0.0)
        for part in (self._budget, self._budget_name):
            part.setVisible(budget_usd is not None)
        for one in blocked:
            one.unblock()


def number(name: str, most: float, value: float, *, least: float = 0.0, step: float = 0.05) -> Decimal:
    """A number with two decimals."""
    made = Decimal(minimum=least, maximum=most, singleStep=step, decimals=2)
    made.setValue(value)
    made.setAccessibleName(name)
    return made


def wish_words(wish: Wish) -> str:
    """How the models answer, on one line."""
    parts = [
        tr("temperature {value}", value=numeral(wish.temperature, "g")),
        tr("top p {value}", value=numeral(wish.top_p, "g")),
    ]
    parts.append(tr("top k {value}", value=wish.top_k) if wish.top_k else tr("from all tokens"))
    if wish.min_p:
        parts.append(tr("min p {value}", value=numeral(wish.min_p, "g")))
    if wish.repeat_penalty != 1.0:
        parts.append(tr("repeat penalty {value}", value=numeral(wish.repeat_penalty, "g")))
    parts.append(tr("another seed each time") if wish.seed is None else tr("seed {value}", value=wish.seed))
    if wish.most is not None:
        parts.append(tr("{count} tokens at most", count=wish.most))
    if wish.system:
        parts.append(tr("with a system message"))
    return tr("Answers with {settings}", settings=", ".join(parts))
