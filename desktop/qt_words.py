"""The words that Qt itself says (Copy, Open, Cancel ...) in the window's language."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QTranslator

_SAID = "bakeoff.translator"


def speak(application: QCoreApplication, code: str) -> bool:
    """Let Qt speak a language; its own is English.

    Args:
        application: Of this process.
        code: One of `desktop.language.LANGUAGES`.

    Returns:
        Whether it does.
    """
    before = application.property(_SAID)
    if isinstance(before, QTranslator):
        application.removeTranslator(before)
    application.setProperty(_SAID, None)
    if code == "en":
        return True
    translator = QTranslator(application)
    folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    if not translator.load(f"qtbase_{code}", folder):
        return False
    application.installTranslator(translator)
    application.setProperty(_SAID, translator)
    return True
