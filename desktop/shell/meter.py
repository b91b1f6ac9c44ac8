"""How full the memory is in which models are computed, at the foot of the sidebar."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from desktop.language import numeral, tr
from desktop.shell.vitals import Vitals
from desktop.widgets.basics import bar, column, label, row
from desktop.widgets.elided import Elided


class Meter(QWidget):
    """The GPU's memory, or the machine's where there is no GPU."""

    def __init__(self) -> None:
        super().__init__()
        self._name, self._figures, self._bar = Elided("", "strong"), label("", "small"), bar()
        line = row(self._name, self._figures, gap=8)
        line.setStretch(0, 1)
        layout = column(line, self._bar, gap=6)
        layout.setContentsMargins(6, 8, 6, 6)
        self.setLayout(layout)
        self._bar.hide()  # until it is known

    def show_vitals(self, vitals: Vitals) -> None:
        """Show them."""
        self._bar.setVisible(vitals.memory > 0)
        name = vitals.gpu.removeprefix("NVIDIA ").removeprefix("GeForce ") or tr("Memory")
        figures = tr(
            "{used} of {memory} GB",
            used=numeral(vitals.used / 1e9, ".1f"),
            memory=numeral(vitals.memory / 1e9, ".0f"),
        )
        self._name.setText(name)
        self._figures.setText(figures)
        self._bar.setValue(round(1000 * vitals.used / vitals.memory) if vitals.memory else 0)
        self._bar.setAccessibleName(tr("{name}: {figures} are taken", name=name, figures=figures))
