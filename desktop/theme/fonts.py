"""The bundled fonts: Inter for words, its display cut for titles, JetBrains Mono for logs, recipes and tokens."""

from __future__ import annotations

from functools import cache
from typing import Final

from PySide6.QtGui import QFont, QFontDatabase

from engine.resources import resource

TEXT: Final = "Inter"
DISPLAY: Final = "Inter Display"
MONO: Final = "JetBrains Mono"


def load_fonts() -> None:
    """Make the bundled fonts known to the application."""
    for file in sorted(resource("fonts").glob("*.[ot]tf")):
        QFontDatabase.addApplicationFont(str(file))


@cache
def font(pixels: int = 13, weight: int = 400, family: str = TEXT) -> QFont:
    """A font, its figures all of one width so that columns of numbers stand straight; not to be changed."""
    made = QFont(family)
    made.setPixelSize(pixels)
    made.setWeight(QFont.Weight(weight))
    made.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    if family != MONO:
        made.setFeature(QFont.Tag("tnum"), 1)
    else:  # every character as it is: no arrow for what is typed as two signs
        made.setFeature(QFont.Tag("calt"), 0)
    return made
