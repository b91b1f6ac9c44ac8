"""The window's words in the language of its user. Knows no Qt.

Source texts are English and are their own keys. A language is two JSON files in ``resources/translations`` that map
each to its translation, the window's own texts in one, those of the engine in the other; what they lack is shown
in English. The engine's errors, findings and titles are looked up by their templates.
"""

from __future__ import annotations

import json
import locale
from collections.abc import Mapping
from typing import Any, Final

from engine.resources import resource

#: Codes and names of the languages there are, each name in its own language.
LANGUAGES: Final[Mapping[str, str]] = {"en": "English", "de": "Deutsch"}

_words: dict[str, str] = {}


def use_language(code: str) -> str:
    """Speak a language from now on.

    Args:
        code: One of `LANGUAGES`, or ``system``.

    Returns:
        The code of the language that is spoken.
    """
    if code == "system":
        code = (locale.getlocale()[0] or "en")[:2].lower()
    _words.clear()
    if code in LANGUAGES and code != "en":
        for name in (f"{code}-engine.json", f"{code}.json"):
            _words.update(json.loads(resource("translations", name).read_text(encoding="utf-8")))
        return code
    return "en"


def tr(text: str, **params: Any) -> str:
    """``text`` in the language that is spoken, its ``{names}`` filled with ``params``."""
    found = _words.get(text, text)
    return found.format(**params) if params else found
