"""The look in use: follows the system's scheme or is held to one, and tells when it changes."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from string import Template
from typing import Final, Literal

from PySide6.QtCore import QObject, Qt, QTemporaryDir, Signal, Slot
from PySide6.QtGui import QColor, QGuiApplication, QIcon, QPalette
from PySide6.QtWidgets import QApplication

from desktop.hands import Hands
from desktop.theme.fonts import font, load_fonts
from desktop.theme.icons import icon
from desktop.theme.tokens import DARK, LIGHT, Tokens
from engine.resources import resource

Scheme = Literal["system", "light", "dark"]

_SHEET: Final = Path(__file__).with_name("window.qss")
_QT: Final = {
    "light": Qt.ColorScheme.Light,
    "dark": Qt.ColorScheme.Dark,
    "system": Qt.ColorScheme.Unknown,
}


class Look(QObject):
    """Tokens, fonts and icons for everybody who draws; one per application.

    Args:
        application: Gets style, palette, font and style sheet.
        scheme: ``system`` follows the system, also while the window is open.
    """

    #: The tokens are others now. Who painted with the old ones paints again.
    changed = Signal()

    def __init__(self, application: QApplication, scheme: Scheme = "system") -> None:
        super().__init__(application)
        self._application = application
        self._files = QTemporaryDir()
        #: Who draws much waits while they are busy.
        self.hands = Hands(self)
        self.scheme: Scheme = scheme
        self.tokens: Tokens = LIGHT
        self._used: Tokens | None = None
        load_fonts()
        application.setStyle("Fusion")
        application.setFont(font())
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._follow)
        self.force(scheme)

    def force(self, scheme: Scheme) -> None:
        """Use a scheme from now on."""
        self.scheme = scheme
        hints = QGuiApplication.styleHints()
        hints.setColorScheme(_QT[scheme])
        dark = scheme == "dark" or (scheme == "system" and hints.colorScheme() == Qt.ColorScheme.Dark)
        tokens = DARK if dark else LIGHT
        if tokens is not self._used:
            self._use(tokens)

    def icon(self, name: str, tone: str = "muted") -> QIcon:
        """An icon in the colour of the token ``tone``."""
        tokens = self.tokens
        return icon(name, getattr(tokens, tone), selected=tokens.accent, disabled=tokens.faint)

    @Slot()
    def _follow(self) -> None:
        if self.scheme == "system":
            self.force("system")

    def _use(self, tokens: Tokens) -> None:
        self.tokens = self._used = tokens
        # Without a sheet in between: from one to another Qt takes four times as long.
        self._application.setStyleSheet("")
        self._application.setPalette(_palette(tokens))
        self._application.setStyleSheet(self._sheet())
        self.changed.emit()

    def _sheet(self) -> str:
        """The style sheet; its arrows have to be files: black ones, where there is no room for others."""
        values = self.tokens.as_dict()
        for name, token in (("caret-down", "muted"), ("check", "accent_text")):
            file = resource("icons", f"{name}.svg")
            text, made = (
                file.read_text(encoding="utf-8"),
                Path(self._files.path()) / f"{name}-{self.tokens.name}.svg",
            )
            with suppress(OSError):
                made.write_text(text.replace("currentColor", values[token]), encoding="utf-8")
                file = made
            values[name.replace("-", "_")] = file.as_posix()
        return Template(_SHEET.read_text(encoding="utf-8")).substitute(values)


def _palette(tokens: Tokens) -> QPalette:
    made = QPalette()
    role = QPalette.ColorRole
    colours = {
        role.Window: tokens.ground,
        role.WindowText: tokens.text,
        role.Base: tokens.surface,
        role.AlternateBase: tokens.raised,
        role.Text: tokens.text,
        role.Button: tokens.raised,
        role.ButtonText: tokens.text,
        role.BrightText: tokens.bad,
        role.Highlight: tokens.accent_fill,
        role.HighlightedText: tokens.accent_text,
        role.Link: tokens.accent,
        role.ToolTipBase: tokens.raised,
        role.ToolTipText: tokens.text,
        role.PlaceholderText: tokens.faint,
        role.Accent: tokens.accent_fill,
        role.Light: tokens.border_strong,
        role.Midlight: tokens.border,
        role.Mid: tokens.border,
        role.Dark: tokens.border,
        role.Shadow: "#000000",
    }
    for one, colour in colours.items():
        made.setColor(one, QColor(colour))
    for one in (role.WindowText, role.Text, role.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, one, QColor(tokens.faint))
    return made
